/** Groups through `wants`, `step` and `fold`: one episode and sequence a value of `per`, each with its own readings. */
import { describe, expect, test } from 'vitest';
import { policyHashes } from '../../src/engine/ids.ts';
import type { Labels, Rule, Scalar } from '../../src/model.ts';
import {
  compares,
  condition,
  doing,
  failedVector,
  HOUR,
  NOTIFY,
  observes,
  observesBy,
  policyOf,
  RETRAIN,
  ruleOf,
  stepOf,
  vectorOf,
} from './closed-policy.ts';
import { type Simulation, simulate } from './simulation.ts';

const approval = { from: ['owner'], quorum: 1, expiresMs: 8 * HOUR, reaskMs: HOUR };
const observe = { psi: observesBy('psi', ['origin']), rows: observes('rows') };
const byOrigin = (more: Partial<Rule> = {}) => policyOf({ observe, rule: { per: ['origin'], ...more } });

/** Readings of a vector over origin and feature. */
function sets(values: Readonly<Record<string, Scalar | undefined>>) {
  const pairs = Object.entries(values).map(([name, value]): readonly [Labels, Scalar | undefined] => {
    const [origin = '', feature = ''] = name.split('/');
    return [{ origin, feature }, value];
  });
  return vectorOf('psi', pairs);
}

function carryOut(sim: Simulation, verb: string, outputs = {}): void {
  const record = sim.live(verb);
  expect(sim.start(record)).toEqual([]);
  sim.end(record, 'succeeded', outputs);
}

function holdsOf(sim: Simulation): readonly string[] {
  return Object.values(sim.own.decisions).map(one =>
    `${Object.values(one.labels).join('/')} ${one.outcome} ${one.holds.map(hold => hold.reason).join(' ')}`.trim(),
  );
}

/** state of the group O after one tick each; `-`: no state, `!`: its episode opened, `.`: it ended. */
function course(rule: Partial<Rule>, ticks: readonly Readonly<Record<string, Scalar | undefined>>[]): string {
  const sim = simulate([byOrigin(rule)]);
  return ticks
    .map(values => {
      const entries = sim.run(1, { psi: sets(values), rows: 1 });
      const mark = entries.some(one => one.kind === 'episode-opened') ? '!' : '';
      const end = entries.some(one => one.kind === 'episode-ended') ? '.' : '';
      return `${sim.own.rules.p?.main?.['origin=O']?.state ?? '-'}${mark}${end}`;
    })
    .join(' ');
}

describe('a group fires while any of its label sets does, and is clear when all are', () => {
  const bad = { 'O/a': 0.5, 'O/b': 0.1 };
  const good = { 'O/a': 0.1, 'O/b': 0.1 };
  const open = { 'O/a': 0.1, 'O/b': undefined };
  const both = { 'O/a': 0.5, 'O/b': undefined };
  const other = { 'P/a': 0.1 };
  const clear = condition(compares('psi', '<', 0.15));
  const between = { 'O/a': 0.1, 'O/b': 0.18 };
  test.each([
    // one breach is enough; another unknown changes nothing about it
    [{}, [good, bad, both, good], '- firing! firing -.'],
    // known noes and an unknown: unknown, which opens nothing and ends nothing
    [{}, [open, bad, open, good], 'unknown firing! unknown -.'],
    // `for` counts for the group: the set that holds may be another at every tick
    [{ forMs: 2 * HOUR }, [bad, { 'O/a': 0.1, 'O/b': 0.5 }, bad], 'pending pending firing!'],
    // clear must hold for all of its sets
    [{ clear }, [bad, between, { 'O/a': 0.1, 'O/b': undefined }, good], 'firing! firing unknown -.'],
    // no set of the group any more: vanished, not cleared
    [{}, [bad, other, other, other, other], 'firing! vanished vanished vanished -.'],
    [{ forMs: 2 * HOUR }, [bad, other, bad], 'pending - pending'],
  ] as const)('%# %j', (rule, ticks, expected) => {
    expect(course(rule, ticks)).toBe(expected);
  });

  test('its members are the sets that hold, worst first, and the worst one is the evidence', () => {
    const sim = simulate([byOrigin()]);
    sim.tick({ psi: sets({ 'O/a': 0.3, 'O/b': 0.1, 'O/c': 0.9, 'P/a': 0.7 }), rows: 1 });
    const [o, p] = sim.of('episode-opened');
    expect(o).toMatchObject({
      labels: { origin: 'O' },
      members: {
        psi: [
          { origin: 'O', feature: 'c' },
          { origin: 'O', feature: 'a' },
        ],
      },
      verdict: { operands: [{ name: 'psi', value: 0.9 }] },
    });
    expect(p).toMatchObject({ labels: { origin: 'P' }, members: { psi: [{ origin: 'P', feature: 'a' }] } });
  });

  test('a failed query makes every group unknown, and ends none', () => {
    const sim = simulate([byOrigin()]);
    sim.tick({ psi: sets({ 'O/a': 0.5 }), rows: 1 });
    sim.run(9, { psi: failedVector('psi'), rows: 1 });
    expect(sim.own.rules.p?.main).toMatchObject({ 'origin=O': { phase: 'firing', state: 'unknown' } });
    expect(sim.of('episode-ended')).toEqual([]);
  });

  test('a label set without the label belongs to a group of its own, never to the whole target', () => {
    const sim = simulate([byOrigin()]);
    sim.tick({ psi: vectorOf('psi', [[{ feature: 'a' }, 0.5]]), rows: 1 });
    expect(sim.of('episode-opened')).toMatchObject([{ labels: { origin: '' }, cause: { group: 'origin=' } }]);
  });

  test('values with commas do not make two groups one', () => {
    const sim = simulate([policyOf({ observe, rule: { per: ['a', 'b'] } })]);
    const pairs = [
      [{ a: '1,b=2', b: 'x' }, 0.5],
      [{ a: '1', b: '2,b=x' }, 0.5],
    ] as const;
    sim.tick({ psi: vectorOf('psi', pairs), rows: 1 });
    expect(sim.of('episode-opened')).toHaveLength(2);
    expect(Object.keys(sim.own.rules.p?.main ?? {})).toHaveLength(2);
  });
});

