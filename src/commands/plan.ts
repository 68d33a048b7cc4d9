/** `plan`: evaluates now with the head commit, and says what would be done. The same driver as a tick; nothing is written. */
import { z } from 'zod';
import { type Compiled, compile, formatDiagnostic } from '../dsl/index.ts';
import { chainOf } from '../engine/ids.ts';
import { type Look, look } from '../engine/look.ts';
import { command, terminalOnly } from './command.ts';
import { draftOf } from './draft-files.ts';
import { summary } from './entry-text.ts';
import { floorFacts } from './lay-floors.ts';
import { Refusal } from './perform.ts';
import { planMarkdown, planText } from './plan-text.ts';
import { chainsOf, planOf } from './plan-value.ts';
import { policyChanges } from './policy-diff.ts';
import type { Ports } from './ports.ts';
import { compileRevision } from './take-revision.ts';
import { requireTarget } from './targets.ts';
import { safe, value } from './time.ts';
import { draftInput, ownDiagnostics } from './validate.ts';

const rule = z.object({
  target: z.string(),
  policy: z.string(),
  rule: z.string(),
  group: z.string(),
  answer: z.enum(['ok', 'breach', 'unknown']),
  clause: z.string(),
  values: z.string(),
});
const decision = z.object({
  target: z.string(),
  policy: z.string(),
  rule: z.string(),
  group: z.string(),
  outcome: z.string(),
  verb: z.string().optional(),
  reasons: z.array(z.string()),
  why: z.string(),
});
const action = z.object({
  target: z.string(),
  policy: z.string(),
  outcome: z.enum(['act', 'ask']),
  verb: z.string(),
  subject: z.string(),
  args: z.record(z.string(), z.unknown()),
  later: z.array(z.string()),
  planHash: z.string(),
  approval: z.string().optional(),
});
const change = z.object({
  policy: z.string(),
  target: z.string(),
  change: z.enum(['added', 'changed', 'removed', 'moved', 'broken']),
  acting: z.boolean(),
  file: z.string(),
  from: z.string().optional(),
  fields: z.array(
    z.object({
      path: z.string(),
      before: z.string().optional(),
      after: z.string().optional(),
      weakens: z.string().optional(),
    }),
  ),
});
const output = z.object({
  hash: z.string(),
  commit: z.string(),
  inForce: z.string().optional(),
  base: z.string().optional(),
  policies: z.array(change).optional().describe('With base: what changed since, policy by policy.'),
  rules: z.array(rule),
  decisions: z.array(decision),
  actions: z.array(action).describe('What apply would do: act now, or ask for approval.'),
  changes: z
    .array(z.object({ target: z.string(), kind: z.string(), text: z.string() }))
    .describe('Entries that a tick would append now.'),
  diagnostics: z.array(z.string()),
  markdown: z.string().optional(),
  saved: z.string().optional(),
});
export type Planned = z.output<typeof output>;

const input = z.strictObject({
  target: z.string().max(200).optional().describe('Only this target, as kind/name.'),
  files: draftInput,
  base: z.string().max(200).optional().describe('A commit, branch or tag (main~1): says what changed since.'),
  out: terminalOnly(z.string().max(500).optional().describe('Saves the plan for `flyball apply`.')),
  markdown: terminalOnly(z.boolean().optional().describe('As a comment for a pull request.')),
});
type Input = z.output<typeof input>;

export const plan = command({
  name: 'plan',
  tool: 'flyball_plan_reconcile',
  title: 'Plan',
  description:
    'Evaluates every rule now, at the head commit or with drafts over it, and says what would be done: decisions, holds, actions. Writes nothing. Exit code 2 when an action or approval would follow, 1 when the commit has mistakes.',
  input,
  output,
  details: ['rules', 'changes', 'policies', 'inForce', 'base', 'markdown', 'saved'],
  positional: ['target'],
  role: 'viewer',
  effect: 'read',
  reach: 'targets',
  examples: [
    'flyball plan',
    'flyball plan model/late-flights --out plan.json',
    'flyball plan --base main~1 --markdown',
  ],
  run: make,
  text: (found, paint) => found.markdown ?? planText(found, paint),
  exit: found => {
    if (found.diagnostics.some(one => one.startsWith('error'))) return 1;
    return found.decisions.some(one => one.outcome === 'act' || one.outcome === 'ask') ? 2 : 0;
  },
});

