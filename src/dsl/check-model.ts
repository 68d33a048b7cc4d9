/** What a Model says about others: its data, places, pipelines, limits, params and exclusions. Pure. */
import type { ActionLimits, ConnectionSpec, ModelSpec, Position } from '../model.ts';
import { connectionFor, mayAct } from './check-connection.ts';
import { didYouMean, error, oneOf } from './diagnostic.ts';
import { blame, type Library, lookUp, ofKind, type Shelved, settingsOf, unknownApprover } from './library.ts';
import type { Path } from './source.ts';

/** Blames a Model for what it names and nothing has, or what it may not do. */
export function checkModel(library: Library, shelved: Shelved): void {
  const spec = shelved.document?.spec as ModelSpec | undefined;
  if (spec === undefined) return;
  checkRoles(library, shelved, spec);
  for (const role of ['registry', 'serving'] as const) {
    const place = spec[role];
    if (place === undefined) continue;
    const path = ['spec', role, 'connection'];
    const connection = connectionFor(library, shelved, place.connection, path, 'local');
    if (connection && connection.path === undefined)
      blame(
        shelved,
        error(
          shelved.checked.source.at(path),
          `connection ${place.connection} has no path; expected the folder of its registry/ and serving/`,
        ),
      );
  }
  for (const [name, pipeline] of Object.entries(spec.pipelines)) {
    const path = ['spec', 'pipelines', name];
    checkSlots(shelved, pipeline, path);
    const connection = connectionFor(library, shelved, pipeline.connection, [...path, 'connection'], 'local');
    if (connection === undefined) continue;
    refuseForbidden(shelved, connection, pipeline.id, [...path, 'id']);
    if (Object.hasOwn(connection.commands, pipeline.id)) continue;
    const known = Object.keys(connection.commands);
    blame(
      shelved,
      error(
        shelved.checked.source.at([...path, 'id']),
        `connection ${pipeline.connection} has no command ${pipeline.id}; expected ${oneOf(known)}`,
        didYouMean(pipeline.id, known),
      ),
    );
  }
  checkActions(library, shelved, spec);
  checkPolicies(library, shelved, spec);
}

/** A pipeline that its connection does not let anyone run would be refused at the worst moment. */
function refuseForbidden(shelved: Shelved, connection: ConnectionSpec, id: string, path: Path): void {
  if (mayAct(connection, 'pipeline.run', id)) return;
  const listed = connection.may?.['pipeline.run'] ?? [];
  const message = `connection ${connection.name} may not run ${id}; expected ${oneOf(listed)}`;
  const hint = `Its spec.may["pipeline.run"] says which.`;
  blame(shelved, error(shelved.checked.source.at(path), message, hint));
}

/** Policies that it sets params of, or is excluded from. */
function checkPolicies(library: Library, shelved: Shelved, spec: ModelSpec): void {
  const { source } = shelved.checked;
  const unknown = (policy: string, at: Position) => {
    if (library.byName.has(`Policy ${policy}`)) return;
    const known = ofKind(library, 'Policy').map(one => one.name);
    const message = `there is no policy ${policy}; expected ${oneOf(known)}`;
    blame(shelved, error(at, message, didYouMean(policy, known)));
  };
  for (const policy of Object.keys(spec.params ?? {}))
    unknown(policy, source.atKey(['spec', 'params', policy]));
  for (const [i, { policy }] of (spec.exclude ?? []).entries()) {
    const at = source.at(['spec', 'exclude', i, 'policy']);
    unknown(policy, at);
    if (spec.exclude?.findIndex(one => one.policy === policy) !== i)
      blame(shelved, error(at, `policy ${policy} is excluded twice; expected it once`));
  }
}

function checkRoles(library: Library, shelved: Shelved, { data }: ModelSpec): void {
  const roles = {
    predictions: { dataset: data.predictions?.dataset, columns: ['key', 'version', 'score'] },
    labels: { dataset: data.labels?.dataset, columns: ['key', 'value'] },
    training: { dataset: data.training?.dataset, columns: [] },
    holdout: { dataset: data.holdout?.dataset, columns: [] },
  };
  for (const [role, { dataset, columns }] of Object.entries(roles)) {
    if (dataset === undefined) continue;
    const at = shelved.checked.source.at(['spec', 'data', role, 'dataset']);
    const found = lookUp(library, 'Dataset', dataset, at, one => blame(shelved, one));
    if (found === undefined) continue;
    const named = data[role as 'predictions'] as Readonly<Record<string, string>> | undefined;
    for (const key of columns) {
      const column = named?.[key] ?? '';
      if (Object.hasOwn(found.columns, column)) continue;
      const known = Object.keys(found.columns);
      blame(
        shelved,
        error(
          shelved.checked.source.at(['spec', 'data', role, key]),
          `dataset ${dataset} has no column ${column}; expected ${oneOf(known)}`,
          didYouMean(column, known),
        ),
      );
    }
  }
}

