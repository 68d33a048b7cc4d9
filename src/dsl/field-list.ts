/** The fields of a JSON Schema as a flat list in the words of the YAML: path, type, default, meaning. Pure. */
import { type JsonSchema, TEMPLATE_TEXT } from './json-schema.ts';
import { DURATION, RATE, SHARE, TIME } from './quantity.ts';

export interface Field {
  /** `spec.then[].require`, `spec.params.NAME.default`. */
  readonly path: string;
  readonly type: string;
  readonly required: boolean;
  readonly default?: string;
  readonly means: string;
  readonly examples: readonly unknown[];
  /** The values that it may have, where they are listed. */
  readonly values: readonly string[];
}

/** All fields below a schema, each before what is in it. Fields of an alternative stand where they would be written. */
export function fieldsOf(schema: JsonSchema, path = ''): readonly Field[] {
  const found = new Map<string, Field>();
  collect(schema, path, found);
  return [...found.values()];
}

function collect(schema: JsonSchema, path: string, found: Map<string, Field>): void {
  for (const [key, one] of Object.entries(schema.properties ?? {})) {
    const at = path === '' ? key : `${path}.${key}`;
    if (!found.has(at)) found.set(at, fieldOf(at, one, (schema.required ?? []).includes(key)));
    collect(one, at, found);
  }
  if (typeof schema.additionalProperties === 'object')
    collect(schema.additionalProperties, `${path}.NAME`, found);
  if (schema.items) collect(schema.items, `${path}[]`, found);
  for (const one of schema.anyOf ?? []) collect(one, path, found);
}

/** One field with its type in words. */
export function fieldOf(path: string, schema: JsonSchema, required: boolean): Field {
  const { default: fallback } = schema;
  return {
    path,
    type: typeText(schema),
    required: required && fallback === undefined,
    ...(fallback !== undefined && { default: shown(fallback) }),
    means: schema.description ?? '',
    examples: schema.examples ?? [],
    values: valuesOf(schema),
  };
}

/** A value as it is written in YAML's flow style, which JSON is a part of. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).map(([key, one]) => `${key}: ${shown(one)}`);
    return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
  }
  if (typeof value !== 'string') return String(value);
  return /^[\w%*<>=.+()/ -]+$/.test(value) && !/^[*%>]|^[\d.]+$/.test(value) ? value : JSON.stringify(value);
}

/** Of filters, and of the text of conditions. */
const SOME_TEXT = String.raw`\S`;

const PATTERNS: Readonly<Record<string, string>> = {
  [DURATION.source]: 'duration',
  [SHARE]: 'share',
  [RATE.source]: 'rate',
  [TIME.source]: 'time',
  [SOME_TEXT]: 'filter',
};

function typeText(schema: JsonSchema): string {
  if (schema.const !== undefined) return String(schema.const);
  if (schema.enum) return schema.enum.map(String).join(' \\| ');
  if (schema.anyOf) return unionText(schema.anyOf.filter(one => one.pattern !== TEMPLATE_TEXT));
  const known = PATTERNS[schema.pattern ?? ''];
  if (known !== undefined) return known;
  if (schema.items) return `list of ${typeText(schema.items)}`;
  if (typeof schema.additionalProperties === 'object' && schema.properties === undefined)
    return Object.keys(schema.additionalProperties).length === 0
      ? 'mapping'
      : `mapping to ${typeText(schema.additionalProperties)}`;
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? ['object']);
  return [...new Set(types.map(type => TYPES[type] ?? type))].join(' \\| ');
}

/** A share may be written as a number too, which its name says. */
function unionText(alternatives: readonly JsonSchema[]): string {
  // The other form of a condition is JSON Logic.
  if (alternatives.some(one => one.pattern === SOME_TEXT)) return 'condition';
  const texts = [...new Set(alternatives.map(typeText))];
  const kept = ['share', 'duration'].some(one => texts.includes(one))
    ? texts.filter(one => one !== 'number')
    : texts;
  return kept.join(' \\| ');
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'number',
  integer: 'whole number',
  boolean: 'true \\| false',
  object: 'mapping',
  array: 'list',
};

function valuesOf(schema: JsonSchema): readonly string[] {
  const own = [...(schema.enum ?? []), ...(schema.const === undefined ? [] : [schema.const])];
  return [...own.map(String), ...(schema.anyOf ?? []).flatMap(valuesOf)];
}