async function make(ports: Ports, given: Input): Promise<Planned> {
  const { repository, settings } = ports;
  const head = await repository.head();
  const { files, world } = await draftOf(ports, head, given.files);
  if (given.files && given.out !== undefined)
    throw new Refusal('plan: a draft is no commit, so its plan cannot be applied; leave out `out`.');
  const taken = await compileRevision(world, settings.env, head, files);
  const inForce = (await world.store.revision())?.commit.sha;
  const sees = ports.sees ?? (() => true);
  const policies = (taken.revision?.policies ?? []).filter(one => sees(chainOf(one.target)));
  const chains = chainsOf(policies);
  if (policies.length > 0) requireTarget(given.target, chains);
  const facts = floorFacts(settings);
  const looks: [string, Look][] = [];
  for (const chain of chains.filter(one => given.target === undefined || one === given.target)) {
    const seen = taken.revision && (await look(world, chain, { all: true, revision: taken.revision, facts }));
    if (seen) looks.push([chain, seen]);
  }
  const file = planOf(head.sha, looks, given.target);
  const found: Planned = {
    hash: file.hash,
    commit: head.sha,
    ...(inForce === undefined ? {} : { inForce }),
    ...(await since(ports, given.base ?? (given.files && head.sha), taken.compiled)),
    rules: [],
    decisions: [],
    changes: [],
    actions: file.actions.map(({ rule: _, group: __, ...one }) => ({
      ...one,
      args: { ...one.args },
      later: [...one.later],
    })),
    diagnostics: ownDiagnostics(ports, given.files, taken.compiled.diagnostics).map(one =>
      one.severity === 'error' ? `error ${formatDiagnostic(one)}` : formatDiagnostic(one),
    ),
  };
  for (const [chain, seen] of looks) add(found, chain, seen);
  if (given.out !== undefined) found.saved = await save(ports, given.out, JSON.stringify(file, null, 2));
  return given.markdown ? { ...found, markdown: planMarkdown(found) } : found;
}

type Since = Pick<Planned, 'base' | 'policies'>;

async function since(ports: Ports, base: string | undefined, after: Compiled): Promise<Since> {
  if (base === undefined) return {};
  const { repository, settings, world } = ports;
  const commit = await repository.resolve(base);
  const files = await repository.files(commit.sha);
  const before = compile({ files, commit, env: settings.env, catalogue: world.catalogue });
  const sees = ports.sees ?? (() => true);
  const changed = policyChanges(before, after).filter(one => sees(one.target));
  const policies = changed.map(one => ({ ...one, fields: [...one.fields] }));
  return { base: commit.sha, policies } as const;
}

async function save(ports: Ports, path: string, text: string): Promise<string> {
  if (!ports.disk) throw new Refusal('plan: only a terminal may save a plan; leave out `out`.');
  await ports.disk.write(path, `${text}\n`);
  return path;
}

function add(found: Planned, target: string, seen: Look): void {
  for (const verdict of seen.step.verdicts) {
    const { policy, rule, answer, clause } = verdict;
    const values = verdict.operands
      .map(one => `${one.name} ${one.unknown ? one.unknown.reason : value(one.value)}`)
      .join(', ');
    found.rules.push({ target, policy, rule, group: groupOf(verdict.labels), answer, clause, values });
  }
  for (const { policy, rule, labels, outcome, verb, holds } of seen.step.decisions)
    found.decisions.push({
      ...{ target, policy, rule, group: groupOf(labels), outcome },
      reasons: holds.map(hold => hold.reason),
      why: holds.map(hold => safe(hold.message)).join('; '),
      ...(verb ? { verb } : {}),
    });
  for (const entry of seen.step.entries)
    found.changes.push({ target, kind: entry.kind, text: summary(entry) });
}

function groupOf(labels: Readonly<Record<string, string>>): string {
  return Object.values(labels).join('/');
}
