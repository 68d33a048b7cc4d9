/** Opaque cursors: where a list goes on, for the one who asked and for that list only. */
import { canonical } from '../canonical.ts';
import type { Json, JsonObject } from '../model.ts';
import { isSame, markOf } from '../sealing.ts';
import type { Ports } from './ports.ts';
import { Refusal } from './refusal.ts';

/** Inputs of a list beside its filters. */
export interface Paging {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** One page of a list: `next` is the cursor of the page after it, absent on the last one. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

type Sealing = Pick<Ports, 'principal' | 'sealingKey'>;

/** What a cursor is about: the list's name and its filters. A cursor of another list, or of somebody else, is refused. */
export interface ListOf {
  readonly list: string;
  readonly filters: JsonObject;
}

/** The text that stands for a position. */
export async function sealCursor(ports: Sealing, of: ListOf, position: Json): Promise<string> {
  const body = Buffer.from(canonical(position)).toString('base64url');
  return `${body}.${await mark(ports, of, body)}`;
}

/** The position of a cursor; undefined for none. Throws Refusal for one that was not given for this list to this principal. */
export async function openCursor(
  ports: Sealing,
  of: ListOf,
  cursor: string | undefined,
): Promise<Json | undefined> {
  if (cursor === undefined) return undefined;
  const [body = '', given = ''] = cursor.split('.');
  if (!isSame(given, await mark(ports, of, body)))
    throw new Refusal(
      'cursor: not one that this list gave you with these filters; begin again without a cursor.',
    );
  return JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as Json;
}

/**
 * The page of a list that is at hand as a whole, in a fixed order. `keyOf` is unique, and a page goes on after the last one's
 * key, also when that is gone: keys ascend.
 */
export async function pageOf<T>(
  ports: Sealing,
  of: ListOf,
  { limit, cursor }: Paging,
  all: readonly T[],
  keyOf: (one: T) => string,
): Promise<Page<T>> {
  const after = await openCursor(ports, of, cursor);
  const sorted = [...all].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const rest = typeof after === 'string' ? sorted.filter(one => keyOf(one) > after) : sorted;
  const items = rest.slice(0, limit);
  const last = items.at(-1);
  if (rest.length <= limit || last === undefined) return { items };
  return { items, next: await sealCursor(ports, of, keyOf(last)) };
}

async function mark(
  { principal, sealingKey }: Sealing,
  { list, filters }: ListOf,
  body: string,
): Promise<string> {
  const text = canonical({ list, filters, by: principal.name, body });
  return markOf(await sealingKey(), text);
}
