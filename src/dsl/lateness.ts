/** Which step an observation waits for, because its arguments name what that step gives. Pure. */
import type { Evaluator, Json, JsonObject } from '../model.ts';
import { type Closing, refuse } from './closing.ts';
import { didYouMean, oneOf } from './diagnostic.ts';
import type { Path } from './source.ts';
import { hasTemplate, isSlot } from './template.ts';

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
    const [root, id = '', ...output] = slot.split('.');
    const gives = steps.get(id);
    if (root !== 'steps')
      refuse(closing, place, `\${${slot}} names nothing here; expected \${steps.ID.OUTPUT}`);
    else if (gives === undefined)
      refuse(closing, place, `there is no step ${id}; expected ${oneOf(order)}`, didYouMean(id, order));
    else if (!gives(output.join('.')))
      refuse(closing, place, `step ${id} has no output ${output.join('.')}; expected one that it gives`);
    last = Math.max(last, order.indexOf(id));
  }
  return order[last];
}

function slotsOf(value: Json, at: Path): { readonly slot: string; readonly at: Path }[] {
  if (isSlot(value)) return [{ slot: value.$, at }];
  if (typeof value === 'string') return hasTemplate(value) ? [{ slot: value, at }] : [];
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, one]) =>
    slotsOf(one as Json, [...at, Array.isArray(value) ? Number(key) : key]),
  );
}
