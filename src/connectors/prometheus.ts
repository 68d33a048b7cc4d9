/** Prometheus and what speaks its HTTP API (Thanos, Mimir, VictoriaMetrics): instant and range queries. It never acts. */
import {
  type Answer,
  assert,
  type ConnectionSpec,
  type Interval,
  type Json,
  PortError,
  type Query,
  type Row,
} from '../model.ts';
import { type HttpAnswer, requestOf, unreachable } from './http-request.ts';
import { envelopeOf, rowsOf, words } from './prometheus-answer.ts';
import { type Secrets, secretValue, withoutSecrets } from './secrets.ts';

export type PromQuery = Exclude<Query, { readonly sql: string }>;

const MAX_BYTES = 16 * 1_048_576;
/** Prometheus refuses more than 11,000 points a series in one range query. */
const POINTS_MAX = 10_000;

/**
 * Rows `{ labels, value, at }` of a PromQL expression at an instant, or at `from`, `from + step` … before `to`. Samples older
 * than the server's lookback (5m) are not there: nothing is ever taken for zero. Throws PortError, by cause: `unreachable`
 * (no server, credentials, any answer that is none), `timeout`, `budget` (too much data), `bad-query` (with the server's
 * words and their position), `bad-answer`.
 */
export async function askPrometheus(
  connection: ConnectionSpec,
  query: PromQuery,
  secrets: Secrets,
): Promise<Answer> {
  if ('at' in query)
    return ask(connection, 'query', { query: query.promql, time: seconds(query.at) }, secrets);
  const rows: Row[] = [];
  const warnings = new Set<string>();
  for (const { from, to } of pieces(query.range, query.stepMs)) {
    const piece = await ask(
      connection,
      'query_range',
      { query: query.promql, start: seconds(from), end: seconds(to), step: seconds(query.stepMs) },
      secrets,
    );
    rows.push(...piece);
    for (const warning of piece.warnings ?? []) warnings.add(warning);
  }
  return warnings.size === 0 ? rows : Object.assign(rows, { warnings: [...warnings] });
}

/** The names of all metrics that the server knows now. Throws PortError as `askPrometheus` does. */
export async function metricNames(connection: ConnectionSpec, secrets: Secrets): Promise<readonly string[]> {
  const { data } = await call(connection, 'label/__name__/values', undefined, secrets);
  if (Array.isArray(data)) return data.filter(one => typeof one === 'string');
  throw unreachable(connection.name, `${urlOf(connection).origin} is no Prometheus`);
}

async function ask(
  connection: ConnectionSpec,
  path: string,
  form: Readonly<Record<string, string>>,
  secrets: Secrets,
): Promise<Answer> {
  const timeout = `${connection.limits.timeoutMs}ms`;
  const { data, warnings } = await call(connection, path, { ...form, timeout }, secrets);
  return rowsOf(data, warnings, connection.name);
}

