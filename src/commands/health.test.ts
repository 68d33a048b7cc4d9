/** Readiness and figures over the real store and the real ticks: what is not caught up is not ready. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CHAIN, doing, HOUR, observes, policyOf, RETRAIN } from '../../test/core/closed-policy.ts';
import {
  enforce,
  type OpenStore,
  type Outside,
  openStore,
  outside,
  settle,
  worldOf,
} from '../../test/core/outside.ts';
import { appendInput, tick } from '../engine/drive.ts';
import { effectDue, tickDue } from '../engine/reconcile.ts';
import type { World } from '../engine/world.ts';
import type { Census, Message } from '../model.ts';
import { type Health, health } from './health.ts';
import { lateTargets } from './lateness.ts';
import type { Ports } from './ports.ts';
import { followProgress, lifeless, STUCK_MS } from './progress.ts';

const BEN = { name: 'ben', door: 'cli', authenticated: true } as const;
const approval = { from: ['owner'], quorum: 1, expiresMs: 8 * HOUR, reaskMs: 24 * HOUR };
const observe = { psi: observes('psi') };
const retrains = policyOf({ observe, rule: doing([RETRAIN]) });
const asks = policyOf({ observe, rule: doing([RETRAIN]), actions: { retrain: { approval } } });

let store: OpenStore;
let to: Outside;
let world: World;
let steady: number;

beforeEach(async () => {
  store = await openStore(':memory:');
  to = outside();
  world = worldOf(to, store);
  steady = 0;
});
afterEach(() => store.close());

/** The ports of a process that has just begun, whose loops are turned by hand. */
async function begun() {
  const due = (await store.dueActions(to.real)).filter(row => row.state !== 'intended');
  const progress = followProgress(() => steady, due);
  const ports = { world, progress, settings: {}, engine: async () => 1 } as unknown as Ports;
  const told: World = { ...world, meter: progress.meter };
  return {
    look: async () => (await health.run(ports, {} as never)) as Health,
    async round(loop: 'ticks' | 'effects') {
      const worked = loop === 'ticks' ? await tickDue(told) : await effectDue(told);
      progress.meter({ kind: 'round', loop, worked });
    },
    progress,
  };
}

describe('P29 ready only when caught up', () => {
  test('a first start is ready when a commit is in force and every target was looked at', async () => {
    const engine = await begun();
    await engine.round('effects');
    expect((await engine.look()).ready).toEqual({ ok: false, reasons: ['no commit is in force yet'] });
    await enforce(world, [retrains]);
    expect((await engine.look()).ready).toEqual({
      ok: false,
      reasons: [`not looked at in time: ${CHAIN}`],
    });
    await engine.round('ticks');
    expect((await engine.look()).ready).toEqual({ ok: true, reasons: [] });
  });

  test('after an outage it is ready when what is late was looked at, not before', async () => {
    await enforce(world, [retrains]);
    to.values.psi = 0.1;
    await tick(world, CHAIN);
    to.now += 5 * HOUR;
    const engine = await begun();
    await engine.round('effects');
    const { ready, figures } = await engine.look();
    expect(ready.reasons).toEqual([expect.stringMatching(`^not looked at in time: ${CHAIN} \\d`)]);
    expect(figures).toMatchObject({ due: 1, late: 1 });
    expect(figures.lagMs).toBeGreaterThan(2 * HOUR);
    await engine.round('ticks');
    expect(await engine.look()).toMatchObject({ ready: { ok: true }, figures: { late: 0, lagMs: 0 } });
  });

  test('what was under way before is asked about first', async () => {
    await enforce(world, [retrains]);
    await tick(world, CHAIN);
    await effectDue(world);
    const [row] = await store.dueActions(to.real);
    expect(row?.state).toBe('started');
    const engine = await begun();
    await engine.round('ticks');
    expect((await engine.look()).ready.reasons).toEqual([
      'what was under way before has not been asked about yet',
    ]);
    await engine.round('effects');
    expect((await engine.look()).ready).toEqual({ ok: true, reasons: [] });
    expect((await store.findAction(row?.action.key ?? ''))[0]).toMatchObject({ state: 'started', polls: 1 });
  });

  test('a target that cannot be looked at keeps a new start from being ready, and an older one not', async () => {
    await enforce(world, [retrains]);
    const engine = await begun();
    await engine.round('effects');
    engine.progress.meter({ kind: 'tick', chain: CHAIN, ms: 1, failed: true });
    await tick(world, CHAIN);
    expect((await engine.look()).ready.reasons).toEqual([`cannot be looked at: ${CHAIN}`]);
    engine.progress.meter({ kind: 'tick', chain: CHAIN, ms: 1, failed: false });
    expect((await engine.look()).ready.ok).toBe(true);
    engine.progress.meter({ kind: 'tick', chain: CHAIN, ms: 1, failed: true });
    expect(await engine.look()).toMatchObject({ ready: { ok: true }, figures: { failing: 1 } });
  });

  test('the outbox keeps one message a key, whoever sends it again', async () => {
    const message: Message = {
      ...{ key: 'k', at: 1, severity: 'page', target: CHAIN, title: 'first', text: 'x' },
    };
    await store.transaction(tx => tx.putMessage(message));
    await store.transaction(tx => tx.putMessage({ ...message, at: 2, title: 'again' }));
    expect(await store.messages({})).toEqual([message]);
  });
});

