/** Gates on data through `step` and `fold`: what they hold, what closes them, what is tainted, and who knows of it. */
import { describe, expect, test } from 'vitest';
import type { ClosedPolicy, GateSpec, PipelineSpec, Rule } from '../../src/model.ts';
import {
  CHAIN,
  compares,
  condition,
  DAY,
  doing,
  HOUR,
  modelOf,
  observes,
  POSITION,
  policyOf,
  RETRAIN,
  ruleOf,
  stepOf,
} from './closed-policy.ts';
import { PERSON, type Simulation, simulate, type Values } from './simulation.ts';

type OnData = Extract<GateSpec, { on: 'data' }>;
const CLOSED = condition(compares('nulls', '>', 0.05));

function gateRule(more: Partial<OnData> = {}, rule: Partial<Rule> = {}): Rule {
  const gate: OnData = {
    on: 'data',
    blocks: ['retrain'],
    reaches: [CHAIN],
    taint: false,
    running: 'finish',
    ...more,
  };
  return ruleOf({ name: 'gate', when: CLOSED, gate, ...rule });
}

function gateOf(
  more: Partial<OnData> = {},
  rule: Partial<Rule> = {},
  policy: Partial<ClosedPolicy> = {},
): ClosedPolicy {
  return policyOf({
    policy: 'nulls-burst',
    observe: { nulls: observes('nulls') },
    rules: [gateRule(more, rule)],
    ...policy,
  });
}

const retrains = (more: Parameters<typeof policyOf>[0] = {}): ClosedPolicy =>
  policyOf({ rule: doing([RETRAIN]), ...more });

function holds(sim: Simulation): string {
  const { decision } = sim.of('decision').at(-1)!;
  return [decision.outcome, ...decision.holds.map(hold => hold.reason)].join(' ');
}
const words = (sim: Simulation) => sim.of('decision').at(-1)!.decision.holds[0]?.message ?? '';
const bad = (nulls: number | undefined): Values => ({ psi: 0.5, nulls });

describe('a gate holds what it blocks', () => {
  test.each([
    ['open', 0.01, 'act'],
    ['closed', 0.2, 'hold gated'],
    ['unknown', undefined, 'hold gated'],
  ] as const)('%s: nulls %s, %s', (state, nulls, found) => {
    const sim = simulate([gateOf(), retrains()]);
    sim.run(1, bad(nulls));
    expect(holds(sim)).toBe(found);
    expect(sim.of('gate')).toMatchObject([{ gate: 'nulls-burst', state, reaches: [CHAIN] }]);
    expect(sim.facts[`gate:${CHAIN}:nulls-burst`]?.value).toMatchObject({ state, at: sim.at });
  });

  test('it names the gate, since when and why; the facts that it read are in the ledger', () => {
    const sim = simulate([gateOf(), retrains()]);
    sim.run(1, bad(0.2));
    expect(words(sim)).toMatch(
      /^gate nulls-burst on model\/late is closed: closed since 1970-02-11 17:00 UTC, .*nulls/,
    );
    expect(Object.keys(sim.of('decision').at(-1)!.facts)).toContain(`gate:${CHAIN}:nulls-burst`);
  });

  test('what it does not block goes on, and safe verbs always do', () => {
    const sim = simulate([gateOf({ blocks: ['promote', 'rollback'] }), retrains()]);
    sim.run(1, bad(0.2));
    expect(holds(sim)).toBe('act');
    const back = simulate([
      gateOf({ blocks: ['rollback'] }),
      policyOf({ rule: doing([stepOf('rollback', { version: 'v0' })]) }),
    ]);
    back.run(1, bad(0.2));
    expect(holds(back)).toBe('act');
  });

  test('whatever the mode of its policy: mode is about acting', () => {
    const sim = simulate([gateOf({}, {}, { mode: 'observe' }), retrains()]);
    sim.run(1, bad(0.2));
    expect(holds(sim)).toBe('hold gated');
  });

  test('a gate of a policy that is excluded on its target is not there, until that ends', () => {
    const sim = simulate([retrains()]);
    const excluded = { policy: 'nulls-burst', reason: 'backfill', until: sim.at + 2 * HOUR };
    sim.enforce([gateOf({}, {}, { excluded }), retrains()]);
    sim.run(1, bad(0.2));
    expect(holds(sim)).toBe('act');
    sim.start(sim.live('retrain'));
    sim.end(sim.live('retrain'), 'succeeded', { version: 'v2' });
    sim.run(1, { psi: 0.1, nulls: 0.2 });
    sim.run(1, bad(0.2));
    expect(holds(sim)).toBe('hold gated');
  });

  test('it opens when the condition was known not to hold for reopen, and what waited begins', () => {
    const sim = simulate([gateOf({}, { keepForMs: 2 * HOUR }), retrains()]);
    sim.run(2, bad(0.2));
    sim.run(2, bad(0.01));
    expect(holds(sim)).toBe('hold gated');
    sim.run(1, bad(0.01));
    expect(sim.of('gate').map(one => one.state)).toEqual(['closed', 'open']);
    expect(sim.of('intent')).toHaveLength(1);
  });

  test('a withdrawal at start when the gate closed meanwhile', () => {
    const sim = simulate([gateOf(), retrains()]);
    sim.run(1, bad(0.01));
    const record = sim.live('retrain');
    sim.run(1, bad(0.2));
    sim.start(record);
    expect(sim.of('withdrawn')).toMatchObject([{ reason: 'gated' }]);
  });
});

