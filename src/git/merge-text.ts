/** Merges two changes of one text by lines, as git does: what only one side changed is taken, the rest is a conflict. Pure. */
import { compareLines, splitLines } from './line-diff.ts';

/** The merged text; or the places that both sides changed, with git's markers. */
export type MergedText = { readonly text: string } | { readonly conflict: string };

/** Merges what `ours` and `theirs` made of `base`. The names stand in the markers of a conflict. */
export function mergeText(
  base: string,
  ours: { readonly name: string; readonly text: string },
  theirs: { readonly name: string; readonly text: string },
): MergedText {
  const lines = splitLines(base);
  const left = sideOf(lines, ours.text);
  const right = sideOf(lines, theirs.text);
  const merged: string[] = [];
  const conflicts: string[] = [];
  let [at, l, r] = [0, 0, 0];
  while (at < lines.length || l < left.lines.length || r < right.lines.length) {
    if (at < lines.length && left.kept[at] === l && right.kept[at] === r) {
      merged.push(lines[at] ?? '');
      at++;
      l++;
      r++;
      continue;
    }
    let next = at;
    while (next < lines.length && (left.kept[next] === undefined || right.kept[next] === undefined)) next++;
    const before = lines.slice(at, next).join('');
    const toLeft = left.kept[next] ?? left.lines.length;
    const toRight = right.kept[next] ?? right.lines.length;
    const mine = left.lines.slice(l, toLeft).join('');
    const other = right.lines.slice(r, toRight).join('');
    if (mine === before || mine === other) merged.push(other);
    else if (other === before) merged.push(mine);
    else
      conflicts.push(
        [`<<<<<<< ${ours.name}`, mine, '=======', other, `>>>>>>> ${theirs.name}`].map(whole).join(''),
      );
    [at, l, r] = [next, toLeft, toRight];
  }
  return conflicts.length > 0 ? { conflict: conflicts.join('') } : { text: merged.join('') };
}

interface Side {
  readonly lines: readonly string[];
  /** By line of the base: where it stands in this side; undefined when it is gone. */
  readonly kept: readonly (number | undefined)[];
}

function sideOf(base: readonly string[], text: string): Side {
  const lines = splitLines(text);
  const kept = new Array<number | undefined>(base.length).fill(undefined);
  let [at, here] = [0, 0];
  for (const { sign } of compareLines(base, lines)) {
    if (sign === ' ') kept[at] = here;
    if (sign !== '+') at++;
    if (sign !== '-') here++;
  }
  return { lines, kept };
}

/** With an end of line, unless there is nothing. */
function whole(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}
