/** Silences over a real store: placed, listed, ended, and refused when they say nothing that could be meant. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { folding } from '../engine/folding.ts';
import type { Store } from '../model.ts';
import { openSqliteStore } from '../store/sqlite.ts';
import { Refusal } from './perform.ts';
import type { Ports } from './ports.ts';
import { silence, silenceEnd, silences } from './silence.ts';

const NOW = Date.UTC(2026, 0, 31);
const HOUR = 3_600_000;
let store: Store;
let now: number;
let ports: Ports;

beforeEach(async () => {
  store = await openSqliteStore({ path: ':memory:', ...folding });
  now = NOW;
  let id = 0;
  ports = {
    world: { store, clock: () => now },
    principal: { name: 'ana', door: 'cli', authenticated: true },
    newId: () => `${++id}0000000-0000-4000-8000-000000000000`,
  } as unknown as Ports;
});
afterEach(() => store.close());

const place = (input: object) =>
  silence.run(ports, { match: 'severity=ticket', until: '4h', reason: 'x', ...input } as never);
const listed = async () => (await silences.run(ports, {} as never)) as { silences: { id: string }[] };

test.each([
  ['4h', NOW + 4 * HOUR],
  ['2026-01-31T06:00Z', NOW + 6 * HOUR],
  ['2026-01-31T06:00+01:00', NOW + 5 * HOUR],
])('until %s', async (until, found) => {
  expect(await place({ until })).toMatchObject({ match: { severity: 'ticket' }, until: found, by: 'ana' });
});

test('it is on record in the fleet chain, listed until it ends, and then gone', async () => {
  await place({ match: 'severity=ticket, policy=feature-drift', reason: 'migration' });
  const [entry] = await store.entries({ chain: 'fleet' });
  expect(entry?.body).toMatchObject({
    kind: 'silence',
    id: '10000000',
    match: { severity: 'ticket', policy: 'feature-drift' },
    reason: 'migration',
    until: NOW + 4 * HOUR,
  });
  expect((await listed()).silences).toHaveLength(1);
  now += 4 * HOUR;
  expect((await listed()).silences).toEqual([]);
  await place({});
  expect(Object.keys(await store.factsWithPrefix('silence:'))).toEqual(['silence:20000000']);
});

test('a person ends it before its time', async () => {
  await place({});
  now += HOUR;
  await silenceEnd.run(ports, { id: '1000' } as never);
  expect((await listed()).silences).toEqual([]);
  const entries = await store.entries({ chain: 'fleet' });
  expect(entries.at(-1)?.body).toMatchObject({ kind: 'silence', id: '10000000', until: NOW + HOUR });
});

test.each<[object, RegExp]>([
  [{ match: 'ticket' }, /--match has "ticket"; expected labels with their values, such as severity=ticket/],
  [{ match: 'a=1,' }, /--match has ""/],
  [{ until: 'soon' }, /--until is "soon"; expected how long, such as 4h, or a time with its zone/],
  [{ until: '2026-01-30T00:00Z' }, /which is over/],
  [{ until: '2026-02-31T99:00Z' }, /expected how long/],
  [{ until: '31d' }, /a silence lasts at most 30d/],
])('%j is refused', async (input, message) => {
  await expect(place(input)).rejects.toThrow(message);
  await expect(place(input)).rejects.toBeInstanceOf(Refusal);
});

test('what is not in force cannot be ended', async () => {
  await expect(silenceEnd.run(ports, { id: 'ff' } as never)).rejects.toThrow(
    /ff is no silence in force; expected one of: none is in force/,
  );
});
