/** `retrain`: runs the Model's training pipeline over a lookback, in full, focused on some rows, or on them only. Pure. */
import { z } from 'zod';
import { hashOf } from '../canonical.ts';
import type { Json, JsonObject, Origin, Tainted, Verb, VerbContext } from '../model.ts';
import { duration, predicate, ratio, settled } from './arguments.ts';
import { modelOf, pipelineCall, type SlotValues } from './pipeline.ts';

const MINUTE_MS = 60_000;
/** Share of the rows beside the focus when the policy does not say it. */
const REST_WITH_FOCUS = 0.1;

const args = z
  .strictObject({
    focus: predicate.optional().meta({
      description: 'These rows in full, beside a share of all others (rest). The pipeline must accept it.',
      examples: [`origin in \${members.origin}`],
    }),
    only: predicate.optional().meta({
      description: 'These rows and no others. The pipeline must accept it; no promote for all may follow.',
      examples: ["origin == 'ORD'"],
    }),
    rest: ratio.optional().meta({
      default: '10%',
      description:
        'With focus: the share of all other rows, sampled by a hash of their key; 10% unless said.',
      examples: ['10%'],
    }),
    lookback: duration(MINUTE_MS).meta({
      description: 'How far back it trains, ending now.',
      examples: ['90d'],
    }),
    seed: z
      .int()
      .min(0)
      .max(0xffffffff)
      .optional()
      .meta({
        description:
          'Of the sample; made of the origin of the action unless said, so that a repetition is the same.',
        examples: [42],
      }),
  })
  .refine(given => given.focus === undefined || given.only === undefined, {
    message: 'focus and only exclude each other; focus keeps a share of the rest, only keeps none',
    path: ['only'],
  })
  .refine(given => given.rest === undefined || given.focus !== undefined, {
    message: 'rest is the share of the rows beside a focus; expected focus as well',
    path: ['rest'],
  })
  .meta({
    description:
      'Runs pipelines.train of the Model over a lookback: on all rows, focused on some, or on some only. Disruptive. Gives version.',
    examples: [{ lookback: '90d' }, { focus: `origin in \${members.origin}`, rest: '10%', lookback: '90d' }],
  });

type Args = z.output<typeof args>;

/**
 * One `pipeline.run` of `pipelines.train`. Its slots: `data.since` and `data.until` (ISO 8601, UTC; until is now),
 * `data.focus` and `data.only` (predicate trees or null), `data.rest` (share of the rows beside the focus: 1 without
 * one, 0 with `only`), `data.exclude` (`[from, to)` times whose rows must be left out, because a gate on their data was
 * closed) and `data.seed` (0..2³²−1, from the origin unless given). Unbound when an argument would be lost; held while the
 * lookback reaches into tainted data that the pipeline cannot leave out.
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
  const exclude = taintedWithin(checked.args.lookback, context);
  if (exclude.length > 0 && !found.model.pipelines.train?.accepts.includes('exclude'))
    return refused(checked.args.lookback, exclude);
  const needed = [...slice, ...(exclude.length > 0 ? ['exclude'] : [])];
  return pipelineCall(found.model, 'train', context, {
    values: slotValues(checked.args, context, exclude),
    required: needed.map(name => `data.${name}`),
    outputs: ['version'],
  });
}

/** The tainted times that the lookback reaches into, cut to it. */
function taintedWithin(lookback: number, { tainted = [], at }: VerbContext): readonly Tainted[] {
  const from = at - lookback;
  return tainted
    .filter(one => one.to > from && one.from < at)
    .map(one => ({ ...one, from: Math.max(one.from, from), to: Math.min(one.to, at) }));
}

/** Without a word for what to leave out, all of it is waited for. */
function refused(lookback: number, tainted: readonly Tainted[]): ReturnType<Verb['calls']> {
  const ranges = tainted.map(({ gate, from, to, lasts }) =>
    lasts
      ? `from ${iso(from)} on (gate ${gate} is closed)`
      : `${iso(from)} to ${iso(to)} (gate ${gate} was closed)`,
  );
  const held = `the lookback reaches into tainted data: ${ranges.join(', ')}; a pipeline that accepts exclude leaves it out`;
  if (tainted.some(({ lasts }) => lasts)) return { held };
  return { held, until: Math.max(...tainted.map(({ to }) => to)) + lookback };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

function slotValues(given: Args, context: VerbContext, exclude: readonly Tainted[]): SlotValues {
  const rest = given.focus !== undefined ? (given.rest ?? REST_WITH_FOCUS) : given.only !== undefined ? 0 : 1;
  return {
    'data.since': { value: new Date(context.at - given.lookback).toISOString() },
    'data.until': { value: new Date(context.at).toISOString() },
    'data.focus': { value: (given.focus ?? null) as Json },
    'data.only': { value: (given.only ?? null) as Json },
    'data.rest': { value: rest },
    'data.exclude': { value: exclude.map(({ from, to }) => [iso(from), iso(to)]) },
    'data.seed': { value: given.seed ?? seedOf(context.origin) },
  };
}

/** The same origin samples the same rows, so that a repeated attempt trains on the same data. */
function seedOf(origin: Origin): number {
  return Number.parseInt(hashOf(origin).slice(0, 8), 16);
}
