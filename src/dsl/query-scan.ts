/** Where the templates of a PromQL or SQL text stand: between quotes, bare, in a comment; and what is left open. Pure. */

/** A `${…}` in a query's text, by where it begins and what is around it. */
export interface Template {
  readonly from: number;
  readonly to: number;
  /** The dotted path, or undefined when it is none. */
  readonly path: string | undefined;
  readonly stands: 'bare' | 'quoted' | 'regex' | 'raw' | 'comment';
}

export interface Scan {
  readonly templates: readonly Template[];
  readonly faults: readonly { readonly index: number; readonly message: string }[];
  /** False when there is nothing but space and comments. */
  readonly says: boolean;
}

const TEMPLATE = /\$\{([^}]*)\}?/y;
const PATH = /^\s*([A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*)\s*$/;
const CLOSING: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

/** One language's lexical rules, as far as they decide where a template stands. */
interface Lexicon {
  /** The piece that begins here and holds no code; undefined when code goes on. `before`: the code's last two characters. */
  opening(text: string, at: number, before: string): Piece | undefined;
  readonly brackets: boolean;
}

interface Piece {
  readonly begins: string;
  /** Ends the piece. */
  readonly ends: string;
  readonly stands: Template['stands'];
  /** The character after a backslash never ends it. */
  readonly escapes?: boolean;
  /** Ends at the end of the text as well. */
  readonly mayEnd?: boolean;
  readonly nests?: boolean;
}

/** Strings in single or double quotes take escapes, those in backticks do not; `#` begins a comment. */
const PROMQL: Lexicon = {
  brackets: true,
  opening(text, at, before) {
    const character = text[at] ?? '';
    if (character === '#') return { begins: '#', ends: '\n', stands: 'comment', mayEnd: true };
    if (character === '`') return { begins: '`', ends: '`', stands: 'raw' };
    if (character !== '"' && character !== "'") return undefined;
    const stands = before === '=~' || before === '!~' ? 'regex' : 'quoted';
    return { begins: character, ends: character, stands, escapes: true };
  },
};

/** Quotes, quoted names, dollar quotes and both kinds of comments, as DuckDB and PostgreSQL read them. */
const SQL: Lexicon = {
  brackets: false,
  opening(text, at) {
    const rest = text.slice(at, at + 64);
    if (rest.startsWith('--')) return { begins: '--', ends: '\n', stands: 'comment', mayEnd: true };
    if (rest.startsWith('/*')) return { begins: '/*', ends: '*/', stands: 'comment', nests: true };
    if (rest.startsWith("'")) {
      const escapes = /(?:^|[^A-Za-z0-9_$])[eE]$/.test(text.slice(Math.max(0, at - 2), at));
      return { begins: "'", ends: "'", stands: 'quoted', escapes };
    }
    if (rest.startsWith('"')) return { begins: '"', ends: '"', stands: 'quoted' };
    const tag = /(?<![A-Za-z0-9_])\$(?:[A-Za-z_][A-Za-z0-9_]*)?\$/y;
    tag.lastIndex = at;
    const dollar = tag.exec(text)?.[0];
    return dollar === undefined ? undefined : { begins: dollar, ends: dollar, stands: 'quoted' };
  },
};

/** The templates and faults of a PromQL text: quotes and brackets must be closed. */
export function scanPromql(text: string): Scan {
  return scan(text, PROMQL, 'PromQL');
}

/** The templates and faults of a SQL text: quotes must be closed. The engine's own parser says the rest. */
export function scanSql(text: string): Scan {
  return scan(text, SQL, 'SQL');
}

function scan(text: string, lexicon: Lexicon, language: string): Scan {
  const templates: Template[] = [];
  const faults: { index: number; message: string }[] = [];
  const open: { readonly bracket: string; readonly index: number }[] = [];
  let says = false;
  let before = '';
  let at = 0;
  while (at < text.length) {
    const template = templateAt(text, at, 'bare');
    if (template) {
      templates.push(template);
      says = true;
      at = template.to;
      continue;
    }
    const piece = lexicon.opening(text, at, before);
    if (piece) {
      says ||= piece.stands !== 'comment';
      const end = pieceEnd(text, at, piece, templates);
      if (end === undefined) {
        const what = piece.stands === 'comment' ? 'a comment' : `a text in ${piece.begins}`;
        faults.push({
          index: at,
          message: `${language}: ${what} is not closed; expected ${piece.ends} after it`,
        });
        return { templates, faults, says };
      }
      at = end;
      continue;
    }
    const character = text[at] ?? '';
    if (character.trim() !== '') {
      says = true;
      before = (before + character).slice(-2);
    }
    if (lexicon.brackets) {
      const fault = bracketFault(character, at, open);
      if (fault) faults.push({ index: at, message: `${language}: ${fault}` });
    }
    at++;
  }
  for (const { bracket, index } of open)
    faults.push({ index, message: `${language}: ${bracket} is not closed; expected its partner after it` });
  return { templates, faults, says };
}

function bracketFault(
  character: string,
  index: number,
  open: { readonly bracket: string; readonly index: number }[],
): string | undefined {
  if ('([{'.includes(character)) open.push({ bracket: character, index });
  const wanted = CLOSING[character];
  if (wanted === undefined) return undefined;
  const last = open.at(-1);
  if (last?.bracket !== wanted)
    return last
      ? `${character} stands where ${last.bracket} is still open; expected its partner first`
      : `${character} closes nothing; expected ${wanted} before it`;
  open.pop();
  return undefined;
}

/** Where a piece ends (after its last character), with the templates within noted; undefined when it never does. */
function pieceEnd(text: string, from: number, piece: Piece, templates: Template[]): number | undefined {
  let depth = 1;
  let at = from + piece.begins.length;
  while (at < text.length) {
    const template = templateAt(text, at, piece.stands);
    if (template) {
      templates.push(template);
      at = template.to;
    } else if (piece.escapes && text[at] === '\\') {
      at += 2;
    } else if (piece.nests && text.startsWith(piece.begins, at)) {
      depth++;
      at += piece.begins.length;
    } else if (text.startsWith(piece.ends, at)) {
      at += piece.ends.length;
      if (--depth === 0) return at;
    } else {
      at++;
    }
  }
  return piece.mayEnd ? text.length : undefined;
}

function templateAt(text: string, at: number, stands: Template['stands']): Template | undefined {
  TEMPLATE.lastIndex = at;
  const found = TEMPLATE.exec(text);
  if (found === null) return undefined;
  const closed = found[0].endsWith('}');
  return {
    from: at,
    to: at + found[0].length,
    path: closed ? PATH.exec(found[1] ?? '')?.[1] : undefined,
    stands,
  };
}
