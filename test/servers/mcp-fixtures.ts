/**
 * What the protocol's conformance suite asks a server to have: tools, resources and prompts that exercise the protocol itself.
 * They are put beside Flyball's own, on the same server, and exist in tests only.
 */
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  createRequestStateCodec,
  type InputRequests,
  inputRequired,
  type McpServer,
  ResourceTemplate,
  type ServerContext,
  type StandardSchemaWithJSON,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Fixtures } from '../../src/mcp/server.ts';

const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
const SOUND = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';

/** Seals what goes through the client and comes back. */
const codec = createRequestStateCodec<{ readonly round: number }>({
  key: new Uint8Array(32).fill(7),
  ttlSeconds: 60,
});

/** A client that keeps no connection never answers. */
const IN_VAIN = { timeout: 200 };

const said = (text: string) => ({ content: [{ type: 'text' as const, text }] });

/** Registers them. `changed` tells listeners of a list that it changed. */
export function conformanceFixtures(changed: { tools(): void; prompts(): void }): Fixtures {
  const register = (server: McpServer) => {
    contents(server);
    requests(server);
    rounds(server);
    resources(server);
    prompts(server);
    server.registerTool('test_trigger_tool_change', { description: 'Says that tools changed.' }, async () => {
      changed.tools();
      return said('told');
    });
    server.registerTool(
      'test_trigger_prompt_change',
      { description: 'Says that prompts changed.' },
      async () => {
        changed.prompts();
        return said('told');
      },
    );
  };
  return { register, verifyState: (state, ctx) => codec.verify(state, ctx) };
}

function contents(server: McpServer): void {
  const image = { type: 'image' as const, data: PIXEL, mimeType: 'image/png' };
  const tool = (name: string, content: readonly unknown[]) =>
    server.registerTool(
      name,
      { description: `Gives ${name}.` },
      async () => ({ content: [...content] }) as never,
    );
  tool('test_simple_text', [{ type: 'text', text: 'This is a simple text response for testing.' }]);
  tool('test_image_content', [image]);
  tool('test_audio_content', [{ type: 'audio', data: SOUND, mimeType: 'audio/wav' }]);
  tool('test_embedded_resource', [
    {
      type: 'resource',
      resource: {
        ...{ uri: 'test://embedded-resource', mimeType: 'text/plain' },
        text: 'This is an embedded resource content.',
      },
    },
  ]);
  tool('test_multiple_content_types', [
    { type: 'text', text: 'Multiple content types test:' },
    image,
    {
      type: 'resource',
      resource: {
        ...{ uri: 'test://mixed-content-resource', mimeType: 'application/json' },
        text: JSON.stringify({ test: 'data', value: 123 }),
      },
    },
  ]);
  server.registerTool('test_error_handling', { description: 'Fails.' }, async () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
  server.registerTool('test_reconnection', { description: 'Answers.' }, async () => said('done'));
  server.registerTool(
    'json_schema_2020_12_tool',
    {
      description: 'Has a schema of 2020-12.',
      inputSchema: {
        '~standard': {
          version: 1,
          vendor: 'fixture',
          validate: (value: unknown) => ({ value }),
          jsonSchema: { input: () => SCHEMA_2020_12, output: () => SCHEMA_2020_12 },
        },
      } as StandardSchemaWithJSON<unknown, unknown>,
    },
    async (given: unknown) => said(JSON.stringify(given)),
  );
}

const SCHEMA_2020_12 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};

