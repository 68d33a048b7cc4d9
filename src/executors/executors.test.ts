/** The verbs that release and tell, and what all of them say about themselves. */
import { describe, expect, it } from 'vitest';
import type { JsonObject, VerbContext } from '../model.ts';
import { verbs } from './index.ts';
import { calls, connection, context, model, verb } from './test-model.ts';

describe('promote and rollback', () => {
  function expectRelease(made: ReturnType<typeof calls>, version: string) {
    expect(made).toEqual([
      {
        capability: 'serving.shift',
        connection: 'flights',
        subject: 'flights/serving/late',
        args: { name: 'late', weights: { [version]: 1 }, registry: 'late' },
        output: {},
      },
      {
        capability: 'registry.point',
        connection: 'flights',
        subject: 'flights/registry/late',
        args: { name: 'late', alias: 'champion', version },
        output: { version: 'version' },
      },
    ]);
  }

  it('shifts all traffic, then points the champion', () => {
    expectRelease(calls('promote', { version: 'v3' }), 'v3');
  });

  it('does not look up versions in a registry of another connection', () => {
    const documents = { ...context().documents, connections: { flights: connection, other: connection } };
    const on = context({
      documents: { ...documents, model: { ...model, registry: { connection: 'other', name: 'late' } } },
    });
    expect(calls('promote', { version: 'v3' }, on)[0]!.args).toEqual({ name: 'late', weights: { v3: 1 } });
  });

  it.each([
    [['v1', 'v2'], 'v2', 'v1'],
    [['v1', 'v2'], 'v3', 'v2'],
    [['v1', 'v2', 'v1'], 'v1', 'v2'],
  ])('rolls back from %j with champion %s to %s', (verifiedVersions, champion, expected) => {
    expectRelease(
      calls('rollback', {}, context({ verifiedVersions, serving: { champion, weights: {} } })),
      expected,
    );
  });

  it('rolls back to a version that is named', () => {
    expectRelease(calls('rollback', { version: 'v0' }, context({ serving: { weights: {} } })), 'v0');
  });

  describe('with a rollout', () => {
    const rollout = {
      name: 'standard',
      steps: [
        { weight: 0.05, holdMs: 1, gate: 'health' },
        { weight: 1, holdMs: 1, gate: 'health' },
      ],
      onFailure: 'rollback' as const,
      // biome-ignore lint/suspicious/noThenProperty: the word of the language.
      onUnknown: { holdMs: 1, then: 'rollback' as const },
      maxMs: 1,
    };
    const base = context({}, { actions: { promote: { rollout: 'standard' } } });
    const on = (change: Partial<VerbContext> = {}): VerbContext => ({
      ...base,
      documents: { ...base.documents, rollouts: { standard: rollout } },
      ...change,
    });

    it('shifts by its steps from the champion, then points it', () => {
      const made = calls('promote', { version: 'v3' }, on());
      expect(made.map(call => [call.capability, call.args.weights ?? call.args.version])).toEqual([
        ['serving.shift', { v3: 0.05, v2: 0.95 }],
        ['serving.shift', { v3: 1 }],
        ['registry.point', 'v3'],
      ]);
      expect(made.map(call => call.rollout)).toEqual([
        { name: 'standard', index: 0, weight: 0.05, canary: 'v3', baseline: 'v2' },
        { name: 'standard', index: 1, weight: 1, canary: 'v3', baseline: 'v2' },
        undefined,
      ]);
    });

    it('moves the champion itself all at once', () => {
      expectRelease(calls('promote', { version: 'v2' }, on()), 'v2');
    });

    it('is unbound without a champion to go back to, and without its rollout', () => {
      expect(() => calls('promote', { version: 'v3' }, on({ serving: { weights: {} } }))).toThrow(
        'the version in service is unknown',
      );
      expect(() => calls('promote', { version: 'v3' }, base)).toThrow('rollout standard');
    });

    it('a rollback on its way is its abort: back to the champion, not to what was before that', () => {
      const serving = { champion: 'v2', weights: { v2: 0.95, v3: 0.05 } };
      expectRelease(calls('rollback', {}, on({ serving })), 'v2');
    });
  });

  it.each<[string, string, JsonObject, VerbContext, string]>([
    [
      'rollback',
      'nothing verified',
      {},
      context({ verifiedVersions: [] }),
      'no verified version to go back to',
    ],
    [
      'rollback',
      'only the champion',
      {},
      context({ verifiedVersions: ['v2'] }),
      'no verified version to go back to',
    ],
    [
      'rollback',
      'champion unknown',
      {},
      context({ serving: { weights: {} } }),
      'the version in service is unknown',
    ],
    ['promote', 'a number came', { version: { $: 'x' } }, context(), `version is \${x}`],
    [
      'promote',
      'no registry',
      { version: 'v3' },
      context({}, { registry: undefined as never }),
      'no spec.registry',
    ],
    [
      'promote',
      'no serving',
      { version: 'v3' },
      context({}, { serving: undefined as never }),
      'no spec.serving',
    ],
  ])('%s is unbound: %s', (name, _, args, on, expected) => {
    expect(() => calls(name, args, on)).toThrow(expected);
  });

  it('is unbound when a slot gave a number', () => {
    expect(verb('promote').calls({ version: 3 }, context())).toEqual({
      unbound: expect.stringContaining('version'),
    });
  });
});

describe('notify and escalate', () => {
  it('write a message with a subject of its own origin', () => {
    expect(calls('notify', { text: 'moved' })).toEqual([
      {
        capability: 'notify.send',
        connection: 'outbox',
        subject: 'outbox/model/late-flights/drift/drift/7',
        args: { severity: 'info', title: 'late-flights: notified by drift/drift', text: 'moved' },
        output: {},
      },
    ]);
    const origin = {
      target: 'model/late-flights',
      policy: 'drift',
      rule: 'slices',
      group: 'origin=ORD',
      episode: 8,
    };
    const [call] = calls('escalate', {}, context({ origin }));
    expect(call!.subject).toBe('outbox/model/late-flights/drift/slices/origin=ORD/8');
    expect(call!.args).toEqual({
      severity: 'page',
      title: 'late-flights: escalated to ana by drift/slices (origin=ORD)',
      text: 'It needs a person (drift/slices/origin=ORD/8).',
    });
  });

  it('print what a slot was filled with', () => {
    expect(verb('notify').calls({ text: ['ORD', 'MSP'] }, context())).toMatchObject({
      calls: [{ args: { text: 'ORD, MSP' } }],
    });
    expect(verb('escalate').calls({ text: 0.3, to: 'ben' }, context())).toMatchObject({
      calls: [{ args: { text: '0.3' } }],
    });
  });
});

it('says of every verb what admission and the language need', () => {
  const table = Object.values(verbs).map(one => [
    one.name,
    one.disruptive,
    one.safe,
    one.pipeline,
    one.needs.join(),
  ]);
  expect(table).toEqual([
    ['retrain', true, false, 'train', ''],
    ['evaluate', false, false, 'evaluate', ''],
    ['promote', true, false, undefined, 'registry,serving'],
    ['rollback', true, true, undefined, 'registry,serving'],
    ['notify', false, false, undefined, ''],
    ['escalate', false, false, undefined, ''],
  ]);
  for (const [name, one] of Object.entries(verbs)) expect(one.name).toBe(name);
});
