/** `/mcp` of the daemon: the HTTP door knows who asks and what their token was issued for; the agents' door answers. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { callerOf, commands, type Ports, recheckToken, type Speaker } from './commands/index.ts';
import { type Asked, type Mount, Problem, scopeProblem } from './http/index.ts';
import { mcpHandler } from './mcp/http.ts';
import type { Json } from './model.ts';

/** What the handler is told of who asks. The token itself stays at the door. */
interface Known {
  readonly token: string;
  readonly clientId: string;
  readonly scopes: string[];
  readonly extra: { readonly speaker: Speaker };
}

/** The route of the daemon's MCP. */
export function agentsRoute(version: string): Mount {
  return ({ ports, identify }) => {
    const door = mcpHandler({
      callerFor: auth => callerOf({ ...ports, ...(auth as Known | undefined)?.extra.speaker }),
      version,
      log: ports.world.log,
    });
    const take = async (request: IncomingMessage, response: ServerResponse, asked: Asked) => {
      const speaker = await identify(asked, 'mcp');
      const body = asked.method === 'POST' ? await messageOf(asked, response) : undefined;
      if (body === UNREADABLE) return;
      const problem = scopeOfCall(body, speaker, asked);
      if (problem) throw problem;
      const { name, token = '' } = speaker.principal;
      const auth: Known = { token, clientId: name, scopes: [...(speaker.scopes ?? [])], extra: { speaker } };
      if (isFollowing(body)) endWithToken(ports, speaker, response);
      await door.handle(Object.assign(request, { auth }) as never, response as never, body);
    };
    return [{ path: '/mcp', answers: {}, take }];
  };
}

/** How often it is looked whether whoever follows still may. */
const CHECK_MS = 5000;
/** Of tokens that are not ours: then they have to be shown again. */
const SHOWN_AGAIN_MS = 10 * 60_000;

function isFollowing(body: unknown): boolean {
  return (body as { readonly method?: unknown } | undefined)?.method === 'subscriptions/listen';
}

/** A stream ends with the token that it was opened with. */
function endWithToken({ world }: Ports, { principal }: Speaker, response: ServerResponse): void {
  const { token, authenticated } = principal;
  if (!authenticated) return;
  const from = world.realClock();
  const counts = async () =>
    token === undefined
      ? world.realClock() - from < SHOWN_AGAIN_MS
      : !('problem' in (await recheckToken(world.store, token, world.clock())));
  const timer = setInterval(() => {
    counts().then(
      still => still || response.destroy(),
      () => response.destroy(),
    );
  }, CHECK_MS);
  response.once('close', () => clearInterval(timer));
}

const UNREADABLE = Symbol('unreadable');

/** The body; what is no JSON is answered as the protocol says. */
async function messageOf(asked: Asked, response: ServerResponse): Promise<Json | typeof UNREADABLE> {
  try {
    return await asked.json();
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'input') throw error;
    const answer = { jsonrpc: '2.0', id: null, error: { code: -32700, message: 'Parse error' } };
    response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    return UNREADABLE;
  }
}

/** A call of a tool that the token was not issued for is challenged, so that a client can ask for more. */
function scopeOfCall(body: unknown, speaker: Speaker, asked: Asked): Problem | undefined {
  const { method, params } = (body ?? {}) as {
    readonly method?: unknown;
    readonly params?: { name?: unknown };
  };
  if (method !== 'tools/call') return undefined;
  const command = commands.find(one => one.tool !== undefined && one.tool === params?.name);
  return command && scopeProblem(command, speaker, asked);
}
