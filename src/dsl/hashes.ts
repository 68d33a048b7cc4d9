/** The two hashes of a closure: over everything, for provenance; and over what can change an act, for approvals. Pure. */
import { hashOf } from '../canonical.ts';
import type {
  Catalogue,
  ClosedPolicy,
  Condition,
  ConnectionSpec,
  DatasetSpec,
  GuardSpec,
  ModelSpec,
  ObservationSpec,
  RolloutGate,
  Rule,
} from '../model.ts';

/**
 * Over everything but the commit: two commits with the same closure have one hash. Positions are in it, because
 * explanations lead back to them.
 */
export function closureHash(closed: Omit<ClosedPolicy, 'closureHash' | 'commit'>): string {
  const {
    commit: _commit,
    closureHash: _hash,
    positions: _follow,
    documents,
    ...rest
  } = closed as ClosedPolicy;
  const { datasets, connections, ...others } = documents;
  const named = { datasets: mapped(datasets, hashOnce), connections: mapped(connections, hashOnce) };
  return hashOf({ ...rest, documents: { ...mapped<unknown, string>(others, hashOfPart), ...named } });
}

/** Most documents stand in many closures by the same value: the hash of a part of one is made once. */
function once<T extends object>(part: (document: T) => object): (document: T) => string {
  const hashes = new WeakMap<T, string>();
  return document => {
    const known = hashes.get(document);
    if (known !== undefined) return known;
    const made = hashOf(part(document));
    hashes.set(document, made);
    return made;
  };
}

const hashOnce = once((document: object) => document);

function hashOfPart(part: unknown): string {
  return typeof part === 'object' && part !== null ? hashOnce(part) : hashOf(part);
}

type Hashed = Omit<ClosedPolicy, 'actingHash' | 'closureHash' | 'commit'>;

/**
 * Over what can change an act: what is observed, the conditions as logic, times, steps, verify, gates, the guard with
 * its windows and inhibitors, the effective mode, and of the documents the parts that those use. What is left out is named
 * here, so that a field that is new counts until it is: names and descriptions, labels, owners, people, channels, positions,
 * wording of a condition, how often it is looked at, how large the fleet is.
 */
export function actingHash(policy: Hashed, catalogue: Catalogue): string {
  return hashOf(actingParts(policy, catalogue));
}

const NOT_ACTING = [
  ...(['policy', 'labels', 'description', 'position', 'positions', 'text'] as const),
  ...(['modeFrom', 'everyMs', 'cron', 'notify', 'excluded'] as const),
  // Values of `params.…` and `target.…` stand in the conditions and arguments that use them.
  ...(['params'] as const),
];
const NOT_ACTING_DOCUMENTS = ['people', 'groups', 'channels', 'notify'] as const;
const NOT_ACTING_MODEL = ['name', 'owner', 'labels', 'mode', 'params', 'exclude', 'seasonMs'] as const;

function without<T extends object, K extends keyof T>(value: T, names: readonly K[]): Omit<T, K> {
  const rest = Object.entries(value).filter(([name]) => !names.includes(name as K));
  return Object.fromEntries(rest) as Omit<T, K>;
}

function actingParts(policy: Hashed, catalogue: Catalogue) {
  const { observe, rules, guard } = policy;
  const verbs = [...new Set(rules.flatMap(rule => rule.then.map(step => step.verb)))].sort();
  return {
    ...without(policy, NOT_ACTING),
    observe: mapped(observe, observationParts),
    rules: rules.map(ruleParts),
    guard: guardParts(guard),
    documents: documentParts(policy, verbs, catalogue),
  };
}

function mapped<T, U>(values: Readonly<Record<string, T>>, part: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, part(value)]));
}

function logicOf(condition: Condition | undefined) {
  return condition?.logic;
}

function observationParts({ position: _, onMissing: _told, needs, ...rest }: ObservationSpec) {
  return { ...rest, needs: logicOf(needs) };
}

function ruleParts({ staleAfterMs: _, when, clear, then, verify, gate, ...rest }: Rule) {
  return {
    ...rest,
    when: when.logic,
    clear: logicOf(clear),
    // biome-ignore lint/suspicious/noThenProperty: the word of the language.
    then: then.map(({ position: _, require, if: only, ...step }) => ({
      ...step,
      require: logicOf(require),
      if: logicOf(only),
    })),
    verify: verify && { ...verify, that: verify.that.logic },
    gate: gate?.on === 'rollout' ? { ...gate, needs: logicOf(gate.needs) } : gate,
  };
}

