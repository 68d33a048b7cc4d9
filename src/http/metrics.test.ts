/** The exposition: what each happening adds, what each figure becomes, and that labels stay few. */
import { beforeEach, expect, test } from 'vitest';
import { HEALTH } from '../../test/health-figures.ts';
import type { Health } from '../commands/index.ts';
import type { Entry, EntryBody, Happening, LastTick, Observation, Own, Snapshot, Verdict } from '../model.ts';
import { type Metrics, metricsOf } from './metrics.ts';

let metrics: Metrics;
beforeEach(() => {
  metrics = metricsOf({
    version: '1.2.3',
    startedAt: 5000,
    now: () => 90_000,
    usage: () => ({ cpuSeconds: 2.5, residentBytes: 1024 }),
    delay: () => ({ p50: 0.001, p99: 0.002, max: 0.5 }),
  });
});

/** Samples by name with labels, of those that are not 0. */
async function samples(found?: Health): Promise<Record<string, string>> {
  const text = await metrics.exposition(true, found);
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'));
  const pairs = lines.map(line => [
    line.slice(0, line.lastIndexOf(' ')),
    line.slice(line.lastIndexOf(' ') + 1),
  ]);
  return Object.fromEntries(pairs.filter(([, value]) => value !== '0'));
}

const last = (...verdicts: Pick<Verdict, 'policy' | 'answer'>[]) => ({ verdicts }) as unknown as LastTick;
const entry = (body: unknown) => ({ body: body as EntryBody }) as Entry;
const own = { actions: { a1: { action: { verb: 'promote' } } } } as unknown as Own;
const observed = (...all: Partial<Observation>[]) =>
  ({
    due: ['p'],
    observations: { p: Object.fromEntries(all.map((one, i) => [`o${i}`, { readings: [], ...one }])) },
  }) as unknown as Snapshot;
const known = { labels: {}, fields: { value: 1 } };
const few = { ...known, unknown: { reason: 'too-few', message: '' } } as const;

/** What happened, and the samples that are there because of it. */
const cases: readonly (readonly [Happening, Record<string, string>])[] = [
  [{ kind: 'round', loop: 'ticks', worked: 3 }, { 'flyball_rounds_total{loop="ticks"}': '1' }],
  [
    { kind: 'tick', chain: 'model/x', ms: 2000, failed: false },
    {
      'flyball_ticks_total{result="ok"}': '1',
      flyball_tick_duration_seconds_sum: '2',
      flyball_last_tick_timestamp_seconds: '90',
    },
  ],
  [{ kind: 'tick', chain: 'model/x', ms: 1, failed: true }, { 'flyball_ticks_total{result="failed"}': '1' }],
  [
    { kind: 'effect', capability: 'notify.send', call: 'start', result: 'failed', ms: 500 },
    {
      'flyball_effect_calls_total{capability="notify.send",call="start",result="failed"}': '1',
      'flyball_effect_call_duration_seconds_sum{capability="notify.send"}': '0.5',
    },
  ],
  [
    { kind: 'query', connection: 'warehouse', result: 'ok', ms: 10 },
    { 'flyball_queries_total{connection="warehouse",result="ok"}': '1' },
  ],
  [
    {
      kind: 'looked',
      chain: 'model/x',
      last: last({ policy: 'p', answer: 'breach' }, { policy: 'another', answer: 'ok' }),
      snapshot: observed(
        { evaluator: 'drift', readings: [known, few] },
        { evaluator: 'rows', readings: [few] },
        { evaluator: 'query', unknown: { reason: 'unreachable', message: '' } },
      ),
    },
    {
      'flyball_observations_total{evaluator="drift",outcome="ok"}': '1',
      'flyball_observations_total{evaluator="rows",outcome="too-few"}': '1',
      'flyball_observations_total{evaluator="query",outcome="unreachable"}': '1',
      'flyball_verdicts_total{answer="breach"}': '1',
    },
  ],
  [
    {
      kind: 'appended',
      own,
      entries: [
        entry({
          kind: 'decision',
          decision: { outcome: 'hold', holds: [{ reason: 'cooldown' }, { reason: 'rate' }] },
        }),
        entry({ kind: 'decision', decision: { outcome: 'act', holds: [] } }),
        entry({ kind: 'outcome', action: 'a1', attempt: 1, outcome: 'succeeded' }),
        entry({ kind: 'outcome', action: 'a1', attempt: 1, outcome: 'lost' }),
        entry({ kind: 'withdrawn', action: 'a1' }),
        entry({ kind: 'withdrawn', approval: 'x' }),
        entry({ kind: 'unresolved', action: 'a1' }),
        entry({ kind: 'episode-opened' }),
        entry({ kind: 'episode-ended', how: 'verified' }),
      ],
    },
    {
      flyball_appended_entries_total: '9',
      'flyball_decisions_total{outcome="hold",reason="cooldown"}': '1',
      'flyball_decisions_total{outcome="act",reason="none"}': '1',
      'flyball_actions_total{verb="promote",state="succeeded"}': '1',
      'flyball_actions_total{verb="promote",state="withdrawn"}': '1',
      'flyball_actions_total{verb="promote",state="unresolved"}': '1',
      'flyball_episodes_total{how="opened"}': '1',
      'flyball_episodes_total{how="verified"}': '1',
    },
  ],
];
test.each(cases)('%j', async (what, added) => {
  const before = await samples();
  metrics.meter(what);
  const after = await samples();
  expect(after).toMatchObject(added);
  const names = (of: object) => Object.keys(of).filter(name => !/_bucket|_count|_sum/.test(name));
  const grown = names(after).filter(name => before[name] !== after[name]);
  expect(grown.sort()).toEqual(names(added).sort());
});

