/** P17, P19: whatever an episode is in, people get it out: by cancel, retry or resolve, each on record and used up once. */
import { describe, expect, test } from 'vitest';
import type { ApprovalSpec, Sequence } from '../../src/model.ts';
import {
  compares,
  condition,
  DAY,
  doing,
  HOUR,
  observes,
  policyOf,
  RETRAIN,
  stepOf,
} from './closed-policy.ts';
import { PERSON, type Simulation, simulate } from './simulation.ts';

const BAD = { psi: 0.5, perf: 0.9 };
const observe = { psi: observes('psi'), perf: observes('perf') };
const approval: ApprovalSpec = { from: ['owner'], quorum: 1, expiresMs: 8 * HOUR, reaskMs: DAY };
const verify = {
  that: condition(compares('perf', '<', 0.5)),
  withinMs: 12 * HOUR,
  attempts: 1,
  otherwise: 'escalate' as const,
};
const UNDONE = stepOf('promote', { version: 'v2' }, { undo: true });
const retrains = policyOf({ observe, rule: doing([RETRAIN], { verify }) });
const rollouts = {
  trial: {
    name: 'trial',
    steps: [
      { weight: 0.1, holdMs: 4 * HOUR },
      { weight: 1, holdMs: HOUR },
    ],
    onFailure: 'hold' as const,
    // biome-ignore lint/suspicious/noThenProperty: the word of the language
    onUnknown: { holdMs: HOUR, then: 'hold' as const },
    maxMs: DAY,
  },
};

function start(sim: Simulation, verb: string): void {
  expect(sim.start(sim.live(verb))).toEqual([]);
}

function carryOut(sim: Simulation, verb: string, outputs = {}): void {
  start(sim, verb);
  sim.end(sim.live(verb), 'succeeded', outputs);
}

/** One way into each status that is not over. */
const INTO: Readonly<Record<string, () => Simulation>> = {
  'ready, held': () => {
    const sim = simulate([retrains]);
    sim.pause('all');
    sim.tick(BAD);
    return sim;
  },
  'ready, denied': () => {
    const sim = simulate([policyOf({ observe, rule: doing([RETRAIN]), actions: { retrain: { approval } } })]);
    sim.tick(BAD);
    const said = sim.of('ask')[0]?.approval ?? '';
    sim.input({ kind: 'approval', approval: said, decision: 'no', by: PERSON });
    sim.tick(BAD);
    return sim;
  },
  'ready, retrying': () => {
    const retry = { attempts: 3, backoffMs: 5 * HOUR, backoffMaxMs: 5 * HOUR };
    const sim = simulate([policyOf({ observe, rule: doing([{ ...RETRAIN, retry }]) })]);
    sim.tick(BAD);
    start(sim, 'retrain');
    sim.fail(sim.live('retrain'));
    sim.tick(BAD);
    return sim;
  },
  'ready, preempting': () => {
    const back = policyOf({
      policy: 'back',
      observe,
      rule: {
        ...doing([stepOf('rollback', { version: 'v0' })]),
        when: condition(compares('perf', '>', 0.8)),
      },
    });
    const sim = simulate([back, policyOf({ observe, rule: doing([stepOf('promote', { version: 'v2' })]) })]);
    sim.tick({ psi: 0.5, perf: 0.1 });
    start(sim, 'promote');
    sim.run(1, BAD);
    expect(sim.of('preempted')).toHaveLength(1);
    return sim;
  },
  asking: () => {
    const sim = simulate([policyOf({ observe, rule: doing([RETRAIN]), actions: { retrain: { approval } } })]);
    sim.tick(BAD);
    return sim;
  },
  'acting, intended': () => {
    const sim = simulate([retrains]);
    sim.tick(BAD);
    return sim;
  },
  'acting, started': () => {
    const sim = simulate([retrains]);
    sim.tick(BAD);
    start(sim, 'retrain');
    return sim;
  },
  'acting, unresolved': () => {
    const sim = simulate([retrains]);
    sim.tick(BAD);
    start(sim, 'retrain');
    sim.end(sim.live('retrain'), 'lost');
    sim.tick(BAD);
    return sim;
  },
  'acting, adopting': () => {
    const rules = [retrains.rules[0]!, { ...retrains.rules[0]!, name: 'second' }];
    const sim = simulate([policyOf({ observe, rules })]);
    sim.tick(BAD);
    start(sim, 'retrain');
    sim.tick(BAD);
    expect(sim.of('adopted')).toHaveLength(1);
    return sim;
  },
  holding: () => {
    const documents = { rollouts };
    const sim = simulate([
      policyOf({
        observe,
        rule: doing([stepOf('promote', { version: 'v2' })], { verify }),
        actions: { promote: { rollout: 'trial' } },
        documents,
      }),
    ]);
    sim.tick(BAD);
    carryOut(sim, 'promote');
    sim.serving = { champion: 'v1', weights: { v1: 0.9, v2: 0.1 } };
    sim.tick(BAD);
    return sim;
  },
  verifying: () => {
    const sim = simulate([retrains]);
    sim.tick(BAD);
    carryOut(sim, 'retrain', { version: 'v2' });
    sim.tick(BAD);
    return sim;
  },
  undoing: () => {
    const sim = simulate([policyOf({ observe, rule: doing([UNDONE, RETRAIN], { verify }) })]);
    sim.tick(BAD);
    carryOut(sim, 'promote');
    sim.tick(BAD);
    carryOut(sim, 'promote', { version: 'v2' });
    sim.serving = { champion: 'v2', weights: { v2: 1 } };
    sim.tick(BAD);
    start(sim, 'retrain');
    sim.fail(sim.live('retrain'), false);
    sim.tick(BAD);
    sim.tick(BAD);
    return sim;
  },
  stalled: () => {
    const sim = simulate([retrains]);
    sim.tick(BAD);
    start(sim, 'retrain');
    sim.fail(sim.live('retrain'), false);
    sim.tick(BAD);
    return sim;
  },
  done: () => {
    const sim = simulate([policyOf({ observe, rule: doing([RETRAIN]) })]);
    sim.tick(BAD);
    carryOut(sim, 'retrain', { version: 'v2' });
    sim.tick(BAD);
    return sim;
  },
};

