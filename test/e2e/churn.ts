/** A small system for tests: a model that is retrained, evaluated and promoted when a measured level is too high. */
import { rename } from 'node:fs/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Home } from './home.ts';

export const SETTINGS = `apiVersion: flyball.dev/v1
kind: Settings
metadata: { name: flyball }
spec:
  mode: enforce
  people: { ana: { emails: [ana@acme.example] } }
  groups: { on-call: [ana] }
`;

export const CONNECTIONS = `apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: warehouse }
spec: { connector: duckdb, path: data }
---
apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: local }
spec:
  connector: local
  access: act
  path: world
  commands:
    train: { argv: [node, train.mjs], cwd: code }
    evaluate: { argv: [node, evaluate.mjs], cwd: code }
`;

export const DATASETS = `apiVersion: flyball.dev/v1
kind: Dataset
metadata: { name: levels }
spec:
  connection: warehouse
  path: levels.parquet
  columns:
    place: { type: string, segment: true }
    value: { type: number }
`;

/** The model; \`actions\` are its limits. */
export const modelWith = (actions = 'retrain: { timeout: 10m }') => `apiVersion: flyball.dev/v1
kind: Model
metadata: { name: churn }
spec:
  owner: on-call
  task: binary
  registry: { connection: local, name: churn }
  serving: { connection: local, name: churn }
  data: { training: { dataset: levels } }
  pipelines:
    train:
      connection: local
      id: train
      params: { since: "\${data.since}", until: "\${data.until}" }
      output: { version: version }
    evaluate:
      connection: local
      id: evaluate
      params: { version: "\${data.version}" }
      output: { loss: loss }
  actions: { ${actions} }
`;

/** Retrains, evaluates and promotes when the highest level is above a limit, and wants it below afterwards. */
export const remedyAbove = (limit: string) => `apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: remedy }
spec:
  mode: enforce
  target: { model: churn }
  every: 1s
  observe:
    level: { query: warehouse, window: 1s, sql: "SELECT max(value) AS value FROM files('levels.parquet')" }
  when: level > ${limit}
  then:
    - retrain: { lookback: 30d }
      id: retrain
    - evaluate: { version: "\${steps.retrain.version}" }
      id: evaluate
    - promote: { version: "\${steps.retrain.version}" }
      require: steps.evaluate.loss < 0.5
      onNotMet: escalate
  keepFor: 1h
  verify: { that: level <= ${limit}, within: 1h }
`;

/** Tells when the highest level is above a limit. */
export const alarmAbove = (limit: string, name = 'alarm') => `apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: ${name} }
spec:
  mode: enforce
  target: { dataset: levels }
  every: 1s
  observe:
    level: { query: warehouse, sql: "SELECT max(value) AS value FROM files('levels.parquet')" }
  when: level > ${limit}
  then:
    - notify: { text: "${name} above ${limit}" }
`;

export const POLICIES: Readonly<Record<string, string>> = {
  'flyball.yaml': SETTINGS,
  'connections.yaml': CONNECTIONS,
  'datasets.yaml': DATASETS,
  'model.yaml': modelWith(),
  'policies/remedy.yaml': remedyAbove('10'),
};

/** Trains: says that it ran, waits for the file \`go\` when there is one to wait for, and writes a version and its result. */
const TRAIN = `import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
const { FLYBALL_KEY: key, FLYBALL_ROOT: root, FLYBALL_RESULT: result } = process.env;
appendFileSync(join(root, 'ran.txt'), key + '\\n');
while (existsSync(join(root, 'wait'))) await delay(10);
const version = 'v' + key.slice(0, 8);
const folder = join(root, 'registry', 'churn', version);
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'card.json'), JSON.stringify({ version }));
writeFileSync(result, JSON.stringify({ version }));
`;

const EVALUATE = `import { writeFileSync } from 'node:fs';
writeFileSync(process.env.FLYBALL_RESULT, JSON.stringify({ loss: 0.2 }));
`;

/** Puts programs, the first version in service and a level that is fine into a home. */
export async function furnish(home: Home): Promise<void> {
  home.write('code/train.mjs', TRAIN);
  home.write('code/evaluate.mjs', EVALUATE);
  home.write('world/registry/churn/v1/card.json', '{"version":"v1"}');
  home.write('world/registry/churn/champion.json', '{"version":"v1"}');
  home.write('world/serving/churn/weights.json', '{"weights":{"v1":1}}');
  await setLevels(home, { north: 1, south: 2 });
}

/** Writes the levels that the warehouse has, by rename, so that no query sees half of a file. */
export function setLevels(home: Home, levels: Readonly<Record<string, number>>): Promise<void> {
  const rows = Object.entries(levels).map(([place, value]) => `('${place}', ${value}::DOUBLE)`);
  return writeParquet(home, 'levels.parquet', `SELECT * FROM (VALUES ${rows.join(', ')}) AS t(place, value)`);
}

/** Writes what a SELECT gives as a Parquet file below the home's \`data\`. */
export async function writeParquet(home: Home, name: string, select: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    await connection.run(`COPY (${select}) TO '${home.dir}/data/.${name}.new' (FORMAT parquet)`);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
  await rename(`${home.dir}/data/.${name}.new`, `${home.dir}/data/${name}`);
}
