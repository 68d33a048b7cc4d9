/** YAML text as plain values with the place of every key and value, and every syntax error as a diagnostic. Pure. */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type Document as YamlDocument,
} from 'yaml';
import type { Diagnostic, Json, Position } from '../model.ts';
import { error, quoted } from './diagnostic.ts';

/** More than people write by hand, less than can hurt. */
const MAX_FILE_CHARACTERS = 1_000_000;
const MAX_DEPTH = 40;
const MAX_ALIASES = 100;
const MAX_VALUES = 100_000;

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
  const start = { file, line: 1, column: 1 };
  const refused = (message: string, hint?: string) => ({
    sources: [],
    unreadable: [error(start, message, hint)],
  });
  if (text.length > MAX_FILE_CHARACTERS)
    return refused(`${text.length} characters; expected at most ${MAX_FILE_CHARACTERS} in one file`);
  if (!text.isWellFormed()) return refused('not text; expected UTF-8');
  try {
    return readText(file, text);
  } catch (thrown) {
    // The library throws on what it cannot represent, such as nesting that is deeper than the stack.
    return refused(`not readable as YAML (${firstLine(thrown)}); expected YAML 1.2`);
  }
}

function readText(file: string, text: string): ReadFile {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    stringKeys: true,
    uniqueKeys: true,
    version: '1.2',
    prettyErrors: false,
    logLevel: 'error',
  });
  const sources: Source[] = [];
  const unreadable: Diagnostic[] = [];
  for (const document of documents) {
    const place = (offset: number): Position => {
      const { line, col } = lines.linePos(Math.max(0, Math.min(offset, text.length)));
      return { file, line: Math.max(1, line), column: Math.max(1, col) };
    };
    const syntax = document.errors.filter(one => one.code !== 'DUPLICATE_KEY');
    unreadable.push(...syntax.map(one => error(place(one.pos[0]), `YAML: ${sentence(one.message)}`)));
    if (syntax.length > 0 || isEmpty(document)) continue;
    sources.push(readDocument(file, text, document, place));
  }
  return { sources, unreadable };
}

function isEmpty(document: YamlDocument.Parsed): boolean {
  const { contents } = document;
  return contents === null || (isScalar(contents) && contents.value === null);
}

function readDocument(
  file: string,
  text: string,
  document: YamlDocument.Parsed,
  place: (offset: number) => Position,
): Source {
  const [from = 0, , to = text.length] = document.range;
  const diagnostics: Diagnostic[] = [];
  for (const one of document.errors) {
    const key = JSON.stringify(/^[^\s:]*/.exec(text.slice(one.pos[0]))?.[0] ?? '');
    diagnostics.push(
      error(place(one.pos[0]), `the key ${key} is written twice in one mapping; expected it once`),
    );
  }
  for (const one of document.warnings) {
    diagnostics.push(
      error(place(one.pos[0]), `YAML: ${sentence(one.message)}; expected plain values without tags`),
    );
  }
  const walk = new Walk(document, place, text, diagnostics);
  const value = walk.value(document.contents as Node | null, [], 0);
  const start = place(document.contents?.range?.[0] ?? from);
  const near = (path: Path, of: Map<string, Position>): Position => {
    for (let length = path.length; length > 0; length--) {
      const found = of.get(dotted(path.slice(0, length))) ?? walk.values.get(dotted(path.slice(0, length)));
      if (found) return found;
    }
    return start;
  };
  return {
    file,
    text: text.slice(from, to),
    value,
    positions: Object.fromEntries(walk.values),
    start,
    at: path => near(path, walk.values),
    atKey: path => near(path, walk.keys),
    within: (path, index) => {
      const node = walk.texts.get(dotted(path));
      return node === undefined ? near(path, walk.values) : place(offsetWithin(text, node, index));
    },
    diagnostics,
  };
}

interface TextNode {
  readonly from: number;
  readonly to: number;
  readonly value: string;
}

/** Turns nodes into values and remembers where they stood. A class because it holds the tables it fills. */
class Walk {
  readonly values = new Map<string, Position>();
  readonly keys = new Map<string, Position>();
  readonly texts = new Map<string, TextNode>();
  private readonly document: YamlDocument.Parsed;
  private readonly place: (offset: number) => Position;
  private readonly source: string;
  private readonly diagnostics: Diagnostic[];
  private aliases = 0;
  private count = 0;