/** The youngest episode: of two that concern one subject, the one that waits. */
function episodeOf(sim: Simulation) {
  return Object.values(sim.own.episodes)
    .filter(one => !one.ended)
    .at(-1)!;
}

const statusOf = (sim: Simulation): Sequence['status'] | 'gone' =>
  Object.values(sim.own.episodes).find(one => !one.ended)?.sequence.status ?? 'gone';

/** What runs ends as it was asked to, and whatever follows is carried out. */
function playOut(sim: Simulation): void {
  for (let hour = 0; hour < 8; hour++) {
    sim.run(1, BAD);
    for (const record of Object.values(sim.own.actions)) {
      if (record.state === 'intended') sim.start(record);
    }
    for (const record of Object.values(sim.own.actions)) {
      const { state, action } = record;
      if (state !== 'started' && state !== 'unresolved') continue;
      if (action.verb === 'rollback' && action.phase === 0)
        sim.serving = { champion: sim.serving?.champion ?? 'v1', weights: { v1: 1 } };
      sim.end(record, record.cancelRequested ? 'cancelled' : 'succeeded', { version: 'v1' });
    }
  }
}

const OVER = ['stalled', 'done'];

describe('P17 cancel of an episode', () => {
  test.each(Object.keys(INTO).filter(name => !OVER.includes(name)))(
    '%s: it ends, and nobody is paged',
    name => {
      const sim = INTO[name]!();
      const { id: episode } = episodeOf(sim);
      const before = sim.of('intent').length;
      sim.input({ kind: 'cancel', episode, by: PERSON, reason: 'enough' });
      playOut(sim);
      expect(sim.of('stalled').some(one => one.episode === episode)).toBe(true);
      expect(sim.own.episodes[episode]?.sequence.status).toBe('stalled');
      expect(sim.own.episodes[episode]?.sequence.ordered).toBeUndefined();
      expect(sim.own.asks).toEqual({});
      const after = sim
        .of('intent')
        .slice(before)
        .filter(one => one.episode === episode);
      const allowed = name === 'holding' || name === 'undoing' ? ['rollback', 'escalate'] : [];
      expect(after.filter(one => !allowed.includes(one.action.verb))).toEqual([]);
    },
  );

  test.each(OVER)('%s: nothing is left to cancel', name => {
    const sim = INTO[name]!();
    const before = sim.own.episodes;
    sim.input({ kind: 'cancel', episode: episodeOf(sim).id, by: PERSON });
    expect(sim.own.episodes).toEqual(before);
  });
});

