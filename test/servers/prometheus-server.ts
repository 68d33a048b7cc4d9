/** A real Prometheus with a real Pushgateway in front of it, and a history that was written before it started. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../e2e/until.ts';
import { freePort, run, type Server, startServer } from './processes.ts';

export interface Gateway extends Server {
  /** Replaces the metrics of one job: text in Prometheus' exposition format. */
  push(job: string, text: string): Promise<void>;
}

export async function startPushgateway(): Promise<Gateway> {
  const port = await freePort();
  const server = await startServer('prometheus-pushgateway', [`--web.listen-address=127.0.0.1:${port}`], {
    port,
    ready: '/-/ready',
  });
  return {
    ...server,
    async push(job, text) {
      const answer = await fetch(`${server.url}/metrics/job/${encodeURIComponent(job)}`, {
        method: 'PUT',
        body: text,
      });
      if (!answer.ok) throw new Error(`the Pushgateway refused: ${answer.status} ${await answer.text()}`);
    },
  };
}

export interface PrometheusOptions {
  /** An empty folder of its own, kept between a stop and the next start. */
  readonly folder: string;
  /** URL of a Pushgateway that it reads. */
  readonly gateway?: string;
  /** OpenMetrics text of the past, ending in `# EOF`. */
  readonly history?: string;
  /** Users by their bcrypt hash: the whole API needs one of them. */
  readonly users?: Readonly<Record<string, string>>;
  /** The same port again, after a stop. */
  readonly port?: number;
}

export interface Prometheus extends Server {
  readonly port: number;
}

/** Starts it; the history becomes blocks of its store first. */
export async function startPrometheus(options: PrometheusOptions): Promise<Prometheus> {
  const { folder, gateway, history, users } = options;
  const store = join(folder, 'tsdb');
  mkdirSync(store, { recursive: true });
  if (history !== undefined) {
    const file = join(folder, 'history.txt');
    writeFileSync(file, history);
    await run('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', '-q', file, store]);
  }
  const config = join(folder, 'prometheus.yml');
  writeFileSync(config, configuration(gateway));
  const web = join(folder, 'web.yml');
  writeFileSync(web, users === undefined ? '' : `basic_auth_users: ${JSON.stringify(users)}\n`);
  const port = options.port ?? (await freePort());
  const argv = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${store}`,
    '--storage.tsdb.retention.time=90y',
    `--web.listen-address=127.0.0.1:${port}`,
    `--web.config.file=${web}`,
    '--log.level=warn',
  ];
  return { ...(await startServer('prometheus', argv, { port, ready: '/-/ready' })), port };
}

/** What is pushed is seen within a fraction of a second, under the labels that it was pushed with. */
function configuration(gateway: string | undefined): string {
  const global = 'global: { scrape_interval: 200ms, scrape_timeout: 200ms }\n';
  if (gateway === undefined) return global;
  const target = JSON.stringify(new URL(gateway).host);
  return `${global}scrape_configs:
  - job_name: pushgateway
    honor_labels: true
    static_configs: [ { targets: [ ${target} ] } ]
`;
}

/** Waits until an instant query, asked directly, gives at least one series. */
export async function untilKnown(url: string, promql: string): Promise<void> {
  await until(`${promql} is known`, async () => {
    const answer = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: promql })}`);
    const body = (await answer.json()) as { data?: { result?: unknown[] } };
    return (body.data?.result?.length ?? 0) > 0 || undefined;
  });
}

/** One series of OpenMetrics text: a value each `stepMs` from a time on. */
export function history(
  series: Readonly<Record<string, readonly (number | string)[]>>,
  from: number,
  stepMs: number,
): string {
  const lines = Object.entries(series).flatMap(([name, values]) =>
    values.map((value, i) => `${name} ${value} ${(from + i * stepMs) / 1000}`),
  );
  return `${lines.join('\n')}\n# EOF\n`;
}
