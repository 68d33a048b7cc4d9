/** What people see of the schemas in any editor that runs a YAML language server: completion, hover, mistakes. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { schemaFiles } from '../../schemas/generate.ts';
import { type Editor, openEditor } from './language-server.ts';

const POLICY = `# yaml-language-server: $schema=../schemas/policy.schema.json
apiVersion: flyball.dev/v1
kind: Policy
metadata: { name: drift }
spec:
  target: { model: churn }
  every: 6h
  observe:
    psi: { drift: psi, feature: tenure, window: 7d, reference: training }
  when: psi > 0.2
  for: 24h
  then:
    - notify: { text: drifted }
`;
const with_ = (from: string, to: string) => POLICY.replace(from, to);

let editor: Editor;
beforeAll(async () => {
  editor = await openEditor();
});
afterAll(() => editor.close());

describe('with yaml-language-server', () => {
  test('a sound policy has no mistakes, a misspelt key has one', async () => {
    expect(await editor.diagnostics('sound.yaml', POLICY)).toEqual([]);
    const found = await editor.diagnostics('misspelt.yaml', with_('  every: 6h', '  evry: 6h'));
    expect(found.join('\n')).toMatch(/every/);
    expect(found.join('\n')).toMatch(/evry/);
  });
  test('keys are offered: of spec, of an observation, of a step', async () => {
    const spec = await editor.completions('spec.yaml', with_('  for: 24h\n', '  for: 24h\n  ▮\n'));
    expect(spec).toEqual(expect.arrayContaining(['clear', 'keepFor', 'verify', 'guard', 'description']));
    expect(spec).not.toContain('when');
    const observation = with_(
      '{ drift: psi, feature: tenure, window: 7d, reference: training }',
      '\n      drift: psi\n      ▮',
    );
    expect(await editor.completions('observation.yaml', observation)).toEqual(
      expect.arrayContaining(['window', 'minSamples', 'reference', 'where']),
    );
    const step = with_('- notify: { text: drifted }', '- ▮');
    expect(await editor.completions('step.yaml', step)).toEqual(
      expect.arrayContaining(['retrain', 'promote', 'rollback', 'notify', 'escalate']),
    );
  });
  test('values are offered where there are few', async () => {
    const mode = with_('  every: 6h', '  every: 6h\n  mode: ▮');
    expect(await editor.completions('mode.yaml', mode)).toEqual(
      expect.arrayContaining(['observe', 'enforce']),
    );
  });
  test('hover tells what a field means', async () => {
    expect(await editor.hover('hover.yaml', with_('  for: 24h', '  f▮or: 24h'))).toMatch(/before it fires/);
    expect(await editor.hover('hover-window.yaml', with_('window', 'win▮dow'))).toMatch(/lateness/);
  });
  test('the shipped policies have no mistakes under the schema of their kind', async () => {
    const folder = new URL('../../policies/', import.meta.url);
    for (const name of readdirSync(folder).filter(one => one.endsWith('.yaml'))) {
      const documents = readFileSync(new URL(name, folder), 'utf8').split(/^---$/m);
      for (const [i, text] of documents.entries()) {
        const kind = /^kind: (\w+)/m.exec(text)?.[1]?.toLowerCase();
        const schema = `# yaml-language-server: $schema=../schemas/${kind}.schema.json\n`;
        expect(await editor.diagnostics(`${i}-${name}`, `${schema}${text}`), `${name} ${i}`).toEqual([]);
      }
    }
  });
});

/** A document of a kind, with the schema of that kind. */
const document = (
  kind: string,
  spec: string,
) => `# yaml-language-server: $schema=../schemas/${kind.toLowerCase()}.schema.json
apiVersion: flyball.dev/v1
kind: ${kind}
metadata: { name: one }
spec:
${spec}`;

const RULES = (inner: string) =>
  document(
    'Policy',
    `  target: { model: churn }
  every: 6h
  observe:
    psi: { drift: psi, feature: tenure, window: 7d, reference: training }
  rules:
    - name: severe
      when: psi > 0.2
${inner}`,
  );
const MODEL = (inner: string) => document('Model', `  owner: ml\n  task: binary\n${inner}`);
const SETTINGS = (inner: string) => document('Settings', inner);
const TEST = (inner: string) =>
  document('PolicyTest', `  policy: drift\n  series:\n    - { observe: psi, values: 0.1x3 }\n${inner}`);

