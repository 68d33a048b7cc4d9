/** What Settings, Models and Datasets say beyond what the bad files show: defaults, names and the daemon's secrets. */
import { expect, test } from 'vitest';
import { compiled, edited, example } from '../../test/fixtures/bad/example.ts';
import type { DatasetSpec, ModelSpec, SettingsSpec } from '../model.ts';
import { parseListen } from './daemon-listen.ts';
import { parseDaemonYaml } from './daemon-settings.ts';
import { formatDiagnostic } from './diagnostic.ts';
import { parseDocuments } from './documents.ts';

function specOf<Spec>(kind: string, spec: string, metadata = '{ name: x }'): Spec {
  const text = `apiVersion: flyball.dev/v1\nkind: ${kind}\nmetadata: ${metadata}\nspec: ${spec}\n`;
  const { documents, diagnostics } = parseDocuments([{ path: 'x.yaml', text }]);
  expect(diagnostics.map(formatDiagnostic)).toEqual([]);
  return documents[0]?.spec as Spec;
}

const HOUR = 3_600_000;

test('a rollout carries its name, rising weights and what happens when a gate does not hold', () => {
  const standard = `{ steps: [
    { shift: 5%, hold: 30m, gate: canary-health }, { shift: 25%, hold: 2h, gate: canary-health/latency },
    { shift: 100%, hold: 24h, gate: canary-health } ],
    onFailure: hold, onUnknown: { hold: 1h, then: hold }, max: 3d }`;
  const plain = '{ gates: none, steps: [ { shift: 10%, hold: 1h }, { shift: 100%, hold: 1h } ] }';
  const { rollouts } = specOf<SettingsSpec>(
    'Settings',
    `{ rollouts: { standard: ${standard}, plain: ${plain} } }`,
  );
  expect(rollouts?.standard).toEqual({
    name: 'standard',
    steps: [
      { weight: 0.05, holdMs: HOUR / 2, gate: 'canary-health' },
      { weight: 0.25, holdMs: 2 * HOUR, gate: 'canary-health/latency' },
      { weight: 1, holdMs: 24 * HOUR, gate: 'canary-health' },
    ],
    onFailure: 'hold',
    // biome-ignore lint/suspicious/noThenProperty: the word of the language.
    onUnknown: { holdMs: HOUR, then: 'hold' },
    maxMs: 72 * HOUR,
  });
  // Unless said: back on failure, two hours for an unknown gate, and room for it and for what shifts take.
  expect(rollouts?.plain).toEqual({
    name: 'plain',
    steps: [
      { weight: 0.1, holdMs: HOUR },
      { weight: 1, holdMs: HOUR },
    ],
    onFailure: 'rollback',
    // biome-ignore lint/suspicious/noThenProperty: the word of the language.
    onUnknown: { holdMs: 2 * HOUR, then: 'rollback' },
    maxMs: 5 * HOUR,
  });
});

test('P7: a rollout whose steps nothing judges says gates: none in so many words', () => {
  const written = (body: string) =>
    parseDocuments([
      {
        path: 'x.yaml',
        text: `apiVersion: flyball.dev/v1\nkind: Settings\nmetadata: { name: x }\nspec: { rollouts: { r: ${body} } }\n`,
      },
    ]).diagnostics.map(formatDiagnostic);
  const steps = 'steps: [ { shift: 100%, hold: 1h } ]';
  expect(written(`{ ${steps} }`)).toEqual([
    expect.stringContaining('expected the policy that judges this step, or gates: none on the rollout'),
  ]);
  expect(written(`{ gates: none, ${steps} }`)).toEqual([]);
});

test('routes, channels, windows and guard as closures hold them', () => {
  const spec = specOf<SettingsSpec>(
    'Settings',
    `{ channels: { oncall: { connection: outbox, to: ml } },
       notify: { routes: [ { match: { severity: page }, to: [oncall] }, { match: {}, to: [digest] } ] },
       windows: { office: { when: "Mon-Fri 08:00-17:00", zone: Europe/Zurich } },
       guard: { allow: [office], blastRadius: { share: 10%, per: 1h } } }`,
  );
  expect(spec.channels).toEqual({ oncall: { name: 'oncall', connection: 'outbox', to: 'ml' } });
  expect(spec.notify).toEqual({
    group: { by: ['cause', 'owner'], waitMs: 120_000, repeatMs: 4 * HOUR },
    routes: [
      { match: { severity: 'page' }, to: ['oncall'] },
      { match: {}, to: ['digest'] },
    ],
  });
  expect(spec.windows?.office).toEqual({
    name: 'office',
    when: 'Mon-Fri 08:00-17:00',
    zone: 'Europe/Zurich',
  });
  expect(spec.guard).toEqual({ allow: ['office'], blastRadius: { share: 0.1, scope: 'fleet', perMs: HOUR } });
});

