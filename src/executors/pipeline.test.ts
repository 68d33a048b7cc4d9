/** The verbs that run pipelines: how slots are filled, and why some cannot be run. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json, JsonObject, VerbContext } from '../model.ts';
import { AT, calls, context, DAY_MS, model, ORIGINS, verb } from './test-model.ts';

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
