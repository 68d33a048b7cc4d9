/** `plan`: evaluates now with the head commit, and says what would be done. The same driver as a tick; nothing is written. */
import { z } from 'zod';
import { formatDiagnostic } from '../dsl/index.ts';
import { look } from '../engine/drive.ts';
import { chainOf } from '../engine/ids.ts';
import { command, type Paint } from './command.ts';
import { summary } from './entry-text.ts';
import type { Ports } from './ports.ts';
import { compileRevision } from './take-revision.ts';
import { requireTarget } from './targets.ts';
import { safe, table, value } from './time.ts';

const rule = z.object({
  target: z.string(),
  policy: z.string(),
  group: z.string(),
  answer: z.enum(['ok', 'breach', 'unknown']),
  clause: z.string(),
  values: z.string(),
});
const output = z.object({
  commit: z.string(),
  inForce: z.string().optional(),
  rules: z.array(rule),
  decisions: z.array(
    z.object({
      target: z.string(),
      policy: z.string(),
      group: z.string(),
      outcome: z.string(),
      verb: z.string().optional(),
      why: z.string(),
    }),
  ),
  changes: z
    .array(z.object({ target: z.string(), kind: z.string(), text: z.string() }))
    .describe('Entries that a tick would append now.'),
  diagnostics: z.array(z.string()),
});
type Output = z.output<typeof output>;

export const plan = command({
  name: 'plan',
  tool: 'flyball_plan_reconcile',
  title: 'Plan',
  description:
    'Evaluates every rule now, with the head commit of the enforced branch, and says what would be done: verdicts with their values, decisions, holds. Writes nothing. Limits are reported, they are not errors. Exit code 2 when an action or an approval would follow, 1 when the commit has mistakes.',
  input: z.strictObject({
    target: z.string().max(200).optional().describe('Only this target, as kind/name.'),
  }),
  output,
  positional: ['target'],
  role: 'viewer',
  effect: 'read',
  examples: ['flyball plan', 'flyball plan model/late-flights'],
  run: make,
  text,
  exit: found => {
    if (found.diagnostics.some(one => one.startsWith('error'))) return 1;
    return found.decisions.some(one => one.outcome === 'act' || one.outcome === 'ask') ? 2 : 0;
  },
});

async function make(ports: Ports, input: { target?: string | undefined }): Promise<Output> {
  const head = await ports.repository.head();
  const taken = await compileRevision(
    ports.world,
    ports.settings.env,
    head,
    await ports.repository.files(head.sha),
  );
  const inForce = (await ports.world.store.revision())?.commit.sha;
  const found: Output = {
    commit: head.sha,
    rules: [],
    decisions: [],
    changes: [],
    diagnostics: taken.compiled.diagnostics.map(one => `${one.severity} ${formatDiagnostic(one)}`),
  };
  if (inForce !== undefined) found.inForce = inForce;
  const { revision } = taken;
  if (!revision) return found;
  const chains = new Set(revision.policies.map(policy => chainOf(policy.target)));
  requireTarget(input.target, [...chains]);
  for (const chain of [...chains].filter(one => input.target === undefined || one === input.target)) {
    const seen = await look(ports.world, chain, { all: true, revision });
    if (seen) add(found, chain, seen);
  }
  return found;
}

function add(found: Output, target: string, seen: NonNullable<Awaited<ReturnType<typeof look>>>): void {
  for (const verdict of seen.step.verdicts) {
    const { policy, answer, clause } = verdict;
    const values = verdict.operands
      .map(one => `${one.name} ${one.unknown ? one.unknown.reason : value(one.value)}`)
      .join(', ');
    found.rules.push({
      target,
      policy,
      group: Object.values(verdict.labels).join('/'),
      answer,
      clause,
      values,
    });
  }
  for (const decision of seen.step.decisions) {
    const { policy, outcome, verb } = decision;
    const why = decision.holds.map(hold => safe(hold.message)).join('; ');
    found.decisions.push({
      target,
      policy,
      group: Object.values(decision.labels).join('/'),
      outcome,
      why,
      ...(verb ? { verb } : {}),
    });
  }
  for (const entry of seen.step.entries)
    found.changes.push({ target, kind: entry.kind, text: summary(entry) });
}

function text(found: Output, paint: Paint): string {
  const colour = { ok: paint.good, breach: paint.bad, unknown: paint.warn };
  const rules = found.rules.map(one => [
    colour[one.answer](one.answer.toUpperCase()),
    one.target,
    `${one.policy}${one.group ? ` [${one.group}]` : ''}`,
    one.clause,
    paint.dim(one.values),
  ]);
  const decisions = found.decisions.map(one => [
    paint.bold(one.outcome),
    one.target,
    one.policy,
    `${one.verb ?? ''} ${one.why}`.trim(),
  ]);
  return [
    `commit ${found.commit.slice(0, 7)}${found.inForce === found.commit ? ', in force' : `, not yet in force (${found.inForce?.slice(0, 7) ?? 'nothing is'})`}`,
    ...found.diagnostics.map(one => (one.startsWith('error') ? paint.bad(one) : paint.warn(one))),
    table(rules),
    ...(decisions.length > 0 ? ['', paint.bold('Decisions'), table(decisions)] : []),
    ...(found.changes.length > 0
      ? ['', paint.bold('A tick now would write'), table(found.changes.map(one => [one.kind, one.text]))]
      : ['', 'A tick now would write nothing.']),
  ].join('\n');
}
