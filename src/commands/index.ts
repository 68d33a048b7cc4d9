/** The one table of commands, in the order of the help. */
import { approvals, approve, deny } from './approvals.ts';
import type { Command } from './command.ts';
import { cancel, pause, resolve, resume, retry } from './control.ts';
import { mcp, reconcile, run } from './engine.ts';
import { explain } from './explain.ts';
import { init } from './init.ts';
import { ledgerRebuild, ledgerVerify, log } from './ledger.ts';
import { plan } from './plan.ts';
import { policies, policy } from './policies.ts';
import { proposalClose, proposalMerge, proposalShow, proposals, propose } from './proposals.ts';
import { status } from './status.ts';
import { validate } from './validate.ts';

export const commands: readonly Command[] = [
  init,
  validate,
  plan,
  run,
  reconcile,
  status,
  explain,
  policies,
  policy,
  approvals,
  approve,
  deny,
  log,
  ledgerVerify,
  ledgerRebuild,
  pause,
  resume,
  cancel,
  retry,
  resolve,
  propose,
  proposals,
  proposalShow,
  proposalMerge,
  proposalClose,
  mcp,
];

export type { Command, Effect, ExitCode, Paint, Property, Role } from './command.ts';
export { propertiesOf } from './command.ts';
export { follow, followHead } from './follow.ts';
export { describeError, enforcementNote, mayPerform, perform, Refusal } from './perform.ts';
export type { DaemonSettings, LedgerPort, PolicyText, Ports, ProposalView, RepositoryPort } from './ports.ts';