test('figures of the state, in seconds and bytes', async () => {
  expect(await samples(HEALTH)).toMatchObject({
    flyball_state_readable: '1',
    flyball_live: '1',
    flyball_loop_lag_seconds: '1.5',
    flyball_revision_rejected: '1',
    flyball_remote_failing: '1',
    flyball_blind_label_sets: '7',
    flyball_approval_oldest_seconds: '60',
    flyball_approval_first_expiry_seconds: '120',
    flyball_state_size_bytes: '4096',
    'flyball_episodes{status="stalled"}': '1',
    'flyball_revision_info{commit="c0ffee"}': '1',
    'flyball_actions_live{verb="retrain",state="started"}': '2',
    'flyball_pauses{scope="all"}': '1',
    [`flyball_build_info{version="1.2.3",node="${process.version}"}`]: '1',
    process_resident_memory_bytes: '1024',
    process_cpu_seconds_total: '2.5',
    'flyball_event_loop_delay_seconds{stat="max"}': '0.5',
  });
  expect(await samples(HEALTH)).not.toHaveProperty('flyball_ready');
  const later = { ...HEALTH, commit: 'new', figures: { ...HEALTH.figures, live: [] } };
  const names = Object.keys(await samples(later));
  expect(names.filter(name => /revision_info|actions_live/.test(name))).toEqual([
    'flyball_revision_info{commit="new"}',
  ]);
});

test('a state that cannot be read has no figures, not those of before', async () => {
  await samples(HEALTH);
  const found = await samples(undefined);
  expect(found).not.toHaveProperty('flyball_state_readable');
  expect(found.flyball_live).toBe('1');
  expect(found.flyball_loop_lag_seconds).toBe('Nan');
  expect(Object.keys(found).filter(name => /revision_info|actions_live|episodes\{/.test(name))).toEqual([]);
});

test('no matter how many connections there are, their labels are capped', async () => {
  for (let i = 0; i < 300; i++) metrics.meter({ kind: 'query', connection: `c${i}`, result: 'ok', ms: 1 });
  const found = await samples();
  const series = Object.keys(found).filter(name => name.startsWith('flyball_queries_total'));
  expect(series).toHaveLength(101);
  expect(found['flyball_queries_total{connection="other",result="ok"}']).toBe('200');
});

test('two registries of one process share nothing', async () => {
  const other = metricsOf({
    ...{ version: 'x', startedAt: 0, now: () => 0 },
    usage: () => ({ cpuSeconds: 0, residentBytes: 0 }),
    delay: () => ({ p50: 0, p99: 0, max: 0 }),
  });
  other.meter({ kind: 'round', loop: 'ticks', worked: 0 });
  expect(await samples()).not.toHaveProperty('flyball_rounds_total{loop="ticks"}');
});
