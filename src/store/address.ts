/** Where a state is: a folder, or a database by its address. */
import { PortError } from '../model.ts';

/** True for a state that is on PostgreSQL, not in a folder. */
export function isPostgres(state: string): boolean {
  return /^postgres(ql)?:\/\//.test(state);
}

/** Where a state is, without what may be secret in an address: password and options. */
export function placeOf(state: string): string {
  if (!isPostgres(state)) return state;
  if (!URL.canParse(state)) {
    throw new PortError(
      "state: what 'state' gives is no address; expected postgres://user@host:port/database, with special characters of " +
        'a password written as %XX.',
      { code: 'config', retry: 'never', subject: 'state' },
    );
  }
  const { protocol, username, host, pathname } = new URL(state);
  return `${protocol}//${username === '' ? '' : `${username}@`}${host}${pathname}`;
}
