/** Rollouts through `wants`, `step` and `fold`: shifts with holds between them, gates at their ticks, and the way back. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonical } from '../../src/canonical.ts';
import { emptyOwn, fold } from '../../src/engine/fold.ts';
import { step } from '../../src/engine/step.ts';
import { wants } from '../../src/engine/wants.ts';
import type {
  ActionLimits,
  ClosedPolicy,
  JsonObject,
  RolloutGate,
  RolloutSpec,
  Scalar,
  Serving,
} from '../../src/model.ts';
import { CATALOGUE, compares, condition, doing, HOUR, observes, policyOf, stepOf } from './closed-policy.ts';
import { PERSON, type Simulation, simulate, type Values } from './simulation.ts';

const MINUTE = 60_000;
const DRIFTED = { psi: 0.5 };

const GATE: RolloutGate = {
  name: 'health',
  everyMs: MINUTE,
  observe: {
    requests: observes('requests', { sides: true }),
    errors: observes('errors', { sides: true }),
  },
  needs: condition({ '>=': [{ var: 'requests.canary' }, 100] }),
  closed: condition({ '>': [{ var: 'errors.canary' }, { '+': [{ var: 'errors.baseline' }, 0.005] }] }),
  fails: { count: 3, of: 5 },
};

const STANDARD: RolloutSpec = {
  name: 'standard',
  steps: [
    { weight: 0.05, holdMs: 10 * MINUTE, gate: 'health' },
    { weight: 1, holdMs: 5 * MINUTE, gate: 'health' },
  ],
  onFailure: 'rollback',
  // biome-ignore lint/suspicious/noThenProperty: the word of the language.
  onUnknown: { holdMs: 15 * MINUTE, then: 'rollback' },
  maxMs: 6 * HOUR,
};

interface Parts {
  readonly rollout?: Partial<RolloutSpec>;
  readonly gate?: Partial<RolloutGate>;
  readonly actions?: Readonly<Record<string, ActionLimits>>;
  readonly more?: Partial<ClosedPolicy>;
}

function promoting({ rollout, gate, actions, more }: Parts = {}): ClosedPolicy {
  return policyOf({
    actions: { promote: { rollout: 'standard' }, ...actions },
    rule: doing([stepOf('promote', { version: 'v2' })]),
    ...more,
    documents: {
      rollouts: { standard: { ...STANDARD, ...rollout } },
      gates: { health: { ...GATE, ...gate } },
    },
  });
}

/** What a gate tick sees: fine, bad, without traffic, or without an answer. */
const SEEN: Readonly<Record<string, Values>> = {
  p: seen(500, 0.01),
  f: seen(500, 0.09),
  n: seen(0, undefined),
  u: seen(500, undefined),
};

function seen(requests: Scalar | undefined, errors: Scalar | undefined): Values {
  return {
    ...DRIFTED,
    'health/requests@canary': requests,
    'health/requests@baseline': 9000,
    'health/errors@canary': errors,
    'health/errors@baseline': 0.01,
  };
}

/** Carries out the live action of a verb, and moves traffic and champion as the world would. */
function carryOut(sim: Simulation, verb: string, outcome: 'succeeded' | 'failed' = 'succeeded'): void {
  const record = sim.live(verb);
  const { call } = record.action;
  expect(sim.start(record)).toEqual([]);
  if (outcome === 'succeeded') {
    const { weights: _, ...serving } = sim.serving ?? { weights: {} };
    const now = sim.serving?.weights ?? {};
    if (call.capability === 'serving.shift')
      sim.serving = { ...serving, weights: call.args.weights as Serving['weights'] };
    if (call.capability === 'registry.point')
      sim.serving = { ...serving, weights: now, champion: String(call.args.version) };
  }
  sim.end(record, outcome, outcome === 'succeeded' ? { version: 'v2' } : undefined);
}

/** A rollout whose first shift is done. */
function begun(policy = promoting()): Simulation {
  const sim = simulate([policy]);
  sim.tick(DRIFTED);
  carryOut(sim, 'promote');
  sim.tick(DRIFTED, 'slots');
  return sim;
}

