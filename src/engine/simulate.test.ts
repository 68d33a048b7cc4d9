/** The simulation runs the live core: what it derives, what it survives, and that it gives the same bytes twice. */
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import {
  CATALOGUE,
  CHAIN,
  COMMIT,
  compares,
  condition,
  DAY,
  doing,
  EVALUATE,
  HOUR,
  observed,
  observes,
  PROMOTE,
  policyOf,
  RETRAIN,
} from '../../test/core/closed-policy.ts';
import { type OpenStore, openStore } from '../../test/core/outside.ts';
import type { ClosedPolicy, EntryBody, Principal, Scalar } from '../model.ts';
import type { Ending } from './outside.ts';
import { nextSlot } from './schedule.ts';
import { type SeenTick, type Simulated, simulate } from './simulate.ts';

const BEN: Principal = { name: 'ben', door: 'cli', authenticated: true };
const approval = { from: ['ml'], quorum: 1, expiresMs: 8 * HOUR, reaskMs: 24 * HOUR };
const RULE = doing([RETRAIN, EVALUATE, PROMOTE], {
  verify: {
    that: condition(compares('psi', '<', 0.1)),
    withinMs: 12 * HOUR,
    attempts: 1,
    otherwise: 'escalate',
  },
});
const retrains = policyOf({ rule: RULE, actions: { retrain: { approval } } });

const opened: OpenStore[] = [];
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});

const START = nextSlot(retrains, 2000 * HOUR);
const done: Ending = { afterMs: 0, outcome: 'succeeded' };

/** Hourly from the policy's own slot; `psi` by hours since then. */
async function run(
  policy: ClosedPolicy,
  hours: number,
  psi: (hour: number) => Scalar | undefined,
  more: Partial<Simulated> = {},
) {
  const store = await openStore(':memory:');
  opened.push(store);
  const seen: SeenTick[] = [];
  const result = await simulate({
    revision: { commit: COMMIT, policies: [policy] },
    from: START,
    to: START + hours * HOUR,
    store,
    catalogue: CATALOGUE,
    observe: async ({ name }, at) => ({
      ...observed(name, psi(Math.floor((at - START) / HOUR))),
      interval: { from: at, to: at },
    }),
    effects: action =>
      action.verb === 'retrain'
        ? { afterMs: 2 * HOUR, outcome: 'succeeded', outputs: { version: 'v2' } }
        : done,
    onTick: one => seen.push(one),
    ...more,
  });
  const entries = await store.entries({ chain: CHAIN });
  return { ...result, store, entries, seen, bodies: entries.map(entry => entry.body) };
}

const hourOf = (at: number) => (at - START) / HOUR;
function timeline(entries: readonly { at: number; body: EntryBody }[], kinds: readonly string[]) {
  return entries
    .filter(({ body }) => kinds.includes(body.kind))
    .map(({ at, body }) => `${hourOf(at)} ${body.kind}${'outcome' in body ? ` ${body.outcome}` : ''}`);
}

test('asks, retrains for two hours, promotes at once, and is verified on data from after it', async () => {
  const { entries, bodies, runs, store, problems } = await run(retrains, 8, hour => (hour < 5 ? 0.5 : 0.05), {
    approvals: () => ({ afterMs: 90 * 60_000, decision: 'yes', by: BEN }),
  });
  expect(problems).toEqual([]);
  expect(timeline(entries, ['ask', 'approval', 'intent', 'outcome', 'verified', 'episode-ended'])).toEqual([
    '0 verified', // the version found in service
    '0 ask',
    '1.5 approval',
    '1.5 intent',
    '3.5 outcome succeeded',
    '3.5 intent',
    '3.5 outcome succeeded',
    '3.5 intent',
    '3.5 outcome succeeded',
    '3.5 intent',
    '3.5 outcome succeeded',
    '5 verified',
    '5 verified',
    '5 episode-ended',
  ]);
  expect(runs.map(({ action }) => `${action.verb} ${action.call.capability}`)).toEqual([
    'retrain pipeline.run',
    'evaluate pipeline.run',
    'promote serving.shift',
    'promote registry.point',
  ]);
  expect(bodies.findLast(body => body.kind === 'episode-ended')).toMatchObject({ how: 'verified' });
  expect(await store.verify()).toMatchObject({ ok: true });
});

test('ticks come at the slots of live, and wake-ups between them', async () => {
  const { seen } = await run(policyOf(), 3, () => 0.1);
  expect([...new Set(seen.map(({ at }) => hourOf(at)))]).toEqual([0, 1, 2]);
});

test('a gap is a gap: no tick, and then the entry that says so', async () => {
  const events = [{ at: START + 2 * HOUR, kind: 'gap' as const, forMs: 12 * HOUR }];
  const { seen, bodies } = await run(policyOf(), 16, () => 0.1, { events });
  expect([...new Set(seen.map(({ at }) => hourOf(at)))]).toEqual([0, 1, 14, 15]);
  expect(bodies).toContainEqual({ kind: 'gap', from: START + HOUR, to: START + 14 * HOUR });
});

