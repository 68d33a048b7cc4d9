/** What is not known never acts, whatever the operator: real policies on real data that is not there. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { furnish, POLICIES, writeParquet } from './churn.ts';
import { type Home, makeHome } from './home.ts';
import { actionsOf, entriesOf, messagesOf } from './ledger.ts';

/** On these levels every condition below is true, and so each of its policies acts. */
const LEVELS = "SELECT * FROM (VALUES ('north', 5.0::DOUBLE), ('south', 7.0)) AS t(place, value)";

const scalars: readonly string[] = [
  'level < 8',
  'level <= 7',
  'level > 6',
  'level >= 7',
  'level == 7',
  'level != 8',
  'not level > 8',
  'not (level == 8)',
  'not (level < 1 or level > 8)',
  'level > 6 and level < 8',
  'level > 100 or level == 7',
  'level in [6, 7]',
  'not level in [1, 2]',
  'not (level in [1, 2])',
  'abs(level) > 0',
  'level - level == 0',
  'level + 1 == 8',
  'max(level, 1) == 7',
];

const vectors: readonly string[] = [
  'count(by_place > 6) >= 1',
  'count(by_place > 100) == 0',
  'count(by_place > 100) < 1',
  'any(by_place > 6)',
  'not any(by_place > 100)',
  'all(by_place > 1)',
  'not all(by_place > 6)',
  'none(by_place > 100)',
  'share(by_place > 6) > 10%',
  'share(by_place > 100) < 10%',
  'max(by_place) > 6',
  'min(by_place) < 6',
  'avg(by_place) == 6',
  'not max(by_place) > 100',
];

const conditions = [...scalars, ...vectors];
const nameOf = (index: number) => `p${index}`;

function policy(condition: string, index: number): string {
  const act = index % 2 === 0 ? 'retrain: { lookback: 30d }' : 'notify: { text: It acted. }';
  return `apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: ${nameOf(index)} }
spec:
  mode: enforce
  target: { model: churn }
  every: 1h
  observe:
    level: { query: warehouse, sql: "SELECT max(value) AS value FROM files('levels.parquet')" }
    by_place: { query: warehouse, vector: true, labels: [place], sql: "SELECT place, max(value) AS value FROM files('levels.parquet') GROUP BY place" }
  when: '${condition}'
  then:
    - ${act}
`;
}

let home: Home | undefined;
afterEach(async () => {
  await home?.end();
  home = undefined;
});

async function governed(): Promise<Home> {
  const { 'policies/remedy.yaml': _, ...documents } = POLICIES;
  const policies = Object.fromEntries(
    conditions.map((condition, index) => [`policies/${nameOf(index)}.yaml`, policy(condition, index)]),
  );
  home = await makeHome({ ...documents, ...policies });
  await furnish(home);
  await writeParquet(home, 'levels.parquet', LEVELS);
  return home;
}

test('each of the conditions is true on the data that is there, so that it could act', async () => {
  const at = await governed();
  const { rules } = await at.json<{ rules: readonly { policy: string; answer: string }[] }>('plan');
  const answers = Object.fromEntries(rules.map(rule => [rule.policy, rule.answer]));
  expect(conditions.map((condition, i) => `${condition}: ${answers[nameOf(i)]}`)).toEqual(
    conditions.map(condition => `${condition}: breach`),
  );
});

const missing: readonly (readonly [
  what: string,
  arrange: (at: Home) => void | Promise<void>,
  why: RegExp,
])[] = [
  [
    'the file is not there',
    at => rmSync(join(at.dir, 'data/levels.parquet')),
    /No files found.*check the path of the Dataset, or whether the files have arrived/,
  ],
  [
    'the column is not there',
    at => writeParquet(at, 'levels.parquet', "SELECT 'north' AS place, 7.0::DOUBLE AS worth"),
    /Referenced column "value" not found/,
  ],
  [
    'the file is no Parquet',
    at => at.write('data/levels.parquet', 'PAR1 and nothing more, no footer at all'),
    /levels\.parquet.*damaged, unfinished or not what its name says/s,
  ],
  ['the file is empty', at => at.write('data/levels.parquet', ''), /levels\.parquet/],
  [
    'there are no values',
    at => writeParquet(at, 'levels.parquet', "SELECT 'north' AS place, NULL::DOUBLE AS value"),
    /NULL/,
  ],
  [
    'the values are no numbers',
    at => writeParquet(at, 'levels.parquet', "SELECT 'north' AS place, 'nan'::DOUBLE AS value"),
    /expected a number/,
  ],
];

describe('no action, no message, and status says what is blind, when', () => {
  test.each(missing)('%s', async (_, arrange, why) => {
    const at = await governed();
    await arrange(at);
    const plan = await at.flyball('plan', '--json');
    expect(plan.code, plan.stderr).toBe(0);
    const { rules, decisions } = JSON.parse(plan.stdout);
    expect(new Set(rules.map((rule: { answer: string }) => rule.answer))).toEqual(new Set(['unknown']));
    expect(decisions).toEqual([]);

    expect((await at.flyball('reconcile')).code).toBe(0);
    expect(actionsOf(at.state)).toEqual([]);
    expect(messagesOf(at.state)).toEqual([]);
    for (const kind of ['episode-opened', 'ask', 'intent', 'decision'] as const)
      expect(entriesOf(at.state, kind), kind).toEqual([]);

    const { blind, ok } = await at.json<{ blind: readonly { policy: string; text: string }[]; ok: number }>(
      'status',
    );
    expect(ok).toBe(0);
    expect(new Set(blind.map(one => one.policy))).toEqual(new Set(conditions.map((_, i) => nameOf(i))));
    for (const one of blind)
      expect(one.text).toMatch(new RegExp(`${why.source}|some members are unknown`, 's'));
    expect(await at.json('ledger', 'verify')).toMatchObject({ ok: true });
  });
});