/** What 2025-era servers ask of a client by themselves, and what they tell it meanwhile. */
function requests(server: McpServer): void {
  const log = (ctx: ServerContext, data: string) => ctx.mcpReq.log('info', data);
  for (const name of ['test_tool_with_logging', 'test_logging_tool'])
    server.registerTool(name, { description: 'Logs.', inputSchema: z.object({}) }, async (_, ctx) => {
      for (const words of ['Tool execution started', 'Tool processing data', 'Tool execution completed'])
        await log(ctx, words);
      return said('Tool with logging executed successfully');
    });
  server.registerTool(
    'test_tool_with_progress',
    { description: 'Tells its progress.', inputSchema: z.object({}) },
    async (_, ctx) => {
      const progressToken = ctx.mcpReq._meta?.progressToken ?? 0;
      for (const progress of [0, 50, 100])
        await ctx.mcpReq.notify({
          method: 'notifications/progress',
          params: { progressToken, progress, total: 100, message: `Completed step ${progress} of 100` },
        });
      return said(String(progressToken));
    },
  );
  server.registerTool(
    'test_sampling',
    { description: 'Asks a model.', inputSchema: z.object({ prompt: z.string() }) },
    async ({ prompt }, ctx) => {
      const answer = await ctx.mcpReq.send(
        {
          method: 'sampling/createMessage',
          params: { messages: [{ role: 'user', content: { type: 'text', text: prompt } }], maxTokens: 100 },
        },
        IN_VAIN,
      );
      return said(`LLM response: ${(answer as { content?: { text?: string } }).content?.text ?? ''}`);
    },
  );
  const asking = (name: string, properties: unknown) =>
    server.registerTool(
      name,
      { description: 'Asks a person.', inputSchema: z.object({ message: z.string().optional() }) },
      async ({ message = 'Please fill in' }, ctx) => {
        const params = { message, requestedSchema: { type: 'object', properties, required: [] } };
        const answer = await ctx.mcpReq.send({ method: 'elicitation/create', params }, IN_VAIN);
        const { action, content } = answer as { action?: string; content?: unknown };
        return said(`Elicitation completed: action=${action}, content=${JSON.stringify(content ?? {})}`);
      },
    );
  asking('test_elicitation', { response: { type: 'string', description: "User's response" } });
  asking('test_elicitation_sep1034_defaults', {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  });
  const titled = (word: string) =>
    [1, 2, 3].map(nr => ({ const: `value${nr}`, title: `${['First', 'Second', 'Third'][nr - 1]} ${word}` }));
  asking('test_elicitation_sep1330_enums', {
    untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    titledSingle: { type: 'string', oneOf: titled('Option') },
    legacyEnum: {
      type: 'string',
      enum: ['opt1', 'opt2', 'opt3'],
      enumNames: ['Option One', 'Option Two', 'Option Three'],
    },
    untitledMulti: {
      ...{ type: 'array', minItems: 1, maxItems: 3 },
      items: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    },
    titledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { anyOf: titled('Choice') } },
  });
}

const ask = (message: string, field: string, type: 'string' | 'boolean' = 'string') =>
  inputRequired.elicit({
    message,
    requestedSchema: {
      type: 'object',
      properties: { [field]: { type } as { type: 'string' } },
      required: [field],
    },
  });
const sample = (text: string, maxTokens: number) =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text } }], maxTokens });

function declared(ctx: ServerContext): ClientCapabilities {
  const envelope = ctx.mcpReq.envelope as Readonly<Record<string, unknown>> | undefined;
  return (envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? {}) as ClientCapabilities;
}