/** One gate tick a letter. */
function minutes(sim: Simulation, letters: string): void {
  for (const letter of letters) {
    sim.at += MINUTE;
    sim.tick(SEEN[letter], 'slots');
  }
}

const states = (sim: Simulation) => sim.of('rollout').map(one => one.state);
const episodeOf = (sim: Simulation) => Object.values(sim.own.episodes)[0];
const shifts = (sim: Simulation) =>
  sim
    .of('intent')
    .filter(one => one.action.call.capability === 'serving.shift')
    .map(one => one.action.call.args.weights);

/** Where the rollout is: `hold N` at step N, `next` when the next shift was intended, `back` when traffic goes back. */
function where(sim: Simulation): string {
  const live = Object.values(sim.own.actions).find(
    one => one.state === 'intended' && !isPage(one.action.verb),
  );
  if (live) return live.action.verb === 'rollback' ? 'back' : 'next';
  const sequence = episodeOf(sim)?.sequence;
  return sequence?.status === 'holding' ? `hold ${sequence.rollout?.index}` : (sequence?.status ?? 'gone');
}

const isPage = (verb: string) => verb === 'escalate';

test('a good version goes step by step to all traffic, and only then is it the champion', () => {
  const sim = begun();
  expect(shifts(sim)).toEqual([{ v2: 0.05, v1: 0.95 }]);
  expect(where(sim)).toBe('hold 0');
  minutes(sim, 'pppppppppp');
  expect(where(sim)).toBe('next');
  expect(sim.of('intent').at(-1)).toMatchObject({ first: false, action: { phase: 1, phases: 3 } });
  carryOut(sim, 'promote');
  sim.tick(DRIFTED, 'slots');
  expect(sim.serving).toEqual({ champion: 'v1', weights: { v2: 1 } });
  minutes(sim, 'ppppp');
  expect(sim.live('promote').action.call).toMatchObject({ capability: 'registry.point' });
  carryOut(sim, 'promote');
  sim.tick(DRIFTED, 'slots');
  expect(states(sim)).toEqual(['holding', 'passed', 'advanced', 'holding', 'passed', 'advanced', 'done']);
  expect(sim.serving).toEqual({ champion: 'v2', weights: { v2: 1 } });
  expect(episodeOf(sim)?.sequence).not.toHaveProperty('rollout');
  expect(new Set(sim.of('intent').map(one => one.action.key)).size).toBe(3);
});

describe('a hold of ten minutes, a letter each; its gate fails at 3 of 5, unknown goes back after 15 (P8)', () => {
  /** p: passes, f: fails, n: no traffic, u: no answer | where it is then. */
  const table = `
    ppppppppp                | hold 0
    pppppppppp               | next
    fff                      | back
    ff                       | hold 0
    ffppp                    | hold 0
    fpfpf                    | back
    ffpppf                   | hold 0
    fpppfppppf               | hold 0
    fpppfppppfp              | next
    pppppppppf               | hold 0
    pppppppppfp              | next
    nnnnnnnnnn               | hold 0
    nnnnnnnnnnnnnnn          | hold 0
    nnnnnnnnnnnnnnnn         | back
    uuuuuuuuuuuuuuuu         | back
    nnnnnnnnnnnnnp           | next
    nnnnnnnnnnnnnf           | hold 0
    pnnnnnnnnnnnnn           | hold 0
    pnnnnnnnnnnnnnnnn        | back
    fnfnf                    | back
    fnnfnnnnp                | hold 0
    fnnfnnnnpp               | next
  `;
  const rows = table
    .trim()
    .split('\n')
    .map(line => line.split('|').map(part => part.trim()) as [string, string]);
  test.each(rows)('%s → %s', (letters, expected) => {
    const sim = begun();
    minutes(sim, letters);
    expect(where(sim)).toBe(expected);
  });
});

