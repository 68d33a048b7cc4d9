/** Taking observations: equal queries are one, and what cannot be had is unknown for the reason that it has. */
import { expect, test } from 'vitest';
import { dialectFor } from '../connectors/duckdb-dialect.ts';
import { evaluators } from '../evaluators/index.ts';
import { type Answer, PortError, type Query, type Want } from '../model.ts';
import { askedNothing, observe } from './observe.ts';
import type { World } from './world.ts';

const AT = Date.UTC(2001, 0, 1);

function worldOf(answer: (query: Query) => Answer): { readonly world: World; readonly asked: Query[] } {
  const asked: Query[] = [];
  const world = {
    catalogue: { evaluators, verbs: {} },
    dialectFor: () => dialectFor('.'),
    queryData: async (_connection: unknown, query: Query) => {
      asked.push(query);
      return answer(query);
    },
    log: { info: () => {}, warn: () => {}, error: () => {} },
  } as unknown as World;
  return { world, asked };
}

function want(policy: string, name: string, promql: string, at = AT): Want {
  return {
    policy,
    name,
    request: {
      name,
      evaluator: 'query',
      target: { kind: 'connection', name: 'metrics' },
      args: { main: 'metrics', promql },
      connection: {
        name: 'metrics',
        connector: 'prometheus',
        access: 'read',
        commands: {},
        limits: { timeoutMs: 1000 },
      },
      thresholds: [],
      end: at,
    },
  };
}

test('equal queries of a tick are asked once, whoever wants them under whatever name', async () => {
  const { world, asked } = worldOf(() => [{ labels: {}, value: 7, at: AT }]);
  const wants = [want('a', 'x', 'up'), want('b', 'y', 'up'), want('b', 'z', 'up'), want('b', 'w', 'down')];
  const found = await observe(world, wants, askedNothing());
  expect(asked).toEqual([
    { promql: 'up', at: AT },
    { promql: 'down', at: AT },
  ]);
  expect(found.b?.y).toMatchObject({ name: 'y', readings: [{ fields: { value: 7 } }] });
});

test.each([
  ['unreachable', 'unreachable'],
  ['absent', 'unreachable'],
  ['timeout', 'budget'],
  ['budget', 'budget'],
  ['bad-query', 'undefined'],
  ['bad-answer', 'undefined'],
  ['refused', 'undefined'],
  ['no-column', 'undefined'],
  ['anything-else', 'unreachable'],
])('a port that says %s makes it %s', async (code, reason) => {
  const { world } = worldOf(() => {
    throw new PortError('connection metrics: no.', { code, retry: 'later', subject: 'metrics' });
  });
  const found = await observe(world, [want('a', 'x', 'up')], askedNothing());
  expect(found.a?.x?.unknown).toMatchObject({ reason, message: 'connection metrics: no.' });
});

test('P28: an observation that is not answered in time is unknown, and the other policies of the target have theirs', async () => {
  const { world } = worldOf(() => [{ labels: {}, value: 7, at: AT }]);
  const { queryData } = world;
  const hanging: World = {
    ...world,
    queryData: (connection, query) =>
      'promql' in query && query.promql === 'slow' ? new Promise(() => {}) : queryData(connection, query),
    // Late once everybody else has had many turns.
    within: async (work, _, late) => {
      const turns = async () => {
        for (let turn = 0; turn < 100; turn++) await undefined;
        return late();
      };
      return Promise.race([work, turns()]);
    },
  };
  const found = await observe(hanging, [want('a', 'x', 'slow'), want('b', 'y', 'up')], askedNothing());
  expect(found.b?.y).toMatchObject({ readings: [{ fields: { value: 7 } }] });
  expect(found.a?.x).toMatchObject({
    name: 'x',
    readings: [],
    unknown: {
      reason: 'budget',
      message: expect.stringMatching(/within 60 s; narrow its window, or look at connection metrics/),
    },
  });
});
