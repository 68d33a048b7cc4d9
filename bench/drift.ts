/**
 * How much more than reading the columns drift costs: PSI, and PSI with KS, of ten numeric columns over ten million rows of
 * Parquet, against DuckDB's real scan of them (`sum`; `min` and `max` are answered from Parquet statistics). Run:
 * `node bench/drift.ts`. The data are made once, into .bench/.
 */
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { dataPort } from '../src/connectors/duckdb-port.ts';
import { drift } from '../src/evaluators/drift.ts';
import type { ConnectionSpec, DatasetSpec, Json, ObservationRequest, Row } from '../src/model.ts';

export interface BenchResult {
  readonly name: string;
  readonly ratio: number;
  readonly limit: number;
  readonly detail: string;
}

const ROWS = 10_000_000;
const RUNS = 5;
const home = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = '.bench';

/** A number in (0, 1) that depends on the row and `k` only, so that the files are the same everywhere. */
const uniform = (k: number) => `((hash(i * 32 + ${k}) >> 11)::DOUBLE + 0.5e0) / 9007199254740992e0`;
const normal = (k: number) =>
  `sqrt(-2e0 * ln(${uniform(k)})) * cos(6.283185307179586e0 * (${uniform(k + 1)}))`;
const nullable = (k: number, share: number, value: string) =>
  `CASE WHEN ${uniform(k)} < ${share} THEN NULL ELSE ${value} END`;

/** Bell-shaped, skewed, flat, whole, priced, with NULLs and with many zeros; `shift` moves some of them. */
function columns(shift: number): readonly string[] {
  return [
    `${normal(0)} + ${shift}`,
    `exp(${normal(2)})`,
    `-ln(${uniform(4)})`,
    uniform(5),
    `floor(${uniform(6)} * 1000)`,
    `round(exp(3 + ${normal(7)}) * ${1 + shift}, 2)`,
    nullable(9, 0.05, normal(10)),
    `CASE WHEN ${uniform(12)} < 0.3 THEN 0e0 ELSE ${uniform(13)} * 100 END`,
    nullable(14, 0.08, `(${normal(15)}) * ${1 + shift}`),
    nullable(17, 0.05, `floor(exp(${normal(18)}) * 20)`),
  ];
}

const spec: DatasetSpec['columns'] = Object.fromEntries(
  columns(0).map((_, i) => [`f${i}`, { type: 'number' } as const]),
);
const datasetOf = (name: string): DatasetSpec => ({
  name,
  connection: 'bench',
  path: `${name}.parquet`,
  columns: spec,
});
const connection: ConnectionSpec = {
  name: 'bench',
  connector: 'duckdb',
  access: 'read',
  path: folder,
  commands: {},
  limits: { timeoutMs: 600_000, memory: '6GB' },
};

async function make(name: string, first: number, shift: number): Promise<void> {
  const file = join(home, folder, `${name}.parquet`);
  if (existsSync(file)) return;
  mkdirSync(dirname(file), { recursive: true });
  const instance = await DuckDBInstance.create(':memory:');
  const connected = await instance.connect();
  const list = columns(shift).map((c, i) => `CAST(${c} AS DOUBLE) AS f${i}`);
  const select = `SELECT ${list.join(', ')} FROM (SELECT range + ${first} AS i FROM range(${ROWS}))`;
  await connected.run(
    `COPY (${select}) TO '${`${file}.part`.replaceAll("'", "''")}' (FORMAT parquet, COMPRESSION zstd)`,
  );
  connected.closeSync();
  instance.closeSync();
  renameSync(`${file}.part`, file);
}

function requestOf(main: 'psi' | 'ks'): ObservationRequest {
  return {
    name: main,
    evaluator: 'drift',
    target: { kind: 'dataset', name: 'current' },
    args: { main, feature: '*' },
    dataset: datasetOf('drift-current'),
    connection,
    reference: { label: 'reference', dataset: datasetOf('drift-reference') },
    thresholds: [],
  };
}

type Port = ReturnType<typeof dataPort>;

async function profileOf(port: Port): Promise<Json> {
  const answers: (readonly Row[])[] = [];
  for (;;) {
    const step = drift.profile?.(requestOf('psi'), port.dialect, answers);
    if (step === undefined || 'unknown' in step) throw new Error(`no profile: ${JSON.stringify(step)}`);
    if ('profile' in step) return step.profile;
    // One after the other: each wants memory for the whole column.
    for (const query of step.queries) answers.push(await port.query(connection, query));
  }
}

/** Seconds for one whole evaluation, from queries to readings. */
async function evaluate(port: Port, main: 'psi' | 'ks', profile: Json): Promise<number> {
  const request = requestOf(main);
  const start = performance.now();
  const answers = await Promise.all(
    drift.queries(request, port.dialect, profile).map(query => port.query(connection, query)),
  );
  const result = drift.observe(request, profile, answers, port.dialect);
  const seconds = (performance.now() - start) / 1000;
  if (!('observation' in result)) throw new Error('the evaluation asked for a refinement without thresholds');
  const bad = result.observation.readings.filter(r => r.unknown !== undefined || r.fields.rows === 0);
  if (result.observation.readings.length !== 10 || bad.length > 0) throw new Error('not ten known readings');
  return seconds;
}

async function scan(port: Port): Promise<number> {
  const sums = Object.keys(spec).map(c => `sum(${port.dialect.identifier(c)}) AS ${c}`);
  const relation = port.dialect.relation(datasetOf('drift-current'), connection);
  const start = performance.now();
  await port.query(connection, { sql: `SELECT ${sums.join(', ')} FROM ${relation}` });
  return (performance.now() - start) / 1000;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Medians over interleaved runs, so that a noisy minute falls on all of them alike. */
export async function runDriftBench(): Promise<BenchResult[]> {
  await make('drift-reference', 0, 0);
  await make('drift-current', 1_000_000_000, 0.1);
  const port = dataPort(home);
  try {
    const start = performance.now();
    const profile = await profileOf(port);
    const profiled = (performance.now() - start) / 1000;
    const times: Record<'scan' | 'psi' | 'ks', number[]> = { scan: [], psi: [], ks: [] };
    await scan(port);
    for (let run = 0; run < RUNS; run++) {
      times.scan.push(await scan(port));
      times.psi.push(await evaluate(port, 'psi', profile));
      times.ks.push(await evaluate(port, 'ks', profile));
    }
    const seconds = (values: readonly number[]) => `${median(values).toFixed(2)} s`;
    const of = `scan ${seconds(times.scan)}; profile once ${profiled.toFixed(0)} s, ${JSON.stringify(profile).length} bytes`;
    const base = median(times.scan);
    return [
      {
        name: 'PSI / scan',
        ratio: median(times.psi) / base,
        limit: 3,
        detail: `${seconds(times.psi)}; ${of}`,
      },
      {
        name: 'PSI + KS / scan',
        ratio: median(times.ks) / base,
        limit: 5,
        detail: `${seconds(times.ks)}; ${of}`,
      },
    ];
  } finally {
    await port.close();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  for (const { name, ratio, limit, detail } of await runDriftBench())
    console.log(`${name}: ${ratio.toFixed(2)} (at most ${limit}) ${detail}`);
