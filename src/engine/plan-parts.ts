/** In what two plans of one sequence differ, for people. Pure. */
import { canonical } from '../canonical.ts';
import type { SequencePlan, StepSpec } from '../model.ts';

/** Names of the parts that are not the same, such as `step promote` and `guard`; positions do not count. */
export function changedParts(before: SequencePlan, after: SequencePlan): readonly string[] {
  const ids = [...new Set([...before.steps, ...after.steps].map(step => step.id))];
  const stepIn = (plan: SequencePlan, id: string) => plan.steps.find(step => step.id === id);
  const steps = ids.filter(id => differ(plain(stepIn(before, id)), plain(stepIn(after, id))));
  const parts = (['guard', 'verify', 'observe'] as const).filter(part => differ(before[part], after[part]));
  const actions = differ(before.documents.model?.actions, after.documents.model?.actions);
  return [...steps.map(id => `step ${id}`), ...parts, ...(actions ? ["the Model's actions"] : [])];
}

function plain(step: StepSpec | undefined) {
  if (step === undefined) return null;
  const { position: _, ...rest } = step;
  return rest;
}

function differ(a: unknown, b: unknown): boolean {
  return canonical(withoutPositions(a ?? null)) !== canonical(withoutPositions(b ?? null));
}

/** An edit further up moves every line below it and changes nothing. */
function withoutPositions(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(withoutPositions);
  const rest = Object.entries(value).filter(([key]) => key !== 'position');
  return Object.fromEntries(rest.map(([key, one]) => [key, withoutPositions(one)]));
}
