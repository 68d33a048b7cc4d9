/**
 * `step` over 100,000 label sets, side by side in one run with the hand-written loop of the same condition and with
 * json-rules-engine on the same rule. Medians of several runs; ratios, because the machine is whatever it is.
 */
import { Engine } from 'json-rules-engine';
import { emptyOwn, fold } from '../src/engine/fold.ts';
import { step } from '../src/engine/step.ts';
import { evaluators } from '../src/evaluators/index.ts';
import { verbs } from '../src/executors/index.ts';
import type { ClosedPolicy, Facts, History, Observation, Own, Reading, Snapshot } from '../src/model.ts';

const SETS = 100_000;
const RUNS = 7;
/** json-rules-engine is asked about this many facts, and the time is scaled to all. */
const ENGINE_SETS = 5_000;
const HOUR_MS = 3_600_000;
const TARGET = { kind: 'model', name: 'bench' } as const;
const CATALOGUE = { evaluators, verbs };
const POSITION = { file: 'policies/bench.yaml', line: 1, column: 1 };
const NO_FACTS: Facts = {};

export interface Figure {
  readonly name: string;
  /** Time of `step` over the time of what it is compared with. */
  readonly ratio: number;
  /** The ratio that it should not exceed. */
  readonly limit?: number;
  readonly detail: string;
}

/** Ratios of `step` to the hand-written loop and to json-rules-engine, for a quiet tick and one where 1 % fire. */
export async function runStepBench(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [name, share] of [
    ['nothing fires', 0],
    ['1 % fire since an earlier tick', 0.01],
  ] as const) {
    const snapshot = snapshotOf(share);
    const history = settled(snapshot);
    const quiet = step([POLICY], snapshot, history, CATALOGUE);
    if (quiet.entries.length > 0) throw new Error(`${quiet.entries.length} entries in a quiet tick`);
    const stepMs = median(() => step([POLICY], snapshot, history, CATALOGUE));
    const handMs = median(() => byHand(snapshot));
    const engineMs = (await engineMedian(snapshot)) * (SETS / ENGINE_SETS);
    const took = `step ${text(stepMs)} for ${SETS} label sets`;
    figures.push(
      {
        name: `step / hand-written loop, ${name}`,
        ratio: stepMs / handMs,
        detail: `${took}, by hand ${text(handMs)}`,
      },
      {
        name: `step / json-rules-engine, ${name}`,
        ratio: stepMs / engineMs,
        detail: `${took}, json-rules-engine ${text(engineMs)} (measured on ${ENGINE_SETS}, scaled)`,
      },
    );
  }
  return figures;
}

const POLICY: ClosedPolicy = {
  policy: 'bench',
  target: TARGET,
  labels: {},
  commit: { sha: 'b', author: { name: 'b', email: 'b@example.org' }, time: 0, subject: '' },
  position: POSITION,
  closureHash: 'b',
  actingHash: 'b',
  mode: 'enforce',
  modeFrom: 'bench',
  everyMs: HOUR_MS,
  observe: {},
  rules: [
    {
      name: 'main',
      when: {
        text: 'psi > 0.2 and psi.rows > 100',
        logic: { and: [{ '>': [{ var: 'psi' }, 0.2] }, { '>': [{ var: 'psi.rows' }, 100] }] },
        position: POSITION,
      },
      forMs: 0,
      keepForMs: 0,
      staleAfterMs: 3 * HOUR_MS,
      // biome-ignore lint/suspicious/noThenProperty: the word of the policy language
      then: [{ id: 'notify', verb: 'notify', args: { text: 'drift' }, onNotMet: 'stop', position: POSITION }],
    },
  ],
  guard: {},
  documents: { datasets: {}, connections: {}, people: {}, groups: {} },
  positions: {},
  text: '',
};

/** Every k-th label set has drifted, so that `share` of them fire; the others are measured and fine. */
function snapshotOf(share: number): Snapshot {
  const period = share === 0 ? Number.POSITIVE_INFINITY : Math.round(1 / share);
  const readings: Reading[] = Array.from({ length: SETS }, (_, i) => ({
    labels: { feature: `f${i}` },
    fields: { value: i % period === 0 && share > 0 ? 0.5 : (i % 100) / 600, rows: 1000 + (i % 50) },
  }));
  const psi: Observation = {
    name: 'psi',
    evaluator: 'drift',
    unit: 'number',
    definition: 'bench',
    vector: true,
    readings,
  };
  return {
    target: TARGET,
    takenAt: 1000 * HOUR_MS,
    due: ['bench'],
    observations: { bench: { psi } },
  };
}

/** The history after ticks of the same snapshot, when nothing new is to be said. */
function settled(snapshot: Snapshot): History {
  let own: Own = emptyOwn(TARGET);
  for (let round = 0; round < 10; round++) {
    const { entries } = step([POLICY], snapshot, { own, facts: NO_FACTS }, CATALOGUE);
    if (entries.length === 0) break;
    for (const body of entries) own = fold(own, { seq: own.seq + 1, at: snapshot.takenAt, body });
  }
  return { own, facts: NO_FACTS };
}

/** What a person writes for this rule alone: no unknowns, no states, no evidence. */
function byHand(snapshot: Snapshot): number {
  let firing = 0;
  for (const { fields } of snapshot.observations.bench?.psi?.readings ?? []) {
    if ((fields.value as number) > 0.2 && (fields.rows as number) > 100) firing++;
  }
  return firing;
}

async function engineMedian(snapshot: Snapshot): Promise<number> {
  const engine = new Engine([
    {
      conditions: {
        all: [
          { fact: 'psi', operator: 'greaterThan', value: 0.2 },
          { fact: 'rows', operator: 'greaterThan', value: 100 },
        ],
      },
      event: { type: 'notify' },
    },
  ]);
  const readings = (snapshot.observations.bench?.psi?.readings ?? []).slice(0, ENGINE_SETS);
  const times: number[] = [];
  for (let run = 0; run <= RUNS; run++) {
    const begun = performance.now();
    for (const { fields } of readings) await engine.run({ psi: fields.value, rows: fields.rows });
    times.push(performance.now() - begun);
  }
  return middle(times.slice(1));
}

let sink: unknown;

/** Median of the runs in milliseconds, after as many to warm up. */
function median(work: () => unknown): number {
  const times: number[] = [];
  for (let run = 0; run < 2 * RUNS; run++) {
    const begun = performance.now();
    sink = work();
    times.push(performance.now() - begun);
  }
  if (sink === undefined) throw new Error('nothing was measured');
  return middle(times.slice(RUNS));
}

function middle(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
}

function text(ms: number): string {
  return `${ms.toPrecision(3)} ms`;
}

if (import.meta.main) {
  for (const { name, ratio, detail } of await runStepBench())
    console.log(`${ratio.toPrecision(3).padStart(8)}  ${name}: ${detail}`);
}
