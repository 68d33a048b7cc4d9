/** Conditions as policies write them: one text checked against what may be named where it stands. Pure. */
import type { Condition, Diagnostic, Position } from '../model.ts';
import { error } from './diagnostic.ts';
import { described } from './dimension.ts';
import { convert, type Reduced, refuse, type Typed, type Walk } from './expression.ts';
import { InfixError, parseInfix } from './infix.ts';
import type { Names } from './variable.ts';

/** A checked condition with what other checks want to know of it. */
export interface CheckedCondition {
  readonly condition: Condition;
  /** One answer per label set. */
  readonly vector: boolean;
  readonly reducers: readonly Reduced[];
  /** Names that it reads, `before.x` as well under `before`. */
  readonly observations: readonly string[];
  readonly before: readonly string[];
  readonly steps: readonly string[];
  /** Numbers that main values are compared with, by observation. */
  readonly thresholds: Readonly<Record<string, readonly number[]>>;
}

/**
 * The condition of a text, or every mistake that it holds. `at` gives the place of a character of the text.
 */
export function checkCondition(
  text: string,
  names: Names,
  at: (index: number) => Position,
): { readonly checked?: CheckedCondition; readonly diagnostics: readonly Diagnostic[] } {
  const walk: Walk = {
    names,
    at,
    diagnostics: [],
    reducers: [],
    observations: new Set(),
    before: new Set(),
    steps: new Set(),
    thresholds: new Map(),
    inside: undefined,
    nots: 0,
  };
  const typed = readTree(text, walk);
  if (typed && typed.type.dimension !== 'boolean')
    refuse(
      walk,
      0,
      `this is ${described(typed.type)}; expected a condition that is true or false, such as psi > 0.2`,
    );
  else if (typed && walk.observations.size + walk.steps.size === 0)
    refuse(walk, 0, 'this reads no observation, so its answer never changes; expected a name of observe');
  if (typed === undefined || walk.diagnostics.length > 0) return { diagnostics: walk.diagnostics };
  return { checked: summary(text, typed, walk), diagnostics: [] };
}

function readTree(text: string, walk: Walk): Typed | undefined {
  try {
    return convert(parseInfix(text), walk);
  } catch (thrown) {
    if (!(thrown instanceof InfixError)) throw thrown;
    walk.diagnostics.push(error(walk.at(thrown.index), thrown.message, thrown.hint));
    return undefined;
  }
}

function summary(text: string, { logic, type }: Typed, walk: Walk): CheckedCondition {
  return {
    condition: { text: text.trim(), logic, position: walk.at(0) },
    vector: type.vector,
    reducers: walk.reducers,
    observations: [...walk.observations],
    before: [...walk.before],
    steps: [...walk.steps],
    thresholds: Object.fromEntries([...walk.thresholds].map(([name, values]) => [name, [...values]])),
  };
}
