/** Bearer tokens: made for a principal of daemon.yaml, shown once, kept as hashes, ending by themselves or when they are revoked. */
import { hashOf } from '../canonical.ts';
import type { Json, JsonObject, Store } from '../model.ts';
import { isSame, randomText } from '../sealing.ts';
import { ROLES, type Role } from './command.ts';

const PREFIX = 'token:';
/** `fb_<id>_<secret>`: the id names it in lists and in the ledger, the secret is 256 random bits. */
const FORM = /^fb_([a-z0-9]{10})_([\w-]{43})$/;

export interface TokenRecord {
  readonly id: string;
  readonly principal: string;
  /** SHA-256 of the secret, which is random: nothing is to be guessed. */
  readonly hash: string;
  /** No more than this, whatever the principal may. */
  readonly role?: Role;
  readonly note: string;
  readonly by: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly revokedAt?: number;
}

/** A new token: its text, which is never kept, and what is. */
export function newToken(of: Omit<TokenRecord, 'id' | 'hash'>): {
  readonly text: string;
  readonly record: TokenRecord;
} {
  const id = hashOf(randomText(16)).slice(0, 10);
  const secret = randomText(32);
  return { text: `fb_${id}_${secret}`, record: { ...of, id, hash: hashOf(secret) } };
}

export async function keepToken(store: Store, record: TokenRecord): Promise<void> {
  await store.transaction(tx => tx.setFact(`${PREFIX}${record.id}`, { ...record }));
}

/** All of them, also those that ended, the newest first. */
export async function readTokens(store: Pick<Store, 'factsWithPrefix'>): Promise<readonly TokenRecord[]> {
  const facts = await store.factsWithPrefix(PREFIX);
  return Object.values(facts)
    .flatMap(({ value }) => recordOf(value) ?? [])
    .sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1));
}

/** Why a token is none that counts; its record otherwise. Says the same of an unknown one and of a wrong secret. */
export async function checkToken(
  store: Pick<Store, 'facts'>,
  text: string,
  now: number,
): Promise<TokenRecord | { readonly problem: string }> {
  const [, id, secret] = FORM.exec(text) ?? [];
  if (id === undefined || secret === undefined) return UNKNOWN;
  const record = await readToken(store, id);
  const right = isSame(hashOf(secret), record?.hash ?? hashOf(''));
  return right ? valid(record, now) : UNKNOWN;
}

/** The same of a token that was shown before, by its id. */
export async function recheckToken(
  store: Pick<Store, 'facts'>,
  id: string,
  now: number,
): Promise<TokenRecord | { readonly problem: string }> {
  return valid(await readToken(store, id), now);
}

const UNKNOWN = { problem: 'this token is not known here' };

async function readToken(store: Pick<Store, 'facts'>, id: string): Promise<TokenRecord | undefined> {
  const key = `${PREFIX}${id}`;
  return recordOf((await store.facts([key]))[key]?.value ?? null);
}

function valid(record: TokenRecord | undefined, now: number): TokenRecord | { readonly problem: string } {
  if (record === undefined) return UNKNOWN;
  if (record.revokedAt !== undefined) return { problem: 'this token was revoked' };
  if (now >= record.expiresAt) return { problem: 'this token has expired' };
  return record;
}

function recordOf(value: Json): TokenRecord | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { id, principal, hash, role, note, by, createdAt, expiresAt, revokedAt } = value as JsonObject;
  if (typeof id !== 'string' || typeof principal !== 'string' || typeof hash !== 'string') return undefined;
  if (typeof createdAt !== 'number' || typeof expiresAt !== 'number') return undefined;
  return {
    ...{ id, principal, hash, createdAt, expiresAt },
    ...{ note: String(note ?? ''), by: String(by ?? '') },
    ...(ROLES.includes(role as Role) ? { role: role as Role } : {}),
    ...(typeof revokedAt === 'number' ? { revokedAt } : {}),
  };
}
