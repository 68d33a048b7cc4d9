/** `test`: runs the PolicyTests of a folder against its policies, by the live core on a virtual clock. */
import { z } from 'zod';
import { type CheckedTest, type ClosedTest, compile, formatDiagnostic } from '../dsl/index.ts';
import { chainOf } from '../engine/ids.ts';
import type { Commit } from '../model.ts';
import { command } from './command.ts';
import { Refusal } from './perform.ts';
import type { PolicyText, Ports } from './ports.ts';
import { output, type Report, type Tested, text } from './test-report.ts';
import { runTest } from './test-run.ts';

const COMMIT: Commit = { sha: '0'.repeat(40), author: { name: 'test', email: '' }, time: 0, subject: 'test' };

export const test = command({
  name: 'test',
  title: 'Run the tests of policies',
  description:
    'Runs every PolicyTest of a folder, by default of the working tree of the policy repository: series stand in for observations, the clock is virtual, and everything else is what runs live. Shows what was expected and what was found along the time line. A test that names what is not there fails.',
  input: z.strictObject({
    folder: z.string().max(500).optional().describe('Folder with the policies and their tests.'),
    filter: z.string().max(200).optional().describe('Only tests whose name, policy or file contains this.'),
    watch: z.boolean().default(false).describe('Runs them again whenever a file changes, until interrupted.'),
  }),
  output,
  positional: ['folder'],
  role: 'viewer',
  effect: 'read',
  reach: 'fleet',
  needs: 'files',
  terminal: true,
  examples: ['flyball test policies', 'flyball test policies --filter drift --watch'],
  run: async (ports, { folder, filter, watch }) => {
    if (watch) return watched(ports, folder, filter);
    if (!ports.worktree) throw new Refusal('test: only the command line reads a folder.');
    return testFiles(ports, await ports.worktree(folder), filter);
  },
  text,
  exit: found => (found.failed === 0 ? 0 : 1),
});

/** Runs and shows them after every change; it ends with the process. */
async function watched(
  ports: Ports,
  folder: string | undefined,
  filter: string | undefined,
): Promise<Report> {
  if (!ports.watch) throw new Refusal('test: only the command line watches a folder.');
  return ports.watch(folder, async (files, paint) => text(await testFiles(ports, files, filter), paint));
}

/** The outcome of every test in these files. Throws a Refusal when there is none to run. */
export async function testFiles(
  ports: Pick<Ports, 'emptyStore' | 'world'>,
  files: readonly PolicyText[],
  filter?: string,
): Promise<Report> {
  const { catalogue } = ports.world;
  const compiled = compile({ files, commit: COMMIT, env: 'test', catalogue });
  const unreadable = compiled.failed.filter(one => one.policy === undefined);
  const chosen = compiled.tests.filter(one => isChosen(one, filter));
  if (chosen.length === 0 && unreadable.length === 0) throw new Refusal(nothing(compiled.tests, filter));
  const tests: Tested[] = unreadable.map(({ file, diagnostics }) => ({
    ...NOTHING,
    name: file,
    where: file,
    problems: diagnostics.map(formatDiagnostic),
  }));
  for (const one of chosen) tests.push(await outcomeOf(ports, files, one));
  const passed = tests.filter(one => one.ok).length;
  return { passed, failed: tests.length - passed, tests };
}

function isChosen({ name, policy = '', position }: CheckedTest, filter = ''): boolean {
  return [name, policy, position.file].some(text => text.includes(filter));
}

function nothing(tests: readonly CheckedTest[], filter: string | undefined): string {
  if (tests.length === 0)
    return 'there is no PolicyTest in these files; expected at least one. Write a document with kind: PolicyTest beside the policies, or name their folder.';
  const names = tests.map(one => one.name).slice(0, 10);
  return `no test has ${filter} in its name, policy or file; expected one of ${names.join(', ')}${tests.length > 10 ? ' …' : ''}.`;
}

const NOTHING = { ok: false, course: [], failures: [], problems: [] };

async function outcomeOf(
  ports: Pick<Ports, 'emptyStore' | 'world'>,
  files: readonly PolicyText[],
  checked: CheckedTest,
): Promise<Tested> {
  const { name, position, policy } = checked;
  const plain = {
    ...NOTHING,
    name,
    where: `${position.file}:${position.line}`,
    ...(policy === undefined ? {} : { policy }),
  };
  const found = asTested(ports, files, checked);
  const problems = [...found.diagnostics, ...found.broken].map(formatDiagnostic);
  if (!found.test) return { ...plain, problems };
  const run = await runTest(found.test, { emptyStore: ports.emptyStore, catalogue: ports.world.catalogue });
  const ok = run.failures.length === 0 && run.problems.length === 0;
  const target = chainOf(found.test.policy.target);
  const { from, course, failures } = run;
  return {
    ...plain,
    target,
    ok,
    from,
    course: [...course],
    failures: failures.map(copy),
    problems: [...run.problems],
  };
}

/** The test in its own environment and with its own params. */
function asTested(
  ports: Pick<Ports, 'world'>,
  files: readonly PolicyText[],
  checked: CheckedTest,
): CheckedTest {
  const spec: ClosedTest['spec'] | undefined = checked.test?.spec;
  if (!spec || (spec.env === undefined && spec.params === undefined)) return checked;
  const compiled = compile({
    files,
    commit: COMMIT,
    env: spec.env ?? 'test',
    catalogue: ports.world.catalogue,
    ...(spec.params ? { params: { [spec.policy]: spec.params } } : {}),
  });
  return compiled.tests.find(one => one.name === checked.name) ?? checked;
}

type Failures = Awaited<ReturnType<typeof runTest>>['failures'];

function copy(failure: Failures[number]): Tested['failures'][number] {
  return { ...failure, misses: [...failure.misses], ticks: [...failure.ticks] };
}
