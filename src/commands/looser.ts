/** Whether a condition holds more seldom, or more easily, than before: only where both are the same but for their numbers. Pure. */
import { canonical } from '../canonical.ts';
import type { Json } from '../model.ts';

type Change = { readonly text: string; readonly harder: boolean };

const UP = ['>', '>='];
const DOWN = ['<', '<='];

/**
 * The numbers that moved in a condition, with whether it is `harder` to be true by it. Undefined when it is another condition, so
 * that nobody can tell.
 */
export function movedNumbers(before: Json, after: Json): readonly Change[] | undefined {
  return compared(before, after, true);
}

function compared(before: Json, after: Json, straight: boolean): readonly Change[] | undefined {
  if (canonical(before) === canonical(after)) return [];
  const [old, now] = [partsOf(before), partsOf(after)];
  if (!old || !now || old.op !== now.op || old.args.length !== now.args.length) return undefined;
  const { op } = old;
  const direct = UP.includes(op) ? 1 : DOWN.includes(op) ? -1 : 0;
  if (direct !== 0) return comparedSides(old.args, now.args, op, straight === direct > 0);
  // What is within anything else than these says nothing about how easily the whole is true.
  if (op !== 'and' && op !== 'or' && op !== '!') return undefined;
  const found = old.args.map((arg, i) =>
    compared(arg, now.args[i] ?? null, op === '!' ? !straight : straight),
  );
  return found.some(one => one === undefined) ? undefined : found.flatMap(one => one ?? []);
}

/** `up`: a greater number on the right makes it harder. */
function comparedSides(
  [a, b]: readonly Json[],
  [c, d]: readonly Json[],
  op: string,
  up: boolean,
): readonly Change[] | undefined {
  if (canonical(a ?? null) === canonical(c ?? null) && typeof b === 'number' && typeof d === 'number')
    return [{ text: `${op} ${b} is ${op} ${d}`, harder: d > b === up }];
  if (canonical(b ?? null) === canonical(d ?? null) && typeof a === 'number' && typeof c === 'number')
    return [{ text: `${a} ${op} is ${c} ${op}`, harder: c < a === up }];
  return comparedReducers(a, b, c, d);
}

/** `count(psi > 0.2) >= 3`: within, the same direction as without. */
function comparedReducers(a?: Json, b?: Json, c?: Json, d?: Json): readonly Change[] | undefined {
  const [old, now] = [partsOf(a ?? null), partsOf(c ?? null)];
  if (old?.op !== 'reduce' || now?.op !== 'reduce' || canonical(b ?? null) !== canonical(d ?? null))
    return undefined;
  const [how, inner = null] = old.args;
  if ((how !== 'count' && how !== 'share') || how !== now.args[0]) return undefined;
  return compared(inner, now.args[1] ?? null, true);
}

function partsOf(logic: Json): { readonly op: string; readonly args: readonly Json[] } | undefined {
  if (logic === null || typeof logic !== 'object' || Array.isArray(logic)) return undefined;
  const [[op, args] = []] = Object.entries(logic);
  if (op === undefined || args === undefined) return undefined;
  return { op, args: Array.isArray(args) ? (args as readonly Json[]) : [args] };
}
