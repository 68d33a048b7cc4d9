/** A step of several calls is one remedy: what has begun is brought to its end, although its doing clears the rule. */
import { expect, test } from 'vitest';
import { compares, condition, doing, observes, policyOf, ruleOf, stepOf } from './closed-policy.ts';
import { type Simulation, simulate } from './simulation.ts';

const BAD = { errors: 0.9 };
const GOOD = { errors: 0.1 };

/** The traffic goes back to v1, which makes the errors go away before the champion is pointed. */
function shifted(): Simulation {
  const back = ruleOf(
    doing([stepOf('rollback', { version: 'v1' })], {
      name: 'back',
      when: condition(compares('errors', '>', 0.5)),
    }),
  );
  const sim = simulate([policyOf({ observe: { errors: observes('errors') }, rules: [back] })]);
  sim.run(1, BAD);
  const { action } = sim.live('rollback');
  expect(action.call.capability).toBe('serving.shift');
  sim.start(sim.live('rollback'));
  return sim;
}

test('the champion is pointed when the rule has cleared between the calls', () => {
  const sim = shifted();
  sim.end(sim.live('rollback'), 'succeeded');
  sim.run(1, GOOD);
  sim.tick(GOOD);
  expect(sim.of('intent').map(one => one.action.call.capability)).toEqual([
    'serving.shift',
    'registry.point',
  ]);
  expect(sim.start(sim.live('rollback'))).toEqual([]);
  sim.end(sim.live('rollback'), 'succeeded');
  sim.run(1, GOOD);
  expect(sim.own.episodes).toEqual({});
  expect(sim.of('episode-ended')).toHaveLength(1);
});

test('also when it has cleared while the first call was under way', () => {
  const sim = shifted();
  sim.run(1, GOOD);
  expect(sim.of('episode-ended')).toHaveLength(1);
  sim.end(sim.live('rollback'), 'succeeded');
  sim.run(1, GOOD);
  expect(sim.of('intent').map(one => one.action.call.capability)).toEqual([
    'serving.shift',
    'registry.point',
  ]);
  expect(sim.start(sim.live('rollback'))).toEqual([]);
  sim.end(sim.live('rollback'), 'succeeded');
  sim.run(1, GOOD);
  expect(sim.own.episodes).toEqual({});
});
