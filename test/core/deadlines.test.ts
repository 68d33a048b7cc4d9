/** P25: deadlines are the engine's, absolute and in the intent; what nobody confirms the end of never runs for ever. */
import { describe, expect, test } from 'vitest';
import { DAY, doing, HOUR, observes, policyOf, RETRAIN } from './closed-policy.ts';
import { PERSON, type Simulation, simulate } from './simulation.ts';

const BAD = { psi: 0.5 };
const MINUTE = 60_000;
const observe = { psi: observes('psi') };
const GRACE = 10 * MINUTE;

function begun(step = { ...RETRAIN, timeoutMs: HOUR } as typeof RETRAIN): Simulation {
  const sim = simulate([policyOf({ observe, everyMs: DAY, rule: doing([step]) })]);
  sim.tick(BAD);
  expect(sim.start(sim.live('retrain'))).toEqual([]);
  return sim;
}

const pages = (sim: Simulation) => sim.of('intent').filter(one => one.action.verb === 'escalate');

describe('P25 an end that nobody confirms', () => {
  test('a runner that died with its deadline: unresolved after the grace, paged, and its lock is kept', () => {
    const sim = begun();
    const { deadline = 0 } = sim.live('retrain').action;
    expect(deadline).toBe(sim.at + HOUR);
    sim.tick(BAD);
    expect(sim.last?.wakeAt).toBe(deadline);
    sim.at = deadline;
    sim.tick(BAD, 'slots');
    expect(sim.of('cancelling')).toMatchObject([{ overdue: true }]);
    expect(sim.last?.wakeAt).toBe(deadline + GRACE);
    sim.at = deadline + GRACE - 1;
    sim.tick(BAD, 'slots');
    expect(sim.of('unresolved')).toEqual([]);
    sim.at += 1;
    sim.tick(BAD, 'slots');
    expect(sim.of('unresolved')).toMatchObject([
      { overdue: true, message: expect.stringContaining('nobody has confirmed') },
    ]);
    expect(pages(sim)).toHaveLength(1);
    expect(sim.facts['lock:local/train']?.value).not.toBeNull();
    sim.at += DAY;
    sim.tick(BAD);
    expect(sim.of('unresolved')).toHaveLength(1);
  });

  test('a cancel that the connector never confirms ends there too', () => {
    const sim = begun({ ...RETRAIN });
    sim.input({ kind: 'cancel', action: sim.live('retrain').action.id, by: PERSON });
    sim.at += GRACE;
    sim.tick(BAD);
    expect(sim.of('cancelling')).toMatchObject([{ message: expect.stringContaining('not confirmed') }]);
    sim.at += GRACE;
    sim.tick(BAD);
    expect(sim.of('unresolved')).toMatchObject([{ overdue: true }]);
  });

  test.each(['succeeded', 'timed-out', 'cancelled'] as const)(
    'a late word settles it all the same: %s',
    said => {
      const sim = begun();
      sim.at += HOUR + GRACE;
      sim.tick(BAD);
      sim.end(sim.live('retrain'), said, said === 'succeeded' ? { version: 'v2' } : undefined);
      sim.tick(BAD);
      expect(sim.facts['lock:local/train']?.value).toBeNull();
      expect(Object.values(sim.own.episodes)[0]?.sequence.status).toBe(
        said === 'succeeded' ? 'done' : 'stalled',
      );
    },
  );

  test('nobody looked for a day: what ended well meanwhile is asked about first, and nobody is paged', () => {
    const sim = begun();
    sim.at += 3 * DAY;
    sim.tick(BAD);
    expect(sim.of('cancelling')).toHaveLength(1);
    expect(sim.of('unresolved')).toEqual([]);
    sim.end(sim.live('retrain'), 'succeeded', { version: 'v2' });
    sim.at += DAY;
    sim.tick(BAD);
    expect(pages(sim)).toEqual([]);
  });

  test('an action without a limit of its own has a day', () => {
    const sim = begun({ ...RETRAIN });
    expect(sim.live('retrain').action).toMatchObject({ timeoutMs: DAY, deadline: sim.at + DAY });
  });

  test('one whose time was over before it began does not begin: it is planned anew', () => {
    const sim = simulate([policyOf({ observe, rule: doing([{ ...RETRAIN, timeoutMs: HOUR }]) })]);
    sim.tick(BAD);
    sim.at += HOUR;
    expect(sim.start(sim.live('retrain'))).toMatchObject([{ kind: 'withdrawn', reason: 'expired' }]);
    sim.tick(BAD);
    expect(sim.live('retrain').action).toMatchObject({ attempt: 2, deadline: sim.at + HOUR });
  });
});

describe('within: all attempts together', () => {
  const retry = { attempts: 9, backoffMs: HOUR, backoffMaxMs: HOUR, withinMs: 5 * HOUR };
  const step = { ...RETRAIN, timeoutMs: 2 * HOUR, retry };

  test('no attempt runs longer and none begins later, whatever is left of its own limits', () => {
    const sim = simulate([policyOf({ observe, rule: doing([step]) })]);
    const began = sim.at;
    sim.tick(BAD);
    const seen: number[] = [];
    for (let hour = 0; hour < 12; hour++) {
      const record = Object.values(sim.own.actions).find(one => one.state === 'intended');
      if (record?.action.verb === 'retrain') {
        sim.start(record);
        const { deadline = 0, until = 0 } = record.action;
        expect(until).toBe(began + 5 * HOUR);
        expect(deadline).toBeLessThanOrEqual(until);
        seen.push(deadline - began);
        sim.at = Math.min(sim.at + HOUR / 2, deadline);
        sim.fail(sim.live('retrain'));
      }
      sim.run(1, BAD);
    }
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.length).toBeLessThan(9);
    expect(sim.of('stalled')).toMatchObject([{ reason: 'step-failed' }]);
    expect(pages(sim)).toHaveLength(1);
  });
});
