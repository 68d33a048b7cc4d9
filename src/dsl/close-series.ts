/** The series of a PolicyTest: of observations, label sets and fields that are there, in units that fit. Pure. */
import type { ClosedPolicy, Dimension, Json, Labels, ObservationSpec } from '../model.ts';
import { error } from './diagnostic.ts';
import { isText } from './dimension.ts';
import type { TestSeries } from './policy-test.ts';
import { parseSeries, type SampleUnit, type Series } from './series.ts';
import type { Path } from './source.ts';
import { instancesOf, refuse, refuseName, type Testing } from './testing.ts';

/** One series by what it is of. */
export interface ClosedSeries {
  readonly policy: string;
  /** `errors@canary` is one side of `errors`. */
  readonly observe: string;
  readonly labels: Labels;
  /** `value` unless said. */
  readonly field: string;
  readonly series: Series;
  readonly everyMs: number;
}

/** Policies of a test by name, the tested one's instance alone. */
export type Policies = Map<string, readonly ClosedPolicy[]>;

/** The series of a test; `policies` takes those that it gives series for. */
export function closeAllSeries(testing: Testing, policies: Policies): readonly ClosedSeries[] {
  const series = testing.spec.series.flatMap((one, i) => closeSeries(testing, policies, one, i) ?? []);
  checkComplete(testing, policies, series);
  return series;
}

function closeSeries(
  testing: Testing,
  policies: Policies,
  written: TestSeries,
  i: number,
): ClosedSeries | undefined {
  const path = ['spec', 'series', i];
  const name = written.policy ?? testing.spec.policy;
  if (!policies.has(name)) {
    const found = instancesOf(testing, name, [...path, 'policy']);
    if (found === undefined) return undefined;
    if ('broken' in found)
      return refuse(
        testing,
        [...path, 'policy'],
        `policy ${name} has mistakes of its own; expected one without`,
      );
    policies.set(name, found.instances);
  }
  const policy = policies.get(name)?.[0];
  const { base, side } = sideOf(written.observe);
  const known = Object.values(policy?.observe ?? {}).flatMap(writtenAs);
  const observation = known.includes(written.observe) ? policy?.observe[base] : undefined;
  if (!policy || !observation) {
    const message = `policy ${name} observes no ${written.observe}`;
    return refuseName(testing, [...path, 'observe'], message, written.observe, known);
  }
  const evaluator = testing.catalogue.evaluators[observation.evaluator];
  const { labels = {}, field = 'value' } = written;
  const names = evaluator?.labelNames(observation.args) ?? [];
  if (!sameNames(Object.keys(labels), names)) {
    const what = names.length === 0 ? 'no labels: it is one value' : `the labels ${names.join(', ')}`;
    const message = `${written.observe} is given for ${labelText(labels)}; expected ${what}`;
    return refuse(testing, written.labels ? [...path, 'labels'] : path, message);
  }
  const fields = Object.keys(evaluator?.outputs ?? {});
  if (!fields.includes(field)) {
    const message = `${written.observe} has no field ${field}`;
    return refuseName(testing, [...path, 'field'], message, field, fields);
  }
  const main = observation.unit ?? evaluator?.mainDimension(observation.args) ?? 'number';
  const dimension = field === 'value' ? main : (evaluator?.outputs[field] ?? 'number');
  const series = samples(testing, [...path, 'values'], written.values, dimension);
  if (!series) return undefined;
  const everyMs = written.every ?? policy.everyMs;
  const observe = side === undefined ? base : `${base}@${side}`;
  return { policy: name, observe, labels, field, series, everyMs };
}

/** `errors.canary`: one side of an observation that a gate on a rollout takes twice. */
function sideOf(written: string): { readonly base: string; readonly side?: string } {
  const [base = '', side] = written.split('.');
  return side === undefined ? { base } : { base, side };
}

function writtenAs({ name, sides }: ObservationSpec): readonly string[] {
  return sides ? [`${name}.canary`, `${name}.baseline`] : [name];
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every(one => b.includes(one));
}

function labelText(labels: Labels): string {
  const text = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return text.length === 0 ? 'no label set' : text.join(', ');
}

