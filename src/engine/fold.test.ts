/** Every entry kind has its place in the fold; and late words about an attempt decide nothing. */
import { describe, expect, test } from 'vitest';
import {
  COMMIT,
  DAY,
  doing,
  HOUR,
  policyOf,
  RETRAIN,
  stepOf,
  TARGET,
} from '../../test/core/closed-policy.ts';
import { PERSON, type Simulation, simulate } from '../../test/core/simulation.ts';
import { canonical } from '../canonical.ts';
import type { EntryBody, EntryKind, Own } from '../model.ts';
import { emptyOwn, fold } from './fold.ts';

const approval = { from: ['owner'], quorum: 1, expiresMs: DAY, reaskMs: DAY };
const asks = policyOf({ rule: doing([RETRAIN]), actions: { retrain: { approval } } });
const acts = policyOf({ rule: doing([RETRAIN]) });

/** An episode that asks, and one action that is intended: each is there for the kinds that need it. */
const asking = fired(asks);
const acting = fired(acts);

function fired(policy: typeof asks): Simulation {
  const sim = simulate([policy]);
  sim.tick({ psi: 0.5 });
  return sim;
}

const ask = asking.of('ask')[0]!;
const intent = acting.of('intent')[0]!;
const { id: action, attempt } = intent.action;
const { cause, episode } = intent;
const opened = acting.of('episode-opened')[0]!;
const transition = acting.of('transition')[0]!;
const decision = acting.of('decision')[0]!;
const stalled: EntryBody = { kind: 'stalled', cause, episode, reason: 'not-verified', message: 'no' };

/** What each kind changes, as a path into `Own`; `-` when it is a record only. A kind that is missing is a type error. */
const KINDS: Readonly<Record<EntryKind, readonly [own: Own, body: EntryBody, changes: string]>> = {
  request: [acting.own, { kind: 'request', request: 'r', what: 'reconcile', by: PERSON }, 'requested'],
  approval: [asking.own, { kind: 'approval', approval: ask.approval, decision: 'yes', by: PERSON }, 'asks'],
  cancel: [acting.own, { kind: 'cancel', action, by: PERSON }, 'actions'],
  retry: [folded(acting.own, stalled), { kind: 'retry', episode, by: PERSON }, 'episodes'],
  resolve: [acting.own, { kind: 'resolve', episode, as: 'resolved', by: PERSON }, 'episodes'],
  adopt: [acting.own, { kind: 'adopt', episode, by: PERSON }, 'episodes'],
  pause: [acting.own, { kind: 'pause', scope: 'all', by: PERSON, reason: 'x' }, '-'],
  resume: [acting.own, { kind: 'resume', scope: 'all', by: PERSON }, '-'],
  silence: [acting.own, { kind: 'silence', match: {}, by: PERSON, reason: 'x', until: 1 }, '-'],
  gap: [acting.own, { kind: 'gap', from: 1, to: 2 }, 'gap'],
  revision: [
    acting.own,
    { kind: 'revision', commit: { ...COMMIT, sha: 'c2' }, policies: {} },
    'authors commit policies',
  ],
  'start-due': [acting.own, { kind: 'start-due', action, attempt }, 'actions'],
  started: [acting.own, { kind: 'started', action, attempt, handle: 1 }, 'actions'],
  outcome: [acting.own, { kind: 'outcome', action, attempt, outcome: 'succeeded' }, 'actions episodes spent'],
  absent: [
    folded(acting.own, { kind: 'start-due', action, attempt }),
    { kind: 'absent', action, attempt },
    'actions',
  ],
  'cannot-tell': [acting.own, { kind: 'cannot-tell', action, attempt, message: 'hm' }, 'actions'],
  transition: [emptyOwn(TARGET), transition, 'rules'],
  'episode-opened': [folded(emptyOwn(TARGET), transition), opened, 'episodes rules'],
  'episode-ended': [acting.own, { kind: 'episode-ended', cause, episode, how: 'cleared' }, 'episodes'],
  decision: [emptyOwn(TARGET), decision, 'decisions'],
  ask: [folded(emptyOwn(TARGET), transition, opened), ask, 'asks'],
  intent: [folded(emptyOwn(TARGET), transition, opened), intent, 'actions begun spent'],
  withdrawn: [
    acting.own,
    { kind: 'withdrawn', cause, episode, action, attempt, reason: 'paused', message: 'x' },
    'actions episodes spent',
  ],
  preempted: [
    acting.own,
    { kind: 'preempted', cause, episode, running: action, chain: 'model/late', until: 1, message: 'x' },
    'actions episodes',
  ],
  cancelling: [acting.own, { kind: 'cancelling', cause, episode, action, attempt, message: 'x' }, 'actions'],
  skipped: [
    acting.own,
    { kind: 'skipped', cause, episode, step: 'retrain', next: 'done', message: 'x' },
    'episodes',
  ],
  retrying: [
    acting.own,
    { kind: 'retrying', cause, episode, action, attempt, until: 1, message: 'x' },
    'episodes',
  ],
  gate: [
    acting.own,
    {
      ...{ kind: 'gate', cause, gate: 'p', state: 'closed', since: 1, message: 'x' },
      ...{ timing: 't', blocks: ['retrain'], reaches: ['model/late'], dataSince: 0 },
    },
    'gates',
  ],
  rollout: [
    acting.own,
    { kind: 'rollout', cause, episode, step: 'promote', state: 'holding', index: 0, message: 'x' },
    '-',
  ],
  'rollout-order': [acting.own, { kind: 'rollout-order', episode, what: 'advance', by: PERSON }, '-'],
  adopted: [
    acting.own,
    {
      ...{ kind: 'adopted', cause, episode, plan: intent.plan, running: 'other', chain: 'model/other' },
      action: intent.action,
    },
    'episodes',
  ],
  unresolved: [acting.own, { kind: 'unresolved', action, attempt, message: 'lost' }, 'actions'],
  verified: [
    acting.own,
    { kind: 'verified', what: 'version', version: 'v7', basis: 'verify' },
    'verifiedVersions',
  ],
  'not-verified': [acting.own, { kind: 'not-verified', cause, episode, judged: true }, '-'],
  stalled: [acting.own, stalled, 'episodes'],
  undoing: [
    acting.own,
    { kind: 'undoing', cause, episode, reason: 'not-verified', message: 'no', steps: ['promote'] },
    'episodes',
  ],
  reverted: [acting.own, { kind: 'reverted', version: 'v2', state: 'out', to: 'v1' }, 'reverted'],
  checkpoint: [acting.own, { kind: 'checkpoint', state: null }, '-'],
  anchor: [acting.own, { kind: 'anchor', heads: {} }, '-'],
  proposal: [
    acting.own,
    { kind: 'proposal', what: 'closed', branch: 'proposals/x', sha: 'a', by: PERSON },
    '-',
  ],
  audit: [acting.own, { kind: 'audit', by: PERSON, command: 'plan', input: {}, result: 'allowed' }, '-'],
};

