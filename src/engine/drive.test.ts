/** The driver over the real store: a plan is the tick that was not committed, and nothing that moves meanwhile is lost. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CHAIN, COMMIT, doing, HOUR, observes, policyOf, RETRAIN } from '../../test/core/closed-policy.ts';
import {
  enforce,
  type OpenStore,
  type Outside,
  openStore,
  outside,
  settle,
  worldOf,
} from '../../test/core/outside.ts';
import { canonical } from '../canonical.ts';
import type { ClosedPolicy, Derived, EntryBody, Input, Principal } from '../model.ts';
import { appendInput, tick } from './drive.ts';
import { emptyOwn } from './fold.ts';
import { foldAll, look } from './look.ts';
import { effectDue } from './reconcile.ts';
import { step } from './step.ts';
import type { World } from './world.ts';

const PERSON: Principal = { name: 'ben', door: 'cli', authenticated: true };
const approval = { from: ['owner'], quorum: 1, expiresMs: 8 * HOUR, reaskMs: 24 * HOUR };
const observe = { psi: observes('psi'), perf: observes('perf') };
const retrains = policyOf({ observe, rule: doing([RETRAIN]) });
const asks = policyOf({ observe, rule: doing([RETRAIN]), actions: { retrain: { approval } } });

let folder: string;
let store: OpenStore;
let to: Outside;
let world: World;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flyball-drive-'));
  store = await openStore(join(folder, 'state.sqlite'));
  to = outside();
  world = worldOf(to, store);
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

async function bodies(): Promise<readonly EntryBody[]> {
  return (await store.entries({ chain: CHAIN })).map(entry => entry.body);
}

async function kinds(): Promise<readonly string[]> {
  return (await bodies()).map(body => body.kind);
}

async function derivedSince(seq: number): Promise<readonly EntryBody[]> {
  const inputs = ['gap', 'revision', 'approval', 'request', 'start-due', 'started', 'outcome'];
  return (await store.entries({ chain: CHAIN, from: seq + 1 }))
    .map(entry => entry.body)
    .filter(body => !inputs.includes(body.kind));
}

const head = async () => (await store.target(CHAIN))?.own.seq ?? 0;

/** A world whose next observation first lets `meanwhile` happen: between the look and the commit. */
function during(meanwhile: () => Promise<void>): World {
  let pending: (() => Promise<void>) | undefined = meanwhile;
  return {
    ...world,
    queryData: async (connection, query) => {
      const work = pending;
      pending = undefined;
      await work?.();
      return world.queryData(connection, query);
    },
  };
}

const reconcile: Input = { kind: 'request', request: 'r1', what: 'reconcile', by: PERSON };

describe('plan and tick', () => {
  const policies: readonly (readonly [string, ClosedPolicy])[] = [
    ['acts', retrains],
    ['asks', asks],
    ['observes', policyOf({ observe, mode: 'observe', rule: doing([RETRAIN]) })],
    ['pends', policyOf({ observe, rule: doing([RETRAIN], { forMs: 3 * HOUR }) })],
  ];
  test.each(policies)('derive the same from the same world: %s', async (_, policy) => {
    await enforce(world, [policy]);
    for (let hour = 0; hour < 6; hour++) {
      to.now += HOUR;
      const before = await head();
      const plan = await look(world, CHAIN);
      expect(await head()).toBe(before);
      expect(await tick(world, CHAIN)).toBe(true);
      expect(canonical(await derivedSince(before))).toBe(canonical(plan?.step.entries));
      if (hour === 3) await appendInput(world, CHAIN, reconcile);
    }
    expect(await store.verify()).toMatchObject({ ok: true });
  });

  test('a quiet tick appends nothing and moves when it was last looked at', async () => {
    await enforce(world, [retrains]);
    to.values.psi = 0.1;
    await tick(world, CHAIN);
    const before = await head();
    for (let hour = 0; hour < 4; hour++) {
      to.now += HOUR;
      await tick(world, CHAIN);
      expect((await store.target(CHAIN))?.lastTakenAt).toBe(to.now);
    }
    expect(await head()).toBe(before);
  });

  test('a commit that nobody told the target is the first input of what is done next: of a tick, or of a start', async () => {
    await enforce(world, [retrains]);
    to.values.psi = 0.1;
    await tick(world, CHAIN);
    const untold = async (sha: string, before: string) => {
      const commit = { ...COMMIT, sha };
      const policy = policyOf({ observe, commit, rule: doing([RETRAIN], { keepForMs: sha.length * HOUR }) });
      await store.transaction(tx => tx.setRevision({ commit, policies: [policy] }, before));
      return head();
    };
    const first = await untold('c22', COMMIT.sha);
    to.now += HOUR;
    to.values.psi = 0.5;
    await tick(world, CHAIN);
    const ticked = (await bodies()).slice(first);
    expect(ticked[0]).toMatchObject({ kind: 'revision', commit: { sha: 'c22' } });
    expect(ticked.map(one => one.kind)).toContain('intent');
    expect((await store.ticks(CHAIN)).at(-1)).toMatchObject({ from: first + 2, to: await head() });

    const second = await untold('c333', 'c22');
    await effectDue(world);
    expect((await kinds()).slice(second, second + 2)).toEqual(['revision', 'start-due']);
    await tick(world, CHAIN);
    expect((await kinds()).filter(kind => kind === 'revision')).toHaveLength(3);
    expect(await store.verify()).toMatchObject({ ok: true });
  });

  test('more than twice `every` without a tick is a gap, and it comes first', async () => {
    await enforce(world, [policyOf({ observe, rule: { forMs: 10 * HOUR } })]);
    await tick(world, CHAIN);
    const before = await head();
    to.now += 3 * HOUR;
    await tick(world, CHAIN);
    const [first, second] = (await store.entries({ chain: CHAIN, from: before + 1 })).map(one => one.body);
    expect(first).toEqual({ kind: 'gap', from: to.now - 3 * HOUR, to: to.now });
    expect(second).toMatchObject({ kind: 'transition', to: 'pending', frozenMs: 3 * HOUR });
  });
});

