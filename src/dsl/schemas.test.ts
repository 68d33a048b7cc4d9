/** The generated schemas: current, and of the words that people write. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { schemaFiles } from '../../schemas/generate.ts';

test('the JSON Schemas are current: run npm run schemas', () => {
  for (const [name, text] of Object.entries(schemaFiles()))
    expect(readFileSync(new URL(`../../schemas/${name}`, import.meta.url), 'utf8'), name).toBe(text);
});

test('a duration is text with a unit, and every mapping is strict', () => {
  const policy = JSON.parse(schemaFiles()['policy.schema.json'] ?? '{}');
  const { properties } = policy.properties.spec;
  expect(properties.every).toMatchObject({ type: 'string', pattern: '^(\\d+(\\.\\d+)?(ms|s|m|h|d|w))+$' });
  expect(policy.properties.spec.additionalProperties).toBe(false);
  expect(Object.keys(properties.observe.additionalProperties.properties)).toEqual(
    expect.arrayContaining(['drift', 'window', 'by']),
  );
  expect(Object.keys(properties.then.items.properties)).toEqual(
    expect.arrayContaining(['retrain', 'require']),
  );
});