async function call(
  connection: ConnectionSpec,
  path: string,
  form: Readonly<Record<string, string>> | undefined,
  secrets: Secrets,
): Promise<{ readonly [key: string]: Json }> {
  const url = urlOf(connection);
  const { header, values } = credentials(connection, url, secrets);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v1/${path}`;
  const body = form === undefined ? undefined : new URLSearchParams(form).toString();
  const answer = await requestOf({
    connection: connection.name,
    url,
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      Accept: 'application/json',
      ...(header === undefined ? {} : { Authorization: header }),
      ...(body === undefined
        ? {}
        : {
            'Content-Type': 'application/x-www-form-urlencoded',
            'Content-Length': String(Buffer.byteLength(body)),
          }),
    },
    ...(body === undefined ? {} : { body }),
    timeoutMs: connection.limits.timeoutMs,
    maxBytes: MAX_BYTES,
  });
  const envelope = envelopeOf(answer.body);
  if (answer.status < 300 && envelope?.status === 'success') return envelope;
  throw refusal(connection.name, url, answer, text => words(withoutSecrets(text, values)));
}

/** The base URL. The validator refused all but http and https, and credentials in it; so does this, for its own sake. */
function urlOf(connection: ConnectionSpec): URL {
  const url = URL.parse(connection.url ?? '');
  assert(url !== null, `connection ${connection.name} has no url`);
  assert(
    url.protocol === 'http:' || url.protocol === 'https:',
    `connection ${connection.name} is not http(s)`,
  );
  assert(
    url.username === '' && url.password === '',
    `connection ${connection.name} has credentials in its url`,
  );
  return url;
}

function credentials(
  connection: ConnectionSpec,
  url: URL,
  secrets: Secrets,
): { readonly header?: string; readonly values: readonly string[] } {
  const { auth } = connection;
  if (auth === undefined) return { values: [] };
  const given = Object.fromEntries(
    Object.entries(auth).map(([key, value]) => [key, secretValue(value, connection, url, secrets)]),
  );
  const bearer = given.bearer ?? given.token;
  if (bearer !== undefined) {
    if (!/^[\x21-\x7e]+$/.test(bearer))
      throw new PortError(
        `connection ${connection.name}: its token has a space, a line break or a character beyond ASCII; set it without.`,
        { code: 'unreachable', retry: 'later', subject: connection.name },
      );
    return { header: `Bearer ${bearer}`, values: [bearer] };
  }
  const pair = Buffer.from(`${given.user ?? ''}:${given.password ?? ''}`).toString('base64');
  return { header: `Basic ${pair}`, values: [given.password ?? '', pair] };
}

/** What an answer that is no success means to the person who has to act on it. */
function refusal(
  connection: string,
  url: URL,
  { status, body }: HttpAnswer,
  cleaned: (text: string) => string,
): PortError {
  const { errorType, error } = envelopeOf(body) ?? {};
  const said = typeof error === 'string' ? cleaned(error) : '';
  const failed = (code: string, retry: 'later' | 'never', found: string, todo: string) =>
    new PortError(`connection ${connection}: ${found}; ${todo}.`, { code, retry, subject: connection });
  if (status === 401 || status === 403)
    return failed(
      'unreachable',
      'later',
      `${url.origin} refuses the credentials (${status})`,
      'correct auth of the connection, or the environment variables that it names',
    );
  if (status === 429)
    return failed(
      'budget',
      'later',
      `${url.origin} says that it was asked too often (429)`,
      'ask less often',
    );
  if (errorType === 'bad_data')
    return failed('bad-query', 'never', `PromQL: ${position(said)}`, 'correct the query');
  if (errorType === 'timeout' || errorType === 'canceled')
    return failed('timeout', 'later', `the server gave up: ${said}`, 'raise limits.timeout or ask for less');
  if (errorType === 'execution' && /too many samples|limit/i.test(said))
    return failed('budget', 'later', `the server gave up: ${said}`, 'ask for less');
  if (errorType === 'execution') return failed('bad-query', 'never', `PromQL: ${said}`, 'correct the query');
  if (status < 300 || status === 404)
    return unreachable(connection, `${url.origin}${url.pathname} is no Prometheus API (${status})`);
  return unreachable(connection, `${url.origin} answers with an error (${status})`);
}

/** `invalid parameter "query": 1:8: parse error: …` without what its caller knows. */
function position(said: string): string {
  return said.replace(/^invalid parameter "?'?query'?"?:\s*/, '');
}

function pieces({ from, to }: Interval, stepMs: number): readonly Interval[] {
  const points = Math.max(0, Math.ceil((to - from) / stepMs));
  const found: Interval[] = [];
  for (let first = 0; first < points; first += POINTS_MAX) {
    const last = Math.min(first + POINTS_MAX, points) - 1;
    found.push({ from: from + first * stepMs, to: from + last * stepMs });
  }
  return found;
}

/** Milliseconds as the API wants times and steps. */
function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}
