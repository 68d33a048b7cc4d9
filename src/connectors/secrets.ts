/** Secrets of connections: looked up at the moment of a call, and sent only to the hosts that the daemon's settings allow. */
import { type ConnectionSpec, type Json, PortError } from '../model.ts';

/** A variable of the environment by its name; `main.ts` is the one place that reads it. */
export type Environment = (name: string) => string | undefined;

export interface Secrets {
  readonly environment: Environment;
  /** `secrets` of daemon.yaml: by variable, the hosts (`host` or `host:port`) that it may be sent to. */
  readonly hosts: Readonly<Record<string, readonly string[]>>;
}

/** Names of the environment variables that a connection's `auth` refers to. */
export function secretNames(auth: ConnectionSpec['auth']): readonly string[] {
  return Object.values(auth ?? {}).flatMap(value => nameOf(value) ?? []);
}

/**
 * A value of `auth`: text as it stands, or what the environment holds for `{ $env: 'FLYBALL_X' }`. Throws PortError
 * `unreachable` when it is not set, or when daemon.yaml does not let it go to this host: a policy repository alone can
 * send no secret anywhere.
 */
export function secretValue(value: Json, connection: ConnectionSpec, url: URL, secrets: Secrets): string {
  const name = nameOf(value);
  if (name === undefined) return String(value);
  return secretFor(name, url, secrets, `connection ${connection.name}`);
}

/** What the environment holds for a name, if daemon.yaml lets it go to this host. `where` names what wants it, in errors. */
export function secretFor(name: string, url: URL, secrets: Secrets, where: string): string {
  if (!name.startsWith('FLYBALL_'))
    throw refused(where, `${name} is no name of a secret`, 'expected one that begins with FLYBALL_');
  const allowed = Object.hasOwn(secrets.hosts, name) ? secrets.hosts[name] : undefined;
  if (!(allowed ?? []).some(host => isHost(host, url)))
    throw refused(
      where,
      allowed === undefined
        ? `daemon.yaml does not say to which hosts ${name} may be sent`
        : `daemon.yaml lets ${name} go to ${allowed.join(', ')} only`,
      `add to it: secrets: { ${name}: [${bareHost(url)}] }`,
    );
  const found = secrets.environment(name);
  if (found === undefined || found === '')
    throw refused(where, `the environment variable ${name} is not set`, 'set it where the daemon is started');
  return found;
}

/**
 * Text of daemon.yaml, an address, with each `${env:FLYBALL_X}` replaced by what the environment holds, escaped unless it is
 * the whole. `where` names the file and the key. Throws PortError when a variable is not set, or is none of Flyball's.
 */
export function filled(text: string, where: string, environment: Environment): string {
  return text.replace(/\$\{([^}]*)\}/g, (written, inner: string) => {
    const [, name] = /^env:(FLYBALL_[A-Z0-9_]+)$/.exec(inner) ?? [];
    const value = name === undefined ? undefined : environment(name);
    if (value !== undefined && value !== '') return written === text ? value : encodeURIComponent(value);
    const why =
      name === undefined
        ? `found ${written}; expected \${env:FLYBALL_…}, a variable whose name begins with FLYBALL_, in capitals`
        : `the environment variable ${name} is not set; set it where the daemon is started`;
    throw new PortError(`${where}: ${why}.`, { code: 'config', retry: 'never', subject: where });
  });
}

/** The value without the secrets that a server may have sent back. */
export function withoutSecrets(text: string, values: readonly string[]): string {
  return values.reduce((left, value) => (value === '' ? left : left.replaceAll(value, '***')), text);
}

function nameOf(value: Json): string | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  const { $env: name } = value as { readonly $env?: Json };
  return typeof name === 'string' ? name : undefined;
}

function isHost(allowed: string, url: URL): boolean {
  const wanted = allowed.toLowerCase();
  return wanted === bareHost(url) || wanted === url.hostname || wanted === `${bareHost(url)}:${portOf(url)}`;
}

function portOf(url: URL): string {
  return url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
}

/** IPv6 addresses without their brackets. */
function bareHost(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

function refused(where: string, found: string, todo: string): PortError {
  return new PortError(`${where}: ${found}; ${todo}.`, {
    code: 'unreachable',
    retry: 'later',
    subject: where.replace(/^connection /, ''),
  });
}
