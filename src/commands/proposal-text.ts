/** What a commit message, a pull request and a terminal say of a proposal. Whatever comes from outside stands in code. */
import type { Principal } from '../model.ts';
import type { Paint } from './command.ts';
import { block, code } from './markdown.ts';
import type { Checks } from './proposal-checks.ts';
import { safe, when } from './time.ts';

/** The first line: one that takes protection away says so before anything else. */
export function subjectOf(title: string, { weakenings }: Pick<Checks, 'weakenings'>): string {
  return weakenings.length > 0 ? `Weakening: ${title}` : title;
}

/** Who proposed it, and for whom. */
export function proposerText({ name, kind, door, onBehalfOf }: Principal): string {
  const what = kind ?? (door === 'mcp' ? 'agent' : 'person');
  return `${safe(name, 80)} (${what}${onBehalfOf === undefined ? '' : `, for ${safe(onBehalfOf, 80)}`})`;
}

/** The body of the commit and of the pull request, as Markdown; the trailers at its end are text, and prove nothing. */
export function bodyOf(of: {
  readonly checks: Checks;
  readonly rationale: string;
  readonly by: Principal;
  readonly days: number;
}): string {
  const { checks, rationale, by, days } = of;
  const parts = [
    checks.weakenings.length > 0
      ? ['**Weakening:**', ...checks.weakenings.map(one => `- ${code(one, 300)}`)].join('\n')
      : '',
    rationale.trim() === '' ? '' : `Its author says:\n\n${block(rationale)}`,
    reportOf(checks, days),
    `Flyball-Proposed-By: ${proposerText(by)}\nFlyball-Door: ${by.door}`,
  ];
  return parts.filter(part => part !== '').join('\n\n');
}

/** What changes, what it would have done and would do now, and what the checks say. Markdown. */
export function reportOf(checks: Checks, days: number): string {
  return [
    ['### What changes', ...changeLines(checks)],
    [`### What would have happened in the last ${days} days`, ...pastLines(checks)],
    ['### What would happen now', ...planLines(checks)],
    ['### Checks', ...checkLines(checks)],
  ]
    .map(lines => lines.join('\n'))
    .join('\n\n');
}

function changeLines({ changes }: Checks): string[] {
  if (changes.length === 0) return ['- No policy says anything else.'];
  return changes.slice(0, 30).flatMap(one => [
    `- ${code(one.policy)} on ${code(one.target)}: ${one.change}${one.acting ? '' : ', in words only'}`,
    ...one.fields.slice(0, 20).map(({ path, before, after, weakens }) => {
      const values = [before, after].map(value => (value === undefined ? 'nothing' : code(value)));
      return `  - ${code(path)}: ${values.join(' → ')}${weakens === undefined ? '' : ` (weakens: ${weakens})`}`;
    }),
  ]);
}

function pastLines({ past, pastLeft }: Checks): string[] {
  if (past.length === 0) return ['- No policy acts differently.'];
  const left = pastLeft > 0 ? [`- ${pastLeft} more were not looked at.`] : [];
  return [...past.map(one => `- ${code(one.policy)} on ${code(one.target)}: ${pastText(one)}`), ...left];
}

/** The firings and actions of one policy in words. */
export function pastText(one: Checks['past'][number]): string {
  if (one.source === 'none') return `there is no record: ${one.note ?? 'nothing is known'}`;
  const looks = `${one.looks} looks from ${when(one.from)}, ${one.unknown} verdicts unknown`;
  const before = one.before ? `; as it is in force: ${countText(one.before)}` : '';
  const source = one.source === 'recorded' ? 'recorded series' : 'data that is there now';
  return `${countText(one)}${before} (${looks}; by ${source}${one.note === undefined ? '' : `; ${one.note}`})`;
}

function countText({ firings, actions }: { firings: number; actions: Record<string, number> }): string {
  const acts = Object.entries(actions).map(([verb, count]) => `${verb} ${count}`);
  const fired = `${firings} ${firings === 1 ? 'firing' : 'firings'}`;
  return `${fired}, ${acts.length === 0 ? 'no action' : `actions: ${acts.join(', ')}`}`;
}

function planLines({ plan }: Checks): string[] {
  if (plan.length === 0) return ['- Nothing that changed is looked at.'];
  return plan.slice(0, 30).map(one => {
    const what = `${one.policy}${one.rule === 'rule' ? '' : `/${one.rule}`}`;
    const why = one.why === '' ? '' : `, ${code(one.why)}`;
    return `- ${code(what)} on ${code(one.target)}: ${one.answer} (${code(one.clause)}), ${one.outcome}${why}`;
  });
}

function checkLines({ tests, warnings }: Checks): string[] {
  const counted =
    tests.passed + tests.failed === 0
      ? 'there are no tests'
      : `${tests.passed} tests passed, ${tests.failed} failed`;
  return [`- Valid; ${counted}.`, ...warnings.slice(0, 20).map(one => `- ${code(one, 300)}`)];
}

/** For people at a terminal. */
export function checksText(checks: Checks, days: number, paint: Paint): string {
  const plain = (lines: readonly string[]) => lines.map(line => line.replaceAll('`', ''));
  return [
    ...(checks.weakenings.length > 0
      ? [paint.bad('Weakening:'), ...checks.weakenings.map(one => `- ${one}`), '']
      : []),
    ...checks.problems.map(one => paint.bad(one)),
    paint.bold('What changes'),
    ...plain(changeLines(checks)),
    '',
    paint.bold(`What would have happened in the last ${days} days`),
    ...plain(pastLines(checks)),
    '',
    paint.bold('What would happen now'),
    ...plain(planLines(checks)),
    '',
    paint.bold('Checks'),
    ...(checks.ok ? plain(checkLines(checks)) : [paint.bad('- They do not pass.')]),
  ].join('\n');
}
