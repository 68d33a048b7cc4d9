/** The document of the API: valid OpenAPI, the same as what the door answers, and no surprise from one version to the next. */
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterEach, expect, test } from 'vitest';
import { commands } from '../../src/commands/index.ts';
import { offered, pathOf } from '../../src/http/api.ts';
import { openApiDocument } from '../../src/http/openapi.ts';
import { serve } from './served.ts';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

test('is valid OpenAPI 3.1, and this', async () => {
  const document = openApiDocument('1.2.3');
  const checked = await new Validator().validate(structuredClone(document));
  expect(checked).toMatchObject({ valid: true });
  await expect(`${JSON.stringify(document, null, 1)}\n`).toMatchFileSnapshot('openapi.snapshot.txt');
});

test('has every command but those of a terminal', () => {
  const left = commands.filter(one => !offered.includes(one)).map(({ name }) => name);
  expect(left).toEqual(expect.arrayContaining(['init', 'run', 'mcp', 'backup', 'restore', 'apply']));
  expect(left.filter(name => /approve|propose|status|request|pause|token/.test(name))).toEqual([]);
});

test('the door answers the document and a page of it, whoever asks, and the page has no script', async () => {
  const { ask, end } = await serve();
  ends.push(end);
  const document = await ask('/api/v1/openapi.json');
  expect(document.status).toBe(200);
  expect(JSON.parse(document.text)).toEqual(openApiDocument('1.2.3'));
  const page = await ask('/api');
  expect(page.status).toBe(200);
  expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
  for (const command of offered) expect(page.text).toContain(pathOf(command));
  expect(page.text).not.toMatch(/<script|https?:\/\/(?!127)/);
});
