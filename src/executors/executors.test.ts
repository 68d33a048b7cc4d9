/** The verbs: what calls come of their arguments, and why some are unbound. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ConnectionSpec, Json, JsonObject, ModelSpec, Verb, VerbContext } from '../model.ts';
import { verbs } from './index.ts';

const AT = Date.parse('2001-03-01T00:00:00Z');
const DAY_MS = 86_400_000;
const ORIGINS: JsonObject = { op: 'in', column: 'origin', values: ['ORD', 'MSP'] };

const connection: ConnectionSpec = {
  name: 'flights',
  connector: 'local',
  access: 'act',
  commands: {},
  limits: { timeoutMs: 30_000 },
};

const model: ModelSpec = {
  name: 'late-flights',
  owner: 'ana',
  task: 'binary',
  registry: { connection: 'flights', name: 'late' },
  serving: { connection: 'flights', name: 'late' },
  data: {},
  features: { exclude: [] },
  pipelines: {
    train: {
      connection: 'flights',
      id: 'train_late',
      params: {
        since: { $: 'data.since' },
        until: { $: 'data.until' },
        slice: [{ focus: { $: 'data.focus' }, only: { $: 'data.only' } }],
        rest: { $: 'data.rest' },
        seed: { $: 'data.seed' },
        trees: 50,
      },
      output: { version: 'card.version', rows: 'card.rows' },
      accepts: ['focus', 'only'],
    },
    evaluate: {
      connection: 'flights',
      id: 'evaluate_late',
      params: { candidate: { $: 'data.version' }, champion: { $: 'data.champion' } },
      output: { log_loss: 'metrics.log_loss' },
      accepts: [],
    },
  },
  actions: {},
};

function context(change: Partial<VerbContext> = {}, modelChange: Partial<ModelSpec> = {}): VerbContext {
  return {
    target: { kind: 'model', name: 'late-flights' },
    documents: {
      model: { ...model, ...modelChange },
      datasets: {},
      connections: { flights: connection },
      people: {},
      groups: {},
    },
    at: AT,
    serving: { champion: 'v2', weights: { v2: 1 } },
    verifiedVersions: ['v1', 'v2'],
    origin: { target: 'model/late-flights', policy: 'drift', rule: 'drift', group: '', episode: 7 },
    ...change,
  };
}

function verb(name: string): Verb {
  return verbs[name]!;
}

/** The calls that come of arguments as people write them: checked as at load, then made into calls. */
function calls(name: string, args: JsonObject, on = context()) {
  const checked = verb(name).args.safeParse(args);
  if (!checked.success) throw new Error(checked.error.issues.map(issue => issue.message).join('; '));
  const made = verb(name).calls(checked.data as JsonObject, on);
  if ('unbound' in made) throw new Error(made.unbound);
  return made.calls;
}

function params(name: string, args: JsonObject, on = context()): JsonObject {
  return calls(name, args, on)[0]!.args.params as JsonObject;
}

