/** `retrain`: runs the Model's training pipeline over a lookback, in full, focused on some rows, or on them only. Pure. */
import { z } from 'zod';
import { hashOf } from '../canonical.ts';
import type { Json, JsonObject, Origin, Verb, VerbContext } from '../model.ts';
import { duration, predicate, ratio, settled } from './arguments.ts';
import { modelOf, pipelineCall, type SlotValues } from './pipeline.ts';

const MINUTE_MS = 60_000;
/** Share of the rows beside the focus when the policy does not say it. */
const REST_WITH_FOCUS = 0.1;

const args = z
  .strictObject({
    focus: predicate.optional(),
    only: predicate.optional(),
    rest: ratio.optional(),
    lookback: duration(MINUTE_MS),
    seed: z.int().min(0).max(0xffffffff).optional(),
  })
  .refine(given => given.focus === undefined || given.only === undefined, {
    message: 'focus and only exclude each other; focus keeps a share of the rest, only keeps none',
    path: ['only'],
  })
  .refine(given => given.rest === undefined || given.focus !== undefined, {
    message: 'rest is the share of the rows beside a focus; expected focus as well',
    path: ['rest'],
  });

type Args = z.output<typeof args>;

/**
 * One `pipeline.run` of `pipelines.train`. Its slots: `data.since` and `data.until` (ISO 8601, UTC; until is now),
 * `data.focus` and `data.only` (predicate trees or null), `data.rest` (share of the rows beside the focus: 1 without
 * one, 0 with `only`) and `data.seed` (0..2³²−1, from the origin unless given). Unbound when an argument would be lost.
 */
export const retrain: Verb = {
  name: 'retrain',
  args,
  outputs: { version: 'version', '*': 'number' },
  disruptive: true,
  safe: false,
  slots: { focus: 'predicate', only: 'predicate' },
  pipeline: 'train',
  needs: [],
  calls,
};

function calls(given: JsonObject, context: VerbContext): ReturnType<Verb['calls']> {
  const checked = settled(args, given);
  if ('unbound' in checked) return { unbound: `retrain: ${checked.unbound}` };
  const found = modelOf('retrain', context);
  if ('unbound' in found) return found;
  const slice = (['focus', 'only'] as const).filter(name => checked.args[name] !== undefined);
  for (const name of slice) {
    if (typeof checked.args[name] === 'string')
      return { unbound: `retrain: ${name} is text, not a predicate` };
    if (!found.model.pipelines.train?.accepts.includes(name))
      return { unbound: `Model ${found.model.name}: pipelines.train does not accept ${name}` };
  }
  return pipelineCall(found.model, 'train', context, {
    values: slotValues(checked.args, context),
    required: slice.map(name => `data.${name}`),
    outputs: ['version'],
  });
}

function slotValues(given: Args, context: VerbContext): SlotValues {
  const rest = given.focus !== undefined ? (given.rest ?? REST_WITH_FOCUS) : given.only !== undefined ? 0 : 1;
  return {
    'data.since': { value: new Date(context.at - given.lookback).toISOString() },
    'data.until': { value: new Date(context.at).toISOString() },
    'data.focus': { value: (given.focus ?? null) as Json },
    'data.only': { value: (given.only ?? null) as Json },
    'data.rest': { value: rest },
    'data.seed': { value: given.seed ?? seedOf(context.origin) },
  };
}

/** The same origin samples the same rows, so that a repeated attempt trains on the same data. */
function seedOf(origin: Origin): number {
  return Number.parseInt(hashOf(origin).slice(0, 8), 16);
}