describe('whatever its gate says (P4, P5, P55)', () => {
  const letters = fc.array(fc.constantFrom('p', 'p', 'f', 'n', 'u'), { minLength: 1, maxLength: 30 });

  /** What a reader of the language page expects, said once more and differently. */
  function expected(given: readonly string[]): string {
    let unknownFor = 0;
    const judged: string[] = [];
    for (const [i, letter] of given.entries()) {
      if (letter === 'n' || letter === 'u') unknownFor += 1;
      else {
        unknownFor = 0;
        judged.push(letter);
      }
      if (judged.slice(-5).filter(one => one === 'f').length >= 3) return 'back';
      if (unknownFor > 15) return 'back';
      if (i + 1 >= 10 && letter === 'p') return 'next';
    }
    return 'hold 0';
  }

  test('it goes on only over a check that passed, and back only over failures or a long silence', () => {
    fc.assert(
      fc.property(letters, given => {
        const sim = begun();
        minutes(sim, given.join(''));
        expect(where(sim)).toBe(expected(given));
      }),
      { numRuns: 60 },
    );
  });

  test('every tick of it can be replayed, and the chain folds to the same memory', () => {
    fc.assert(
      fc.property(letters, given => {
        const sim = begun();
        minutes(sim, given.join(''));
        for (const tick of sim.ticks) {
          const history = { own: tick.before, facts: tick.facts };
          const again = step(tick.policies, tick.snapshot, history, CATALOGUE);
          expect(canonical(again.entries)).toBe(canonical(tick.entries));
        }
        const folded = sim.chain.reduce((own, entry) => fold(own, entry), emptyOwn(sim.own.target));
        expect(canonical(folded)).toBe(canonical(sim.own));
      }),
      { numRuns: 15 },
    );
  });
});

test('an observation whose needs are not met is unknown, and its gate with it', () => {
  const needs = condition({ '>=': [{ var: 'requests.canary' }, 1000] });
  const { needs: _, ...gate } = GATE;
  const observe = { ...GATE.observe, errors: observes('errors', { sides: true, needs }) };
  const policy = promoting();
  const sim = begun({
    ...policy,
    documents: { ...policy.documents, gates: { health: { ...gate, observe } } },
  });
  minutes(sim, 'ffff');
  expect(where(sim)).toBe('hold 0');
  expect(sim.of('rollout').at(-1)?.message).toContain('requests.canary 500');
});

test('quiet ticks write nothing: ten minutes of passes are one entry', () => {
  const sim = begun();
  const before = sim.chain.length;
  minutes(sim, 'ppppppppp');
  const kinds = sim.chain.slice(before).map(entry => entry.body.kind);
  expect(kinds).toEqual(['rollout']);
});

