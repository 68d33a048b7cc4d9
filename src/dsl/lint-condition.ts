/** One condition by itself: whether it, or a part of it, is decided before anything is observed. Pure. */
import type { Condition, Json, Position } from '../model.ts';
import { type Finding, finding, type RuleName } from './lint-finding.ts';
import { ANY, type Ranges } from './lint-range.ts';
import { rangesOf } from './lint-statistics.ts';
import { boxes, canBe, nodeOf, rangeOf } from './lint-truth.ts';
import { dimensionOfTerm, rangeWords, type Vocabulary, wordsOf } from './lint-words.ts';

/** A condition with what becomes of it. */
export interface Judged {
  readonly condition: Condition;
  readonly rule: RuleName;
  /** What goes wrong when it is never true, and when it is never false; without one that is as it should be. */
  readonly never?: string;
  readonly always?: string;
  readonly position?: Position;
}

/** Clauses of one junction that are compared with the rest of it. */
const MOST_CLAUSES = 12;

/** Findings about a condition: thresholds beyond their statistic first, for they are the cause of what they make dead. */
export function conditionFindings(judged: Judged, vocabulary: Vocabulary): readonly Finding[] {
  const { condition, rule, never, always } = judged;
  const { observe, catalogue } = vocabulary;
  const position = judged.position ?? condition.position;
  const sure = rangesOf(observe, catalogue, 'sure');
  const consequence = neverTrue(condition.logic, sure)
    ? never
    : neverFalse(condition.logic, sure)
      ? always
      : '';
  const beyond = comparisonsIn(condition.logic).flatMap(one => beyondRange(one, vocabulary));
  if (beyond.length > 0)
    return beyond.map(text => {
      const then = consequence ? `, so ${consequence}` : '';
      return finding('threshold-range', position, `${text.found}${then}; expected ${text.expected}`);
    });
  if (neverTrue(condition.logic, sure)) {
    if (never === undefined) return [];
    const message = `${shown(condition)} is never true, whatever is observed, so ${never}; expected clauses that can hold together`;
    return [finding(rule, position, message)];
  }
  if (neverFalse(condition.logic, sure)) {
    if (always === undefined) return [];
    const message = `${shown(condition)} is true whatever is observed, so ${always}; expected a condition that can be false`;
    return [finding(rule, position, message)];
  }
  return deadClauses(condition.logic, sure).map(one =>
    finding('dead-clause', position, deadWords(one, vocabulary), 'Leave it out, or write what was meant.'),
  );
}

function neverTrue(logic: Json, ranges: Ranges): boolean {
  return !canBe(logic, true, ranges);
}

function neverFalse(logic: Json, ranges: Ranges): boolean {
  return !canBe(logic, false, ranges);
}

/** All comparisons of a condition, those within reducers as well. */
function comparisonsIn(logic: Json): readonly Json[] {
  const [op, args] = nodeOf(logic);
  if (op === '' || op === 'var' || op === 'exists' || op === 'in') return [];
  const deeper = args.flatMap(comparisonsIn);
  return ['>', '>=', '<', '<=', '===', '!=='].includes(op) ? [logic, ...deeper] : deeper;
}

/** A comparison with a number that its statistic never reaches, or never leaves. */
function beyondRange(
  comparison: Json,
  vocabulary: Vocabulary,
): readonly { readonly found: string; readonly expected: string }[] {
  const ranges = rangesOf(vocabulary.observe, vocabulary.catalogue, 'usual');
  const [op, [left = null, right = null]] = nodeOf(comparison);
  const [term, limit] = typeof right === 'number' ? [left, right] : [right, left];
  if (typeof limit !== 'number' || typeof term === 'number') return [];
  const range = rangeOf(term, ranges);
  if (range.lo === ANY.lo && range.hi === ANY.hi && !range.whole) return [];
  const isTrue = boxes(comparison, true, ranges).length > 0;
  if (isTrue && boxes(comparison, false, ranges).length > 0) return [];
  // What is compared with itself, or is decided within, is told there.
  if (range.lo === range.hi) return [];
  const dimension = dimensionOfTerm(term, vocabulary);
  const certain = boxes(comparison, !isTrue, rangesOf(vocabulary.observe, vocabulary.catalogue, 'sure'));
  const surely = certain.length === 0;
  const answer = `${surely ? '' : 'practically '}${isTrue ? 'always' : 'never'} true`;
  const what = `${wordsOf(term, vocabulary)} is ${surely ? '' : 'in practice '}${rangeWords(range, dimension)}`;
  const found = `${wordsOf(comparison, vocabulary)} is ${answer}: ${what}`;
  const within = op === '===' || op === '!==' ? 'a value that it can have' : 'a threshold within';
  const unit =
    !surely && dimension === 'ratio' ? ', or unit: number where it is a multiple and no share' : '';
  return [{ found, expected: `${within}${unit}` }];
}

interface DeadClause {
  readonly clause: Json;
  readonly by: Json;
  readonly how: 'follows' | 'adds-nothing' | 'repeats';
}

/** Clauses that follow from the rest of their `and`, or that the rest of their `or` says already. One a junction. */
function deadClauses(logic: Json, ranges: Ranges): readonly DeadClause[] {
  const [op, args] = nodeOf(logic);
  if (op === 'reduce') return deadClauses(args[1] ?? null, ranges);
  if (op === '!') return deadClauses(args[0] ?? null, ranges);
  if (op !== 'and' && op !== 'or') return [];
  const own = args.length > MOST_CLAUSES ? undefined : deadIn(op, args, ranges);
  return own ? [own] : args.flatMap(one => deadClauses(one, ranges));
}

function deadIn(op: 'and' | 'or', args: readonly Json[], ranges: Ranges): DeadClause | undefined {
  for (const [i, clause] of [...args.entries()].reverse()) {
    if (isPresence(clause)) continue;
    const others = args.filter((_, j) => j !== i);
    const same = others.some(one => JSON.stringify(one) === JSON.stringify(clause));
    const by = others.find(one => decides(op, one, clause, ranges)) ?? rest(op, others);
    if (same || decides(op, by, clause, ranges))
      return { clause, by, how: same ? 'repeats' : op === 'and' ? 'follows' : 'adds-nothing' };
  }
  return undefined;
}

function rest(op: 'and' | 'or', others: readonly Json[]): Json {
  const [only = true] = others;
  return others.length === 1 ? only : { [op]: others };
}

/** Of `and`: the clause is never false while the other is true. Of `or`: never true while the other is false. */
function decides(op: 'and' | 'or', other: Json, clause: Json, ranges: Ranges): boolean {
  return op === 'and'
    ? neverTrue({ and: [other, { '!': [clause] }] }, ranges)
    : neverTrue({ and: [clause, { '!': [other] }] }, ranges);
}

/** What is expected to be present stands beside the condition in the closure, and nobody wrote it there. */
function isPresence(clause: Json): boolean {
  return JSON.stringify(clause).includes('"exists"');
}

function deadWords({ clause, by, how }: DeadClause, vocabulary: Vocabulary): string {
  const [what, other] = [wordsOf(clause, vocabulary), wordsOf(by, vocabulary)];
  if (how === 'repeats') return `${what} stands here twice; expected it once`;
  return how === 'follows'
    ? `${what} is always true where ${other} is, so it changes nothing; expected clauses that each can decide`
    : `${what} is only true where ${other} is, so it changes nothing; expected clauses that each can decide`;
}

/** A condition on one line, not too long. */
export function shown({ text }: Condition): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 120 ? `${line.slice(0, 117)}…` : line;
}