test('a Model with labels, season, params, exclusions and limits of safe verbs', () => {
  const spec = specOf<ModelSpec>(
    'Model',
    `{ owner: o, task: binary, season: 7d, params: { drift: { psi_max: 0.3, window: 6h } },
       exclude: [ { policy: drift, reason: audit, until: 2027-01-31 } ],
       actions: { promote: { rollout: standard }, rollback: { safe: [pause], preemptAfter: 30s } } }`,
    '{ name: churn, labels: { tier: prod } }',
  );
  expect(spec).toMatchObject({
    name: 'churn',
    labels: { tier: 'prod' },
    seasonMs: 168 * HOUR,
    params: { drift: { psi_max: 0.3, window: '6h' } },
    exclude: [{ policy: 'drift', reason: 'audit', until: Date.UTC(2027, 0, 31) }],
    actions: { promote: { rollout: 'standard' }, rollback: { safe: ['pause'], preemptAfterMs: 30_000 } },
  });
  expect(
    specOf<ModelSpec>('Model', '{ owner: o, task: binary, actions: { promote: { rollout: direct } } }')
      .actions,
  ).toEqual({
    promote: {},
  });
});

test('a Dataset with what is promised of it and what it is made from', () => {
  const spec = specOf<DatasetSpec>(
    'Dataset',
    '{ connection: w, table: t, columns: { x: { type: number } }, expect: { maxAge: 26h }, upstream: [ { dataset: a } ] }',
    '{ name: d, labels: { team: growth } }',
  );
  expect(spec).toMatchObject({
    labels: { team: 'growth' },
    expect: { maxAgeMs: 26 * HOUR },
    upstream: ['a'],
  });
});

test('what is promised of a Dataset can be compared with in a condition', () => {
  const policy = `apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: age }
spec:
  target: { dataset: flights }
  every: 1h
  observe: { age: { query: warehouse, unit: duration, sql: "select 1" } }
  when: age > target.expect.maxAge
  then: [ { notify: { text: late } } ]
`;
  const promised = edited(['owner: flights-data', 'owner: flights-data\n  expect: { maxAge: 26h }']);
  const { closed, diagnostics } = compiled([...promised, { path: 'age.yaml', text: policy }]);
  expect(diagnostics.map(formatDiagnostic)).toEqual([]);
  expect(closed.find(one => one.policy === 'age')?.rules[0]?.when.logic).toEqual({
    '>': [{ var: 'age' }, 26 * HOUR],
  });
  const { diagnostics: without } = compiled([...example(), { path: 'age.yaml', text: policy }]);
  expect(without.map(formatDiagnostic).join()).toContain('target has no expect');
});

test.each([
  ['postgres://flyball@db.example/flyball', undefined],
  [`postgresql://flyball:\${env:FLYBALL_PASSWORD}@db.example:6432/flyball?sslmode=verify-full`, undefined],
  [`\${env:FLYBALL_STATE}`, undefined],
  ['postgres://flyball:hunter2@db.example/flyball', 'it holds a password'],
  ['mysql://db.example/flyball', 'expected a folder, or postgres://'],
])('daemon.yaml with state %s', (state, problem) => {
  const found = parseDaemonYaml(`repository: .\nstate: ${JSON.stringify(state)}\n`, 'daemon.yaml');
  if (problem === undefined) expect(found).toMatchObject({ settings: { state } });
  else expect(found).toEqual({ problems: [expect.stringContaining(problem)] });
  expect(JSON.stringify(found)).not.toContain('hunter2');
});

