/** Facts that entries say, derived again and put right: pauses and silences, locks, and what targets were acted on. */
import type { EntryBody, Json } from '../model.ts';
import { FLEET } from './chain.ts';
import type { FactsOfEntries, Folding, KeyedFact } from './refold.ts';
import { refold } from './refold.ts';
import { type ActionRecord, actionRowOf, endOfPrefix, json, live, parse, selectActions } from './rows.ts';
import type { Session } from './session.ts';

/** Pauses and silences, from the fleet's chain. */
export async function rebuildStanding(
  db: Session,
  folding: Folding,
  facts: FactsOfEntries,
): Promise<string[]> {
  const { folded } = await refold(db, FLEET, folding);
  const right = folded.standing.flatMap(one => facts.standing(one) ?? []);
  return [...(await putRight(db, 'pause:', right)), ...(await putRight(db, 'silence:', right))];
}

/**
 * Locks, from the actions that live, whose rows are right by now, and from who said that they wait for them. All chains at one
 * moment: a lock that is taken meanwhile must not be lost.
 */
export async function rebuildLocks(db: Session, facts: FactsOfEntries): Promise<string[]> {
  const rows = await db.all<ActionRecord>(`${selectActions} WHERE ${live} ORDER BY intended_at, nr`);
  const holders = rows.map(actionRowOf);
  const waiting = holders.length === 0 ? [] : await adoptions(db, holders[0]?.intendedAt ?? 0);
  const right = holders.flatMap(({ action, chain, intendedAt: since }) => {
    const adopters = waiting
      .filter(one => one.running === action.id && one.at >= since)
      .map(one => one.chain);
    return facts.lock({ action, chain, since, adopters }) ?? [];
  });
  return putRight(db, 'lock:', right);
}

async function adoptions(db: Session, since: number) {
  const rows = await db.all<{ chain: string; at: number; body: string }>(
    "SELECT chain, at, body FROM entries WHERE kind = 'adopted' AND at >= ?1 ORDER BY at, chain, seq",
    since,
  );
  const waiting = new Map<string, { chain: string; at: number; running: string }>();
  for (const { chain, at, body: text } of rows) {
    const body = parse<EntryBody>(text, `an entry of ${chain}`);
    if (body.kind !== 'adopted') continue;
    const { running, outcome, episode } = body;
    const who = `${chain} ${episode} ${running}`;
    // Who was told how it ended waits no longer, also when the action lives on.
    if (outcome === undefined) waiting.set(who, { chain, at, running });
    else waiting.delete(who);
  }
  return [...waiting.values()];
}

/** What is known of what a target was acted on; null when nothing is, or it cannot be read. */
export async function knownActed(db: Session, key: string): Promise<Json> {
  const row = await db.get<{ value: string | null }>('SELECT value FROM facts WHERE key = ?1', key);
  try {
    return JSON.parse(row?.value ?? 'null') as Json;
  } catch {
    return null;
  }
}

/** What a target was acted on: `right` is null when nothing was said. */
export function rebuildActed(db: Session, key: string, right: Json): Promise<string[]> {
  return putRight(db, key, right === null ? [] : [{ key, value: right }], 'one');
}

/** Makes the facts of a prefix, or the one of that key, those of `right` that begin so. Of one key, the last counts. */
async function putRight(
  db: Session,
  prefix: string,
  right: readonly KeyedFact[],
  which: 'one' | 'all' = 'all',
): Promise<string[]> {
  const rows = await db.all<{ key: string; value: string }>(
    `SELECT key, value FROM facts WHERE ${which === 'one' ? 'key = ?1' : 'key >= ?1 AND key < ?2'}
     AND value IS NOT NULL ORDER BY key`,
    ...(which === 'one' ? [prefix] : [prefix, endOfPrefix(prefix)]),
  );
  const stored = new Map(rows.map(({ key, value }) => [key, value]));
  const texts = new Map(
    right.filter(({ key }) => key.startsWith(prefix)).map(({ key, value }) => [key, json(value)]),
  );
  const differences: string[] = [];
  for (const key of [...new Set([...stored.keys(), ...texts.keys()])].sort()) {
    const [is, should] = [stored.get(key), texts.get(key)];
    if (is === should) continue;
    await db.run(
      `INSERT INTO facts (key, version, value) VALUES (?1, 1, ?2)
       ON CONFLICT (key) DO UPDATE SET version = facts.version + 1, value = excluded.value`,
      ...[key, should ?? null],
    );
    if (is === undefined) differences.push(`fact ${key} was missing`);
    else
      differences.push(
        `fact ${key} ${should === undefined ? 'is of no entry' : 'differed from the entries'}`,
      );
  }
  return differences;
}