describe('a gate of another target', () => {
  const dataset = { kind: 'dataset', name: 'flights' } as const;
  const far = gateOf({ reaches: ['dataset/flights', CHAIN], taint: true }, {}, { target: dataset });
  const key = 'gate:dataset/flights:nulls-burst';

  /** The fact as the dataset's own chain writes it. */
  function said(sim: Simulation, more: object = {}) {
    const refs = sim.facts['fleet:gates']?.value as readonly { timing: string }[];
    const plain = { state: 'open', since: 0, message: 'x', tainted: [], at: sim.at };
    sim.say(key, { ...plain, timing: refs[0]?.timing ?? '', ...more });
  }
  function reached(): Simulation {
    const sim = simulate([retrains()]);
    sim.others = [far];
    sim.run(1, { psi: 0.5 });
    return sim;
  }

  test('never evaluated is closed: it is known to exist from the revision', () => {
    const sim = reached();
    expect(holds(sim)).toBe('hold gated');
    expect(words(sim)).toBe('gate nulls-burst on dataset/flights is closed: it was not evaluated yet');
  });

  test.each([
    ['open', {}, 'act'],
    ['closed', { state: 'closed', message: 'nulls 20 %' }, /closed since 1970-01-01 00:00 UTC, nulls 20 %/],
    ['unknown', { state: 'unknown' }, /is closed: unknown since/],
    ['open under another condition', { timing: 'older' }, /it was changed, and not evaluated since/],
    ['open long ago', { at: 900 * HOUR }, /it was last evaluated 1970-02-07 12:00 UTC/],
    ['not a fact of ours', { at: 'yes' }, /it was not evaluated yet/],
  ])('%s', (_, more, found) => {
    const sim = reached();
    said(sim, more);
    sim.tick({ psi: 0.5 });
    if (typeof found === 'string') expect(holds(sim)).toBe(found);
    else expect(words(sim)).toMatch(found);
  });

  test('while closed with running: cancel, what runs is asked to end, and begun again when it opens', () => {
    const sim = simulate([retrains()]);
    sim.others = [gateOf({ running: 'cancel', reaches: [CHAIN] }, {}, { target: dataset })];
    sim.run(1, { psi: 0.1 });
    said(sim);
    sim.run(1, { psi: 0.5 });
    const record = sim.live('retrain');
    sim.start(record);
    said(sim, { state: 'unknown', at: sim.at });
    sim.tick({ psi: 0.5 });
    expect(sim.of('cancelling')).toEqual([]);
    said(sim, { state: 'closed', at: sim.at });
    sim.tick({ psi: 0.5 });
    sim.tick({ psi: 0.5 });
    expect(sim.of('cancelling')).toMatchObject([{ action: record.action.id }]);
    sim.end(record, 'cancelled');
    sim.tick({ psi: 0.5 });
    expect(holds(sim)).toBe('hold gated');
    expect(sim.of('stalled')).toEqual([]);
    sim.at += HOUR;
    said(sim);
    sim.tick({ psi: 0.5 });
    expect(sim.live('retrain').action).toMatchObject({ id: record.action.id, attempt: 2 });
  });

  test('what a person cancels is not begun again', () => {
    const sim = simulate([retrains()]);
    sim.run(1, { psi: 0.5 });
    const record = sim.live('retrain');
    sim.start(record);
    sim.input({ kind: 'cancel', action: record.action.id, by: PERSON });
    sim.end(record, 'cancelled');
    sim.run(1, { psi: 0.5 });
    expect(sim.of('stalled')).toMatchObject([{ reason: 'cancelled' }]);
  });
});

