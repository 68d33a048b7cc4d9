/** The daemon's HTTP door: which path is whose, and nothing else. It decides nothing; routes answer from commands. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Log, PortError } from '../model.ts';

export interface Reply {
  readonly status: number;
  /** A media type. */
  readonly type: string;
  readonly body: string;
}

/** By path, without a query; each is asked by GET or HEAD. */
export type Routes = Readonly<Record<string, () => Promise<Reply>>>;

export interface Door {
  /** Where it is open, without a path. */
  readonly url: string;
  close(): Promise<void>;
}

/** What one request may take of whoever sends it slowly. */
const SLOW_MS = 10_000;

/** A reply of plain text, one line or several. */
export function plain(status: number, text: string): Reply {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` };
}

/** Opens the door on a loopback address; port 0 takes a free one. Throws PortError when it cannot be had. */
export async function openDoor(
  listen: { readonly host: string; readonly port: number },
  routes: Routes,
  log: Log,
): Promise<Door> {
  const server = createServer(
    { requestTimeout: SLOW_MS, headersTimeout: SLOW_MS, maxHeaderSize: 8192 },
    (request, response) => void answer(request, response, routes, log),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', cause => reject(unopened(listen, cause as NodeJS.ErrnoException)));
    server.listen(listen.port, listen.host, resolve);
  });
  server.on('error', error => log.error({ error: error.message }, 'http door'));
  const { address, family, port } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  routes: Routes,
  log: Log,
): Promise<void> {
  const path = (request.url ?? '').split('?')[0] ?? '';
  const { status, type, body } = await replyTo(request, path, routes).catch(error => {
    log.error({ path, error: error instanceof Error ? error.message : String(error) }, 'http request failed');
    return plain(500, 'This could not be answered; the log of the daemon says why.');
  });
  const head = request.method === 'HEAD';
  response
    .writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
    })
    .end(head ? '' : body);
}

async function replyTo(request: IncomingMessage, path: string, routes: Routes): Promise<Reply> {
  const { host } = request.headers;
  // A page of another origin can be made to send a browser here by its own name: that name is not ours.
  if (!isOwn(host))
    return plain(421, `Host ${host ?? 'is missing'}: expected localhost or a loopback address.`);
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (!route) return plain(404, `There is no ${path} here; there are ${Object.keys(routes).join(', ')}.`);
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return plain(405, `${request.method} is not for ${path}; it is read by GET.`);
  return route();
}

function isOwn(host: string | undefined): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i.test(host ?? '');
}

function unopened({ host, port }: { host: string; port: number }, cause: NodeJS.ErrnoException): PortError {
  const why =
    cause.code === 'EADDRINUSE'
      ? 'something listens there already'
      : cause.code === 'EACCES'
        ? 'this user may not listen there'
        : `it cannot be had (${cause.code ?? cause.message})`;
  return new PortError(
    `daemon.yaml: listen ${host}:${port}: ${why}; expected a free loopback address. Name another port, or leave listen out.`,
    { code: 'listen', retry: 'later', subject: `${host}:${port}`, cause },
  );
}
