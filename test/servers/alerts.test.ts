/** The shipped alerts, by promtool and in a real Prometheus that scrapes a real daemon. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { alarmAbove, furnish, POLICIES } from '../e2e/churn.ts';
import { DAEMON_YAML, makeHome } from '../e2e/home.ts';
import { until } from '../e2e/until.ts';
import { freePort, startServer, temporaryFolder } from './processes.ts';

const FOLDER = join(import.meta.dirname, '..', '..', 'deploy', 'prometheus');
const RULES = join(FOLDER, 'flyball.rules.yaml');
const TESTS = join(FOLDER, 'flyball.rules.test.yaml');

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function folder(): string {
  const made = temporaryFolder();
  ends.push(() => made.remove());
  return made.path;
}

/** Runs promtool to its end. */
async function promtool(argv: readonly string[], input = '') {
  const child = spawn('promtool', argv, { stdio: ['pipe', 'pipe', 'pipe'] });
  const code = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  child.stdin.end(input);
  const [out, error] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, said: `${out}${error}` };
}

interface Rules {
  readonly groups: readonly {
    readonly name: string;
    readonly rules: readonly { readonly alert: string }[];
  }[];
}
const rules: Rules = parse(readFileSync(RULES, 'utf8'));
const names = rules.groups.flatMap(group => group.rules.map(rule => rule.alert));

test('promtool takes the rules, and their unit tests pass', async () => {
  expect(await promtool(['check', 'rules', RULES])).toMatchObject({ code: 0 });
  expect(await promtool(['test', 'rules', TESTS])).toMatchObject({ code: 0 });
});

test.each(names)('the unit tests fail without %s', async name => {
  const at = folder();
  const left = rules.groups.map(group => ({
    ...group,
    rules: group.rules.filter(rule => rule.alert !== name),
  }));
  writeFileSync(join(at, 'flyball.rules.yaml'), stringify({ groups: left }));
  writeFileSync(join(at, 'flyball.rules.test.yaml'), readFileSync(TESTS));
  const { code, said } = await promtool(['test', 'rules', join(at, 'flyball.rules.test.yaml')]);
  expect({ code, said }).toMatchObject({ code: 1, said: expect.stringContaining(name) });
});

interface Loaded {
  readonly name: string;
  readonly health: string;
  readonly state: string;
  readonly lastError?: string;
}

test('a daemon shows what promtool finds no fault with, and a Prometheus that scrapes it can judge every rule', async () => {
  const { 'policies/remedy.yaml': _, ...documents } = POLICIES;
  const port = await freePort();
  const settings = `${DAEMON_YAML}listen: 127.0.0.1:${port}\n`;
  const home = await makeHome({ ...documents, 'policies/alarm.yaml': alarmAbove('30') }, settings);
  ends.push(() => home.end());
  await furnish(home);
  await home.daemon();
  const exposition = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  expect(await promtool(['check', 'metrics'], exposition)).toEqual({ code: 0, said: '' });

  const at = folder();
  const config = join(at, 'prometheus.yml');
  const scrape = { job_name: 'flyball', static_configs: [{ targets: [`127.0.0.1:${port}`] }] };
  const global = { scrape_interval: '200ms', scrape_timeout: '200ms', evaluation_interval: '200ms' };
  writeFileSync(config, stringify({ global, rule_files: [RULES], scrape_configs: [scrape] }));
  const web = await freePort();
  const argv = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(at, 'tsdb')}`,
    `--web.listen-address=127.0.0.1:${web}`,
  ];
  const prometheus = await startServer('prometheus', argv, { port: web, ready: '/-/ready' });
  ends.push(() => prometheus.stop());
  const ask = async <T>(path: string) =>
    (await (await fetch(`${prometheus.url}/api/v1/${path}`)).json()) as { data: T };
  const loaded = () =>
    ask<{ groups: { rules: Loaded[] }[] }>('rules').then(({ data }) => data.groups.flatMap(one => one.rules));
  await until('the engine is seen to be ready', async () => {
    const { data } = await ask<{ result: unknown[] }>('query?query=flyball_ready%3D%3D1');
    return data.result.length > 0 || undefined;
  });
  const judged = await until('every rule was judged', async () => {
    const found = await loaded();
    return found.every(one => one.health !== 'unknown') ? found : undefined;
  });
  expect(judged.map(one => [one.name, one.health, one.lastError])).toEqual(
    names.map(name => [name, 'ok', undefined]),
  );
  const active = await until('only the watchdog is left', async () => {
    const found = (await loaded()).filter(one => one.state !== 'inactive').map(one => one.name);
    return found.length === 1 ? found : undefined;
  });
  expect(active).toEqual(['Watchdog']);
});
