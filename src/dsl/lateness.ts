/** Which step an observation waits for, because its arguments name what that step gives. Pure. */
import type { Evaluator, Json, JsonObject } from '../model.ts';
import { type Closing, refuse } from './closing.ts';
import { didYouMean, oneOf } from './diagnostic.ts';
import type { Path } from './source.ts';
import { hasTemplate, isSlot } from './template.ts';
import { hasRolloutGate } from './written-rules.ts';

/** Steps by id: which there are, and whether they give such an output. */
export type StepOutputs = ReadonlyMap<string, (output: string) => boolean>;

/** The id of the last step that the arguments name; undefined when they name none. */
export function latenessOf(
  closing: Closing,
  args: JsonObject,
  steps: StepOutputs,
  path: Path,
  evaluator: Evaluator,
): string | undefined {
  const order = [...steps.keys()];
  let last = -1;
  for (const { slot, at } of slotsOf(args, [])) {
    const place = [...path, ...(at[0] === 'main' ? [evaluator.name, ...at.slice(1)] : at)];
    const [root = '', id = '', ...output] = slot.split('.');
    const gives = steps.get(id);
    if (root === 'labels' && evaluator.reads === 'connection') continue;
    if (ROLLOUT_ROOTS.includes(root)) checkRollout(closing, slot, place);
    else if (root !== 'steps')
      refuse(
        closing,
        place,
        `\${${slot}} names nothing here; expected \${steps.ID.OUTPUT}, \${params.NAME} or \${target.PATH}`,
      );
    else if (gives === undefined)
      refuse(closing, place, `there is no step ${id}; expected ${oneOf(order)}`, didYouMean(id, order));
    else if (!gives(output.join('.')))
      refuse(closing, place, `step ${id} has no output ${output.join('.')}; expected one that it gives`);
    last = Math.max(last, order.indexOf(id));
  }
  return order[last];
}

/** Of a rollout: filled when a gate of it is judged. */
const ROLLOUT_ROOTS: readonly string[] = ['rollout', 'side', 'step'];
const ROLLOUT_PATHS = ['rollout.canary', 'rollout.baseline', 'side.name', 'side.revision', 'step.elapsed'];

function checkRollout(closing: Closing, slot: string, place: Path): void {
  if (!ROLLOUT_PATHS.includes(slot))
    refuse(
      closing,
      place,
      `\${${slot}} is nothing that a rollout has; expected ${oneOf(ROLLOUT_PATHS)}`,
      didYouMean(slot, ROLLOUT_PATHS),
    );
  else if (!hasRolloutGate(closing.spec))
    refuse(
      closing,
      place,
      `\${${slot}} is known in a rollout only, and this policy has no gate: { on: rollout }; expected one`,
    );
}

function slotsOf(value: Json, at: Path): { readonly slot: string; readonly at: Path }[] {
  if (isSlot(value)) return [{ slot: value.$, at }];
  if (typeof value === 'string') return hasTemplate(value) ? [{ slot: value, at }] : [];
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, one]) =>
    slotsOf(one as Json, [...at, Array.isArray(value) ? Number(key) : key]),
  );
}
