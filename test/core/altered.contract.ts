/**
 * A ledger as a real run leaves it, and everything that SQL can do to one of its rows: each column of each entry, each field
 * of a body of each kind, cut tails. What is found names the chain and the entry. And projections that are rebuilt from it are
 * the live ones, byte for byte. One suite for each database.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonical } from '../../src/canonical.ts';
import { appendInput } from '../../src/engine/drive.ts';
import { standingFact } from '../../src/engine/folding.ts';
import { settleAll } from '../../src/engine/reconcile.ts';
import type { World } from '../../src/engine/world.ts';
import type { Entry, Json } from '../../src/model.ts';
import {
  CHAIN,
  COMMIT,
  compares,
  condition,
  DAY,
  doing,
  EVALUATE,
  HOUR,
  observes,
  PROMOTE,
  policyOf,
  RETRAIN,
  ruleOf,
} from './closed-policy.ts';
import { enforce, type OpenStore, outside, settle, worldOf } from './outside.ts';

/** A store, and SQL behind its back; values in the SQL are literals. */
export interface Alterable {
  readonly store: OpenStore;
  sql<Row>(text: string): Promise<Row[]>;
  close(): Promise<void>;
}

const approval = { from: ['owner'], quorum: 1, expiresMs: DAY, reaskMs: DAY };
const policy = policyOf({
  observe: { psi: observes('psi'), perf: observes('perf', { windowMs: HOUR }) },
  actions: { promote: { approval } },
  rule: doing(
    [RETRAIN, EVALUATE, { ...PROMOTE, require: condition(compares('steps.evaluate.log_loss', '<', 0.5)) }],
    {
      verify: {
        that: condition(compares('perf', '<', 0.8)),
        withinMs: 3 * HOUR,
        attempts: 1,
        otherwise: 'escalate',
      },
    },
  ),
});

const both = policyOf({
  policy: 'both',
  observe: { psi: observes('psi'), perf: observes('perf') },
  rules: [
    ruleOf(doing([RETRAIN], { name: 'a' })),
    ruleOf(doing([RETRAIN], { name: 'b', when: condition(compares('perf', '>', 0.8)) })),
  ],
});

/** A drift, a retraining, a promotion that ben said yes to, an episode that was verified; pauses and anchors of the fleet. */
async function lived(store: OpenStore): Promise<void> {
  const to = outside();
  const world = worldOf(to, store);
  const by = { name: 'ben', door: 'cli', authenticated: true } as const;
  await enforce(world, [policy]);
  for (let hour = 0; hour < 4; hour += 1, to.now += HOUR) {
    await settle(world, to);
    const asks = Object.values((await store.target(CHAIN))?.own.asks ?? {});
    for (const { approval } of asks.filter(ask => ask.votes.length === 0))
      await appendInput(world, CHAIN, { kind: 'approval', approval, decision: 'yes', by });
    await settle(world, to);
    for (const body of [
      { kind: 'pause', scope: `p${hour}`, by, reason: 'x' },
      { kind: 'silence', id: `s${hour}`, match: { policy: 'x' }, by, reason: 'x', until: to.now + 9 * HOUR },
    ] as const)
      await store.transaction(async tx => {
        await tx.fleet([body], to.now);
        const { key, value } = standingFact({ at: to.now, body }) ?? { key: '', value: null };
        await tx.setFact(key, value);
      });
    await store.anchor(to.now);
  }
  // And one that runs: it holds its subject, and the sequence of the other rule waits for it.
  await enforce(world, [both], { ...COMMIT, sha: 'later' });
  to.values.psi = 0.5;
  to.values.perf = 0.9;
  const runs: World = {
    ...world,
    effectFor: (...of) => ({ ...world.effectFor(...of), poll: async () => ({ state: 'running' }) }),
  };
  let left = 50;
  const pause = async (ms: number) => {
    to.real += ms;
    left -= 1;
  };
  await settleAll(runs, pause, () => left <= 0);
  await store.anchor(to.now);
}