describe('a group sees its own readings', () => {
  const up = condition(compares('psi', '<', 0.2));
  const verify = { that: up, withinMs: 6 * HOUR, attempts: 1, otherwise: 'escalate' as const };

  test('verify is about the group: another one that is still bad does not count', () => {
    const sim = simulate([byOrigin(doing([NOTIFY], { verify, clear: condition(compares('psi', '<', 0)) }))]);
    const bad = { psi: { O: 0.5, P: 0.5 }, rows: 1 };
    sim.tick(bad);
    carryOut(sim, 'notify');
    carryOut(sim, 'notify');
    sim.run(1, { psi: { O: 0.1, P: 0.5 }, rows: 1 });
    expect(sim.of('verified').filter(one => one.what === 'sequence')).toMatchObject([
      { cause: { group: 'origin=O' }, verdict: { labels: { origin: 'O' }, operands: [{ value: 0.1 }] } },
    ]);
    expect(Object.values(sim.own.episodes).map(one => one.cause.group)).toEqual(['origin=P']);
  });

  test('of several label sets all must be good, and an unknown one is not', () => {
    const sim = simulate([byOrigin(doing([NOTIFY], { verify, clear: condition(compares('psi', '<', 0)) }))]);
    sim.tick({ psi: sets({ 'O/a': 0.5, 'O/b': 0.1 }), rows: 1 });
    carryOut(sim, 'notify');
    sim.run(1, { psi: sets({ 'O/a': 0.1, 'O/b': undefined }), rows: 1 });
    sim.run(1, { psi: sets({ 'O/a': 0.1, 'O/b': 0.3 }), rows: 1 });
    sim.run(1, { psi: sets({ 'P/a': 0.1 }), rows: 1 });
    expect(sim.of('verified').filter(one => one.what === 'sequence')).toEqual([]);
    sim.run(1, { psi: sets({ 'O/a': 0.1, 'O/b': 0.1 }), rows: 1 });
    expect(sim.of('verified').filter(one => one.what === 'sequence')).toHaveLength(1);
  });

  test('labels of the group fill conditions and arguments; before is its own', () => {
    const isO = condition(compares('labels.origin', '===', 'O'));
    const worse = condition({ '>': [{ var: 'psi' }, { var: 'before.psi' }] });
    const text = { text: { $: 'labels.origin' } };
    const sim = simulate([
      byOrigin(doing([stepOf('notify', text, { if: isO }), stepOf('escalate', text, { require: worse })])),
    ]);
    sim.tick({ psi: { O: 0.5, P: 0.9 }, rows: 1 });
    expect(sim.of('skipped')).toMatchObject([{ cause: { group: 'origin=P' }, step: 'notify', next: 'step' }]);
    expect(sim.of('stalled')).toMatchObject([{ cause: { group: 'origin=P' }, reason: 'not-met' }]);
    expect(sim.of('stalled')[0]?.message).toContain('found psi 0.9, before.psi 0.9');
    carryOut(sim, 'notify');
    sim.run(1, { psi: { O: 0.6, P: 0.9 }, rows: 1 });
    const pages = sim.of('intent').filter(one => one.action.step === 'escalate');
    expect(pages.map(one => String(one.action.call.args.text).split('\n')[0])).toEqual(['O']);
  });

  test('what is fired for names the group', () => {
    const sim = simulate([byOrigin(doing([NOTIFY]))]);
    sim.tick({ psi: { O: 0.5 }, rows: 1 });
    expect(String(sim.live('notify').action.call.args.text)).toContain('p [O] on late:');
  });
});

