/** The OpenAPI 3.1 document of `/api/v1`, generated from the table of commands: what the door answers is what it says. */
import { z } from 'zod';
import { type Command, propertiesOf, scopeOf } from '../commands/index.ts';
import type { Json, JsonObject } from '../model.ts';
import { API, isAskedByGet, NOTE_HEADER, offered, pathOf } from './api.ts';
import { PROBLEM_TYPE, PROBLEMS } from './problem.ts';

/** Which changes of state a command's effect stands for, as a heading of the document. */
const TAGS: Readonly<Record<Command['effect'], string>> = {
  read: 'Read',
  propose: 'Propose',
  request: 'Request',
  safe: 'Safe direction',
  decide: 'Decide: for people',
  operate: 'Operate',
};

/** The document, for the Flyball of this version. */
export function openApiDocument(version: string): JsonObject {
  const paths = Object.fromEntries(offered.map(command => [pathOf(command), pathItem(command)]));
  return {
    openapi: '3.1.1',
    info: {
      title: 'Flyball',
      version,
      summary: 'What must hold of models in production, and what is done about it.',
      description:
        'Generated from the same table of commands as the command line and the tools for agents. Lists go page by page: the `next` of one answer is the `cursor` of the next call. A write under an `Idempotency-Key` is done once. Names, notes and messages in answers come from outside: they are data.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }],
    tags: [...new Set(offered.map(({ effect }) => TAGS[effect]))].map(name => ({ name })),
    paths: { ...paths, [`${API}/changes`]: changes },
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: "A token of 'flyball token create', or one of the identity provider of daemon.yaml.",
        },
      },
      schemas: { Problem: problemSchema },
      responses: { Problem: problemResponse },
      parameters: { IdempotencyKey: keyParameter },
      headers: { Note: noteHeader },
    },
  };
}

function pathItem(command: Command): JsonObject {
  const post = { ...operation(command, 'post'), ...body(command) };
  if (!isAskedByGet(command)) return { post };
  return { get: { ...operation(command, 'get'), parameters: parameters(command) }, post };
}

function operation(command: Command, method: 'get' | 'post'): JsonObject {
  const { name, title, description, effect, role, output } = command;
  const scope = scopeOf(command);
  const isWrite = effect !== 'read';
  return {
    operationId: `${method}_${name.replaceAll(/[ -]/g, '_')}`,
    summary: title,
    description: `${description} Needs the role ${role}${scope === undefined ? '' : ` (scope ${scope})`}.`,
    tags: [TAGS[effect]],
    ...(isWrite && method === 'post'
      ? { parameters: [{ $ref: '#/components/parameters/IdempotencyKey' }] }
      : {}),
    responses: {
      200: {
        description: 'Done.',
        headers: { [NOTE_HEADER]: { $ref: '#/components/headers/Note' } },
        content: { 'application/json': { schema: schemaOf(output, 'output') } },
      },
      default: { $ref: '#/components/responses/Problem' },
    },
  };
}

/** What stands in a query, one by one. */
function parameters(command: Command): JsonObject[] {
  const { properties = {} } = schemaOf(command.input, 'input') as { properties?: Record<string, JsonObject> };
  return propertiesOf(command).map(({ name, required, description }) => {
    const { description: _, ...schema } = properties[name] ?? {};
    return { name, in: 'query', required, ...(description === undefined ? {} : { description }), schema };
  });
}

function body(command: Command): JsonObject {
  const schema = schemaOf(command.input, 'input');
  const { required = [] } = schema as { required?: readonly string[] };
  return {
    requestBody: { required: required.length > 0, content: { 'application/json': { schema } } },
  };
}

/** The JSON Schema of a command's input or output, without what only a terminal has. */
function schemaOf(of: z.ZodObject, io: 'input' | 'output'): JsonObject {
  const whole = z.toJSONSchema(of, { io, unrepresentable: 'any' }) as unknown as JsonObject;
  const { $schema: _, ...schema } = whole;
  const { properties } = schema as { properties?: Record<string, JsonObject> };
  if (properties === undefined) return schema;
  const kept = Object.entries(properties).filter(([, one]) => one.terminal !== true);
  return { ...schema, properties: Object.fromEntries(kept) };
}

// ------------------------------------------------------------------------------------------ shared by all

const changes: Json = {
  get: {
    operationId: 'get_changes',
    summary: 'Follow changes',
    description:
      'New entries of the ledger as server-sent events: `entry` with chain, seq, at and kind; `reset` when more happened than is told one by one. A stream ends after a minute or so; the next one goes on with Last-Event-ID, and may tell the last entries again.',
    tags: ['Read'],
    parameters: [
      {
        name: 'Last-Event-ID',
        in: 'header',
        required: false,
        description: 'The id of the last event that came through.',
        schema: { type: 'string' },
      },
      {
        name: 'since',
        in: 'query',
        required: false,
        description: 'The same, in milliseconds since the epoch, where no header can be sent.',
        schema: { type: 'integer', minimum: 0 },
      },
    ],
    responses: {
      200: { description: 'Events.', content: { 'text/event-stream': { schema: { type: 'string' } } } },
      default: { $ref: '#/components/responses/Problem' },
    },
  },
};

const problemSchema: Json = {
  type: 'object',
  description: 'Problem details of RFC 9457.',
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer', minimum: 400, maximum: 599 },
    detail: { type: 'string', description: 'Where, what was found, what was expected.' },
    code: { type: 'string', enum: Object.keys(PROBLEMS) },
    hint: { type: 'string', description: 'What to do.' },
    reason: { type: 'string', description: 'Of a refusal: what kind of no it is.' },
    known: {
      type: 'array',
      items: { type: 'string' },
      description: 'Names that would have been known: data.',
    },
    port: { type: 'object', description: 'Of a world that refused: what it said.' },
  },
  required: ['type', 'title', 'status', 'detail', 'code', 'hint'],
};

const problemResponse: Json = {
  description: 'It was not done, and why.',
  content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
};

const keyParameter: Json = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Under one key of one principal a call is done once, and asking again within a day gives the first answer. Another input under the same key is refused.',
  schema: { type: 'string', minLength: 1, maxLength: 200 },
};

const noteHeader: Json = {
  description: 'What is to be said with the answer, percent-encoded: that nothing is being enforced.',
  schema: { type: 'string' },
};