describe('it lives', () => {
  test('while its loops go round; a loop that stands still is named', async () => {
    const { progress } = await begun();
    expect(lifeless(progress.look())).toEqual([]);
    steady = STUCK_MS + 1;
    expect(lifeless(progress.look())).toEqual(['the engine gave no sign for 300 s']);
    for (const loop of ['ticks', 'effects'] as const) progress.meter({ kind: 'round', loop, worked: 0 });
    expect(lifeless(progress.look())).toEqual([]);
    steady += STUCK_MS;
    progress.meter({ kind: 'tick', chain: CHAIN, ms: 1, failed: false });
    steady += 1;
    expect(lifeless(progress.look())).toEqual(['the loop that carries out actions gave no sign for 300 s']);
  });

  test('beside an engine it is alive when one runs', async () => {
    await enforce(world, [retrains]);
    await tick(world, CHAIN);
    const beside = (engine: number | undefined) =>
      health.run(
        { world, settings: {}, engine: async () => engine } as unknown as Ports,
        {} as never,
      ) as Promise<Health>;
    expect((await beside(7)).live.ok).toBe(true);
    expect(await beside(undefined)).toMatchObject({
      live: { ok: false, reasons: ['no engine runs: nothing is being enforced'] },
      ready: { ok: false },
    });
  });
});

describe('figures', () => {
  test('follow the state: blind, asking, acting, anchored', async () => {
    await enforce(world, [asks]);
    const engine = await begun();
    delete to.values.psi;
    await tick(world, CHAIN);
    expect((await engine.look()).figures).toMatchObject({
      targets: 1,
      policies: 1,
      blindSets: 1,
      blindTargets: 1,
    });

    to.values.psi = 0.5;
    to.now += HOUR;
    await tick(world, CHAIN);
    to.now += HOUR / 2;
    expect((await engine.look()).figures).toMatchObject({
      blindSets: 0,
      episodes: { asking: 1 },
      approvals: { waiting: 1, oldestMs: HOUR / 2, firstExpiryMs: 7.5 * HOUR },
      live: [],
    });

    const own = (await store.target(CHAIN))?.own;
    const ask = Object.keys(own?.asks ?? {})[0] ?? '';
    await appendInput(world, CHAIN, { kind: 'approval', approval: ask, decision: 'yes', by: BEN });
    await tick(world, CHAIN);
    const { figures } = await engine.look();
    expect(figures).toMatchObject({
      approvals: { waiting: 0, oldestMs: 0 },
      episodes: { acting: 1 },
      live: [{ verb: 'retrain', state: 'intended', count: 1 }],
    });
    expect(figures.entries).toBe((await store.entries({ chain: CHAIN })).length);
    expect(figures.unanchoredMs).toBeGreaterThan(HOUR);
    await store.anchor(to.now);
    expect((await engine.look()).figures.unanchoredMs).toBe(0);
    to.real += HOUR;
    await settle(world, to);
    expect((await engine.look()).figures.live).toEqual([]);
  });

  test('pauses by what they stop, and since when', async () => {
    await store.transaction(async tx => {
      await tx.setFact('pause:all', { by: 'ana', reason: 'x', at: to.now });
      await tx.setFact('pause:verb:retrain', { by: 'ana', reason: 'x', at: to.now - HOUR });
      await tx.setFact('pause:verb:promote', { by: 'ana', reason: 'x', at: to.now, until: to.now + HOUR });
    });
    to.now += HOUR;
    expect((await (await begun()).look()).figures.pauses).toEqual([
      { scope: 'all', count: 1, oldestMs: HOUR },
      { scope: 'target', count: 0, oldestMs: 0 },
      { scope: 'verb', count: 1, oldestMs: 2 * HOUR },
    ]);
  });
});

describe('a target is late', () => {
  const NOW = 100 * HOUR;
  const at = (dueAt: number, lastTakenAt?: number): Census['due'] => [{ chain: CHAIN, dueAt, lastTakenAt }];
  /** due, last looked at, whether what was never looked at counts; how late it is */
  const cases: readonly (readonly [
    dueAt: number,
    last: number | undefined,
    never: boolean,
    late: unknown,
  ])[] = [
    [NOW - 2 * HOUR, NOW - 3 * HOUR, true, []],
    [NOW - 2 * HOUR - 1, NOW - 3 * HOUR, true, [{ chain: CHAIN, lateMs: 2 * HOUR + 1 }]],
    [0, NOW - 2 * HOUR, true, []],
    [0, NOW - 3 * HOUR, false, [{ chain: CHAIN, lateMs: 3 * HOUR }]],
    [0, undefined, true, [{ chain: CHAIN }]],
    [NOW, undefined, true, [{ chain: CHAIN }]],
    [0, undefined, false, []],
  ];
  test.each(cases)('due %i, seen %s, never counts %s', (dueAt, last, never, late) => {
    expect(lateTargets(at(dueAt, last), [retrains], NOW, { never })).toEqual(late);
  });

  test('only when a policy governs it, and the latest comes first', () => {
    expect(lateTargets(at(1, 1), [], NOW, { never: true })).toEqual([]);
    const other = { ...retrains, target: { kind: 'model', name: 'x' } } as const;
    const due = [...at(HOUR, 1), { chain: 'model/x', dueAt: 2 * HOUR, lastTakenAt: 1 }];
    expect(lateTargets(due, [other, retrains], NOW, { never: false }).map(one => one.chain)).toEqual([
      CHAIN,
      'model/x',
    ]);
  });
});
