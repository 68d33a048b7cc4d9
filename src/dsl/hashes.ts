/** The two hashes of a closure: over everything, for provenance; and over what can change an act, for approvals. Pure. */
import { hashOf } from '../canonical.ts';
import type { Catalogue, ClosedPolicy, Condition, DatasetSpec, ModelSpec } from '../model.ts';

/**
 * Over everything but the commit: two commits with the same closure have one hash. Positions are in it, because
 * explanations lead back to them.
 */
export function closureHash(closed: Omit<ClosedPolicy, 'closureHash' | 'commit'>): string {
  const { commit: _commit, closureHash: _hash, ...rest } = closed as ClosedPolicy;
  return hashOf(rest);
}

type Acting = Pick<ClosedPolicy, 'target' | 'mode' | 'observe' | 'rules' | 'guard' | 'documents'>;

/**
 * Over what can change an act: what is observed, the conditions as logic, times, steps, verify, guard, the effective mode,
 * and of the documents the parts that those use. Not over descriptions, labels, owners, people, positions, wording of a
 * condition, or how often it is looked at.
 */
export function actingHash(policy: Acting, catalogue: Catalogue): string {
  return hashOf(actingParts(policy, catalogue));
}

function actingParts({ target, mode, observe, rules, guard, documents }: Acting, catalogue: Catalogue) {
  const verbs = [...new Set(rules.flatMap(rule => rule.then.map(step => step.verb)))].sort();
  const datasets = usedDatasets({ observe, documents }, verbs, catalogue);
  return {
    target,
    mode,
    guard,
    observe: Object.fromEntries(
      Object.entries(observe).map(([name, { position: _, ...rest }]) => [name, rest]),
    ),
    rules: rules.map(rule => ({
      name: rule.name,
      when: rule.when.logic,
      forMs: rule.forMs,
      clear: logicOf(rule.clear),
      keepForMs: rule.keepForMs,
      // biome-ignore lint/suspicious/noThenProperty: the word of the language.
      then: rule.then.map(({ position: _, require, ...step }) => ({ ...step, require: logicOf(require) })),
      verify: rule.verify && { ...rule.verify, that: rule.verify.that.logic },
    })),
    model: documents.model && modelParts(documents.model, verbs, catalogue),
    datasets: datasets.map(datasetParts),
    connections: connectionParts({ observe, documents }, datasets, verbs, catalogue),
  };
}

function logicOf(condition: Condition | undefined) {
  return condition?.logic;
}

/** What decides which rows are read: not who owns them, nor what may be shown. */
function datasetParts({ owner: _, columns, ...rest }: DatasetSpec) {
  const read = Object.entries(columns).map(([name, { sensitive: _hidden, ...column }]) => [name, column]);
  return { ...rest, columns: Object.fromEntries(read) };
}

function modelParts(model: ModelSpec, verbs: readonly string[], catalogue: Catalogue) {
  const { task, registry, serving, data, features, pipelines, actions } = model;
  const used = verbs.flatMap(verb => catalogue.verbs[verb]?.pipeline ?? []);
  return {
    ...{ task, registry, serving, data, features },
    pipelines: Object.fromEntries(
      used.map(name => {
        const { cost: _, ...pipeline } = pipelines[name] ?? {};
        return [name, pipeline];
      }),
    ),
    actions: Object.fromEntries(verbs.map(verb => [verb, actions[verb] ?? {}])),
  };
}

type Used = Pick<ClosedPolicy, 'observe' | 'documents'>;

function usedDatasets(
  { observe, documents }: Used,
  verbs: readonly string[],
  catalogue: Catalogue,
): DatasetSpec[] {
  const { model, datasets } = documents;
  const names = new Set<string | undefined>();
  for (const { dataset, reference, evaluator } of Object.values(observe)) {
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
  { observe, documents }: Used,
  datasets: readonly DatasetSpec[],
  verbs: readonly string[],
  catalogue: Catalogue,
) {
  const { model, connections } = documents;
  const names = new Set<string | undefined>(datasets.map(dataset => dataset.connection));
  const commands = new Set<string>();
  for (const { connection } of Object.values(observe)) names.add(connection);
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
    const { connector, access, path } = found;
    const run = Object.entries(found.commands).filter(([id]) => commands.has(id));
    return [{ name, connector, access, path, commands: Object.fromEntries(run) }];
  });
}
