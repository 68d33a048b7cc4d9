/** The daemon's HTTP door: sockets that listen, and which route a request goes to. It decides nothing; routes do. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Log, PortError } from '../model.ts';
import { formOf, jsonOf, readBody } from './body.ts';
import { Problem, problemOf, problemReply } from './problem.ts';
import { type Asked, METHODS, type Method, type Reply, type Route, routeOf } from './route.ts';

export interface Door {
  /** Where it is open, without a path. */
  readonly url: string;
  close(): Promise<void>;
}

export interface DoorOptions {
  readonly routes: readonly Route[];
  readonly over: Asked['over'];
  /** Throws Problem for a request that may not come in at all. */
  readonly admit?: (asked: Asked) => Promise<void> | void;
  /** A proxy says by X-Forwarded-For from where it was asked. */
  readonly behindProxy?: boolean;
  /** Where users see the door; as they asked, by http, unless said. */
  readonly originOf?: (request: IncomingMessage) => string;
  readonly log: Log;
}

/** What one request may take of whoever sends it slowly. */
const SLOW_MS = 10_000;

/** Limits of every server of the door. */
export const SERVER_OPTIONS = {
  ...{ requestTimeout: SLOW_MS, headersTimeout: SLOW_MS, maxHeaderSize: 16_384 },
  keepAliveTimeout: 5000,
} as const;

/** Connections at once, whoever they are of. */
const CONNECTIONS_MAX = 1024;

/** Opens the door on an address; port 0 takes a free one. Throws PortError when it cannot be had. */
export async function openDoor(
  listen: { readonly host: string; readonly port: number },
  options: DoorOptions,
  tls?: { readonly cert: Buffer; readonly key: Buffer },
): Promise<Door> {
  const server = tls ? secure(tls, options, listen) : createServer(SERVER_OPTIONS, listener(options));
  server.maxConnections = CONNECTIONS_MAX;
  await listening(server, () => server.listen(listen.port, listen.host)).catch(cause => {
    throw unopened(listen, cause as NodeJS.ErrnoException);
  });
  server.on('error', error => options.log.error({ error: error.message }, 'http door'));
  const { address, family, port } = server.address() as AddressInfo;
  return {
    url: `${tls ? 'https' : 'http'}://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    close: () => closed(server),
  };
}

function secure(
  tls: { readonly cert: Buffer; readonly key: Buffer },
  options: DoorOptions,
  { host, port }: { readonly host: string; readonly port: number },
): Server {
  try {
    return createSecureServer({ ...SERVER_OPTIONS, ...tls, minVersion: 'TLSv1.2' }, listener(options));
  } catch (cause) {
    throw new PortError(
      'daemon.yaml: listen.tls: its files are no certificate with its key; expected both as PEM.',
      { code: 'listen', retry: 'never', subject: `${host}:${port}`, cause },
    );
  }
}

/** What a server calls for each request. */
export function listener(options: DoorOptions) {
  return (request: IncomingMessage, response: ServerResponse) => void answer(request, response, options);
}

/** When it listens; throws the error when it cannot. */
export async function listening(server: Server, listen: () => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    listen();
  });
}

export function closed(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: DoorOptions,
): Promise<void> {
  const path = pathOf(request);
  const fail = (error: unknown) => failed(error, path, options.log);
  try {
    const reply = await replyTo(request, response, options);
    if (reply) await send(request, response, reply);
  } catch (error) {
    const reply = fail(error);
    if (response.headersSent) response.destroy();
    else await send(request, response, reply).catch(fail);
  }
}

function failed(error: unknown, path: string, log: Log): Reply {
  if (problemOf(error).bug)
    log.error({ path, error: error instanceof Error ? error.message : String(error) }, 'http request failed');
  return problemReply(error);
}

/** Undefined when the route answers by itself. */
async function replyTo(
  request: IncomingMessage,
  response: ServerResponse,
  { routes, over, admit, behindProxy = false, originOf = plainOrigin }: DoorOptions,
): Promise<Reply | undefined> {
  const path = pathOf(request);
  const found = routeOf(routes, path);
  const asked = askedOf(request, response, {
    over,
    path,
    parts: found?.parts ?? {},
    origin: originOf(request),
    from: fromOf(request, behindProxy),
  });
  await admit?.(asked);
  if (!found) throw new Problem('path', `There is no ${path.slice(0, 200)} here.`);
  const { answers, take } = found.route;
  if (take) {
    await take(request, response, asked);
    return undefined;
  }
  const one = Object.hasOwn(answers, asked.method) ? answers[asked.method] : undefined;
  if (one) return one(asked);
  const allow = METHODS.filter(method => answers[method] !== undefined);
  throw new Problem(
    'method',
    `${request.method} is not for ${path}; there ${allow.length > 1 ? 'are' : 'is'} ${allow.join(', ')}.`,
    {
      allow: allow.flatMap(method => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', '),
    },
  );
}

function pathOf({ url }: IncomingMessage): string {
  return (url ?? '').split('?')[0] ?? '';
}

/** What the proxy itself saw stands last; whoever asks may have written the rest. */
function fromOf({ headers, socket }: IncomingMessage, behindProxy: boolean): string {
  const passedOn = behindProxy
    ? String(headers['x-forwarded-for'] ?? '')
        .split(',')
        .at(-1)
        ?.trim()
    : '';
  return passedOn || (socket.remoteAddress ?? '');
}

function plainOrigin({ headers }: IncomingMessage): string {
  return `http://${headers.host ?? ''}`;
}

function askedOf(
  request: IncomingMessage,
  response: ServerResponse,
  of: Pick<Asked, 'over' | 'path' | 'parts' | 'origin' | 'from'>,
): Asked {
  const { headers, url = '' } = request;
  const controller = new AbortController();
  response.once('close', () => controller.abort());
  let body: Promise<Buffer> | undefined;
  const read = () => {
    body ??= readBody(request);
    return body;
  };
  return {
    ...of,
    method: (request.method === 'HEAD' ? 'GET' : request.method) as Method,
    query: new URLSearchParams(url.slice(of.path.length)),
    headers,
    signal: controller.signal,
    body: read,
    json: async () => jsonOf(await read(), headers['content-type']),
    form: async () => formOf(await read(), headers['content-type']),
  };
}

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, type, body, headers }: Reply,
): Promise<void> {
  const whole = typeof body === 'string';
  response.writeHead(status, {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    ...(type === undefined ? {} : { 'content-type': type }),
    ...(whole ? { 'content-length': Buffer.byteLength(body) } : {}),
    ...headers,
  });
  if (request.method === 'HEAD' || whole) {
    response.end(whole && request.method !== 'HEAD' ? body : '');
    return;
  }
  for await (const part of body) {
    if (response.destroyed) return;
    if (!response.write(part)) await drained(response);
  }
  response.end();
}

/** When more can be written, or nobody is there any more. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    const more = () => {
      response.off('drain', more).off('close', more);
      resolve();
    };
    response.once('drain', more).once('close', more);
  });
}

function unopened({ host, port }: { host: string; port: number }, cause: NodeJS.ErrnoException): PortError {
  const why =
    cause.code === 'EADDRINUSE'
      ? 'something listens there already'
      : cause.code === 'EACCES'
        ? 'this user may not listen there'
        : `it cannot be had (${cause.code ?? cause.message})`;
  return new PortError(
    `daemon.yaml: listen ${host}:${port}: ${why}; expected a free address of this machine. Name another port, or leave listen out.`,
    { code: 'listen', retry: 'later', subject: `${host}:${port}`, cause },
  );
}
