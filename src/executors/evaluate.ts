/** `evaluate`: runs the Model's evaluation pipeline for one version; its metrics become the step's outputs. Pure. */
import { z } from 'zod';
import type { JsonObject, Verb, VerbContext } from '../model.ts';
import { duration, settled, textOrSlot } from './arguments.ts';
import { modelOf, pipelineCall, type SlotValues } from './pipeline.ts';

const MINUTE_MS = 60_000;
const args = z
  .strictObject({
    version: textOrSlot.meta({
      description: 'The version that is evaluated.',
      examples: [`\${steps.retrain.version}`],
    }),
    lookback: duration(MINUTE_MS)
      .optional()
      .meta({
        description: 'How far back its data goes, where the pipeline asks for it.',
        examples: ['30d'],
      }),
  })
  .meta({
    description:
      'Runs pipelines.evaluate of the Model for one version; its outputs are numbers for require (steps.evaluate.NAME). Changes nothing that serves.',
    examples: [{ version: `\${steps.retrain.version}` }],
  });

/**
 * One `pipeline.run` of `pipelines.evaluate`. Its slots: `data.version`, `data.champion` (what serves now), and
 * `data.since` and `data.until` (ISO 8601, UTC; until is now). Unbound when a slot that is used has no value.
 */
export const evaluate: Verb = {
  name: 'evaluate',
  args,
  outputs: { '*': 'number' },
  disruptive: false,
  safe: false,
  slots: { version: 'version' },
  pipeline: 'evaluate',
  needs: [],
  calls,
};

function calls(given: JsonObject, context: VerbContext): ReturnType<Verb['calls']> {
  const checked = settled(args, given);
  if ('unbound' in checked) return { unbound: `evaluate: ${checked.unbound}` };
  const found = modelOf('evaluate', context);
  if ('unbound' in found) return found;
  return pipelineCall(found.model, 'evaluate', context, {
    values: slotValues(String(checked.args.version), checked.args.lookback, context),
    required: ['data.version'],
    outputs: [],
  });
}

function slotValues(version: string, lookbackMs: number | undefined, context: VerbContext): SlotValues {
  const champion = context.serving?.champion;
  const why = context.serving?.unknown?.message ?? 'no version is in service';
  return {
    'data.version': { value: version },
    'data.champion': champion === undefined ? { unbound: why } : { value: champion },
    'data.since':
      lookbackMs === undefined
        ? { unbound: 'evaluate has no lookback' }
        : { value: new Date(context.at - lookbackMs).toISOString() },
    'data.until': { value: new Date(context.at).toISOString() },
  };
}
