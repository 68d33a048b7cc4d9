/** `propose`: a policy change on a branch of its own and as a pull request, after everything that can be checked was checked. */
import { z } from 'zod';
import { agentPaths, kindsIn } from '../dsl/index.ts';
import type { Principal } from '../model.ts';
import { targetsWith } from './access.ts';
import { command } from './command.ts';
import type { PolicyEdit, PolicyText, Ports, PullRequest } from './ports.ts';
import { authorOf } from './proposal-author.ts';
import { type Checks, checksOf } from './proposal-checks.ts';
import { type ProposalRecord, proposalRecord } from './proposal-record.ts';
import { bodyOf, reportOf, subjectOf } from './proposal-text.ts';
import { Refusal } from './refusal.ts';
import { safe, when } from './time.ts';
import { fileInput } from './validate.ts';

/** What a proposal may hold, before and after. Everything else is changed by people, with git. */
const KINDS = new Set(['Policy', 'PolicyTest', 'Experiment']);

const output = z.object({
  branch: z.string(),
  sha: z.string(),
  base: z.string(),
  rebased: z.boolean(),
  updated: z.boolean(),
  url: z.string().optional(),
  weakenings: z.array(z.string()),
  report: z.string().describe('What changes, what it would do now and would have done. Markdown.'),
  next: z.string(),
});

const input = z.strictObject({
  files: z.array(fileInput).min(1).max(20).optional().describe('Whole new texts.'),
  patch: z.string().max(200_000).optional().describe('Instead of files: a unified diff against base.'),
  title: z.string().min(3).max(120).describe('One line: what changes.'),
  rationale: z.string().max(4000).default('').describe('Why, with the evidence.'),
  base: z
    .string()
    .regex(/^[0-9a-f]{40}$/)
    .optional()
    .describe('The commit that you looked at.'),
  days: z.int().min(1).max(365).default(30).describe('To backtest.'),
});
type Input = z.output<typeof input>;

export const propose = command({
  name: 'propose',
  tool: 'flyball_propose_policy_change',
  title: 'Propose a policy change',
  description:
    'Proposes changed Policy, PolicyTest or Experiment files on a branch and, with a forge, as a pull request, after validating, linting, testing, planning and backtesting them. The same title updates the proposal. A person merges it.',
  input,
  output,
  role: 'proposer',
  effect: 'propose',
  reach: 'targets',
  examples: ['flyball propose --title "Raise psi_max" --files policies/drift.yaml'],
  run: makeProposal,
  text: ({ branch, sha, url, updated, next, weakenings, report }, paint) =>
    [
      ...weakenings.map(one => paint.bad(`Weakening: ${one}`)),
      report.replaceAll('`', ''),
      '',
      `${branch} ${updated ? 'is now' : 'is'} at ${sha.slice(0, 7)}${url === undefined ? '' : `, ${url}`}. ${next}`,
    ].join('\n'),
});

async function makeProposal(ports: Ports, given: Input): Promise<z.input<typeof output>> {
  const { repository, principal, world } = ports;
  const title = safe(given.title, 120);
  const owner = principal.name;
  const branch = repository.branchOf({ title, owner });
  const record = await proposalRecord(ports, branch);
  const pull = await ports.remote?.forge?.find(branch);
  await refuseClosed(ports, { branch, title }, record, pull);
  const { base, files, patch } = given;
  const drafted = await repository.draft({
    ...(base === undefined ? {} : { base }),
    ...(files === undefined ? {} : { files }),
    ...(patch === undefined ? {} : { patch }),
  });
  const { head, edits, rebased } = drafted;
  const before = await repository.files(head.sha);
  for (const edit of edits) refuseKinds(edit, before);
  if (principal.door !== 'cli' || principal.kind !== undefined) refusePaths(edits, before);
  const { days, rationale } = given;
  const checks = await checksOf(ports, { head, before, after: edited(before, edits), days });
  await refuseTargets(ports, checks);
  if (!checks.ok) throw new Refusal(`the change is not proposed:\n${checks.problems.join('\n')}`);
  const subject = subjectOf(title, checks);
  const body = bodyOf({ checks, rationale, by: principal, days });
  const made = await repository.propose({
    ...{ base: head.sha, files: edits, title, subject, owner, rationale: body },
    author: authorOf(principal, before),
    at: world.realClock(),
    ...(record && !record.merged ? { replaces: record.sha } : {}),
  });
  const opened = await published(ports, made.branch, { subject, body }, pull);
  const url = opened?.url;
  if (record?.sha !== made.sha || record.merged || record.url !== url)
    await ports.proposalNotes.write({
      ...made,
      what: 'proposed',
      by: principal,
      title,
      ...(url ? { url } : {}),
    });
  return {
    ...{ ...made, base: head.sha, rebased, updated: record !== undefined && !record.merged },
    ...(opened ? { url: opened.url } : {}),
    weakenings: checks.weakenings.slice(0, 20).map(one => safe(one)),
    report: reportOf(checks, days).slice(0, REPORT_MAX),
    next: `A person other than its author merges it: flyball proposals merge ${made.branch}`,
  };
}