describe('the way back', () => {
  test('is one safe shift of all traffic, then the sequence is over and people are told with the evidence', () => {
    const sim = begun();
    minutes(sim, 'fff');
    const back = sim.live('rollback').action;
    expect(back.call).toMatchObject({
      capability: 'serving.shift',
      args: { name: 'late', weights: { v1: 1 }, registry: 'late' },
    });
    expect(back.id).not.toBe(sim.of('intent')[0]?.action.id);
    carryOut(sim, 'rollback');
    sim.tick(DRIFTED, 'slots');
    expect(sim.serving).toEqual({ champion: 'v1', weights: { v1: 1 } });
    expect(sim.of('stalled')).toEqual([
      expect.objectContaining({
        reason: 'rollout-failed',
        message: expect.stringContaining('errors.canary 0.09'),
      }),
    ]);
    const page = sim.live('escalate').action.call.args;
    expect(page.text).toContain('3 of the last 5 checks failed');
    expect(page.text).toContain('v1 has all traffic again');
    expect(sim.of('verified').filter(one => one.what === 'sequence')).toEqual([]);
    minutes(sim, 'pppppppppppppppp');
    expect(sim.of('intent').filter(one => one.action.verb === 'promote')).toHaveLength(1);
  });

  test('is tried again when it fails, and people are told when it cannot be', () => {
    const sim = begun();
    minutes(sim, 'fff');
    for (let attempt = 1; attempt <= 3; attempt++) {
      expect(sim.live('rollback').action.attempt).toBe(attempt);
      carryOut(sim, 'rollback', 'failed');
      sim.tick(DRIFTED, 'slots');
    }
    expect(sim.of('stalled')[0]?.message).toContain('traffic may still be split');
  });

  test('also when a later shift fails', () => {
    const sim = begun();
    minutes(sim, 'pppppppppp');
    carryOut(sim, 'promote', 'failed');
    sim.tick(DRIFTED, 'slots');
    expect(where(sim)).toBe('back');
  });

  test('when it has lasted too long', () => {
    const sim = begun(promoting({ rollout: { maxMs: 4 * MINUTE } }));
    minutes(sim, 'pppp');
    expect(where(sim)).toBe('back');
    expect(sim.of('rollout').at(-1)?.message).toContain('longer than 4m');
  });

  test('stays where it is with onFailure: hold, says so once, and goes back when a person says so', () => {
    const sim = begun(promoting({ rollout: { onFailure: 'hold' } }));
    minutes(sim, 'fffffpppppppppp');
    expect(where(sim)).toBe('hold 0');
    expect(sim.of('intent').filter(one => isPage(one.action.verb))).toHaveLength(1);
    order(sim, 'advance');
    sim.tick(SEEN.p, 'slots');
    expect(where(sim)).toBe('hold 0');
    order(sim, 'abort');
    sim.tick(SEEN.p, 'slots');
    expect(where(sim)).toBe('back');
  });

  test('onUnknown: hold waits for a person, and tells once', () => {
    // biome-ignore lint/suspicious/noThenProperty: the word of the language.
    const onUnknown = { holdMs: 2 * MINUTE, then: 'hold' } as const;
    const sim = begun(promoting({ rollout: { onUnknown } }));
    minutes(sim, 'nnnnnnnnnnnnnnnn');
    expect(where(sim)).toBe('hold 0');
    expect(sim.of('intent').filter(one => isPage(one.action.verb))).toHaveLength(1);
    minutes(sim, 'p');
    expect(where(sim)).toBe('next');
  });
});

function order(sim: Simulation, what: 'advance' | 'abort'): void {
  const id = episodeOf(sim)?.id ?? -1;
  sim.input({ kind: 'rollout-order', episode: id, what, by: PERSON });
}

describe('a person', () => {
  test('ends a hold at once, and only this one (P19)', () => {
    const sim = begun();
    minutes(sim, 'nn');
    order(sim, 'advance');
    sim.tick(SEEN.n, 'slots');
    expect(where(sim)).toBe('next');
    carryOut(sim, 'promote');
    minutes(sim, 'nnnnnn');
    expect(where(sim)).toBe('hold 1');
  });

  test('never past a failed check', () => {
    const sim = begun();
    minutes(sim, 'f');
    order(sim, 'advance');
    sim.tick(DRIFTED, 'slots');
    expect(where(sim)).toBe('hold 0');
    minutes(sim, 'p');
    expect(where(sim)).toBe('next');
  });

  test('aborts', () => {
    const sim = begun();
    order(sim, 'abort');
    sim.tick(DRIFTED, 'slots');
    expect(where(sim)).toBe('back');
    expect(sim.of('rollout').at(-1)).toMatchObject({ state: 'aborted', message: 'ordered by ben' });
  });

  test('who pauses holds the next shift, while the gate stays armed', () => {
    const sim = begun();
    sim.pause('all');
    minutes(sim, 'pppppppppppp');
    expect(where(sim)).toBe('hold 0');
    minutes(sim, 'fff');
    expect(where(sim)).toBe('back');
    expect(sim.start(sim.live('rollback'))).toEqual([]);
  });

  test('who cancels the next shift before it starts sends traffic back', () => {
    const sim = begun();
    minutes(sim, 'pppppppppp');
    sim.input({ kind: 'cancel', action: sim.live('promote').action.id, by: PERSON });
    sim.tick(DRIFTED, 'slots');
    sim.tick(DRIFTED, 'slots');
    expect(where(sim)).toBe('back');
  });
});

