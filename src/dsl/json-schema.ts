/**
 * The JSON Schema of each document kind as people write it, from the validators and the catalogue: for editors, and for the
 * reference of the language. What documents say about each other is not in it. Pure.
 */
import { z } from 'zod';
import type { Catalogue, DocumentKind, Evaluator, Verb } from '../model.ts';
import { VALIDATORS } from './documents.ts';
import { commonArguments } from './observation-fields.ts';
import { DURATION, formatDuration, RATE, SHARE, TIME } from './quantity.ts';

/** As much of JSON Schema as the generated ones use. */
export interface JsonSchema {
  title?: string;
  description?: string;
  examples?: readonly unknown[];
  default?: unknown;
  type?: string | readonly string[];
  enum?: readonly unknown[];
  const?: unknown;
  pattern?: string;
  properties?: Readonly<Record<string, JsonSchema>>;
  required?: readonly string[];
  additionalProperties?: JsonSchema | boolean;
  propertyNames?: JsonSchema;
  items?: JsonSchema;
  anyOf?: readonly JsonSchema[];
  readonly [key: string]: unknown;
}

/** What one template and nothing else looks like. */
export const TEMPLATE_TEXT = String.raw`^\$\{.+\}$`;

/** A template in place of an argument: which one may stand there is checked when the policy is closed. */
const TEMPLATE: JsonSchema = {
  description: 'A param of the policy or a value of the target, put in when the policy is read.',
  type: 'string',
  pattern: TEMPLATE_TEXT,
  examples: [`\${params.psi_max}`],
};

/** By kind, with the evaluators and verbs of the catalogue as the alternatives of an observation and of a step. */
export function jsonSchemas(catalogue: Catalogue): Readonly<Record<DocumentKind, JsonSchema>> {
  const entries = Object.entries(VALIDATORS).map(([kind, validator]) => {
    const { $schema, ...rest } = schemaOf(validator);
    const whole = { $schema, title: `Flyball ${kind}`, ...rest };
    return [kind, kind === 'Policy' ? withCatalogue(whole, catalogue) : whole];
  });
  return Object.fromEntries(entries) as Record<DocumentKind, JsonSchema>;
}

/** Of one kind, without what a catalogue adds to it. */
export function documentSchema(kind: DocumentKind): JsonSchema {
  return schemaOf(VALIDATORS[kind]);
}

/** Of one validator, as its input is written. Examples and defaults that zod leaves out beside a transform are kept. */
function schemaOf(validator: z.ZodType): JsonSchema {
  const made = z.toJSONSchema(validator, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const { examples, default: said } = z.globalRegistry.get(zodSchema) ?? {};
      if (Array.isArray(examples)) jsonSchema.examples = examples;
      // What holds without a word where the validator fills in nothing.
      const written = said ?? defaultOf(zodSchema._zod.def, jsonSchema as JsonSchema);
      if (written === undefined) delete jsonSchema.default;
      else jsonSchema.default = written as never;
    },
  }) as JsonSchema;
  return worded(made) as JsonSchema;
}

/** What editors say in place of the pattern. */
const EXPECTED: Readonly<Record<string, string>> = {
  [DURATION.source]: 'expected a duration such as 30m, 6h or 7d',
  [SHARE]: 'expected a share from 0 to 1, such as 10% or 0.1',
  [RATE.source]: 'expected a rate such as 3 per 7d',
  [TIME.source]: 'expected a date or an ISO 8601 time, such as 2001-01-31 or 2001-01-31T06:00Z',
};

/** Patterns with what was expected; alternatives without what the field itself says better. */
function worded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(worded);
  if (typeof value !== 'object' || value === null) return value;
  const { pattern, description, anyOf, ...rest } = value as JsonSchema;
  const kept = Object.fromEntries(Object.entries(rest).map(([key, one]) => [key, worded(one)]));
  const said = typeof pattern === 'string' ? EXPECTED[pattern] : undefined;
  return {
    ...(description !== undefined && { description: worded(description) }),
    ...(anyOf !== undefined && {
      anyOf: anyOf.map(one => worded(description === undefined ? one : plainAlternative(one))),
    }),
    ...kept,
    ...(pattern !== undefined && { pattern: worded(pattern) }),
    ...(said !== undefined && { patternErrorMessage: said }),
  };
}

function plainAlternative(schema: JsonSchema): JsonSchema {
  if (schema.properties !== undefined) return schema;
  const { description: _, examples: __, ...rest } = schema;
  return rest;
}

/** In the words of the YAML: durations and shares with their unit; nothing of an empty mapping or list. */
function defaultOf(def: unknown, schema: JsonSchema): unknown {
  const { defaultValue: value = schema.default } = def as { readonly defaultValue?: unknown };
  if (typeof value === 'object' && value !== null && Object.keys(value).length === 0) return undefined;
  if (typeof value !== 'number') return value;
  if (schema.pattern === DURATION.source) return formatDuration(value);
  return schema.anyOf?.some(one => one.pattern === SHARE)
    ? `${Number((value * 100).toPrecision(6))}%`
    : value;
}

