/** TypeScript source as text: what is code in it and what is not, and what it imports. No parser: enough for rules. */

export interface Source {
  /** The text with comments, string contents, template text and regular expressions blanked; same length and lines. */
  readonly code: string;
  /** The text with only comments blanked. */
  readonly uncommented: string;
}

export interface Import {
  readonly specifier: string;
  readonly line: number;
}

/** The text of a file, split into what runs and what does not. */
export function readSource(text: string): Source {
  const code = [...text];
  const uncommented = [...text];
  /** Braces open inside `${…}`, innermost last. */
  const templates: number[] = [];
  let i = 0;

  const blank = (end: number, comment: boolean) => {
    for (; i < end; i++) {
      if (text[i] === '\n') continue;
      code[i] = ' ';
      if (comment) uncommented[i] = ' ';
    }
  };
  const blankTemplate = () => {
    const end = endOf(text, i, /\\[\s\S]|`|\$\{/y, match => match === '`' || match === '${');
    blank(end - (text[end - 1] === '{' ? 2 : 1), false);
    i = end;
    if (text[end - 1] === '{') templates.push(0);
  };

  while (i < text.length) {
    const char = text[i] ?? '';
    const two = text.slice(i, i + 2);
    if (two === '//') blank(indexOr(text, '\n', i), true);
    else if (two === '/*') blank(indexOr(text, '*/', i + 2) + 2, true);
    else if (char === "'" || char === '"') {
      i++;
      blank(endOf(text, i, /\\[\s\S]|['"\n]/y, match => match === char || match === '\n') - 1, false);
      i++;
    } else if (char === '`') {
      i++;
      blankTemplate();
    } else if (char === '/' && startsRegExp(code.slice(Math.max(0, i - 80), i).join(''))) {
      i++;
      blank(endOfRegExp(text, i), false);
      i++;
    } else {
      const open = templates.length - 1;
      if (open >= 0 && char === '{') templates[open] = (templates[open] ?? 0) + 1;
      if (open >= 0 && char === '}') {
        if (templates[open] === 0) {
          templates.pop();
          i++;
          blankTemplate();
          continue;
        }
        templates[open] = (templates[open] ?? 0) - 1;
      }
      i++;
    }
  }
  return { code: code.join(''), uncommented: uncommented.join('') };
}

function indexOr(text: string, wanted: string, from: number): number {
  const at = text.indexOf(wanted, from);
  return at < 0 ? text.length : at;
}

/** The index after the first match that ends the token; the end of the text when none does. */
function endOf(text: string, from: number, pattern: RegExp, ends: (match: string) => boolean): number {
  for (let at = from; at < text.length; ) {
    pattern.lastIndex = at;
    const match = pattern.exec(text)?.[0];
    if (match !== undefined && ends(match)) return at + match.length;
    at += match?.length ?? 1;
  }
  return text.length + 1;
}

function endOfRegExp(text: string, from: number): number {
  let inClass = false;
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (char === '\\') at++;
    else if (char === '[') inClass = true;
    else if (char === ']') inClass = false;
    else if ((char === '/' && !inClass) || char === '\n') return at;
  }
  return text.length;
}

/** A slash starts a regular expression where a value is expected, and divides where one has ended. */
function startsRegExp(before: string): boolean {
  const last = before.trimEnd();
  return (
    last === '' || /[(,=:[!&|?{};+\-*%~^<>]$/.test(last) || /\b(?:return|typeof|case|in|of|void)$/.test(last)
  );
}

/** Everything that a file imports or re-exports, types too. A computed `import()` has the specifier `(computed)`. */
export function importsOf({ code, uncommented }: Source): readonly Import[] {
  const found: Import[] = [];
  const patterns = [
    /\b(?:import|export)\b[^'"`;()]*?\bfrom\s*(['"])(?<specifier>[^'"]+)\1/g,
    /\bimport\s*(['"])(?<specifier>[^'"]+)\1/g,
    /\b(?:import|require)\s*\(\s*(?:(['"`])(?<specifier>[^'"`$]+)\1\s*[,)])?/g,
  ];
  for (const pattern of patterns)
    for (const match of uncommented.matchAll(pattern)) {
      const isCode = /[ie]/.test(code[match.index] ?? '') || code.startsWith('require', match.index);
      const member = /[.\w$]$/.test(code.slice(0, match.index));
      if (isCode && !member)
        found.push({ specifier: match.groups?.specifier ?? '(computed)', line: lineAt(code, match.index) });
    }
  return found;
}

/** The line of an index, counted from 1. */
export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}
