/** All doors of one daemon: the address of daemon.yaml, and the socket of its own user. Both lead to the same routes. */
import { type Ports, refusalCounter } from '../commands/index.ts';
import { PortError } from '../model.ts';
import { apiRoutes } from './api.ts';
import { type Door, openDoor } from './door.ts';
import { type Identify, identifying } from './identify.ts';
import { admitHost } from './own-name.ts';
import type { Route } from './route.ts';
import { openSocket } from './socket.ts';

/** Routes of another part of Flyball, at the daemon's door. */
export type Mount = (of: { readonly ports: Ports; readonly identify: Identify }) => readonly Route[];

export interface DoorsOptions {
  /** What anybody may ask. */
  readonly open: readonly Route[];
  readonly mounts: readonly Mount[];
  /** The path of the socket; absent: there is none. */
  readonly socket?: string | undefined;
}

/** Opens them; gives how to close them. Throws PortError when the address of daemon.yaml cannot be had. */
export async function openDoors(
  given: Ports,
  { open, mounts, socket }: DoorsOptions,
): Promise<() => Promise<void>> {
  const ports = { ...given, refusals: refusalCounter() };
  const { log } = ports.world;
  const identify = identifying(ports, ports.principal.name);
  const own = { ports, identify };
  const routes = [...open, ...apiRoutes(ports, identify), ...mounts.flatMap(mount => mount(own))];
  const doors: Door[] = [];
  const { listen } = ports.settings;
  if (listen) {
    const door = await openDoor(listen, { routes, over: 'tcp', admit: admitHost, log });
    doors.push(door);
    log.info({ url: door.url }, 'http door open');
  }
  if (socket !== undefined) {
    const door = await openSocket(socket, { routes, log }).catch(error => {
      if (!(error instanceof PortError)) throw error;
      log.warn({ error: error.message }, 'socket not open');
    });
    if (door) doors.push(door);
  }
  return async () => {
    await Promise.all(doors.map(door => door.close()));
  };
}
