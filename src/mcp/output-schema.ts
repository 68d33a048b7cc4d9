/** What a tool gives back, as a short JSON Schema: a model pays for every character of it, in every conversation. */
import { fromJsonSchema } from '@modelcontextprotocol/server';
import { z } from 'zod';

type Shape = Readonly<Record<string, unknown>>;

/** Says nothing that a reader needs: results are checked against the command's own schema before they leave. */
const LEFT_OUT = ['$schema', 'additionalProperties', 'propertyNames', 'minimum', 'maximum', 'required'];

/** The schema of a command's output: names, types and descriptions. Without references, which some clients do not read. */
export function outputSchemaOf(output: z.ZodObject) {
  const schema = z.toJSONSchema(output, { io: 'output', unrepresentable: 'any' });
  return fromJsonSchema<Shape>(short(schema) as Parameters<typeof fromJsonSchema>[0]);
}

function short(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(short);
  if (typeof value !== 'object' || value === null) return value;
  const { properties, ...rest } = value as { readonly properties?: Shape };
  const kept = Object.entries(rest).filter(
    ([key, one]) => !LEFT_OUT.includes(key) || (key === 'additionalProperties' && typeof one === 'object'),
  );
  const fields = Object.entries(properties ?? {}).map(([name, field]) => [name, short(field)]);
  return {
    ...Object.fromEntries(kept.map(([key, one]) => [key, short(one)])),
    ...(properties === undefined ? {} : { properties: Object.fromEntries(fields) }),
  };
}
