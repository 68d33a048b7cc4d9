/** Pains of acting, through `step` and `fold`: cooldown after a restart, every road through the windows, locks, protection, modes. */
import { describe, expect, test } from 'vitest';
import { emptyOwn, fold } from '../../src/engine/fold.ts';
import { verbs } from '../../src/executors/index.ts';
import type { ActionLimits, ApprovalSpec, ClosedPolicy, Outcome, WindowSpec } from '../../src/model.ts';
import {
  compares,
  condition,
  doing,
  HOUR,
  modelOf,
  PROMOTE,
  policyOf,
  RETRAIN,
  stepOf,
  TARGET,
} from '../core/closed-policy.ts';
import { PERSON, type Simulation, simulate } from '../core/simulation.ts';

const DRIFTED = { psi: 0.5 };
const MONDAY = Date.UTC(2026, 5, 15);
/** From eight in the evening, for an hour. */
const FREEZE: WindowSpec = { name: 'freeze', when: '20:00-21:00', zone: 'UTC' };

const retrains = (actions: Record<string, ActionLimits> = {}, more: Parameters<typeof policyOf>[0] = {}) =>
  policyOf({ rule: doing([RETRAIN]), actions, ...more });

function holds(sim: Simulation): string {
  const { decision } = sim.of('decision').at(-1)!;
  return [decision.outcome, ...decision.holds.map(hold => hold.reason)].join(' ');
}

const intents = (sim: Simulation) => sim.of('intent').map(one => one.action.verb);

function say(sim: Simulation, decision: 'yes' | 'no', approval = sim.of('ask').at(-1)?.approval ?? ''): void {
  sim.input({ kind: 'approval', approval, decision, by: PERSON });
}

describe('P31 the cooldown is of the ledger', () => {
  test('a process that folds the chain anew holds until the same moment', () => {
    const policy = retrains({ retrain: { cooldownMs: 24 * HOUR } });
    const sim = simulate([policy]);
    sim.tick(DRIFTED);
    sim.start(sim.live('retrain'));
    sim.end(sim.live('retrain'), 'failed');
    sim.tick({ psi: 0 });
    sim.run(2, DRIFTED);
    const [before] = sim.last?.decisions.flatMap(one => one.holds) ?? [];
    expect(before).toMatchObject({ reason: 'cooldown', until: sim.at - 2 * HOUR + 24 * HOUR });
    sim.own = sim.chain.reduce((own, entry) => fold(own, entry), emptyOwn(TARGET));
    sim.run(1, DRIFTED);
    expect(sim.last?.decisions.flatMap(one => one.holds)).toEqual([before]);
    expect(intents(sim).filter(verb => verb === 'retrain')).toHaveLength(1);
  });
});

