/**
 * A reader for the plain part of YAML in which nearly all policies are written: block mappings and lists, flow
 * collections, one-line scalars, evenly indented texts, comments, documents. Several times faster than the library, and it never guesses: at anything
 * else it gives up, and the library reads the file. A test holds the two to the same answer. Pure.
 */
import type { Json } from '../model.ts';
import { type Marked, Spots } from './spots.ts';

const MAX_DEPTH = 30;
const MAX_VALUES = 50_000;

const KEY = /([A-Za-z_][\w.-]{0,100}):(?=[ \n]|$)/y;
const FLOW_KEY = /([A-Za-z_][\w.-]{0,100}): /y;
const BLANK = / *(?:#[^\n]*)?(?:\n|$)/y;
const END_OF_LINE = /(?: +(?:#[^\n]*)?)?(?:\n|$)/y;
/** Scalars that no version of YAML and no indicator could read otherwise. */
const FLOW_PLAIN = /[A-Za-z0-9_./$<(+-][^,[\]{}\n:#]*/y;
const BLOCK_FIRST = /[A-Za-z0-9_./$<(+-]/;
const HEADER = /([|>])(-?)\n/y;
const NUMBER = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?$/;
/** Could be a number, a truth, nothing, or a date of sexagesimals, in some version: the library and its checks decide. */
const DOUBTFUL =
  /^(?:[-+]?\.?\d[\d_.:]*(?:[eE][-+]?\d+)?|[-+]?0[xob]\w+|[-+]?\.(?:inf|nan)|~|null|true|false|yes|no|on|off|y|n|<<)$/i;

const GIVEN_UP = new Error('not plain');

/**
 * The documents of a text, or `from`: where it came to something that is not plain. Tabs and line ends other than `\n` are not.
 */
export function readPlain(
  text: string,
): { readonly documents: readonly Marked[] } | { readonly from: number } {
  const foreign = text.search(/[\t\r\uFEFF]/);
  if (foreign >= 0) return { from: foreign };
  const reader = new Reader(text);
  try {
    return { documents: reader.documents() };
  } catch (thrown) {
    if (thrown === GIVEN_UP) return { from: reader.at };
    throw thrown;
  }
}

function giveUp(): never {
  throw GIVEN_UP;
}

/** Reads from left to right. A class because it holds the place that it has come to. */
class Reader {
  private readonly text: string;
  /** Of the next character, which is the first of its line that is no blank when `indent` was just found. */
  at = 0;
  /** Blanks before the line's content; -1 when the document has no further line. */
  private indent = -1;
  private spots = new Spots();

  constructor(text: string) {
    this.text = text;
  }

  documents(): Marked[] {
    const found: Marked[] = [];
    this.nextLine();
    while (this.at < this.text.length) {
      const marker = this.isMarker() ? this.at : -1;
      if (marker >= 0) {
        this.at += 3;
        this.nextLine();
      } else if (found.length > 0) giveUp();
      const start = this.at;
      found.push({ ...this.document(), from: marker >= 0 ? marker : start, to: this.at, start });
    }
    return found;
  }

  private document(): Pick<Marked, 'value' | 'spots'> {
    if (this.indent !== 0) giveUp();
    this.spots = new Spots();
    const value = this.block(0, '', 0);
    if (this.indent >= 0) giveUp();
    return { value, spots: this.spots };
  }

  /** A `---` alone on its line. */
  private isMarker(): boolean {
    const { text, at } = this;
    const begins = at === 0 || text.charCodeAt(at - 1) === 10;
    return begins && text.startsWith('---', at) && (at + 3 === text.length || text.charCodeAt(at + 3) === 10);
  }

  /** Past the rest of this line and all lines without content. */
  private nextLine(): void {
    const { text } = this;
    if (this.at > 0 && text.charCodeAt(this.at - 1) !== 10) {
      END_OF_LINE.lastIndex = this.at;
      if (!END_OF_LINE.test(text)) giveUp();
      this.at = END_OF_LINE.lastIndex;
    }
    for (;;) {
      BLANK.lastIndex = this.at;
      if (this.at >= text.length || !BLANK.test(text)) break;
      this.at = BLANK.lastIndex;
    }
    const begin = this.at;
    let content = begin;
    while (text.charCodeAt(content) === 32) content++;
    this.indent = content >= text.length ? -1 : content - begin;
    if (this.indent !== 0) this.at = content;
    else if (text.startsWith('---', content)) {
      if (!this.isMarker()) giveUp();
      this.indent = -1;
    } else if (text.startsWith('...', content) || text.charAt(content) === '%') giveUp();
  }

  private block(indent: number, path: string, depth: number): Json {
    if (depth > MAX_DEPTH) giveUp();
    return this.isItem() ? this.list(indent, path, depth) : this.mapping(indent, path, depth);
  }

  /** What stands below its key: a block, or a collection in brackets. */
  private nested(outer: number, path: string, depth: number): Json {
    const first = this.text.charAt(this.at);
    if (first !== '{' && first !== '[') return this.block(this.indent, path, depth);
    this.indent = outer;
    const value = this.inline(path, depth, false);
    this.nextLine();
    return value;
  }

  private isItem(): boolean {
    return this.text.startsWith('- ', this.at);
  }

  private mapping(indent: number, path: string, depth: number): Json {
    const found: Record<string, Json> = {};
    while (this.indent === indent) {
      const key = this.at;
      const name = this.key(KEY, found);
      const below = path === '' ? name : `${path}.${name}`;
      while (this.text.charCodeAt(this.at) === 32) this.at++;
      const next = this.text.charAt(this.at);
      if (next === '\n' || next === '#' || next === '') {
        if (next === '#') this.at--;
        this.nextLine();
        // A list may stand as far to the left as its key.
        if (this.indent < indent || (this.indent === indent && !this.isItem())) giveUp();
        this.note(below, key);
        found[name] = this.nested(indent, below, depth + 1);
      } else {
        this.note(below, key);
        found[name] =
          next === '|' || next === '>' ? this.blockText(indent) : this.inline(below, depth + 1, false);
        this.nextLine();
      }
      if (this.indent > indent) giveUp();
    }
    return found;
  }

  private list(indent: number, path: string, depth: number): Json {
    const found: Json[] = [];
    while (this.indent === indent && this.isItem()) {
      const below = path === '' ? String(found.length) : `${path}.${found.length}`;
      const dash = this.at;
      this.at += 2;
      while (this.text.charCodeAt(this.at) === 32) this.at++;
      this.note(below, -1);
      KEY.lastIndex = this.at;
      if (KEY.test(this.text)) {
        this.indent += this.at - dash;
        found.push(this.mapping(this.indent, below, depth + 1));
      } else {
        found.push(this.inline(below, depth + 1, false));
        this.nextLine();
      }
      if (this.indent > indent) giveUp();
    }
    return found;
  }

  private key(pattern: RegExp, found: Readonly<Record<string, Json>>): string {
    pattern.lastIndex = this.at;
    const name = pattern.exec(this.text)?.[1];
    if (name === undefined || name === '__proto__' || Object.hasOwn(found, name)) giveUp();
    this.at = pattern.lastIndex;
    return name;
  }

  /** Notes where a value and its key stand. */
  private note(path: string, key: number): void {
    this.spots.add(path, this.at, key);
    if (this.spots.paths.length > MAX_VALUES) giveUp();
  }

  private inline(path: string, depth: number, flow: boolean): Json {
    if (depth > MAX_DEPTH) giveUp();
    const first = this.text.charAt(this.at);
    if (first === '{') return this.flowMapping(path, depth);
    if (first === '[') return this.flowList(path, depth);
    if (first === '"' || first === "'") return this.quoted(first);
    return flow ? this.flowPlain() : this.blockPlain();
  }

  private flowMapping(path: string, depth: number): Json {
    const found: Record<string, Json> = {};
    if (this.opened('}')) return found;
    do {
      const key = this.at;
      const name = this.key(FLOW_KEY, found);
      this.skip();
      const below = `${path}.${name}`;
      this.note(below, key);
      found[name] = this.inline(below, depth + 1, true);
    } while (this.continued('}'));
    return found;
  }

  private flowList(path: string, depth: number): Json {
    const found: Json[] = [];
    if (this.opened(']')) return found;
    do {
      const below = `${path}.${found.length}`;
      this.note(below, -1);
      found.push(this.inline(below, depth + 1, true));
    } while (this.continued(']'));
    return found;
  }

  /** Past blanks, and past line ends whose next line stands to the right of the block around. */
  private skip(): void {
    const { text } = this;
    for (;;) {
      while (text.charCodeAt(this.at) === 32) this.at++;
      if (text.charCodeAt(this.at) !== 10) return;
      const begin = this.at + 1;
      this.at = begin;
      while (text.charCodeAt(this.at) === 32) this.at++;
      if (this.at - begin <= this.indent || text.charCodeAt(this.at) === 10) giveUp();
    }
  }

  /** Past the opening bracket; true when the collection is empty. */
  private opened(end: string): boolean {
    this.at++;
    this.skip();
    if (this.text.charAt(this.at) !== end) return false;
    this.at++;
    return true;
  }

  /** Past a comma, to the next entry; false past the closing bracket. */
  private continued(end: string): boolean {
    this.skip();
    const next = this.text.charAt(this.at);
    this.at++;
    if (next === end) return false;
    if (next !== ',') giveUp();
    this.skip();
    return true;
  }

  /** A text of several lines that are indented alike: `>-`, `>`, `|-` or `|`. */
  private blockText(indent: number): string {
    HEADER.lastIndex = this.at;
    const [header, style = '', strip] = HEADER.exec(this.text) ?? giveUp();
    this.at += header.length;
    const lines: string[] = [];
    let inner = -1;
    for (;;) {
      const end = this.text.indexOf('\n', this.at);
      const line = this.text.slice(this.at, end < 0 ? this.text.length : end);
      const content = line.search(/[^ ]/);
      if (content < 0 && lines.length > 0) break;
      if (inner < 0) inner = content;
      if (content <= indent && lines.length > 0) break;
      if (content !== inner || content <= indent || line.endsWith(' ') || end < 0) giveUp();
      lines.push(line.slice(inner));
      this.at = end + 1;
    }
    // After an empty line the text could go on, and blanks could belong to it.
    let next = this.at;
    while (this.text.charCodeAt(next) === 10) next++;
    const blanks = /^ */.exec(this.text.slice(next, next + 200))?.[0].length ?? 0;
    if (blanks > indent && next > this.at) giveUp();
    if (blanks > 0 && /^(?:\n|$)/.test(this.text.slice(next + blanks, next + blanks + 1))) giveUp();
    return lines.join(style === '>' ? ' ' : '\n') + (strip ? '' : '\n');
  }

  private quoted(quote: string): string {
    const end = this.text.indexOf(quote, this.at + 1);
    const value = this.text.slice(this.at + 1, end);
    const next = this.text.charAt(end + 1);
    if (end < 0 || /[\n\\]/.test(value) || !/[ ,\]}\n]|^$/.test(next)) giveUp();
    this.at = end + 1;
    return value;
  }

  private flowPlain(): Json {
    FLOW_PLAIN.lastIndex = this.at;
    const raw = FLOW_PLAIN.exec(this.text)?.[0].trimEnd() ?? giveUp();
    const end = this.text.charAt(FLOW_PLAIN.lastIndex);
    if (raw === '' || !/[,\]}\n]/.test(end)) giveUp();
    if (raw.startsWith('- ') || raw === '-') giveUp();
    this.at += raw.length;
    return resolved(raw);
  }

  private blockPlain(): Json {
    const { text } = this;
    const lineEnd = text.indexOf('\n', this.at);
    const line = text.slice(this.at, lineEnd < 0 ? text.length : lineEnd);
    const comment = line.indexOf(' #');
    const raw = (comment < 0 ? line : line.slice(0, comment)).trimEnd();
    if (!BLOCK_FIRST.test(raw.charAt(0)) || raw.startsWith('- ') || raw === '-') giveUp();
    if (raw.includes(': ') || raw.endsWith(':')) giveUp();
    this.at += raw.length;
    return resolved(raw);
  }
}

function resolved(raw: string): Json {
  if (raw === 'true') return true;
  if (raw === 'false') return false;
  if (NUMBER.test(raw) && raw !== '-0') return Number(raw);
  return DOUBTFUL.test(raw) ? giveUp() : raw;
}
