/** Mutations of documents by a seeded generator: of their structure, of their text, of both. */
import { stringify } from 'yaml';
import type { Json } from '../../src/model.ts';

export interface Good {
  readonly text: string;
  readonly value: Json;
}

/** One more mutant: of this document, or of any. */
export type Mutator = (of?: Good) => string;

type Tree = null | boolean | number | string | Tree[] | { [key: string]: Tree };

const STRANGE: readonly Tree[] = [
  ...[
    null,
    true,
    false,
    0,
    1,
    -1,
    1.5,
    1e21,
    '',
    ' ',
    'x',
    'no',
    '010',
    '1:30',
    '6h',
    '0s',
    '5%',
    '150%',
    '3 per 7d',
    'é',
    '\u0000',
  ],
  ...[
    'psi > 0.2',
    'and and',
    '((((',
    `\${steps.x.y}`,
    '$',
    '2001-01-31',
    'UTC',
    'a.b',
    '-',
    '*',
    '__proto__',
    'constructor',
  ],
  ...[
    [],
    {},
    [[]],
    [{}],
    { '': 1 },
    ['x'],
    [1, 'x', null],
    { x: 1 },
    { x: { y: [] } },
    { var: 'x' },
    { and: [true] },
    { '>': [1, 2] },
  ],
];
const KEYS = [
  'x',
  '',
  'spec',
  'kind',
  'name',
  'then',
  'when',
  'for',
  'window',
  'gate',
  'rules',
  'params',
  'constructor',
  'toString',
];
const SNIPPETS = [
  '\n',
  '  ',
  '\t',
  ': ',
  '- ',
  '{',
  '}',
  '[',
  ']',
  ',',
  '#',
  '"',
  "'",
  '&a ',
  '*a',
  '!x ',
  '|\n',
  '>-\n',
  '---\n',
  '%',
  '@',
  '\r\n',
  '\uFEFF',
  '\u0000',
  '\ud800',
  '0',
  '9',
];

/** A generator of mutants from a seed: equal seeds and documents give equal mutants. */
export function generator(seed: number, documents: readonly Good[]): Mutator {
  const random = mulberry32(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const pick = <T>(of: readonly T[]): T => of[below(of.length)] as T;

  /** Every collection of a tree. */
  const collections = (tree: Tree): (Tree[] | { [key: string]: Tree })[] =>
    typeof tree !== 'object' || tree === null
      ? []
      : [tree, ...(Array.isArray(tree) ? tree : Object.values(tree)).flatMap(collections)];
  const anyPart = (tree: Tree): Tree => {
    const within = collections(tree).flatMap(one => (Array.isArray(one) ? one : Object.values(one)));
    return within.length === 0 ? tree : structuredClone(pick(within));
  };

  const mutateTree = (tree: Tree, other: Tree): void => {
    const place = pick(collections(tree));
    if (place === undefined) return;
    const keys = Object.keys(place);
    const key = pick(keys);
    const at = place as { [key: string]: Tree };
    const value = pick<() => Tree>([
      () => pick(STRANGE),
      () => pick(STRANGE),
      () => anyPart(other),
      () => anyPart(tree),
      () => (key === undefined ? null : [at[key] ?? null]),
      () => (key === undefined ? null : { [pick(KEYS)]: at[key] ?? null }),
      () => (key === undefined ? null : slip(JSON.stringify(at[key] ?? null))),
    ]);
    const change = below(6);
    if (change === 0 && key !== undefined) {
      if (Array.isArray(place)) place.splice(Number(key), 1);
      else delete at[key];
    } else if (change === 1) {
      if (Array.isArray(place)) place.push(value());
      else at[pick([...KEYS, ...Object.keys(pick(collections(other)) ?? {})])] = value();
    } else if (change === 2 && key !== undefined && !Array.isArray(place)) {
      at[slip(key)] = at[key] ?? null;
      if (below(2)) delete at[key];
    } else if (change === 3 && keys.length > 1) {
      const with_ = pick(keys);
      [at[key as string], at[with_]] = [at[with_] ?? null, at[key as string] ?? null];
    } else if (key !== undefined) at[key] = value();
  };

  /** A word as a hurried person writes it. */
  const slip = (word: string): string => {
    const at = below(word.length + 1);
    const how = below(4);
    if (how === 0) return word.slice(0, at) + word.slice(at + 1);
    if (how === 1) return word.slice(0, at) + word.charAt(at) + word.slice(at);
    if (how === 2)
      return word.slice(0, at) + word.slice(at + 1, at + 2) + word.charAt(at) + word.slice(at + 2);
    return below(2) ? word.toUpperCase() : `${word} `;
  };

  const mutateText = (text: string): string => {
    const from = below(text.length + 1);
    const to = Math.min(text.length, from + below(12));
    const lines = text.split('\n');
    const change = below(7);
    if (change === 0) return text.slice(0, from) + text.slice(to);
    if (change === 1) return text.slice(0, from) + pick(SNIPPETS) + text.slice(from);
    if (change === 2) return text.slice(0, from);
    if (change === 3) {
      const line = below(lines.length);
      return [...lines.slice(0, line), lines[line], ...lines.slice(line)].join('\n');
    }
    if (change === 4) return lines.filter((_, i) => i !== from % lines.length).join('\n');
    if (change === 5) {
      const other = pick(documents).text;
      return text.slice(0, from) + other.slice(below(other.length));
    }
    return text.slice(0, from) + bytes(below(20)) + text.slice(to);
  };

  const bytes = (length: number): string =>
    new TextDecoder().decode(Uint8Array.from({ length }, () => below(256)));

  return (of = pick(documents)) => {
    const kind = below(20);
    if (kind === 0) return bytes(below(400));
    if (kind === 1) return `${of.text}---\n${pick(documents).text}`;
    let mutant = of.text;
    if (kind < 14) {
      const tree = structuredClone(of.value) as Tree;
      const other = structuredClone(pick(documents).value) as Tree;
      for (let i = 1 + below(3); i > 0; i--) mutateTree(tree, other);
      mutant = below(2) ? stringify(tree) : JSON.stringify(tree, null, 2);
    }
    if (kind >= 12) for (let i = 1 + below(3); i > 0; i--) mutant = mutateText(mutant);
    return mutant;
  };
}

/** A small generator of numbers from 0 up to 1 (Tommy Ettinger's Mulberry32). */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