describe('maxGroups', () => {
  const bad = Object.fromEntries(['A', 'B', 'C', 'D'].map(name => [name, 0.5]));

  test('so many sequences are under way at once; the others wait, the oldest episode first', () => {
    const sim = simulate([byOrigin(doing([NOTIFY], { maxGroups: 2 }))]);
    sim.tick({ psi: { D: 0.5 }, rows: 1 });
    sim.run(1, { psi: bad, rows: 1 });
    expect([...holdsOf(sim)].sort()).toEqual(['A act', 'B hold max-groups', 'C hold max-groups', 'D act']);
    carryOut(sim, 'notify');
    sim.run(1, { psi: bad, rows: 1 });
    expect(holdsOf(sim).filter(one => one.endsWith('act')).length).toBe(2);
    expect(holdsOf(sim)).toContain('B act');
    expect(holdsOf(sim)).toContain('C hold max-groups');
  });

  test('5 unless it is said, and who waits for a yes or a verify is under way', () => {
    const verify = {
      that: condition(compares('psi', '<', 0)),
      withinMs: 6 * HOUR,
      attempts: 1,
      otherwise: 'escalate' as const,
    };
    const many = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`o${i}`, 0.5]));
    const asks = simulate([
      policyOf({ observe, actions: { retrain: { approval } }, rule: doing([RETRAIN], { per: ['origin'] }) }),
    ]);
    asks.tick({ psi: many, rows: 1 });
    expect(asks.of('ask')).toHaveLength(5);
    const verifies = simulate([byOrigin(doing([NOTIFY], { verify }))]);
    verifies.tick({ psi: many, rows: 1 });
    for (let i = 0; i < 5; i++) carryOut(verifies, 'notify');
    verifies.run(3, { psi: many, rows: 1 });
    expect(verifies.of('intent')).toHaveLength(5);
    verifies.run(6, { psi: many, rows: 1 });
    expect(verifies.of('stalled')).toHaveLength(5);
    expect(verifies.of('intent').filter(one => one.action.verb === 'notify')).toHaveLength(8);
  });

  test('a retraining of one group runs while those of others wait for its subject', () => {
    const focus = { op: '==', column: 'origin', value: { $: 'labels.origin' } };
    const sim = simulate([byOrigin(doing([stepOf('retrain', { lookback: HOUR, focus })]))]);
    sim.tick({ psi: bad, rows: 1 });
    expect(sim.of('intent')).toHaveLength(1);
    expect(holdsOf(sim)).toContain('B hold subject-locked');
  });
});