describe('P17 resolve of an episode', () => {
  test.each(Object.keys(INTO))('%s: it ends, with what runs brought to its end', name => {
    const sim = INTO[name]!();
    const { id: episode } = episodeOf(sim);
    sim.input({ kind: 'resolve', episode, as: 'resolved', by: PERSON });
    sim.tick(BAD);
    expect(sim.of('episode-ended').find(one => one.episode === episode)).toMatchObject({ how: 'resolved' });
    expect(Object.values(sim.own.asks).filter(one => one.episode === episode)).toEqual([]);
  });
});

describe('P17 retry of an episode', () => {
  const ANEW = ['stalled', 'done', 'verifying'];

  test.each(ANEW)('%s: the remedy begins anew, one round later', name => {
    const sim = INTO[name]!();
    sim.input({ kind: 'retry', episode: episodeOf(sim).id, by: PERSON });
    sim.tick(BAD);
    expect(sim.of('intent').at(-1)).toMatchObject({ action: { verb: 'retrain', round: 1, attempt: 1 } });
  });

  test('retrying: the pause is over', () => {
    const sim = INTO['ready, retrying']!();
    sim.input({ kind: 'retry', episode: episodeOf(sim).id, by: PERSON });
    sim.tick(BAD);
    expect(sim.live('retrain').action).toMatchObject({ round: 0, attempt: 2 });
  });

  test('denied: it is asked again at once; P19 the no is used up, and is not asked for twice', () => {
    const sim = INTO['ready, denied']!();
    sim.run(2, BAD);
    expect(sim.of('ask')).toHaveLength(1);
    sim.input({ kind: 'retry', episode: episodeOf(sim).id, by: PERSON });
    sim.run(1, BAD);
    expect(sim.of('ask')).toHaveLength(2);
    const { approval = '' } = sim.of('ask')[1] ?? {};
    sim.input({ kind: 'approval', approval, decision: 'yes', by: PERSON });
    sim.run(1, BAD);
    expect(sim.live('retrain')).toBeDefined();
  });

  test('asking: the question is withdrawn and asked anew, and the old one is worth nothing', () => {
    const sim = INTO.asking!();
    const { approval: old } = sim.of('ask')[0]!;
    sim.input({ kind: 'retry', episode: episodeOf(sim).id, by: PERSON });
    sim.run(2, BAD);
    expect(sim.of('withdrawn')).toMatchObject([{ approval: old, reason: 'again' }]);
    expect(sim.of('ask')).toHaveLength(2);
    sim.input({ kind: 'approval', approval: old, decision: 'yes', by: PERSON });
    sim.run(1, BAD);
    expect(sim.of('intent')).toEqual([]);
  });

  test.each(['acting, started', 'acting, unresolved', 'holding', 'undoing'])('%s: nothing changes', name => {
    const sim = INTO[name]!();
    const status = statusOf(sim);
    sim.input({ kind: 'retry', episode: episodeOf(sim).id, by: PERSON });
    sim.tick(BAD);
    expect(statusOf(sim)).toBe(status);
  });
});

test("P19 a person's advance is for one hold, and is used up by it", () => {
  const sim = INTO.holding!();
  const { id: episode } = episodeOf(sim);
  sim.input({ kind: 'rollout-order', episode, what: 'advance', by: PERSON });
  sim.tick(BAD);
  expect(sim.of('rollout').at(-1)).toMatchObject({ state: 'advanced' });
  carryOut(sim, 'promote');
  sim.serving = { champion: 'v1', weights: { v2: 1 } };
  sim.tick(BAD);
  expect(sim.own.episodes[episode]?.sequence.status).toBe('holding');
  expect(sim.own.episodes[episode]?.sequence.rollout?.order).toBeUndefined();
});