/** What 2026-era servers ask for in answers, round by round. */
function rounds(server: McpServer): void {
  const tool = (name: string, run: (ctx: ServerContext) => Promise<unknown>) =>
    server.registerTool(
      name,
      { description: 'Asks in rounds.', inputSchema: z.object({}) },
      (_, ctx) => run(ctx) as never,
    );
  const answered = (ctx: ServerContext, key: string) => ctx.mcpReq.inputResponses?.[key] as never;
  const simple = (name: string, requests: InputRequests, done: (ctx: ServerContext) => string | undefined) =>
    tool(name, async ctx => {
      const text = done(ctx);
      return text === undefined ? inputRequired({ inputRequests: requests }) : said(text);
    });
  simple('test_input_required_result_elicitation', { user_name: ask('What is your name?', 'name') }, ctx => {
    const content = acceptedContent<{ name?: unknown }>(ctx.mcpReq.inputResponses ?? {}, 'user_name');
    return typeof content?.name === 'string' ? `Hello, ${content.name}!` : undefined;
  });
  simple(
    'test_input_required_result_sampling',
    { capital_question: sample('What is the capital of France?', 100) },
    ctx => {
      const answer = answered(ctx, 'capital_question') as { content?: { text?: string } } | undefined;
      return answer?.content?.text;
    },
  );
  simple('test_input_required_result_list_roots', { client_roots: inputRequired.listRoots() }, ctx => {
    const answer = answered(ctx, 'client_roots') as { roots?: readonly { uri: string }[] } | undefined;
    return answer?.roots?.map(root => root.uri).join(', ');
  });
  const sealed = async (ctx: ServerContext, round: number, inputRequests: InputRequests) =>
    inputRequired({ inputRequests, requestState: await codec.mint({ round }, ctx) });
  const roundOf = async (ctx: ServerContext) => ctx.mcpReq.requestState<{ round: number }>()?.round ?? 0;
  for (const name of [
    'test_input_required_result_request_state',
    'test_input_required_result_tampered_state',
  ])
    tool(name, async ctx =>
      (await roundOf(ctx)) === 1 && answered(ctx, 'confirm') !== undefined
        ? said('state-ok')
        : sealed(ctx, 1, { confirm: ask('Please confirm', 'ok', 'boolean') }),
    );
  tool('test_input_required_result_multiple_inputs', async ctx => {
    const keys = ['user_name', 'greeting', 'client_roots'];
    if ((await roundOf(ctx)) === 1 && keys.every(key => answered(ctx, key) !== undefined))
      return said('all there');
    return sealed(ctx, 1, {
      user_name: ask('What is your name?', 'name'),
      greeting: sample('Generate a greeting', 50),
      client_roots: inputRequired.listRoots(),
    });
  });
  tool('test_input_required_result_multi_round', async ctx => {
    const round = await roundOf(ctx);
    if (round === 2 && answered(ctx, 'step2') !== undefined) return said('both rounds');
    if (round === 1 && answered(ctx, 'step1') !== undefined)
      return sealed(ctx, 2, { step2: ask('Step 2: What is your favorite color?', 'color') });
    return sealed(ctx, 1, { step1: ask('Step 1: What is your name?', 'name') });
  });
  tool('test_input_required_result_capabilities', async ctx => {
    const can = declared(ctx);
    return inputRequired({
      inputRequests: {
        ...(can.sampling ? { question: sample('Say something', 50) } : {}),
        ...(can.elicitation ? { name: ask('What is your name?', 'name') } : {}),
      },
    });
  });
  // The library refuses to ask for what the client did not declare.
  simple('test_missing_capability', { question: sample('Say something', 50) }, ctx =>
    answered(ctx, 'question') === undefined ? undefined : 'it is there',
  );
  simple('test_streaming_elicitation', { user_name: ask('What is your name?', 'name') }, ctx =>
    answered(ctx, 'user_name') === undefined ? undefined : 'done',
  );
}

function resources(server: McpServer): void {
  const one = (name: string, contents: object, mimeType: string) =>
    server.registerResource(name, `test://${name}`, { title: name, mimeType }, async uri => ({
      contents: [{ uri: uri.href, mimeType, ...contents } as never],
    }));
  one('static-text', { text: 'This is the content of the static text resource.' }, 'text/plain');
  one('static-binary', { blob: PIXEL }, 'image/png');
  one('watched-resource', { text: 'Watched resource content' }, 'text/plain');
  server.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { title: 'By id', mimeType: 'application/json' },
    async (uri, { id }) => ({
      contents: [
        {
          ...{ uri: uri.href, mimeType: 'application/json' },
          text: JSON.stringify({ id, templateTest: true, data: `Data for ID: ${String(id)}` }),
        },
      ],
    }),
  );
}

function prompts(server: McpServer): void {
  const user = (...contents: readonly unknown[]) =>
    ({ messages: contents.map(content => ({ role: 'user', content })) }) as never;
  const words = (text: string) => ({ type: 'text', text });
  server.registerPrompt('test_simple_prompt', { description: 'Simple.' }, async () =>
    user(words('This is a simple prompt for testing.')),
  );
  server.registerPrompt(
    'test_prompt_with_arguments',
    { description: 'With arguments.', argsSchema: z.object({ arg1: z.string(), arg2: z.string() }) },
    async ({ arg1, arg2 }) => user(words(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'With a resource.', argsSchema: z.object({ resourceUri: z.string() }) },
    async ({ resourceUri: uri }) =>
      user(
        {
          type: 'resource',
          resource: { uri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' },
        },
        words('Please process the embedded resource above.'),
      ),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'With an image.' }, async () =>
    user({ type: 'image', data: PIXEL, mimeType: 'image/png' }, words('Please analyze the image above.')),
  );
  server.registerPrompt('test_input_required_result_prompt', { description: 'Asks first.' }, async ctx => {
    const content = acceptedContent<{ context?: string }>(ctx.mcpReq.inputResponses ?? {}, 'user_context');
    if (content?.context !== undefined) return user(words(`Use this context: ${content.context}`));
    return inputRequired({
      inputRequests: { user_context: ask('What context should the prompt use?', 'context') },
    }) as never;
  });
}
