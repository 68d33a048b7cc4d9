/** Mistakes in a user's files as text: their order, their wording, and the guess at the likely slip. Pure. */
import type { Diagnostic, Position } from '../model.ts';

/**
 * One line: `file:line:column: what was found; what was expected. What to do.` A warning says so after the place.
 *
 * @example formatDiagnostic(error({ file: 'a.yaml', line: 2, column: 3 }, 'x is 1; expected 2', 'Write 2.'))
 * // → 'a.yaml:2:3: x is 1; expected 2. Write 2.'
 */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, line, column } = diagnostic.position;
  const level = diagnostic.severity === 'warning' ? 'warning: ' : '';
  const hint = diagnostic.hint === undefined ? '' : ` ${diagnostic.hint}`;
  return `${file}:${line}:${column}: ${level}${diagnostic.message}.${hint}`;
}

/** An error at a place. `hint` is left out when there is none. */
export function error(position: Position, message: string, hint?: string): Diagnostic {
  return { severity: 'error', position, message, ...(hint === undefined ? {} : { hint }) };
}

/** A warning at a place: it never keeps a policy out of force. `rule` is its name in `lint`. */
export function warning(rule: string, position: Position, message: string, hint?: string): Diagnostic {
  return { severity: 'warning', rule, position, message, ...(hint === undefined ? {} : { hint }) };
}

/** The same diagnostics by file, line, column and text, each once. */
export function sorted(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const byText = new Map(diagnostics.map(diagnostic => [formatDiagnostic(diagnostic), diagnostic]));
  return [...byText]
    .sort(([a, x], [b, y]) => order(x.position, y.position) || compare(a, b))
    .map(([, d]) => d);
}

function order(a: Position, b: Position): number {
  return compare(a.file, b.file) || a.line - b.line || a.column - b.column;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** True when one of them is an error. */
export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some(diagnostic => diagnostic.severity === 'error');
}

/** `Did you mean x?` when one of the known words is near enough to be a slip; else undefined. */
export function didYouMean(word: string, known: Iterable<string>): string | undefined {
  const allowed = word.length < 3 ? 0 : Math.max(1, Math.floor(word.length / 3));
  let best: string | undefined;
  let least = allowed + 1;
  for (const candidate of known) {
    const far = editDistance(word.toLowerCase(), candidate.toLowerCase(), least);
    if (far < least) [best, least] = [candidate, far];
  }
  return best === undefined ? undefined : `Did you mean ${best}?`;
}

/**
 * How many letters must be added, removed, replaced or swapped with their neighbour to make `a` into `b`; `enough` when
 * it is at least that many (optimal string alignment distance).
 */
export function editDistance(a: string, b: string, enough = Number.POSITIVE_INFINITY): number {
  if (Math.abs(a.length - b.length) >= enough) return enough;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, at(before, j - 2) + 1);
      row.push(cost);
    }
    [before, last] = [last, row];
  }
  return Math.min(at(last, b.length), enough);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}

/** `a, b or c`, for sentences that name what is allowed; at most sixteen are named. */
export function oneOf(words: readonly string[]): string {
  if (words.length === 0) return 'nothing (none is there)';
  if (words.length === 1) return words[0] ?? '';
  if (words.length > 16) return `${words.slice(0, 16).join(', ')} … (${words.length} in all)`;
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** A value as a message quotes it: short, on one line. */
export function quoted(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'empty';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return Object.keys(value).length === 0 ? 'an empty mapping' : 'a mapping';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
