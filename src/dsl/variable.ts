/**
 * What a dotted path of a condition names: an observation, its value before, a step's output, a param, a label of the group, or
 * the target's own data. Pure.
 */
import type { Dimension, Json, Scalar, TargetRef } from '../model.ts';
import { didYouMean, oneOf } from './diagnostic.ts';

/** An observation as conditions see it. */
export interface Observed {
  readonly dimension: Dimension;
  readonly outputs: Readonly<Record<string, Dimension>>;
  readonly vector: boolean;
  readonly labels: readonly string[];
  /** The step after which it is taken. */
  readonly lateAfter?: string;
  /** Taken once per side of a rollout: named `x.canary` and `x.baseline`. */
  readonly sides?: boolean;
}

/** What a condition may name where it stands. */
export interface Names {
  readonly observations: ReadonlyMap<string, Observed>;
  /** Observations with a mistake of their own, which is told there. */
  readonly broken: readonly string[];
  /** Outputs of the steps that have run by then, by id. */
  readonly steps: ReadonlyMap<string, Readonly<Record<string, Dimension>>>;
  /** All step ids, so that a step that runs later is told from one that is not there. */
  readonly allSteps: readonly string[];
  /** True once there is an episode: not in `when`. */
  readonly before: boolean;
  /** `params.x`: closures hold it by value. */
  readonly params?: ReadonlyMap<string, { readonly value: Scalar; readonly dimension: Dimension }>;
  /** `labels.x`: labels of the group that the condition is asked for. */
  readonly labels?: readonly string[];
  readonly target: TargetRef;
  /** The target's spec. */
  readonly targetSpec: Json;
  /** The words for where it stands, such as `when`. */
  readonly where: string;
}

export type Found =
  | {
      readonly root: 'observation' | 'before' | 'steps' | 'target' | 'params' | 'labels';
      readonly name: string;
      readonly path: string;
      readonly dimension: Dimension;
      readonly vector: boolean;
      /** Of params and the target's own data: closures hold it by value. */
      readonly value?: Scalar;
    }
  | { readonly message: string; readonly hint?: string }
  | 'broken';

/** First words of a path that are no observation. */
const ROOTS = ['steps', 'before', 'target', 'params', 'labels'];

/** What a path names, or why it names nothing here. */
export function resolvePath(path: readonly string[], names: Names, template: boolean): Found {
  const [root = '', ...rest] = path;
  if (root === 'steps') return stepOutput(rest, names);
  if (template)
    return mistake(
      `\${${path.join('.')}} is no value of a condition; expected \${steps.ID.OUTPUT}, or a name without \${}`,
    );
  if (root === 'before') return beforeValue(rest, names);
  if (root === 'target') return targetValue(rest, names);
  if (root === 'params') return paramValue(rest, names);
  if (root === 'labels') return labelValue(rest, names);
  return observationValue(root, rest, names);
}

function mistake(message: string, hint?: string): Found {
  return hint === undefined ? { message } : { message, hint };
}

function observationValue(name: string, rest: readonly string[], names: Names): Found {
  if (names.broken.includes(name)) return 'broken';
  const observed = names.observations.get(name);
  const known = [...names.observations.keys()];
  if (observed === undefined)
    return mistake(
      `${name} is not observed; expected ${oneOf(known)}`,
      didYouMean(name, [...known, ...ROOTS]),
    );
  const late = lateness(name, observed, names);
  if (late) return late;
  if (observed.sides) return sideValue(name, rest, observed);
  const [field, ...deeper] = rest;
  if (field === undefined || (field === 'value' && deeper.length === 0))
    return { root: 'observation', name, path: name, dimension: observed.dimension, vector: observed.vector };
  const fields = Object.keys(observed.outputs);
  const dimension = Object.hasOwn(observed.outputs, field) ? observed.outputs[field] : undefined;
  if (dimension === undefined || deeper.length > 0)
    return mistake(
      `${name} has no field ${rest.join('.')}; expected ${oneOf(fields)}`,
      didYouMean(field, fields),
    );
  return { root: 'observation', name, path: `${name}.${field}`, dimension, vector: observed.vector };
}

/** One side of an observation that is taken once per side of a rollout. */
function sideValue(name: string, [side = '', ...rest]: readonly string[], observed: Observed): Found {
  if (side !== 'canary' && side !== 'baseline')
    return mistake(
      side === ''
        ? `${name} is taken once per side; expected ${name}.canary or ${name}.baseline`
        : `${name}.${side} is no side of a rollout; expected ${name}.canary or ${name}.baseline`,
      didYouMean(side, ['canary', 'baseline']),
    );
  const [field = 'value', ...deeper] = rest;
  const fields: Readonly<Record<string, Dimension>> = { ...observed.outputs, value: observed.dimension };
  const dimension = Object.hasOwn(fields, field) ? fields[field] : undefined;
  if (dimension === undefined || deeper.length > 0)
    return mistake(
      `${name}.${side} has no field ${rest.join('.')}; expected ${oneOf(Object.keys(fields))}`,
      didYouMean(field, Object.keys(fields)),
    );
  const path = field === 'value' ? `${name}.${side}` : `${name}.${side}.${field}`;
  return { root: 'observation', name, path, dimension, vector: observed.vector };
}

