/** The prometheus connector against answers that no sound server gives: hostile, broken, far too long. The real one: test/servers. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ConnectionSpec, Json } from '../model.ts';
import { askPrometheus, type PromQuery } from './prometheus.ts';
import { queryPort } from './query-port.ts';
import { secretNames } from './secrets.ts';

let server: Server;
let url: string;
let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void;
let asked: {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly authorization: string;
}[];

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', chunk => {
      body += String(chunk);
    });
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      asked.push({ method, path, body, authorization: headers.authorization ?? '' });
      answer(request, response, body);
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  asked = [];
});
afterAll(() => {
  server.closeAllConnections();
  return new Promise(resolve => server.close(resolve));
});

const UP: PromQuery = { promql: 'up', at: 1_000_000_123_456 };
const SECRET = 'correct-horse';
const secrets = {
  environment: (name: string) => ({ FLYBALL_T: SECRET, FLYBALL_BROKEN: 'a\nb' })[name],
  hosts: { FLYBALL_T: ['127.0.0.1'], FLYBALL_BROKEN: ['127.0.0.1'] },
};

function connection(more: Partial<ConnectionSpec> = {}): ConnectionSpec {
  return {
    name: 'metrics',
    connector: 'prometheus',
    access: 'read',
    commands: {},
    limits: { timeoutMs: 5_000 },
    url,
    ...more,
  };
}

function says(body: string | Json, status = 200) {
  answer = (_request, response) => {
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

const vector = (result: Json, more: { readonly [key: string]: Json } = {}): Json => ({
  status: 'success',
  data: { resultType: 'vector', result },
  ...more,
});

async function failure(of = connection(), query = UP): Promise<readonly [string, string]> {
  const error = (await askPrometheus(of, query, secrets).then(
    rows => {
      throw new Error(`it gave ${JSON.stringify(rows)}`);
    },
    (found: Error) => found,
  )) as Error & { code: string };
  return [error.code, error.message];
}

test('it asks by POST, at the moment that is given, below the path of the url', async () => {
  says(vector([]));
  await askPrometheus(
    connection({ url: `${url}/prometheus/` }),
    { promql: 'a+b{c="ü"}', at: 1_000_000_123_456 },
    secrets,
  );
  expect(asked).toEqual([
    {
      method: 'POST',
      path: '/prometheus/api/v1/query',
      body: 'query=a%2Bb%7Bc%3D%22%C3%BC%22%7D&time=1000000123.456&timeout=5000ms',
      authorization: '',
    },
  ]);
});

test('warnings stand beside the rows, on one line each', async () => {
  says(vector([], { warnings: ['store gone\u0000\nsince noon', 'x'.repeat(9999)] }));
  const rows = await askPrometheus(connection(), UP, secrets);
  expect([...rows]).toEqual([]);
  expect(rows.warnings?.[0]).toBe('store gone since noon');
  expect(rows.warnings?.[1]).toHaveLength(501);
});

test.each<readonly [string, string | Json, number, string, string]>([
  ['no JSON', '<html>hello</html>', 200, 'unreachable', 'is no Prometheus API (200)'],
  ['no success', { status: 'fine' }, 200, 'unreachable', 'is no Prometheus API'],
  ['no data', { status: 'success' }, 200, 'bad-answer', 'a result of type null'],
  [
    'an unknown type',
    vector([]) && { status: 'success', data: { resultType: 'cube' } },
    200,
    'bad-answer',
    'type "cube"',
  ],
  ['no list', vector('x'), 200, 'bad-answer', 'not of the Prometheus API'],
  ['no series', vector([7]), 200, 'bad-answer', 'not of the Prometheus API'],
  [
    'a number for a text',
    vector([{ metric: {}, value: [1, 0] }]),
    200,
    'bad-answer',
    'not of the Prometheus API',
  ],
  ['no value', vector([{ metric: {} }]), 200, 'bad-answer', 'not of the Prometheus API'],
  [
    'labels that are no text',
    vector([{ metric: { a: 1 }, value: [1, '1'] }]),
    200,
    'bad-answer',
    'not of the',
  ],
  [
    'a native histogram',
    vector([{ metric: {}, histogram: [1, {}] }]),
    200,
    'bad-answer',
    'histogram_quantile',
  ],
  ['403', '', 403, 'unreachable', 'refuses the credentials (403)'],
  ['404', 'not here', 404, 'unreachable', '/api/v1/query is no Prometheus API (404)'],
  ['429', '', 429, 'budget', 'asked too often'],
  ['500', 'oh no', 500, 'unreachable', 'answers with an error (500)'],
  [
    '503',
    { status: 'error', errorType: 'timeout', error: 'query timed out' },
    503,
    'timeout',
    'query timed out',
  ],
  [
    'too many samples',
    {
      status: 'error',
      errorType: 'execution',
      error: 'query processing would load too many samples into memory',
    },
    422,
    'budget',
    'too many samples',
  ],
])('%s', async (_name, body, status, code, message) => {
  says(body, status);
  expect(await failure()).toEqual([code, expect.stringContaining(message)]);
});

test('a blank, a hexadecimal and an overflowing value are checked as well', async () => {
  says(vector(['', ' ', '1e999', 'Infinity', '-0'].map(text => ({ metric: {}, value: [1, text] }))));
  const rows = await askPrometheus(connection(), UP, secrets);
  expect(rows.map(row => row.value)).toEqual(['', ' ', '1e999', 'Infinity', -0]);
});

test('labels that are special to JavaScript are labels', async () => {
  says(
    '{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__proto__":"a","constructor":"b","__name__":"up"},"value":[1,"1"]}]}}',
  );
  const [row] = await askPrometheus(connection(), UP, secrets);
  expect(Object.entries(row?.labels as object)).toEqual([
    ['__proto__', 'a'],
    ['constructor', 'b'],
  ]);
});

test('a redirect is not followed', async () => {
  answer = (_request, response) => {
    response.writeHead(302, { Location: `${url}/elsewhere` });
    response.end();
  };
  expect(await failure()).toEqual(['unreachable', expect.stringContaining('redirects elsewhere (302)')]);
  expect(asked).toHaveLength(1);
});

test('an answer that does not end is cut off at 16 MiB', async () => {
  answer = (_request, response) => {
    response.writeHead(200);
    const chunk = Buffer.alloc(1_048_576, 32);
    const more = () => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on('drain', more);
    more();
  };
  expect(await failure()).toEqual(['budget', expect.stringContaining('longer than 16 MiB')]);
});

test('a server that accepts and says nothing, or breaks off', async () => {
  answer = () => {};
  expect(await failure(connection({ limits: { timeoutMs: 50 } }))).toEqual([
    'timeout',
    'connection metrics: no answer within 50 ms; raise limits.timeout or ask for less.',
  ]);
  answer = (request, response) => {
    response.writeHead(200, { 'Content-Length': '100' });
    response.write('{');
    request.socket.destroySoon();
  };
  expect((await failure())[0]).toBe('unreachable');
});

describe('secrets', () => {
  const bearer = connection().auth;
  test('bearer and basic', async () => {
    says(vector([]));
    await askPrometheus(connection({ auth: { bearer: { $env: 'FLYBALL_T' } } }), UP, secrets);
    await askPrometheus(connection({ auth: { user: 'me', password: { $env: 'FLYBALL_T' } } }), UP, secrets);
    expect(asked.map(one => one.authorization)).toEqual([
      `Bearer ${SECRET}`,
      `Basic ${Buffer.from(`me:${SECRET}`).toString('base64')}`,
    ]);
    expect(secretNames({ user: 'me', password: { $env: 'FLYBALL_T' } })).toEqual(['FLYBALL_T']);
    expect(secretNames(bearer)).toEqual([]);
  });

  test.each([{ bearer: { $env: 'FLYBALL_T' } }, { user: 'me', password: { $env: 'FLYBALL_T' } }])(
    'a server that sends them back does not get them into a message',
    async auth => {
      answer = (request, response) => {
        response.writeHead(400);
        const error = `you said ${request.headers.authorization} which is ${SECRET}`;
        response.end(JSON.stringify({ status: 'error', errorType: 'bad_data', error }));
      };
      const [code, message] = await failure(connection({ auth }));
      expect(code).toBe('bad-query');
      expect(message).toContain('you said');
      expect(message).not.toContain(SECRET);
      expect(message).not.toContain(Buffer.from(`me:${SECRET}`).toString('base64'));
    },
  );

  test('a token that is no header is not sent and not told', async () => {
    const [, message] = await failure(connection({ auth: { bearer: { $env: 'FLYBALL_BROKEN' } } }));
    expect(message).toContain('a line break');
    expect(message).not.toContain('a\nb');
    expect(asked).toEqual([]);
  });

  test('credentials in the url are our bug at this point: nothing is sent', async () => {
    const of = connection({ url: url.replace('//', `//me:${SECRET}@`) });
    await expect(askPrometheus(of, UP, secrets)).rejects.toThrow('has credentials in its url');
    await expect(askPrometheus(of, UP, secrets)).rejects.not.toThrow(SECRET);
    expect(asked).toEqual([]);
  });
});

test('each connector is asked in its own language', async () => {
  const port = queryPort({ home: '.', secrets });
  await expect(port.query(connection(), { sql: 'SELECT 1' })).rejects.toMatchObject({
    code: 'refused',
    message: 'connection metrics is prometheus and takes PromQL; found SQL.',
  });
  await expect(port.query(connection({ connector: 'duckdb', path: '.' }), UP)).rejects.toMatchObject({
    message: 'connection metrics is duckdb and takes SQL; found PromQL.',
  });
  await expect(port.query(connection({ connector: 'local' }), UP)).rejects.toMatchObject({ code: 'refused' });
  await port.close();
});
