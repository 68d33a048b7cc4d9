/** What a zod validator found wrong, as diagnostics at the place in the YAML, with the allowed words and the likely slip. Pure. */
import { z } from 'zod';
import type { Diagnostic, DocumentKind, Json, Schema } from '../model.ts';
import { didYouMean, error, oneOf, quoted } from './diagnostic.ts';
import { laterKeys } from './not-in-this-version.ts';
import { dotted, type Path, type Source } from './source.ts';

/** As much of an issue as is used; the evaluators' and verbs' schemas only promise `path` and `message`. */
interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly code?: string;
  readonly keys?: readonly string[];
  readonly expected?: string;
  readonly values?: readonly unknown[];
  readonly errors?: readonly (readonly Issue[])[];
}

const EXPECTED: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
};

/** The diagnostics of one document's issues. `schema` is asked for the keys that each mapping may have. */
export function shapeDiagnostics(
  kind: DocumentKind,
  source: Source,
  schema: z.ZodType,
  issues: readonly unknown[],
): Diagnostic[] {
  const known = keysOf(schema);
  return (issues as readonly Issue[]).flatMap(issue =>
    explain(issue, [], { source, known, later: path => laterKeys(kind, path), describe: dotted }),
  );
}

export interface Explaining {
  readonly source: Source;
  /** Keys that the mapping at a path may have. */
  readonly known: (path: Path) => readonly string[];
  /** Keys of the full language that this version has not. */
  readonly later: (path: Path) => readonly string[];
  /** How a message names a path. */
  readonly describe: (path: Path) => string;
}

/** The diagnostics of one issue that was found below `base`. */
export function explain(issue: unknown, base: Path, how: Explaining): Diagnostic[] {
  const found = issue as Issue;
  const path = [...base, ...found.path.map(part => (typeof part === 'number' ? part : String(part)))];
  if (found.code === 'unrecognized_keys') return (found.keys ?? []).map(key => unknownKey(path, key, how));
  if (found.code === 'invalid_union') {
    const branch = likelyBranch(found);
    if (branch) return branch.flatMap(one => explain(one, path, how));
  }
  if (found.code === 'invalid_key')
    return [error(how.source.atKey(path), `the key ${quoted(path.at(-1))} is no name; ${deep(found)}`)];
  return [wrongValue(found, path, how)];
}

function unknownKey(path: Path, key: string, how: Explaining): Diagnostic {
  const at = how.source.atKey([...path, key]);
  const where = path.length === 0 ? 'the document' : how.describe(path);
  const known = how.known(path);
  if (how.later(path).includes(key))
    return error(
      at,
      `${where} has ${key}, which is not in this version; expected ${oneOf(known)}`,
      'Remove it.',
    );
  const expected = known.length === 0 ? 'no such key' : oneOf(known);
  return error(at, `${where} has no key ${quoted(key)}; expected ${expected}`, didYouMean(key, known));
}

function wrongValue(issue: Issue, path: Path, how: Explaining): Diagnostic {
  const value = valueAt(how.source.value, path);
  const parent = valueAt(how.source.value, path.slice(0, -1));
  const later =
    issue.code !== 'custom' && typeof value === 'object' && value !== null
      ? how.later(path).filter(key => Object.hasOwn(value, key))
      : [];
  if (later.length > 0)
    return error(
      how.source.atKey([...path, later[0] ?? '']),
      `${how.describe(path)} has ${later[0]}, which is not in this version; ${expectation(issue)}`,
    );
  const at = how.source.at(path);
  const shown = isSecret(path, value) ? 'not shown here' : quoted(value);
  const what = `${how.describe(path) || 'the document'} is ${shown}; ${expectation(issue)}`;
  if (value === undefined && isMapping(parent)) {
    const known = how.known(path.slice(0, -1));
    const slip = Object.keys(parent).find(
      key => !known.includes(key) && didYouMean(key, [String(path.at(-1))]) !== undefined,
    );
    return error(at, what, slip === undefined ? undefined : `Is ${slip} meant to be it?`);
  }
  const options = (issue.values ?? []).filter(option => typeof option === 'string');
  return error(at, what, typeof value === 'string' ? didYouMean(value, options) : undefined);
}

