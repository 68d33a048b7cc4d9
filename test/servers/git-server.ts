/** A real git server over HTTP: Debian's `git http-backend` behind a small CGI, with a token, and switches for what goes wrong. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface GitServer {
  /** `http://127.0.0.1:PORT`; a repository below the root is at `/NAME.git`. */
  readonly url: string;
  /** Requests that came with the token, and all `authorization` headers that were seen. */
  readonly seen: { requests: number; readonly authorizations: string[] };
  /** Answers every request with a redirect there, or with this status. */
  fault: { readonly redirect?: string; readonly status?: number } | undefined;
  stop(): Promise<void>;
}

/** Serves the bare repositories below `root`; pushing and fetching need the token as a password. */
export async function gitServer(root: string, token: string): Promise<GitServer> {
  const seen = { requests: 0, authorizations: [] as string[] };
  const server = createServer((request, response) => void answer(request, response));
  const state: GitServer = {
    url: '',
    seen,
    fault: undefined,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { authorization } = request.headers;
    if (authorization !== undefined) seen.authorizations.push(authorization);
    const { fault } = state;
    if (fault?.redirect !== undefined) {
      response.writeHead(302, { location: `${fault.redirect}${request.url}` }).end();
      return;
    }
    if (fault?.status !== undefined) {
      response.writeHead(fault.status).end('out of order');
      return;
    }
    const [, password] = Buffer.from(authorization?.replace(/^Basic /, '') ?? '', 'base64')
      .toString()
      .split(':');
    if (password !== token) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
      return;
    }
    seen.requests++;
    await backend(root, request, response);
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(state, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

async function backend(root: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '', 'http://localhost');
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      CONTENT_LENGTH: request.headers['content-length'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: request.headers['git-protocol']?.toString() ?? '',
      REMOTE_USER: 'tester',
      REMOTE_ADDR: '127.0.0.1',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  request.pipe(child.stdin);
  const parts: Buffer[] = [];
  for await (const part of child.stdout) parts.push(part as Buffer);
  const all = Buffer.concat(parts);
  const end = all.indexOf('\r\n\r\n');
  const head = all.subarray(0, end).toString();
  const headers = Object.fromEntries(
    head
      .split('\r\n')
      .map(line => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
  );
  const status = Number.parseInt(headers.status ?? '200', 10);
  const { status: _, ...sent } = headers;
  response.writeHead(status, sent).end(all.subarray(end + 4));
}
