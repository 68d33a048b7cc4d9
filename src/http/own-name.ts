/** By which names this daemon is asked, and whose pages may send to it. A page of another site can send a browser here: that is not ours. */
import type { IncomingMessage } from 'node:http';
import type { Listen } from '../commands/index.ts';
import { Problem } from './problem.ts';
import type { Asked } from './route.ts';

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i;

export interface OwnName {
  /** Throws Problem for a request by another name, or by a page of another site. */
  admit(asked: Asked): void;
  /** The scheme and name that the user sees. */
  originOf(request: IncomingMessage): string;
}

/** `behindProxy`: a proxy says by X-Forwarded-Proto how it was asked, and passes Host on as it is. */
export function ownName(listen: Listen | undefined, behindProxy: boolean): OwnName {
  const own = [...(listen?.hosts ?? []), ...hostOf(listen?.publicUrl), ...bound(listen)];
  const names = new Set(own.map(one => one.toLowerCase()));
  const others = new Set([...(listen?.origins ?? []), ...(listen?.publicUrl ? [listen.publicUrl] : [])]);
  const scheme = (request: IncomingMessage) =>
    listen?.tls || (behindProxy && request.headers['x-forwarded-proto'] === 'https') ? 'https' : 'http';
  return {
    admit: asked => {
      // No browser comes through the socket.
      if (asked.over === 'socket') return;
      requireHost(asked.headers.host ?? '', names);
      requireOrigin(asked, others);
    },
    originOf: request => listen?.publicUrl ?? `${scheme(request)}://${request.headers.host ?? ''}`,
  };
}

function requireHost(host: string, names: ReadonlySet<string>): void {
  const name = host.replace(/:\d{1,5}$/, '').toLowerCase();
  if (LOOPBACK.test(name) || names.has(name) || names.has(host.toLowerCase())) return;
  throw new Problem(
    'host',
    `Host ${host.slice(0, 200) || 'is missing'}: expected localhost, a loopback address or one of listen.hosts.`,
  );
}

/** Programs say no origin, and browsers always do where something could be changed. */
function requireOrigin({ method, path, headers, origin }: Asked, others: ReadonlySet<string>): void {
  const given = headers.origin;
  const isAsked = method !== 'GET' || path === '/mcp';
  if (!isAsked || given === undefined || others.has(given)) return;
  const own = given === origin || given.replace(/^https?:\/\//, '') === headers.host;
  if (own) return;
  throw new Problem('origin', `Origin ${given.slice(0, 200)}: expected ${origin} or one of listen.origins.`);
}

/** The address itself is a name too, unless it stands for all of them. */
function bound(listen: Listen | undefined): readonly string[] {
  if (!listen || listen.host === '0.0.0.0' || listen.host === '::') return [];
  return [listen.host.includes(':') ? `[${listen.host}]` : listen.host];
}

function hostOf(url: string | undefined): readonly string[] {
  return url === undefined ? [] : [new URL(url).host, new URL(url).hostname];
}
