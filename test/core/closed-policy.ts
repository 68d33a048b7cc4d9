/** Closed policies, observations and snapshots for tests of the core, as the loader and the evaluators would give them. */
import { hashOf } from '../../src/canonical.ts';
import { evaluators } from '../../src/evaluators/index.ts';
import { verbs } from '../../src/executors/index.ts';
import type {
  ActionLimits,
  Catalogue,
  ClosedPolicy,
  Commit,
  Condition,
  Json,
  Labels,
  ModelSpec,
  Observation,
  ObservationSpec,
  Reading,
  Rule,
  Scalar,
  StepSpec,
  TargetRef,
  UnknownReason,
} from '../../src/model.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const TARGET: TargetRef = { kind: 'model', name: 'late' };
export const CHAIN = 'model/late';
export const CATALOGUE: Catalogue = { evaluators, verbs };
export const POSITION = { file: 'policies/p.yaml', line: 7, column: 3 };
export const COMMIT: Commit = {
  sha: 'c1',
  author: { name: 'Ana', email: 'ana@acme.example' },
  time: 0,
  subject: 'first',
};

/** A condition whose text is its logic: nothing in the core reads the text. */
export function condition(logic: Json): Condition {
  return { text: JSON.stringify(logic), logic, position: POSITION };
}

/** `a > b` and the like over a variable and a literal. */
export function compares(name: string, op: string, value: Scalar): Json {
  return { [op]: [{ var: name }, value] };
}

/** A step of a sequence; its id is the verb unless given. */
export function stepOf(verb: string, args: StepSpec['args'] = {}, more: Partial<StepSpec> = {}): StepSpec {
  return { id: verb, verb, args, onNotMet: 'escalate', position: POSITION, ...more };
}

export const RETRAIN = stepOf('retrain', { lookback: 7 * DAY });
export const EVALUATE = stepOf('evaluate', { version: { $: 'steps.retrain.version' } });
export const PROMOTE = stepOf('promote', { version: { $: 'steps.retrain.version' } });
export const NOTIFY = stepOf('notify', { text: 'look' });

/** A rule that fires on `psi > 0.2`. */
export function ruleOf(more: Partial<Rule> = {}): Rule {
  return {
    name: 'main',
    when: condition(compares('psi', '>', 0.2)),
    forMs: 0,
    keepForMs: 0,
    staleAfterMs: 3 * HOUR,
    // biome-ignore lint/suspicious/noThenProperty: the word of the policy language
    then: [],
    ...more,
  };
}

/** The part of a rule that says what it does. */
export function doing(steps: readonly StepSpec[], more: Partial<Rule> = {}): Partial<Rule> {
  // biome-ignore lint/suspicious/noThenProperty: the word of the policy language
  return { ...more, then: steps };
}

/** A vector over a label: one line of `observe`, and what the slots of a group read. */
export function observesBy(name: string, labels: readonly string[]): ObservationSpec {
  return observes(name, { args: { main: 'warehouse', sql: `select ${name}`, vector: true, labels } });
}

/** One line of `observe`, by the real `query` evaluator: its SQL names the observation. */
export function observes(name: string, more: Partial<ObservationSpec> = {}): ObservationSpec {
  return {
    name,
    evaluator: 'query',
    args: { main: 'warehouse', sql: `select ${name}` },
    connection: 'warehouse',
    thresholds: [],
    position: POSITION,
    ...more,
  };
}

/** A model with a registry, a serving system and two pipelines. */
export function modelOf(actions: Readonly<Record<string, ActionLimits>> = {}): ModelSpec {
  const pipeline = { connection: 'local', accepts: ['focus'] };
  return {
    name: 'late',
    owner: 'ml',
    task: 'binary',
    registry: { connection: 'local', name: 'late' },
    serving: { connection: 'local', name: 'late' },
    data: {},
    features: { exclude: [] },
    pipelines: {
      train: {
        ...pipeline,
        id: 'train',
        params: { since: { $: 'data.since' }, focus: { $: 'data.focus' } },
        output: { version: 'version' },
      },
      evaluate: {
        ...pipeline,
        id: 'evaluate',
        params: { version: { $: 'data.version' } },
        output: { log_loss: 'log_loss' },
      },
    },
    actions,
  };
}

