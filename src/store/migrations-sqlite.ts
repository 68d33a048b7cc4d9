/**
 * The schema on SQLite, as numbered steps that are never edited once released: the next change is the next step, here and in
 * the list for PostgreSQL. They stand here as text, not as .sql files, so that the published package cannot lack them.
 *
 * Times are milliseconds. `due_at` is REAL because "never" is infinity. JSON columns hold canonical JSON.
 */
import type { Schema } from './database.ts';

const steps: readonly string[] = [
  `
  -- The last entry of every chain, so that an append reads one row and a cut tail is seen.
  CREATE TABLE heads (
    chain TEXT PRIMARY KEY,
    seq   INTEGER NOT NULL,
    hash  TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE entries (
    chain TEXT NOT NULL,
    seq   INTEGER NOT NULL,
    v     INTEGER NOT NULL,
    kind  TEXT NOT NULL,
    at    INTEGER NOT NULL,
    body  TEXT NOT NULL,
    prev  TEXT NOT NULL,
    hash  TEXT NOT NULL,
    PRIMARY KEY (chain, seq)
  ) STRICT;

  CREATE TABLE targets (
    chain         TEXT PRIMARY KEY REFERENCES heads (chain),
    kind          TEXT NOT NULL,
    name          TEXT NOT NULL,
    version       INTEGER NOT NULL,
    own           TEXT NOT NULL,
    fold_version  INTEGER NOT NULL,
    due_at        REAL NOT NULL,
    last_taken_at REAL,
    last          TEXT
  ) STRICT;
  CREATE INDEX targets_due ON targets (due_at);

  -- A fact whose value is NULL was deleted; its row stays, so that its version never falls.
  CREATE TABLE facts (
    key     TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    value   TEXT
  ) STRICT;

  -- Policies are kept once by their own text; the revision names them with the commit each was compiled from.
  CREATE TABLE revision (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    sha  TEXT NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE TABLE closures (
    id           TEXT NOT NULL UNIQUE,
    closure_hash TEXT NOT NULL,
    first_commit TEXT NOT NULL,
    body         TEXT NOT NULL
  ) STRICT;
  CREATE INDEX closures_hash ON closures (closure_hash);

  CREATE TABLE actions (
    key              TEXT PRIMARY KEY,
    id               TEXT NOT NULL,
    attempt          INTEGER NOT NULL,
    chain            TEXT NOT NULL,
    subject          TEXT NOT NULL,
    verb             TEXT NOT NULL,
    state            TEXT NOT NULL,
    handle           TEXT,
    due_at           REAL NOT NULL,
    polls            INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL,
    intended_at      REAL NOT NULL,
    action           TEXT NOT NULL,
    UNIQUE (id, attempt)
  ) STRICT;
  CREATE INDEX actions_chain ON actions (chain);
  CREATE INDEX actions_live ON actions (due_at)
    WHERE state NOT IN ('succeeded', 'failed', 'timed-out', 'cancelled', 'withdrawn');

  CREATE TABLE ticks (
    chain    TEXT NOT NULL,
    from_seq INTEGER NOT NULL,
    to_seq   INTEGER NOT NULL,
    snapshot TEXT NOT NULL,
    facts    TEXT NOT NULL,
    closures TEXT NOT NULL
  ) STRICT;
  CREATE INDEX ticks_chain ON ticks (chain);

  CREATE TABLE observations (
    chain    TEXT NOT NULL,
    taken_at REAL NOT NULL,
    policy   TEXT NOT NULL,
    name     TEXT NOT NULL,
    body     TEXT NOT NULL
  ) STRICT;
  CREATE INDEX observations_chain ON observations (chain, taken_at);

  CREATE TABLE outbox (
    key      TEXT PRIMARY KEY,
    at       REAL NOT NULL,
    severity TEXT NOT NULL,
    target   TEXT NOT NULL,
    title    TEXT NOT NULL,
    text     TEXT NOT NULL
  ) STRICT;

  CREATE TABLE profiles (hash TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT;
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  `,
  `
  -- Channels, group, labels and silence of a message, as JSON.
  ALTER TABLE outbox ADD COLUMN more TEXT NOT NULL DEFAULT '{}';
  `,
  `
  -- Order by a column of its own, which every copy keeps; leases, claims and heartbeats for machines that share a state.
  ALTER TABLE actions RENAME TO actions_before;
  DROP INDEX actions_chain;
  DROP INDEX actions_live;
  CREATE TABLE actions (
    nr               INTEGER PRIMARY KEY,
    key              TEXT NOT NULL UNIQUE,
    id               TEXT NOT NULL,
    attempt          INTEGER NOT NULL,
    chain            TEXT NOT NULL,
    subject          TEXT NOT NULL,
    verb             TEXT NOT NULL,
    state            TEXT NOT NULL,
    handle           TEXT,
    due_at           REAL NOT NULL,
    polls            INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL,
    intended_at      REAL NOT NULL,
    epoch            INTEGER NOT NULL,
    lease_until      REAL NOT NULL,
    owner            TEXT,
    action           TEXT NOT NULL,
    UNIQUE (id, attempt)
  ) STRICT;
  INSERT INTO actions SELECT rowid, key, id, attempt, chain, subject, verb, state, handle, due_at, polls,
    cancel_requested, intended_at, 0, 0, NULL, action FROM actions_before;
  DROP TABLE actions_before;
  CREATE INDEX actions_chain ON actions (chain);
  CREATE INDEX actions_live ON actions (due_at)
    WHERE state NOT IN ('succeeded', 'failed', 'timed-out', 'cancelled', 'withdrawn');

  ALTER TABLE closures RENAME TO closures_before;
  DROP INDEX closures_hash;
  CREATE TABLE closures (
    nr           INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    closure_hash TEXT NOT NULL,
    first_commit TEXT NOT NULL,
    body         TEXT NOT NULL
  ) STRICT;
  INSERT INTO closures SELECT rowid, id, closure_hash, first_commit, body FROM closures_before;
  DROP TABLE closures_before;
  CREATE INDEX closures_hash ON closures (closure_hash);

  ALTER TABLE outbox RENAME TO outbox_before;
  CREATE TABLE outbox (
    nr       INTEGER PRIMARY KEY,
    key      TEXT NOT NULL UNIQUE,
    at       REAL NOT NULL,
    severity TEXT NOT NULL,
    target   TEXT NOT NULL,
    title    TEXT NOT NULL,
    text     TEXT NOT NULL,
    more     TEXT NOT NULL
  ) STRICT;
  INSERT INTO outbox SELECT rowid, key, at, severity, target, title, text, more FROM outbox_before;
  DROP TABLE outbox_before;

  ALTER TABLE observations RENAME TO observations_before;
  DROP INDEX observations_chain;
  CREATE TABLE observations (
    nr       INTEGER PRIMARY KEY,
    chain    TEXT NOT NULL,
    taken_at REAL NOT NULL,
    policy   TEXT NOT NULL,
    name     TEXT NOT NULL,
    body     TEXT NOT NULL
  ) STRICT;
  INSERT INTO observations SELECT rowid, chain, taken_at, policy, name, body FROM observations_before;
  DROP TABLE observations_before;
  CREATE INDEX observations_chain ON observations (chain, taken_at);

  DROP INDEX ticks_chain;
  CREATE UNIQUE INDEX ticks_from ON ticks (chain, from_seq);

  -- Rises with every change of the row, so that whoever knows it need not read the body again.
  ALTER TABLE revision ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

  CREATE TABLE claims (
    chain TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    until REAL NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE replicas (
    id         TEXT PRIMARY KEY,
    host       TEXT NOT NULL,
    pid        INTEGER NOT NULL,
    version    TEXT NOT NULL,
    started_at REAL NOT NULL,
    beat_at    REAL NOT NULL
  ) STRICT;
  `,
  `
  -- How far each chain is anchored. Not in heads: an anchor must not stand in the way of those who append.
  CREATE TABLE anchored (chain TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  -- Observations as a time series: a row a look, whose constant parts are shapes. Shape 0 is a row from before there were any.
  CREATE TABLE shapes (
    nr   INTEGER PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL
  ) STRICT;
  CREATE TABLE series (
    chain    TEXT NOT NULL,
    taken_at REAL NOT NULL,
    nr       INTEGER NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (chain, taken_at, nr)
  ) STRICT;
  INSERT INTO series SELECT chain, taken_at,
    row_number() OVER (PARTITION BY chain, taken_at ORDER BY nr) - 1,
    json_array(json_array(0, policy, body)) FROM observations;
  DROP TABLE observations;
  `,
  `
  -- Calls under a key of whoever asked, with their answers. They are of this day, and no part of a copy.
  CREATE TABLE once (key TEXT PRIMARY KEY, at REAL NOT NULL, digest TEXT NOT NULL, answer TEXT) STRICT;
  CREATE INDEX once_at ON once (at);
  `,
];

export const sqliteSchema: Schema = {
  steps,
  begin: 'CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY) STRICT',
  afterCopy: '',
  tables: "SELECT name FROM sqlite_schema WHERE type = 'table'",
};
