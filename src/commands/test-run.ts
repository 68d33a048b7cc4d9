/** Runs one PolicyTest: the live core on a virtual clock over an empty store, then what was expected against what was. */
import type { ClosedTest } from '../dsl/index.ts';
import { chainOf } from '../engine/ids.ts';
import { isExcluded, nextSlot } from '../engine/schedule.ts';
import { type SeenTick, simulate } from '../engine/simulate.ts';
import type { Catalogue, ClosedPolicy, Position, Revision } from '../model.ts';
import type { Ports } from './ports.ts';
import { type Miss, missesOf } from './test-check.ts';
import { decisionText, type Moment, momentOf, type Ran, type Subject, valuesOf } from './test-moment.ts';
import { ender, eventsOf, observer } from './test-world.ts';
import { elapsed } from './time.ts';

/** Ticks that a failure shows before and after the one that was not as expected. */
const BEFORE = 4;
const AFTER = 2;

/** One tick as the report shows it. Times are durations after the beginning. */
export interface TickRow {
  readonly at: string;
  readonly state: string;
  readonly decision: string;
  readonly values: string;
  /** The tick at which the expectation did not hold. */
  readonly here: boolean;
}

export interface Failure {
  readonly at: string;
  /** `file:line` of the expectation. */
  readonly where: string;
  readonly rule: string;
  readonly misses: readonly Miss[];
  readonly ticks: readonly TickRow[];
}

export interface TestRun {
  /** When it began: the policy's first slot from `start` on, in milliseconds since the epoch. */
  readonly from: number;
  /** `0h ok → 24h pending`: the changes of every rule that is expected something of. */
  readonly course: readonly string[];
  readonly failures: readonly Failure[];
  /** What could not happen, such as a yes that nothing waited for. */
  readonly problems: readonly string[];
}

/** Who wrote a tested policy, unless the test says it: a person who approves nothing. No name of a document has a blank. */
const AUTHOR = { name: 'somebody else', email: 'somebody@else.invalid' };

/** The outcome of a test. Throws on our own bugs only. */
export async function runTest(
  test: ClosedTest,
  { emptyStore, catalogue }: Pick<Ports, 'emptyStore'> & { readonly catalogue: Catalogue },
): Promise<TestRun> {
  const { spec, policy } = test;
  const chain = chainOf(policy.target);
  const from = firstSlot(policy, spec.start);
  const store = await emptyStore();
  const problems: string[] = [];
  const ticks = new Map<number, SeenTick>();
  const recheck = async () => {
    const { differences } = await store.rebuild();
    if (differences.length > 0) problems.push(`after the crash: ${differences.join('; ')}`);
  };
  try {
    const result = await simulate({
      revision: revisionOf(test),
      from,
      to: from + lengthOf(test) + 1,
      store,
      catalogue,
      champion: spec.serving.champion,
      observe: observer(test, from, catalogue),
      effects: ender(test, catalogue),
      events: eventsOf(test, from, { chain, problems, recheck }),
      onTick: tick => {
        if (tick.chain === chain) ticks.set(tick.at, tick);
      },
    });
    const ran: Ran = { from, ticks: [...ticks.values()], entries: await store.entries({ chain }) };
    return {
      from,
      course: coursesOf(test, ran),
      failures: spec.expect.flatMap((_, i) => failureOf(test, ran, i) ?? []),
      problems: [...exclusionOf(policy, from + lengthOf(test)), ...problems, ...result.problems],
    };
  } finally {
    await store.close();
  }
}

/** A rule that no tick looks at is judged in rollouts only: its test begins when it says. An exclusion moves no beginning. */
function firstSlot({ excluded: _, ...policy }: ClosedPolicy, start: number): number {
  const slot = nextSlot(policy, start - 1);
  return slot < Number.MAX_SAFE_INTEGER ? slot : start;
}

/** What is excluded to the end is never looked at: whatever is expected of it would prove nothing. */
function exclusionOf(policy: ClosedPolicy, end: number): readonly string[] {
  if (!isExcluded(policy, end)) return [];
  const target = chainOf(policy.target);
  return [
    `${target} is excluded from ${policy.policy} (${policy.excluded?.reason}), so nothing is looked at; expected a target that it applies to, or a start after the exclusion`,
  ];
}

