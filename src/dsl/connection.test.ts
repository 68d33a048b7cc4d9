/** Connections: what differs by environment, who asks with which secret, and what may be done. */
import { describe, expect, test } from 'vitest';
import { catalogue, compiled, edited } from '../../test/fixtures/bad/example.ts';
import type { ConnectionSpec } from '../model.ts';
import { mayAct } from './check-connection.ts';
import { formatDiagnostic } from './diagnostic.ts';
import { checkFile } from './documents.ts';
import { shelve } from './shelve.ts';

function connection(spec: string, env = 'dev'): { spec?: ConnectionSpec; told: readonly string[] } {
  const text = `apiVersion: flyball.dev/v1\nkind: Connection\nmetadata: { name: c }\nspec: ${spec}\n`;
  const { documents } = checkFile({ path: 'c.yaml', text });
  const [one] = shelve(documents, catalogue, env).all;
  const told = [...(documents[0]?.diagnostics ?? []), ...(one?.diagnostics ?? [])].map(formatDiagnostic);
  return { ...(one?.document && { spec: one.document.spec as ConnectionSpec }), told };
}

const PROMETHEUS = `{
  connector: prometheus,
  url: https://staging.example,
  auth: { user: flyball, password: "\${env:FLYBALL_STAGING}" },
  limits: { concurrency: 4, rate: 60 per 1m, timeout: 10s },
  environments: {
    prod: { url: https://prod.example, auth: { bearer: "\${env:FLYBALL_PROD}" }, limits: { timeout: 5s } },
    dev: { auth: none }
  }
}`;

test('an environment has its own url, auth and access, and its limits over the general ones', () => {
  const limits = { timeoutMs: 10_000, concurrency: 4, rate: { count: 60, perMs: 60_000 } };
  const general = { name: 'c', connector: 'prometheus', access: 'read', commands: {} };
  expect(connection(PROMETHEUS, 'staging').spec).toEqual({
    ...general,
    limits,
    url: 'https://staging.example',
    auth: { user: 'flyball', password: { $env: 'FLYBALL_STAGING' } },
  });
  expect(connection(PROMETHEUS, 'prod').spec).toEqual({
    ...general,
    limits: { ...limits, timeoutMs: 5_000 },
    url: 'https://prod.example',
    auth: { bearer: { $env: 'FLYBALL_PROD' } },
  });
  expect(connection(PROMETHEUS, 'dev').spec).toEqual({ ...general, limits, url: 'https://staging.example' });
});

test('access may be lower in one environment than in another', () => {
  const local = '{ connector: local, access: act, environments: { prod: { access: read } } }';
  expect(connection(local, 'staging').spec?.access).toBe('act');
  expect(connection(local, 'prod').spec?.access).toBe('read');
});

test('a connection that may only be read in an environment keeps policies there from acting', () => {
  const files = edited([
    'connector: local\n  access: act',
    'connector: local\n  access: act\n  environments: { prod: { access: read } }',
  ]);
  const modes = (env: string) =>
    compiled(
      files.map(file => ({ ...file, text: file.text.replaceAll('prod: observe', 'prod: enforce') })),
      env,
    ).closed.map(({ mode, modeFrom }) => [mode, modeFrom]);
  expect(modes('staging')).toEqual([['enforce', 'Policy says enforce, and nothing lowers it']]);
  expect(modes('prod')).toEqual([['observe', 'Connection here has access: read']]);
});

test('an environment named like a method of every object is none', () => {
  expect(connection(PROMETHEUS, 'constructor').spec?.url).toBe('https://staging.example');
});

describe('a secret that is written down is refused, and no message repeats it', () => {
  test.each([
    'auth: { user: a, password: hunter2secret }',
    'auth: { bearer: hunter2secret }',
    'auth: hunter2secret',
    'auth: [hunter2secret]',
    `auth: { user: a, password: "x\${env:FLYBALL_X}hunter2secret" }`,
    'auth: { user: a, password: { value: hunter2secret } }',
    'environments: { prod: { auth: { bearer: hunter2secret } } }',
    'url: "https://a:hunter2secret@x.example"',
    'environments: { prod: { url: "https://a:hunter2secret@x.example" } }',
  ])('%s', rest => {
    const url = rest.startsWith('url') ? '' : 'url: https://x.example, ';
    const { spec, told } = connection(`{ connector: prometheus, ${url}${rest} }`, 'prod');
    expect(spec).toBeUndefined();
    expect(told).not.toEqual([]);
    expect(told.join('\n')).not.toContain('hunter2secret');
  });

  test.each(['HOME', 'AWS_SECRET_ACCESS_KEY', 'FLYBALL', 'flyball_x', 'FLYBALL_X}{'])(
    'the variable %s',
    name => {
      const { spec } = connection(
        `{ connector: prometheus, url: https://x.example, auth: { bearer: "\${env:${name}}" } }`,
      );
      expect(spec).toBeUndefined();
    },
  );
});

test.each([
  [undefined, 'train_late', true],
  [{ 'pipeline.run': ['train_*'] }, 'train_late', true],
  [{ 'pipeline.run': ['train_*'] }, 'train_', true],
  [{ 'pipeline.run': ['train_*'] }, 'retrain_late', false],
  [{ 'pipeline.run': ['train_late'] }, 'train_late_2', false],
  [{ 'pipeline.run': ['score_*', 'train_late'] }, 'train_late', true],
  [{ 'pipeline.run': ['*'] }, 'anything', true],
  [{ 'pipeline.run': [] }, 'anything', false],
  [{ 'serving.shift': ['*'] }, 'train_late', false],
])('may %j run %s: %s', (may, id, expected) => {
  const spec = connection('{ connector: local }').spec as ConnectionSpec;
  expect(mayAct({ ...spec, ...(may && { may }) }, 'pipeline.run', id)).toBe(expected);
});
