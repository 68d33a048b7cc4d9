/** How a version is put into service, all traffic at once: for `promote` and `rollback`. Pure. */
import type { CapabilityCall, VerbContext } from '../model.ts';
import { modelOf } from './pipeline.ts';

/**
 * Two calls in order: all traffic to `version`, then the registry's `champion` alias to it. Traffic comes first, so
 * that the alias never names a version that nothing serves. Unbound when the Model has no registry or no serving.
 */
export function release(
  verb: string,
  version: string,
  context: VerbContext,
): { readonly calls: readonly CapabilityCall[] } | { readonly unbound: string } {
  const found = modelOf(verb, context);
  if ('unbound' in found) return found;
  const { registry, serving, name } = found.model;
  if (registry === undefined) return { unbound: `Model ${name} has no spec.registry; ${verb} needs it` };
  if (serving === undefined) return { unbound: `Model ${name} has no spec.serving; ${verb} needs it` };
  for (const part of [registry, serving])
    if (context.documents.connections[part.connection] === undefined)
      return { unbound: `Model ${name} names connection ${part.connection}; no such Connection` };
  // A connection that has the registry too can refuse a version that does not exist before any traffic moves.
  const known = registry.connection === serving.connection ? { registry: registry.name } : {};
  return {
    calls: [
      {
        capability: 'serving.shift',
        connection: serving.connection,
        subject: `${serving.connection}/serving/${serving.name}`,
        args: { name: serving.name, weights: { [version]: 1 }, ...known },
        output: {},
      },
      {
        capability: 'registry.point',
        connection: registry.connection,
        subject: `${registry.connection}/registry/${registry.name}`,
        args: { name: registry.name, alias: 'champion', version },
        output: { version: 'version' },
      },
    ],
  };
}
