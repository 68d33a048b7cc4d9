/** The outcome of a test run: its shape, and its words for a terminal, with each failure as a part of the time line. */
import { z } from 'zod';
import type { Paint } from './command.ts';
import { safe, table } from './time.ts';

const failure = z.object({
  at: z.string().describe('After the beginning.'),
  where: z.string().describe('file:line of the expectation'),
  rule: z.string(),
  misses: z.array(z.object({ what: z.string(), expected: z.string(), found: z.string() })),
  ticks: z
    .array(
      z.object({
        at: z.string(),
        state: z.string(),
        decision: z.string(),
        values: z.string(),
        here: z.boolean(),
      }),
    )
    .describe('The ticks around it.'),
});
const tested = z.object({
  name: z.string(),
  where: z.string().describe('file:line of the test'),
  policy: z.string().optional(),
  target: z.string().optional(),
  ok: z.boolean(),
  from: z.number().optional().describe('The first tick, in milliseconds since the epoch.'),
  course: z.array(z.string()).describe('The changes along the time line.'),
  failures: z.array(failure),
  problems: z.array(z.string()).describe('Why it could not run, or what could not happen in it.'),
});
export const output = z.object({
  passed: z.int(),
  failed: z.int(),
  tests: z.array(tested),
});
export type Report = z.output<typeof output>;
export type Tested = z.output<typeof tested>;

/** A line for each test, a diff along the time line for each that failed, and the count. */
export function text(found: Report, paint: Paint): string {
  const lines = found.tests.flatMap(one => [head(one, paint), ...details(one, paint)]);
  const counts = [
    ...(found.passed > 0 || found.failed === 0 ? [paint.good(`${found.passed} passed`)] : []),
    ...(found.failed > 0 ? [paint.bad(`${found.failed} failed`)] : []),
  ];
  return [...lines, counts.join(', ')].join('\n');
}

function head(test: Tested, paint: Paint): string {
  const mark = test.ok ? paint.good('✓') : paint.bad('✗');
  const about =
    test.policy === undefined ? '' : paint.dim(` ${test.policy}${test.target ? ` on ${test.target}` : ''}`);
  return `${mark} ${paint.bold(test.name)}${about}`;
}

function details(test: Tested, paint: Paint): readonly string[] {
  const course = test.course.map(line => paint.dim(`    ${safe(line, 400)}`));
  if (test.ok) return course;
  const problems = test.problems.map(problem => `    ${paint.bad(safe(problem, 600))}`);
  const failures = test.failures.flatMap(one => failureLines(one, paint));
  return [paint.dim(`    ${test.where}`), ...problems, ...course, ...failures, ''];
}

function failureLines(one: z.output<typeof failure>, paint: Paint): readonly string[] {
  const rule = one.rule === '' ? '' : ` ${one.rule}`;
  const misses = one.misses.flatMap(({ what, expected, found }) => [
    `      ${what}`,
    paint.good(`        expected  ${safe(expected, 400)}`),
    ...found
      .split('\n')
      .map((line, i) => paint.bad(`        ${i === 0 ? 'found   ' : '        '}  ${safe(line, 400)}`)),
  ]);
  const rows = one.ticks.map(tick => {
    const cells = [tick.here ? '>' : ' ', tick.at, tick.state, tick.decision, safe(tick.values, 120)];
    return tick.here ? cells.map(paint.bold) : cells;
  });
  const header = [' ', 'time', 'state', 'decision', 'values'].map(paint.dim);
  return [
    '',
    `    ${paint.bad(`at ${one.at}${rule}`)} ${paint.dim(one.where)}`,
    ...misses,
    table([header, ...rows], '      '),
  ];
}
