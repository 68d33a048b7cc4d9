/** When rules are evaluated: slots, cron, exclusions; and what is observed for nothing (`needs`). */
import { describe, expect, test } from 'vitest';
import { qualified } from '../../src/engine/qualified.ts';
import { isDue, nextSlot, shortestEveryMs } from '../../src/engine/schedule.ts';
import type { ClosedPolicy } from '../../src/model.ts';
import {
  compares,
  condition,
  DAY,
  doing,
  HOUR,
  observed,
  observes,
  observesBy,
  policyOf,
  RETRAIN,
  vectorOf,
} from './closed-policy.ts';
import { PERSON, type Simulation, simulate } from './simulation.ts';

const DRIFTED = { psi: 0.5 };
const utc = (text: string) => Date.parse(`${text}Z`);
const cronOf = (cron: string, everyMs: number, zone = 'Europe/Zurich'): ClosedPolicy =>
  policyOf({ cron: { cron, zone }, everyMs });

describe('cron', () => {
  const nightly = cronOf('0 2 * * *', 25 * HOUR);

  test.each`
    last                     | at                       | due
    ${undefined}             | ${'2026-01-05T10:00:00'} | ${false}
    ${undefined}             | ${'2026-01-05T01:00:00'} | ${true}
    ${'2026-01-05T00:30:00'} | ${'2026-01-05T00:59:59'} | ${false}
    ${'2026-01-05T00:30:00'} | ${'2026-01-05T01:00:00'} | ${true}
    ${'2026-01-05T01:00:00'} | ${'2026-01-05T23:00:00'} | ${false}
    ${'2026-01-05T01:00:00'} | ${'2026-01-09T00:00:00'} | ${true}
  `('last looked at $last, now $at: due $due', ({ last, at, due }) => {
    expect(isDue(nightly, utc(at), last && utc(last))).toBe(due);
  });

  test('the next slot follows the zone over a change of clocks, without an offset', () => {
    expect(nextSlot(nightly, utc('2026-01-05T01:00:00'))).toBe(utc('2026-01-06T01:00:00'));
    expect(nextSlot(nightly, utc('2026-07-05T10:00:00'))).toBe(utc('2026-07-06T00:00:00'));
  });

  test('working hours are no gap at night, and an outage of three days is one', () => {
    const hourly = cronOf('0 8-17 * * 1-5', 63 * HOUR);
    const sim = simulate([hourly]);
    sim.at = utc('2026-01-09T16:00:00');
    sim.tick(DRIFTED, 'slots');
    sim.at = utc('2026-01-12T07:00:00');
    sim.tick(DRIFTED, 'slots');
    expect(sim.kinds()).not.toContain('gap');
    sim.at += 6 * DAY;
    sim.tick(DRIFTED, 'slots');
    expect(sim.kinds()).toContain('gap');
  });

  test('beside `every` on one target each keeps its own time', () => {
    const often = policyOf({ policy: 'often', everyMs: HOUR });
    const sim = simulate([nightly, often]);
    sim.at = utc('2026-01-05T12:00:00');
    for (let hour = 0; hour < 48; hour++) {
      sim.at += HOUR;
      sim.tick(DRIFTED, 'slots');
    }
    const due = (name: string) => sim.ticks.filter(tick => tick.snapshot.due.includes(name)).length;
    // At first sight a cron is not due: it waits for its first run.
    expect([due('p'), due('often')]).toEqual([2, 48]);
    expect(sim.kinds()).not.toContain('gap');
    expect(sim.last?.wakeAt).toBe(Math.min(nextSlot(nightly, sim.at), nextSlot(often, sim.at)));
  });

  test('a gate on rollouts does not make every tick of the others a gap', () => {
    const gate = policyOf({ everyMs: 60_000, rule: { gate: { on: 'rollout', fails: { count: 1, of: 1 } } } });
    expect(shortestEveryMs([gate, cronOf('0 2 * * *', DAY)], 0)).toBe(DAY);
    expect(shortestEveryMs([gate], 0)).toBeUndefined();
  });
});

