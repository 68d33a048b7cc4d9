/** What tools give, under addresses: targets, policies, actions and approvals; and the language's reference and schemas. */
import {
  type McpServer,
  ProtocolError,
  ProtocolErrorCode,
  type ReadResourceResult,
  type Resource,
  ResourceNotFoundError,
  ResourceTemplate,
  type Variables,
} from '@modelcontextprotocol/server';
import { type Caller, type Command, commands } from '../commands/index.ts';
import type { Log } from '../model.ts';
import { guarded } from './guarded.ts';
import { type NameKind, namesOf, startingWith } from './names.ts';
import { clean } from './outside-text.ts';
import { schemaKinds, schemaOf, topics } from './reference.ts';
import { callTool } from './tool.ts';

/** A page of resources/list. */
const PAGE = 50;
const FOR_EVERYBODY = { ttlMs: 3_600_000, cacheScope: 'public' } as const;
const FOR_ONE = { ttlMs: 0, cacheScope: 'private' } as const;

type Complete = (value: string) => Promise<string[]> | string[];

interface Readable {
  readonly name: string;
  readonly template: string;
  readonly title: string;
  readonly description: string;
  /** The command that gives it, and its input. */
  readonly command: string;
  input(variables: Readonly<Record<string, string>>): Readonly<Record<string, unknown>>;
  readonly complete: Readonly<Record<string, NameKind>>;
}

const READABLE: readonly Readable[] = [
  {
    name: 'target',
    template: 'flyball://targets/{kind}/{name}',
    title: 'State of a target',
    description:
      'Rules, episodes, actions and holds of one model, dataset or connection. Can be subscribed to.',
    command: 'target',
    input: ({ kind, name }) => ({ target: `${kind}/${name}` }),
    complete: { kind: 'kinds', name: 'targets' },
  },
  {
    name: 'model',
    template: 'flyball://models/{name}',
    title: 'State of a model',
    description: 'As flyball://targets/model/{name}. Can be subscribed to.',
    command: 'target',
    input: ({ name }) => ({ target: `model/${name}` }),
    complete: { name: 'models' },
  },
  {
    name: 'policy',
    template: 'flyball://policies/{name}',
    title: 'A policy in force',
    description: 'Its YAML text, commit and mode. Can be subscribed to.',
    command: 'policy',
    input: ({ name }) => ({ policy: name }),
    complete: { name: 'policies' },
  },
  {
    name: 'action',
    template: 'flyball://actions/{id}',
    title: 'An action',
    description: 'State, attempts and outcome. Can be subscribed to.',
    command: 'action',
    input: ({ id }) => ({ id }),
    complete: { id: 'actions' },
  },
  {
    name: 'approval',
    template: 'flyball://approvals/{id}',
    title: 'An approval',
    description:
      'What waits for a yes, or what became of it; with the address of its page. Can be subscribed to.',
    command: 'approval',
    input: ({ id }) => ({ approval: id }),
    complete: { id: 'approvals' },
  },
];

/** Registers what this principal may read. */
export function registerResources(server: McpServer, caller: Caller, log: Log): void {
  for (const readable of READABLE) {
    const command = commands.find(one => one.name === readable.command);
    if (command && caller.may(command)) registerReadable(server, caller, { ...readable, of: command }, log);
  }
  registerReference(server, log);
  // The library's own list knows no pages, and asks every template anew for each of them.
  const list = guarded(log, (cursor: string | undefined) => listed(caller, cursor));
  server.server.setRequestHandler('resources/list', ({ params }) => list(params?.cursor));
}

function registerReadable(
  server: McpServer,
  caller: Caller,
  { name, template, title, description, of, input, complete }: Readable & { readonly of: Command },
  log: Log,
): void {
  const completers = Object.entries(complete).map(([variable, kind]): [string, Complete] => [
    variable,
    guarded(log, async (value: string) => startingWith(await namesOf(caller, kind), value)),
  ]);
  server.registerResource(
    name,
    new ResourceTemplate(template, { list: undefined, complete: Object.fromEntries(completers) }),
    { title, description, mimeType: 'application/json', cacheHint: FOR_ONE },
    guarded(log, async (uri: URL, variables: Variables) => {
      const result = await callTool(caller, of, input(decoded(variables)), log);
      if (result.isError) throw absent(uri);
      return asJson(uri, result.structuredContent);
    }),
  );
}

