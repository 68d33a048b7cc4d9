/** `clear` beside `when`: whether it ever holds, and whether there is hysteresis between the two the right way round. Pure. */
import type { Json } from '../model.ts';
import { shown } from './lint-condition.ts';
import { type Finding, finding, type LintedPolicy, type LintedRule } from './lint-finding.ts';
import type { Ranges } from './lint-range.ts';
import { rangesOf } from './lint-statistics.ts';
import { type Box, boxes, canBe, meetBoxes, nodeOf } from './lint-truth.ts';
import type { Vocabulary } from './lint-words.ts';

/** One finding at most: what follows from it is none of its own. */
export function clearFindings(
  { rule, path }: LintedRule,
  { source }: LintedPolicy,
  { observe, catalogue }: Vocabulary,
): readonly Finding[] {
  const { when, clear } = rule;
  if (clear === undefined) return [];
  const ranges = rangesOf(observe, catalogue, 'sure');
  const position = source.at([...path, 'clear']);
  const unreachable = (message: string, hint?: string) => [
    finding('unreachable-clear', position, message, hint),
  ];
  // A rule that never fires has nothing to clear, and says so itself.
  if (!canBe(when.logic, true, ranges)) return [];
  if (!canBe(clear.logic, true, ranges))
    return unreachable(
      `clear is ${shown(clear)}, which is never true, so a firing never ends by itself; expected what holds once the breach is over`,
    );
  const [a, b] = [when.logic, clear.logic].map(one => JSON.stringify(one));
  if (a === b)
    return unreachable(
      `clear is the same as when (${shown(when)}), so a firing ends while its cause lasts; expected its opposite, at a distance`,
      'Leave clear out, and it is not when.',
    );
  if (!canBe({ and: [clear.logic, { '!': [when.logic] }] }, true, ranges))
    return unreachable(
      `clear (${shown(clear)}) holds only while when (${shown(when)}) does, so a firing ends at its worst and never when it is over; expected what holds once the breach is over`,
    );
  if (!overlaps(when.logic, clear.logic, ranges)) return [];
  return [
    finding(
      'clear-overlap',
      position,
      `clear (${shown(clear)}) can hold while when (${shown(when)}) still does, so a firing ends and begins anew at every look; expected a distance between the two, with clear on the far side`,
      'With when: psi > 0.2, write clear: psi < 0.1.',
    ),
  ];
}

/**
 * True when both certainly can hold at once: where all that `clear` speaks of is what `when` speaks of, and these are values of
 * observations apart, which no definition binds to each other.
 */
function overlaps(when: Json, clear: Json, ranges: Ranges): boolean {
  const ending = boxes(clear, true, ranges);
  return boxes(when, true, ranges).some(firing =>
    ending.some(box => {
      const [of, other] = [termsOf(firing), termsOf(box)];
      if (other.length === 0 || !other.every(term => of.includes(term))) return false;
      return areApart(of) && meetBoxes(firing, box) !== undefined;
    }),
  );
}

function termsOf(box: Box): readonly string[] {
  return [...box.keys()].filter(key => !key.startsWith('exists '));
}

/** One term alone, or plain values of different observations. */
function areApart(terms: readonly string[]): boolean {
  if (terms.length === 1) return true;
  const roots = terms.map(rootOf);
  return roots.every(root => root !== undefined) && new Set(roots).size === roots.length;
}

function rootOf(term: string): string | undefined {
  if (!term.startsWith('{"var":') || term.includes(' - ')) return undefined;
  const [, [path]] = nodeOf(JSON.parse(term) as Json);
  return String(path)
    .replace(/^before\./, '')
    .split('.')[0];
}
