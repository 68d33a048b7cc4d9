/**
 * What the ledger costs: entries appended through the store against bare inserts of the same rows and bytes with
 * node:sqlite, in the same journal mode and the same transactions, and the share of the time that canonical JSON and
 * SHA-256 take. Rounds alternate and medians are compared, because one flush to disk varies more than all the rest.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { canonical, sha256 } from '../src/canonical.ts';
import type { Derived, Entry, Own, TargetRef } from '../src/model.ts';
import { entryHash } from '../src/store/chain.ts';
import { sqliteSchema } from '../src/store/migrations-sqlite.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';

const target: TargetRef = { kind: 'model', name: 'late-flights' };
const chain = 'model/late-flights';
const ROUNDS = 5;

/** Shapes of the work: with one entry a transaction the flush dominates, with ten the rows begin to. */
const shapes = [
  { perTransaction: 1, transactions: 400 },
  { perTransaction: 10, transactions: 200 },
] as const;

export interface LedgerFigure {
  readonly name: string;
  /** Time of the store over time of the bare inserts; for a share, the part of the store's time. */
  readonly ratio: number;
  readonly detail: string;
}

/** Two ratios and two shares, for one and for ten entries a transaction. Takes some seconds; leaves no file. */
export async function runLedgerBench(): Promise<LedgerFigure[]> {
  const figures: LedgerFigure[] = [];
  for (const shape of shapes) {
    const [ours, bare, hashing]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < ROUNDS; round += 1) {
      const { ms, entries } = await timeStore(shape);
      ours.push(ms);
      bare.push(timeBare(shape, entries));
      hashing.push(timeHashing(entries));
    }
    const count = shape.perTransaction * shape.transactions;
    const [store, inserts, hashed] = [median(ours), median(bare), median(hashing)];
    const rate = (ms: number) => `${Math.round((count / ms) * 1000).toLocaleString('en')} entries/s`;
    const what = `${shape.perTransaction} ${shape.perTransaction === 1 ? 'entry' : 'entries'} per transaction`;
    figures.push({
      name: `ledger append, ${what}, over bare inserts`,
      ratio: store / inserts,
      detail: `${rate(store)} against ${rate(inserts)} (WAL, synchronous=FULL, same rows and bytes)`,
    });
    figures.push({
      name: `share of canonical JSON and SHA-256, ${what}`,
      ratio: hashed / store,
      detail: `${((hashed / count) * 1000).toFixed(1)} µs of ${((store / count) * 1000).toFixed(1)} µs per entry`,
    });
  }
  return figures;
}

type Shape = (typeof shapes)[number];

/** What each transaction writes, made before the clock runs. */
function writesOf(shape: Shape): readonly { bodies: readonly Derived[]; at: number; own: Own }[] {
  return Array.from({ length: shape.transactions }, (_, n) => ({
    bodies: Array.from({ length: shape.perTransaction }, (_, m) => bodyOf(n * shape.perTransaction + m)),
    at: 1_000_000_000_000 + n,
    own: ownAt((n + 1) * shape.perTransaction),
  }));
}

async function timeStore(shape: Shape): Promise<{ ms: number; entries: readonly Entry[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'flyball-bench-'));
  const fold = (own: Own) => own;
  const emptyOwn = () => ownAt(0);
  const store = await openSqliteStore({ path: join(folder, 'state.db'), fold, emptyOwn, foldVersion: 1 });
  try {
    const writes = writesOf(shape);
    const from = performance.now();
    for (const { bodies, at, own } of writes)
      await store.transaction(tx => tx.append({ target, bodies, at, own, dueAt: at }));
    return { ms: performance.now() - from, entries: await store.entries({ chain }) };
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

/** The same three tables and texts, everything computed before the clock runs. */
function timeBare(shape: Shape, entries: readonly Entry[]): number {
  const folder = mkdtempSync(join(tmpdir(), 'flyball-bench-'));
  const db = new DatabaseSync(join(folder, 'bare.db'));
  try {
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    for (const sql of sqliteSchema.steps) db.exec(sql);
    const rows = entries.map(entry => ({ ...entry, text: canonical(entry.body) }));
    const owns = writesOf(shape).map(({ own, at }) => ({ text: canonical(own), at }));
    const [begin, commit] = [db.prepare('BEGIN IMMEDIATE'), db.prepare('COMMIT')];
    const insert = db.prepare('INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
    const head = db.prepare('INSERT OR REPLACE INTO heads VALUES (?, ?, ?)');
    const row = db.prepare('INSERT OR REPLACE INTO targets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
    const from = performance.now();
    for (const [n, own] of owns.entries()) {
      begin.run();
      const some = rows.slice(n * shape.perTransaction, (n + 1) * shape.perTransaction);
      for (const { seq, v, body, at, text, prev, hash } of some)
        insert.run(chain, seq, v, body.kind, at, text, prev, hash);
      const last = some.at(-1);
      head.run(chain, last?.seq ?? 0, last?.hash ?? '');
      row.run(chain, target.kind, target.name, n + 1, own.text, 1, own.at, null, null);
      commit.run();
    }
    return performance.now() - from;
  } finally {
    db.close();
    rmSync(folder, { recursive: true });
  }
}

/** What the store computes per entry, alone. */
function timeHashing(entries: readonly Entry[]): number {
  const from = performance.now();
  for (const { seq, v, at, body, prev } of entries)
    entryHash({ chain, seq, v, at, body: canonical(body), prev });
  return performance.now() - from;
}

/** A decision as a tick writes it, about 1.2 kB. */
function bodyOf(n: number): Derived {
  const hash = sha256(String(n));
  return {
    kind: 'decision',
    cause: {
      policy: 'late-flights-drift',
      rule: 'drifted',
      group: 'origin=ORD',
      commit: hash.slice(0, 40),
      closureHash: hash,
      position: { file: 'policies/late-flights.yaml', line: 14, column: 11 },
    },
    decision: {
      policy: 'late-flights-drift',
      rule: 'drifted',
      labels: { origin: 'ORD' },
      episode: n,
      outcome: 'hold',
      step: 'retrain',
      verb: 'retrain',
      holds: [
        {
          reason: 'cooldown',
          message: `the last retrain ended at ${n}; it may run again after 3d`,
          until: n,
        },
        { reason: 'approval', message: 'one of data-science must say yes' },
      ],
    },
    facts: {
      'pause:*': { version: 3, value: null },
      'lock:local/train': { version: n, value: { by: hash } },
    },
    snapshot: hash,
  };
}

/** The folded state of a quiet target, about 1 kB. */
function ownAt(seq: number): Own {
  const rules = Object.fromEntries(
    ['ORD', 'MSP', 'EWR', 'MCO'].map(origin => [
      `origin=${origin}`,
      { phase: 'pending', state: 'pending', labels: { origin }, since: seq, frozenMs: 0 } as const,
    ]),
  );
  return {
    target,
    seq,
    takenAt: seq,
    policies: {},
    authors: {},
    denials: {},
    rules: { 'late-flights-drift': { drifted: rules } },
    episodes: {},
    asks: {},
    actions: {},
    decisions: {},
    spent: {},
    verifiedVersions: ['1', '2'],
    reverted: {},
    granted: {},
    gates: {},
    begun: {},
    told: {},
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

if (import.meta.main) {
  for (const { name, ratio, detail } of await runLedgerBench())
    process.stdout.write(`${ratio.toFixed(2).padStart(6)}  ${name}: ${detail}\n`);
}