describe('taint', () => {
  const train = (accepts: readonly string[]): PipelineSpec => ({
    connection: 'local',
    id: 'train',
    accepts,
    params: { since: { $: 'data.since' }, without: { $: 'data.exclude' } },
    output: { version: 'version' },
  });
  function policies(accepts: readonly string[]): readonly ClosedPolicy[] {
    const model = { ...modelOf(), pipelines: { ...modelOf().pipelines, train: train(accepts) } };
    return [gateOf({ taint: true }), retrains({ documents: { model } })];
  }
  /** Open, two hours closed, open again. */
  function tainted(accepts: readonly string[]): Simulation {
    const sim = simulate(policies(accepts));
    sim.run(1, { psi: 0.1, nulls: 0.01 });
    sim.run(2, { psi: 0.1, nulls: 0.2 });
    sim.run(1, { psi: 0.1, nulls: undefined });
    sim.run(1, { psi: 0.1, nulls: 0.01 });
    return sim;
  }

  test('from where the closing data begins to the reopening; unknown in between does not end it', () => {
    const sim = tainted(['exclude']);
    expect(sim.of('gate').map(one => one.state)).toEqual(['open', 'closed', 'open']);
    const interval = { from: 1001 * HOUR, to: 1005 * HOUR };
    expect(sim.of('gate').at(-1)?.tainted).toEqual(interval);
    expect(sim.own.gates['nulls-burst']?.tainted).toEqual([interval]);
  });

  test('a pipeline that accepts exclude leaves it out', () => {
    const sim = tainted(['exclude']);
    sim.run(1, bad(0.01));
    const { params } = sim.live('retrain').action.call.args as { params: { without: unknown } };
    expect(params.without).toEqual([['1970-02-11T17:00:00.000Z', '1970-02-11T21:00:00.000Z']]);
  });

  test('another is held with the range named, until its lookback no longer overlaps', () => {
    const sim = tainted([]);
    sim.run(1, bad(0.01));
    expect(holds(sim)).toBe('hold gated');
    expect(words(sim)).toContain(
      '1970-02-11T17:00:00.000Z to 1970-02-11T21:00:00.000Z (gate nulls-burst was closed)',
    );
    const until = 1005 * HOUR + 7 * DAY;
    expect(sim.of('decision').at(-1)?.decision.holds[0]?.until).toBe(until);
    sim.at = until - HOUR;
    sim.tick(bad(0.01));
    expect(sim.of('intent')).toEqual([]);
    sim.at = until;
    sim.tick(bad(0.01));
    expect(sim.of('intent')).toHaveLength(1);
  });

  test('a time that was only unknown taints nothing', () => {
    const sim = simulate(policies([]));
    sim.run(1, { psi: 0.1, nulls: 0.01 });
    sim.run(3, { psi: 0.1, nulls: undefined });
    sim.run(1, bad(0.01));
    expect(sim.of('gate').map(one => one.state)).toEqual(['open', 'unknown', 'open']);
    expect(sim.of('intent')).toHaveLength(1);
  });
});

