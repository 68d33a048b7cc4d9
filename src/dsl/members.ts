/** What `${…}` may name in a step's arguments: members, outputs, labels of the group, what is observed, and constants. Pure. */
import type { Dimension, Scalar } from '../model.ts';
import { didYouMean, oneOf } from './diagnostic.ts';
import type { Filled } from './predicate.ts';
import { type Observed, outputDimension } from './variable.ts';
import type { Reduced } from './walk.ts';

/** A value that is known when the policy is closed: of a param, or of the target's own document. */
export type Constant =
  | { readonly value: Scalar; readonly dimension: Dimension }
  | { readonly message: string; readonly hint?: string }
  | 'broken';

/** What the templates of one step may name. */
export interface Templates {
  /** Of `when`; undefined when `when` itself is wrong, which is told there. */
  readonly reducers: readonly Reduced[] | undefined;
  readonly observations: ReadonlyMap<string, Observed>;
  /** Observations with a mistake of their own. */
  readonly broken: readonly string[];
  /** Outputs of earlier steps, by id. */
  readonly steps: ReadonlyMap<string, Readonly<Record<string, Dimension>>>;
  readonly allSteps: readonly string[];
  /** Labels of the group that the step acts for. */
  readonly labels: readonly string[];
  /** `params.…` and `target.…`. */
  readonly constant: (path: readonly string[]) => Constant;
}

export type Template =
  | { readonly path: string; readonly dimension: Dimension; readonly list: boolean }
  | { readonly value: Scalar; readonly dimension: Dimension }
  | { readonly message: string; readonly hint?: string }
  | 'broken';

/** What a template's path stands for, or why it may not stand in a step. */
export function resolveTemplate(path: readonly string[], templates: Templates): Template {
  const [root = '', ...rest] = path;
  if (root === 'members' || root === 'worst') return membersOf(root, rest, templates);
  if (root === 'steps') return outputOf(rest, templates);
  if (root === 'params' || root === 'target') return templates.constant(path);
  if (root === 'labels') return labelOf(rest.join('.'), templates);
  return observedOf(path, templates);
}

function labelOf(name: string, { labels }: Templates): Template {
  if (labels.includes(name)) return { path: `labels.${name}`, dimension: 'string', list: false };
  if (labels.length === 0)
    return {
      message: `\${labels.${name}} is a label of a group, and this acts for the whole target; expected a rule with per, or whose when has one answer per label set`,
    };
  return {
    message: `the group that this acts for has no label ${name}; expected ${oneOf(labels)}`,
    ...hint(name, labels),
  };
}

/** `${x}` or `${x.field}` of an observation, `${before.x}` of its value when the episode opened. */
function observedOf(path: readonly string[], { observations, broken, labels }: Templates): Template {
  const before = path[0] === 'before';
  const [name = '', field = 'value', ...deeper] = before ? path.slice(1) : path;
  if (broken.includes(name)) return 'broken';
  const observed = observations.get(name);
  const known = [...observations.keys()];
  if (observed === undefined)
    return {
      message: `\${${path.join('.')}} names nothing; expected an observation, \${steps.ID.OUTPUT}, \${params.NAME}, \${labels.LABEL}, \${members.LABEL} or \${worst.LABEL}`,
      ...hint(name, [...known, 'steps', 'params', 'labels', 'members', 'worst', 'target', 'before']),
    };
  if (observed.lateAfter !== undefined)
    return {
      message: `${name} is taken after step ${observed.lateAfter}; expected an observation without \${steps.…}`,
    };
  if (observed.vector && (before || labels.length === 0))
    return {
      message: `${name} has one value per ${observed.labels.join(', ')}; expected \${worst.LABEL}, \${members.LABEL}, or a rule with per`,
    };
  const outputs = { ...observed.outputs, value: observed.dimension };
  const dimension = Object.hasOwn(outputs, field) ? outputs[field as 'value'] : undefined;
  if (dimension === undefined || deeper.length > 0)
    return {
      message: `${name} has no field ${[field, ...deeper].join('.')}; expected ${oneOf(Object.keys(outputs))}`,
      ...hint(field, Object.keys(outputs)),
    };
  const at = field === 'value' ? name : `${name}.${field}`;
  return { path: before ? `before.${at}` : `observed.${name}.${field}`, dimension, list: false };
}

