/** `# flyball-lint: ignore RULE reason`, on a line or above it: what it silences, and comments that silence nothing. Pure. */
import type { Diagnostic } from '../model.ts';
import { didYouMean, oneOf } from './diagnostic.ts';
import type { File } from './documents.ts';
import { type Finding, finding, RULES } from './lint-finding.ts';

const COMMENT = /(?:^|\s)#\s*flyball-lint:\s*(.*)$/;
const BLANK = /^\s*(#.*)?$/;
/** A text that goes on below its key. */
const BLOCK = /[|>][-+0-9]*\s*(#.*)?$/;

interface Ignore {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly rule: string;
  readonly reason: string;
  /** Lines that it is about. */
  readonly from: number;
  readonly to: number;
}

/** The findings that no comment silences, with what is wrong with the comments. Errors are never silenced. */
export function withoutIgnored<T extends Diagnostic>(
  files: readonly File[],
  found: readonly T[],
): readonly (T | Finding)[] {
  const ignores = files.flatMap(ignoresIn);
  const valid = ignores.filter(one => problemOf(one) === undefined);
  const used = new Set<Ignore>();
  const left = found.filter(one => {
    const silencing = one.severity === 'error' ? [] : valid.filter(ignore => silences(ignore, one));
    for (const ignore of silencing) used.add(ignore);
    return silencing.length === 0;
  });
  return [...left, ...ignores.flatMap(ignore => commentFinding(ignore, used.has(ignore)))];
}

function silences({ file, rule, from, to }: Ignore, { position, rule: named }: Diagnostic): boolean {
  return rule === named && file === position.file && position.line >= from && position.line <= to;
}

function commentFinding(ignore: Ignore, used: boolean): readonly Finding[] {
  const position = { file: ignore.file, line: ignore.line, column: ignore.column };
  const problem = problemOf(ignore);
  if (problem !== undefined) return [finding('ignore-reason', position, problem.message, problem.hint)];
  if (used) return [];
  const where = ignore.from === ignore.to ? `line ${ignore.from}` : `lines ${ignore.from} to ${ignore.to}`;
  const message = `the comment silences ${ignore.rule}, and ${where} has no such finding; expected no comment here`;
  return [finding('ignore-nothing', position, message)];
}

function problemOf({
  rule,
  reason,
}: Ignore): { readonly message: string; readonly hint?: string } | undefined {
  const known = Object.keys(RULES);
  const hint = 'Write # flyball-lint: ignore RULE reason.';
  if (rule === '')
    return {
      message: 'the comment does not say what it silences; expected ignore, a rule and a reason',
      hint,
    };
  if (!known.includes(rule))
    return {
      message: `the comment silences ${JSON.stringify(rule)}; expected a rule of lint`,
      hint: didYouMean(rule, known) ?? `They are ${oneOf(known)}.`,
    };
  if (reason === '')
    return { message: `the comment silences ${rule} without a reason; expected one behind it`, hint };
  return undefined;
}

function ignoresIn({ path, text }: File): readonly Ignore[] {
  const lines = text.split(/\r?\n/);
  return lines.flatMap((line, i) => {
    const found = COMMENT.exec(line);
    if (found === null) return [];
    const [word = '', rule = '', ...reason] = (found[1] ?? '').trim().split(/\s+/);
    const target = BLANK.test(line) ? nextLine(lines, i) : i;
    return [
      {
        ...{ file: path, line: i + 1, column: line.indexOf('#', found.index) + 1 },
        ...{ rule: word === 'ignore' ? rule : '', reason: reason.join(' ') },
        ...{ from: target + 1, to: lastLine(lines, target) + 1 },
      },
    ];
  });
}

/** The next line that is more than a comment. */
function nextLine(lines: readonly string[], from: number): number {
  const found = lines.findIndex((line, i) => i > from && !BLANK.test(line));
  return found < 0 ? from : found;
}

/** Of a text below its key, its last line. */
function lastLine(lines: readonly string[], at: number): number {
  const head = lines[at] ?? '';
  if (!BLOCK.test(head)) return at;
  const depth = indentation(head);
  let last = at;
  for (let i = at + 1; i < lines.length; i++) {
    const line = lines[i] ?? '';
    if (line.trim() === '') continue;
    if (indentation(line) <= depth) break;
    last = i;
  }
  return last;
}

function indentation(line: string): number {
  return line.search(/\S/);
}