describe('retrain', () => {
  it('fills the pipeline’s slots', () => {
    expect(calls('retrain', { lookback: '30d', focus: ORIGINS, seed: 5 })).toEqual([
      {
        capability: 'pipeline.run',
        connection: 'flights',
        subject: 'flights/train_late',
        args: {
          pipeline: 'train_late',
          params: {
            since: '2001-01-30T00:00:00.000Z',
            until: '2001-03-01T00:00:00.000Z',
            slice: [{ focus: ORIGINS, only: null }],
            rest: 0.1,
            seed: 5,
            trees: 50,
          },
        },
        output: { version: 'card.version', rows: 'card.rows' },
      },
    ]);
  });

  it.each<[string, JsonObject, number]>([
    ['everything without a slice', {}, 1],
    ['nothing with only', { only: ORIGINS }, 0],
    ['a tenth beside a focus', { focus: ORIGINS }, 0.1],
    ['what is said beside a focus', { focus: ORIGINS, rest: '25%' }, 0.25],
    ['nothing beside a focus when that is said', { focus: ORIGINS, rest: 0 }, 0],
  ])('keeps %s', (_, slice, rest) => {
    expect(params('retrain', { lookback: '1d', ...slice }).rest).toBe(rest);
  });

  it('takes its seed from the origin alone', () => {
    const seed = (on: VerbContext) => params('retrain', { lookback: '1d' }, on).seed;
    const other = context({ origin: { request: 'r-1' } });
    expect(seed(context({ at: AT + DAY_MS }))).toBe(seed(context()));
    expect(seed(other)).not.toBe(seed(context()));
  });

  const train = model.pipelines.train!;
  it.each<[string, JsonObject, VerbContext, string]>([
    [
      'no model',
      {},
      context({ documents: { ...context().documents, model: undefined as never } }),
      'is not one',
    ],
    ['no pipeline', {}, context({}, { pipelines: {} }), 'pipelines.train is missing'],
    [
      'no connection',
      {},
      context({ documents: { ...context().documents, connections: {} } }),
      'no such Connection',
    ],
    [
      'no version',
      {},
      context({}, { pipelines: { train: { ...train, output: {} } } }),
      'output has no version',
    ],
    [
      'not accepted',
      { only: ORIGINS },
      context({}, { pipelines: { train: { ...train, accepts: ['focus'] } } }),
      'does not accept only',
    ],
    [
      'lost',
      { focus: ORIGINS },
      context({}, { pipelines: { train: { ...train, params: {} } } }),
      `uses \${data.focus} nowhere`,
    ],
    [
      'unknown slot',
      {},
      context({}, { pipelines: { train: { ...train, params: { a: { $: 'data.sense' } } } } }),
      `\${data.sense}, which is none of data.since`,
    ],
    [
      'a slot of every object',
      {},
      context({}, { pipelines: { train: { ...train, params: { a: { $: 'constructor' } } } } }),
      `\${constructor}, which is none of`,
    ],
    [
      'unfilled',
      { focus: { op: '==', column: 'origin', value: { $: 'worst.origin' } } },
      context(),
      `focus.value is \${worst.origin}, which has no value`,
    ],
    ['not parsed', { focus: "origin == 'ORD'" }, context(), 'focus is text'],
  ])('is unbound: %s', (_, args, on, expected) => {
    expect(() => calls('retrain', { lookback: '1d', ...args }, on)).toThrow(expected);
  });

  it('lets no unfilled slot through, wherever it stands', () => {
    const values = fc.letrec<{ value: Json }>(tie => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.integer(),
        fc.string(),
        fc.constant(null),
        fc
          .constantFrom('data.since', 'data.seed', 'data.nothing', 'steps.a.version')
          .map(path => ({ $: path })),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(
          fc.string().filter(key => key !== '$' && key !== '__proto__'),
          tie('value'),
          { maxKeys: 3 },
        ),
      ),
    })).value;
    fc.assert(
      fc.property(values, value => {
        const on = context({}, { pipelines: { train: { ...train, params: { value } } } });
        const made = verb('retrain').calls({ lookback: DAY_MS }, on);
        const foreign = /"\$":"(data\.nothing|steps\.a\.version)"/.test(JSON.stringify(value));
        expect('unbound' in made).toBe(foreign);
        if ('calls' in made) expect(JSON.stringify(made.calls)).not.toMatch(/"\$":"(data|steps)\./);
      }),
    );
  });
});

describe('evaluate', () => {
  it('passes the version and the champion', () => {
    expect(params('evaluate', { version: 'v3' })).toEqual({ candidate: 'v3', champion: 'v2' });
    expect(calls('evaluate', { version: 'v3' })[0]!.output).toEqual({ log_loss: 'metrics.log_loss' });
  });

  const evaluate = model.pipelines.evaluate!;
  it.each<[string, JsonObject, VerbContext, string]>([
    ['no champion', { version: 'v3' }, context({ serving: { weights: {} } }), 'no version is in service'],
    [
      'champion unknown',
      { version: 'v3' },
      context({ serving: { weights: {}, unknown: { reason: 'unreachable', message: 'disk gone' } } }),
      'disk gone',
    ],
    [
      'no lookback',
      { version: 'v3' },
      context(
        {},
        {
          pipelines: {
            evaluate: { ...evaluate, params: { v: { $: 'data.version' }, s: { $: 'data.since' } } },
          },
        },
      ),
      'evaluate has no lookback',
    ],
    [
      'version unfilled',
      { version: { $: 'steps.retrain.version' } },
      context(),
      `version is \${steps.retrain.version}`,
    ],
    [
      'version ignored',
      { version: 'v3' },
      context({}, { pipelines: { evaluate: { ...evaluate, params: {} } } }),
      `uses \${data.version} nowhere`,
    ],
  ])('is unbound: %s', (_, args, on, expected) => {
    expect(() => calls('evaluate', args, on)).toThrow(expected);
  });
});

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
