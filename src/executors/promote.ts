/** `promote`: puts a version into service, all traffic at once or by the Model's rollout. Pure. */
import { z } from 'zod';
import type { JsonObject, RolloutSpec, Verb, VerbContext } from '../model.ts';
import { settled, textOrSlot } from './arguments.ts';
import { release, releaseBySteps } from './release.ts';

const args = z
  .strictObject({
    version: textOrSlot.meta({
      description: 'The version that is to serve.',
      examples: [`\${steps.retrain.version}`],
    }),
  })
  .meta({
    description:
      'Puts a version into service: by the rollout that the Model names, or all traffic at once; then the registry calls it champion. Disruptive.',
    examples: [{ version: `\${steps.retrain.version}` }],
  });

/**
 * Without a rollout `serving.shift` of all traffic to the version; with one, a `serving.shift` for each of its steps, the
 * rest of the traffic on the champion of that moment. Then `registry.point` of the champion alias. The champion itself is
 * promoted at once: there is nothing to compare it with. Unbound when the rollout or the champion is not known.
 */
export const promote: Verb = {
  name: 'promote',
  args,
  outputs: { version: 'version' },
  disruptive: true,
  safe: false,
  slots: { version: 'version' },
  needs: ['registry', 'serving'],
  calls,
  undo,
};

function calls(given: JsonObject, context: VerbContext): ReturnType<Verb['calls']> {
  const checked = settled(args, given);
  if ('unbound' in checked) return { unbound: `promote: ${checked.unbound}` };
  const version = String(checked.args.version);
  const rollout = rolloutOf(context);
  if (rollout !== undefined && 'unbound' in rollout) return rollout;
  if (rollout === undefined || context.serving?.champion === version)
    return release('promote', version, context);
  const baseline = context.serving?.champion;
  if (baseline === undefined) {
    const why = context.serving?.unknown?.message ?? 'nothing says which';
    return { unbound: `promote by rollout ${rollout.name}: the version in service is unknown: ${why}` };
  }
  return releaseBySteps('promote', version, rollout, baseline, context);
}

/** All traffic and the champion alias back to what serves before it begins; nothing when that is the version itself. */
function undo(given: JsonObject, context: VerbContext): ReturnType<NonNullable<Verb['undo']>> {
  const checked = settled(args, given);
  if ('unbound' in checked) return { unbound: `promote: ${checked.unbound}` };
  const champion = context.serving?.champion;
  if (champion === undefined) {
    const why = context.serving?.unknown?.message ?? 'nothing says which';
    return {
      unbound: `promote with undo: the version in service is unknown, so nothing says where to go back to: ${why}`,
    };
  }
  return champion === String(checked.args.version) ? { calls: [] } : release('rollback', champion, context);
}

function rolloutOf({ documents }: VerbContext): RolloutSpec | { readonly unbound: string } | undefined {
  const name = documents.model?.actions.promote?.rollout;
  if (name === undefined || name === 'direct') return undefined;
  const rollout = documents.rollouts?.[name];
  return rollout ?? { unbound: `promote: Model ${documents.model?.name} names rollout ${name}; no such one` };
}
