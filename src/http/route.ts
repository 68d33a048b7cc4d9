/** Routes as data: which path and method is whose, what a request is to them, and what they give. Nothing here listens. */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Json } from '../model.ts';

export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
export type Method = (typeof METHODS)[number];

/** A request, as routes see it. HEAD comes as GET. */
export interface Asked {
  readonly method: Method;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** What stands for `{name}` in the route's path, decoded. */
  readonly parts: Readonly<Record<string, string>>;
  /** The socket's callers are this machine's user; whoever comes over TCP is anybody. */
  readonly over: 'tcp' | 'socket';
  /** Address of the peer; empty over the socket. */
  readonly from: string;
  /** Where this is asked for as its user sees it, such as `https://flyball.example`. */
  readonly origin: string;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** The body as it came. Throws Problem when it is too large. */
  body(): Promise<Buffer>;
  /** The body as JSON. Throws Problem when it is none, or too deep or too large to be looked at. */
  json(): Promise<Json>;
  /** The body of a form that a page sent. Throws Problem when it is none. */
  form(): Promise<URLSearchParams>;
}

export interface Reply {
  readonly status: number;
  /** A media type; absent: there is no body. */
  readonly type?: string;
  /** Text as a whole, or bit by bit until whoever asked goes. */
  readonly body: string | AsyncIterable<string>;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

/** Throws Problem, Refusal and PortError for what cannot be answered; anything else is a bug of ours. */
export type Answer = (asked: Asked) => Promise<Reply>;

export interface Route {
  /** `/approvals/{id}`: a part in braces is any one text between slashes. */
  readonly path: string;
  readonly answers: Readonly<Partial<Record<Method, Answer>>>;
  /** In place of `answers`: takes the request itself, for a protocol with a library of its own. */
  readonly take?: (request: IncomingMessage, response: ServerResponse, asked: Asked) => Promise<void>;
}

/** A reply of plain text, one line or several. */
export function plain(status: number, text: string): Reply {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` };
}

/** The route of a path with its parts; undefined when there is none. Those without braces come first. */
export function routeOf(
  routes: readonly Route[],
  path: string,
): { readonly route: Route; readonly parts: Readonly<Record<string, string>> } | undefined {
  for (const route of routes) {
    if (route.path === path) return { route, parts: {} };
  }
  for (const route of routes) {
    const parts = route.path.includes('{') ? partsOf(route.path, path) : undefined;
    if (parts) return { route, parts };
  }
  return undefined;
}

function partsOf(pattern: string, path: string): Readonly<Record<string, string>> | undefined {
  const [wanted, given] = [pattern.split('/'), path.split('/')];
  if (wanted.length !== given.length) return undefined;
  const parts: Record<string, string> = {};
  for (const [i, one] of wanted.entries()) {
    const text = given[i] ?? '';
    if (!one.startsWith('{')) {
      if (one !== text) return undefined;
      continue;
    }
    const decoded = decodedOf(text);
    if (decoded === undefined || decoded === '') return undefined;
    parts[one.slice(1, -1)] = decoded;
  }
  return parts;
}

function decodedOf(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
