/** All of YAML 1.2 by the `yaml` library, and what of it the language refuses, said where it stands. Pure. */
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
import { type Marked, Spots } from './spots.ts';

const MAX_DEPTH = 40;
const MAX_VALUES = 100_000;
/** Mistakes of one kind in one document that are told. */
const MOST = 20;

export interface Read {
  readonly documents: readonly { readonly marked: Marked; readonly diagnostics: readonly Diagnostic[] }[];
  /** Syntax errors: of these documents nobody knows what they name. */
  readonly unreadable: readonly Diagnostic[];
}

type Place = (offset: number) => Position;

/** The documents of a text; empty ones are left out. Throws what the library throws: on nesting deeper than the stack. */
export function readYaml(text: string, place: Place): Read {
  const documents = parseAllDocuments(text, {
    lineCounter: new LineCounter(),
    stringKeys: true,
    // Told by the walk: the library compares every key with every other.
    uniqueKeys: false,
    version: '1.2',
    prettyErrors: false,
    logLevel: 'error',
  });
  const unreadable: Diagnostic[] = [];
  const found: Read['documents'][number][] = [];
  for (const document of documents) {
    unreadable.push(...syntaxErrors(document.errors, place));
    if (document.errors.length > 0 || isEmpty(document)) continue;
    found.push(readDocument(text, document, place));
  }
  return { documents: found, unreadable };
}

/** What the library's commonest errors mean to whoever wrote the line. */
const SAID: readonly (readonly [message: RegExp, found: string, hint?: string])[] = [
  [/[Tt]abs/, 'a tab indents this line; expected spaces', 'Write two spaces for each level.'],
  [/stringKeys/, 'a collection stands as a key; expected a name'],
  [/same column/, 'the indentation fits no line before; expected the column of its neighbours'],
  [/end with a \]/, 'a [ is not closed before this line; expected its ]'],
  [/end with a \}/, 'a { is not closed before this line; expected its }'],
  [/Missing closing/, 'a quote is not closed before this place; expected it once more'],
  [/call stack/, 'nested deeper than can be read; expected less'],
];

function syntaxError(message: string, at: Position): Diagnostic {
  const [, found, hint] = SAID.find(([pattern]) => pattern.test(message)) ?? [];
  const said = message.replace(/\.$/, '').replace(/\s+/g, ' ');
  return error(at, found ?? `YAML: ${said}; expected YAML 1.2`, hint);
}

/** The first error of each line, since one slip gives several; of tabs alone when there are any. */
function syntaxErrors(errors: YamlDocument.Parsed['errors'], place: Place): Diagnostic[] {
  const tabs = errors.filter(one => one.code === 'TAB_AS_INDENT');
  const byLine = new Map<number, Diagnostic>();
  for (const { pos, message } of tabs.length > 0 ? tabs : errors) {
    const at = place(pos[0]);
    if (!byLine.has(at.line) && byLine.size < MOST) byLine.set(at.line, syntaxError(message, at));
  }
  return [...byLine.values()];
}

function isEmpty(document: YamlDocument.Parsed): boolean {
  const { contents } = document;
  return contents === null || (isScalar(contents) && contents.value === null && contents.tag === undefined);
}

function readDocument(text: string, document: YamlDocument.Parsed, place: Place) {
  const [from = 0, , to = text.length] = document.range;
  const diagnostics: Diagnostic[] = [];
  const { explicit, version } = document.directives?.yaml ?? {};
  if (explicit === true)
    diagnostics.push(
      error(
        place(Math.max(0, text.lastIndexOf('%YAML', from))),
        `the directive %YAML ${version} changes what values mean; expected YAML 1.2 without it`,
      ),
    );
  const walk = new Walk(place, text, diagnostics);
  const value = walk.value(document.contents as Node | null, [], 0);
  const start = document.contents?.range?.[0] ?? from;
  return { marked: { value, spots: walk.spots, from, to, start }, diagnostics };
}

/** Turns nodes into values and remembers where they stood. A class because it holds the tables it fills. */
class Walk {
  readonly spots = new Spots();
  private readonly place: Place;
  private readonly text: string;
  private readonly diagnostics: Diagnostic[];
  /** How often each kind of mistake was met. */
  private readonly met = new Map<string, number>();
  private count = 0;

  constructor(place: Place, text: string, diagnostics: Diagnostic[]) {
    this.place = place;
    this.text = text;
    this.diagnostics = diagnostics;
  }

  value(node: Node | null | undefined, path: readonly (string | number)[], depth: number, key = -1): Json {
    if (node === null || node === undefined) {
      if (key >= 0) this.spots.add(path.join('.'), key, key);
      return null;
    }
    const from = node.range?.[0] ?? 0;
    if (path.length > 0) this.spots.add(path.join('.'), from, key);
    if (depth > MAX_DEPTH)
      return this.refuse('depth', from, `nested deeper than ${MAX_DEPTH} levels; expected less`);
    if (++this.count > MAX_VALUES)
      return this.refuse('values', from, `more than ${MAX_VALUES} values; expected fewer in one document`);
    if (isAlias(node))
      return this.refuse(
        'alias',
        from,
        `*${node.source} is an alias, which the language does not have; expected the value itself`,
        'What policies share belongs into params, selectors and the Model.',
      );
    this.refuseDecoration(node as Decorated, from);
    if (isMap(node)) return this.mapping(node.items as readonly Entry[], path, depth);
    if (isSeq(node)) return node.items.map((item, i) => this.value(item as Node, [...path, i], depth + 1));
    return isScalar(node) ? this.scalar(node, from) : null;
  }