interface Parts extends Partial<Omit<ClosedPolicy, 'documents'>> {
  readonly rule?: Partial<Rule>;
  readonly actions?: Readonly<Record<string, ActionLimits>>;
  readonly documents?: Partial<ClosedPolicy['documents']>;
}

/** An enforced policy `p` on the model `late`, every hour. Its acting hash is over what can change an act. */
export function policyOf({ rule, actions, documents: extra, ...more }: Parts = {}): ClosedPolicy {
  const rules = more.rules ?? [ruleOf(rule)];
  const observe = more.observe ?? { psi: observes('psi') };
  const connection = {
    connector: 'local',
    access: 'act',
    commands: {},
    limits: { timeoutMs: 30_000 },
  } as const;
  const documents = {
    model: modelOf(actions),
    datasets: {},
    connections: {
      local: { ...connection, name: 'local' },
      warehouse: { ...connection, name: 'warehouse', connector: 'duckdb' as const },
    },
    people: {
      ana: { emails: ['ana@acme.example'] },
      ben: { emails: ['ben@acme.example'] },
      cleo: { emails: ['cleo@acme.example'] },
    },
    groups: { ml: ['ana', 'ben', 'cleo'] },
    ...extra,
  };
  const plain = {
    policy: 'p',
    target: TARGET,
    labels: {},
    commit: COMMIT,
    position: POSITION,
    mode: 'enforce' as const,
    modeFrom: 'Policy p',
    everyMs: HOUR,
    guard: {},
    positions: {},
    text: '',
    ...more,
    observe,
    rules,
    documents,
  };
  const acting = { observe, rules, guard: plain.guard, mode: plain.mode, actions: documents.model?.actions };
  return {
    closureHash: hashOf({ ...acting, commit: plain.commit.sha }),
    actingHash: hashOf(acting),
    ...plain,
  };
}

/** A scalar observation; `undefined` is one whose query failed, a reason one that is unknown for it. */
export function observed(
  name: string,
  value: Scalar | undefined,
  more: { readonly reason?: UnknownReason; readonly fields?: Reading['fields'] } = {},
): Observation {
  const plain = {
    name,
    evaluator: 'query',
    unit: 'number' as const,
    definition: 'query/sql/v1',
    vector: false,
  };
  if (value === undefined)
    return {
      ...plain,
      readings: [],
      unknown: { reason: more.reason ?? 'unreachable', message: 'no answer' },
    };
  return { ...plain, readings: [{ labels: {}, fields: { ...more.fields, value } }] };
}

/** A vector over the label `origin`, or over label sets; `undefined` is a member with too few rows. */
export function vectorOf(
  name: string,
  values: Readonly<Record<string, Scalar | undefined>> | readonly (readonly [Labels, Scalar | undefined])[],
): Observation {
  const pairs: readonly (readonly [Labels, Scalar | undefined])[] = Array.isArray(values)
    ? values
    : Object.entries(values).map(([origin, value]) => [{ origin }, value]);
  return {
    name,
    evaluator: 'query',
    unit: 'number',
    definition: 'query/sql/v1',
    vector: true,
    readings: pairs.map(([labels, value]) =>
      value === undefined
        ? { labels, fields: {}, unknown: { reason: 'too-few', message: '3 rows' } }
        : { labels, fields: { value } },
    ),
  };
}

/** A vector whose query failed. */
export function failedVector(name: string, reason: UnknownReason = 'unreachable'): Observation {
  return { ...vectorOf(name, {}), unknown: { reason, message: 'no answer' } };
}
