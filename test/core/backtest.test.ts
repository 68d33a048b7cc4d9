/** A backtest over what was recorded gives the verdicts and episodes of the ledger again, exactly; and it is open loop. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromRecord, recordedOf } from '../../src/commands/backtest-history.ts';
import { figuresOf } from '../../src/commands/backtest-report.ts';
import { backtestPolicy } from '../../src/commands/backtest-run.ts';
import { type Simulated, simulate } from '../../src/engine/simulate.ts';
import type { Entry, Observation } from '../../src/model.ts';
import { emptyStore } from '../../src/wiring.ts';
import {
  CATALOGUE,
  CHAIN,
  COMMIT,
  condition,
  doing,
  HOUR,
  NOTIFY,
  observed,
  policyOf,
  RETRAIN,
} from './closed-policy.ts';

const FROM = 1000 * HOUR;
const APPROVAL = { from: ['ml'], quorum: 1, expiresMs: 8 * HOUR, reaskMs: 24 * HOUR };
const POLICY = policyOf({
  actions: { retrain: { approval: APPROVAL, cooldownMs: 5 * HOUR } },
  rule: {
    ...doing([RETRAIN, NOTIFY]),
    forMs: 2 * HOUR,
    clear: condition({ '<': [{ var: 'psi' }, 0.1] }),
    keepForMs: HOUR,
    verify: {
      that: condition({ '<': [{ var: 'psi' }, 0.15] }),
      withinMs: 6 * HOUR,
      attempts: 1,
      otherwise: 'escalate',
    },
  },
});

/** What live saw: one value an hour, null where the query failed. */
type Values = readonly (number | null)[];

function live(values: Values): Pick<Simulated, 'observe' | 'from' | 'to'> {
  const observe = async (_: unknown, at: number): Promise<Observation> => {
    const value = values[Math.floor((at - FROM) / HOUR)] ?? undefined;
    return { ...observed('psi', value ?? undefined), interval: { from: at - HOUR, to: at } };
  };
  return { observe, from: FROM, to: FROM + values.length * HOUR };
}

const told = ({ at, body }: Entry) => {
  if (body.kind === 'transition') return [`${at} ${body.from} → ${body.to} ${body.verdict?.answer ?? ''}`];
  if (body.kind === 'episode-opened') return [`${at} opened ${body.verdict.clause}`];
  return body.kind === 'episode-ended' ? [`${at} ended ${body.how}`] : [];
};

describe('over what was recorded', () => {
  test('verdicts and episodes are those of the ledger, whatever happened', async () => {
    const value = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(0.05, 0.12, 0.3, 0.5) },
      { weight: 1, arbitrary: fc.constant(null) },
    );
    const course = fc.array(fc.tuple(value, fc.integer({ min: 1, max: 6 })), { minLength: 4, maxLength: 14 });
    await fc.assert(
      fc.asyncProperty(course, fc.integer({ min: 0, max: 5 }), fc.boolean(), async (parts, hours, fails) => {
        const values = parts.flatMap(([one, times]) => Array.from({ length: times }, () => one));
        const real = await emptyStore();
        const seen = live(values);
        await simulate({
          ...seen,
          revision: { commit: COMMIT, policies: [POLICY] },
          store: real,
          catalogue: CATALOGUE,
          effects: () => ({
            afterMs: HOUR,
            outcome: fails ? 'failed' : 'succeeded',
            outputs: { version: 'v2' },
          }),
          approvals: () => ({
            decision: 'yes',
            by: { name: 'ana', door: 'cli', authenticated: true },
            afterMs: hours * HOUR,
          }),
        });
        const ledger = await real.entries({ chain: CHAIN });
        const within = { from: seen.from, to: seen.to };
        const recorded = await recordedOf(real, CHAIN, 'p', within);
        const again = await backtestPolicy(
          {
            ...{ policy: POLICY, commit: COMMIT, within, catalogue: CATALOGUE },
            observe: fromRecord(recorded, CATALOGUE),
            ticks: recorded.ticks,
            ledger,
            assumed: { approvalMs: 99 * HOUR, effectMs: 99 * HOUR },
          },
          await emptyStore(),
        );
        await real.close();
        expect(again.problems).toEqual([]);
        expect(again.entries.flatMap(told)).toEqual(ledger.flatMap(told));
      }),
      { numRuns: 60 },
    );
  });

  test('figures: episodes, would-be actions with their declared cost, holds, time in each state', async () => {
    const policy = {
      ...POLICY,
      documents: {
        ...POLICY.documents,
        model: {
          ...POLICY.documents.model!,
          pipelines: {
            ...POLICY.documents.model!.pipelines,
            train: { ...POLICY.documents.model!.pipelines.train!, cost: { eur: 40 } },
          },
        },
      },
    };
    const values = [...Array(4).fill(0.05), ...Array(12).fill(0.5), ...Array(8).fill(0.05)];
    const seen = live(values);
    const within = { from: seen.from, to: seen.to };
    const run = await backtestPolicy(
      {
        ...{ policy, commit: COMMIT, within, catalogue: CATALOGUE, observe: seen.observe!, ledger: [] },
        assumed: { approvalMs: 3 * HOUR, effectMs: HOUR },
      },
      await emptyStore(),
    );
    const found = figuresOf(run, policy, within);
    expect(found.episodes).toHaveLength(1);
    expect(found.actions.map(one => one.verb).slice(0, 2)).toEqual(['retrain', 'notify']);
    expect(found.cost).toEqual({ eur: 40 });
    expect(found.holds.find(one => one.reason === 'approval')).toMatchObject({ times: 1 });
    const total = Object.values(found.states).reduce((sum, ms) => sum + ms, 0);
    expect(total).toBe(within.to - within.from);
    expect(found.flaps).toBe(0);
  });
});
