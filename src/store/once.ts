/** Calls under a key of whoever asked: begun once, and answered the same ever after. */
import type { Json, Store } from '../model.ts';
import { json, parse } from './rows.ts';
import type { Session } from './session.ts';

type Begin = Parameters<Store['beginOnce']>;

/** As the model's `Store` says it. */
export async function beginOnce(
  db: Session,
  key: Begin[0],
  { digest, at }: Begin[1],
  { keptFrom, deadBefore }: Begin[2],
): Promise<{ readonly digest: string; readonly answer?: Json } | undefined> {
  await db.run('DELETE FROM once WHERE at < ?1', keptFrom);
  await db.run('DELETE FROM once WHERE key = ?1 AND answer IS NULL AND at < ?2', key, deadBefore);
  const begun = await db.run(
    'INSERT INTO once (key, at, digest, answer) VALUES (?1, ?2, ?3, NULL) ON CONFLICT (key) DO NOTHING',
    key,
    at,
    digest,
  );
  if (begun === 1) return undefined;
  const row = await db.get<{ digest: string; answer: string | null }>(
    'SELECT digest, answer FROM once WHERE key = ?1',
    key,
  );
  if (!row) return undefined;
  return {
    digest: row.digest,
    ...(row.answer === null ? {} : { answer: parse<Json>(row.answer, 'an answer') }),
  };
}

/** As the model's `Store` says it. */
export async function endOnce(db: Session, key: string, answer: Json | undefined): Promise<void> {
  if (answer === undefined) await db.run('DELETE FROM once WHERE key = ?1 AND answer IS NULL', key);
  else await db.run('UPDATE once SET answer = ?2 WHERE key = ?1', key, json(answer));
}
