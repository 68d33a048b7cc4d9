/**
 * Conditions: definite evaluations a second on one core, beside stock json-logic-js on the same tree in the same run. Each
 * evaluation reads the readings of another label set; a hundred other conditions are compiled and run before, so that no closure
 * is the only one of its kind.
 */
import jsonLogic from 'json-logic-js';
import { compile } from '../src/engine/condition.ts';
import { explain } from '../src/engine/explain.ts';
import { labelSets, type Scope } from '../src/engine/label-sets.ts';
import type { Json, Observation, Reading } from '../src/model.ts';
import type { Figure } from './step.ts';

const SETS = 10_000;
const ROUNDS = 20;
const RUNS = 15;
const A_SECOND = 20e6;

const TWO_CLAUSES: Json = { and: [{ '>': [{ var: 'psi' }, 0.2] }, { '>=': [{ var: 'psi.rows' }, 1000] }] };
const COUNTED: Json = { '>=': [{ reduce: ['count', { '>': [{ var: 'psi' }, 0.2] }] }, 5] };

/** Rates against 20 million a second and against json-logic-js, and what a reducer over 500 sets takes. */
export async function runConditionBench(): Promise<Figure[]> {
  const scope = scopeOf(SETS);
  for (let i = 0; i < 100; i++) warmOther(i);
  const mine = definite(scope);
  const stock = definiteStock(scope);
  const reduced = counted();
  const explained = explainedRate(scope);
  return [
    {
      name: '20 million a second / two clauses over label sets',
      ratio: A_SECOND / mine,
      limit: 1,
      detail: `${millions(mine)} definite evaluations a second, each of the readings of another label set`,
    },
    {
      name: 'ten times json-logic-js / the same condition',
      ratio: (10 * stock) / mine,
      limit: 1,
      detail: `json-logic-js ${millions(stock)} a second on flat data, a ${(mine / stock).toFixed(0)}th of it`,
    },
    {
      name: 'json-logic-js / count(psi > 0.2) >= 5 over 500 sets',
      ratio: reduced.stock / reduced.mine,
      detail: `${(reduced.mine / 1000).toFixed(0)} thousand a second, ${millions(reduced.mine * 500)} members a second`,
    },
    {
      name: 'explanation / evaluation',
      ratio: mine / explained,
      detail: `${(explained / 1000).toFixed(0)} thousand explanations a second: built only when asked for`,
    },
  ];
}

function scopeOf(sets: number): Scope {
  const readings: Reading[] = Array.from({ length: sets }, (_, i) => ({
    labels: { feature: `f${i}` },
    fields: { value: (i % 100) / 250, rows: 900 + (i % 200) },
  }));
  const psi: Observation = {
    ...{ name: 'psi', evaluator: 'drift', unit: 'number', definition: 'bench', vector: true },
    readings,
  };
  return { observations: { psi }, before: {}, steps: {}, target: {} };
}

/** Closures of other shapes, so that calls within closures go to many places, as in a daemon with many policies. */
function warmOther(i: number): void {
  const scope = scopeOf(50);
  const clause = {
    [['>', '>=', '<', '<=', '===', '!=='][i % 6] ?? '>']: [{ var: i % 3 ? 'psi' : 'psi.rows' }, i / 300],
  };
  const other: Json = i % 2 ? { '!': [clause] } : { '>': [{ abs: [{ '-': [{ var: 'psi' }, 0.1] }] }, 0.05] };
  const ask = compile({ [i % 4 ? 'and' : 'or']: [clause, other, ...(i % 5 ? [] : [clause])] }).over(scope);
  for (const set of labelSets(scope, ['psi']) ?? []) ask(set.readings);
}

/** Evaluations a second of the prepared condition; median of the runs after warm-up. */
function definite(scope: Scope): number {
  const compiled = compile(TWO_CLAUSES);
  const sets = labelSets(scope, compiled.names) ?? [];
  return median(sets.length * ROUNDS, () => {
    const ask = compiled.over(scope);
    let held = 0;
    for (let round = 0; round < ROUNDS; round++)
      for (const { readings } of sets) if (ask(readings) === true) held++;
    return held;
  });
}

function definiteStock(scope: Scope): number {
  const tree = { and: [{ '>': [{ var: 'psi' }, 0.2] }, { '>=': [{ var: 'rows' }, 1000] }] };
  const data = (scope.observations.psi?.readings ?? []).map(({ fields }) => ({
    psi: fields.value,
    rows: fields.rows,
  }));
  return median(data.length, () => {
    let held = 0;
    for (const one of data) if (jsonLogic.apply(tree as jsonLogic.RulesLogic, one) === true) held++;
    return held;
  });
}

function counted(): { readonly mine: number; readonly stock: number } {
  const scope = scopeOf(500);
  const compiled = compile(COUNTED);
  const rounds = 200;
  const mine = median(rounds, () => {
    let held = 0;
    for (let i = 0; i < rounds; i++) if (compiled.evaluate(scope) === true) held++;
    return held;
  });
  const v = (scope.observations.psi?.readings ?? []).map(({ fields }) => ({ psi: fields.value }));
  const tree = {
    '>=': [
      {
        reduce: [
          { filter: [{ var: 'v' }, { '>': [{ var: 'psi' }, 0.2] }] },
          { '+': [{ var: 'accumulator' }, 1] },
          0,
        ],
      },
      5,
    ],
  };
  const stock = median(10, () => {
    let held = 0;
    for (let i = 0; i < 10; i++) if (jsonLogic.apply(tree as jsonLogic.RulesLogic, { v }) === true) held++;
    return held;
  });
  return { mine, stock };
}

function explainedRate(scope: Scope): number {
  const compiled = compile(TWO_CLAUSES);
  const sets = (labelSets(scope, compiled.names) ?? []).slice(0, 1000);
  return median(sets.length, () => {
    let operands = 0;
    for (const set of sets) operands += explain(TWO_CLAUSES, scope, set).operands.length;
    return operands;
  });
}

/** So many pieces of work a second of this core's time: the median of the runs, after as many to warm up. */
function median(pieces: number, work: () => number): number {
  const rates: number[] = [];
  for (let run = 0; run < 2 * RUNS; run++) {
    const begun = process.cpuUsage();
    if (work() === 0) throw new Error('nothing held, so nothing was measured');
    const { user, system } = process.cpuUsage(begun);
    rates.push((pieces / (user + system)) * 1e6);
  }
  return rates.slice(RUNS).sort((a, b) => a - b)[Math.floor(RUNS / 2)] ?? Number.NaN;
}

function millions(rate: number): string {
  return `${(rate / 1e6).toFixed(1)} million`;
}

if (import.meta.main) {
  for (const { name, ratio, detail } of await runConditionBench())
    console.log(`${ratio.toPrecision(3).padStart(8)}  ${name}: ${detail}`);
}
