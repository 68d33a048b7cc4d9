/** The difference of two texts by lines, in the unified form that people and `git apply` read. */

const CONTEXT = 3;
/** Above this many pairs of lines the changed middle is shown whole instead of compared line by line. */
const PAIRS_MAX = 4_000_000;

/** One line of a comparison: kept, taken away or added. */
export interface Line {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
}

/**
 * The unified diff of one file, with three lines of context; empty when both texts are equal. `undefined` is a file that
 * is not there. Lines end in \n; a missing end of line is marked as git does.
 */
export function unifiedDiff(path: string, before: string | undefined, after: string | undefined): string {
  if (before === after) return '';
  const lines = compareLines(splitLines(before ?? ''), splitLines(after ?? ''));
  const header = [
    `diff --git a/${path} b/${path}`,
    ...(before === undefined ? ['new file mode 100644'] : []),
    ...(after === undefined ? ['deleted file mode 100644'] : []),
  ];
  const hunks = renderHunks(lines);
  if (hunks === '') return `${header.join('\n')}\n`;
  header.push(before === undefined ? '--- /dev/null' : `--- a/${path}${afterBlank(path)}`);
  header.push(after === undefined ? '+++ /dev/null' : `+++ b/${path}${afterBlank(path)}`);
  return `${header.join('\n')}\n${hunks}`;
}

/** A tab ends a name with blanks, which would otherwise be read as its end. */
function afterBlank(path: string): string {
  return path.includes(' ') ? '\t' : '';
}

/** Lines with their ends, so that a missing last end of line is a difference like any other. */
export function splitLines(text: string): readonly string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** Two texts line by line, as few lines as possible changed. */
export function compareLines(before: readonly string[], after: readonly string[]): readonly Line[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  const same = (text: string): Line => ({ sign: ' ', text });
  return [
    ...before.slice(0, start).map(same),
    ...compareMiddle(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...before.slice(before.length - end).map(same),
  ];
}

/** By the longest common subsequence, as a table of its lengths for every pair of ends. */
function compareMiddle(before: readonly string[], after: readonly string[]): readonly Line[] {
  const width = after.length + 1;
  const whole = before.length * after.length > PAIRS_MAX;
  const common = new Uint32Array(whole ? 0 : (before.length + 1) * width);
  const at = (i: number, j: number) => common[i * width + j] ?? 0;
  if (!whole) {
    for (let i = before.length - 1; i >= 0; i--)
      for (let j = after.length - 1; j >= 0; j--)
        common[i * width + j] =
          before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  }
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const [a, b] = [before[i], after[j]];
    if (!whole && a !== undefined && a === b) {
      lines.push({ sign: ' ', text: a });
      i++;
      j++;
    } else if (a !== undefined && (b === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ sign: '-', text: a });
      i++;
    } else if (b !== undefined) {
      lines.push({ sign: '+', text: b });
      j++;
    }
  }
  return lines;
}

function renderHunks(lines: readonly Line[]): string {
  const near = nearChanges(lines);
  let [before, after] = [0, 0];
  let text = '';
  for (let i = 0; i < lines.length; ) {
    let end = i;
    while (end < lines.length && near[end] === near[i]) end++;
    const hunk = lines.slice(i, end);
    const removed = hunk.filter(line => line.sign !== '+').length;
    const added = hunk.filter(line => line.sign !== '-').length;
    if (near[i])
      text += `@@ -${range(before, removed)} +${range(after, added)} @@\n${hunk.map(render).join('')}`;
    before += removed;
    after += added;
    i = end;
  }
  return text;
}

/** For each line, whether it is changed or within the context of a changed one. */
function nearChanges(lines: readonly Line[]): readonly boolean[] {
  const near = new Array<boolean>(lines.length).fill(false);
  lines.forEach((line, i) => {
    if (line.sign !== ' ') near.fill(true, Math.max(0, i - CONTEXT), i + CONTEXT + 1);
  });
  return near;
}

function range(linesBefore: number, count: number): string {
  return `${count === 0 ? linesBefore : linesBefore + 1},${count}`;
}

function render(line: Line): string {
  return line.text.endsWith('\n')
    ? line.sign + line.text
    : `${line.sign}${line.text}\n\\ No newline at end of file\n`;
}