describe('several rules', () => {
  const pending = { forMs: 3 * HOUR };
  const high = (limit: number) => condition(compares('psi', '>', limit));
  const two = (first: Partial<Rule>, second: Partial<Rule>) =>
    policyOf({
      observe: { psi: observes('psi'), rows: observes('rows') },
      rules: [ruleOf({ name: 'a', ...pending, ...first }), ruleOf({ name: 'b', ...pending, ...second })],
    });

  test.each([
    ['when of a', two({ when: high(0.3) }, {}), ['b']],
    ['for of b', two({}, { forMs: HOUR * 2 }), ['a']],
    ['per of a', two({ per: ['origin'] }, {}), ['b']],
    ['what b does', two({}, doing([NOTIFY])), ['a', 'b']],
    [
      'a rule is gone',
      policyOf({ observe: { psi: observes('psi') }, rules: [ruleOf({ name: 'b', ...pending })] }),
      ['b'],
    ],
  ] as const)('an edit of one (%s) resets only its own timers', (_, edited, kept) => {
    const sim = simulate([two({}, {})]);
    sim.run(2, { psi: 0.5, rows: 1 });
    sim.enforce([edited]);
    const states = Object.entries(sim.own.rules.p ?? {}).filter(
      ([, byGroup]) => Object.keys(byGroup).length > 0,
    );
    expect(states.map(([rule]) => rule)).toEqual(kept);
  });

  test('an edit of an observation resets the rules that read it, by a detour as well', () => {
    const needs = condition(compares('rows', '>', 10));
    const of = (sql: string) =>
      policyHashes(
        policyOf({
          observe: {
            psi: observes('psi', { needs }),
            rows: observes('rows', { args: { sql } }),
            perf: observes('perf'),
          },
          rules: [ruleOf({ name: 'a' }), ruleOf({ name: 'b', when: condition(compares('perf', '>', 1)) })],
        }),
      ).rules ?? {};
    expect(of('x').a).not.toBe(of('y').a);
    expect(of('x').b).toBe(of('y').b);
  });

  test('entries name the line of their own rule', () => {
    const at = (line: number) => ({ ...high(0.2), position: { file: 'p.yaml', line, column: 9 } });
    const sim = simulate([two({ forMs: 0, when: at(11) }, { forMs: 0, when: at(22) })]);
    sim.tick({ psi: 0.5, rows: 1 });
    expect(sim.of('episode-opened').map(one => `${one.cause.rule}:${one.cause.position.line}`)).toEqual([
      'a:11',
      'b:22',
    ]);
  });

  test('a failing rule does not stop another one of its policy (P28)', () => {
    const broken = condition({ nonsense: [1] });
    const sim = simulate([two({ when: broken, forMs: 0 }, { forMs: 0 })]);
    expect(() => sim.tick({ psi: 0.5, rows: 1 })).toThrow('unknown operator');
    expect(sim.last?.entries.filter(one => one.kind === 'episode-opened')).toMatchObject([
      { cause: { rule: 'b' } },
    ]);
  });
});

describe('gates', () => {
  const data = {
    on: 'data' as const,
    blocks: ['retrain'],
    reaches: ['model/late'],
    taint: false,
    running: 'finish' as const,
  };

  test('one on data is evaluated like a rule, and does nothing itself', () => {
    const sim = simulate([policyOf({ rule: { gate: data, keepForMs: HOUR } })]);
    sim.run(1, { psi: 0.5 });
    expect(sim.of('episode-opened')).toHaveLength(1);
    expect(sim.of('intent')).toEqual([]);
    sim.run(2, { psi: 0.1 });
    expect(sim.of('episode-ended')).toHaveLength(1);
  });

  test('one on a rollout is no business of ticks: nothing is observed, nothing is due', () => {
    const gate = { on: 'rollout' as const, fails: { count: 3, of: 5 } };
    const sim = simulate([policyOf({ everyMs: 60_000, rule: { gate } })]);
    sim.run(3, { psi: 0.5 });
    expect(sim.ticks.map(tick => tick.snapshot.due)).toEqual([[], [], []]);
    expect(sim.last?.wakeAt).toBe(Number.MAX_SAFE_INTEGER);
    expect(sim.kinds()).not.toContain('gap');
    expect(sim.of('episode-opened')).toEqual([]);
  });
});

test('too many label sets hold the actions, keep the states, and page once (P27)', () => {
  const many = Object.fromEntries(Array.from({ length: 501 }, (_, i) => [`o${i}`, 0.5]));
  const sim = simulate([byOrigin(doing([NOTIFY]))]);
  sim.run(3, { psi: many, rows: 1 });
  expect(Object.keys(sim.own.rules.p?.main ?? {})).toHaveLength(501);
  expect(sim.of('intent').map(one => one.action.verb)).toEqual(['escalate']);
  expect(sim.last?.decisions.every(one => one.holds[0]?.reason === 'max-series')).toBe(true);
  sim.run(1, { psi: { ...many, o0: 0.1 }, rows: 1 });
  expect(sim.of('intent').filter(one => one.action.verb === 'notify')).toHaveLength(5);
});