describe('nested places', () => {
  test.each<[string, string, readonly string[], readonly string[]]>([
    ['a rule', RULES('      ▮\n'), ['for', 'clear', 'per', 'then', 'gate'], ['when', 'observe']],
    ['a step of a rule', RULES('      then:\n        - ▮\n'), ['retrain', 'rollback', 'escalate'], ['rules']],
    [
      'beside a verb',
      RULES('      then:\n        - retrain: { lookback: 90d }\n          ▮\n'),
      ['if', 'require', 'retry', 'timeout', 'approval'],
      ['retrain'],
    ],
    [
      'the arguments of a verb',
      RULES('      then:\n        - retrain:\n            ▮\n'),
      ['lookback', 'focus', 'rest'],
      ['version'],
    ],
    ['a gate', RULES('      gate:\n        ▮\n'), ['blocks', 'reach', 'closed', 'reopen', 'taint'], ['then']],
    ['what a gate reaches', RULES('      gate:\n        reach: ▮\n'), ['target', 'dependants'], []],
    [
      'a guard',
      document(
        'Policy',
        '  target: { model: churn }\n  every: 6h\n  observe:\n    n: { rows: self }\n  guard:\n    ▮\n',
      ),
      ['cooldown', 'rate', 'allow', 'deny', 'blastRadius', 'inhibitedBy'],
      [],
    ],
    [
      'beside performance',
      document(
        'Policy',
        '  target: { model: churn }\n  every: 6h\n  observe:\n    n: { rows: self }\n    perf:\n      performance: auc\n      ▮\n',
      ),
      ['threshold', 'window'],
      ['feature', 'promql'],
    ],
    [
      'beside query',
      document(
        'Policy',
        '  target: { model: churn }\n  every: 6h\n  observe:\n    n: { rows: self }\n    up:\n      query: prometheus\n      ▮\n',
      ),
      ['promql', 'sql', 'empty', 'needs', 'unit'],
      ['feature', 'bins'],
    ],
    [
      'the limits of a verb',
      MODEL('  actions:\n    promote:\n      ▮\n'),
      ['rollout', 'approval', 'cooldown', 'rate', 'safe'],
      [],
    ],
    [
      'a pipeline',
      MODEL('  pipelines:\n    train:\n      ▮\n'),
      ['connection', 'id', 'params', 'output', 'accepts', 'cost'],
      [],
    ],
    [
      'a rollout',
      SETTINGS('  rollouts:\n    standard:\n      ▮\n'),
      ['steps', 'onFailure', 'onUnknown', 'max'],
      [],
    ],
    [
      'a step of a rollout',
      SETTINGS('  rollouts:\n    standard:\n      steps:\n        - ▮\n'),
      ['shift', 'hold', 'gate'],
      [],
    ],
    [
      'an expectation',
      TEST('  expect:\n    - at: 24h\n      ▮\n'),
      ['state', 'decision', 'reason', 'actions', 'gate'],
      ['at'],
    ],
    [
      'the reason of an expectation',
      TEST('  expect:\n    - at: 24h\n      reason: ▮\n'),
      ['cooldown', 'window', 'approval'],
      [],
    ],
  ])('keys and values are offered in %s', async (place, text, some, none) => {
    const found = await editor.completions(`${place.replaceAll(' ', '-')}.yaml`, text);
    expect(found).toEqual(expect.arrayContaining([...some]));
    for (const key of none) expect(found).not.toContain(key);
  });

  test.each<[string, string, RegExp]>([
    [
      'keepFor of a rule',
      RULES('      keep▮For: 6h\n      then: [{ notify: {} }]\n'),
      /Unknown starts it anew/,
    ],
    ['a verb', RULES('      then:\n        - roll▮back: {}\n'), /last verified version/],
    [
      'an argument of a verb',
      RULES('      then:\n        - retrain: { look▮back: 90d }\n'),
      /How far back it trains/,
    ],
    [
      'require',
      RULES('      then:\n        - retrain: { lookback: 90d }\n          requ▮ire: psi > 0.1\n'),
      /Unknown waits/,
    ],
    ['taint', RULES('      gate: { closed: psi > 1, blocks: [retrain], ta▮int: true }\n'), /later retrains/],
    ['an evaluator', RULES('').replace('drift:', 'dr▮ift:'), /0 the same, above 0.25/],
    [
      'cooldown of the Model',
      MODEL('  actions: { retrain: { cool▮down: 24h } }\n'),
      /next start on the model/,
    ],
    [
      'onUnknown',
      SETTINGS('  rollouts:\n    standard:\n      onUn▮known: { hold: 2h, then: rollback }\n'),
      /unknown/,
    ],
    ['reason', TEST('  expect: [{ at: 24h, rea▮son: cooldown }]\n'), /first of the reasons/],
  ])('hover tells what %s means', async (place, text, expected) => {
    expect(await editor.hover(`hover-${place.replaceAll(' ', '-')}.yaml`, text)).toMatch(expected);
  });
});

