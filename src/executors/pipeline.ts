/** How a verb runs one of the Model's pipelines: its parameters with their slots filled, as one capability call. Pure. */
import type { CapabilityCall, Json, JsonObject, ModelSpec, VerbContext } from '../model.ts';
import { slotPath } from './arguments.ts';

/** What the slots of a pipeline's `params` stand for; `unbound` says why there is no value for this one. */
export type SlotValues = Readonly<Record<string, { readonly value: Json } | { readonly unbound: string }>>;

type Calls = { readonly calls: readonly CapabilityCall[] } | { readonly unbound: string };

/** The target's Model, or why there is none. */
export function modelOf(
  verb: string,
  context: VerbContext,
): { readonly model: ModelSpec } | { readonly unbound: string } {
  const model = context.documents.model;
  if (model !== undefined) return { model };
  return { unbound: `${verb} is about a Model; ${context.target.kind}/${context.target.name} is not one` };
}

/**
 * One run of `pipelines.<name>`. `required` are slots that must stand somewhere in its `params`, with the argument that
 * would otherwise be lost on the way; `outputs` must be given back by it.
 */
export function pipelineCall(
  model: ModelSpec,
  name: string,
  context: VerbContext,
  fill: {
    readonly values: SlotValues;
    readonly required: readonly string[];
    readonly outputs: readonly string[];
  },
): Calls {
  const pipeline = model.pipelines[name];
  const at = `Model ${model.name}: pipelines.${name}`;
  if (pipeline === undefined) return { unbound: `${at} is missing; expected the pipeline to run` };
  if (context.documents.connections[pipeline.connection] === undefined)
    return { unbound: `${at}.connection is ${pipeline.connection}; no such Connection` };
  for (const output of fill.outputs)
    if (pipeline.output[output] === undefined)
      return { unbound: `${at}.output has no ${output}; expected where its result says it` };

  const filling: Filling = { values: fill.values, used: new Set(), problems: [] };
  const params = filled(pipeline.params, filling);
  const lost = fill.required.find(path => !filling.used.has(path));
  if (lost !== undefined) filling.problems.push(`uses \${${lost}} nowhere, so that it would be ignored`);
  if (filling.problems.length > 0) return { unbound: `${at}.params ${filling.problems.join('; ')}` };
  return {
    calls: [
      {
        capability: 'pipeline.run',
        connection: pipeline.connection,
        subject: `${pipeline.connection}/${pipeline.id}`,
        args: { pipeline: pipeline.id, params },
        output: pipeline.output,
      },
    ],
  };
}

interface Filling {
  readonly values: SlotValues;
  readonly used: Set<string>;
  readonly problems: string[];
}

function filled(value: Json, filling: Filling): Json {
  const path = slotPath(value);
  if (path !== undefined) return slotValue(path, filling);
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(inner => filled(inner as Json, filling));
  const entries = Object.entries(value as JsonObject).map(([key, inner]) => [key, filled(inner, filling)]);
  return Object.fromEntries(entries) as JsonObject;
}

function slotValue(path: string, filling: Filling): Json {
  filling.used.add(path);
  const known = Object.hasOwn(filling.values, path) ? filling.values[path] : undefined;
  if (known === undefined) {
    const names = Object.keys(filling.values).join(', ');
    filling.problems.push(`has \${${path}}, which is none of ${names}`);
    return null;
  }
  if ('value' in known) return known.value;
  filling.problems.push(`has \${${path}}: ${known.unbound}`);
  return null;
}