test.each([
  ['', { ledgerMs: undefined, observationsMs: 400 * 86_400_000 }],
  ['retention: { ledger: 730d }', { ledgerMs: 730 * 86_400_000, observationsMs: 400 * 86_400_000 }],
  ['retention: { observations: 30d }', { ledgerMs: undefined, observationsMs: 30 * 86_400_000 }],
  ['retention: { ledger: 5m }', 'found 5m; expected a duration of at least 1d'],
  ['retention: { messages: 5d }', 'messages'],
])('daemon.yaml with %s', (line, expected) => {
  const found = parseDaemonYaml(`repository: .\n${line}\n`, 'daemon.yaml');
  if (typeof expected === 'string') expect(found).toEqual({ problems: [expect.stringContaining(expected)] });
  else expect(found).toMatchObject({ settings: { retention: expected } });
});

test.each([
  ['secrets: { FLYBALL_TOKEN: [prometheus.example, "localhost:9090"] }', undefined],
  ['secrets: { TOKEN: [x.example] }', 'FLYBALL_'],
  ['secrets: { FLYBALL_TOKEN: [] }', 'at least one host'],
  ['secrets: { FLYBALL_TOKEN: ["https://x.example/a"] }', 'expected a host'],
  ['secrets: { FLYBALL_TOKEN: x.example }', 'expected a list of hosts'],
])('daemon.yaml with %s', (line, problem) => {
  const found = parseDaemonYaml(`repository: .\n${line}\n`, 'daemon.yaml');
  if (problem === undefined)
    expect(found).toMatchObject({
      settings: { secrets: { FLYBALL_TOKEN: ['prometheus.example', 'localhost:9090'] } },
    });
  else expect(found).toEqual({ problems: [expect.stringContaining(problem)] });
});

test.each([
  ['listen: 127.0.0.1:8467', { listen: { host: '127.0.0.1', port: 8467 } }],
  ['listen: "[::1]:1"', { listen: { host: '::1', port: 1 } }],
  ['listen: localhost:65535', { listen: { host: 'localhost', port: 65_535 } }],
  ['listen: 0.0.0.0:8467', { listen: { host: '0.0.0.0', port: 8467 } }],
  ['listen: 10.0.0.777:8467', 'listen.address: found 10.0.0.777:8467; expected an address of this machine'],
  ['listen: flyball.example:80', 'expected an address of this machine with a port'],
  ['listen: 127.0.0.1:65536', 'expected an address of this machine'],
  ['listen: 127.0.0.1', 'expected an address of this machine'],
  ['listen: 8467', 'listen: expected text such as 127.0.0.1:8467'],
  [
    'listen: { address: "[::]:443", tls: { cert: a.pem, key: b.pem }, hosts: [f.example], origins: ["https://c.example"] }',
    {
      listen: {
        ...{ host: '::', port: 443, tls: { cert: 'a.pem', key: 'b.pem' } },
        ...{ hosts: ['f.example'], origins: ['https://c.example'] },
      },
    },
  ],
  [
    'listen: { address: "127.0.0.1:1", limits: { principal: 5 } }',
    { listen: { limits: { principal: 5, total: 500 } } },
  ],
  ['listen: { address: "127.0.0.1:1", limits: { principal: 0 } }', 'listen.limits.principal'],
  ['listen: { address: "127.0.0.1:1", origins: ["*"] }', 'listen.origins.0: expected an origin'],
  [
    'listen: { address: "127.0.0.1:1", publicUrl: "https://f.example/x" }',
    'listen.publicUrl: expected an origin',
  ],
  ['listen: { address: "127.0.0.1:1", hosts: ["https://f.example"] }', 'listen.hosts.0: expected a name'],
  ['listen: { address: "127.0.0.1:1", cert: a.pem }', 'unknown key cert'],
  [
    'oidc: { issuer: "https://id.example", audience: flyball }',
    { oidc: { issuer: 'https://id.example', claim: 'sub', scopes: 'required' } },
  ],
  ['oidc: { issuer: "http://id.example", audience: flyball }', 'oidc.issuer: expected an https URL'],
  ['oidc: { issuer: "https://id.example" }', 'oidc.audience'],
  ['oidc: { issuer: "https://id.example", audience: f, algorithms: [HS256] }', 'oidc.algorithms.0'],
  [
    'oidc: { issuer: "https://id.example", audience: f, client: { id: f, secret: s3cret } }',
    'a secret does not stand in a file',
  ],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: as it is written in the file.
  ['deadMan: { url: "https://x.example/${env:FLYBALL_PING}", every: 1m }', { deadMan: { everyMs: 60_000 } }],
  ['deadMan: { url: "ftp://x.example", every: 1m }', 'expected a URL of http or https'],
  ['deadMan: { url: "https://x.example", every: 100ms }', 'found 100ms; expected a duration from 1s to 1d'],
  ['deadMan: { url: "https://x.example", every: often }', 'found often; expected a duration'],
  ['deadMan: { url: "https://x.example" }', 'deadMan.every'],
])('daemon.yaml with %s, about its health', (line, expected) => {
  const found = parseDaemonYaml(`repository: .\n${line}\n`, 'daemon.yaml');
  if (typeof expected === 'string') expect(found).toEqual({ problems: [expect.stringContaining(expected)] });
  else expect(found).toMatchObject({ settings: expected });
});

