/** Reads a unified diff of policy files and applies it to their texts: strictly, so that nothing is changed by guesswork. Pure. */
import { PortError } from '../model.ts';
import { splitLines } from './line-diff.ts';
import type { PolicyEdit } from './tree.ts';

/** Characters of one patch. */
export const PATCH_MAX = 1_000_000;

interface Hunk {
  /** The line of the old text, from 1, at which it says that it begins. */
  readonly from: number;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** What a patch does to one file. Without `before` it is new, without `after` it is gone. */
export interface FilePatch {
  readonly path: string;
  readonly isNew: boolean;
  readonly isGone: boolean;
  readonly hunks: readonly Hunk[];
}

/** The files of a patch. Throws PortError that names the line which cannot be read, or what is not allowed in one. */
export function parsePatch(text: string): readonly FilePatch[] {
  if (text.length > PATCH_MAX)
    throw refused(`it has ${text.length} characters; expected at most ${PATCH_MAX}`);
  const lines = text.replaceAll('\r\n', '\n').split('\n');
  const files: FilePatch[] = [];
  for (let i = 0; i < lines.length; ) {
    const line = lines[i] ?? '';
    if (FORBIDDEN.test(line)) throw refused(`line ${i + 1} is ${quoted(line)}; ${WHY_FORBIDDEN}`);
    if (line.startsWith('@@'))
      throw refused(`line ${i + 1} is a hunk without a file; expected --- and +++ before it`);
    if (!line.startsWith('--- ')) {
      i++;
      continue;
    }
    const [file, next] = fileAt(lines, i);
    if (files.some(one => one.path === file.path)) throw refused(`${file.path} stands there twice`);
    files.push(file);
    i = next;
  }
  if (files.length === 0)
    throw refused(
      'there is no file in it; expected a unified diff: --- a/PATH, +++ b/PATH, and hunks that begin with @@',
    );
  return files;
}

const FORBIDDEN =
  /^(?:rename (?:from|to) |copy (?:from|to) |old mode |new mode |GIT binary patch|Binary files |new file mode (?!100644$)|deleted file mode (?!100(?:644|755)$)|index \S+ (?:120000|160000)$)/;
const WHY_FORBIDDEN =
  'expected changes of the text of plain files only: no renames (write a deletion and a new file), modes, links, submodules or binary files';

function fileAt(lines: readonly string[], start: number): readonly [FilePatch, number] {
  const from = nameOf(lines[start] ?? '', '--- ', start);
  const to = nameOf(lines[start + 1] ?? '', '+++ ', start + 1);
  const path = to ?? from;
  if (path === undefined) throw refused(`line ${start + 1}: both sides are /dev/null; expected a file`);
  if (from !== undefined && to !== undefined && from !== to)
    throw refused(`line ${start + 1}: ${quoted(from)} becomes ${quoted(to)}; ${WHY_FORBIDDEN}`);
  const hunks: Hunk[] = [];
  let i = start + 2;
  while (lines[i]?.startsWith('@@')) {
    const [hunk, next] = hunkAt(lines, i, path);
    hunks.push(hunk);
    i = next;
  }
  if (hunks.length === 0)
    throw refused(`${path}: no hunk follows line ${start + 2}; expected one that begins with @@`);
  return [{ path, isNew: from === undefined, isGone: to === undefined, hunks }, i];
}

/** The path without git's `a/` or `b/`; undefined for /dev/null. */
function nameOf(line: string, sign: '--- ' | '+++ ', index: number): string | undefined {
  const name = line.startsWith(sign) ? line.slice(4).split('\t')[0]?.trimEnd() : undefined;
  if (name === undefined || name === '')
    throw refused(`line ${index + 1} is ${quoted(line)}; expected ${sign}PATH`);
  if (name.startsWith('"'))
    throw refused(
      `line ${index + 1} has a quoted path; expected it as it is: git -c core.quotePath=false diff`,
    );
  return name === '/dev/null' ? undefined : name.replace(/^[ab]\//, '');
}

const HEADER = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;

function hunkAt(lines: readonly string[], start: number, path: string): readonly [Hunk, number] {
  const found = HEADER.exec(lines[start] ?? '');
  if (!found)
    throw refused(
      `${path}, line ${start + 1} is ${quoted(lines[start] ?? '')}; expected @@ -FROM,COUNT +FROM,COUNT @@`,
    );
  const [oldCount, newCount] = [Number(found[2] ?? 1), Number(found[4] ?? 1)];
  const before: string[] = [];
  const after: string[] = [];
  let i = start + 1;
  for (; before.length < oldCount || after.length < newCount || lines[i]?.startsWith('\\'); i++) {
    const line = lines[i];
    const sign = line?.[0];
    // Editors and models take the blank off an empty line of context.
    const content = line === '' ? '\n' : `${line?.slice(1)}\n`;
    if (sign === '\\') unterminated(lines[i - 1]?.[0], before, after);
    else if (line !== undefined && (sign === ' ' || (line === '' && i < lines.length - 1))) {
      before.push(content);
      after.push(content);
    } else if (sign === '-') before.push(content);
    else if (sign === '+') after.push(content);
    else throw refused(miscounted(path, start, { oldCount, newCount, before, after }));
  }
  if (before.length !== oldCount || after.length !== newCount)
    throw refused(miscounted(path, start, { oldCount, newCount, before, after }));
  return [{ from: Number(found[1]), before, after }, i];
}

/** The line before has no end of line in the file. */
function unterminated(sign: string | undefined, before: string[], after: string[]): void {
  for (const [side, other] of [
    [before, '+'],
    [after, '-'],
  ] as const) {
    const last = side.length - 1;
    if (sign !== other && last >= 0) side[last] = side[last]?.replace(/\n$/, '') ?? '';
  }
}

function miscounted(
  path: string,
  start: number,
  of: { oldCount: number; newCount: number; before: readonly string[]; after: readonly string[] },
): string {
  return `${path}: the hunk at line ${start + 1} says ${of.oldCount} old and ${of.newCount} new lines; found ${of.before.length} and ${of.after.length}`;
}

/**
 * The edits that a patch makes of these texts (undefined: no such file). A hunk goes where its old lines stand: the place
 * nearest to the line that it names. Throws PortError when they stand nowhere.
 */
export function applyPatch(
  files: readonly FilePatch[],
  textOf: (path: string) => string | undefined,
): readonly PolicyEdit[] {
  return files.map(file => {
    const { path, isNew, isGone } = file;
    const text = textOf(path);
    if (isNew && text !== undefined)
      throw refused(`${path} is new in it, and there is such a file; expected --- a/${path}`);
    if (!isNew && text === undefined)
      throw refused(`${path} is not in the base; expected a file of it, or --- /dev/null for a new one`);
    const after = patched(file, splitLines(text ?? ''));
    if (!isGone) return { path, text: after };
    if (after !== '')
      throw refused(`${path} is deleted, and the hunks leave lines of it; expected all of them taken away`);
    return { path };
  });
}

function patched({ path, hunks }: FilePatch, lines: readonly string[]): string {
  const out: string[] = [];
  let done = 0;
  for (const [i, { from, before, after }] of hunks.entries()) {
    const wanted = before.length === 0 ? from : from - 1;
    const at = placeOf(lines, before, Math.max(wanted, done), done);
    if (at === undefined) throw refused(misfit(path, i, lines, from, before));
    out.push(...lines.slice(done, at), ...after);
    done = at + before.length;
  }
  return [...out, ...lines.slice(done)].join('');
}

/** Where these lines stand, nearest to `wanted` and not before `least`. */
function placeOf(
  lines: readonly string[],
  before: readonly string[],
  wanted: number,
  least: number,
): number | undefined {
  const last = lines.length - before.length;
  const fits = (at: number) => at >= least && at <= last && before.every((line, i) => lines[at + i] === line);
  if (before.length === 0) return Math.min(wanted, lines.length);
  for (let away = 0; away <= lines.length; away++) {
    if (fits(wanted - away)) return wanted - away;
    if (fits(wanted + away)) return wanted + away;
  }
  return undefined;
}

function misfit(
  path: string,
  i: number,
  lines: readonly string[],
  from: number,
  before: readonly string[],
): string {
  const wrong = before.findIndex((line, k) => lines[from - 1 + k] !== line);
  const found = lines[from - 1 + wrong];
  return `${path}: hunk ${i + 1} does not fit: at line ${from + wrong} it expects ${quoted(before[wrong] ?? '')}, found ${found === undefined ? 'the end of the file' : quoted(found)}; make it from the text of the base`;
}

function quoted(line: string): string {
  return JSON.stringify(line.replace(/\n$/, '').slice(0, 120));
}

function refused(problem: string): PortError {
  return new PortError(`patch: ${problem}.`, { code: 'patch-refused', retry: 'never', subject: 'patch' });
}