function lateness(name: string, observed: Observed, names: Names): Found | undefined {
  const { lateAfter } = observed;
  if (lateAfter === undefined || names.steps.has(lateAfter)) return undefined;
  return mistake(
    `${name} is taken after step ${lateAfter}, so it is never known in ${names.where}; expected an observation without \${steps.…}`,
    'Read it in require of a later step, or in verify.',
  );
}

function beforeValue(rest: readonly string[], names: Names): Found {
  if (!names.before)
    return mistake(
      `before is the value when the episode opened, and ${names.where} comes first; expected a name without before`,
    );
  const [name = '', ...fields] = rest;
  const observed = names.observations.get(name);
  // A group knows its own value of a vector, when its labels tell one set from all others.
  const ofGroup = observed?.labels.every(label => names.labels?.includes(label)) === true;
  if (observed?.vector && !ofGroup)
    return mistake(
      `before.${name} is one value for each ${observed.labels.join(' and ')}; expected a rule with per: [${observed.labels.join(', ')}], or an observation with one value`,
    );
  const late = names.observations.get(name)?.lateAfter;
  if (late !== undefined)
    return mistake(
      `${name} is taken after step ${late}, so it has no value before; expected an observation without \${steps.…}`,
    );
  const found = observationValue(name, fields, names);
  return found === 'broken' || 'message' in found
    ? found
    : { ...found, root: 'before', path: `before.${found.path}`, vector: false };
}

function stepOutput(rest: readonly string[], names: Names): Found {
  const [id = '', ...output] = rest;
  const outputs = names.steps.get(id);
  const known = [...names.steps.keys()];
  if (outputs === undefined && names.allSteps.includes(id))
    return mistake(`step ${id} has not run yet in ${names.where}; expected an output of an earlier step`);
  if (outputs === undefined)
    return mistake(`there is no step ${id}; expected ${oneOf(known)}`, didYouMean(id, known));
  const name = output.join('.');
  const dimension = outputDimension(outputs, name);
  if (dimension === undefined)
    return mistake(
      `step ${id} has no output ${name}; expected ${oneOf(Object.keys(outputs))}`,
      didYouMean(name, Object.keys(outputs)),
    );
  return { root: 'steps', name: id, path: `steps.${id}.${name}`, dimension, vector: false };
}

function paramValue(rest: readonly string[], names: Names): Found {
  const known = [...(names.params?.keys() ?? [])];
  const name = rest.join('.');
  const param = names.params?.get(name);
  if (names.broken.includes(`params.${name}`)) return 'broken';
  if (param === undefined)
    return mistake(`there is no param ${name}; expected ${oneOf(known)}`, didYouMean(name, known));
  return { root: 'params', name, path: `params.${name}`, vector: false, ...param };
}

function labelValue(rest: readonly string[], names: Names): Found {
  const known = names.labels ?? [];
  const name = rest.join('.');
  if (!known.includes(name))
    return mistake(
      `${names.where} has no label ${name}; expected ${oneOf(known)}`,
      known.length === 0 ? 'Labels of a group are there with per.' : didYouMean(name, known),
    );
  return { root: 'labels', name, path: `labels.${name}`, dimension: 'string', vector: false };
}

/** The dimension of a verb's output; `*` allows any further name, as a number. */
export function outputDimension(
  outputs: Readonly<Record<string, Dimension>>,
  name: string,
): Dimension | undefined {
  if (name === '' || name === '*') return undefined;
  if (Object.hasOwn(outputs, name)) return outputs[name];
  return Object.hasOwn(outputs, '*') && !name.includes('.') ? outputs['*'] : undefined;
}

/**
 * The target's name and kind, or a value of its document, which the closure holds by value. Follows the words of the YAML:
 * a duration is `delay` there and `delayMs` in the checked document.
 */
function targetValue(rest: readonly string[], names: Names): Found {
  const [only = ''] = rest;
  if (rest.length === 1 && (only === 'name' || only === 'kind'))
    return { root: 'target', name: only, path: `target.${only}`, dimension: 'string', vector: false };
  // Without a target nobody knows what it has.
  if (names.targetSpec === null) return 'broken';
  let here: Json | undefined = names.targetSpec;
  let written = 'target';
  const path: string[] = [];
  for (const part of rest) {
    const keys: readonly string[] =
      typeof here === 'object' && here !== null && !Array.isArray(here) ? Object.keys(here) : [];
    const key = keys.includes(part) ? part : keys.includes(`${part}Ms`) ? `${part}Ms` : undefined;
    if (key === undefined) {
      const known = keys.map(one => one.replace(/Ms$/, ''));
      return mistake(`${written} has no ${part}; expected ${oneOf(known)}`, didYouMean(part, known));
    }
    here = (here as { readonly [key: string]: Json })[key];
    written += `.${part}`;
    path.push(key);
  }
  const dimension = targetDimension(here, path.at(-1) ?? '');
  if (dimension === undefined)
    return mistake(`${written} is no single value; expected a path to a number, text, true or false`);
  const name = path.join('.');
  return { root: 'target', name, path: `target.${name}`, dimension, vector: false, value: here as Scalar };
}

function targetDimension(value: Json | undefined, key: string): Dimension | undefined {
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value !== 'number') return undefined;
  return key.endsWith('Ms') ? 'duration' : key === 'coverage' ? 'ratio' : 'number';
}
