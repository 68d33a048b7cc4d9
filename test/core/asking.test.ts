/** Questions while they wait: pages, ends that are told, what takes them back, who may not answer, and votes that stay good. */
import { describe, expect, test } from 'vitest';
import { policyHashes } from '../../src/engine/ids.ts';
import type { ApprovalSpec, ClosedPolicy } from '../../src/model.ts';
import {
  compares,
  condition,
  DAY,
  doing,
  HOUR,
  observes,
  policyOf,
  RETRAIN,
  ruleOf,
} from './closed-policy.ts';
import { PERSON, type Simulation, simulate } from './simulation.ts';

const CLEO = { ...PERSON, name: 'cleo' };
const DRIFTED = { psi: 0.5 };
const APPROVAL: ApprovalSpec = { from: ['owner'], quorum: 1, expiresMs: 8 * HOUR, reaskMs: DAY };

function asks(approval: Partial<ApprovalSpec> = {}, more: Parameters<typeof policyOf>[0] = {}): ClosedPolicy {
  return policyOf({
    rule: doing([RETRAIN]),
    actions: { retrain: { approval: { ...APPROVAL, ...approval } } },
    ...more,
  });
}

function asking(policy: ClosedPolicy = asks()): Simulation {
  const sim = simulate([policy]);
  sim.tick(DRIFTED);
  expect(sim.of('ask')).toHaveLength(1);
  return sim;
}

function vote(sim: Simulation, decision: 'yes' | 'no', by = PERSON, comment?: string): void {
  const approval = sim.of('ask').at(-1)?.approval ?? '';
  sim.input({ kind: 'approval', approval, decision, by, ...(comment === undefined ? {} : { comment }) });
}

const pages = (sim: Simulation) =>
  sim.of('intent').flatMap(one => (one.action.verb === 'escalate' ? String(one.action.call.args.text) : []));
const retrains = (sim: Simulation) => sim.of('intent').filter(one => one.action.verb === 'retrain');

describe('escalateAfter', () => {
  test('pages once while it waits, at its time, with what was said so far', () => {
    const sim = asking(asks({ escalateAfterMs: 2 * HOUR, quorum: 2 }));
    expect(sim.last?.wakeAt).toBeLessThanOrEqual(sim.at + HOUR);
    vote(sim, 'yes', PERSON, 'fine with me');
    sim.run(1, DRIFTED);
    expect(pages(sim)).toEqual([]);
    sim.run(5, DRIFTED);
    expect(pages(sim)).toHaveLength(1);
    expect(pages(sim)[0]).toContain('retrain on local/train waits for a yes since');
    expect(pages(sim)[0]).toContain('1 of 2 yes from ml; ben: "fine with me"');
    expect(sim.of('withdrawn')).toEqual([]);
    vote(sim, 'yes', CLEO);
    sim.run(1, DRIFTED);
    expect(retrains(sim)).toHaveLength(1);
  });

  test('of several approvals the soonest page and the loud end count', () => {
    const policy = policyOf({
      rule: doing([{ ...RETRAIN, approval: { ...APPROVAL, escalateAfterMs: HOUR } }]),
      actions: { retrain: { approval: { ...APPROVAL, escalateAfterMs: 3 * HOUR, onExpiry: 'escalate' } } },
    });
    const sim = asking(policy);
    expect(sim.of('ask')[0]).toMatchObject({ escalateAt: sim.at + HOUR, onExpiry: 'escalate' });
  });
});

