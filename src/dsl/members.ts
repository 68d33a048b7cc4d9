/** What `${members…}`, `${worst…}` and `${steps…}` may name in a step's arguments. Pure. */
import type { Dimension } from '../model.ts';
import { didYouMean, oneOf } from './diagnostic.ts';
import type { Reduced } from './expression.ts';
import type { Filled } from './predicate.ts';
import { type Observed, outputDimension } from './variable.ts';

/** What the templates of one step may name. */
export interface Templates {
  /** Of `when`; undefined when `when` itself is wrong, which is told there. */
  readonly reducers: readonly Reduced[] | undefined;
  readonly observations: ReadonlyMap<string, Observed>;
  /** Outputs of earlier steps, by id. */
  readonly steps: ReadonlyMap<string, Readonly<Record<string, Dimension>>>;
  readonly allSteps: readonly string[];
}

export type Template =
  | { readonly path: string; readonly dimension: Dimension; readonly list: boolean }
  | { readonly message: string; readonly hint?: string };

/** What a template's path stands for, or why it may not stand in a step. */
export function resolveTemplate(path: readonly string[], templates: Templates): Template {
  const [root = '', ...rest] = path;
  if (root === 'members' || root === 'worst') return labelsOf(root, rest, templates);
  if (root === 'steps') return outputOf(rest, templates);
  return {
    message: `\${${path.join('.')}} names nothing; expected \${steps.ID.OUTPUT}, \${members.LABEL} or \${worst.LABEL}`,
  };
}

/** The same for a filter, where a template gives the right side of a comparison. */
export function filledBy(templates: Templates): (path: readonly string[]) => Filled {
  return path => {
    const found = resolveTemplate(path, templates);
    return 'message' in found ? found : { slot: { $: found.path }, list: found.list };
  };
}

function labelsOf(root: 'members' | 'worst', rest: readonly string[], templates: Templates): Template {
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
