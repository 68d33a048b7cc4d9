/** The start of closing a policy for one target, or for none to find the document's own mistakes. Pure. */
import { cronPeriodMs, cronProblem } from '../calendar.ts';
import type { Catalogue, CronSpec, Diagnostic, TargetRef } from '../model.ts';
import { closeParams } from './close-params.ts';
import { type Closing, closeConnection, closeDataset, type Lacking, refuse } from './closing.ts';
import { type Library, lookUp } from './library.ts';
import type { PolicySpec } from './policy.ts';
import type { Path, Source } from './source.ts';

/** A policy document that is to be closed. */
export interface Written {
  readonly policy: string;
  readonly spec: PolicySpec;
  readonly source: Source;
  readonly lacking?: Lacking;
}

/**
 * The policy with its target's documents, and nothing checked yet. `bound` is false when the target is not there, which is
 * noted: the rest of the document can still be checked for mistakes of its own. Mistakes are added to `diagnostics`.
 */
export function beginClosing(
  written: Written,
  target: TargetRef | undefined,
  library: Library,
  catalogue: Catalogue,
  diagnostics: Diagnostic[],
): Closing {
  const { source } = written;
  const path: Path = ['spec', 'target', targetKey(written.spec)];
  const note = (diagnostic: Diagnostic) => diagnostics.push(diagnostic);
  const find = <Kind extends 'Model' | 'Dataset' | 'Connection'>(kind: Kind, word: TargetRef['kind']) =>
    target?.kind === word ? lookUp(library, kind, target.name, source.at(path), note) : undefined;
  const model = find('Model', 'model');
  const dataset = find('Dataset', 'dataset');
  const connection = find('Connection', 'connection');
  const bound = model !== undefined || dataset !== undefined || connection !== undefined;
  const begun = {
    ...{ policy: written.policy, source, spec: written.spec, library, catalogue, diagnostics, bound },
    ...{ target: target ?? { kind: targetKey(written.spec), name: '' }, model, dataset },
    ...{ datasets: new Map(), connections: new Map() },
  };
  const { params, broken } = closeParams(begun);
  const lacking = {
    observations: written.lacking?.observations ?? [],
    params: [...(written.lacking?.params ?? []), ...broken],
  };
  const closing: Closing = { ...begun, params, lacking };
  if (dataset) closeDataset(closing, dataset.name, path);
  if (connection) closeConnection(closing, connection.name, path);
  if (model) keepModel(closing, path);
  return closing;
}

function targetKey({ target }: PolicySpec): TargetRef['kind'] {
  return target.model !== undefined ? 'model' : target.dataset !== undefined ? 'dataset' : 'connection';
}

/** All roles and places of the Model: verbs and references read them when they run. */
function keepModel(closing: Closing, path: Path): void {
  const { data, registry, serving, pipelines } = closing.model ?? { data: {}, pipelines: {} };
  for (const role of Object.values(data)) if (role) closeDataset(closing, role.dataset, path);
  for (const place of [registry, serving, ...Object.values(pipelines)])
    if (place) closeConnection(closing, place.connection, path);
}

/** How often the policy is looked at: a period, or a schedule with the longest time between two runs of it. */
export function scheduleOf(closing: Closing): { readonly everyMs: number; readonly cron?: CronSpec } {
  const { every } = closing.spec;
  if (typeof every === 'number') return { everyMs: every };
  const problem = cronProblem(every);
  const everyMs = problem === undefined ? cronPeriodMs(every) : undefined;
  if (everyMs !== undefined) return { everyMs, cron: every };
  refuse(
    closing,
    ['spec', 'every', problem?.includes('zone') ? 'zone' : 'cron'],
    `the schedule is ${JSON.stringify(every.cron)} in ${every.zone}; ${problem ?? 'expected one that runs more than once'}`,
  );
  return { everyMs: DAY_MS };
}

const DAY_MS = 86_400_000;