describe('what moves between the look and the commit', () => {
  test('a yes that arrives meanwhile is used by the same tick', async () => {
    await enforce(world, [asks]);
    await tick(world, CHAIN);
    const [ask] = (await bodies()).filter(body => body.kind === 'ask');
    const yes: Input = { kind: 'approval', approval: ask?.approval ?? '', decision: 'yes', by: PERSON };
    to.now += HOUR;
    await tick(
      during(() => appendInput(world, CHAIN, yes)),
      CHAIN,
    );
    expect((await kinds()).slice(-3)).toEqual(['approval', 'intent', 'decision']);
    expect(await store.verify()).toMatchObject({ ok: true });
  });

  test('a pause that arrives meanwhile holds', async () => {
    await enforce(world, [retrains]);
    const pause = () => store.transaction(tx => tx.setFact('pause:all', { by: 'ana', reason: 'stop' }));
    await tick(during(pause), CHAIN);
    expect(await kinds()).not.toContain('intent');
    const [decision] = (await bodies()).filter(body => body.kind === 'decision');
    expect(decision).toMatchObject({ decision: { outcome: 'hold', holds: [{ reason: 'paused' }] } });
    expect(decision?.facts['pause:all']?.version).toBe(1);
  });

  test('a commit that arrives meanwhile begins the tick again, under the new revision', async () => {
    await enforce(world, [retrains]);
    const later = { ...COMMIT, sha: 'c2' };
    const edited = policyOf({ observe, mode: 'observe', rule: doing([RETRAIN]), commit: later });
    await tick(
      during(() => enforce(world, [edited], later)),
      CHAIN,
    );
    expect(await kinds()).not.toContain('intent');
    const causes = (await bodies()).flatMap(body =>
      'cause' in body && body.cause ? [body.cause.commit] : [],
    );
    expect(new Set(causes)).toEqual(new Set(['c2']));
  });

  test('a reconcile that is asked for meanwhile is not lost, at the same instant either', async () => {
    await enforce(world, [policyOf({ observe, everyMs: 1000 * HOUR, rule: doing([RETRAIN]) })]);
    to.values.psi = 0.1;
    await tick(world, CHAIN);
    await tick(
      during(async () => {}),
      CHAIN,
    );
    to.values.psi = 0.5;
    let once = false;
    const asked: World = {
      ...world,
      readServing: async (model, connections) => {
        if (!once) await appendInput(world, CHAIN, reconcile);
        once = true;
        return world.readServing(model, connections);
      },
    };
    await tick(asked, CHAIN);
    expect(await kinds()).toContain('intent');
  });

  test('concurrent inputs and ticks never break the chain, and none is lost', async () => {
    await enforce(world, [retrains]);
    const inputs = Array.from({ length: 20 }, (_, i): Input => ({ ...reconcile, request: `r${i}` }));
    await Promise.all([
      ...inputs.map(input => appendInput(world, CHAIN, input)),
      tick(world, CHAIN).catch(() => undefined),
      tick(world, CHAIN).catch(() => undefined),
    ]);
    const requests = (await bodies()).filter(body => body.kind === 'request');
    expect(requests).toHaveLength(20);
    expect(await store.verify()).toMatchObject({ ok: true });
    await tick(world, CHAIN);
    expect((await kinds()).filter(kind => kind === 'intent')).toHaveLength(1);
  });
});

test('replay from the store: recorded ticks, facts and closures give every derived entry byte for byte', async () => {
  await enforce(world, [asks]);
  const steps: readonly (() => void | Promise<void>)[] = [
    () => {},
    () => {
      to.values.psi = 0.1;
    },
    () => {
      to.values.psi = 0.7;
    },
    async () => {
      const asking = (await bodies()).findLast(body => body.kind === 'ask');
      const approval = asking?.kind === 'ask' ? asking.approval : '';
      await appendInput(world, CHAIN, { kind: 'approval', approval, decision: 'yes', by: PERSON });
    },
    () => {
      to.now += 5 * HOUR;
    },
    () => {
      delete to.values.psi;
    },
  ];
  for (const change of steps) {
    to.now += HOUR;
    await change();
    await settle(world, to);
  }
  const entries = await store.entries({ chain: CHAIN });
  const ticks = await store.ticks(CHAIN);
  expect(ticks.length).toBeGreaterThan(4);
  let replayed = 0;
  for (const recorded of ticks) {
    const policies: ClosedPolicy[] = [];
    for (const { hash, commit } of recorded.closures)
      policies.push({ ...(await store.closure(hash))!, commit });
    const earlier = entries.filter(entry => entry.seq < recorded.from);
    const own = earlier.reduce((now, { body, at }) => foldAll(now, [body], at), emptyOwn(retrains.target));
    const answer = step(policies, recorded.snapshot, { own, facts: recorded.facts }, world.catalogue);
    const written = entries.filter(({ seq }) => seq >= recorded.from && seq <= recorded.to);
    expect(canonical(answer.entries)).toBe(canonical(written.map(entry => entry.body as Derived)));
    replayed += written.length;
  }
  expect(replayed).toBe((await derivedSince(0)).length);
});
