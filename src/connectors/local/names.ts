/** Checks of names that become parts of paths, so that none of them leads out of its folder. */
import { resolve } from 'node:path';
import { type ConnectionSpec, PortError } from '../../model.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const KEY = /^[a-z][a-z0-9]{0,63}$/;

/** The name itself, when it is safe as one part of a path; `what` says in the error which name it is. Throws PortError. */
export function checkedName(name: unknown, what: string): string {
  if (typeof name === 'string' && NAME.test(name)) return name;
  throw new PortError(
    `${what} is ${JSON.stringify(name)?.slice(0, 200)}; expected letters, digits, '.', '_' and '-', beginning with a letter or digit, at most 128`,
    { code: 'bad-name', retry: 'never', subject: what },
  );
}

/** True when a text is an effect's key. */
export function isKey(text: unknown): text is string {
  return typeof text === 'string' && KEY.test(text);
}

/** The key itself, when it is one: a lower-case letter and then such letters and digits. Throws PortError. */
export function checkedKey(key: string): string {
  if (isKey(key)) return key;
  throw new PortError(`effect key is ${JSON.stringify(key)}; expected a-z and 0-9, at most 64`, {
    code: 'bad-key',
    retry: 'never',
    subject: key,
  });
}

/** The absolute folder of a local connection; its `path` is relative to `home`. */
export function rootOf(home: string, connection: ConnectionSpec): string {
  return resolve(home, connection.path ?? '.');
}
