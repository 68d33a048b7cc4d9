/** Everything that must hold of changed policy files before they are proposed, and again before they are merged. Writes nothing. */
import { z } from 'zod';
import { type Compiled, compile } from '../dsl/index.ts';
import { lint as lintFiles } from '../dsl/lint.ts';
import { chainOf } from '../engine/ids.ts';
import { look } from '../engine/look.ts';
import type { Commit, Diagnostic } from '../model.ts';
import { draftPasts, pastOutput } from './draft-backtest.ts';
import { draftWorld } from './draft-world.ts';
import { type PolicyChange, policyChanges } from './policy-diff.ts';
import type { PolicyText, Ports } from './ports.ts';
import { compileRevision } from './take-revision.ts';
import { testFiles } from './test.ts';
import { safe } from './time.ts';
import { structured } from './validate.ts';
import { weakeningsOf } from './weakenings.ts';

export const changeOutput = z.object({
  policy: z.string(),
  target: z.string(),
  change: z.enum(['added', 'changed', 'removed', 'moved', 'broken']),
  acting: z.boolean(),
  fields: z.array(
    z.object({
      path: z.string(),
      before: z.string().optional(),
      after: z.string().optional(),
      weakens: z.string().optional(),
    }),
  ),
});
export const planLine = z.object({
  target: z.string(),
  policy: z.string(),
  rule: z.string(),
  answer: z.enum(['ok', 'breach', 'unknown']),
  clause: z.string(),
  outcome: z.string().describe('none, act, ask or hold.'),
  why: z.string(),
});
export const checksOutput = z.object({
  ok: z.boolean(),
  problems: z.array(z.string()).describe('Why it cannot be proposed or merged.'),
  warnings: z.array(z.string()).describe('What lint says that it did not say before.'),
  weakenings: z.array(z.string()).describe('What takes protection away: look at this first.'),
  changes: z.array(changeOutput),
  tests: z.object({ passed: z.int(), failed: z.int() }),
  plan: z.array(planLine).describe('What the changed policies would do now.'),
  past: z.array(pastOutput).describe('What they would have done in the last days.'),
  pastLeft: z.int().describe('Policies that were not looked at over the past, because they are too many.'),
});
export type Checks = z.output<typeof checksOutput>;

/** Policy files of the head, and with the change. */
export interface Change {
  readonly head: Commit;
  readonly before: readonly PolicyText[];
  readonly after: readonly PolicyText[];
  readonly days: number;
}

/** Policies that one proposal changes. */
const CHANGES_MAX = 100;
/** Chains of which a plan is made. */
const PLANNED_MAX = 20;

/** Validates, lints, tests, plans and backtests the change. What is wrong is in `problems`; later steps are left out then. */
export async function checksOf(ports: Ports, change: Change): Promise<Checks> {
  const { world, settings } = ports;
  const of = { commit: change.head, env: settings.env, catalogue: world.catalogue };
  const at = world.clock();
  const before = lintFiles({ ...of, files: change.before, at });
  const after = lintFiles({ ...of, files: change.after, at });
  const fresh = freshOf(before.diagnostics, after.diagnostics, touched(change));
  const changes = policyChanges(before.compiled, after.compiled);
  const found: Checks = {
    ok: false,
    problems: textsOf(fresh, 'error'),
    warnings: textsOf(fresh, 'warning'),
    weakenings: [...weakeningsOf(before.compiled, after.compiled, settings.floors)],
    changes: changes
      .slice(0, CHANGES_MAX)
      .map(({ file: _, from: __, ...one }) => ({ ...one, fields: [...one.fields] })),
    tests: { passed: 0, failed: 0 },
    plan: [],
    past: [],
    pastLeft: 0,
  };
  if (changes.length > CHANGES_MAX) {
    const problem = `it changes ${changes.length} policies; expected at most ${CHANGES_MAX} in one proposal, so that somebody can look through them.`;
    return { ...found, problems: [problem, ...found.problems] };
  }
  if (found.problems.length > 0) return found;
  const tested = await testsOf(ports, change.after, after.compiled);
  const planned: Checks = { ...found, tests: tested.counts, problems: tested.problems };
  if (planned.problems.length > 0) return planned;
  const plan = await planOf(ports, change, before.compiled, changes);
  const { pasts, left } = await draftPasts({
    ...{ world, emptyStore: ports.emptyStore, commit: change.head, days: change.days },
    ...{ before: before.compiled, after: after.compiled },
  });
  return { ...planned, ok: true, plan, past: pasts, pastLeft: left };
}

