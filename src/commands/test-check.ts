/** Whether a moment of a test's run is as expected, and what differs. Pure. */
import type { Expectation } from '../dsl/index.ts';
import { groupKey } from '../engine/ids.ts';
import type { Json, Predicate } from '../model.ts';
import { decisionText, type Moment, type SeenAction } from './test-moment.ts';

/** One thing that was otherwise. */
export interface Miss {
  readonly what: string;
  readonly expected: string;
  readonly found: string;
}

/** What differs, in the order in which an expectation is written; empty when all of it holds. */
export function missesOf(moment: Moment, expected: Expectation): readonly Miss[] {
  const { state, episode, gate = 'none', decision, explanation } = moment;
  const outcome = decision?.outcome ?? 'none';
  const holds = decision?.holds.map(hold => hold.reason) ?? [];
  const misses: Miss[] = [];
  const compare = (what: string, wanted: string | undefined, found: string, holdsTrue = wanted === found) => {
    if (wanted !== undefined && !holdsTrue) misses.push({ what, expected: wanted, found });
  };
  compare('state', expected.state, state);
  const done = outcome === 'none' ? 'none' : decisionText(moment);
  compare('decision', expected.decision, done, expected.decision === outcome);
  compare('verb', expected.verb, decision?.verb ?? 'none');
  compare('reason', expected.reason, holds.join(', ') || 'none', expected.reason === holds[0]);
  const among = (expected.reasons ?? []).every(one => holds.includes(one));
  compare('reasons', expected.reasons?.join(', '), holds.join(', ') || 'none', among);
  compare(
    'explain',
    expected.explain,
    explanation || 'nothing',
    explanation.includes(expected.explain ?? ''),
  );
  compare('episode', expected.episode, episode);
  compare('gate', expected.gate, gate);
  if (expected.actions) misses.push(...actionMisses(expected.actions, moment.actions));
  return misses;
}

type Expected = NonNullable<Expectation['actions']>[number];

function actionMisses(expected: readonly Expected[], found: readonly SeenAction[]): readonly Miss[] {
  const same = expected.length === found.length && expected.every((one, i) => isLike(one, found[i]));
  if (same) return [];
  const wanted = expected.map(expectedText).join(', ') || 'none';
  const seen = found.map((one, i) => actionText(one, expected[i])).join(', ') || 'none';
  return [{ what: 'actions', expected: wanted, found: seen }];
}

function isLike(expected: Expected, found: SeenAction | undefined): boolean {
  if (!found || expected.verb !== found.verb) return false;
  if (expected.state !== undefined && expected.state !== found.state) return false;
  if (expected.labels && groupKey(expected.labels) !== groupKey(found.labels)) return false;
  return Object.entries(expected.with ?? {}).every(
    ([name, value]) => argumentText(found.args[name]) === argumentText(value),
  );
}

function expectedText({ verb, state, labels, with: args = {} }: Expected): string {
  return text(verb, state, labels ?? {}, Object.entries(args));
}

function actionText({ verb, state, labels, args }: SeenAction, like: Expected | undefined): string {
  const shown = Object.keys(like?.with ?? {}).map(name => [name, args[name]] as const);
  return text(verb, state, like?.labels ? labels : {}, shown);
}

function text(
  verb: string,
  state: string | undefined,
  labels: Readonly<Record<string, string>>,
  args: readonly (readonly [string, Json | undefined])[],
): string {
  const group = groupKey(labels);
  const written = args.map(([name, value]) => `${name} ${argumentText(value)}`);
  const more = written.length === 0 ? '' : ` (${written.join(', ')})`;
  return `${verb}${group === '' ? '' : ` [${group}]`}${state === undefined ? '' : ` ${state}`}${more}`;
}

/** A value as text, so that a filter that is written compares with the tree that it became. */
export function argumentText(value: Json | undefined): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'string') return normal(value);
  if (value !== null && typeof value === 'object' && 'op' in value)
    return normal(predicateText(value as unknown as Predicate));
  return JSON.stringify(value);
}

function normal(written: string): string {
  return written
    .replaceAll('"', "'")
    .replace(/\s+/g, ' ')
    .replace(/\s*([[(])\s*/g, ' $1')
    .replace(/\s*([\]),])\s*/g, '$1 ')
    .replace(/ +([\]),])/g, '$1')
    .trim();
}

/** A filter as a person writes it. */
function predicateText(predicate: Predicate): string {
  switch (predicate.op) {
    case 'and':
    case 'or':
      return predicate.args.map(one => nested(one)).join(` ${predicate.op} `);
    case 'not':
      return `not ${nested(predicate.arg)}`;
    case 'is-null':
      return `${predicate.column} is null`;
    case 'in':
      return `${predicate.column} in ${Array.isArray(predicate.values) ? `[${predicate.values.map(literal).join(', ')}]` : literal(predicate.values as Json)}`;
    default:
      return `${predicate.column} ${predicate.op} ${literal(predicate.value as Json)}`;
  }
}

function nested(predicate: Predicate): string {
  const junction = predicate.op === 'and' || predicate.op === 'or';
  return junction ? `(${predicateText(predicate)})` : predicateText(predicate);
}

function literal(value: Json): string {
  return typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
}
