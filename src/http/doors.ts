/** All doors of one daemon: the address of daemon.yaml, and the socket of its own user. Both lead to the same routes. */
import { LIMITS, type Ports, refusalCounter } from '../commands/index.ts';
import { PortError } from '../model.ts';
import { apiRoutes } from './api.ts';
import { docsRoutes } from './api-docs.ts';
import { changesRoute } from './changes.ts';
import { type Door, type DoorOptions, openDoor } from './door.ts';
import { hookRoutes } from './hooks.ts';
import { type Identify, identifying, isLocal, resourceMetadata } from './identify.ts';
import { verifying } from './jwt.ts';
import { oidcLogin } from './oidc-login.ts';
import { ownName } from './own-name.ts';
import { pageRoutes } from './pages.ts';
import { requireSafe, tlsOf } from './reachable.ts';
import type { Asked, Route } from './route.ts';
import { openSocket } from './socket.ts';
import { type Traffic, trafficOf } from './traffic.ts';

/** What other parts of Flyball make their routes of. Pages, which know people by other means, count them by `traffic`. */
export interface Mounted {
  readonly ports: Ports;
  readonly identify: Identify;
  readonly traffic: Traffic;
  /** The address is one of TLS, its own or a proxy's. */
  readonly secure: boolean;
}
export type Mount = (of: Mounted) => readonly Route[];

export interface DoorsOptions {
  /** What anybody may ask: under `trust: tokens` its `/metrics` only from this machine, else with a token. */
  readonly open: readonly Route[];
  readonly mounts: readonly Mount[];
  /** The path of the socket; absent: there is none. */
  readonly socket?: string | undefined;
  readonly behindProxy: boolean;
  /** Of this program. */
  readonly version: string;
  /** Of this Flyball at the identity provider, for people's logins. */
  readonly clientSecret?: string | undefined;
}

/** Opens them; gives how to close them. Throws PortError when the address of daemon.yaml cannot be had, or must not be. */
export async function openDoors(given: Ports, options: DoorsOptions): Promise<() => Promise<void>> {
  const { socket, behindProxy } = options;
  const { listen, trust } = given.settings;
  if (listen) requireSafe(listen, trust, behindProxy);
  const ports = { ...given, refusals: refusalCounter() };
  const { log } = ports.world;
  const { admit, originOf } = ownName(listen, behindProxy);
  const shared = { routes: routesOf(ports, options), admit, originOf, log };
  const doors: Door[] = [];
  if (listen) {
    const tls = listen.tls && (await tlsOf(listen.tls, ports.settings.home));
    const door = await openDoor(listen, { ...shared, over: 'tcp', behindProxy }, tls);
    doors.push(door);
    log.info({ url: door.url }, 'http door open');
  }
  if (socket !== undefined) {
    const door = await socketAt(socket, shared);
    if (door) doors.push(door);
  }
  return async () => {
    await Promise.all(doors.map(door => door.close()));
  };
}

/** Without it commands still work, each in its own process. */
async function socketAt(path: string, options: Omit<DoorOptions, 'over'>): Promise<Door | undefined> {
  return openSocket(path, options).catch(error => {
    if (!(error instanceof PortError)) throw error;
    options.log.warn({ error: error.message }, 'socket not open');
    return undefined;
  });
}

function routesOf(
  ports: Ports,
  { open, mounts, behindProxy, clientSecret, version }: DoorsOptions,
): readonly Route[] {
  const { settings, world } = ports;
  const { listen, oidc } = settings;
  const traffic = trafficOf(listen?.limits ?? LIMITS);
  const verify = oidc && verifying(oidc, settings, world.log, world.realClock);
  const identify = identifying(ports, { user: ports.principal.name, traffic, behindProxy, verify });
  const secure = listen?.tls !== undefined || behindProxy;
  const own = { ports, identify, traffic, secure };
  return [
    ...open.map(route => guarded(route, own, behindProxy)),
    ...(['', '/mcp'] as const).map(path => metadataRoute(path, traffic, oidc?.issuer)),
    ...apiRoutes(ports, identify),
    changesRoute(ports, identify, traffic),
    ...docsRoutes(ports, traffic, version),
    ...hookRoutes(own),
    ...mounts.flatMap(mount => mount(own)),
    ...pageRoutes({ ...own, oidc: oidcLogin(ports, clientSecret) }),
  ];
}

/** What is open to anybody is counted by address; figures of the whole fleet are for this machine and for whoever may read. */
function guarded(route: Route, { ports, identify, traffic }: Mounted, behindProxy: boolean): Route {
  const { GET } = route.answers;
  if (!GET) return route;
  const here = (asked: Asked) => !behindProxy && isLocal(asked);
  const answer = async (asked: Asked) => {
    if (route.path === '/metrics' && ports.settings.trust === 'tokens' && !here(asked))
      await identify(asked, 'http');
    else await traffic.unknown(asked);
    return GET(asked);
  };
  return { ...route, answers: { GET: answer } };
}

function metadataRoute(path: '' | '/mcp', traffic: Traffic, issuer: string | undefined): Route {
  const answer = async (asked: Asked) => {
    await traffic.unknown(asked);
    const body = JSON.stringify(resourceMetadata(asked, issuer, path));
    return { status: 200, type: 'application/json', body };
  };
  return { path: `/.well-known/oauth-protected-resource${path}`, answers: { GET: answer } };
}
