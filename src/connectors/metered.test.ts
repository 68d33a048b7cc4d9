/** Calls are told with how they ended, and end as they would without a meter. */
import { expect, test } from 'vitest';
import { type Action, type ConnectionSpec, type Effect, type Happening, PortError } from '../model.ts';
import { meteredEffects, meteredQueries } from './metered.ts';

const connection = { name: 'warehouse' } as ConnectionSpec;
const refusal = (retry: 'later' | 'never') => new PortError('no', { code: 'x', retry, subject: 'y' });

/** A clock on which everything takes 7 ms. */
function ticking() {
  let now = 0;
  return () => {
    now += 7;
    return now;
  };
}

test.each([
  ['ok', undefined],
  ['refused', refusal('never')],
  ['failed', refusal('later')],
  ['failed', new Error('a bug')],
] as const)('a call that ends as %s', async (result, error) => {
  const told: Happening[] = [];
  const answer = async () => {
    if (error) throw error;
    return { run: 1 };
  };
  const effect = { start: answer, settleAfterMs: 3 } as unknown as Effect;
  const metered = meteredEffects(
    () => effect,
    what => told.push(what),
    ticking(),
  )('notify.send', connection);
  expect(metered.settleAfterMs).toBe(3);
  const query = meteredQueries(answer as never, what => told.push(what), ticking());
  for (const call of [metered.start({} as Action), query(connection, { sql: 'select 1' })]) {
    if (error) await expect(call).rejects.toBe(error);
    else expect(await call).toEqual({ run: 1 });
  }
  expect(told).toEqual([
    { kind: 'effect', capability: 'notify.send', call: 'start', result, ms: 7 },
    { kind: 'query', connection: 'warehouse', result, ms: 7 },
  ]);
});
