/**
 * Replicas on one real PostgreSQL in a short storm: killed, stopped, cut off, with wrong clocks, while the server restarts.
 * `npm run chaos -- --replicas 4 --minutes 10` is the long one.
 */
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fleetTrial, linesOf } from '../chaos/fleet-trial.ts';
import { type Plants, startPlants } from '../chaos/plant-client.ts';
import { temporaryFolder } from '../chaos/states.ts';
import { type Postgres, startPostgres } from './postgres-server.ts';

/** The storm, and the calm after it on a machine that is busy. */
const PATIENCE_MS = 400_000;

const folder = temporaryFolder();
let postgres: Postgres;
let plants: Plants;

beforeAll(async () => {
  [postgres, plants] = await Promise.all([startPostgres(), startPlants(join(folder.path, 'plants.log'))]);
});
afterAll(async () => {
  await plants.stop();
  await postgres.remove();
  folder.remove();
});

test.each([
  [2, 3],
  [4, 11],
])(
  'P24, P38: %i replicas in the storm of seed %i: no effect twice, no breach lost',
  async (replicas, seed) => {
    const happened: string[] = [];
    const log = join(tmpdir(), `flyball-storm-${seed}-${replicas}-${process.pid}.log`);
    const report = await fleetTrial({
      ...{ replicas, seed, ms: 20_000, leaseMs: 3000, models: 8, postgres, log },
      plant: { port: plants.port, plant: `storm-${replicas}` },
      say: text => happened.push(text),
    });
    console.info(linesOf(report).join('\n'));
    expect(report.wrongs, `seed ${seed}, logs in ${log}\n${happened.join('\n')}`).toEqual([]);
    expect(report.breaches).toBeGreaterThan(5);
    // Only of what went wrong.
    rmSync(log, { force: true });
  },
  PATIENCE_MS,
);