/** Values that may be a secret are never repeated, whatever is wrong with them. */
function isSecret(path: Path, value: unknown): boolean {
  const scalar = value !== undefined && value !== null && typeof value !== 'object';
  const [, key, , within] = path;
  const auth = key === 'auth' || (key === 'environments' && within === 'auth');
  return scalar && (auth || (path.at(-1) === 'url' && String(value).includes('@')));
}

function expectation(issue: Issue): string {
  const said = issue.message.lastIndexOf('expected ');
  // What stands before it repeats the value, which the message has already.
  if (issue.code === 'custom' || issue.message.startsWith('expected '))
    return said < 0 ? issue.message : issue.message.slice(said);
  if (issue.code === 'invalid_type') return `expected ${EXPECTED[issue.expected ?? ''] ?? issue.expected}`;
  if (issue.code === 'invalid_value') return `expected ${oneOf((issue.values ?? []).map(String))}`;
  return `expected otherwise (${issue.message.charAt(0).toLowerCase()}${issue.message.slice(1)})`;
}

/** Of a union: the one alternative whose own type fits, so that the mistake lies deeper within it. */
function likelyBranch(issue: Issue): readonly Issue[] | undefined {
  const branches = (issue.errors ?? []).filter(branch => branch.length > 0);
  for (const fits of [isDeeper, isWithin]) {
    const fitting = branches.filter(branch => branch.every(fits));
    if (fitting.length === 1) return fitting[0];
  }
  return undefined;
}

/** Of a value whose own type is right, though its keys may not be. */
function isWithin(issue: Issue): boolean {
  return issue.path.length > 0 || issue.code === 'unrecognized_keys';
}

function isDeeper(issue: Issue): boolean {
  return issue.path.length > 0 && issue.code !== 'unrecognized_keys';
}

/** The message of a record's key issue, which zod wraps. */
function deep(issue: Issue): string {
  const inner = (issue as { issues?: readonly Issue[] }).issues?.[0]?.message ?? issue.message;
  return inner.startsWith('expected ') ? inner : 'expected a name';
}

function isMapping(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at a path; undefined when nothing is there. */
export function valueAt(value: Json | undefined, path: Path): Json | undefined {
  let here: Json | undefined = value;
  for (const part of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, part)) return undefined;
    here = (here as { readonly [key: string]: Json })[part];
  }
  return here;
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
}

const described = new WeakMap<object, JsonSchema>();

/** Which keys the mapping at a path may have, read from the schema's own JSON Schema. */
export function keysOf(schema: z.ZodType | Schema): (path: Path) => readonly string[] {
  return path => {
    let here = alternatives(jsonSchemaOf(schema));
    for (const part of path) here = here.flatMap(one => alternatives(below(one, part)));
    return [...new Set(here.flatMap(one => Object.keys(one.properties ?? {})))];
  };
}

/** Evaluators and verbs promise less than zod gives; one that is made otherwise names no keys. */
function jsonSchemaOf(schema: z.ZodType | Schema): JsonSchema {
  const known = described.get(schema);
  if (known) return known;
  const made =
    schema instanceof z.ZodType
      ? (z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema)
      : {};
  described.set(schema, made);
  return made;
}

function alternatives(schema: JsonSchema | undefined): JsonSchema[] {
  if (schema === undefined) return [];
  return [schema, ...[...(schema.anyOf ?? []), ...(schema.allOf ?? [])].flatMap(alternatives)];
}

function below(schema: JsonSchema, part: string | number): JsonSchema | undefined {
  if (typeof part === 'number') return schema.items;
  const property = schema.properties;
  if (property && Object.hasOwn(property, part)) return property[part];
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
}