/** The policies in the mode of the test, as written by its author. */
function revisionOf({ policy, beside, spec }: ClosedTest): Revision {
  const known = spec.author === undefined ? undefined : policy.documents.people[spec.author];
  const author = { ...AUTHOR, ...(known ? { email: known.emails[0] ?? AUTHOR.email } : {}) };
  const commit = { sha: '0'.repeat(40), author, time: 0, subject: 'test' };
  const policies = [policy, ...beside].map((one): ClosedPolicy => {
    const people = { ...one.documents.people, [AUTHOR.name]: { emails: [AUTHOR.email] } };
    const documents = { ...one.documents, people };
    return { ...one, commit, documents, mode: spec.mode, modeFrom: 'the PolicyTest' };
  });
  return { commit, policies };
}

/** Until the last thing that is expected or happens. */
function lengthOf({ spec }: ClosedTest): number {
  const events = spec.events.map(one => one.at + (one.gap ?? 0));
  return Math.max(...spec.expect.map(one => one.at.to), ...events);
}

function subjectOf({ policy, spec }: ClosedTest, i: number): Subject {
  const { rule, labels = {} } = spec.expect[i] ?? {};
  return { policy: policy.policy, rule: rule ?? policy.rules[0]?.name ?? '', labels };
}

/** The first tick at which an expectation does not hold. What it was at the last tick before stands until the next. */
function failureOf(test: ClosedTest, ran: Ran, i: number): Failure | undefined {
  const expected = test.spec.expect[i];
  if (!expected) return undefined;
  const subject = subjectOf(test, i);
  const [from, to] = [ran.from + expected.at.from, ran.from + expected.at.to];
  const first = Math.max(
    0,
    ran.ticks.findLastIndex(tick => tick.at <= from),
  );
  const rule = ruleText(test, subject);
  const where = whereOf(test.positions[`spec.expect.${i}`]);
  if (!ran.ticks.some(tick => tick.at <= to)) {
    const misses = [{ what: 'tick', expected: 'the policy is looked at', found: 'it never was by then' }];
    return { at: elapsed(expected.at.from), where, rule, misses, ticks: [] };
  }
  for (let index = first; index < ran.ticks.length; index++) {
    const tick = ran.ticks[index];
    if (!tick || (index > first && tick.at > to)) return undefined;
    const misses = missesOf(momentOf(ran, tick, subject), expected);
    if (misses.length === 0) continue;
    const at = Math.max(tick.at, from) - ran.from;
    return {
      at: elapsed(at),
      where,
      rule,
      misses,
      ticks: rowsAround(ran, index, subject),
    };
  }
  return undefined;
}

function whereOf(position: Position | undefined): string {
  return position ? `${position.file}:${position.line}` : '';
}

/** The rule where there are several, and the label set where there is one. */
function ruleText({ policy }: ClosedTest, { rule, labels }: Subject): string {
  const set = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return [
    ...(policy.rules.length > 1 ? [rule] : []),
    ...(set.length > 0 ? [`[${set.join(', ')}]`] : []),
  ].join(' ');
}

function rowsAround(ran: Ran, index: number, subject: Subject): readonly TickRow[] {
  return ran.ticks.slice(Math.max(0, index - BEFORE), index + AFTER + 1).map(tick => {
    const moment = momentOf(ran, tick, subject);
    return {
      at: elapsed(tick.at - ran.from),
      state: moment.state,
      decision: decisionText(moment),
      values: valuesOf(moment),
      here: tick === ran.ticks[index],
    };
  });
}

/** One line for each rule and label set that something is expected of. */
function coursesOf(test: ClosedTest, ran: Ran): readonly string[] {
  const lines = new Map<string, string>();
  test.spec.expect.forEach((_, i) => {
    const subject = subjectOf(test, i);
    const name = ruleText(test, subject);
    if (!lines.has(name)) lines.set(name, courseOf(ran, subject));
  });
  return [...lines].map(([name, line]) => (name === '' ? line : `${name} ${line}`));
}

function courseOf(ran: Ran, subject: Subject): string {
  const steps: string[] = [];
  let before = '';
  for (const tick of ran.ticks) {
    const moment: Moment = momentOf({ ...ran, entries: [] }, tick, subject);
    const decision = decisionText(moment);
    const now = decision === '-' ? moment.state : `${moment.state} (${decision})`;
    if (now !== before) steps.push(`${elapsed(tick.at - ran.from)} ${now}`);
    before = now;
  }
  return steps.join(' → ');
}