const VERBS = { retrain: { safe: false }, promote: { safe: false }, rollback: { safe: true } };

test.each([
  ['floors: { a: { mode: observe } }', [{ name: 'a', mode: 'observe' }]],
  [
    'floors: { b: { quorum: 2 }, a: { approval: { from: [ana, ben], quorum: 2, expires: 4h } } }',
    [
      { name: 'a', approval: { from: ['ana', 'ben'], quorum: 2, expiresMs: 14_400_000 } },
      { name: 'b', approval: { quorum: 2 } },
    ],
  ],
  [
    'floors: { a: { targets: [model/churn-*, "**"], labels: { tier: prod }, verbs: [promote, quarantine], rate: 1 per 1d, cooldown: 2h } }',
    [
      {
        name: 'a',
        targets: ['model/churn-*', '**'],
        labels: { tier: 'prod' },
        verbs: ['promote', 'quarantine'],
        rate: { count: 1, perMs: 86_400_000 },
        cooldownMs: 7_200_000,
      },
    ],
  ],
  [
    'floors: { a: { verbs: [rollback], safe: true, connections: [airflow, k8s-*] } }',
    [{ name: 'a', verbs: ['rollback'], safe: true, connections: ['airflow', 'k8s-*'] }],
  ],
  ['floors: { a: {} }', 'floors.a: it adds nothing; expected one of: mode, approval, quorum'],
  ['floors: { a: { targets: ["**"] } }', 'it adds nothing'],
  ['floors: { a: { mode: enforce } }', 'floors.a.mode: expected observe'],
  ['floors: { a: { quorum: 0 } }', 'floors.a.quorum: expected a whole number of at least 1'],
  ['floors: { a: { approval: { from: [ana], quorum: 2 } } }', 'nothing could ever act'],
  ['floors: { a: { approval: { from: [] } } }', 'expected at least one of persons'],
  ['floors: { a: { approval: { quorum: 1 }, quorum: 2 } }', 'floors.a.quorum: expected it within approval'],
  ['floors: { a: { approval: { reask: 1h } } }', 'floors.a.approval: unknown key reask'],
  ['floors: { a: { cooldwn: 2h, mode: observe } }', 'floors.a: unknown key cooldwn'],
  ['floors: { a: { targets: [churn], mode: observe } }', 'found churn; expected kind/name'],
  ['floors: { a: { targets: ["../x"], mode: observe } }', 'expected kind/name'],
  [
    'floors: { a: { verbs: [retrian], mode: observe } }',
    'floors.a.verbs: found retrian; expected retrain, promote',
  ],
  [
    'floors: { a: { verbs: [rollback], mode: observe } }',
    'rollback is safe, which a floor binds only with safe: true',
  ],
  ['floors: { a: { connections: ["*a"] } }', 'expected the name of a Connection'],
  ['floors: [{ mode: observe }]', 'expected a mapping of floors by name'],
  [
    'principals: { ana: { roles: [approver] }, bot: { kind: agent, roles: [proposer] } }\nfloors: { a: { approval: { from: [bot] } } }',
    'floors.a.approval.from: found bot; expected persons of principals: ana',
  ],
])('daemon.yaml with %s', (line, expected) => {
  const found = parseDaemonYaml(`repository: .\n${line}\n`, 'daemon.yaml', VERBS);
  if (typeof expected === 'string')
    expect(found).toMatchObject({ problems: [expect.stringContaining(expected)] });
  else expect(found).toMatchObject({ settings: { floors: expected } });
});

test('an address of the environment is checked as `listen` is', () => {
  expect(parseListen('127.0.0.1:8467')).toMatchObject({ listen: { host: '127.0.0.1', port: 8467 } });
  expect(parseListen('everywhere:8467')).toEqual({
    problem: expect.stringMatching(/found everywhere:8467; expected an address of this machine/),
  });
});