function samples(testing: Testing, path: Path, text: string, dimension: Dimension): Series | undefined {
  const { source } = testing.shelved.checked;
  const parsed = parseSeries(text);
  const refused = (index: number, message: string, hint?: string) => {
    testing.diagnostics.push(error(source.within(path, index), message, hint));
    return undefined;
  };
  if ('problem' in parsed) return refused(parsed.problem.index, parsed.problem.message, parsed.problem.hint);
  const odd = parsed.segments.find(one => one.unit !== undefined && !fits(one.unit, dimension));
  return odd
    ? refused(odd.index, `${odd.text} is ${UNITS[odd.unit ?? 'number']}; expected ${EXAMPLES[dimension]}`)
    : parsed;
}

const UNITS: Readonly<Record<SampleUnit, string>> = {
  number: 'a bare number',
  duration: 'a duration',
  ratio: 'a share',
  text: 'text',
  boolean: 'true or false',
};

const EXAMPLES: Readonly<Record<Dimension, string>> = {
  number: 'a number such as 0.3',
  count: 'a count such as 500',
  ratio: 'a share such as 2% or 0.02',
  duration: 'a duration such as 6h',
  boolean: 'true or false',
  string: "text such as 'ok'",
  version: "a version such as 'v2'",
  predicate: 'no value',
};

function fits(unit: SampleUnit, dimension: Dimension): boolean {
  if (isText(dimension)) return unit === 'text';
  if (dimension === 'number' || dimension === 'ratio') return unit === 'number' || unit === 'ratio';
  return unit === (dimension === 'count' ? 'number' : dimension);
}

/** A rule that reads what no series gives would test the silence: that has to be said. */
function checkComplete(
  testing: Testing,
  policies: ReadonlyMap<string, readonly ClosedPolicy[]>,
  series: readonly ClosedSeries[],
): void {
  const { absent = [], policy: tested } = testing.spec;
  const given = series.map(one => `${one.policy} ${one.observe.replace('@', '.')}`);
  const key = ({ policy, observe, labels, field }: ClosedSeries) =>
    `${policy} ${observe} ${labelText(labels)} ${field}`;
  series.forEach((one, i) => {
    const before = series.findIndex(other => key(other) === key(one));
    if (before < i)
      refuse(
        testing,
        ['spec', 'series', i],
        `${one.observe} has two series for ${labelText(one.labels)}; expected one`,
      );
  });
  const known = Object.keys(policies.get(tested)?.[0]?.observe ?? {});
  for (const [i, name] of absent.entries()) {
    if (!known.includes(name))
      refuseName(testing, ['spec', 'absent', i], `policy ${tested} observes no ${name}`, name, known);
  }
  // What a series was meant to be of is told already.
  if (series.length < testing.spec.series.length) return;
  for (const [name, [policy]] of policies) {
    const read = policy ? readsOf(policy) : [];
    const missing = read.filter(
      one => !given.includes(`${name} ${one}`) && !(name === tested && absent.includes(one)),
    );
    if (missing.length > 0)
      refuse(
        testing,
        ['spec', 'series'],
        `policy ${name} reads ${missing.join(', ')}, and no series gives it; expected one for each`,
        `Write absent: [${missing.join(', ')}] when it is meant to be missing.`,
      );
  }
}

/** The observations that conditions of a policy read, as its series name them. */
function readsOf(policy: ClosedPolicy): readonly string[] {
  const found = new Set<string>();
  const walk = (value: Json): void => {
    if (value === null || typeof value !== 'object') return;
    const inner = Array.isArray(value) ? [['', value]] : Object.entries(value);
    for (const [op, args] of inner as [string, Json][]) {
      if (op !== 'var') for (const one of Array.isArray(args) ? args : [args]) walk(one as Json);
      const [root = '', next = ''] = String(Array.isArray(args) ? args[0] : args).split('.');
      if (op !== 'var') continue;
      const name = root === 'before' ? next : root;
      found.add(policy.observe[name]?.sides ? `${name}.${next}` : name);
    }
  };
  for (const rule of policy.rules) {
    const needs = rule.gate?.on === 'rollout' ? rule.gate.needs : undefined;
    const steps = rule.then.flatMap(one => [one.if, one.require]);
    for (const condition of [rule.when, rule.clear, rule.verify?.that, needs, ...steps])
      if (condition) walk(condition.logic);
  }
  const known = Object.values(policy.observe).flatMap(writtenAs);
  return known.filter(one => found.has(one));
}