describe('quantities and conditions', () => {
  test.each<[string, string, RegExp]>([
    ['a duration in words', with_('for: 24h', 'for: 5 minutes'), /expected a duration such as 30m, 6h or 7d/],
    ['a duration without a unit', with_('for: 24h', 'for: 24'), /string/],
    ['a window of days', with_('window: 7d', 'window: 7 days'), /expected a duration/],
    [
      'a rate',
      with_('  for: 24h', '  guard: { rate: 3/7d }\n  for: 24h'),
      /expected a rate such as 3 per 7d/,
    ],
    [
      'a share',
      with_('  for: 24h', '  guard: { blastRadius: { share: 150%, per: 1h } }\n  for: 24h'),
      /expected a share from 0 to 1/,
    ],
    ['an empty condition', with_('when: psi > 0.2', 'when: ""'), /pattern/i],
    [
      'a cron expression of three fields',
      with_('every: 6h', 'every: { cron: "0 2 *", zone: UTC }'),
      /pattern|string/i,
    ],
    [
      'a date',
      with_('reference: training', 'reference: { from: 1 March, to: 2001-04-01 }'),
      /expected a date/,
    ],
  ])('%s is refused', async (what, text, expected) => {
    const found = await editor.diagnostics(`quantity-${what.replaceAll(' ', '-')}.yaml`, text);
    expect(found.join('\n')).toMatch(expected);
  });
});

describe('fixtures', () => {
  const fixtures = new URL('../fixtures/', import.meta.url);
  const documentsOf = (path: string) =>
    readFileSync(new URL(path, fixtures), 'utf8')
      .split(/^---$/m)
      .map(text => {
        const kind = /^kind: (\w+)/m.exec(text)?.[1]?.toLowerCase();
        return `# yaml-language-server: $schema=../schemas/${kind}.schema.json\n${text.replace(/^# yaml-language-server.*\n/m, '')}`;
      });

  test.each(readdirSync(new URL('good/', fixtures)))('%s has no mistakes', async name => {
    for (const [i, text] of documentsOf(`good/${name}`).entries())
      expect(await editor.diagnostics(`good-${i}-${name}`, text), `${name} ${i}`).toEqual([]);
  });
  test.each([
    'connection-rate',
    'dataset-type',
    'duration-word',
    'duration-without-unit',
    'evaluator-argument',
    'evaluator-misspelt',
    'evaluator-value',
    'gate-fails-text',
    'gate-key',
    'gate-on',
    'key-misspelt',
    'metric-unknown',
    'mode-misspelt',
    'param-key',
    'retry-key',
    'rollout-outcome',
    'settings-key-misspelt',
    'test-expect-reason',
    'test-key-misspelt',
    'then-empty',
    'verb-argument',
    'verb-misspelt',
    'verbs-two',
  ])('%s.bad.yaml has one', async name => {
    const [text = ''] = documentsOf(`bad/${name}.bad.yaml`);
    expect(await editor.diagnostics(`bad-${name}.yaml`, text)).not.toEqual([]);
  });
});

interface Schema {
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

describe('every field of every schema', () => {
  for (const [file, text] of Object.entries(schemaFiles())) {
    test(file, () => {
      expect(undescribed(JSON.parse(text) as Schema, '')).toEqual([]);
    });
  }
});

/** Fields without a description, or without an example where their values are not listed. */
function undescribed(schema: Schema, path: string): string[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([key, field]) => {
    const at = path === '' ? key : `${path}.${key}`;
    const lacks = [
      ...(field.description === undefined ? ['description'] : []),
      ...(hasExample(field) ? [] : ['example']),
    ];
    return [...(lacks.length > 0 ? [`${at}: no ${lacks.join(', no ')}`] : []), ...undescribed(field, at)];
  });
  const rest = typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : [];
  const inner = [...rest, ...(schema.items ? [schema.items] : []), ...(schema.anyOf ?? [])];
  return [...own, ...inner.flatMap(one => undescribed(one, `${path}.*`))];
}

/** A mapping is shown by its fields; what has few values by these; true and false by themselves. */
function hasExample(field: Schema): boolean {
  if (field.examples !== undefined || field.enum !== undefined || field.const !== undefined) return true;
  return (
    field.type === 'boolean' || field.properties !== undefined || (field.anyOf?.every(hasExample) ?? false)
  );
}
