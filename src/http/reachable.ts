/** Who can reach the door: beyond this machine only with proof of who asks, and with TLS, its own or a proxy's. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { DaemonSettings, Listen } from '../commands/index.ts';
import { PortError } from '../model.ts';

/** Throws PortError for an address that must not be opened. */
export function requireSafe(listen: Listen, trust: DaemonSettings['trust'], behindProxy: boolean): void {
  const { host, port, tls } = listen;
  const beyond = !/^(?:localhost|127\.|::1$)/i.test(host);
  const refuse = (why: string) => {
    throw new PortError(`daemon.yaml: listen ${host}:${port}: ${why}`, {
      ...{ code: 'listen', retry: 'never', subject: `${host}:${port}` },
    });
  };
  if (trust === 'local-user' && (beyond || behindProxy))
    refuse(
      'under trust: local-user whoever reaches it is this machine’s user; expected a loopback address without a proxy. Say trust: tokens, and make tokens by ‘flyball token create’.',
    );
  if (beyond && !tls && !behindProxy)
    refuse(
      'tokens would cross the network as they are; expected listen.tls with cert and key, or a proxy with TLS before it and ‘flyball run --behind-proxy’.',
    );
}

/** The certificate and its key. Throws PortError when they cannot be read. */
export async function tlsOf(
  { cert, key }: NonNullable<Listen['tls']>,
  home: string,
): Promise<{ readonly cert: Buffer; readonly key: Buffer }> {
  const read = (name: 'cert' | 'key', path: string) =>
    readFile(resolve(home, path)).catch(cause => {
      throw new PortError(
        `daemon.yaml: listen.tls.${name}: ${path} cannot be read (${(cause as NodeJS.ErrnoException).code}); expected a PEM file.`,
        { code: 'listen', retry: 'never', subject: path, cause },
      );
    });
  return { cert: await read('cert', cert), key: await read('key', key) };
}
