/** The one table of commands, in the order of the help. */
import { action } from './action.ts';
import { actions } from './actions.ts';
import { apply } from './apply.ts';
import { approval } from './approval.ts';
import { approvals } from './approvals.ts';
import { backtest } from './backtest.ts';
import { backup, restore } from './backup.ts';
import { ci } from './ci.ts';
import type { Command } from './command.ts';
import { cancel, resolve, retry } from './control.ts';
import { approve, deny } from './decide.ts';
import { digest } from './digest.ts';
import { doctor } from './doctor.ts';
import { mcp, reconcile, run } from './engine.ts';
import { explain } from './explain.ts';
import { fmt } from './fmt.ts';
import { halt } from './halt.ts';
import { health } from './health.ts';
import { init } from './init.ts';
import { ledgerPrune, ledgerRebuild, ledgerVerify, log } from './ledger.ts';
import { lint } from './lint.ts';
import { mcpInstall } from './mcp-install.ts';
import { observations } from './observations.ts';
import { pause, resume } from './pause.ts';
import { plan } from './plan.ts';
import { policies, policy } from './policies.ts';
import { proposalClose, proposalMerge, proposalShow, proposals } from './proposals.ts';
import { propose } from './propose.ts';
import { report } from './report.ts';
import { request } from './request.ts';
import { rollout } from './rollout.ts';
import { silence, silenceEnd, silences } from './silence.ts';
import { status } from './status.ts';
import { target, targets } from './target.ts';
import { test } from './test.ts';
import { tokenCreate, tokenList, tokenRevoke } from './token.ts';
import { validate } from './validate.ts';
import { whoami } from './whoami.ts';
import { windows } from './windows.ts';

export const commands: readonly Command[] = [
  init,
  validate,
  lint,
  ci,
  doctor,
  test,
  fmt,
  plan,
  apply,
  backtest,
  run,
  reconcile,
  request,
  status,
  digest,
  target,
  targets,
  report,
  observations,
  health,
  explain,
  actions,
  action,
  policies,
  policy,
  windows,
  approvals,
  approval,
  approve,
  deny,
  log,
  ledgerVerify,
  ledgerRebuild,
  ledgerPrune,
  backup,
  restore,
  pause,
  resume,
  silence,
  silences,
  silenceEnd,
  halt,
  cancel,
  retry,
  resolve,
  rollout,
  propose,
  proposals,
  proposalShow,
  proposalMerge,
  proposalClose,
  tokenCreate,
  tokenList,
  tokenRevoke,
  whoami,
  mcp,
  mcpInstall,
];

export { LIMITS, type Limits, type Listen, type Oidc } from '../dsl/index.ts';
export {
  capped,
  type Grant,
  grantAll,
  grantsOf,
  greatestRole,
  isAgent,
  localSpeaker,
  mayPerform,
  type PrincipalSpec,
  principalOf,
  type Speaker,
  speakerBy,
  specOf,
  suffices,
  tokenSpeaker,
} from './access.ts';
export { approval } from './approval.ts';
export { approvals } from './approvals.ts';
export { refusalCounter } from './audit.ts';
export { type Called, type Caller, callerOf } from './caller.ts';
export { type Change, changeOf } from './changes.ts';
export type { Command, Effect, ExitCode, Paint, Property, Reach, Role } from './command.ts';
export { propertiesOf, terminalOnly } from './command.ts';
export { openCursor, type Page, type Paging, pageOf, sealCursor } from './cursor.ts';
export { approve, deny } from './decide.ts';
export { entryLog } from './entry-log.ts';
export { entryStream, type Streamed } from './entry-stream.ts';
export { follow, followHead } from './follow.ts';
export { type Health, health } from './health.ts';
export { keepLedger } from './keep-ledger.ts';
export { layFloors } from './lay-floors.ts';
export { NOTE_MS, noteEnded, noteWorking, tellOutage } from './outage.ts';
export { pageUrlOf } from './page-url.ts';
export { type CallOptions, describeError, enforcementNote, perform, Refusal } from './perform.ts';
export type {
  DaemonSettings,
  ForgePort,
  LedgerPort,
  PolicyText,
  Ports,
  ProposalView,
  PullRequest,
  RemotePort,
  RemoteState,
  RepositoryPort,
  RunOptions,
} from './ports.ts';
export { followProgress, lifeless, type ProgressPort } from './progress.ts';
export { isInScope, SCOPES, type Scope, scopeOf, scopesIn } from './scopes.ts';
export { status } from './status.ts';
export { checkToken, recheckToken, type TokenRecord } from './tokens.ts';
export { whoami } from './whoami.ts';