test('what runs outside goes on during a gap, and is heard of after it', async () => {
  const rule = policyOf({ rule: doing([RETRAIN]) });
  const events = [{ at: START + HOUR, kind: 'gap' as const, forMs: 6 * HOUR }];
  const { entries } = await run(rule, 9, () => 0.5, { events });
  expect(timeline(entries, ['started', 'outcome'])).toEqual(['0 started', '7 outcome succeeded']);
});

test('a crash loses the answers of effects, and not one effect is repeated', async () => {
  const events = [{ at: START, kind: 'crash' as const }];
  const rule = policyOf({ rule: RULE });
  const calm = await run(rule, 6, () => 0.5);
  const crashed = await run(rule, 6, () => 0.5, { events });
  expect(crashed.runs.map(one => one.action.key)).toEqual(calm.runs.map(one => one.action.key));
  expect(crashed.bodies.filter(body => body.kind === 'started')).toHaveLength(calm.runs.length);
  expect(await crashed.store.verify()).toMatchObject({ ok: true });
  expect((await crashed.store.rebuild()).differences).toEqual([]);
});

test('a deadline ends what runs too long, as live', async () => {
  const rule = policyOf({ rule: doing([{ ...RETRAIN, timeoutMs: HOUR }]) });
  const effects = () => ({ afterMs: 5 * HOUR, outcome: 'succeeded' as const });
  const { entries } = await run(rule, 4, () => 0.5, { effects });
  const [outcome] = entries.flatMap(({ at, body }) =>
    body.kind === 'outcome' ? [{ at, outcome: body.outcome }] : [],
  );
  expect(outcome).toEqual({ at: START + HOUR + 1, outcome: 'timed-out' });
});

test('what is lost keeps its subject until a person settles it, and pages', async () => {
  const effects = (action: { verb: string }): Ending =>
    action.verb === 'retrain' ? { afterMs: HOUR, outcome: 'lost' } : done;
  const { bodies, runs } = await run(policyOf({ rule: doing([RETRAIN]) }), 6, () => 0.5, { effects });
  expect(bodies.filter(body => body.kind === 'unresolved')).toHaveLength(1);
  expect(runs.map(one => one.action.verb)).toEqual(['retrain', 'escalate']);
});

test('the evaluators run where observations are not given', async () => {
  const store = await openStore(':memory:');
  opened.push(store);
  const asked: string[] = [];
  await simulate({
    revision: { commit: COMMIT, policies: [policyOf({ observe: { psi: observes('psi') } })] },
    from: START,
    to: START + HOUR,
    store,
    catalogue: CATALOGUE,
    queryData: async (_, query) => {
      asked.push('sql' in query ? query.sql : query.promql);
      return [{ value: 0.5 }];
    },
    dialectFor: () => ({
      name: 'duckdb',
      relation: dataset => dataset.name,
      identifier: name => name,
      literal: String,
      timestamp: String,
    }),
    effects: () => done,
  });
  expect(asked).toEqual(['select psi']);
  expect((await store.target(CHAIN))?.own.rules.p?.main?.['']?.state).toBe('firing');
});

test('the same input gives the same ledger, byte for byte, whatever the world does', async () => {
  const value = fc.oneof(fc.constantFrom(0.5, 0.05), fc.constant(undefined));
  const at = fc.integer({ min: 0, max: 30 }).map(half => START + (half * HOUR) / 2);
  const event = fc.oneof(
    fc.record({ at, kind: fc.constant('crash' as const) }),
    fc.record({ at, kind: fc.constant('gap' as const), forMs: fc.integer({ min: 1, max: 5 * HOUR }) }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(value, { minLength: 16, maxLength: 16 }),
      fc.array(event, { maxLength: 4 }),
      fc.constantFrom<Ending['outcome']>('succeeded', 'failed', 'lost', 'timed-out'),
      async (values, events, outcome) => {
        const effects = (): Ending => ({ afterMs: HOUR, outcome, outputs: { version: 'v2' } });
        const once = () =>
          run(policyOf({ rule: RULE, actions: { retrain: { cooldownMs: HOUR } } }), 16, h => values[h], {
            events,
            effects,
          });
        const [first, second] = [await once(), await once()];
        expect(second.entries).toEqual(first.entries);
        expect(first.problems).toEqual([]);
        expect(await first.store.verify()).toMatchObject({ ok: true });
        expect((await first.store.rebuild()).differences).toEqual([]);
        const keys = first.runs.map(one => one.action.key);
        expect(new Set(keys).size).toBe(keys.length);
      },
    ),
    { numRuns: 15 },
  );
});

test('half a year of a daily policy is a few hundred ticks', async () => {
  const daily = policyOf({ everyMs: DAY, rule: RULE });
  const { ticks, seen } = await run(daily, 180 * 24, hour => (hour % 960 < 240 ? 0.5 : 0.05));
  expect(ticks).toBeLessThan(600);
  expect(seen.at(-1)?.at).toBeGreaterThan(START + 178 * DAY);
});
