/** What people may write as arguments of verbs, and the numbers that come of it. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { JsonObject } from '../model.ts';
import { verbs } from './index.ts';

const DAY_MS = 86_400_000;
const ORIGINS: JsonObject = { op: 'in', column: 'origin', values: ['ORD', 'MSP'] };

describe('arguments as people write them', () => {
  it.each<[string, JsonObject, JsonObject | string]>([
    ['retrain', { lookback: '90d' }, { lookback: 90 * DAY_MS }],
    ['retrain', { lookback: '1h30m' }, { lookback: 5_400_000 }],
    ['retrain', { lookback: 90 * DAY_MS }, { lookback: 90 * DAY_MS }],
    [
      'retrain',
      { lookback: '1d', focus: 'x == 1', rest: '10%' },
      { lookback: DAY_MS, focus: 'x == 1', rest: 0.1 },
    ],
    ['retrain', { lookback: 90 }, '90 (milliseconds); expected a duration with its unit, such as 90d'],
    ['retrain', { lookback: 'soon' }, '"soon"; expected a duration with its unit, such as 90d'],
    ['retrain', { lookback: '1d', focus: ORIGINS, rest: 10 }, 'such as 10%. Write 10%'],
    ['retrain', { lookback: '1d', focus: ORIGINS, rest: '110%' }, 'expected a share from 0 to 1'],
    ['retrain', { lookback: '1d', rest: '10%' }, 'expected focus as well'],
    ['retrain', { lookback: '1d', focus: ORIGINS, only: ORIGINS }, 'exclude each other'],
    [
      'retrain',
      { lookback: '1d', focus: { op: 'in', column: 'origin', values: { $: 'members.origin' } } },
      {
        lookback: DAY_MS,
        focus: { op: 'in', column: 'origin', values: { $: 'members.origin' } },
      },
    ],
    ['retrain', { lookback: '1d', focus: { op: 'sql', text: '1=1' } }, 'expected a filter of rows'],
    ['retrain', { lookback: '1d', seed: -1 }, '>=0'],
    ['retrain', {}, 'expected a duration with its unit'],
    ['retrain', { lookback: '1d', epochs: 3 }, 'Unrecognized key: "epochs"'],
    ['promote', { version: { $: 'steps.retrain.version' } }, { version: { $: 'steps.retrain.version' } }],
    ['promote', {}, 'expected a text'],
    ['promote', { version: 3 }, 'expected a text'],
    ['rollback', {}, {}],
    ['evaluate', { version: 'v3', lookback: '7d' }, { version: 'v3', lookback: 7 * DAY_MS }],
    ['notify', { severity: 'loud' }, 'expected one of "info"|"page"'],
    ['notify', { text: 'drift', severity: 'page' }, { text: 'drift', severity: 'page' }],
    ['escalate', { to: 'ana' }, { to: 'ana' }],
  ])('%s %j', (name, args, expected) => {
    const checked = verbs[name]!.args.safeParse(args);
    if (typeof expected !== 'string') expect(checked).toEqual({ success: true, data: expected });
    else
      expect(
        checked.success ? 'accepted' : checked.error.issues.map(one => one.message).join('; '),
      ).toContain(expected);
  });

  it('is checked to the same values when it is checked again', () => {
    const args = { lookback: '90d', focus: ORIGINS, rest: '10%' };
    const once = verbs.retrain!.args.safeParse(args);
    expect(once.success && verbs.retrain!.args.safeParse(once.data)).toEqual(once);
  });

  it('has a JSON Schema of what people write', () => {
    for (const { args } of Object.values(verbs))
      expect(z.toJSONSchema(args as z.ZodType, { io: 'input' })).toMatchObject({
        type: 'object',
        additionalProperties: false,
      });
  });
});
