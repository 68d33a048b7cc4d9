/** YAML text as plain values with the place of every key and value, and every syntax error as a diagnostic. Pure. */
import type { Diagnostic, Json, Position } from '../model.ts';
import { error } from './diagnostic.ts';
import { codeOf, readYaml } from './library-yaml.ts';
import { readPlain } from './plain-yaml.ts';
import type { Marked } from './spots.ts';

/** More than people write by hand, less than can hurt. */
const MAX_FILE_CHARACTERS = 1_000_000;
/** The same of what the library must read, which is much slower. */
const MAX_RICH_CHARACTERS = 200_000;
/** The library reads nested brackets with its stack. */
const MAX_BRACKETS = 200;

export type Path = readonly (string | number)[];

/** One YAML document: its value, its text, and where everything in it stands. */
export interface Source {
  readonly file: string;
  readonly text: string;
  readonly value: Json;
  /** Dotted path → where its value stands. */
  readonly positions: Readonly<Record<string, Position>>;
  readonly start: Position;
  /** Where a value stands; that of the nearest parent that is written when it is not. */
  at(path: Path): Position;
  /** Where a key stands, for keys that should not be there. */
  atKey(path: Path): Position;
  /** Where a character of a text value stands. */
  within(path: Path, index: number): Position;
  readonly diagnostics: readonly Diagnostic[];
}

export interface ReadFile {
  readonly sources: readonly Source[];
  /** What could not be read at all; then what the file names is unknown. */
  readonly unreadable: readonly Diagnostic[];
}

/** The documents of a file. Never throws, whatever the text. Empty documents are left out. */
export function readFile(file: string, text: string): ReadFile {
  const place = places(file, text);
  const hostile = refused(text);
  if (hostile) {
    const { offset, message, hint } = hostile;
    return { sources: [], unreadable: [error(place(offset), message, hint)] };
  }
  const plain = readPlain(text);
  if ('documents' in plain) {
    const sources = plain.documents.map(marked => sourceOf(file, text, marked, place, []));
    return { sources, unreadable: [] };
  }
  if (text.length > MAX_RICH_CHARACTERS) {
    const message = `this is more than plain YAML, in a file of ${text.length} characters; expected at most ${MAX_RICH_CHARACTERS} in such a file`;
    return { sources: [], unreadable: [error(place(plain.from), message, 'Split it into several files.')] };
  }
  try {
    const { documents, unreadable } = readYaml(text, place);
    const sources = documents.map(one => sourceOf(file, text, one.marked, place, one.diagnostics));
    return { sources, unreadable };
  } catch (thrown) {
    // The library throws on what it cannot represent.
    const message = `not readable as YAML (${firstLine(thrown)}); expected YAML 1.2`;
    return { sources: [], unreadable: [error(place(0), message)] };
  }
}

interface Refusal {
  readonly offset: number;
  readonly message: string;
  readonly hint?: string;
}

/** What is no text that the library should see, by its first character that is in the way. */
function refused(text: string): Refusal | undefined {
  if (text.length > MAX_FILE_CHARACTERS)
    return {
      offset: 0,
      message: `${text.length} characters; expected at most ${MAX_FILE_CHARACTERS} in one file`,
      hint: 'Split it into several files.',
    };
  const half = text.isWellFormed() ? -1 : text.search(/\p{Surrogate}/u);
  if (half >= 0) return { offset: half, message: 'half a character stands here; expected UTF-8' };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  const control = text.search(/[\0-\x08\x0B\x0C\x0E-\x1F\x7F-\x84\x86-\x9F\uFFFD-\uFFFF]/);
  if (control >= 0) return { offset: control, ...unprintable(text, control) };
  const deep = firstDeep(text);
  return deep < 0
    ? undefined
    : { offset: deep, message: `brackets nested deeper than ${MAX_BRACKETS} levels; expected less` };
}

function unprintable(text: string, offset: number): { readonly message: string } {
  const found = text.charAt(offset);
  if (found === '\uFFFD') return { message: 'a character could not be decoded; expected UTF-8' };
  return { message: `the control character ${codeOf(found)} stands here; expected text without it` };
}

/** The first bracket that is nested too deep, wherever brackets stand; -1 when none is. */
function firstDeep(text: string): number {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x5b || code === 0x7b) {
      if (++depth > MAX_BRACKETS) return i;
    } else if ((code === 0x5d || code === 0x7d) && depth > 0) depth--;
  }
  return -1;
}

/** Lines and columns of offsets, which count from 1. A byte order mark is not counted. */
function places(file: string, text: string): (offset: number) => Position {
  let starts: number[] | undefined;
  /** Of the last answer: the next is often on the same line. */
  let line = 0;
  return offset => {
    starts ??= lineStarts(text);
    const isHere = (starts[line] ?? 0) <= offset && offset < (starts[line + 1] ?? Number.POSITIVE_INFINITY);
    if (!isHere) line = lineOf(starts, offset);
    return { file, line: line + 1, column: Math.max(1, offset - (starts[line] ?? 0) + 1) };
  };
}

function lineOf(starts: readonly number[], offset: number): number {
  let [low, high] = [0, starts.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle;
  }
  return low;
}

function lineStarts(text: string): number[] {
  const starts = [text.startsWith('\uFEFF') ? 1 : 0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function sourceOf(
  file: string,
  text: string,
  { value, spots, from, to, start }: Marked,
  place: (offset: number) => Position,
  diagnostics: readonly Diagnostic[],
): Source {
  const nearest = (path: Path, offset: (path: string) => number | undefined): Position => {
    for (let length = path.length; length > 0; length--) {
      const found = offset(dotted(path.slice(0, length)));
      if (found !== undefined) return place(found);
    }
    return place(start);
  };
  const at = (path: Path) => nearest(path, one => spots.value(one));
  let positions: Record<string, Position> | undefined;
  return {
    file,
    text: text.slice(from, to),
    value,
    get positions() {
      positions ??= spots.places(place);
      return positions;
    },
    start: place(start),
    at,
    atKey: path => nearest(path, one => spots.key(one)),
    within: (path, index) => {
      const offset = spots.value(dotted(path));
      const held = textAt(value, path);
      return offset === undefined || held === undefined
        ? at(path)
        : place(offsetWithin(text, offset, held, index));
    },
    diagnostics,
  };
}

function textAt(value: Json, path: Path): string | undefined {
  let here: Json | undefined = value;
  for (const part of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, part)) return undefined;
    here = (here as { readonly [key: string]: Json })[part];
  }
  return typeof here === 'string' ? here : undefined;
}

/** `['spec', 'then', 0]` as `spec.then.0`. */
export function dotted(path: Path): string {
  return path.join('.');
}

/** Quotes, block headers, folding and indentation only add or change blanks: count the others. */
function offsetWithin(source: string, from: number, value: string, index: number): number {
  const first = source.charAt(from);
  let skip = from;
  if (first === '"' || first === "'") skip = from + 1;
  if (first === '|' || first === '>') skip = source.indexOf('\n', from) + 1;
  let left = value.slice(0, index).replace(/\s/g, '').length;
  for (let i = skip; i < source.length; i++) {
    if (/\s/.test(source.charAt(i))) continue;
    if (left === 0) return i;
    left--;
  }
  return from;
}

function firstLine(thrown: unknown): string {
  return (thrown instanceof Error ? thrown.message : String(thrown)).split('\n')[0] ?? '';
}
