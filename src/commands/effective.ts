/** The effective policy: every value that is in force for a policy on a target, with the file and line that says it. Pure. */
import { type File, formatDuration, type WrittenDocument, writtenDocuments } from '../dsl/index.ts';
import type { ClosedPolicy, DocumentKind, Json, Param, Rule } from '../model.ts';

/** `at` is `file:line`, or `default`. */
export interface Effective {
  readonly path: string;
  readonly value: string;
  readonly at: string;
}

/** In the order in which a policy is read; what Model and Settings add stands behind it. `files` are those of its commit. */
export function effectiveOf(policy: ClosedPolicy, files: readonly File[]): readonly Effective[] {
  const written = writtenDocuments(files);
  const find = (kind: DocumentKind, name?: string) =>
    written.find(one => one.kind === kind && (name === undefined || one.name === name));
  const own = find('Policy', policy.policy);
  const model = policy.documents.model && find('Model', policy.documents.model.name);
  const settings = find('Settings');
  const stated = own ? leavesBelow(own, ['spec'], '') : [];
  const known = new Set(stated.map(one => one.path));
  const added = [
    ...exclusionRows(policy, model),
    ...(model ? modelRows(policy, model) : []),
    ...(settings ? settingsRows(policy, settings) : []),
  ];
  for (const { path } of added) known.add(path);
  const isUnsaid = ({ path }: Effective) => !known.has(path);
  return [
    modeRow(policy, { own, model, settings, find }),
    ...paramRows(policy),
    ...stated.filter(({ path }) => !/^(mode|params)(\.|$)/.test(path)),
    ...defaultsOf(policy, model).filter(isUnsaid),
    ...added,
    ...limitDefaults(policy).filter(isUnsaid),
  ];
}

interface Documents {
  readonly own: WrittenDocument | undefined;
  readonly model: WrittenDocument | undefined;
  readonly settings: WrittenDocument | undefined;
  readonly find: (kind: DocumentKind, name?: string) => WrittenDocument | undefined;
}

/** The document that decides is the first word of why. */
function modeRow(policy: ClosedPolicy, { own, model, settings, find }: Documents): Effective {
  const { mode, modeFrom } = policy;
  const [who = '', name = ''] = modeFrom.split(' ');
  const decides = { Settings: settings, Model: model, Policy: own, Connection: find('Connection', name) }[
    who
  ];
  const position = decides?.positions[who === 'Connection' ? 'spec.access' : 'spec.mode'];
  return {
    path: 'mode',
    value: `${mode} (${modeFrom})`,
    at: position ? `${position.file}:${position.line}` : 'default',
  };
}

function paramRows({ params = {} }: ClosedPolicy): readonly Effective[] {
  return Object.entries(params).map(([name, param]) => ({
    path: `params.${name}`,
    value: paramText(param),
    at: `${param.position.file}:${param.position.line}`,
  }));
}

function paramText({ value, dimension }: Param): string {
  if (dimension === 'duration' && typeof value === 'number') return formatDuration(value);
  if (dimension === 'ratio' && typeof value === 'number') return `${Number((value * 100).toPrecision(6))}%`;
  return String(value);
}

/** What holds without a word, of every rule, step and observation. */
function defaultsOf(policy: ClosedPolicy, model: WrittenDocument | undefined): readonly Effective[] {
  const named = policy.rules.some(rule => rule.name !== 'rule' && rule.name !== 'gate');
  return [
    ...Object.values(policy.observe).flatMap(one =>
      one.dataset === undefined || one.args.main === one.dataset
        ? []
        : [datasetRow(one.name, one.dataset, model)],
    ),
    ...policy.rules.flatMap(rule => {
      const prefix = named ? `rules.${rule.name.replace(/\.gate$/, '')}.` : '';
      return ruleDefaults(rule).map(([key, value]) => row(`${prefix}${key}`, value));
    }),
    ...(policy.guard.blastRadius?.some(one => one.scope === 'policy')
      ? [row('guard.blastRadius.scope', 'policy')]
      : []),
    row('maxSeries', String(policy.maxSeries ?? 500)),
  ];
}

function row(path: string, value: string): Effective {
  return { path, value, at: 'default' };
}

/** What an observation reads without saying so, where the Model says that it is. */
function datasetRow(name: string, dataset: string, model: WrittenDocument | undefined): Effective {
  const path = `observe.${name}.dataset`;
  const role = ['predictions', 'labels', 'training', 'holdout'].find(
    one => model && valueAt(model.value, ['spec', 'data', one, 'dataset']) === dataset,
  );
  return role === undefined || model === undefined
    ? row(path, dataset)
    : {
        path,
        value: `${dataset} (${role} of the Model)`,
        at: placeOf(model, ['spec', 'data', role, 'dataset']),
      };
}

/** What approvals and rollouts say without a word. */
function limitDefaults({ rules, documents }: ClosedPolicy): readonly Effective[] {
  const verbs = new Set(rules.flatMap(rule => rule.then.map(step => step.verb)));
  const approvals = [...verbs].flatMap(verb => {
    const approval = documents.model?.actions[verb]?.approval;
    if (approval === undefined) return [];
    return [
      row(`actions.${verb}.approval.quorum`, String(approval.quorum)),
      row(`actions.${verb}.approval.reask`, formatDuration(approval.reaskMs)),
      row(`actions.${verb}.approval.onExpiry`, approval.onExpiry ?? 'deny'),
    ];
  });
  const rollouts = Object.values(documents.rollouts ?? {}).flatMap(
    ({ name, onFailure, onUnknown, maxMs }) => [
      row(`rollouts.${name}.onFailure`, onFailure),
      row(`rollouts.${name}.onUnknown.hold`, formatDuration(onUnknown.holdMs)),
      row(`rollouts.${name}.onUnknown.then`, onUnknown.then),
      row(`rollouts.${name}.max`, formatDuration(maxMs)),
    ],
  );
  return [...approvals, ...rollouts];
}

