/** The daemon's doors in this process, over a real store: principals, tokens, and requests as anybody sends them. */
import { randomUUID } from 'node:crypto';
import { type IncomingHttpHeaders, type RequestOptions, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { type DaemonSettings, grantAll, type Ports } from '../../src/commands/index.ts';
import { keepToken, newToken } from '../../src/commands/tokens.ts';
import { type DoorsOptions, openDoors } from '../../src/http/doors.ts';
import type { Log } from '../../src/model.ts';
import { openStore, outside, worldOf } from '../core/outside.ts';

export const PRINCIPALS = {
  ana: { kind: 'person', roles: [{ role: 'approver' }], subjects: ['sub-ana', 'ana@acme.example'] },
  vic: { kind: 'person', roles: [{ role: 'viewer' }], subjects: [] },
  bot: { kind: 'agent', for: 'ana', roles: [{ role: 'operator' }], subjects: ['sub-bot'] },
} as const satisfies DaemonSettings['principals'];

export interface Said {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: Record<string, unknown>;
}

export interface Sending {
  readonly method: string;
  readonly token: string;
  readonly json: unknown;
  readonly raw: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Served {
  readonly ports: Ports;
  readonly url: string;
  readonly logged: readonly string[];
  ask(path: string, more?: Partial<Sending>): Promise<Said>;
  token(
    principal: string,
    of?: { readonly expiresAt?: number; readonly revokedAt?: number },
  ): Promise<string>;
  end(): Promise<void>;
}

/** Doors with these settings; the address is a free one of loopback. */
export async function serve(
  settings: Partial<DaemonSettings> = {},
  options: Partial<DoorsOptions> = {},
): Promise<Served> {
  const store = await openStore(':memory:');
  const to = outside();
  const logged: string[] = [];
  const note = (fields: object, message: string) => void logged.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { info: note, warn: note, error: note };
  const world = { ...worldOf(to, store), log };
  const all = {
    ...{ home: '/', state: '', repository: '', branch: 'main', env: 'test', trust: 'tokens' as const },
    ...{ principals: PRINCIPALS, listen: { host: '127.0.0.1', port: 0 } },
    ...settings,
  };
  const ports = {
    world,
    settings: all,
    principal: { name: 'me', door: 'cli', authenticated: false },
    grants: grantAll(all.trust === 'local-user' ? 'admin' : 'operator'),
    sealingKey: async () => Buffer.alloc(32),
    engine: async () => 1,
    newId: randomUUID,
  } as unknown as Ports;
  const close = await openDoors(ports, {
    ...{ open: [], mounts: [], behindProxy: false, version: '1.2.3' },
    ...options,
  });
  const [, url = ''] = /"url":"(https?:[^"]+)"/.exec(logged.join('\n')) ?? [];
  return {
    ...{ ports, url, logged },
    ask: (path, more) => ask(url, path, more),
    token: async (principal, of = {}) => {
      const at = to.now;
      const made = newToken({ principal, note: '', by: 'me', createdAt: at, expiresAt: at + 1000, ...of });
      await keepToken(store, made.record);
      return made.text;
    },
    end: async () => {
      await close();
      await store.close();
    },
  };
}

/** One request over a connection of its own; what is no JSON is an empty body. */
export function ask(
  url: string,
  path: string,
  more: Partial<Sending> = {},
  where: RequestOptions = {},
): Promise<Said> {
  const {
    token,
    json,
    raw,
    headers = {},
    method = json === undefined && raw === undefined ? 'GET' : 'POST',
  } = more;
  const sent = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(json === undefined && raw === undefined ? {} : { 'content-type': 'application/json' }),
    ...headers,
  };
  return new Promise((resolve, reject) => {
    request(`${url}${path}`, { ...where, method, headers: sent }, async answer => {
      const found = await text(answer);
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: found, body: parsed(found) });
    })
      .on('error', reject)
      .end(raw ?? (json === undefined ? '' : JSON.stringify(json)));
  });
}

function parsed(given: string): Record<string, unknown> {
  try {
    return JSON.parse(given) as Record<string, unknown>;
  } catch {
    return {};
  }
}