describe('read-back', () => {
  test('once is waited for, twice is contested: nothing more is done, and people are told', () => {
    const sim = begun();
    sim.serving = { champion: 'v1', weights: { v1: 0.5, v2: 0.5 } };
    minutes(sim, 'p');
    expect(where(sim)).toBe('hold 0');
    minutes(sim, 'p');
    expect(states(sim).slice(-2)).toEqual(['differs', 'contested']);
    expect(
      sim
        .of('decision')
        .at(-1)
        ?.decision.holds.map(one => one.reason),
    ).toEqual(['contested']);
    expect(sim.live('escalate').action.call.args.text).toContain('v1 50%, v2 50%');
    minutes(sim, 'pppppppppppp');
    expect(shifts(sim)).toHaveLength(1);
  });

  test('what differed once and is right again goes on', () => {
    const sim = begun();
    const { serving } = sim;
    sim.serving = { champion: 'v1', weights: { v1: 1 } };
    minutes(sim, 'p');
    sim.serving = serving;
    minutes(sim, 'ppppppppp');
    expect(where(sim)).toBe('next');
  });

  test('shares equal but for rounding are equal', () => {
    const sim = begun();
    sim.serving = { champion: 'v1', weights: { v1: 0.95 + 1e-12, v2: 0.05 } };
    minutes(sim, 'pppppppppp');
    expect(where(sim)).toBe('next');
  });

  test('traffic that cannot be read is unknown, never a pass', () => {
    const sim = begun();
    sim.serving = { weights: {}, unknown: { reason: 'unreachable', message: 'no answer' } };
    minutes(sim, 'pppppppppppp');
    expect(where(sim)).toBe('hold 0');
    minutes(sim, 'pppp');
    expect(where(sim)).toBe('back');
  });
});

describe('what becomes of it when', () => {
  test('the policy is edited: it ends on the plan that it began with', () => {
    const sim = begun();
    sim.enforce([promoting({ rollout: { maxMs: MINUTE }, gate: { fails: { count: 1, of: 1 } } })]);
    minutes(sim, 'ff');
    expect(where(sim)).toBe('hold 0');
    minutes(sim, 'f');
    expect(where(sim)).toBe('back');
  });

  test('the policy is removed: its gates stay armed, and no further step begins', () => {
    const sim = begun();
    sim.enforce([]);
    minutes(sim, 'pppppppppppp');
    expect(where(sim)).toBe('hold 0');
    minutes(sim, 'fff');
    expect(where(sim)).toBe('back');
    carryOut(sim, 'rollback');
    sim.tick({}, 'slots');
    expect(sim.serving?.weights).toEqual({ v1: 1 });
    expect(sim.own.episodes).toEqual({});
  });

  test('the policy is removed and nothing fails: it goes back when its time is over', () => {
    const sim = begun(promoting({ rollout: { maxMs: 30 * MINUTE } }));
    sim.enforce([]);
    minutes(sim, 'p'.repeat(30));
    expect(where(sim)).toBe('back');
  });

  test('its condition clears: the remedy is under way, and goes on', () => {
    const sim = begun();
    const fine = { ...SEEN.p, psi: 0.1 };
    for (let minute = 0; minute < 65; minute++) {
      sim.at += MINUTE;
      sim.tick(fine, 'slots');
      if (where(sim) === 'next') carryOut(sim, 'promote');
    }
    expect(sim.serving).toEqual({ champion: 'v2', weights: { v2: 1 } });
    expect(sim.own.episodes).toEqual({});
  });

  test('another policy wants to promote: the traffic is not free between two shifts', () => {
    const other = promoting({ more: { policy: 'q' } });
    const sim = simulate([promoting(), other]);
    sim.tick(DRIFTED);
    carryOut(sim, 'promote');
    sim.at += MINUTE;
    sim.tick(SEEN.p, 'all');
    expect(where(sim)).toBe('hold 0');
    const held = sim
      .of('decision')
      .filter(one => one.decision.policy === 'q')
      .at(-1);
    expect(held?.decision.holds.map(one => one.reason)).toContain('subject-locked');
  });

  test('a rollback happens: it is the abort of the rollout', () => {
    const alarm = policyOf({
      policy: 'alarm',
      observe: { late: observes('late') },
      rule: { ...doing([stepOf('rollback')]), when: condition(compares('late', '>', 0.5)) },
    });
    const sim = simulate([promoting(), alarm]);
    sim.tick(DRIFTED);
    carryOut(sim, 'promote');
    sim.tick(DRIFTED);
    sim.at += MINUTE;
    sim.tick({ ...SEEN.p, late: 0.9 } as Values);
    expect(sim.live('rollback').action.call.args).toMatchObject({ weights: { v1: 1 } });
    carryOut(sim, 'rollback');
    sim.at += MINUTE;
    sim.tick({ ...SEEN.p, late: 0.9 } as Values);
    expect(states(sim).at(-1)).toBe('aborted');
    const promotion = Object.values(sim.own.episodes).find(one => one.cause.policy === 'p');
    expect(promotion?.sequence.status).toBe('stalled');
    expect(sim.of('intent').filter(one => one.action.verb === 'promote')).toHaveLength(1);
  });
});

