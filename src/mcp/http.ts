/**
 * MCP over Streamable HTTP, without sessions: each request has its own server, and its principal comes from the door in front,
 * which has checked it. Clients of 2025 can subscribe to nothing here, and are asked nothing: they get the same as text.
 */
import {
  type NodeIncomingMessageLike,
  type NodeServerResponseLike,
  toNodeHandler,
} from '@modelcontextprotocol/node';
import {
  type AuthInfo,
  createMcpHandler,
  type McpHttpHandler,
  type ServerEvent,
} from '@modelcontextprotocol/server';
import type { Caller } from '../commands/index.ts';
import type { Log } from '../model.ts';
import { buildServer, type Fixtures } from './server.ts';
import { busOf } from './subscriptions.ts';

export interface McpDoor {
  /** Answers one request. `request.auth` says who asks; `body` is its JSON, when that was read already. */
  handle(request: NodeIncomingMessageLike, response: NodeServerResponseLike, body?: unknown): Promise<void>;
  /** Tells all who listen, such as that a list changed. */
  told(event: ServerEvent): void;
  /** Ends all streams. */
  close(): Promise<void>;
}

/** Principals whose streams are kept apart at once; the one that was idle longest is forgotten first. */
const MOST_PRINCIPALS = 500;
/** Streams of one principal. */
const MOST_STREAMS = 16;

/** The handler of `/mcp`. `callerFor` gives what a checked principal works through; `auth` is undefined where none is asked for. */
export function mcpHandler(options: {
  readonly callerFor: (auth: AuthInfo | undefined) => Caller;
  readonly version: string;
  readonly log: Log;
  readonly fixtures?: Fixtures;
}): McpDoor {
  const { callerFor, version, log, fixtures } = options;
  const handlers = new Map<string, McpHttpHandler>();
  const onerror = (error: Error) => log.warn({ error: error.message }, 'mcp request');

  /** One for each principal, so that nobody is told of what only others see. */
  const handlerFor = (auth: AuthInfo | undefined): McpHttpHandler => {
    const key = auth === undefined ? '' : JSON.stringify([auth.clientId, auth.token, auth.scopes]);
    const known = handlers.get(key);
    handlers.delete(key);
    const handler =
      known ??
      createMcpHandler(
        ({ era, authInfo }) =>
          buildServer(callerFor(authInfo), version, { log, subscribe: era === 'modern', fixtures }),
        { bus: busOf(callerFor(auth)), maxSubscriptions: MOST_STREAMS, onerror },
      );
    handlers.set(key, handler);
    forgetIdle(handlers);
    return handler;
  };

  return {
    handle: (request, response, body) =>
      toNodeHandler(handlerFor(request.auth), { onerror })(request, response, body),
    told: event => {
      for (const handler of handlers.values()) handler.bus.publish(event);
    },
    close: async () => {
      await Promise.all([...handlers.values()].map(handler => handler.close()));
      handlers.clear();
    },
  };
}

function forgetIdle(handlers: Map<string, McpHttpHandler>): void {
  if (handlers.size <= MOST_PRINCIPALS) return;
  const [oldest] = handlers;
  if (oldest === undefined) return;
  handlers.delete(oldest[0]);
  void oldest[1].close();
}