/** Characters of the report in an answer; the proposal has all of it. */
const REPORT_MAX = 8000;

/** What people closed stays closed, whether they did it here or at the forge. */
async function refuseClosed(
  ports: Ports,
  { branch, title }: { readonly branch: string; readonly title: string },
  record: ProposalRecord | undefined,
  pull: PullRequest | undefined,
): Promise<void> {
  if (pull?.state === 'open') return;
  const atForge = pull?.state === 'closed' ? pull : undefined;
  if (atForge && !record?.closed) {
    const by: Principal = {
      name: atForge.closedBy ?? 'somebody at the forge',
      door: 'http',
      authenticated: false,
    };
    await ports.proposalNotes.write({ what: 'closed', branch, sha: atForge.sha, by });
  }
  const closed = atForge
    ? { by: atForge.closedBy ?? 'somebody', at: atForge.closedAt ?? record?.closed?.at }
    : record?.closed;
  if (!closed) return;
  const at = closed.at === undefined ? '' : ` on ${when(closed.at)}`;
  throw new Refusal(
    `${JSON.stringify(title)} was closed by ${safe(closed.by, 80)}${at}, and stays closed${atForge ? ` (${atForge.url})` : ''}. Ask them, or propose something else under another title.`,
  );
}

/** The branch at the remote repository, and its pull request with these words. */
async function published(
  { remote }: Ports,
  branch: string,
  { subject, body }: { readonly subject: string; readonly body: string },
  before: PullRequest | undefined,
): Promise<PullRequest | undefined> {
  if (!remote) return undefined;
  await remote.push(branch);
  const { forge } = remote;
  if (!forge) return undefined;
  if (before?.state !== 'open') return forge.open({ branch, title: subject, body });
  await forge.update(before.number, { title: subject, body });
  return before;
}

/** The files of a commit with edits made. */
function edited(files: readonly PolicyText[], edits: readonly PolicyEdit[]): readonly PolicyText[] {
  const changed = new Set(edits.map(edit => edit.path));
  const kept = files.filter(file => !changed.has(file.path));
  return [...kept, ...edits.flatMap(({ path, text }) => (text === undefined ? [] : [{ path, text }]))];
}

/** Only policies of targets on which whoever proposes has that role. */
async function refuseTargets({ grants, world }: Ports, { changes }: Checks): Promise<void> {
  const sees = await targetsWith(grants, 'proposer', world.store);
  const foreign = sees && changes.find(({ target }) => !sees(target));
  if (!foreign) return;
  throw new Refusal(
    `${foreign.policy} is about ${safe(foreign.target, 200)}, where you have no role that may propose. Leave it out, or ask a person.`,
  );
}

/** Only files that Settings let agents change; none while nobody can tell which those are. */
function refusePaths(edits: readonly PolicyEdit[], head: readonly PolicyText[]): void {
  const allowed = agentPaths(head);
  if (allowed === undefined)
    throw new Refusal(
      'the Settings of the head commit have mistakes, so nobody knows which files agents may change. Ask a person to mend them.',
    );
  const foreign = edits.find(({ path }) => !allowed.matches(path));
  if (foreign === undefined) return;
  throw new Refusal(
    `${safe(foreign.path, 200)} is not among the files that agents may change; expected ${allowed.globs.join(' or ')} (spec.proposals.agents.paths of Settings). Ask a person to change it.`,
  );
}

/**
 * Only documents that may be proposed, before and after: a Connection must not be turned into a Policy either. What is no
 * document in the new text is told with its line by the checks that follow.
 */
function refuseKinds(edit: PolicyEdit, before: readonly PolicyText[]): void {
  const old = before.filter(one => one.path === edit.path).flatMap(kindsIn);
  const now = edit.text === undefined ? [] : kindsIn({ path: edit.path, text: edit.text });
  const kinds = [...old.map(kind => kind ?? 'document that cannot be read'), ...now];
  const foreign = kinds.find(kind => kind !== undefined && !KINDS.has(kind));
  if (foreign === undefined) return;
  throw new Refusal(
    `${edit.path} holds a ${safe(foreign, 60)}; only Policy, PolicyTest and Experiment documents are proposed here. A person changes it with git.`,
  );
}
