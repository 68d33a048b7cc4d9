/** The state of a home as its database holds it, read beside a running daemon without disturbing it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { EntryBody, EntryKind } from '../../src/model.ts';

export interface Line {
  readonly chain: string;
  readonly seq: number;
  readonly at: number;
  readonly body: EntryBody;
}

export interface ActionLine {
  readonly key: string;
  readonly id: string;
  readonly verb: string;
  readonly state: string;
  readonly attempt: number;
}

/** Entries of all chains in the order in which they were written; of one kind when it is named. */
export function entriesOf<K extends EntryKind>(
  state: string,
  kind?: K,
): readonly (Line & { readonly body: Extract<EntryBody, { kind: K }> })[] {
  const where = kind === undefined ? '' : 'WHERE kind = ?';
  const values = kind === undefined ? [] : [kind];
  const sql = `SELECT chain, seq, at, body FROM entries ${where} ORDER BY rowid`;
  return reading(state, db => db.prepare(sql).all(...values)).map(row => ({
    chain: String(row.chain),
    seq: Number(row.seq),
    at: Number(row.at),
    body: JSON.parse(String(row.body)),
  }));
}

/** Rows of the actions table, oldest first. */
export function actionsOf(state: string): readonly ActionLine[] {
  return reading(state, db =>
    db.prepare('SELECT key, id, verb, state, attempt FROM actions ORDER BY rowid').all(),
  ).map(row => ({
    key: String(row.key),
    id: String(row.id),
    verb: String(row.verb),
    state: String(row.state),
    attempt: Number(row.attempt),
  }));
}

/** The commit in force. */
export function commitInForce(state: string): string | undefined {
  const [row] = reading(state, db => db.prepare('SELECT sha FROM revision').all());
  return row === undefined ? undefined : String(row.sha);
}

/** Titles of the messages in the outbox, oldest first. */
export function messagesOf(state: string): readonly { readonly title: string; readonly text: string }[] {
  return reading(state, db => db.prepare('SELECT title, text FROM outbox ORDER BY rowid').all()).map(row => ({
    title: String(row.title),
    text: String(row.text),
  }));
}

type Row = Readonly<Record<string, unknown>>;

function reading(state: string, look: (db: DatabaseSync) => readonly unknown[]): readonly Row[] {
  const path = join(state, 'flyball.db');
  if (!existsSync(path)) return [];
  const db = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  try {
    return look(db) as readonly Row[];
  } catch (error) {
    // Its maker has not got as far as the tables.
    if (error instanceof Error && /no such table|unable to open/.test(error.message)) return [];
    throw error;
  } finally {
    db.close();
  }
}
