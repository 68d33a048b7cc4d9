/** Who asks: whoever shows a token, or this machine's user where that is enough. Nobody else comes in. */
import { localSpeaker, type Ports, type Speaker, tokenSpeaker } from '../commands/index.ts';
import { Problem } from './problem.ts';
import type { Asked } from './route.ts';

/** Throws Problem when it is not known who asks. `door`: over TCP, what is asked for: the API and pages, or MCP. */
export type Identify = (asked: Asked, door: 'http' | 'mcp') => Promise<Speaker>;

/** The header by which the daemon's own socket is told which door somebody came through. */
export const DOOR_HEADER = 'x-flyball-door';

/** `user`: this machine's user as whom the daemon runs. */
export function identifying(ports: Ports, user: string): Identify {
  const { settings, world } = ports;
  return async (asked, door) => {
    const through = asked.over === 'socket' ? doorOf(asked) : door;
    const token = bearerOf(asked);
    if (token === undefined) {
      // The socket is this user's alone; a loopback address is everybody's on this machine.
      if (asked.over === 'socket' || (settings.trust === 'local-user' && isLocal(asked)))
        return localSpeaker(user, through, settings);
      throw unauthenticated(asked);
    }
    const found = await tokenSpeaker(token, through, { settings, store: world.store, now: world.clock() });
    if ('problem' in found) throw unauthenticated(asked, found.problem);
    return found;
  };
}

function doorOf({ headers }: Asked): 'cli' | 'mcp' {
  return headers[DOOR_HEADER] === 'mcp' ? 'mcp' : 'cli';
}

function bearerOf(asked: Asked): string | undefined {
  const { authorization } = asked.headers;
  if (authorization === undefined) return undefined;
  const [, token] = /^Bearer +([\w.~+/-]+=*) *$/i.exec(authorization) ?? [];
  if (token === undefined) throw unauthenticated(asked, 'the header Authorization holds no Bearer token');
  return token;
}

/** From this machine itself, and not passed on by a proxy. */
export function isLocal({ over, from, headers }: Asked): boolean {
  const passedOn = ['forwarded', 'x-forwarded-for', 'x-real-ip'].some(name => headers[name] !== undefined);
  return over === 'socket' || (isLoopback(from) && !passedOn);
}

function isLoopback(address: string): boolean {
  return /^(?:::ffff:)?127\.|^::1$/.test(address);
}

export function unauthenticated({ origin }: Asked, problem?: string): Problem {
  const challenge = [
    ...(problem === undefined ? [] : ['error="invalid_token"', `error_description="${problem}"`]),
    `resource_metadata="${origin}/.well-known/oauth-protected-resource"`,
  ];
  return new Problem(
    'unauthenticated',
    problem === undefined ? 'There is no token.' : `${problem}; expected one that counts.`,
    { 'www-authenticate': `Bearer ${challenge.join(', ')}` },
  );
}