function ruleDefaults(rule: Rule): readonly (readonly [string, string])[] {
  const { gate, verify, then, per } = rule;
  const stale = ['staleAfter', formatDuration(rule.staleAfterMs)] as const;
  if (gate?.on === 'rollout') return [['gate.fails', `${gate.fails.count} of ${gate.fails.of}`]];
  if (gate)
    return [
      ['gate.on', 'data'],
      ['gate.reach', gate.reaches.join(', ')],
      ['gate.reopen', formatDuration(rule.keepForMs)],
      ['gate.taint', String(gate.taint)],
      ['gate.running', gate.running],
      stale,
    ];
  return [
    ['for', formatDuration(rule.forMs)],
    ...(rule.clear ? [] : [['clear', `not (${rule.when.text})`] as const]),
    ['keepFor', formatDuration(rule.keepForMs)],
    stale,
    ...(per ? [['maxGroups', String(rule.maxGroups ?? 5)] as const] : []),
    ...then.filter(step => step.require).map(step => [`then.${step.id}.onNotMet`, step.onNotMet] as const),
    ...(verify
      ? [
          ['verify.attempts', String(verify.attempts)] as const,
          ['verify.otherwise', verify.otherwise] as const,
        ]
      : []),
  ];
}

function exclusionRows(
  { policy, excluded }: ClosedPolicy,
  model: WrittenDocument | undefined,
): readonly Effective[] {
  if (excluded === undefined || model === undefined) return [];
  const all = valueAt(model.value, ['spec', 'exclude']);
  const i = Array.isArray(all) ? all.findIndex(one => (one as { policy?: Json }).policy === policy) : -1;
  return i < 0 ? [] : leavesBelow(model, ['spec', 'exclude', i], 'excluded');
}

/** What the Model says of the verbs that the policy uses. */
function modelRows(policy: ClosedPolicy, model: WrittenDocument): readonly Effective[] {
  const verbs = new Set(policy.rules.flatMap(rule => rule.then.map(step => step.verb)));
  return [...verbs].flatMap(verb => leavesBelow(model, ['spec', 'actions', verb], `actions.${verb}`));
}

/** The fleet's guard, the windows that bind and the rollouts that its promotions use. */
function settingsRows(policy: ClosedPolicy, settings: WrittenDocument): readonly Effective[] {
  const { allow = [], deny = [] } = policy.guard;
  const windows = new Set([...allow.flat(), ...deny].map(one => one.name));
  const rollouts = Object.keys(policy.documents.rollouts ?? {});
  return [
    ...leavesBelow(settings, ['spec', 'guard'], 'fleet guard'),
    ...[...windows].flatMap(name => leavesBelow(settings, ['spec', 'windows', name], `windows.${name}`)),
    ...rollouts.flatMap(name => leavesBelow(settings, ['spec', 'rollouts', name], `rollouts.${name}`)),
  ];
}

/** Every value below a path of a document, each at its own line. Lists of plain values are one value. */
function leavesBelow(
  document: WrittenDocument,
  path: readonly (string | number)[],
  shown: string,
): readonly Effective[] {
  const value = valueAt(document.value, path);
  if (value === undefined) return [];
  const one: Effective = { path: shown, value: valueText(value), at: placeOf(document, path) };
  if (Array.isArray(value)) {
    if (value.every(item => typeof item !== 'object' || item === null)) return [one];
    return value.flatMap((item, i) =>
      leavesBelow(document, [...path, i], under(shown, nameOf(item as Json, i))),
    );
  }
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) return [one];
  return Object.entries(value).flatMap(([key, item]) =>
    // The name of a rule or a step is in the path already.
    (key === 'name' || key === 'id') && typeof path.at(-1) === 'number'
      ? []
      : item === undefined
        ? []
        : leavesBelow(document, [...path, key], under(shown, key)),
  );
}

function under(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

/** Rules by name, steps by id or verb, everything else by its number. */
function nameOf(item: Json, i: number): string {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return String(i);
  const { name, id } = item as { readonly name?: Json; readonly id?: Json };
  if (typeof name === 'string') return name;
  if (typeof id === 'string') return id;
  const own = Object.entries(item).find(([, value]) => value === null || typeof value === 'object');
  return own && !NO_VERBS.includes(own[0]) ? own[0] : String(i);
}

/** Mappings within the elements of lists that are no verbs. */
const NO_VERBS: readonly string[] = ['if', 'require', 'retry', 'approval', 'match', 'to', 'equal', 'dataset'];

function valueText(value: Json): string {
  return typeof value === 'string' ? value.trim() : JSON.stringify(value);
}

function placeOf(document: WrittenDocument, path: readonly (string | number)[]): string {
  for (let length = path.length; length > 0; length--) {
    const position = document.positions[path.slice(0, length).join('.')];
    if (position) return `${position.file}:${position.line}`;
  }
  return 'default';
}

function valueAt(value: Json, path: readonly (string | number)[]): Json | undefined {
  return path.reduce<Json | undefined>(
    (here, part) =>
      typeof here === 'object' && here !== null && Object.hasOwn(here, part)
        ? (here as Record<string | number, Json>)[part]
        : undefined,
    value,
  );
}
