/** What reducers over the same vectors say of the members together: `any(psi > 0.3)` beside `max(psi) < 0.2`. Pure. */
import type { Json } from '../model.ts';
import type { Domain } from './lint-domain.ts';

/** What holds of one member at least, each by itself, and of every member. */
interface Facts {
  readonly some: readonly Json[];
  readonly every: readonly Json[];
}

const NOTHING: Facts = { some: [], every: [] };

/**
 * Conditions of single members of which each must be possible, or the box holds nothing. A reducer whose comparison is known
 * has no unknown member that could change it, so that these facts are about known values.
 */
export function memberConditions(box: ReadonlyMap<string, Domain>): readonly Json[] {
  const facts = [...box].flatMap(([key, domain]) => {
    const found = factsOf(key, domain);
    return found === NOTHING ? [] : [found];
  });
  if (facts.length < 2) return [];
  const grouped = Map.groupBy(facts, ({ some, every }) => vectorsOf([...some, ...every]));
  return [...grouped.values()].flatMap(group => {
    const every = group.flatMap(one => one.every);
    const some = group.flatMap(one => one.some);
    // There is at least one member: without any nothing would be known.
    return (some.length > 0 ? some : [true]).map((one): Json => ({ and: [one, ...every] }));
  });
}

/** `any X` and `all X` by name, and terms that are reducers. */
function factsOf(key: string, domain: Domain): Facts {
  const [, word, inner] = /^(any|all) (.*)$/s.exec(key) ?? [];
  if (word !== undefined && inner !== undefined) return ofWord(word, JSON.parse(inner) as Json, domain);
  // A difference of two terms is no JSON.
  const [, name, of] = /^\{"reduce":\["(count|share|max|min)",(.*)\]\}$/s.exec(key) ?? [];
  if (name === undefined || of === undefined) return NOTHING;
  const term = parsed(of);
  if (term === undefined) return NOTHING;
  return name === 'max' || name === 'min' ? ofEnd(name, term, domain) : ofTally(name, term, domain);
}

function ofWord(word: string, inner: Json, { only }: Domain): Facts {
  const holds = only?.includes(true) === true;
  if (word === 'any') return holds ? some(inner) : every(not(inner));
  return holds ? every(inner) : some(not(inner));
}

/** The largest is at most so much: every one is. It is at least so much: one is. */
function ofEnd(name: 'max' | 'min', term: Json, { lo, hi, loOpen, hiOpen }: Domain): Facts {
  const above: readonly Json[] = Number.isFinite(lo) ? [{ [loOpen ? '>' : '>=']: [term, lo] }] : [];
  const below: readonly Json[] = Number.isFinite(hi) ? [{ [hiOpen ? '<' : '<=']: [term, hi] }] : [];
  const facts = name === 'max' ? { some: above, every: below } : { some: below, every: above };
  return above.length + below.length === 0 ? NOTHING : facts;
}

function ofTally(name: string, inner: Json, { lo, hi, loOpen, hiOpen, only }: Domain): Facts {
  const [least, most] =
    only === undefined ? [lo, hi] : [Math.min(...numbers(only)), Math.max(...numbers(only))];
  const held = least > 0 || (least === 0 && loOpen && only === undefined);
  if (most <= 0) return every(not(inner));
  if (name === 'count') return held ? some(inner) : NOTHING;
  if (least >= 1) return every(inner);
  const missed = most < 1 || (most === 1 && hiOpen && only === undefined);
  if (!held && !missed) return NOTHING;
  return { some: [...(held ? [inner] : []), ...(missed ? [not(inner)] : [])], every: [] };
}

function numbers(values: readonly unknown[]): readonly number[] {
  return values.filter(value => typeof value === 'number');
}

function some(inner: Json): Facts {
  return { some: [inner], every: [] };
}

function every(inner: Json): Facts {
  return { some: [], every: [inner] };
}

function not(inner: Json): Json {
  return { '!': [inner] };
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** Names of everything that is read: reducers over other vectors are about other members. */
function vectorsOf(conditions: readonly Json[]): string {
  const text = JSON.stringify(conditions);
  const roots = [...text.matchAll(/"var":"([^".]+)/g)].map(found => found[1] ?? '');
  return [...new Set(roots)].sort().join(' ');
}