function folded(own: Own, ...bodies: readonly EntryBody[]): Own {
  return bodies.reduce((now, body) => fold(now, { seq: now.seq + 1, at: now.takenAt, body }), own);
}

function changed(before: Own, after: Own): string {
  const parts = Object.keys({ ...before, ...after }).filter(key => key !== 'seq' && key !== 'takenAt');
  const differs = (key: string) =>
    canonical([before[key as keyof Own] ?? null]) !== canonical([after[key as keyof Own] ?? null]);
  return parts.filter(differs).sort().join(' ') || '-';
}

test('authors of a policy are those of the revision that altered what it does, or of its commit in old entries', () => {
  const revision = (acting: string, authors?: readonly string[]): EntryBody => ({
    ...{ kind: 'revision', commit: { ...COMMIT, sha: acting }, policies: { p: { acting, timing: 't' } } },
    ...(authors ? { authors } : {}),
  });
  const first = folded(emptyOwn(TARGET), revision('a'));
  expect(first.authors).toEqual({ p: [COMMIT.author.email] });
  const second = folded(first, revision('b', ['x@a.example', 'y@a.example']));
  expect(second.authors).toEqual({ p: ['x@a.example', 'y@a.example'] });
  expect(folded(second, revision('b', ['z@a.example'])).authors).toEqual(second.authors);
  expect(folded(second, revision('c', [])).authors).toEqual({ p: [] });
  // As a checkpoint of an older version holds it.
  const old = { ...first, authors: { p: 'x@a.example' } as unknown as typeof first.authors };
  expect(folded(old, revision('a', [])).authors).toEqual({ p: ['x@a.example'] });
});

describe('every entry kind', () => {
  test.each(Object.entries(KINDS))('%s', (kind, [own, body, changes]) => {
    expect(body.kind).toBe(kind);
    const after = folded(own, body);
    expect(after.seq).toBe(own.seq + 1);
    expect(changed(own, after)).toBe(changes);
  });

  test('takenAt never goes back', () => {
    const after = fold(acting.own, { seq: acting.own.seq + 1, at: 0, body: KINDS.pause[1] });
    expect(after.takenAt).toBe(acting.own.takenAt);
  });
});

