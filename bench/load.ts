/**
 * Loading and checking 10,000 policies, in a process of its own so that its memory can be told: how much processor time `compile`
 * takes over the files of one commit, and how much resident memory the process grows by, against the limits.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { compile, type File } from '../src/dsl/index.ts';
import { evaluators } from '../src/evaluators/index.ts';
import { verbs } from '../src/executors/index.ts';
import type { Figure } from './step.ts';

const POLICIES = 10_000;
const MODELS = 100;
const POLICIES_PER_FILE = 10;
const LIMIT_MS = 5_000;
const LIMIT_BYTES = 300_000_000;

interface Loaded {
  readonly closed: number;
  readonly mistakes: readonly string[];
  /** Of all threads, those of the garbage collector included. */
  readonly cpuMs: number;
  readonly ms: number;
  readonly rssBefore: number;
  readonly rssPeak: number;
}

/** Time and memory of one load as shares of their limits. */
export async function runLoadBench(): Promise<Figure[]> {
  const output = execFileSync(process.execPath, [fileURLToPath(import.meta.url)], { encoding: 'utf8' });
  const { closed, mistakes, cpuMs, ms, rssBefore, rssPeak } = JSON.parse(output) as Loaded;
  if (closed !== POLICIES) throw new Error(`${closed} policies closed: ${mistakes.join('; ')}`);
  const grown = rssPeak - rssBefore;
  const what = `${POLICIES} policies in ${POLICIES / POLICIES_PER_FILE} files, for ${MODELS} models`;
  return [
    {
      name: 'time to load and check / 5 s',
      ratio: cpuMs / LIMIT_MS,
      limit: 1,
      detail: `${what}: ${seconds(cpuMs)} of one core, ${seconds(ms)} by the clock`,
    },
    {
      name: 'growth of resident memory / 300 MB',
      ratio: grown / LIMIT_BYTES,
      limit: 1,
      detail: `${what}: from ${megabytes(rssBefore)} to ${megabytes(rssPeak)} at its peak`,
    },
  ];
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

/** A repository as a platform team has it: a policy for each thing that is watched of each model. */
function repository(): File[] {
  const files: File[] = [{ path: 'policies/flyball.yaml', text: SHARED }];
  const models = Array.from({ length: MODELS }, (_, i) => modelText(`model-${i}`));
  files.push({ path: 'policies/models.yaml', text: models.join('---\n') });
  for (let i = 0; i < POLICIES; i += POLICIES_PER_FILE) {
    const texts = Array.from({ length: POLICIES_PER_FILE }, (_, k) => policyText(i + k));
    files.push({ path: `policies/team-${i / POLICIES_PER_FILE}.yaml`, text: texts.join('---\n') });
  }
  return files;
}

const SHARED = `apiVersion: flyball.dev/v1
kind: Settings
metadata: { name: flyball }
spec:
  mode: { staging: enforce, prod: observe }
  people: { ana: { emails: [ana@acme.example] }, ben: { emails: [ben@acme.example] } }
  groups: { growth-ml: [ana, ben] }
---
apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: warehouse }
spec: { connector: duckdb, path: data }
---
apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: here }
spec:
  connector: local
  access: act
  path: state
  commands: { train: { argv: [node, train.ts] }, evaluate: { argv: [node, evaluate.ts] } }
---
apiVersion: flyball.dev/v1
kind: Dataset
metadata: { name: customers }
spec:
  connection: warehouse
  path: customers/*.parquet
  time: { column: at, lateness: 2h }
  columns:
    at: { type: timestamp }
    country: { type: string, segment: true }
    age: { type: number }
    income: { type: number }
---
apiVersion: flyball.dev/v1
kind: Dataset
metadata: { name: predictions }
spec:
  connection: warehouse
  path: predictions/*.parquet
  time: { column: at }
  key: id
  columns:
    id: { type: string }
    at: { type: timestamp }
    version: { type: string }
    score: { type: number }
    country: { type: string, segment: true }
---
apiVersion: flyball.dev/v1
kind: Dataset
metadata: { name: labels }
spec:
  connection: warehouse
  path: labels/*.parquet
  time: { column: at }
  columns: { id: { type: string }, at: { type: timestamp }, churned: { type: integer } }
`;

function modelText(name: string): string {
  return `apiVersion: flyball.dev/v1
kind: Model
metadata: { name: ${name}, labels: { tier: prod } }
spec:
  owner: growth-ml
  task: binary
  registry: { connection: here, name: ${name} }
  serving: { connection: here, name: ${name} }
  data:
    predictions: { dataset: predictions, key: id, version: version, score: score }
    labels: { dataset: labels, key: id, value: churned, delay: 1d, coverage: 95% }
    training: { dataset: customers }
    holdout: { dataset: customers }
  pipelines:
    train:
      connection: here
      id: train
      params: { since: "\${data.since}", focus: "\${data.focus}", rest: "\${data.rest}" }
      output: { version: version }
      accepts: [focus]
    evaluate:
      connection: here
      id: evaluate
      params: { version: "\${data.version}" }
      output: { log_loss: metrics.log_loss, champion_log_loss: metrics.champion_log_loss }
  actions:
    retrain: { cooldown: 24h, rate: 3 per 7d }
    promote: { approval: { from: [owner], quorum: 1, expires: 8h } }
`;
}

/** One of ten acts; the others watch one thing each, as most policies do. */
function policyText(i: number): string {
  const model = `model-${i % MODELS}`;
  const head = `# Watches ${model} from one more side.
apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: watch-${i}, labels: { severity: ticket, team: team-${i % 37} } }
spec:
  mode: { staging: enforce, prod: observe }
  target: { model: ${model} }
  every: 6h
`;
  const watching = [nullsRule, rowsRule, performanceRule];
  const kinds = [driftRule, ...watching, ...watching, ...watching];
  return head + (kinds[Math.floor(i / MODELS) % kinds.length] ?? rowsRule)(i);
}

function driftRule(i: number): string {
  return `  description: Countries moved, and the data is sound.
  observe:
    psi: { drift: psi, feature: age, dataset: customers, by: [country], window: 7d, reference: { window: 7d, offset: 7d }, minSamples: 500 }
    nulls: { nulls: income, dataset: customers, window: 1d, where: "country in ['CH', 'AT']" }
    perf: { performance: log_loss, window: 7d, maxAge: 2d }
  when: count(psi > 0.2 and psi.rows >= 1k) >= ${1 + (i % 9)} and nulls < 2%
  for: 24h
  clear: count(psi > 0.1) == 0
  keepFor: 6h
  then:
    - retrain: { focus: "country in \${members.country}", rest: 10%, lookback: 90d }
      timeout: 6h
    - evaluate: { version: "\${steps.retrain.version}" }
    - promote: { version: "\${steps.retrain.version}" }
      require: steps.evaluate.log_loss < steps.evaluate.champion_log_loss * 0.99
      onNotMet: escalate
  verify: { that: perf < before.perf, within: 30d }
  guard: { cooldown: 2d, rate: 1 per 7d }
`;
}

function nullsRule(i: number): string {
  return `  description: A column that is empty too often.
  observe:
    nulls: { nulls: income, dataset: customers, window: 1d, minSamples: 100 }
  when: nulls > ${1 + (i % 7)}%
  for: 12h
  then:
    - notify: { severity: info, text: "income is empty too often" }
`;
}

function rowsRule(i: number): string {
  return `  description: Fewer rows than any day should have.
  observe:
    rows: { rows: customers, window: 1d, where: "country == 'CH'" }
  when: rows < ${100 + (i % 900)}
  for: 6h
  clear: rows >= ${200 + (i % 900)}
  then:
    - escalate: { to: on-call, text: "too few rows" }
`;
}

function performanceRule(i: number): string {
  return `  observe:
    perf: { performance: log_loss, window: 7d, maxAge: 2d }
    rows: { rows: predictions, window: 7d }
  when: perf > 0.${30 + (i % 60)} and rows >= 1k
  for: 24h
  keepFor: 6h
  then:
    - notify: { severity: page, text: "the model is worse than it may be" }
`;
}

function load(): Loaded {
  const files = repository();
  const commit = { sha: 'b', author: { name: 'b', email: 'b@example.org' }, time: 0, subject: '' };
  const rssBefore = process.memoryUsage.rss();
  const begun = performance.now();
  const before = process.cpuUsage();
  const { closed, diagnostics } = compile({ files, commit, env: 'prod', catalogue: { evaluators, verbs } });
  const ms = performance.now() - begun;
  const { user, system } = process.cpuUsage(before);
  const mistakes = diagnostics.slice(0, 3).map(one => one.message);
  const rssPeak = process.resourceUsage().maxRSS * 1024;
  return { closed: closed.length, mistakes, cpuMs: (user + system) / 1000, ms, rssBefore, rssPeak };
}

if (import.meta.main) process.stdout.write(JSON.stringify(load()));