describe('what is shifted', () => {
  test('without a rollout all at once', () => {
    const sim = simulate([policyOf({ rule: doing([stepOf('promote', { version: 'v2' })]) })]);
    sim.tick(DRIFTED);
    expect(shifts(sim)).toEqual([{ v2: 1 }]);
  });

  test('the champion itself all at once: there is nothing to compare it with', () => {
    const sim = simulate([promoting()]);
    sim.serving = { champion: 'v2', weights: { v2: 1 } };
    sim.tick(DRIFTED);
    expect(shifts(sim)).toEqual([{ v2: 1 }]);
  });

  test('a rollout that is not in the closure moves nothing', () => {
    const sim = simulate([promoting({ actions: { promote: { rollout: 'other' } } })]);
    sim.tick(DRIFTED);
    expect(shifts(sim)).toEqual([]);
    expect(sim.of('stalled')[0]?.message).toContain('rollout other');
  });
});

test('a step without a gate is over when its time is, with its traffic read back', () => {
  const steps = [
    { weight: 0.5, holdMs: 3 * MINUTE },
    { weight: 1, holdMs: MINUTE },
  ];
  const sim = begun(promoting({ rollout: { steps } }));
  minutes(sim, 'pp');
  expect(where(sim)).toBe('hold 0');
  minutes(sim, 'p');
  expect(where(sim)).toBe('next');
});

test('a gate that is not in the plan never passes', () => {
  const policy = promoting();
  const sim = begun({ ...policy, documents: { ...policy.documents, gates: {} } });
  minutes(sim, 'p'.repeat(12));
  expect(where(sim)).toBe('hold 0');
  minutes(sim, 'pppp');
  expect(where(sim)).toBe('back');
});

test('the gate is told its sides and its step', () => {
  const sql = { main: 'warehouse', sql: { $: 'side.revision' } };
  const observe = { requests: observes('requests', { sides: true, args: sql, windowIsStep: true }) };
  const sim = begun(promoting({ gate: { observe } }));
  const moment = { at: sim.at + MINUTE, last: sim.at };
  const found = wants(sim.policies, { own: sim.own, facts: {} }, moment, CATALOGUE.evaluators);
  const asked = found.wants.filter(want => want.policy.includes('#'));
  expect(asked).toEqual([
    expect.objectContaining({ name: 'health/requests@canary' }),
    expect.objectContaining({ name: 'health/requests@baseline' }),
  ]);
  const requests = asked.flatMap(want => ('request' in want ? [want.request] : []));
  expect(requests.map(one => (one.args as JsonObject).sql)).toEqual(['v2', 'v1']);
  expect(requests[0]?.interval).toEqual({ from: sim.at, to: sim.at + MINUTE });
});
