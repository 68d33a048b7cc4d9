/**
 * The schema, as numbered steps that are never edited once released: the next change is the next step. They stand here
 * as text, not as .sql files, so that the published package cannot lack them.
 *
 * Times are milliseconds. `due_at` is REAL because "never" is infinity. JSON columns hold canonical JSON.
 */
export const migrations: readonly string[] = [
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
];