describe('nobody decides', () => {
  test('deny: it is a no, and nobody is woken', () => {
    const sim = asking();
    sim.run(10, DRIFTED);
    expect(sim.of('withdrawn')).toMatchObject([{ reason: 'expired' }]);
    expect(pages(sim)).toEqual([]);
  });

  test('escalate: it is a no, and people are paged with the way to have it asked again', () => {
    const sim = asking(asks({ onExpiry: 'escalate' }));
    const { approval } = sim.of('ask')[0]!;
    sim.run(10, DRIFTED);
    expect(sim.of('withdrawn')).toMatchObject([{ reason: 'expired' }]);
    expect(pages(sim)).toHaveLength(1);
    expect(pages(sim)[0]).toContain('nobody decided on retrain on local/train in time');
    expect(pages(sim)[0]).toContain('flyball retry');
    // The page is no second chance.
    sim.input({ kind: 'approval', approval, decision: 'yes', by: PERSON });
    sim.run(2, DRIFTED);
    expect(retrains(sim)).toEqual([]);
  });

  test('a vote that comes with the end or after it is on record and decides nothing', () => {
    const sim = asking();
    sim.at = sim.of('ask')[0]?.expires ?? 0;
    vote(sim, 'yes');
    sim.tick(DRIFTED);
    expect(sim.of('withdrawn')).toMatchObject([{ reason: 'expired' }]);
    expect(retrains(sim)).toEqual([]);
  });
});

describe('who decides', () => {
  test('anybody who may decide can deny, whoever has said yes; the comment is kept with the reason', () => {
    const sim = asking(asks({ quorum: 2 }));
    vote(sim, 'yes');
    vote(sim, 'no', CLEO, 'the week before the audit');
    sim.run(1, DRIFTED);
    expect(sim.of('withdrawn')).toMatchObject([
      { reason: 'denied', message: 'denied by cleo: the week before the audit' },
    ]);
  });

  test('a no of the author of the change counts no more than a yes of theirs', () => {
    const sim = asking();
    vote(sim, 'no', { ...PERSON, name: 'ana' });
    sim.run(1, DRIFTED);
    expect(sim.of('withdrawn')).toEqual([]);
  });

  test.each([
    ['two people wrote it', ['ana@acme.example', 'ben@acme.example'], 1, ['ana', 'ben']],
    ['one of them is nobody', ['ana@acme.example', 'x@elsewhere.example'], 2, ['ana']],
    ['it cannot be told', [], 2, []],
  ])('%s: none of them decides, and an unknown one raises the quorum', (_, authors, quorum, refused) => {
    const before = asks({}, { everyMs: 2 * HOUR });
    const sim = simulate([before]);
    const commit = {
      sha: 'c2',
      author: { name: 'Zoe', email: 'zoe@acme.example' },
      time: 1,
      subject: 'merge',
    };
    const policy = asks({ quorum: 1, expiresMs: 7 * HOUR }, { commit });
    sim.policies = [policy];
    sim.input({ kind: 'revision', commit, policies: { p: policyHashes(policy) }, authors });
    sim.tick(DRIFTED);
    expect(sim.of('ask')[0]).toMatchObject({ quorum, refused });
    for (const name of refused) vote(sim, 'yes', { ...PERSON, name });
    sim.run(1, DRIFTED);
    expect(retrains(sim)).toEqual([]);
    vote(sim, 'yes', CLEO);
    if (quorum === 2) vote(sim, 'yes', { ...PERSON, name: refused.includes('ana') ? 'ben' : 'ana' });
    sim.run(1, DRIFTED);
    expect(retrains(sim)).toHaveLength(1);
  });

  test('who asked for it while the question waits does not approve it as well', () => {
    const sim = asking();
    const { id: episode } = Object.values(sim.own.episodes)[0]!;
    sim.input({ kind: 'adopt', episode, by: PERSON });
    vote(sim, 'yes');
    sim.run(1, DRIFTED);
    expect(sim.of('ask')).toMatchObject([{ refused: ['ana'] }]);
    expect(retrains(sim)).toEqual([]);
    vote(sim, 'yes', CLEO);
    sim.run(1, DRIFTED);
    expect(retrains(sim)).toHaveLength(1);
  });

  test('who had a stall tried again asked for it, and does not approve it as well', () => {
    const sim = asking();
    vote(sim, 'yes');
    sim.tick(DRIFTED);
    sim.start(sim.live('retrain'));
    sim.fail(sim.live('retrain'), false);
    sim.tick(DRIFTED);
    expect(sim.of('stalled')).toHaveLength(1);
    const { id: episode } = Object.values(sim.own.episodes)[0]!;
    sim.input({ kind: 'retry', episode, by: PERSON });
    sim.run(1, DRIFTED);
    expect(sim.of('ask').at(-1)).toMatchObject({ refused: ['ana', 'ben'] });
    vote(sim, 'yes');
    sim.run(1, DRIFTED);
    expect(retrains(sim)).toHaveLength(1);
    vote(sim, 'yes', CLEO);
    sim.run(1, DRIFTED);
    expect(retrains(sim)).toHaveLength(2);
  });

  test('two votes of one person are one, whichever door they came through', () => {
    const sim = asking(asks({ quorum: 2 }));
    vote(sim, 'yes');
    vote(sim, 'yes', { ...PERSON, door: 'http' });
    sim.run(1, DRIFTED);
    expect(retrains(sim)).toEqual([]);
  });
});

