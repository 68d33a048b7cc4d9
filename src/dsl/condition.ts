/** Conditions as policies write them, text or JSON Logic, checked against what may be named where they stand. Pure. */
import type { Condition, Diagnostic, Json, Position } from '../model.ts';
import { error } from './diagnostic.ts';
import { described } from './dimension.ts';
import { convert } from './expression.ts';
import { InfixError, parseInfix, type Tree } from './infix.ts';
import { readLogic, writeInfix } from './json-logic.ts';
import type { Path } from './source.ts';
import type { Names } from './variable.ts';
import { type Reduced, refuse, type Typed, type Walk } from './walk.ts';

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
 * The condition of a text, or of JSON Logic in its place, or every mistake that it holds. `at` gives the place of a character of
 * the text, `atPath` that of a part of the JSON Logic (by default where the whole stands).
 */
export function checkCondition(
  written: Json,
  names: Names,
  at: (index: number) => Position,
  atPath: (path: Path) => Position = () => at(0),
): { readonly checked?: CheckedCondition; readonly diagnostics: readonly Diagnostic[] } {
  const read = typeof written === 'string' ? readText(written, at) : readJson(written, atPath);
  if ('mistake' in read) return { diagnostics: [read.mistake] };
  const walk: Walk = {
    names,
    at: read.at,
    diagnostics: [],
    reducers: [],
    observations: new Set(),
    before: new Set(),
    steps: new Set(),
    thresholds: new Map(),
    texts: new Set(),
    inside: undefined,
    nots: 0,
  };
  const typed = convert(read.tree, walk);
  if (typed && typed.type.dimension !== 'boolean')
    refuse(
      walk,
      0,
      `this is ${described(typed.type)}; expected a condition that is true or false, such as psi > 0.2`,
    );
  // A requested action observes nothing: that it was asked for is why.
  else if (typed && names.observations.size > 0 && walk.observations.size + walk.steps.size === 0)
    refuse(walk, 0, 'this reads no observation, so its answer never changes; expected a name of observe');
  for (const [one, other] of unmatched(walk)) refuse(walk, 0, unlike(one, other, names));
  if (typed === undefined || walk.diagnostics.length > 0) return { diagnostics: walk.diagnostics };
  return { checked: summary(read.text ?? writeInfix(read.tree, walk.texts), typed, walk), diagnostics: [] };
}

/** Vectors within one reducer, or outside of all, of which neither has all labels of the other: they match on nothing. */
function unmatched({ reducers, names }: Walk): [string, string][] {
  const each = reducers.filter(one => one.reducer === 'each').flatMap(one => one.observations);
  const groups = [each, ...reducers.filter(one => one.reducer !== 'each').map(one => one.observations)];
  return groups.flatMap(group => {
    const vectors = [...new Set(group)].map(name => ({
      name,
      labels: names.observations.get(name)?.labels ?? [],
    }));
    const widest = vectors.reduce(
      (a, b) => (b.labels.length > a.labels.length ? b : a),
      vectors[0] ?? NO_VECTOR,
    );
    const odd = vectors.find(one => !one.labels.every(label => widest.labels.includes(label)));
    return odd === undefined ? [] : [[widest.name, odd.name] as [string, string]];
  });
}

const NO_VECTOR = { name: '', labels: [] as readonly string[] };

function unlike(one: string, other: string, { observations }: Names): string {
  const labels = (name: string) => observations.get(name)?.labels.join(' and ');
  return `${one} has a value for each ${labels(one)}, ${other} for each ${labels(other)}; expected that one has all labels of the other`;
}

type Read =
  | { readonly tree: Tree; readonly text?: string; readonly at: (index: number) => Position }
  | { readonly mistake: Diagnostic };

function readText(text: string, at: (index: number) => Position): Read {
  try {
    return { tree: parseInfix(text), text: text.trim(), at };
  } catch (thrown) {
    if (!(thrown instanceof InfixError)) throw thrown;
    return { mistake: error(at(thrown.index), thrown.message, thrown.hint) };
  }
}

function readJson(logic: Json, atPath: (path: Path) => Position): Read {
  const read = readLogic(logic);
  const at = (index: number) => atPath(read.paths[index] ?? []);
  if (read.error) return { mistake: error(at(read.error.index), read.error.message, read.error.hint) };
  if (read.tree === undefined) throw new Error('flyball bug: neither a tree nor a mistake');
  return { tree: read.tree, at };
}

function summary(text: string, { logic, type }: Typed, walk: Walk): CheckedCondition {
  return {
    condition: { text, logic, position: walk.at(0) },
    vector: type.vector,
    reducers: walk.reducers,
    observations: [...walk.observations],
    before: [...walk.before],
    steps: [...walk.steps],
    thresholds: Object.fromEntries([...walk.thresholds].map(([name, values]) => [name, [...values]])),
  };
}
