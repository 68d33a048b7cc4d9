/** Where people find the daemon's pages. Pure. */

/** The part of `listen` in daemon.yaml that says it. */
interface Listening {
  readonly host: string;
  readonly port: number;
  readonly tls?: unknown;
  readonly hosts?: readonly string[] | undefined;
  readonly publicUrl?: string | undefined;
}

/** The address of a path; undefined where no door is open, or nobody can tell by which name and port. */
export function pageUrlOf(listen: Listening | undefined, path: string): string | undefined {
  if (listen?.publicUrl !== undefined) return `${listen.publicUrl}${path}`;
  if (listen === undefined || listen.port === 0) return undefined;
  const { host, port, tls, hosts } = listen;
  const everywhere = host === '0.0.0.0' || host === '::';
  const name = everywhere ? hosts?.[0] : host.includes(':') ? `[${host}]` : host;
  if (name === undefined) return undefined;
  const place = /:\d+$/.test(name) ? name : `${name}:${port}`;
  return `${tls ? 'https' : 'http'}://${place}${path}`;
}