export function alteredContract(name: string, open: () => Promise<Alterable>): void {
  describe(`a lived ledger on ${name}`, () => {
    let at: Alterable;
    let entries: readonly Entry[] = [];
    beforeAll(async () => {
      at = await open();
      await lived(at.store);
      entries = (await Promise.all(['fleet', CHAIN].map(chain => at.store.entries({ chain })))).flat();
    });
    afterAll(() => at.close());

    /** Alters, looks, and puts back what was there. */
    const found = async (alter: string, back: string, chain: string) => {
      await at.sql(alter);
      const verified = await at.store
        .verify(chain)
        .catch(error => ({ ok: false, chain, problem: error.code }));
      const whole = await at.store.verify();
      await at.sql(back);
      expect(whole.ok, alter).toBe(false);
      return verified;
    };

    it('is whole, and has entries of many kinds', async () => {
      expect(await at.store.verify()).toMatchObject({ ok: true, chains: 2, entries: entries.length });
      const kinds = new Set(entries.map(entry => entry.body.kind));
      for (const kind of [
        'revision',
        'episode-opened',
        'decision',
        'ask',
        'approval',
        'intent',
        'started',
        'outcome',
      ])
        expect(kinds).toContain(kind);
      expect((await at.store.target(CHAIN))?.own.verifiedVersions).toEqual(['v1', 'v2']);
    });

    it('shows each change of each column of each entry, at that entry', async () => {
      for (const entry of entries) {
        const { chain, seq, body } = entry;
        const where = `WHERE chain = '${chain}' AND seq = ${seq}`;
        const columns = {
          v: [entry.v, 2],
          kind: [quoted(body.kind), quoted('adopt')],
          at: [entry.at, entry.at - 1],
          body: [quoted(canonical(body)), quoted(`${canonical(body)} `)],
          prev: [quoted(entry.prev), quoted(`${entry.prev.slice(1)}x`)],
          hash: [quoted(entry.hash), quoted(`${entry.hash.slice(1)}x`)],
        } as const;
        for (const [column, [is, becomes]] of Object.entries(columns)) {
          const set = (value: string | number) => `UPDATE entries SET ${column} = ${value} ${where}`;
          const answer = await found(set(becomes), set(is), chain);
          expect(answer, `${column} of ${chain} ${seq}`).toMatchObject({ ok: false, chain, seq });
        }
        const moved = await found(
          `UPDATE entries SET seq = seq + 100000 ${where}`,
          `UPDATE entries SET seq = ${seq} WHERE chain = '${chain}' AND seq = ${seq + 100_000}`,
          chain,
        );
        expect(moved, `seq of ${chain} ${seq}`).toMatchObject({ ok: false, chain, seq });
        const elsewhere = await found(
          `UPDATE entries SET chain = 'model/elsewhere' ${where}`,
          `UPDATE entries SET chain = '${chain}' WHERE chain = 'model/elsewhere'`,
          chain,
        );
        expect(elsewhere, `chain of ${chain} ${seq}`).toMatchObject({ ok: false, chain, seq });
      }
      expect(await at.store.verify()).toMatchObject({ ok: true });
    });

    it('shows each change of each field of a body of each kind, at that entry', async () => {
      const ofKind = new Map(entries.map(entry => [entry.body.kind, entry]));
      let fields = 0;
      for (const { chain, seq, body } of ofKind.values()) {
        const set = (value: unknown) =>
          `UPDATE entries SET body = ${quoted(canonical(value))} WHERE chain = '${chain}' AND seq = ${seq}`;
        for (const path of leavesOf(body as unknown as Json)) {
          const becomes = changedAt(body as unknown as Json, path);
          const answer = await found(set(becomes), set(body), chain);
          expect(answer, `${path.join('.')} of ${chain} ${seq}`).toMatchObject({ ok: false, chain, seq });
          fields += 1;
        }
      }
      expect(fields).toBeGreaterThan(300);
      expect(await at.store.verify()).toMatchObject({ ok: true });
    });

    it('shows a tail that was cut, with its head or without', async () => {
      const outer = await at.store.heads();
      for (const chain of ['fleet', CHAIN]) {
        const all = entries.filter(entry => entry.chain === chain);
        for (let kept = 0; kept < all.length; kept += 1) {
          const cut = all.slice(kept);
          const back = cut.map(entry => insertOf(entry)).join(';\n');
          const where = `WHERE chain = '${chain}'`;
          const remove = `DELETE FROM entries ${where} AND seq > ${kept}`;
          const answer = await found(remove, back, chain);
          expect(answer, `${chain} after ${kept}`).toMatchObject({ ok: false, chain, seq: kept + 1 });

          const head = all[kept - 1]?.hash ?? '0'.repeat(64);
          const last = all.at(-1);
          await at.sql(`${remove}; UPDATE heads SET seq = ${kept}, hash = '${head}' ${where}`);
          const within = await at.store.verify();
          const outside = await at.store.verify(undefined, outer);
          await at.sql(`${back}; UPDATE heads SET seq = ${last?.seq}, hash = '${last?.hash}' ${where}`);
          if (chain !== 'fleet') expect(within).toMatchObject({ ok: false, chain, seq: kept + 1 });
          expect(outside, `${chain} with its head after ${kept}`).toMatchObject({
            ok: false,
            chain,
            seq: kept + 1,
          });
        }
      }
      expect(await at.store.verify(undefined, outer)).toMatchObject({ ok: true });
    });

    it('rebuilds projections that are the live ones, byte for byte', async () => {
      const projections = async () => ({
        targets: await at.sql('SELECT chain, kind, name, own, fold_version FROM targets ORDER BY chain'),
        actions: await at.sql(
          `SELECT key, id, attempt, chain, subject, verb, state, handle, cancel_requested, intended_at, action
           FROM actions ORDER BY nr`,
        ),
        facts: await at.sql<{ key: string; value: string }>(
          `SELECT key, value FROM facts WHERE value IS NOT NULL AND (key LIKE 'pause:%' OR key LIKE 'silence:%'
           OR key LIKE 'lock:%' OR key LIKE 'acted:%') ORDER BY key`,
        ),
      });
      const lived = await projections();
      expect(lived.actions.length).toBeGreaterThan(2);
      expect(await at.store.rebuild()).toEqual({ targets: 1, differences: [] });
      expect(await projections()).toEqual(lived);
      await at.sql("DELETE FROM actions; UPDATE targets SET own = '{}'");
      expect((await at.store.rebuild()).differences).toHaveLength(1 + lived.actions.length);
      expect(await projections()).toEqual(lived);
      expect(lived.facts.map(one => one.key.split(':')[0])).toEqual([
        ...['acted', 'lock', ...Array(4).fill('pause'), ...Array(4).fill('silence')],
      ]);
      expect(lived.facts[1]?.value).toContain(`"adopters":["${CHAIN}"]`);
      await at.sql('DELETE FROM facts');
      expect((await at.store.rebuild()).differences).toHaveLength(lived.facts.length);
      expect(await projections()).toEqual(lived);
      await at.sql(`UPDATE facts SET value = '{}' WHERE key LIKE 'lock:%' OR key LIKE 'acted:%'; UPDATE facts SET key =
        key || 'x' WHERE key = 'pause:verb:p0'`);
      expect((await at.store.rebuild()).differences).toEqual([
        expect.stringMatching(/^fact acted:.* differed from the entries$/),
        'fact pause:verb:p0 was missing',
        'fact pause:verb:p0x is of no entry',
        expect.stringMatching(/^fact lock:.* differed from the entries$/),
      ]);
      expect(await projections()).toEqual(lived);
      const key = (lived.actions.at(-1) as { key: string }).key;
      for (const [column, value] of Object.entries({
        ...{ id: "'x'", attempt: 9, chain: "'model/x'", subject: "'x'", verb: "'x'", state: "'intended'" },
        ...{ handle: '\'"x"\'', cancel_requested: 1, intended_at: 1, action: "'{}'" },
      })) {
        await at.sql(`UPDATE actions SET ${column} = ${value} WHERE key = '${key}'`);
        const { differences } = await at.store.rebuild();
        expect(differences, column).toHaveLength(1);
        if (column !== 'state') expect(differences[0]).toContain(`: ${column} differed from the entries`);
        expect(await projections(), column).toEqual(lived);
      }
      await at.sql('DELETE FROM actions; DELETE FROM targets');
      await at.store.rebuild();
      expect(await projections()).toEqual(lived);
      expect(await at.store.rebuild()).toEqual({ targets: 1, differences: [] });

      // Also when most of what said it was deleted.
      const last = Math.max(...entries.map(entry => entry.at));
      const kept = { entriesFrom: last, slackMs: 0, observationsFrom: 0 };
      expect(await at.store.prune({ at: last, ...kept })).toMatchObject({ chains: 2, left: [] });
      const pruned = await projections();
      expect(pruned.facts).toEqual(lived.facts);
      expect(await at.store.rebuild()).toEqual({ targets: 1, differences: [] });
      expect(await projections()).toEqual(pruned);
    });
  });
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function insertOf({ chain, seq, v, at, body, prev, hash }: Entry): string {
  const texts = [canonical(body), prev, hash].map(quoted).join(', ');
  return `INSERT INTO entries (chain, seq, v, kind, at, body, prev, hash)
    VALUES ('${chain}', ${seq}, ${v}, '${body.kind}', ${at}, ${texts})`;
}

type Path = readonly string[];

/** Paths to everything in a value that is not made of others. */
function leavesOf(value: Json, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([key, one]) => leavesOf(one as Json, [...path, key]));
}

/** The value with one leaf that says something else. */
function changedAt(value: Json, [key, ...rest]: Path): Json {
  if (key === undefined) {
    if (typeof value === 'number') return value + 1;
    if (typeof value === 'boolean') return !value;
    return value === null ? 0 : `${value}x`;
  }
  if (Array.isArray(value))
    return value.map((one, index) => (String(index) === key ? changedAt(one, rest) : one));
  const object = value as Readonly<Record<string, Json>>;
  return { ...object, [key]: changedAt(object[key] ?? null, rest) };
}