  constructor(
    document: YamlDocument.Parsed,
    place: (offset: number) => Position,
    source: string,
    diagnostics: Diagnostic[],
  ) {
    this.document = document;
    this.place = place;
    this.source = source;
    this.diagnostics = diagnostics;
  }

  value(node: Node | null | undefined, path: Path, depth: number): Json {
    if (node === null || node === undefined) return null;
    const at = this.place(node.range?.[0] ?? 0);
    if (path.length > 0) this.values.set(dotted(path), at);
    if (depth > MAX_DEPTH) return this.refuse(at, `nested deeper than ${MAX_DEPTH} levels; expected less`);
    if (++this.count > MAX_VALUES)
      return this.count === MAX_VALUES + 1
        ? this.refuse(at, `more than ${MAX_VALUES} values; expected fewer in one document`)
        : null;
    if (isAlias(node)) return this.alias(node.resolve(this.document), node.source, at, path, depth);
    if (isMap(node))
      return this.mapping(node.items as readonly { key: unknown; value: unknown }[], path, depth);
    if (isSeq(node)) return node.items.map((item, i) => this.value(item as Node, [...path, i], depth + 1));
    return isScalar(node) ? this.scalar(node, at, path) : null;
  }

  private alias(target: Node | undefined, name: string, at: Position, path: Path, depth: number): Json {
    if (++this.aliases > MAX_ALIASES)
      return this.aliases === MAX_ALIASES + 1
        ? this.refuse(at, `more than ${MAX_ALIASES} aliases; expected fewer`)
        : null;
    if (target === undefined)
      return this.refuse(at, `the alias *${name} has no anchor; expected &${name} before it`);
    return this.value(target, path, depth + 1);
  }

  private mapping(items: readonly { key: unknown; value: unknown }[], path: Path, depth: number): Json {
    const found: Record<string, Json> = {};
    for (const { key, value } of items) {
      if (!isScalar(key)) continue;
      const name = String(key.value);
      const at = this.place(key.range?.[0] ?? 0);
      if (name === '__proto__') {
        this.refuse(at, 'the key "__proto__" is not allowed; expected another name');
        continue;
      }
      const below = [...path, name];
      if (Object.hasOwn(found, name)) continue;
      this.keys.set(dotted(below), at);
      found[name] = this.value(value as Node | null, below, depth + 1);
      if (!this.values.has(dotted(below))) this.values.set(dotted(below), at);
    }
    return found;
  }

  private scalar(node: { value: unknown; range?: readonly number[] | null }, at: Position, path: Path): Json {
    const { value } = node;
    if (typeof value === 'string') {
      if (!value.isWellFormed())
        return this.refuse(at, 'the text holds half a character; expected Unicode text');
      this.texts.set(dotted(path), { from: node.range?.[0] ?? 0, to: node.range?.[1] ?? 0, value });
      return value;
    }
    if (typeof value === 'number') {
      const exact = Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
      if (exact) return value;
      const written = this.source.slice(node.range?.[0], node.range?.[1]);
      return this.refuse(
        at,
        `${quoted(written)} is not an exact number; expected a finite one, or text in quotes`,
      );
    }
    return typeof value === 'boolean' ? value : null;
  }

  private refuse(at: Position, message: string): null {
    this.diagnostics.push(error(at, message));
    return null;
  }
}

/** `['spec', 'then', 0]` as `spec.then.0`. */
export function dotted(path: Path): string {
  return path.join('.');
}

/** Quotes, block headers, folding and indentation only add or change blanks: count the others. */
function offsetWithin(source: string, node: TextNode, index: number): number {
  const written = source.slice(node.from, node.to);
  let skip = /^["']/.test(written) ? 1 : 0;
  if (/^[|>]/.test(written)) skip = written.indexOf('\n') + 1;
  let left = node.value.slice(0, index).replace(/\s/g, '').length;
  for (let i = skip; i < written.length; i++) {
    if (/\s/.test(written.charAt(i))) continue;
    if (left === 0) return node.from + i;
    left--;
  }
  return node.from;
}

function firstLine(thrown: unknown): string {
  return (thrown instanceof Error ? thrown.message : String(thrown)).split('\n')[0] ?? '';
}

function sentence(message: string): string {
  return message.replace(/\.$/, '').replace(/\s+/g, ' ');
}
