/**
 * What a tool says of itself, made once from its command: short schemas without references, as a model pays for every
 * character of them in every conversation. Calls are checked by the command, not here.
 */
import type { StandardSchemaWithJSON, ToolAnnotations } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Command, Effect } from '../commands/index.ts';

type Json = Readonly<Record<string, unknown>>;

export interface ToolSchema {
  readonly input: Json;
  readonly output: Json;
  readonly annotations: ToolAnnotations;
  /** Fields of the result that hold words from outside. */
  readonly outside: readonly string[];
  /** Inputs that are the command's own: what else was offered is the door's. */
  readonly own: ReadonlySet<string>;
  /** The command gives its list page by page. */
  readonly paged: boolean;
}

const DETAIL = { enum: ['summary', 'full'] };
const KEY = { type: 'string', maxLength: 200 };

const OPEN = { type: 'boolean', description: 'With approval: a client that can opens its page.' };

const made = new WeakMap<Command, ToolSchema>();

/** The schemas of a command's tool; the same objects for every server. */
export function toolSchemaOf(command: Command): ToolSchema {
  const known = made.get(command);
  if (known) return known;
  const schema = make(command);
  made.set(command, schema);
  return schema;
}

function make(command: Command): ToolSchema {
  const given = jsonSchema(command.input, 'input');
  const fields = Object.entries(given.properties).filter(([, field]) => field.terminal !== true);
  const { properties: output, required: always } = jsonSchema(command.output, 'output');
  const shown = Object.entries(output).filter(([name]) => !command.details.includes(name));
  const door = {
    ...(command.details.length > 0 ? { detail: DETAIL } : {}),
    ...(command.effect === 'read' ? {} : { idempotency_key: KEY }),
    ...(command.name === 'approvals' ? { open: OPEN } : {}),
  };
  const required = given.required.filter(name => fields.some(([field]) => field === name));
  return {
    input: {
      type: 'object',
      properties: {
        ...Object.fromEntries(fields.map(([name, field]) => [name, short(name, field)])),
        ...door,
      },
      ...(required.length === 0 ? {} : { required }),
      additionalProperties: false,
    },
    output: { type: 'object', properties: briefly(shown, always) },
    annotations: annotationsOf(command.effect),
    outside: Object.keys(output).filter(name => isOutside(name, output[name] ?? {})),
    own: new Set(fields.map(([name]) => name)),
    paged: fields.some(([name]) => name === 'cursor'),
  };
}

interface Fields {
  readonly properties: Readonly<Record<string, Json>>;
  readonly required: readonly string[];
}

function jsonSchema(schema: z.ZodObject, io: 'input' | 'output'): Fields {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return { properties: properties as Fields['properties'], required };
}

/** Annotations follow from the effect, so that none can be forgotten. */
export function annotationsOf(effect: Effect): ToolAnnotations {
  switch (effect) {
    case 'read':
      // Whether it may be repeated is of no interest where nothing is written.
      return { readOnlyHint: true, destructiveHint: false, openWorldHint: false };
    case 'propose':
      return { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true };
    case 'safe':
      return { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false };
    case 'request':
    case 'decide':
    case 'operate':
      return { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false };
  }
}

/** What the instructions say once for all tools. */
const SAID_ONCE: Readonly<Record<string, RegExp>> = { limit: /./, cursor: /./, target: /kind\/name/ };
/** Longer lists of words are said by the error that names them. */
const MOST_CHOICES = 20;

/** A field of an input, without what only validators of other generations read. */
function short(name: string, field: Json): Json {
  const { description, terminal, minLength, enum: choices, items, additionalProperties, ...more } = field;
  const { default: initial, ...rest } = more;
  const words = typeof description !== 'string' || SAID_ONCE[name]?.test(description) ? {} : { description };
  const listed =
    Array.isArray(choices) && choices.length > MOST_CHOICES ? { maxLength: 40 } : { enum: choices };
  const { properties } = rest as { readonly properties?: Readonly<Record<string, Json>> };
  const inner = properties && Object.entries(properties).map(([key, one]) => [key, short(key, one)] as const);
  return {
    ...rest,
    ...(initial ? { default: initial } : {}),
    ...(inner === undefined ? {} : { properties: Object.fromEntries(inner) }),
    ...(choices === undefined ? {} : listed),
    ...(items === undefined ? {} : { items: short('', items as Json) }),
    ...words,
  };
}

/** Fields of an output that are always there, and lists, by their types. Others may come beside them. */
function briefly(fields: readonly (readonly [string, Json])[], always: readonly string[]): Json {
  const kept = fields.filter(([name, { type }]) => always.includes(name) || type === 'array');
  return Object.fromEntries(kept.map(([name, field]) => [name, brief(field)]));
}

function brief({ type, enum: choices }: Json): Json {
  if (choices !== undefined) return { enum: choices };
  return type === undefined ? {} : { type };
}

/** Ids, hashes and marks that Flyball made itself; every other text is somebody else's. */
const OURS = new Set(['commit', 'sha', 'head', 'base', 'inForce', 'hash', 'next', 'env', 'trust']);

function isOutside(name: string, field: Json): boolean {
  return !OURS.has(name) && hasWords(field);
}

function hasWords({ type, enum: choices, items, properties, additionalProperties }: Json): boolean {
  if (choices !== undefined) return false;
  if (type === 'string' || type === undefined) return true;
  if (type === 'array') return hasWords((items ?? {}) as Json);
  if (type !== 'object') return false;
  if (properties === undefined) return true;
  const fields = Object.entries(properties as Readonly<Record<string, Json>>);
  return fields.some(([name, field]) => isOutside(name, field)) || typeof additionalProperties === 'object';
}

/** A schema that is shown and lets everything pass: the command checks what comes in, after the role. */
export function shown(schema: Json): StandardSchemaWithJSON<unknown, Readonly<Record<string, unknown>>> {
  const same = () => ({ ...schema });
  return {
    '~standard': {
      version: 1,
      vendor: 'flyball',
      validate: value => ({ value: value as Readonly<Record<string, unknown>> }),
      jsonSchema: { input: same, output: same },
    },
  };
}
