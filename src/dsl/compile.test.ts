/** Closing: what a policy holds by value, and which edits change which hash. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { compiled, edited, example, messages } from '../../test/fixtures/bad/example.ts';
import { hashOf } from '../canonical.ts';
import type { ClosedPolicy } from '../model.ts';
import { closureHash } from './hashes.ts';

const [policy] = compiled(example()).closed;
if (policy === undefined) throw new Error('the example does not close');

test('a policy is closed with everything that it refers to', () => {
  expect(policy.mode).toBe('enforce');
  expect(policy.target).toEqual({ kind: 'model', name: 'late-flights' });
  expect(Object.keys(policy.documents.datasets).sort()).toEqual(['flights', 'labels', 'predictions']);
  expect(Object.keys(policy.documents.connections).sort()).toEqual(['here', 'warehouse']);
  expect(policy.documents.groups).toEqual({ 'flights-ml': ['ana', 'ben'] });
  expect(policy.positions['spec.when']).toEqual({ file: 'policies/policy.yaml', line: 16, column: 9 });
  expect(JSON.parse(JSON.stringify(policy))).toEqual(policy);
});

test('its rule and observations, as the engine reads them', () => {
  const { rules, observe, guard } = policy;
  const bare = JSON.parse(
    JSON.stringify({ rules, observe, guard }, (key, value) => (key === 'position' ? undefined : value)),
  );
  expect(bare).toMatchInlineSnapshot(`
    {
      "guard": {
        "cooldownMs": 172800000,
        "rate": {
          "count": 1,
          "perMs": 604800000,
        },
      },
      "observe": {
        "newer": {
          "args": {
            "main": "log_loss",
            "version": {
              "$": "steps.retrain.version",
            },
          },
          "dataset": "predictions",
          "evaluator": "performance",
          "lateAfter": "retrain",
          "name": "newer",
          "thresholds": [],
          "windowMs": 604800000,
        },
        "nulls": {
          "args": {
            "main": "distance",
          },
          "dataset": "flights",
          "evaluator": "nulls",
          "name": "nulls",
          "thresholds": [
            0.02,
          ],
          "where": {
            "args": [
              {
                "column": "origin",
                "op": "in",
                "values": [
                  "ORD",
                  "MSP",
                ],
              },
              {
                "column": "hour",
                "op": ">=",
                "value": 6,
              },
            ],
            "op": "and",
          },
          "windowMs": 86400000,
        },
        "perf": {
          "args": {
            "main": "log_loss",
          },
          "dataset": "predictions",
          "evaluator": "performance",
          "maxAgeMs": 172800000,
          "name": "perf",
          "thresholds": [],
          "windowMs": 604800000,
        },
        "psi": {
          "args": {
            "by": [
              "origin",
            ],
            "feature": "distance",
            "main": "psi",
          },
          "dataset": "predictions",
          "evaluator": "drift",
          "minSamples": 500,
          "name": "psi",
          "reference": {
            "kind": "offset",
            "offsetsMs": [
              604800000,
              1209600000,
            ],
            "windowMs": 604800000,
          },
          "thresholds": [
            0.1,
            0.2,
          ],
          "windowMs": 604800000,
        },
        "rows": {
          "args": {
            "main": "flights",
          },
          "dataset": "flights",
          "evaluator": "rows",
          "name": "rows",
          "thresholds": [
            1000,
          ],
          "windowMs": 86400000,
        },
      },
      "rules": [
        {
          "clear": {
            "logic": {
              "===": [
                {
                  "reduce": [
                    "count",
                    {
                      ">": [
                        {
                          "var": "psi",
                        },
                        0.1,
                      ],
                    },
                  ],
                },
                0,
              ],
            },
            "text": "count(psi > 0.1) == 0",
          },
          "forMs": 86400000,
          "keepForMs": 21600000,
          "name": "rule",
          "staleAfterMs": 86400000,
          "then": [
            {
              "args": {
                "focus": {
                  "args": [
                    {
                      "column": "origin",
                      "op": "in",
                      "values": {
                        "$": "members.psi.origin",
                      },
                    },
                    {
                      "column": "hour",
                      "op": ">=",
                      "value": 5,
                    },
                  ],
                  "op": "and",
                },
                "lookback": 7776000000,
                "rest": 0.1,
              },
              "id": "retrain",
              "onNotMet": "escalate",
              "timeoutMs": 21600000,
              "verb": "retrain",
            },
            {
              "args": {
                "version": {
                  "$": "steps.retrain.version",
                },
              },
              "id": "evaluate",
              "onNotMet": "escalate",
              "verb": "evaluate",
            },
            {
              "approval": {
                "expiresMs": 14400000,
                "from": [
                  "owner",
                ],
                "quorum": 2,
                "reaskMs": 86400000,
              },
              "args": {
                "version": {
                  "$": "steps.retrain.version",
                },
              },
              "id": "promote",
              "onNotMet": "escalate",
              "require": {
                "logic": {
                  "<": [
                    {
                      "var": "steps.evaluate.log_loss",
                    },
                    {
                      "*": [
                        {
                          "var": "steps.evaluate.champion_log_loss",
                        },
                        0.99,
                      ],
                    },
                  ],
                },
                "text": "\${steps.evaluate.log_loss} < steps.evaluate.champion_log_loss * 0.99",
              },
              "verb": "promote",
            },
            {
              "args": {
                "text": "retrained and promoted",
              },
              "id": "notify",
              "onNotMet": "escalate",
              "verb": "notify",
            },
          ],
          "verify": {
            "attempts": 1,
            "otherwise": "escalate",
            "that": {
              "logic": {
                "<": [
                  {
                    "var": "perf",
                  },
                  {
                    "var": "before.perf",
                  },
                ],
              },
              "text": "perf < before.perf",
            },
            "withinMs": 2592000000,
          },
          "when": {
            "logic": {
              "and": [
                {
                  ">=": [
                    {
                      "reduce": [
                        "count",
                        {
                          "and": [
                            {
                              ">": [
                                {
                                  "var": "psi",
                                },
                                0.2,
                              ],
                            },
                            {
                              ">=": [
                                {
                                  "var": "psi.rows",
                                },
                                1000,
                              ],
                            },
                          ],
                        },
                      ],
                    },
                    3,
                  ],
                },
                {
                  "<": [
                    {
                      "var": "nulls",
                    },
                    0.02,
                  ],
                },
                {
                  "!": [
                    {
                      "<": [
                        {
                          "var": "rows",
                        },
                        1000,
                      ],
                    },
                  ],
                },
              ],
            },
            "text": "count(psi > 0.2 and psi.rows >= 1k) >= 3 and nulls < 2% and not rows < 1000",
          },
        },
      ],
    }
  `);
});

test('the closure hash is over everything but the commit', () => {
  const other = compiled(example());
  expect(other.closed[0]?.closureHash).toBe(policy.closureHash);
  expect(closureHash({ ...policy, commit: { ...policy.commit, sha: 'other' } } as ClosedPolicy)).toBe(
    policy.closureHash,
  );
  const { closureHash: _hash, commit: _commit, documents, ...rest } = policy;
  // Positions follow from the text and from where it begins, which are in it.
  for (const key of Object.keys(rest).filter(one => one !== 'positions'))
    expect(closureHash({ ...rest, documents, [key]: 'other' } as unknown as ClosedPolicy), key).not.toBe(
      policy.closureHash,
    );
  for (const key of ['model', 'people', 'groups', 'rollouts', 'later'])
    expect(
      closureHash({ ...rest, documents: { ...documents, [key]: { other: 1 } } } as unknown as ClosedPolicy),
      key,
    ).not.toBe(policy.closureHash);
  const datasets = { ...documents.datasets, more: documents.datasets.flights };
  expect(closureHash({ ...rest, documents: { ...documents, datasets } } as unknown as ClosedPolicy)).not.toBe(
    policy.closureHash,
  );
});

test.each([
  ['Several origins moved, and the data is sound.', 'Otherwise said.'],
  ['severity: ticket', 'severity: page'],
  ['# Origins drift', '\n\n# Origins drift'],
  ['ben@acme.example', 'ben@new.example'],
  ['[ana, ben] }', '[ana] }'],
  ['owner: flights-data', 'owner: others'],
  ['count(psi > 0.2 and', 'count((psi > 20%) and'],
  ['note: { type: string, sensitive: true }', 'note: { type: string }'],
  ['every: 6h', 'every: 8h\n  staleAfter: 1d'],
  ['metadata: { name: airports }', 'metadata: { name: airfields }'],
])('the acting hash does not see %s', (from, to) => {
  const [next] = compiled(edited([from, to])).closed;
  expect(next?.actingHash).toBe(policy.actingHash);
});

test.each([
  ['count(psi > 0.2 and', 'count(psi > 0.3 and'],
  ['for: 24h', 'for: 25h'],
  ['keepFor: 6h', 'keepFor: 7h'],
  ['count(psi > 0.1) == 0', 'count(psi > 0.1) <= 1'],
  ['rest: 10%', 'rest: 11%'],
  ['timeout: 6h', 'timeout: 7h'],
  ['onNotMet: escalate', 'onNotMet: stop'],
  ['within: 30d', 'within: 31d'],
  ['rate: 1 per 7d', 'rate: 1 per 8d'],
  ['minSamples: 500', 'minSamples: 501'],
  ['quorum: 2', 'quorum: 3'],
  ['path: flights/*.parquet', 'path: flights2/*.parquet'],
  ['argv: [node, train.ts], cwd', 'argv: [node, other.ts], cwd'],
  ['cooldown: 24h, rate', 'cooldown: 23h, rate'],
  ['delay: 1d', 'delay: 2d'],
  ['staging: enforce, prod: observe }\n  target', 'staging: observe, prod: observe }\n  target'],
])('the acting hash sees %s', (from, to) => {
  const [next] = compiled(edited([from, to])).closed;
  expect(next).toBeDefined();
  expect(next?.actingHash).not.toBe(policy.actingHash);
});

test.each([
  ['staging', [], 'enforce', 'Policy says enforce, and nothing lowers it'],
  ['prod', [], 'observe', 'Settings says observe for environment prod'],
  ['elsewhere', [], 'observe', 'Settings names no mode for environment elsewhere'],
  ['staging', [['owner: flights-ml', 'owner: flights-ml\n  mode: observe']], 'observe', 'Model says observe'],
  [
    'staging',
    [['  mode: { staging: enforce, prod: observe }\n  target', '  target']],
    'observe',
    'Policy says no mode, and observe is the default',
  ],
  ['staging', [['access: act', 'access: read']], 'observe', 'Connection here has access: read'],
  [
    'prod',
    [
      ['  mode: { staging: enforce, prod: observe }\n  people', '  people'],
      ['mode: { staging: enforce, prod: observe }', 'mode: enforce'],
    ],
    'enforce',
    'Policy says enforce, and nothing lowers it',
  ],
] as const)('the mode in %s with %j is %s', (env, edits, mode, modeFrom) => {
  expect(compiled(edited(...edits), env).closed[0]).toMatchObject({ mode, modeFrom });
});

test('messages alone need no connection that may act', () => {
  const files = edited(['access: act', 'access: read']);
  const spare = `apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: spare }
spec:
  mode: enforce
  target: { dataset: flights }
  every: 1h
  observe: { rows: { rows: self, window: 1d } }
  when: rows < 100
  then: [ { notify: {} } ]
`;
  const { closed } = compiled([...files, { path: 'spare.yaml', text: spare }]);
  expect(closed.map(one => `${one.policy} ${one.mode}`)).toEqual(['origin-drift observe', 'spare enforce']);
});

test('a mistake fails the policies that depend on it and no others', () => {
  const spare =
    example()[2]?.text.replace('name: origin-drift', 'name: spare').replace('for: 24h', 'for: soon') ?? '';
  const { closed, failed, wholly, names } = compiled([...example(), { path: 'spare.yaml', text: spare }]);
  expect(wholly).toBe(false);
  expect(closed.map(one => one.policy)).toEqual(['origin-drift']);
  expect(failed).toMatchObject([{ policy: 'spare', file: 'spare.yaml' }]);
  expect(names.Policy).toEqual(['origin-drift', 'spare']);
});

test('a repository without Settings asks nobody and lowers nothing', () => {
  const files = edited(
    ['approval: { from: [owner], quorum: 1, expires: 8h }', 'cooldown: 1h'],
    ['approval: { quorum: 2, expires: 4h }', 'timeout: 1h'],
  ).slice(1);
  expect(messages(files)).toEqual([]);
  expect(compiled(files, 'prod').closed[0]?.mode).toBe('observe');
});

const TOKENS = [
  'psi',
  '${',
  '}',
  '[',
  ']',
  '{',
  '- ',
  ':',
  '\n',
  '  ',
  "'",
  '"',
  '*',
  '&a',
  '!',
  '|',
  '>',
  '0',
  'null',
  'not ',
  '.inf',
  '~',
  '\t',
  '\ud800',
  '#',
  '---\n',
  '__proto__: 1',
  '%',
];

test('compile never throws, whatever is done to a sound file', () => {
  const sound = example();
  const edit = fc.record({
    file: fc.nat(2),
    at: fc.nat(5000),
    remove: fc.nat(12),
    insert: fc.oneof(fc.constantFrom(...TOKENS), fc.string({ maxLength: 6, unit: 'binary' })),
  });
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 6 }), edits => {
      const files = edits.reduce(
        (all, { file, at, remove, insert }) =>
          all.map((one, i) => {
            if (i !== file) return one;
            const place = at % (one.text.length + 1);
            return { ...one, text: one.text.slice(0, place) + insert + one.text.slice(place + remove) };
          }),
        sound,
      );
      const result = compiled(files);
      // What is in force is always plain JSON that can be hashed, and a failure always has a reason.
      for (const closed of result.closed) hashOf(closed);
      for (const { diagnostics } of result.failed) expect(diagnostics.length).toBeGreaterThan(0);
      expect(result.wholly).toBe(!result.diagnostics.some(one => one.severity === 'error'));
      if (result.wholly) expect(result.failed).toEqual([]);
      for (const { position } of result.diagnostics) expect(position.line).toBeGreaterThan(0);
    }),
    { numRuns: 400 },
  );
});

test('compile never throws on text that was never YAML', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.string({ maxLength: 20, unit: 'binary' }),
      (text, path) => {
        const { closed, wholly } = compiled([{ path, text }]);
        expect(closed).toEqual([]);
        expect(typeof wholly).toBe('boolean');
      },
    ),
  );
});

test('the same files in another order close the same', () => {
  const forward = compiled(example());
  const backward = compiled([...example()].reverse());
  expect(backward.closed).toEqual(forward.closed);
});

test('a mistake of shape does not hide the mistakes behind it', () => {
  const text = `apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: p }
spec:
  target: { connection: warehouse }
  evry: 1h
  observe:
    x: { query: warehouse, sql: SELECT 1 AS value }
  when: y > 1
  then: [ { retrian: {} } ]
`;
  const connection = `apiVersion: flyball.dev/v1
kind: Connection
metadata: { name: warehouse }
spec: { connector: duckdb, path: data }
`;
  const files = [
    { path: 'c.yaml', text: connection },
    { path: 'p.yaml', text },
  ];
  expect(messages(files)).toMatchInlineSnapshot(`
    [
      "p.yaml:5:3: spec.every is missing; expected a duration such as 30m, 6h or 7d, or { cron: "0 2 * * *", zone: Europe/Zurich }. Is evry meant to be it?",
      "p.yaml:6:3: spec has no key "evry"; expected description, mode, target, params, every, observe, when, for, clear, keepFor, staleAfter, per, maxGroups, then, verify, gate … (20 in all). Did you mean every?",
      "p.yaml:9:9: y is not observed; expected x.",
      "p.yaml:10:13: step 1 has no key "retrian"; expected one verb (retrain, evaluate, promote, rollback, notify or escalate) beside id, if, require, onNotMet, timeout, retry, approval or undo. Did you mean retrain?",
    ]
  `);
});
