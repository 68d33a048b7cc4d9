/** Which label sets of a group are worst: by what the condition compares first. Pure. */
import type { Json } from '../model.ts';
import { compile, operation } from './condition.ts';
import { groupKey } from './ids.ts';
import type { LabelSet, Scope } from './label-sets.ts';

/**
 * The label sets in the order of the left side of the condition's first comparison over them: the greatest first, or for `<`
 * the smallest. Equal ones, and all where nothing is compared, come in the order of their keys.
 */
export function worstFirst(logic: Json, scope: Scope, sets: readonly LabelSet[]): readonly LabelSet[] {
  if (sets.length < 2) return sets;
  const compared = comparison(logic, scope);
  const direction = compared?.op.startsWith('<') ? 1 : -1;
  const measure = compared ? measureOf(compared.left, logic, scope) : () => 0;
  return sets
    .map(set => ({ set, size: measure(set), key: groupKey(set.labels) }))
    .sort((a, b) => direction * (a.size - b.size) || (a.key < b.key ? -1 : 1))
    .map(one => one.set);
}

function comparison(logic: Json, scope: Scope): { readonly op: string; readonly left: Json } | undefined {
  const found = logic === null || Array.isArray(logic) ? undefined : operation(logic);
  if (!found) return undefined;
  const [op, args] = found;
  if (['<', '<=', '>', '>='].includes(op)) {
    const left = args[0] as Json;
    return compile(left).names.some(name => scope.observations[name]?.vector) ? { op, left } : undefined;
  }
  if (op !== 'and' && op !== 'or') return undefined;
  for (const arg of args) {
    const inner = comparison(arg, scope);
    if (inner) return inner;
  }
  return undefined;
}

function measureOf(left: Json, whole: Json, scope: Scope): (set: LabelSet) => number {
  const part = compile(left);
  const slots = part.names.map(name => compile(whole).names.indexOf(name));
  return set => {
    const value = part.evaluate(scope, {
      labels: set.labels,
      readings: slots.map(slot => set.readings[slot]),
    });
    return typeof value === 'number' ? value : 0;
  };
}