describe('words about an attempt that is over, is another, or is not there', () => {
  const ended = folded(acting.own, { kind: 'outcome', action, attempt, outcome: 'failed', message: 'no' });
  test.each([
    ['after its end', ended, action, attempt],
    ['about another attempt', acting.own, action, attempt + 1],
    ['about no action', acting.own, 'nothing', 1],
  ] as const)('%s decide nothing', (_, own, id, of) => {
    const late: readonly EntryBody[] = [
      { kind: 'start-due', action: id, attempt: of },
      { kind: 'started', action: id, attempt: of, handle: 1 },
      { kind: 'absent', action: id, attempt: of },
      { kind: 'cannot-tell', action: id, attempt: of, message: 'hm' },
      { kind: 'outcome', action: id, attempt: of, outcome: 'succeeded' },
      { kind: 'unresolved', action: id, attempt: of, message: 'hm' },
    ];
    for (const body of late) expect([body.kind, changed(own, folded(own, body))]).toEqual([body.kind, '-']);
  });
});

describe('an edit', () => {
  const timed = policyOf({ rule: { forMs: 3 * HOUR } });
  function pending(): Simulation {
    const sim = simulate([timed]);
    sim.run(2, { psi: 0.5 });
    expect(sim.own.rules.p?.main?.['']?.phase).toBe('pending');
    return sim;
  }

  test.each([
    ['for', policyOf({ rule: { forMs: 2 * HOUR } }), {}],
    [
      'when',
      policyOf({
        rule: { forMs: 3 * HOUR, when: { ...timed.rules[0]!.when, logic: { '>': [{ var: 'psi' }, 0.3] } } },
      }),
      {},
    ],
    [
      'then',
      policyOf({ rule: doing([stepOf('notify')], { forMs: 3 * HOUR }) }),
      { '': { phase: 'pending' } },
    ],
  ])('of %s', (_, edited, states) => {
    const sim = pending();
    sim.enforce([edited]);
    expect(sim.own.rules.p?.main).toMatchObject(states);
    expect(Object.keys(sim.own.rules.p?.main ?? {})).toEqual(Object.keys(states));
  });

  test('leaves what fires to the new clauses', () => {
    const sim = fired(policyOf());
    sim.enforce([
      policyOf({ rule: { when: { ...timed.rules[0]!.when, logic: { '>': [{ var: 'psi' }, 0.9] } } } }),
    ]);
    expect(sim.own.rules.p?.main?.['']).toMatchObject({ phase: 'firing' });
    sim.run(1, { psi: 0.5 });
    expect(sim.of('episode-ended')).toMatchObject([{ how: 'self-cleared' }]);
  });

  test('from a vector to a scalar: the sets that were firing vanish, and end after staleAfter', () => {
    const sim = simulate([policyOf()]);
    sim.run(1, { psi: { ORD: 0.5 } });
    expect(Object.keys(sim.own.episodes)).toHaveLength(1);
    sim.run(4, { psi: 0.1 });
    expect(sim.of('episode-ended')).toMatchObject([{ how: 'vanished' }]);
    expect(sim.own.episodes).toEqual({});
  });
});

describe('label sets', () => {
  const states = (sim: Simulation) =>
    Object.fromEntries(Object.entries(sim.own.rules.p?.main ?? {}).map(([key, one]) => [key, one.state]));

  test('a failed query makes every known set unknown, and the whole visible as unknown', () => {
    const sim = simulate([policyOf()]);
    sim.run(1, { psi: { ORD: 0.5, MCO: 0.1, EWR: undefined } });
    expect(states(sim)).toEqual({ 'origin=ORD': 'firing', 'origin=EWR': 'unknown' });
    sim.run(1, { psi: undefined });
    expect(states(sim)).toEqual({ '': 'unknown', 'origin=ORD': 'unknown', 'origin=EWR': 'unknown' });
    sim.run(1, { psi: { ORD: 0.5, MCO: 0.1 } });
    expect(states(sim)).toEqual({ 'origin=ORD': 'firing' });
  });

  test('a query that succeeds and gives nothing: its sets have vanished', () => {
    const sim = simulate([policyOf()]);
    sim.run(1, { psi: { ORD: 0.5 } });
    sim.run(1, { psi: {} });
    expect(states(sim)).toEqual({ 'origin=ORD': 'vanished' });
    sim.run(3, { psi: {} });
    expect(sim.of('episode-ended')).toMatchObject([{ how: 'vanished' }]);
  });
});
