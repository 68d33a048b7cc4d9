/** Which observations a condition reads, reducers included. Pure. */
import type { Json, Rule } from '../model.ts';

/** The first part of every variable of a JSON Logic tree, in order, with repetitions: `before` and `steps` are among them. */
export function readNames(logic: Json): string[] {
  return readPaths(logic).map(path => path.split('.')[0] ?? '');
}

/** Every variable of a JSON Logic tree, as it is written. */
export function readPaths(logic: Json): string[] {
  if (logic === null || typeof logic !== 'object') return [];
  if (Array.isArray(logic)) return logic.flatMap(one => readPaths(one as Json));
  return Object.entries(logic).flatMap(([op, args]) =>
    op === 'var' ? [String(Array.isArray(args) ? args[0] : args)] : readPaths(args),
  );
}

/** Observations that decide about a rule: of when, clear, verify and its steps. */
export function namesOfRule(rule: Rule): readonly string[] {
  const steps = rule.then.flatMap(step => [step.if, step.require]);
  const conditions = [rule.when, rule.clear, rule.verify?.that, ...steps];
  return [...new Set(conditions.flatMap(one => (one ? readNames(one.logic) : [])))];
}