function checkActions(library: Library, shelved: Shelved, spec: ModelSpec): void {
  const verbs = Object.keys(library.catalogue.verbs);
  for (const [verb, limits] of Object.entries(spec.actions)) {
    const path = ['spec', 'actions', verb];
    const { source } = shelved.checked;
    if (!verbs.includes(verb))
      blame(
        shelved,
        error(
          source.atKey(path),
          `${verb} is no verb of this version; expected ${oneOf(verbs)}`,
          didYouMean(verb, verbs),
        ),
      );
    for (const [i, name] of (limits.approval?.from ?? []).entries())
      for (const one of unknownApprover(library, name, spec, source.at([...path, 'approval', 'from', i])))
        blame(shelved, one);
    checkQuorum(library, shelved, spec, verb);
    checkVerbLimits(library, shelved, verb, limits);
  }
}

/** Limits that mean something for some verbs only. */
function checkVerbLimits(library: Library, shelved: Shelved, verb: string, limits: ActionLimits): void {
  const { source } = shelved.checked;
  const path = ['spec', 'actions', verb];
  const known = library.catalogue.verbs[verb];
  const { rollout, safe, preemptAfterMs, approval } = limits;
  if (rollout !== undefined && verb !== 'promote') {
    const message = `${verb} has a rollout, and only promote moves traffic in steps; expected no rollout here`;
    blame(shelved, error(source.atKey([...path, 'rollout']), message));
  } else if (rollout !== undefined) checkRollout(library, shelved, rollout, [...path, 'rollout']);
  if (known !== undefined && !known.safe)
    for (const [key, value] of [
      ['safe', safe],
      ['preemptAfter', preemptAfterMs],
    ] as const)
      if (value !== undefined) {
        const message = `${verb} is no safe verb, so ${key} says nothing about it; expected no ${key} here`;
        blame(shelved, error(source.atKey([...path, key]), message));
      }
  if (known?.safe && safe?.includes('ask') && approval === undefined) {
    const message = `safe: [ask] makes ${verb} ask, and no approval says whom; expected approval beside it`;
    blame(shelved, error(source.at([...path, 'safe']), message));
  }
}

function checkRollout(library: Library, shelved: Shelved, rollout: string, path: Path): void {
  const settings = settingsOf(library);
  // Settings with mistakes have told them.
  if (settings === undefined || Object.hasOwn(settings.rollouts ?? {}, rollout)) return;
  const known = ['direct', ...Object.keys(settings.rollouts ?? {})];
  const message = `there is no rollout ${rollout} in Settings; expected ${oneOf(known)}`;
  blame(shelved, error(shelved.checked.source.at(path), message, didYouMean(rollout, known)));
}

/** A quorum that nobody can ever reach would hold the verb for good. */
function checkQuorum(library: Library, shelved: Shelved, spec: ModelSpec, verb: string): void {
  const approval = spec.actions[verb]?.approval;
  const settings = settingsOf(library);
  if (approval === undefined || settings === undefined) return;
  const names = approval.from.map(name => (name === 'owner' ? spec.owner : name));
  const people = new Set(names.flatMap(name => settings.groups[name] ?? [name]));
  if (approval.quorum <= people.size) return;
  const at = shelved.checked.source.at(['spec', 'actions', verb, 'approval', 'quorum']);
  const message = `quorum is ${approval.quorum}, and ${approval.from.join(', ')} are ${people.size} in all; expected one that they can reach`;
  blame(shelved, error(at, message));
}

/** What verbs tell a pipeline: the words after `data.` that its params may name. */
const TOLD = ['since', 'until', 'focus', 'only', 'rest', 'exclude', 'seed', 'version', 'champion'];

function checkSlots(shelved: Shelved, pipeline: ModelSpec['pipelines'][string], path: Path): void {
  for (const [key, value] of Object.entries(pipeline.params)) {
    const slot = (value as { readonly $?: unknown } | null)?.$;
    if (typeof slot !== 'string') continue;
    const [root = '', word = '', ...rest] = slot.split('.');
    if (root === 'data' && TOLD.includes(word) && rest.length === 0) continue;
    const at = shelved.checked.source.at([...path, 'params', key]);
    const known = TOLD.map(one => `data.${one}`);
    const message = `\${${slot}} is nothing that a pipeline is told; expected ${oneOf(known)}`;
    blame(shelved, error(at, message, didYouMean(slot, known)));
  }
}
