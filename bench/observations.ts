/**
 * What a quiet day of observations costs on disk: the store's series against one row of JSON an observation, in the same kind
 * of file. Sizes of files, after the write-ahead log was written back; no time is measured.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { canonical } from '../src/canonical.ts';
import type { Observation, Snapshot, TargetRef } from '../src/model.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';
import { folding } from '../src/store/store.fixture.ts';

const TARGETS = 20;
/** Every five minutes. */
const LOOKS = 288;
const NOON = 1_780_000_000_000;
const DAY = 86_400_000;
const ORIGINS = ['ATL', 'ORD', 'DFW', 'DEN', 'LAX', 'MSP', 'EWR', 'MCO'];

export interface ObservationFigure {
  readonly name: string;
  /** Bytes of the series over bytes of JSON rows. */
  readonly ratio: number;
  readonly detail: string;
}

/** One ratio. Takes some seconds; leaves no file. */
export async function runObservationBench(): Promise<ObservationFigure> {
  const folder = mkdtempSync(join(tmpdir(), 'flyball-bench-'));
  try {
    const path = join(folder, 'state.db');
    const store = await openSqliteStore({ ...folding, path });
    const target = (n: number): TargetRef => ({ kind: 'model', name: `late-flights-${n}` });
    const empty = fileBytes(path);
    await store.transaction(async tx => {
      for (let n = 0; n < TARGETS; n += 1)
        for (let look = 0; look < LOOKS; look += 1)
          await tx.observations(`model/late-flights-${n}`, snapshotOf(target(n), look));
    });
    await store.close();
    const looks = TARGETS * LOOKS;
    const ours = (statSync(path).size - empty) / looks;
    const json = jsonRows(join(folder, 'json.db'), target) / looks;
    const { length } = Object.values(snapshotOf(target(0), 0).observations.drift ?? {});
    return {
      name: 'bytes of a quiet look, over rows of JSON',
      ratio: ours / json,
      detail:
        `${Math.round(ours)} bytes against ${Math.round(json)} for ${length} observations with ${ORIGINS.length + 2} readings; ` +
        `${Math.round((ours * LOOKS) / 1024)} kB a target and day, looked at every 5 minutes`,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function jsonRows(path: string, target: (n: number) => TargetRef): number {
  const db = new DatabaseSync(path);
  db.exec(`CREATE TABLE observations (
      chain TEXT NOT NULL, taken_at REAL NOT NULL, policy TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX observations_chain ON observations (chain, taken_at); BEGIN`);
  const insert = db.prepare('INSERT INTO observations VALUES (?, ?, ?, ?, ?)');
  for (let n = 0; n < TARGETS; n += 1)
    for (let look = 0; look < LOOKS; look += 1) {
      const { takenAt, observations } = snapshotOf(target(n), look);
      for (const [policy, byName] of Object.entries(observations))
        for (const [name, one] of Object.entries(byName))
          insert.run(`model/${target(n).name}`, takenAt, policy, name, canonical(one));
    }
  db.exec('COMMIT');
  db.close();
  return statSync(path).size;
}

/** A drift by origin with its estimates, a share of nulls, and a count: what a plain policy looks at. */
function snapshotOf(target: TargetRef, look: number): Snapshot {
  const takenAt = NOON + look * 300_000;
  const random = (n: number) => Math.abs(Math.sin(look * 97 + n * 13 + target.name.length));
  const shared = { interval: { from: takenAt - 7 * DAY, to: takenAt } };
  const readings = ORIGINS.map((origin, n) => ({
    labels: { origin },
    fields: { value: random(n) / 10, lower: random(n + 20) / 20, upper: random(n + 40) / 5, n: 5000 + n },
  }));
  const drift = {
    psi: {
      ...{
        name: 'psi',
        evaluator: 'drift',
        unit: 'number',
        definition: 'psi/quantile_ref/10/floor1e-4/v1',
        ...shared,
      },
      ...{ vector: true, reference: { label: 'training data', hash: 'a'.repeat(64) }, readings },
    },
    nulls: {
      ...{
        name: 'nulls',
        evaluator: 'nulls',
        unit: 'ratio',
        definition: 'nulls/v1',
        vector: false,
        ...shared,
      },
      readings: [{ labels: {}, fields: { value: random(7) / 100, n: 40_000 + look } }],
    },
    rows: {
      ...{ name: 'rows', evaluator: 'rows', unit: 'count', definition: 'rows/v1', vector: false, ...shared },
      readings: [{ labels: {}, fields: { value: 40_000 + look } }],
    },
  } as unknown as Record<string, Observation>;
  return { target, takenAt, due: ['drift'], observations: { drift } };
}

function fileBytes(path: string): number {
  return statSync(path).size;
}

if (import.meta.main) {
  const { name, ratio, detail } = await runObservationBench();
  process.stdout.write(`${ratio.toFixed(2).padStart(6)}  ${name}: ${detail}\n`);
}