/** Not how many targets there are: a new one would take every approval back. */
function guardParts({ blastRadius, ...rest }: GuardSpec) {
  return { ...rest, blastRadius: blastRadius?.map(({ of: _, ...one }) => one) };
}

function documentParts(policy: Hashed, verbs: readonly string[], catalogue: Catalogue) {
  const { model, gates } = policy.documents;
  const gated = Object.values(gates ?? {}).flatMap(gate => Object.values(gate.observe));
  const observed = [...Object.values(policy.observe), ...gated];
  const datasets = usedDatasets(observed, policy.documents, verbs, catalogue);
  return {
    // The target's own dataset is among the datasets when it is read.
    ...without(policy.documents, [...NOT_ACTING_DOCUMENTS, 'dataset']),
    gates: gates && mapped(gates, gateParts),
    model: model && modelParts(model, verbs, catalogue),
    datasets: datasets.map(datasetHash),
    connections: connectionParts(observed, policy.documents, datasets, verbs, catalogue),
  };
}

function gateParts({ observe, needs, closed, ...rest }: RolloutGate) {
  return {
    ...rest,
    observe: mapped(observe, observationParts),
    needs: logicOf(needs),
    closed: closed.logic,
  };
}

/** What decides which rows are read: not who owns them, nor what may be shown. */
const NOT_READ = ['owner', 'labels', 'upstream', 'expect'] as const;
function datasetParts({ columns, ...rest }: DatasetSpec) {
  return {
    ...without(rest, NOT_READ),
    columns: mapped(columns, ({ sensitive: _hidden, ...column }) => column),
  };
}

const datasetHash = once(datasetParts);
const modelHash = once((model: ModelSpec) => without(model, [...NOT_ACTING_MODEL, 'pipelines', 'actions']));
const connectionHash = once((connection: ConnectionSpec) => without(connection, ['limits', 'commands']));

/** Of its pipelines and actions only those that the verbs use. */
function modelParts(model: ModelSpec, verbs: readonly string[], catalogue: Catalogue) {
  const { pipelines, actions } = model;
  const used = verbs.flatMap(verb => catalogue.verbs[verb]?.pipeline ?? []);
  return {
    rest: modelHash(model),
    pipelines: Object.fromEntries(
      used.map(name => {
        const { cost: _, ...pipeline } = pipelines[name] ?? {};
        return [name, pipeline];
      }),
    ),
    actions: Object.fromEntries(verbs.map(verb => [verb, actions[verb] ?? {}])),
  };
}

type Documents = ClosedPolicy['documents'];

function usedDatasets(
  observed: readonly ObservationSpec[],
  { model, datasets }: Documents,
  verbs: readonly string[],
  catalogue: Catalogue,
): DatasetSpec[] {
  const names = new Set<string | undefined>();
  for (const { dataset, reference, evaluator } of observed) {
    names.add(dataset);
    if (reference?.kind === 'training') names.add(model?.data.training?.dataset);
    if (reference && 'dataset' in reference) names.add(reference.dataset);
    if (catalogue.evaluators[evaluator]?.reads === 'predictions+labels')
      names.add(model?.data.labels?.dataset);
  }
  if (verbs.some(verb => catalogue.verbs[verb]?.pipeline !== undefined))
    for (const role of [model?.data.training, model?.data.holdout]) names.add(role?.dataset);
  const used = [...names].filter(name => name !== undefined).sort();
  return used.flatMap(name => datasets[name] ?? []);
}

function connectionParts(
  observed: readonly ObservationSpec[],
  { model, connections }: Documents,
  datasets: readonly DatasetSpec[],
  verbs: readonly string[],
  catalogue: Catalogue,
) {
  const names = new Set<string | undefined>(datasets.map(dataset => dataset.connection));
  const commands = new Set<string>();
  for (const { connection } of observed) names.add(connection);
  for (const verb of verbs.map(name => catalogue.verbs[name])) {
    for (const part of verb?.needs ?? []) names.add(model?.[part]?.connection);
    const pipeline = verb?.pipeline === undefined ? undefined : model?.pipelines[verb.pipeline];
    names.add(pipeline?.connection);
    if (pipeline) commands.add(pipeline.id);
  }
  const used = [...names].filter(name => name !== undefined).sort();
  return used.flatMap(name => {
    const found = connections[name];
    if (found === undefined) return [];
    const run = Object.entries(found.commands).filter(([id]) => commands.has(id));
    return [{ rest: connectionHash(found), commands: Object.fromEntries(run) }];
  });
}