/** The same for a filter, where a template gives the right side of a comparison. */
export function filledBy(templates: Templates): (path: readonly string[]) => Filled {
  return path => {
    const found = resolveTemplate(path, templates);
    if (found === 'broken') return { slot: { $: path.join('.') }, list: false };
    if ('message' in found) return found;
    if ('value' in found) return { value: found.value };
    return { slot: { $: found.path }, list: found.list };
  };
}

function membersOf(root: 'members' | 'worst', rest: readonly string[], templates: Templates): Template {
  const written = `\${${[root, ...rest].join('.')}}`;
  const [label = '', named] = [...rest].reverse();
  const list = root === 'members';
  if (templates.reducers === undefined) return { path: [root, ...rest].join('.'), dimension: 'string', list };
  if (rest.length === 0 || rest.length > 2)
    return {
      message: `${written} names no label; expected \${${root}.LABEL} or \${${root}.OBSERVATION.LABEL}`,
    };
  const observation = reducedVector(written, root, label, named, templates.reducers);
  if (typeof observation !== 'string') return observation;
  const labels = templates.observations.get(observation)?.labels ?? [];
  if (!labels.includes(label))
    return {
      message: `${observation} has no label ${label}; expected ${oneOf(labels)}`,
      ...hint(label, labels),
    };
  return { path: `${root}.${observation}.${label}`, dimension: 'string', list };
}

/** The one vector whose label sets are meant. A reducer's members are those of the first vector within it. */
function reducedVector(
  written: string,
  root: string,
  label: string,
  named: string | undefined,
  reducers: readonly Reduced[],
): string | { readonly message: string; readonly hint?: string } {
  const whole = [...new Set(reducers.flatMap(one => one.observations[0] ?? []))];
  if (whole.length === 0)
    return {
      message: `${written} has no members, because when reads no vector; expected a reducer such as count(psi > 0.2) in when`,
    };
  if (named === undefined && whole.length > 1)
    return {
      message: `when reduces more than one vector, so ${written} could mean any; expected \${${root}.OBSERVATION.${label}} with ${oneOf(whole)}`,
    };
  const meant = reducers.filter(one => one.observations[0] === (named ?? whole[0]));
  if (meant.length === 0)
    return {
      message: `${written} names ${named}, which when does not reduce; expected ${oneOf(whole)}`,
      ...hint(named, whole),
    };
  if (meant.filter(one => one.reducer !== 'each').length > 1)
    return {
      message: `when reduces ${named ?? whole[0]} more than once, so ${written} could mean either; expected one reducer over it`,
    };
  if (meant.some(one => one.underNot || one.reducer === 'none'))
    return {
      message: `${written} stands for a comparison that when negates, so its members are those that do not count; expected a reducer without not`,
    };
  return named ?? whole[0] ?? '';
}

function hint(word: string | undefined, known: readonly string[]): { hint?: string } {
  const found = word === undefined ? undefined : didYouMean(word, known);
  return found === undefined ? {} : { hint: found };
}

function outputOf(rest: readonly string[], { steps, allSteps }: Templates): Template {
  const [id = '', ...names] = rest;
  const outputs = steps.get(id);
  const name = names.join('.');
  if (outputs === undefined && allSteps.includes(id))
    return { message: `step ${id} has not run before this one; expected an output of an earlier step` };
  if (outputs === undefined)
    return {
      message: `there is no step ${id} before; expected ${oneOf([...steps.keys()])}`,
      ...hint(id, [...steps.keys()]),
    };
  const dimension = outputDimension(outputs, name);
  if (dimension === undefined)
    return {
      message: `step ${id} has no output ${name}; expected ${oneOf(Object.keys(outputs))}`,
      ...hint(name, Object.keys(outputs)),
    };
  return { path: `steps.${id}.${name}`, dimension, list: false };
}