describe('the plan', () => {
  const approval = { ...APPROVAL, quorum: 2 };
  const edited = policyOf({
    rule: doing([{ ...RETRAIN, args: { lookback: 30 * DAY } }]),
    actions: { retrain: { approval } },
  });

  test('that changes voids the question, with the difference named; the new one is asked anew', () => {
    const sim = asking(asks({ quorum: 2 }));
    vote(sim, 'yes');
    sim.enforce([edited]);
    sim.run(1, DRIFTED);
    expect(sim.of('withdrawn')).toMatchObject([
      {
        reason: 'changed',
        message: 'the policy changed while the ask was waiting: step retrain',
      },
    ]);
    sim.run(1, DRIFTED);
    expect(sim.of('ask')).toHaveLength(2);
    expect(sim.of('ask')[1]?.votes).toBeUndefined();
  });

  test('P44 that is changed and changed back is the one that people had said yes to: they are not asked again', () => {
    const sim = asking(asks({ quorum: 2 }));
    vote(sim, 'yes', PERSON, 'go');
    sim.enforce([edited]);
    sim.run(1, DRIFTED);
    sim.enforce([asks({ quorum: 2 })]);
    // The question about the edited plan goes first.
    sim.run(2, DRIFTED);
    const last = sim.of('ask').at(-1);
    expect(last?.planHash).toBe(sim.of('ask')[0]?.planHash);
    expect(last?.votes).toMatchObject([{ decision: 'yes', comment: 'go' }]);
    // It is good for as long as it was given for, and no longer.
    expect(last?.expires).toBe(sim.of('ask')[0]?.expires);
    vote(sim, 'yes', CLEO);
    sim.run(1, DRIFTED);
    expect(retrains(sim)).toHaveLength(1);
  });
});

test('P20 an inhibitor that is known to fire takes the question back; one that is unknown only holds', () => {
  const guarded = asks(
    {},
    { guard: { inhibitedBy: [{ policy: 'q', chains: ['model/late'], everyMs: HOUR }] } },
  );
  const inhibitor = policyOf({
    policy: 'q',
    observe: { perf: observes('perf') },
    rules: [ruleOf({ name: 'bad', when: condition(compares('perf', '>', 0.8)) })],
  });
  const sim = simulate([guarded, inhibitor]);
  sim.run(2, { psi: 0.5, perf: 0.1 });
  expect(sim.of('ask')).toHaveLength(1);
  sim.run(1, { psi: 0.5, perf: undefined });
  expect(sim.of('withdrawn')).toEqual([]);
  sim.run(1, { psi: 0.5, perf: 0.9 });
  expect(sim.of('withdrawn')).toMatchObject([{ reason: 'inhibited' }]);
});
