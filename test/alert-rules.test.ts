/** The shipped alerts ask for metrics and labels that the daemon shows, each is tested, and each says what to do. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { metricsOf } from '../src/http/index.ts';
import { HEALTH } from './health-figures.ts';

const FOLDER = join(import.meta.dirname, '..', 'deploy', 'prometheus');
const read = (name: string) => parse(readFileSync(join(FOLDER, name), 'utf8'));

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description?: string };
}
const alerts: readonly Alert[] = read('flyball.rules.yaml').groups.flatMap(
  (group: { rules: Alert[] }) => group.rules,
);
const tested: readonly string[] = read('flyball.rules.test.yaml').tests.flatMap(
  (one: { alert_rule_test?: { alertname: string; exp_alerts: unknown[] }[] }) =>
    (one.alert_rule_test ?? [])
      .filter(({ exp_alerts }) => exp_alerts.length > 0)
      .map(({ alertname }) => alertname),
);

/** Without a series before the first of their kind. */
const LAZY = new Set([
  ...[
    'rounds_total',
    'observations_total',
    'queries_total',
    'decisions_total',
    'episodes_total',
    'actions_total',
  ],
  'effect_call_duration_seconds',
]);

/** Label sets by the name of a metric, as the daemon shows them. */
const shown = new Map<string, Readonly<Record<string, string>>[]>();
beforeAll(async () => {
  const metrics = metricsOf({
    ...{ version: '1', startedAt: 0, now: () => 0 },
    usage: () => ({ cpuSeconds: 0, residentBytes: 0 }),
    delay: () => ({ p50: 0, p99: 0, max: 0 }),
  });
  for (const line of (await metrics.exposition(true, HEALTH)).split('\n')) {
    const [, name, labels = ''] = /^([a-z_]+)(?:\{(.*)\})? /.exec(line) ?? [];
    if (name === undefined) continue;
    const pairs = [...labels.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, label = '', value = '']) => [
      label,
      value,
    ]);
    shown.set(name, [...(shown.get(name) ?? []), Object.fromEntries(pairs)]);
  }
});

test.each(alerts.map(one => [one.alert, one] as const))('%s', (name, { expr, labels, annotations }) => {
  const selectors = [...expr.matchAll(/\b(flyball_[a-z_]+)(?:\{([^}]*)\})?/g)];
  expect(selectors.length > 0 || name === 'Watchdog').toBe(true);
  for (const [, metric = '', matchers = ''] of selectors) {
    expect([...shown.keys()]).toContain(metric);
    for (const [, label = '', operator, value] of matchers.matchAll(/([a-z_]+)(=|!=)"([^"]*)"/g)) {
      const values = (shown.get(metric) ?? []).map(one => one[label]);
      expect(values).toContain(operator === '=' ? value : 'failed');
    }
  }
  expect(tested).toContain(name);
  expect(['page', 'ticket', 'none']).toContain(labels.severity);
  expect(annotations.summary).not.toBe('');
  expect(name === 'Watchdog' || annotations.description !== undefined).toBe(true);
});

test('every metric stands in the documentation, and nothing else does', () => {
  const text = readFileSync(join(FOLDER, '..', '..', 'docs', 'operations.md'), 'utf8');
  const rows = text
    .split('\n')
    .filter(line => /^\| `[a-z_]+(\{|`)/.test(line) && line.split('|').length === 5);
  const told = rows.flatMap(row =>
    [...(row.split('|')[1] ?? '').matchAll(/`([a-z_]+)/g)].map(match => match[1]),
  );
  const names = [...shown.keys()].map(name => name.replace(/_(?:bucket|sum|count)$/, ''));
  const ours = new Set(
    names.flatMap(name => (name.startsWith('flyball_') ? name.slice('flyball_'.length) : [])),
  );
  expect(told.toSorted()).toEqual(expect.arrayContaining([...ours].sort()));
  expect([...ours].sort()).toEqual(
    expect.arrayContaining([...new Set(told)].filter(name => !LAZY.has(name ?? ''))),
  );
});
