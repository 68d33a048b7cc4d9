/** What makes a chain a chain: the text that an entry's hash is over. Pure. */
import { canonical, sha256 } from '../canonical.ts';

/** `prev` of a chain's first entry. */
export const GENESIS = '0'.repeat(64);

/** The chain of everything that is not about one target: pauses, audits, revisions, anchors. */
export const FLEET = 'fleet';

/** Version of the entry's shape, kept in every entry. */
export const ENTRY_VERSION = 1;

/**
 * The hash of an entry: SHA-256 over the canonical JSON of `{ chain, seq, v, at, body, prev }`, as 64 hex digits. `body`
 * is already canonical JSON and is taken as it stands, so that the stored text itself is what is proved: a change that
 * parses to the same value is found too. `at`, `seq` and `v` are integers, as text when they come from a row.
 */
export function entryHash(entry: {
  readonly chain: string;
  readonly seq: number | string;
  readonly v: number | string;
  readonly at: number | string;
  readonly body: string;
  readonly prev: string;
}): string {
  const { chain, seq, v, at, body, prev } = entry;
  // The keys of the canonical form, in its order; only the body is long, and it is not made canonical twice.
  return sha256(
    `{"at":${at},"body":${body},"chain":${canonical(chain)},"prev":${canonical(prev)},"seq":${seq},"v":${v}}`,
  );
}
