/** Who asks: whoever shows a token, or this machine's user where that is enough. Nobody else comes in, and nobody too often. */
import {
  type Command,
  isInScope,
  localSpeaker,
  type Ports,
  SCOPES,
  type Speaker,
  scopeOf,
  tokenSpeaker,
} from '../commands/index.ts';
import type { Verify } from './jwt.ts';
import { Problem } from './problem.ts';
import type { Asked } from './route.ts';
import type { Traffic } from './traffic.ts';

/** Throws Problem when it is not known who asks. `door`: over TCP, what is asked for: the API and pages, or MCP. */
export type Identify = (asked: Asked, door: 'http' | 'mcp') => Promise<Speaker>;

/** The header by which the daemon's own socket is told which door somebody came through. */
const DOOR_HEADER = 'x-flyball-door';

export interface Identifying {
  /** This machine's user as whom the daemon runs. */
  readonly user: string;
  readonly traffic: Traffic;
  readonly behindProxy: boolean;
  /** Of the identity provider, where there is one. */
  readonly verify: Verify | undefined;
}

export function identifying(ports: Ports, of: Identifying): Identify {
  const { settings } = ports;
  const { user, traffic, behindProxy } = of;
  return async (asked, door) => {
    const through = asked.over === 'socket' ? doorOf(asked) : door;
    const speaker = await spoken(asked, through);
    await traffic.principal(speaker.principal.name, asked);
    return speaker;
  };

  async function spoken(asked: Asked, door: 'cli' | 'http' | 'mcp'): Promise<Speaker> {
    const token = await bearerOf(asked, of);
    // The socket is this user's alone; a loopback address is everybody's on this machine.
    if (token === undefined) {
      const enough =
        asked.over === 'socket' || (settings.trust === 'local-user' && !behindProxy && isLocal(asked));
      if (enough) return localSpeaker(user, door, settings);
      return refuse(asked, traffic);
    }
    await traffic.token(token);
    const found = await speakerOf(token, door);
    return 'problem' in found ? refuse(asked, traffic, found.problem) : found;
  }

  async function speakerOf(token: string, door: 'cli' | 'http' | 'mcp') {
    const { verify } = of;
    if (verify && token.split('.').length === 3) return verify(token, door);
    return tokenSpeaker(token, door, { settings, store: ports.world.store, now: ports.world.clock() });
  }
}

function doorOf({ headers }: Asked): 'cli' | 'mcp' {
  return headers[DOOR_HEADER] === 'mcp' ? 'mcp' : 'cli';
}

async function bearerOf(asked: Asked, { traffic }: Identifying): Promise<string | undefined> {
  const { authorization } = asked.headers;
  if (authorization === undefined) return undefined;
  const [, token] = /^Bearer +([\w.~+/-]+=*) *$/i.exec(authorization) ?? [];
  return token ?? refuse(asked, traffic, 'the header Authorization holds no Bearer token');
}

/** From this machine itself, and not passed on by a proxy. */
export function isLocal({ over, from, headers }: Asked): boolean {
  const passedOn = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some(
    name => headers[name] !== undefined,
  );
  return over === 'socket' || (/^(?:::ffff:)?127\.|^::1$/.test(from) && !passedOn);
}

/** RFC 6750 and RFC 9728: what is wrong with the token, and where it is said who gives one. */
async function refuse(asked: Asked, traffic: Traffic, problem?: string): Promise<never> {
  await traffic.unknown(asked);
  throw new Problem(
    'unauthenticated',
    problem === undefined ? 'There is no token.' : `${problem}; expected one that counts.`,
    {
      'www-authenticate': challengeOf(
        asked,
        problem === undefined ? {} : { error: 'invalid_token', error_description: problem },
      ),
    },
  );
}

/** The problem of a token that was not issued for this command, with the scope that would be enough; undefined when it was. */
export function scopeProblem(command: Command, { scopes }: Speaker, asked: Asked): Problem | undefined {
  if (isInScope(command, scopes)) return undefined;
  const scope = scopeOf(command);
  const more = { error: 'insufficient_scope', ...(scope === undefined ? {} : { scope }) };
  return new Problem(
    'scope',
    `${command.name}: the token is for ${scopes?.join(', ') || 'nothing'}; expected ${scope ?? 'one that no scopes limit'}.`,
    { 'www-authenticate': challengeOf(asked, more) },
  );
}

function challengeOf({ origin, path }: Asked, more: Readonly<Record<string, string>>): string {
  const of = path === '/mcp' ? '/mcp' : '';
  const all = { ...more, resource_metadata: `${origin}/.well-known/oauth-protected-resource${of}` };
  return `Bearer ${Object.entries(all)
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ')}`;
}

/** RFC 9728. Only reading is advertised: what is more is asked for by a challenge. */
export function resourceMetadata(asked: Asked, issuer: string | undefined, path: '' | '/mcp') {
  return {
    resource: `${asked.origin}${path}`,
    resource_name: 'Flyball',
    ...(issuer === undefined ? {} : { authorization_servers: [issuer] }),
    bearer_methods_supported: ['header'],
    scopes_supported: SCOPES.filter(scope => scope.endsWith(':read')),
  };
}
