/**
 * A policy repository for one Prometheus: looks at what the server has, and writes policies over it that give data right now,
 * in observe mode, each with its PolicyTest. Writes no file itself.
 */
import { type Answer, PortError } from '../model.ts';
import type { PolicyText } from './ports.ts';
import {
  burnPolicy,
  type Counter,
  connectionFile,
  type Histogram,
  latencyPolicy,
  settingsFile,
  silencePolicy,
  upPolicy,
} from './prometheus-policies.ts';

/** As much of a server as is looked at. */
export interface Asked {
  metricNames(): Promise<readonly string[]>;
  query(promql: string): Promise<Answer>;
}

/** Names that PromQL and YAML take as they are: others come from outside and are left alone. */
const PLAIN = /^[A-Za-z_:][A-Za-z0-9_:]{0,199}$/;
const COUNTER = /(request|handled).*(_total|_seconds_count)$/;
const HISTOGRAM = /(request|latency|duration|response).*_seconds_bucket$/;
/** How label sets say whether a request went well. */
const STATUS_LABELS = [
  'code',
  'status',
  'status_code',
  'http_status_code',
  'http_response_status_code',
  'response_code',
];
const STATUS = /^[1-5](\d\d|xx)$/i;
/** Metrics of a kind that are tried before it is given up. */
const MOST_TRIED = 10;
/** Thresholds for a 99th percentile, in milliseconds. */
const LADDER_MS = [50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000];

/** The files, and a line about each policy. Throws PortError, with advice, when the server cannot be asked. */
export async function prometheusStarter(
  url: string,
  server: Asked,
): Promise<{ readonly files: readonly PolicyText[]; readonly found: readonly string[] }> {
  const names = (await advised(url, () => server.metricNames())).filter(name => PLAIN.test(name));
  const policies = [
    ...((await numberFrom(server, 'count(up) - sum(up)')) === undefined ? [] : [upPolicy()]),
    ...(await counterOf(server, names)).map(burnPolicy),
    ...(await histogramOf(server, names)).map(latencyPolicy),
  ];
  const written = policies.length > 0 ? policies : [silencePolicy()];
  return {
    files: [
      { path: 'flyball.yaml', text: settingsFile() },
      { path: 'connections.yaml', text: connectionFile(url) },
      ...written.flatMap(policy => [
        { path: `policies/${policy.name}.yaml`, text: policy.text },
        { path: `tests/${policy.name}.yaml`, text: policy.test },
      ]),
    ],
    found: written.map(policy => `${policy.name}: ${policy.found}`),
  };
}

async function advised<T>(url: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof PortError)) throw error;
    throw new PortError(
      `${error.message.replace(/^connection prometheus: /, '')} Nothing was written. --prometheus takes the base address of a server that answers ${url}/api/v1/query without credentials; without the flag a repository without it is begun.`,
      { code: error.code, retry: error.retry, subject: url, cause: error },
    );
  }
}

/** The request counter that has traffic now and says how requests ended: at most one. */
async function counterOf(server: Asked, names: readonly string[]): Promise<readonly Counter[]> {
  for (const name of preferred(names, COUNTER, 'http_requests_total')) {
    const requests = await numberFrom(server, `sum(increase(${name}[5m]))`);
    if (requests === undefined || requests <= 0) continue;
    const label = await statusLabelOf(server, name);
    if (label !== undefined) return [{ name, label, requests }];
  }
  return [];
}

/** The label that says how most requests ended: jobs that share a counter's name may not share its labels. */
async function statusLabelOf(server: Asked, name: string): Promise<string | undefined> {
  let most: { readonly label: string; readonly requests: number } | undefined;
  for (const label of STATUS_LABELS) {
    const rows = await server.query(`sum by (${label}) (increase(${name}[5m]))`).catch(() => []);
    const ended = rows.filter(row => STATUS.test((row.labels as Record<string, string>)[label] ?? ''));
    const requests = ended.reduce((sum, row) => sum + (Number(row.value) || 0), 0);
    if (ended.length > 0 && (most === undefined || requests > most.requests)) most = { label, requests };
  }
  return most?.label;
}

/** The histogram of how long requests take that has traffic now: at most one. */
async function histogramOf(server: Asked, names: readonly string[]): Promise<readonly Histogram[]> {
  for (const bucket of preferred(names, HISTOGRAM, 'http_request_duration_seconds_bucket')) {
    const name = bucket.replace(/_bucket$/, '');
    const seconds = await numberFrom(server, `histogram_quantile(0.99, sum by (le) (rate(${bucket}[5m])))`);
    const requests = await numberFrom(server, `sum(increase(${name}_count[5m]))`);
    if (seconds === undefined || requests === undefined || requests <= 0) continue;
    const limitMs = LADDER_MS.find(limit => limit >= 2000 * seconds) ?? 120_000;
    return [{ name, seconds, requests, limitMs }];
  }
  return [];
}

function preferred(names: readonly string[], kind: RegExp, first: string): readonly string[] {
  const fitting = names.filter(name => kind.test(name)).sort((a, b) => a.length - b.length);
  return [...fitting.filter(name => name === first), ...fitting.filter(name => name !== first)].slice(
    0,
    MOST_TRIED,
  );
}

/** The one finite value of a query; undefined when it gives none now. */
async function numberFrom(server: Asked, promql: string): Promise<number | undefined> {
  const rows = await server.query(promql).catch(() => []);
  const value = rows.length === 1 ? rows[0]?.value : undefined;
  return typeof value === 'number' ? value : undefined;
}
