/** Filling: typed values in their slots, texts from their parts, and what has no value yet said by its path. */
import { expect, test } from 'vitest';
import { observed, vectorOf } from '../../test/core/closed-policy.ts';
import type { Json } from '../model.ts';
import { fill } from './slots.ts';

const filling = {
  steps: { retrain: { version: 'v2', rows: 12 } },
  members: { psi: [{ origin: 'ORD' }, { origin: 'ZRH' }] },
  before: { perf: 0.4 },
  labels: { origin: 'ORD' },
  observations: {
    rows: observed('rows', 7, { fields: { lower: 5 } }),
    gone: observed('gone', undefined),
    psi: vectorOf('psi', { ORD: 0.3, ZRH: 0.1, LAX: undefined }),
    by: vectorOf('by', [
      [{ origin: 'ORD', hour: '6' }, 1],
      [{ origin: 'ORD', hour: '7' }, 2],
    ]),
  },
};

test.each<[string, Json, Json]>([
  ['a slot is its typed value', { $: 'steps.retrain.rows' }, 12],
  ['members are a list', { $: 'members.psi.origin' }, ['ORD', 'ZRH']],
  ['the worst is one', { $: 'worst.psi.origin' }, 'ORD'],
  ['a label of the group', { $: 'labels.origin' }, 'ORD'],
  ['an observation', { $: 'observed.rows.value' }, 7],
  ['one of its fields', { $: 'observed.rows.lower' }, 5],
  ['of a vector the reading of the group', { $: 'observed.psi.value' }, 0.3],
  [
    'a text of parts',
    { $text: [{ $: 'labels.origin' }, ' of ', { $: 'members.psi.origin' }, ': ', { $: 'before.perf' }] },
    'ORD of ORD, ZRH: 0.4',
  ],
  ['text with ${ in a value is only text', { $text: ['a ', { $: 'steps.retrain.version' }] }, 'a v2'],
])('%s', (_, value, expected) => {
  expect(fill({ x: value }, filling)).toEqual({ args: { x: expected } });
});

test.each<[string, Json, string]>([
  ['a step that has not run', { $: 'steps.other.version' }, 'steps.other.version'],
  ['an observation that is unknown', { $: 'observed.gone.value' }, 'gone.value'],
  ['one that was not taken', { $: 'observed.nothing.value' }, 'nothing.value'],
  ['a group whose readings differ', { $: 'observed.by.value' }, 'by.value'],
  ['within a text', { $text: ['now ', { $: 'before.psi' }] }, 'before.psi'],
  ['what every object has', { $: 'steps.constructor.name' }, 'steps.constructor.name'],
])('%s has no value', (_, value, missing) => {
  expect(fill({ x: value }, filling)).toEqual({ missing });
});
