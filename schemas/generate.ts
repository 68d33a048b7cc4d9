/**
 * Writes the JSON Schema of each document kind beside this file, from the validators, for editors. With `--check` it writes
 * nothing and ends with 1 when a file is not what it would write.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { VALIDATORS } from '../src/dsl/documents.ts';
import { evaluators } from '../src/evaluators/index.ts';
import { verbs } from '../src/executors/index.ts';

type JsonSchema = { [key: string]: unknown };

/** The text of every schema file, by its name. */
export function schemaFiles(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(VALIDATORS).map(([kind, validator]) => {
      const schema = z.toJSONSchema(validator, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
      if (kind === 'Policy') addCatalogue(schema);
      const { $schema, ...rest } = schema;
      const titled = { $schema, title: `Flyball ${kind}`, ...rest };
      return [`${kind.toLowerCase()}.schema.json`, `${JSON.stringify(titled, null, 2)}\n`];
    }),
  );
}

/** Evaluators and verbs with their arguments: the validator leaves them to the catalogue. */
function addCatalogue(schema: JsonSchema): void {
  const observation = at(schema, 'properties', 'spec', 'properties', 'observe', 'additionalProperties');
  const step = at(schema, 'properties', 'spec', 'properties', 'then', 'items');
  const found: JsonSchema = {};
  for (const { name, args } of Object.values(evaluators)) {
    const { main, ...rest } = at(argumentsOf(args), 'properties');
    found[name] = main;
    for (const [key, value] of Object.entries(rest)) found[key] ??= value;
  }
  complete(observation, found);
  const acts = Object.values(verbs).map(({ name, args, slots }) => {
    const described = argumentsOf(args);
    const properties = at(described, 'properties');
    for (const [key, dimension] of Object.entries(slots))
      if (dimension === 'predicate')
        properties[key] = { type: 'string', description: "A filter, such as origin == 'ORD'." };
    return [name, described] as const;
  });
  complete(step, Object.fromEntries(acts));
}

function complete(schema: JsonSchema, more: JsonSchema): void {
  schema.properties = { ...at(schema, 'properties'), ...more };
  schema.additionalProperties = false;
}

function argumentsOf(args: unknown): JsonSchema {
  if (!(args instanceof z.ZodType)) throw new Error('an evaluator or a verb has arguments that zod did not make');
  const { $schema: _, $defs: _shared, ...schema } = z.toJSONSchema(args, { io: 'input', unrepresentable: 'any' });
  return withoutSlots(schema) as JsonSchema;
}

/** People write templates as text; slots are what they become. */
function withoutSlots(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSlots);
  if (typeof value !== 'object' || value === null) return value;
  const { anyOf, ...rest } = value as { anyOf?: unknown[] };
  const kept = Object.fromEntries(Object.entries(rest).map(([key, one]) => [key, withoutSlots(one)]));
  if (anyOf === undefined) return kept;
  const written = anyOf.filter(one => !isSlot(one)).map(withoutSlots);
  return written.length === 1 ? { ...kept, ...(written[0] as object) } : { ...kept, anyOf: written };
}

function isSlot(schema: unknown): boolean {
  const { properties } = schema as { properties?: object };
  return properties !== undefined && Object.keys(properties).join() === '$';
}

function at(schema: JsonSchema, ...path: string[]): JsonSchema {
  let here: unknown = schema;
  for (const part of path) here = (here as JsonSchema | undefined)?.[part];
  if (typeof here !== 'object' || here === null) throw new Error(`the schema has no ${path.join('.')}`);
  return here as JsonSchema;
}

function stale(files: Record<string, string>): string[] {
  return Object.entries(files).flatMap(([name, text]) => (read(name) === text ? [] : [name]));
}

function read(name: string): string | undefined {
  try {
    return readFileSync(new URL(name, import.meta.url), 'utf8');
  } catch {
    return undefined;
  }
}

if (import.meta.main) {
  const files = schemaFiles();
  const old = stale(files);
  if (process.argv.includes('--check')) {
    for (const name of old) console.error(`schemas/${name} is stale; run npm run schemas.`);
    process.exitCode = old.length > 0 ? 1 : 0;
  } else {
    for (const name of old) writeFileSync(new URL(name, import.meta.url), files[name] ?? '');
  }
}
