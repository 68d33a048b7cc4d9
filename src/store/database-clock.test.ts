import { describe, expect, test } from 'vitest';
import { databaseClock } from './database-clock.ts';

/** A server whose clock and answers are given, and a monotonic clock that only the test moves. */
function server(of: { offset: number; tookMs: number }) {
  const at = { elapsed: 1000 };
  return {
    at,
    of,
    elapsed: () => at.elapsed,
    store: {
      now: async () => {
        at.elapsed += of.tookMs / 2;
        const now = at.elapsed + of.offset;
        at.elapsed += of.tookMs / 2;
        return now;
      },
    },
  };
}

describe('the clock of a state on a server', () => {
  test('is the server’s, carried on by the monotonic clock between measurements', async () => {
    const { at, store, elapsed } = server({ offset: 1e12, tookMs: 20 });
    const { clock } = await databaseClock(store, elapsed);
    expect(clock()).toBe(1e12 + at.elapsed);
    at.elapsed += 3_600_000;
    expect(clock()).toBe(1e12 + at.elapsed);
  });

  test('goes on from where it is when the server’s clock was set back: neither backwards nor slower', async () => {
    const of = { offset: 1e12, tookMs: 0 };
    const { at, store, elapsed } = server(of);
    const { clock, measure } = await databaseClock(store, elapsed);
    const before = clock();
    of.offset -= 3_600_000;
    for (let minute = 1; minute <= 90; minute++) {
      at.elapsed += 60_000;
      await measure();
      expect(clock()).toBe(before + minute * 60_000);
    }
  });

  test('leaves a measurement alone that took too long to say anything', async () => {
    const of = { offset: 1e12, tookMs: 0 };
    const { at, store, elapsed } = server(of);
    const { clock, measure } = await databaseClock(store, elapsed);
    of.tookMs = 3_600_000;
    of.offset += 1_000_000;
    await measure();
    expect(clock()).toBe(1e12 + at.elapsed);
  });

  test('does not begin with a server that is always too slow', async () => {
    const { store, elapsed } = server({ offset: 0, tookMs: 800 });
    await expect(databaseClock(store, elapsed)).rejects.toThrow(
      /took more than 500 ms .* expected a server near by/,
    );
  });
});
