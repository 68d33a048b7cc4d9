/** How a version is put into service: all traffic at once, or by the shifts of a rollout. For `promote` and `rollback`. Pure. */
import type { CapabilityCall, JsonObject, ModelSpec, RolloutSpec, VerbContext } from '../model.ts';
import { modelOf } from './pipeline.ts';

type Calls = { readonly calls: readonly CapabilityCall[] } | { readonly unbound: string };

/** The registry and the serving system of a Model, both there. */
interface Places {
  readonly registry: NonNullable<ModelSpec['registry']>;
  readonly serving: NonNullable<ModelSpec['serving']>;
}

/**
 * Two calls in order: all traffic to `version`, then the registry's `champion` alias to it. Traffic comes first, so
 * that the alias never names a version that nothing serves. Unbound when the Model has no registry or no serving.
 */
export function release(verb: string, version: string, context: VerbContext): Calls {
  const places = placesOf(verb, context);
  if ('unbound' in places) return places;
  return { calls: [shift(places, { [version]: 1 }), point(places, version)] };
}

/**
 * One call for each step of the rollout, with the step's weight on `version` and the rest on `baseline`; after the last, the
 * `champion` alias. Each shift carries its place in the rollout: the hold after it is what lets the next one begin.
 */
export function releaseBySteps(
  verb: string,
  version: string,
  rollout: RolloutSpec,
  baseline: string,
  context: VerbContext,
): Calls {
  const places = placesOf(verb, context);
  if ('unbound' in places) return places;
  const shifts = rollout.steps.map(
    ({ weight }, index): CapabilityCall => ({
      ...shift(places, split(version, baseline, weight)),
      rollout: { name: rollout.name, index, weight, canary: version, baseline },
    }),
  );
  return { calls: [...shifts, point(places, version)] };
}

/** The shares of a split; a version without traffic does not stand in them. */
export function split(canary: string, baseline: string, weight: number): Readonly<Record<string, number>> {
  if (weight >= 1) return { [canary]: 1 };
  return { [canary]: weight, [baseline]: 1 - weight };
}

function placesOf(verb: string, context: VerbContext): Places | { readonly unbound: string } {
  const found = modelOf(verb, context);
  if ('unbound' in found) return found;
  const { registry, serving, name } = found.model;
  if (registry === undefined) return { unbound: `Model ${name} has no spec.registry; ${verb} needs it` };
  if (serving === undefined) return { unbound: `Model ${name} has no spec.serving; ${verb} needs it` };
  for (const part of [registry, serving])
    if (context.documents.connections[part.connection] === undefined)
      return { unbound: `Model ${name} names connection ${part.connection}; no such Connection` };
  return { registry, serving };
}

function shift({ registry, serving }: Places, weights: JsonObject): CapabilityCall {
  // A connection that has the registry too can refuse a version that does not exist before any traffic moves.
  const known = registry.connection === serving.connection ? { registry: registry.name } : {};
  return {
    capability: 'serving.shift',
    connection: serving.connection,
    subject: `${serving.connection}/serving/${serving.name}`,
    args: { name: serving.name, weights, ...known },
    output: {},
  };
}

function point({ registry }: Places, version: string): CapabilityCall {
  return {
    capability: 'registry.point',
    connection: registry.connection,
    subject: `${registry.connection}/registry/${registry.name}`,
    args: { name: registry.name, alias: 'champion', version },
    output: { version: 'version' },
  };
}