/** Observations and steps with the arguments that each evaluator and each verb has. */
function withCatalogue(policy: JsonSchema, { evaluators, verbs }: Catalogue): JsonSchema {
  return replaced(policy, [
    [
      ['properties', 'spec', 'properties', 'observe', 'additionalProperties'],
      one => alternatives(one, Object.values(evaluators).map(observationSchema)),
    ],
    [
      ['properties', 'spec', 'properties', 'then', 'items'],
      one => alternatives(one, Object.values(verbs).map(stepSchema)),
    ],
    [
      ['properties', 'spec', 'properties', 'rules', 'items', 'properties', 'then', 'items'],
      one => alternatives(one, Object.values(verbs).map(stepSchema)),
    ],
  ]);
}

/** What an evaluator or a verb adds to an observation or a step. */
export interface Variant {
  readonly properties: Readonly<Record<string, JsonSchema>>;
  readonly required: readonly string[];
}

function alternatives(
  { description, examples, properties }: JsonSchema,
  variants: readonly Variant[],
): JsonSchema {
  return {
    ...(description !== undefined && { description }),
    ...(examples !== undefined && { examples }),
    type: 'object',
    anyOf: variants.map(one => ({
      type: 'object',
      properties: { ...one.properties, ...properties },
      required: one.required,
      additionalProperties: false,
    })),
  };
}

/** An evaluator's own key, whose value is its main argument, and its further arguments. */
export function observationSchema({ name, args }: Evaluator): Variant {
  const { properties = {}, required = [] } = argumentsSchema(args);
  const own = Object.entries(properties).filter(([key]) => !Object.hasOwn(commonArguments, key));
  return {
    properties: Object.fromEntries(own.map(([key, one]) => [key === 'main' ? name : key, withTemplate(one)])),
    required: required.map(key => (key === 'main' ? name : key)),
  };
}

/** A verb's own key, whose value is the mapping of its arguments. */
export function stepSchema({ name, args, slots }: Verb): Variant {
  const { properties = {}, ...rest } = argumentsSchema(args);
  const written = Object.fromEntries(
    Object.entries(properties).map(([key, one]) => [
      key,
      slots[key] === 'predicate' ? asText(one) : withTemplate(one),
    ]),
  );
  const optional = (rest.required ?? []).length === 0;
  // `rollback:` with nothing behind it is what `rollback: {}` says.
  return {
    properties: { [name]: { ...rest, properties: written, ...(optional && { type: ['object', 'null'] }) } },
    required: [name],
  };
}

/** What every evaluator and verb says of its arguments: the descriptions and examples of the language's own words. */
function argumentsSchema(args: unknown): JsonSchema {
  if (!(args instanceof z.ZodType))
    throw new Error('an evaluator or a verb has arguments that zod did not make');
  const { $schema: _, $defs: _shared, ...schema } = schemaOf(args);
  return withoutSlots(schema) as JsonSchema;
}

/** A filter stands in YAML as text; the tree that it becomes is not for people. */
function asText({ description, examples }: JsonSchema): JsonSchema {
  return {
    ...(description !== undefined && { description }),
    ...(examples !== undefined && { examples }),
    type: 'string',
    pattern: String.raw`\S`,
  };
}

/** The argument, or a template in its place. A plain text is one already. */
function withTemplate(schema: JsonSchema): JsonSchema {
  const { description, examples, default: unsaid, ...shape } = schema;
  if (shape.type === 'string' && shape.pattern === undefined && shape.enum === undefined) return schema;
  return {
    ...(description !== undefined && { description }),
    ...(examples !== undefined && { examples }),
    ...(unsaid !== undefined && { default: unsaid }),
    anyOf: [...(shape.anyOf ?? [shape]), TEMPLATE],
  };
}

/** People write templates as text; slots are what they become. */
function withoutSlots(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSlots);
  if (typeof value !== 'object' || value === null) return value;
  const { anyOf, ...rest } = value as { anyOf?: unknown[] };
  const kept = Object.fromEntries(Object.entries(rest).map(([key, one]) => [key, withoutSlots(one)]));
  if (anyOf === undefined) return kept;
  const written = anyOf.filter(one => !isSlot(one)).map(withoutSlots);
  return written.length === 1 ? { ...(written[0] as object), ...kept } : { ...kept, anyOf: written };
}

function isSlot(schema: unknown): boolean {
  const { properties } = schema as { properties?: object };
  return properties !== undefined && Object.keys(properties).join() === '$';
}

type Replacement = readonly [path: readonly string[], by: (found: JsonSchema) => JsonSchema];

function replaced(schema: JsonSchema, replacements: readonly Replacement[]): JsonSchema {
  return replacements.reduce((whole, [path, by]) => replacedAt(whole, path, by), schema);
}

function replacedAt(schema: JsonSchema, path: readonly string[], by: Replacement[1]): JsonSchema {
  const [key, ...rest] = path;
  if (key === undefined) return by(schema);
  const inner = schema[key];
  if (typeof inner !== 'object' || inner === null) throw new Error(`the schema has no ${path.join('.')}`);
  return { ...schema, [key]: replacedAt(inner as JsonSchema, rest, by) };
}