describe('P37 whatever begins an action, it passes the windows, and begins when they let it', () => {
  const guard = { deny: [FREEZE] };
  const asks: ApprovalSpec = { from: ['ml'], quorum: 1, expiresMs: 24 * HOUR, reaskMs: HOUR };
  const retried = { ...RETRAIN, retry: { attempts: 3, backoffMs: HOUR, backoffMaxMs: HOUR } };
  const rounds = {
    verify: {
      that: condition(compares('psi', '<', 0.2)),
      withinMs: HOUR,
      attempts: 2,
      otherwise: 'escalate' as const,
    },
  };

  /** Each gets to eight in the evening with an action that is about to begin; the verb of it. */
  const roads: Readonly<Record<string, readonly [ClosedPolicy, string, (sim: Simulation) => void]>> = {
    'the first action of an episode': [retrains({}, { guard }), 'retrain', () => {}],
    'a yes that was given meanwhile': [
      retrains({ retrain: { approval: asks } }, { guard }),
      'retrain',
      sim => {
        sim.tick(DRIFTED);
        say(sim, 'yes');
      },
    ],
    'the next step of a sequence': [
      policyOf({ rule: doing([RETRAIN, PROMOTE]), guard }),
      'promote',
      sim => {
        sim.tick(DRIFTED);
        sim.start(sim.live('retrain'));
        sim.end(sim.live('retrain'), 'succeeded', { version: 'v2' });
      },
    ],
    'a further attempt': [
      policyOf({ rule: doing([retried]), guard }),
      'retrain',
      sim => {
        sim.tick(DRIFTED);
        sim.start(sim.live('retrain'));
        sim.fail(sim.live('retrain'));
        sim.tick(DRIFTED);
      },
    ],
    'a further round': [
      policyOf({ rule: doing([RETRAIN], rounds), guard }),
      'retrain',
      sim => {
        sim.tick(DRIFTED);
        sim.start(sim.live('retrain'));
        sim.end(sim.live('retrain'), 'succeeded', { version: 'v2' });
        sim.tick(DRIFTED);
      },
    ],
    "a person's retry": [
      retrains({}, { guard }),
      'retrain',
      sim => {
        sim.tick(DRIFTED);
        sim.start(sim.live('retrain'));
        sim.fail(sim.live('retrain'), false);
        sim.tick(DRIFTED);
        const [episode] = Object.values(sim.own.episodes);
        sim.input({ kind: 'retry', episode: episode?.id ?? 0, by: PERSON });
      },
    ],
  };

  test.each(Object.entries(roads))('%s', (_, [policy, verb, arrive]) => {
    const sim = simulate([policy]);
    sim.at = MONDAY + 18 * HOUR;
    arrive(sim);
    const before = intents(sim).filter(one => one === verb).length;
    sim.at = MONDAY + 20 * HOUR;
    sim.tick(DRIFTED);
    sim.at += HOUR / 2;
    sim.tick(DRIFTED);
    expect(intents(sim).filter(one => one === verb)).toHaveLength(before);
    expect(holds(sim)).toContain('hold window');
    // It is looked at again when the window ends, though no slot is then and nothing else happens.
    expect(sim.last?.wakeAt).toBeLessThanOrEqual(MONDAY + 21 * HOUR);
    sim.at = MONDAY + 21 * HOUR;
    sim.tick(DRIFTED);
    expect(intents(sim).filter(one => one === verb)).toHaveLength(before + 1);
  });
});

describe('P43 a lock is held while its action lives, and freed by whatever ends it', () => {
  const locks = (sim: Simulation) =>
    Object.entries(sim.facts).flatMap(([key, { value }]) =>
      key.startsWith('lock:local/') && value !== null ? [key] : [],
    );

  function running(): Simulation {
    const sim = simulate([retrains()]);
    sim.tick(DRIFTED);
    expect(locks(sim)).toHaveLength(1);
    sim.start(sim.live('retrain'));
    return sim;
  }

  test.each<Outcome>(['succeeded', 'failed', 'timed-out', 'cancelled'])('%s', outcome => {
    const sim = running();
    sim.end(sim.live('retrain'), outcome, outcome === 'succeeded' ? { version: 'v2' } : undefined);
    expect(locks(sim)).toEqual([]);
  });

  test('withdrawn at its start, and a question holds none', () => {
    const sim = simulate([
      retrains({ retrain: { approval: { from: ['ml'], quorum: 1, expiresMs: HOUR, reaskMs: HOUR } } }),
    ]);
    sim.tick(DRIFTED);
    expect(holds(sim)).toMatch(/^ask/);
    expect(locks(sim)).toEqual([]);
    say(sim, 'yes');
    sim.tick(DRIFTED);
    expect(locks(sim)).toHaveLength(1);
    sim.pause('all');
    sim.start(sim.live('retrain'));
    expect(locks(sim)).toEqual([]);
  });

  test('its policy is removed, which is what a closed pull request is: the run ends, and the lock with it', () => {
    const sim = running();
    sim.enforce([]);
    sim.tick();
    expect(locks(sim)).toHaveLength(1);
    sim.end(sim.live('retrain'), 'succeeded', { version: 'v2' });
    expect(locks(sim)).toEqual([]);
  });

  test('nobody can tell what became of it: it is kept, a person is told, and a person frees it', () => {
    const sim = running();
    sim.end(sim.live('retrain'), 'lost');
    sim.tick(DRIFTED);
    sim.run(48, DRIFTED);
    expect(locks(sim)).toHaveLength(1);
    expect(intents(sim)).toContain('escalate');
    const [record] = Object.values(sim.own.actions).filter(one => one.state === 'unresolved');
    const { id: action } = record!.action;
    sim.input({ kind: 'resolve', action, as: 'failed', by: PERSON });
    expect(locks(sim)).toEqual([]);
  });
});