function registerReference(server: McpServer, log: Log): void {
  const schema = new ResourceTemplate('flyball://schema/{kind}', {
    list: undefined,
    complete: { kind: value => startingWith(schemaKinds, value) },
  });
  server.registerResource(
    'schema',
    schema,
    {
      title: 'Schema of a document',
      description: 'JSON Schema of a kind of policy document. Large: read flyball://docs/language first.',
      mimeType: 'application/schema+json',
      cacheHint: FOR_EVERYBODY,
    },
    guarded(log, (uri: URL, variables: Variables) => {
      const text = schemaOf(decoded(variables).kind ?? '');
      if (text === undefined) throw absent(uri);
      return { contents: [{ uri: uri.href, mimeType: 'application/schema+json', text }] };
    }),
  );
  const docs = new ResourceTemplate('flyball://docs/{topic}', {
    list: undefined,
    complete: {
      topic: value =>
        startingWith(
          topics().map(topic => topic.name),
          value,
        ),
    },
  });
  server.registerResource(
    'docs',
    docs,
    {
      title: 'Reference',
      description: 'The policy language and guides, by section: flyball://docs/language has the contents.',
      mimeType: 'text/markdown',
      cacheHint: FOR_EVERYBODY,
    },
    guarded(log, (uri: URL, variables: Variables) => {
      const found = topics().find(topic => topic.name === decoded(variables).topic);
      if (!found) throw absent(uri);
      return { contents: [{ uri: uri.href, mimeType: 'text/markdown', text: found.text }] };
    }),
  );
}

function decoded(variables: Variables): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [
      name,
      decodedText(Array.isArray(value) ? (value[0] ?? '') : value),
    ]),
  );
}

function decodedText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function asJson(uri: URL, value: unknown): ReadResourceResult {
  return { contents: [{ uri: uri.href, mimeType: 'application/json', text: JSON.stringify(value) }] };
}

/** Not there, or not to be seen: the same to whoever asks. */
function absent(uri: URL): ResourceNotFoundError {
  return new ResourceNotFoundError(clean(uri.href, 200));
}

/** One page of what there is. A cursor is the address that the page before ended with. */
async function listed(
  caller: Caller,
  cursor: string | undefined,
): Promise<{ resources: Resource[]; nextCursor?: string }> {
  const all = await resourcesFor(caller);
  const from = cursor === undefined ? 0 : all.findIndex(one => one.uri === uriOf(cursor)) + 1;
  if (cursor !== undefined && from === 0)
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'Unknown cursor; list from the beginning.');
  const resources = all.slice(from, from + PAGE);
  const last = resources.at(-1);
  const more = from + PAGE < all.length && last !== undefined;
  return { resources, ...(more ? { nextCursor: Buffer.from(last.uri).toString('base64url') } : {}) };
}

function uriOf(cursor: string): string {
  return Buffer.from(cursor, 'base64url').toString('utf8');
}

async function resourcesFor(caller: Caller): Promise<readonly Resource[]> {
  const kinds = ['approvals', 'chains', 'policies'] as const;
  const [approvals = [], chains = [], policies = []] = await Promise.all(
    kinds.map(kind => namesOf(caller, kind)),
  );
  const of = (kind: string, title: string, mimeType: string) => (name: string) => ({
    uri: `flyball://${kind}/${name}`,
    name: `${kind}/${name}`,
    title: `${title} ${clean(name, 80)}`,
    mimeType,
  });
  return [
    ...topics().map(topic => ({
      ...of('docs', 'Reference:', 'text/markdown')(topic.name),
      title: topic.title,
    })),
    ...schemaKinds.map(of('schema', 'Schema of', 'application/schema+json')),
    ...approvals.map(of('approvals', 'Approval', 'application/json')),
    ...chains.map(of('targets', 'Target', 'application/json')),
    ...policies.map(of('policies', 'Policy', 'application/json')),
  ];
}
