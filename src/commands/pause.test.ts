/** The kill switch when one of the chains cannot be written: the others are asked to end, and who is not is said. */
import { expect, test } from 'vitest';
import type { Store } from '../model.ts';
import { pause } from './pause.ts';
import type { Ports } from './ports.ts';

test('one action that cannot be asked to end keeps no other one running, and is named', async () => {
  const ids = ['a1', 'a2', 'a3'];
  const asked: string[] = [];
  const rows = ids.map(id => ({
    chain: `model/${id}`,
    verb: 'retrain',
    action: { id, verb: 'retrain', call: { capability: 'x' } },
  }));
  let writes = 0;
  const store = {
    actions: async () => rows,
    targets: async () => [],
    transaction: async () => {
      // The first is the pause itself.
      const id = ids[writes - 1];
      writes += 1;
      if (id === 'a2') throw new Error('the disk is full');
      if (id !== undefined) asked.push(id);
    },
  } as unknown as Store;
  const world = { store, clock: () => 0, catalogue: { verbs: {} } };
  const ports = { world, principal: { name: 'ana', door: 'cli', authenticated: true } } as unknown as Ports;
  const found = (await pause.run(ports, { scope: 'all', reason: 'x', cancel: true } as never)) as never;
  expect(found).toEqual({
    scope: 'all',
    cancelled: ['a1', 'a3'],
    notCancelled: [{ action: 'a2', error: 'the disk is full' }],
  });
  expect(asked).toEqual(['a1', 'a3']);
  expect(pause.exit?.(found)).toBe(1);
  expect(pause.text(found, undefined as never)).toContain('NOT asked to end: a2: the disk is full');
});