  /** Anchors and tags stand before their node. */
  private refuseDecoration({ anchor, tag }: Decorated, from: number): void {
    const before = (sign: string) => Math.max(0, this.text.lastIndexOf(sign, from));
    if (anchor !== undefined)
      this.refuse(
        'anchor',
        before(`&${anchor}`),
        `the anchor &${anchor} is not in the language; expected the value without it`,
      );
    if (tag !== undefined)
      this.refuse(
        'tag',
        before('!'),
        `the tag ${shortTag(tag)} is not in the language; expected a plain value without it`,
      );
  }

  private mapping(items: readonly Entry[], path: readonly (string | number)[], depth: number): Json {
    const found: Record<string, Json> = {};
    for (const { key, value } of items) {
      if (!isScalar(key)) continue;
      const name = String(key.value);
      const at = key.range?.[0] ?? 0;
      if (name === '__proto__') {
        this.refuse(name, at, 'the key "__proto__" is not allowed; expected another name');
        continue;
      }
      if (name === '<<') {
        this.refuse(
          name,
          at,
          'the merge key << is not in the language; expected the keys themselves',
          'What policies share belongs into params, selectors and the Model.',
        );
        continue;
      }
      if (Object.hasOwn(found, name)) {
        this.refuse('key', at, `the key ${quoted(name)} is written twice in one mapping; expected it once`);
        continue;
      }
      this.refuseDecoration(key as Decorated, at);
      found[name] = this.value(value, [...path, name], depth + 1, at);
    }
    return found;
  }

  private scalar(
    node: { value: unknown; type?: string; range?: readonly number[] | null },
    from: number,
  ): Json {
    const { value } = node;
    const written = this.text.slice(node.range?.[0], node.range?.[1]);
    const unlike = node.type === 'PLAIN' ? readOtherwise(written) : undefined;
    if (unlike !== undefined) this.refuse('', from, unlike.message, unlike.hint);
    if (typeof value === 'string') {
      const stray = strayCharacter(value);
      if (stray !== undefined) this.refuse('', from, `the text holds ${stray}; expected text without it`);
      return value.toWellFormed();
    }
    if (typeof value !== 'number') return typeof value === 'boolean' ? value : null;
    const exact = Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
    const message = `${quoted(written)} is not an exact number; expected a finite one, or text in quotes`;
    return exact ? value : this.refuse('', from, message);
  }

  /** `kind`: of each only so many are told. */
  private refuse(kind: string, offset: number, message: string, hint?: string): null {
    const times = (this.met.get(kind) ?? 0) + 1;
    this.met.set(kind, times);
    if (times <= (kind === 'values' || kind === 'depth' ? 1 : MOST))
      this.diagnostics.push(error(this.place(offset), message, hint));
    return null;
  }
}

/** What a text may not hold, though an escape of YAML can write it: it could speak to a terminal. */
function strayCharacter(text: string): string | undefined {
  if (!text.isWellFormed()) return 'half a character';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  const found = /[\0-\x08\x0B\x0C\x0E-\x1F\x7F-\x84\x86-\x9F]/.exec(text)?.[0];
  return found === undefined ? undefined : `the control character ${codeOf(found)}`;
}

/** `U+001B`. */
export function codeOf(character: string): string {
  return `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}

interface Entry {
  readonly key: unknown;
  readonly value: Node | null;
}

interface Decorated {
  readonly anchor?: string;
  readonly tag?: string;
}

function shortTag(tag: string): string {
  return tag.replace(/^tag:yaml\.org,2002:/, '!!');
}

/** Why an unquoted scalar is refused: YAML 1.1, which many tools still read, takes it for something else. */
function readOtherwise(written: string): { readonly message: string; readonly hint: string } | undefined {
  if (/^(?:yes|no|on|off)$/i.test(written)) {
    const truth = /^(?:yes|on)$/i.test(written);
    return {
      message: `${written} is text in YAML 1.2 and ${truth} in YAML 1.1; expected true, false, or text in quotes`,
      hint: `Write ${truth} or "${written}".`,
    };
  }
  if (/^[-+]?0[0-9_]+$/.test(written))
    return {
      message: `${written} is decimal in YAML 1.2 and octal in YAML 1.1; expected a number without leading zeros, or text in quotes`,
      hint: `Write ${Number(written.replace(/_/g, ''))} or "${written}".`,
    };
  if (/^[-+]?0[xob][0-9a-f_]+$/i.test(written))
    return {
      message: `${written} is not decimal; expected a decimal number, or text in quotes`,
      hint: Number.isNaN(Number(written))
        ? `Write "${written}".`
        : `Write ${Number(written)} or "${written}".`,
    };
  if (/^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/.test(written))
    return {
      message: `${written} is text in YAML 1.2 and a sexagesimal number in YAML 1.1; expected a duration such as 1h30m, or text in quotes`,
      hint: `Write "${written}" if it is text.`,
    };
  if (/^[-+]?[0-9][0-9]*_[0-9_]*$/.test(written))
    return {
      message: `${written} is text in YAML 1.2 and a number in YAML 1.1; expected a number without underscores, or text in quotes`,
      hint: `Write ${Number(written.replace(/_/g, ''))} or "${written}".`,
    };
  return undefined;
}
