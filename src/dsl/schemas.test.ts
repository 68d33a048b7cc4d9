/** The generated schemas: current, and of the words that people write. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { schemaFiles } from '../../schemas/generate.ts';
import { parseRatio, parseTime, SHARE, TIME } from './quantity.ts';

test('the JSON Schemas are current: run npm run schemas', () => {
  for (const [name, text] of Object.entries(schemaFiles()))
    expect(readFileSync(new URL(`../../schemas/${name}`, import.meta.url), 'utf8'), name).toBe(text);
});

test('a duration is text with a unit, and every mapping is strict', () => {
  const policy = JSON.parse(schemaFiles()['policy.schema.json'] ?? '{}');
  const { properties } = policy.properties.spec;
  const [duration, cron] = properties.every.anyOf;
  expect(duration).toMatchObject({ type: 'string', pattern: '^(\\d+(\\.\\d+)?(ms|s|m|h|d|w))+$' });
  expect(cron).toMatchObject({ required: ['cron', 'zone'], additionalProperties: false });
  expect(policy.properties.spec.additionalProperties).toBe(false);
  const keys = (one: { anyOf: { properties: object }[] }) =>
    one.anyOf.map(own => Object.keys(own.properties));
  expect(keys(properties.observe.additionalProperties)).toContainEqual(
    expect.arrayContaining(['drift', 'window', 'by']),
  );
  for (const { then } of [properties, properties.rules.items.properties])
    expect(keys(then.items)).toContainEqual(expect.arrayContaining(['retrain', 'require', 'if']));
});

test('an observation is one evaluator with its own arguments, a step one verb with its own', () => {
  const { properties } = JSON.parse(schemaFiles()['policy.schema.json'] ?? '{}').properties.spec;
  for (const { properties: own, required, additionalProperties } of properties.observe.additionalProperties
    .anyOf) {
    expect(additionalProperties).toBe(false);
    expect('feature' in own, required).toBe(required[0] === 'drift');
  }
  for (const { properties: own, required } of properties.then.items.anyOf)
    expect(own[required[0]].additionalProperties, required).toBe(false);
});

test('a default stands there in the words of the YAML', () => {
  const model = JSON.parse(schemaFiles()['model.schema.json'] ?? '{}').properties.spec.properties;
  expect(model.data.properties.labels.properties.coverage.default).toBe('95%');
  expect(model.actions.additionalProperties.properties.approval.properties.reask.default).toBe('1d');
});

test('the patterns of shares and times take what the parsers take', () => {
  for (const text of [
    '0%',
    '5%',
    '5.25%',
    '99.9%',
    '100%',
    '100.0%',
    '007%',
    '100.1%',
    '101%',
    '5',
    '5 %',
    '-1%',
    '1e1%',
  ])
    expect(new RegExp(SHARE).test(text), text).toBe(parseRatio(text) !== undefined);
  for (const text of [
    '2001-01-31',
    '2001-01-31T06:00',
    '2001-01-31 06:00:01.5Z',
    '2001-01-31T06:00+02:00',
    'today',
    '2001-1-1',
  ])
    expect(TIME.test(text), text).toBe(parseTime(text) !== undefined);
});