describe('excluded', () => {
  const except = (policy: ClosedPolicy, until?: number): ClosedPolicy => ({
    ...policy,
    excluded: { policy: policy.policy, reason: 'migrates', ...(until === undefined ? {} : { until }) },
  });
  const acts = policyOf({ rule: doing([RETRAIN], { forMs: 3 * HOUR }) });

  function excluding(sim: Simulation, hours: number): number {
    const until = sim.at + hours * HOUR;
    sim.enforce([except(acts, until)]);
    // A commit makes the target due at once.
    sim.tick(DRIFTED, 'slots');
    return until;
  }

  test('it is not observed, not due, not evaluated, and looked at again at its end', () => {
    const sim = simulate([acts]);
    const until = excluding(sim, 10);
    expect(sim.run(9, DRIFTED).filter(one => one.kind !== 'verified')).toEqual([]);
    expect(sim.ticks.every(tick => tick.snapshot.due.length === 0)).toBe(true);
    expect(sim.last?.wakeAt).toBe(until);
    expect(sim.last?.verdicts).toEqual([]);
    sim.at = until;
    sim.tick(DRIFTED, 'slots');
    expect(sim.of('transition')).toMatchObject([{ to: 'pending' }]);
  });

  test('a timer stands still, so that the time of the exclusion does not count', () => {
    const sim = simulate([acts]);
    sim.run(2, DRIFTED);
    const until = excluding(sim, 2);
    sim.run(2, DRIFTED);
    expect(sim.at).toBe(until);
    expect(sim.of('transition').map(one => `${one.to} ${one.reason ?? ''}`.trim())).toEqual([
      'pending',
      'unknown excluded: migrates',
      'pending the timer runs again',
    ]);
    expect(sim.of('episode-opened')).toEqual([]);
    sim.run(1, DRIFTED);
    expect(sim.of('episode-opened')).toEqual([]);
    sim.run(1, DRIFTED);
    expect(sim.of('episode-opened')).toHaveLength(1);
  });

  test('an open episode stands still: nothing begins, nothing ends, an ask is taken back', () => {
    const approval = { from: ['owner'], quorum: 1, expiresMs: 8 * HOUR, reaskMs: HOUR };
    const asks = policyOf({ actions: { retrain: { approval } }, rule: doing([RETRAIN]) });
    const sim = simulate([asks]);
    sim.run(1, DRIFTED);
    const [ask] = sim.of('ask');
    sim.enforce([except(asks)]);
    sim.input({ kind: 'approval', approval: ask?.approval ?? '', decision: 'yes', by: PERSON });
    sim.run(5, { psi: 0.1 });
    expect(sim.of('withdrawn')).toMatchObject([{ approval: ask?.approval, reason: 'excluded' }]);
    expect(sim.of('intent')).toEqual([]);
    expect(sim.of('episode-ended')).toEqual([]);
    expect(sim.last?.decisions).toMatchObject([
      { outcome: 'hold', holds: [{ reason: 'excluded', message: 'excluded: migrates' }] },
    ]);
    sim.enforce([asks]);
    sim.run(1, DRIFTED);
    expect(sim.of('ask')).toHaveLength(2);
  });

  test('what runs may finish; what was to start may not', () => {
    const now = policyOf({ rule: doing([RETRAIN, { ...RETRAIN, id: 'again' }]) });
    const sim = simulate([now]);
    sim.tick(DRIFTED);
    const record = sim.live('retrain');
    sim.start(record);
    sim.enforce([except(now)]);
    sim.tick(DRIFTED);
    sim.end(record, 'succeeded', { version: 'v2' });
    sim.run(3, DRIFTED);
    expect(sim.of('intent')).toHaveLength(1);
    const other = simulate([now]);
    other.tick(DRIFTED);
    other.enforce([except(now)]);
    expect(other.start(other.live('retrain'))).toMatchObject([{ kind: 'withdrawn', reason: 'excluded' }]);
  });
});

describe('needs', () => {
  const enough = condition(compares('requests', '>=', 100));
  const errors = observes('errors', { needs: enough });
  const policy = policyOf({
    observe: { errors, requests: observes('requests') },
    rule: doing([RETRAIN], { when: condition(compares('errors', '>', 0.05)) }),
  });

  /** An observation counts only while what it needs is known to hold (P8, P56). */
  test.each`
    requests     | errors       | answer
    ${100}       | ${0.5}       | ${'breach'}
    ${99}        | ${0.5}       | ${'unknown'}
    ${undefined} | ${0.5}       | ${'unknown'}
    ${99}        | ${undefined} | ${'unknown'}
    ${200}       | ${0.01}      | ${undefined}
  `('$requests requests, errors $errors: $answer', ({ requests, errors: value, answer }) => {
    const sim = simulate([policy]);
    sim.tick({ requests, errors: value });
    const [verdict] = sim.last?.verdicts ?? [];
    expect(verdict?.answer === 'ok' ? undefined : verdict?.answer).toBe(answer);
    expect(sim.of('intent')).toHaveLength(answer === 'breach' ? 1 : 0);
  });

  test('the reason names the condition and the values, and stands in the snapshot', () => {
    const sim = simulate([policy]);
    sim.tick({ requests: 12, errors: 0.5 });
    expect(sim.ticks[0]?.snapshot.observations.p?.errors?.unknown).toEqual({
      reason: 'too-few',
      message: 'it needs requests >= 100, and that does not hold: requests 12',
    });
  });

  test('one that is unknown already keeps its own reason; one without needs is not touched', () => {
    const taken = { p: { errors: observed('errors', undefined), requests: observed('requests', 1) } };
    expect(qualified([policy], taken)).toEqual(taken);
    expect(qualified([policyOf()], taken)).toBe(taken);
  });

  test('of a vector, the label sets whose own traffic is too low', () => {
    const by = { ...policy, observe: { errors, requests: observesBy('requests', ['origin']) } };
    const taken = {
      p: {
        errors: vectorOf('errors', { O: 0.5, P: 0.5, Q: 0.5 }),
        requests: vectorOf('requests', { O: 500, P: 5 }),
      },
    };
    const found = qualified([by], taken).p?.errors;
    expect(found?.readings.map(one => one.unknown?.reason ?? one.fields.value)).toEqual([
      0.5,
      'too-few',
      'too-few',
    ]);
    expect(found?.unknown).toBeUndefined();
  });

  test('what is needed may need something itself, and a circle ends', () => {
    const chain = {
      ...policy,
      observe: {
        errors,
        requests: observes('requests', { needs: condition(compares('up', '===', 1)) }),
        up: observes('up', { needs: condition(compares('errors', '>', 0)) }),
      },
    };
    const taken = (up: number) => ({
      p: { errors: observed('errors', 0.5), requests: observed('requests', 500), up: observed('up', up) },
    });
    expect(qualified([chain], taken(1)).p?.errors?.unknown).toBeUndefined();
    expect(qualified([chain], taken(0)).p?.errors?.unknown?.reason).toBe('too-few');
  });

  test('twice gives the same as once', () => {
    const taken = { p: { errors: observed('errors', 0.5), requests: observed('requests', 1) } };
    const once = qualified([policy], taken);
    expect(qualified([policy], once)).toEqual(once);
  });
});