describe('P45 protection stands on the target, not in the policy', () => {
  const approval: ApprovalSpec = { from: ['ml'], quorum: 1, expiresMs: 8 * HOUR, reaskMs: HOUR };

  test('a policy without a word of approval, rate or cooldown is bound by the Model all the same', () => {
    const sim = simulate([retrains({ retrain: { approval, rate: { count: 1, perMs: 24 * HOUR } } })]);
    sim.tick(DRIFTED);
    expect(holds(sim)).toBe('ask approval');
  });

  test('who takes the policy out and puts another in has not taken the protection out', () => {
    const actions = { retrain: { rate: { count: 1, perMs: 24 * HOUR } } };
    const sim = simulate([retrains(actions)]);
    sim.tick(DRIFTED);
    sim.start(sim.live('retrain'));
    sim.end(sim.live('retrain'), 'succeeded', { version: 'v2' });
    sim.enforce([]);
    sim.tick();
    sim.enforce([retrains(actions, { policy: 'fresh' })]);
    sim.run(3, DRIFTED);
    expect(holds(sim)).toBe('hold rate');
  });

  test('who takes the approval out of the Model is asked to have it adopted by others, for what was open then', () => {
    const sim = simulate([retrains({ retrain: { approval } })]);
    sim.tick(DRIFTED);
    sim.enforce([retrains()]);
    // The question of before is void first.
    sim.run(2, DRIFTED);
    expect(holds(sim)).toBe('ask approval');
    expect(sim.of('ask').at(-1)).toMatchObject({ why: 'adopt', refused: ['ana'] });
    sim.input({
      kind: 'approval',
      approval: sim.of('ask').at(-1)?.approval ?? '',
      decision: 'yes',
      by: { name: 'ana', door: 'cli', authenticated: true },
    });
    sim.run(1, DRIFTED);
    expect(intents(sim)).toEqual([]);
  });

  test('a step may ask for more than the Model, and never for less', () => {
    const loose = { ...approval, quorum: 1 };
    const sim = simulate([
      policyOf({
        rule: doing([{ ...RETRAIN, approval: loose }]),
        documents: { model: modelOf({ retrain: { approval: { ...approval, quorum: 2 } } }) },
      }),
    ]);
    sim.tick(DRIFTED);
    say(sim, 'yes');
    sim.run(1, DRIFTED);
    expect(holds(sim)).toBe('ask approval');
    expect(intents(sim)).toEqual([]);
  });
});

describe('P48 one switch of mode', () => {
  const acting = [
    RETRAIN,
    stepOf('rollback', { version: 'v0' }),
    stepOf('promote', { version: 'v2' }),
    stepOf('evaluate', { version: 'v2' }),
  ];

  test.each(acting.map(step => [step.verb, step] as const))('observe says what it would %s', (verb, step) => {
    const sim = simulate([
      policyOf({ rule: doing([step]), mode: 'observe', modeFrom: 'Settings flyball.yaml:5' }),
    ]);
    sim.run(2, DRIFTED);
    expect(intents(sim)).toEqual([]);
    expect(sim.last?.decisions[0]?.holds[0]).toMatchObject({
      reason: 'mode',
      message: `mode is observe (Settings flyball.yaml:5): would ${verb}`,
    });
  });

  test('no verb has one of its own', () => {
    expect(Object.keys(verbs).length).toBeGreaterThan(5);
    for (const verb of Object.values(verbs))
      for (const word of ['mode', 'dryRun', 'dry_run', 'dry-run', 'simulate', 'force', 'yes'])
        expect(verb.args.safeParse({ [word]: true }).success, `${verb.name} takes ${word}`).toBe(false);
  });
});