test('P9, P55: an outage is not zero, and a gate that was never evaluated is not open', () => {
  const sim = simulate([gateOf(), retrains()]);
  sim.run(3, bad(undefined));
  expect(sim.of('intent')).toEqual([]);
  expect(sim.own.gates['nulls-burst']?.state).toBe('unknown');
});

test('P20: gates and safe verbs stay armed while an approval waits, and a gate that closes takes the question back', () => {
  const approval = { from: ['owner'], quorum: 1, expiresMs: DAY, reaskMs: DAY };
  const back = policyOf({
    policy: 'back',
    observe: { errors: observes('errors') },
    rule: {
      ...doing([stepOf('rollback', { version: 'v0' })]),
      when: condition(compares('errors', '>', 0.1)),
    },
  });
  const sim = simulate([gateOf(), retrains({ actions: { retrain: { approval } } }), back]);
  const seen = (nulls: number, errors: number) => ({ psi: 0.5, nulls, errors });
  sim.run(1, seen(0.01, 0.01));
  expect(sim.of('ask')).toHaveLength(1);
  sim.run(1, seen(0.2, 0.5));
  expect(sim.of('gate').at(-1)).toMatchObject({ state: 'closed' });
  expect(sim.of('intent').map(one => one.action.verb)).toEqual(['rollback']);
  const { approval: name } = sim.of('ask')[0]!;
  expect(sim.of('withdrawn')).toMatchObject([{ approval: name, reason: 'gated' }]);
  expect(sim.of('withdrawn')[0]?.message).toContain('while it waited for an answer');
  // A yes to what was asked before is worth nothing: people had answered another question.
  sim.input({ kind: 'approval', approval: name, decision: 'yes', by: PERSON });
  sim.run(1, seen(0.2, 0.5));
  expect(
    sim.of('decision').some(({ decision }) => decision.holds.some(({ reason }) => reason === 'gated')),
  ).toBe(true);
  sim.run(2, seen(0.01, 0.5));
  expect(sim.of('ask')).toHaveLength(2);
  expect(sim.of('intent').filter(one => one.action.verb === 'retrain')).toEqual([]);
});

test('P20: a gate that is only unknown holds what was approved, and the yes stays', () => {
  const approval = { from: ['owner'], quorum: 1, expiresMs: DAY, reaskMs: DAY };
  const sim = simulate([gateOf(), retrains({ actions: { retrain: { approval } } })]);
  sim.run(1, { psi: 0.5, nulls: 0.01 });
  const { approval: name } = sim.of('ask')[0]!;
  sim.input({ kind: 'approval', approval: name, decision: 'yes', by: PERSON });
  sim.run(1, { psi: 0.5, nulls: undefined });
  expect(sim.of('withdrawn')).toEqual([]);
  expect(sim.of('intent')).toEqual([]);
  sim.run(1, { psi: 0.5, nulls: 0.01 });
  expect(sim.of('intent')).toMatchObject([{ approval: name }]);
});

test('two gates in one policy are named by their rules', () => {
  const rules = [gateRule({}, { name: 'a' }), gateRule({}, { name: 'b' })];
  const sim = simulate([policyOf({ policy: 'two', observe: { nulls: observes('nulls') }, rules })]);
  sim.run(1, { nulls: 0.2 });
  expect(sim.of('gate').map(one => [one.gate, one.cause.position])).toEqual([
    ['two/a', POSITION],
    ['two/b', POSITION],
  ]);
});
