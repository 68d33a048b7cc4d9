/** What PostgreSQL or the way to it refused, as a PortError that says what to do. */
import { PortError } from '../model.ts';

interface Refusal {
  readonly code: string;
  readonly retry: 'later' | 'never';
  readonly found: string;
  readonly advice: string;
}

const unreachable: Refusal = {
  code: 'state-unreachable',
  retry: 'later',
  found: 'PostgreSQL does not answer there',
  advice: 'check that it runs and that this machine may connect to that host and port; it is tried again',
};
const lost: Refusal = {
  code: 'state-lost',
  retry: 'later',
  found: 'the connection was lost',
  advice: 'PostgreSQL was restarted, or the network between failed; it is tried again',
};
const silent: Refusal = {
  ...unreachable,
  found: 'PostgreSQL stopped answering',
  advice: 'look at the network between, and at its log; it is tried again',
};
const refused: Refusal = {
  code: 'state-refused',
  retry: 'never',
  found: 'PostgreSQL refuses this user',
  advice: `give the password by \${env:FLYBALL_…} in the address, by PGPASSWORD or in ~/.pgpass, and check pg_hba.conf`,
};
const busy: Refusal = {
  code: 'state-busy',
  retry: 'later',
  found: 'PostgreSQL has no room for one more connection or statement',
  advice: 'raise its max_connections (each replica takes up to 22) or its memory, or run fewer replicas',
};
const locked: Refusal = {
  code: 'state-locked',
  retry: 'later',
  found: 'a statement waited too long',
  advice:
    'look in pg_stat_activity for who holds locks; Flyball holds them for milliseconds, and a stopped replica loses them soon',
};
const contended: Refusal = {
  code: 'state-contended',
  retry: 'later',
  found: 'other transactions came between each time',
  advice: 'it is tried again',
};
const damaged: Refusal = {
  code: 'state-damaged',
  retry: 'never',
  found: 'PostgreSQL found damaged data',
  advice: "stop Flyball, look at PostgreSQL's log, restore a backup, then run 'flyball ledger verify'",
};
const full: Refusal = {
  code: 'disk-full',
  retry: 'later',
  found: "PostgreSQL's disk is full",
  advice: 'free space there, then try again; what was committed before is safe',
};

/** By SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html); a class of two characters stands for its rest. */
const refusals: Readonly<Record<string, Refusal>> = {
  '08': lost,
  '25P03': lost,
  '57P01': lost,
  '57P02': lost,
  '57P03': unreachable,
  '57P05': lost,
  '28': refused,
  '42501': {
    code: 'state-refused',
    retry: 'never',
    found: 'this user may not do that',
    advice: "let it own the schema 'flyball', or create in the database: GRANT CREATE ON DATABASE … TO …",
  },
  '3D000': {
    code: 'state-unopened',
    retry: 'never',
    found: 'there is no such database',
    advice: "make it with 'createdb', with encoding UTF8",
  },
  '25006': {
    code: 'state-read-only',
    retry: 'later',
    found: 'it may be read but not written',
    advice:
      'it is a standby, or default_transaction_read_only is on: name the primary, or let the user write again',
  },
  '53100': full,
  '53': busy,
  '55P03': locked,
  '57014': locked,
  '40001': contended,
  '40P01': contended,
  '23': {
    code: 'state-conflict',
    retry: 'never',
    found: 'it holds such a row already',
    advice: "check the ledger with 'flyball ledger verify', and report it: Flyball never writes a row twice",
  },
  XX001: damaged,
  XX002: damaged,
};

/** Of the network and of the driver, which has no codes of its own. */
const unreached = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOENT'];
const broken = ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ECONNABORTED'];
const phrases: readonly (readonly [RegExp, Refusal])[] = [
  [/timeout exceeded when trying to connect|connection timeout|timeout expired/i, unreachable],
  [/Query read timeout/, silent],
  [/Connection terminated|not queryable|connection error/i, lost],
  [/^SASL|password must be a string/, refused],
];

/** A PortError for what the server or the network refused, and the error itself for anything else. */
export function postgresFailure(error: unknown, place: string): unknown {
  if (!(error instanceof Error) || error instanceof PortError) return error;
  const refusal = refusalOf(error as Error & { code?: unknown });
  if (!refusal) return error;
  return new PortError(
    `state ${place}: ${refusal.found} (${error.message || String((error as { code?: unknown }).code)}). Nothing of this ` +
      `step was written; ${refusal.advice}.`,
    { code: refusal.code, retry: refusal.retry, subject: place, cause: error },
  );
}

/** The one case in which it is not known whether something was written. */
export function commitUnknown(error: unknown, place: string): PortError {
  return new PortError(
    `state ${place}: the connection was lost while a transaction was being committed, so it may or may not have been ` +
      'written. Look before you ask again: what was written is in the state as a whole.',
    { code: 'state-commit-unknown', retry: 'later', subject: place, cause: error },
  );
}

/** Another transaction came between: the whole may be done again. */
export function isConflict(error: unknown): boolean {
  return error instanceof PortError && error.code === contended.code;
}

/** A row is there already: written by another transaction that this one could not see yet, or by mistake. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof PortError && error.code === 'state-conflict';
}

/** The connection is of no use any more, and with it what was not committed. */
export function isLost(error: unknown): boolean {
  return error instanceof PortError && (error.code === lost.code || error.code === unreachable.code);
}

/** It was closed, so that another one may do at once: one that is silent was waited for long enough. */
export function isClosed(error: unknown): boolean {
  return error instanceof PortError && error.code === lost.code;
}

function refusalOf(error: Error & { code?: unknown }): Refusal | undefined {
  const code = typeof error.code === 'string' ? error.code : '';
  if (unreached.includes(code)) return unreachable;
  if (broken.includes(code)) return lost;
  if (/^[0-9A-Z]{5}$/.test(code)) return refusals[code] ?? refusals[code.slice(0, 2)];
  return phrases.find(([phrase]) => phrase.test(error.message))?.[1];
}
