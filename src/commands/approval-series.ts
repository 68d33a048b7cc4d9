/** The recent course of what a question rests on, for a chart and for what changed: recorded looks, bounded. Pure but for the store. */
import { readNames } from '../engine/names.ts';
import type { Labels, Observation, Reading, RecordedTick, Serving, Store } from '../model.ts';
import type { Question } from './question.ts';
import { safe, value } from './time.ts';

/** One line of a chart: `values[i]` at `at[i]`, null where it was not known. */
export interface Course {
  readonly name: string;
  readonly unit: string;
  readonly thresholds: readonly number[];
  readonly at: readonly number[];
  readonly values: readonly (number | null)[];
}

/** Recorded observations of a target that are looked through, the newest first. */
const MOST_READ = 6000;
const MOST_POINTS = 120;
const MOST_LINES = 3;

/** What was seen of a target: by the look that asked, when that is kept, by those before and since, and what serves now. */
export interface Seen {
  readonly asked?: RecordedTick['snapshot'];
  /** The newest first. */
  readonly looks: Awaited<ReturnType<Store['observationsOf']>>;
  readonly serving?: Serving;
}

/** Reads what the other functions here are about. */
export async function lookedAt(
  store: Store,
  { chain, seq }: Question,
  serving: Serving | undefined,
): Promise<Seen> {
  const [tick] = seq === undefined ? [] : await store.ticks(chain, seq);
  return {
    looks: await store.observationsOf(chain, { limit: MOST_READ }),
    ...(tick ? { asked: tick.snapshot } : {}),
    ...(serving ? { serving } : {}),
  };
}

/** What the condition of a question's rule reads, oldest value first. */
export function coursesOf(question: Question, { looks }: Seen): readonly Course[] {
  const { policy, labels } = aboutOf(question);
  return namesOf(question)
    .slice(0, MOST_LINES)
    .flatMap(name => {
      const named = looks.filter(one => one.policy === policy && one.observation.name === name);
      const [newest] = named;
      const seen = named
        .map(one => ({ at: one.takenAt, seen: mainValue(one.observation, labels) }))
        .reverse();
      const numbers = seen.filter(one => typeof one.seen === 'number' || one.seen === undefined);
      if (!newest || !numbers.some(one => typeof one.seen === 'number')) return [];
      const kept = thinned(numbers, question.ask.at);
      const spec = question.plan.observe[name];
      return [
        {
          name: lineName(name, newest.observation, labels),
          unit: newest.observation.unit,
          thresholds: spec?.thresholds ?? [],
          at: kept.map(one => one.at),
          values: kept.map(({ seen }) => (typeof seen === 'number' ? seen : null)),
        },
      ];
    });
}

/** How values of the rule's observations differ between the look that asked and the newest one: `psi was 0.3, is 0.1`. */
export function valuesSince(question: Question, { asked, looks }: Seen): readonly string[] {
  if (!asked) return [];
  const { policy, labels } = aboutOf(question);
  return namesOf(question).flatMap(name => {
    const newest = looks.find(one => one.policy === policy && one.observation.name === name);
    const old = asked.observations[policy]?.[name];
    if (!newest || !old || newest.takenAt <= asked.takenAt) return [];
    const [was, is] = [shownOf(old, labels), shownOf(newest.observation, labels)];
    return was === is ? [] : [`${lineName(name, old, labels)} was ${was}, is ${is}`];
  });
}

function aboutOf({ cause, episode }: Question): { readonly policy: string; readonly labels: Labels } {
  return { policy: cause.policy, labels: episode?.labels ?? {} };
}

/** Observations that the rule's condition reads. */
function namesOf({ policy, cause, plan }: Question): readonly string[] {
  const rule = policy?.rules.find(one => one.name === cause.rule);
  const conditions = [rule?.when, plan.verify?.that].filter(one => one !== undefined);
  const names = conditions.flatMap(one => readNames(one.logic));
  return [...new Set(names)].filter(name => plan.observe[name] !== undefined);
}

function lineName(name: string, { vector }: Observation, labels: Labels): string {
  if (!vector) return name;
  const group = Object.values(labels).join('/');
  return group === '' ? `max(${name})` : `${name} [${safe(group, 80)}]`;
}

/** The value of one look: of a vector that of the group, or the greatest of all. */
function mainValue(observation: Observation, labels: Labels): number | string | boolean | undefined {
  if (observation.unknown) return undefined;
  const readings = observation.vector ? ofGroup(observation.readings, labels) : observation.readings;
  const known = readings.filter(one => one.unknown === undefined).map(one => one.fields.value);
  const numbers = known.filter(one => typeof one === 'number');
  return numbers.length > 0 ? Math.max(...numbers) : known[0];
}

function ofGroup(readings: readonly Reading[], labels: Labels): readonly Reading[] {
  return readings.filter(one =>
    Object.entries(labels).every(
      ([name, text]) => one.labels[name] === undefined || one.labels[name] === text,
    ),
  );
}

function shownOf(observation: Observation, labels: Labels): string {
  const found = mainValue(observation, labels);
  if (found !== undefined) return safe(value(found), 80);
  const why = observation.unknown ?? observation.readings[0]?.unknown;
  return `unknown (${why?.reason ?? 'absent'})`;
}

/** At most so many points, evenly; the first, the last and the one that asked stay. */
function thinned<T extends { readonly at: number }>(all: readonly T[], asked: number): readonly T[] {
  const step = Math.ceil(all.length / MOST_POINTS);
  return all.filter((one, i) => i % step === 0 || i === all.length - 1 || one.at === asked);
}