/** Paths whose text is not what it was. */
function touched({ before, after }: Change): ReadonlySet<string> {
  const old = new Map(before.map(file => [file.path, file.text]));
  return new Set(after.flatMap(({ path, text }) => (old.get(path) === text ? [] : [path])));
}

/** Mistakes of files that the change touches, and what nobody said before: others' old mistakes are not its author's. */
function freshOf(
  before: readonly Diagnostic[],
  after: readonly Diagnostic[],
  files: ReadonlySet<string>,
): readonly Diagnostic[] {
  const key = ({ position, message }: Diagnostic) => `${position.file} ${message}`;
  const known = new Set(before.map(key));
  return after.filter(
    one => !known.has(key(one)) || (one.severity === 'error' && files.has(one.position.file)),
  );
}

function textsOf(found: readonly Diagnostic[], severity: Diagnostic['severity']): string[] {
  return found
    .filter(one => one.severity === severity)
    .slice(0, 50)
    .map(one => structured(one).text);
}

async function testsOf(ports: Ports, files: readonly PolicyText[], { tests }: Compiled) {
  if (tests.length === 0) return { counts: { passed: 0, failed: 0 }, problems: [] };
  const report = await testFiles(ports, files);
  const failed = report.tests.filter(one => !one.ok);
  const problems = failed.map(one => {
    const [failure] = one.failures;
    const miss = failure?.misses.map(
      ({ what, expected, found }) => `${what}: expected ${expected}, found ${found}`,
    );
    const why = failure ? `${failure.where}: at ${failure.at}: ${miss?.join('; ')}` : one.problems.join('; ');
    return `test ${one.name} fails: ${safe(why, 500)}`;
  });
  return { counts: { passed: report.passed, failed: report.failed }, problems };
}

/** The changed policies, looked at now with nothing but what a draft may ask. */
async function planOf(
  ports: Ports,
  change: Change,
  before: Compiled,
  changes: readonly PolicyChange[],
): Promise<Checks['plan']> {
  const { world, settings } = ports;
  const acting = new Set(changes.filter(one => one.acting).map(one => `${one.policy} ${one.target}`));
  const taken = await compileRevision(world, settings.env, change.head, change.after);
  if (!taken.revision) return [];
  const isChanged = (policy: string, chain: string) => acting.has(`${policy} ${chain}`);
  const policies = taken.revision.policies.filter(one => isChanged(one.policy, chainOf(one.target)));
  const chains = [...new Set(policies.map(one => chainOf(one.target)))].sort().slice(0, PLANNED_MAX);
  const lines: Checks['plan'] = [];
  for (const chain of chains) {
    const options = { all: true, revision: { ...taken.revision, policies } };
    const seen = await look(draftWorld(world, before), chain, options);
    for (const { policy, rule, answer, clause, labels } of seen?.step.verdicts ?? []) {
      if (!isChanged(policy, chain)) continue;
      const decision = seen?.step.decisions.find(
        one => one.policy === policy && one.rule === rule && sameLabels(one.labels, labels),
      );
      const why = (decision?.holds ?? []).map(hold => safe(hold.message)).join('; ');
      lines.push({ target: chain, policy, rule, answer, clause, outcome: decision?.outcome ?? 'none', why });
    }
  }
  return lines.slice(0, 100);
}

function sameLabels(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  return Object.entries(a).every(([name, value]) => b[name] === value);
}

/** The policies of these files. */
export function compiled(ports: Ports, commit: Commit, files: readonly PolicyText[]): Compiled {
  return compile({ files, commit, env: ports.settings.env, catalogue: ports.world.catalogue });
}
