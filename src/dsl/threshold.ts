/** The numbers that conditions compare main values with: an estimate refines only when one of them lies within it. Pure. */
import type { Json } from '../model.ts';

/** Notes in `thresholds` a number that a main value, or the largest or smallest of a vector, is compared with. */
export function noteThreshold(side: Json, other: Json, thresholds: Map<string, Set<number>>): void {
  const value = folded(other);
  const name = mainValue(side);
  if (value === undefined || name === undefined) return;
  thresholds.set(name, (thresholds.get(name) ?? new Set()).add(value));
}

function mainValue(logic: Json): string | undefined {
  if (logic === null || typeof logic !== 'object' || Array.isArray(logic)) return undefined;
  const { var: path, reduce } = logic as { readonly var?: Json; readonly reduce?: Json };
  if (typeof path === 'string') return path.includes('.') ? undefined : path;
  if (!Array.isArray(reduce) || (reduce[0] !== 'max' && reduce[0] !== 'min')) return undefined;
  return mainValue(reduce[1] as Json);
}

/** The number of a literal, or of a calculation with literals alone. */
function folded(logic: Json): number | undefined {
  if (typeof logic === 'number') return logic;
  if (logic === null || typeof logic !== 'object' || Array.isArray(logic)) return undefined;
  const [[op, args] = ['', []]] = Object.entries(logic);
  const numbers = Array.isArray(args) ? args.map(one => folded(one as Json)) : [];
  const [a, b] = numbers;
  if (a === undefined || b === undefined || numbers.length !== 2) return undefined;
  const result = { '+': a + b, '-': a - b, '*': a * b, '/': a / b, '%': a % b }[op];
  return result !== undefined && Number.isFinite(result) ? result : undefined;
}
