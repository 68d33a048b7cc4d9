/** A closed policy as a flat list of what it says, path by path in the words of the YAML: what two commits are compared by. Pure. */
import { formatDuration } from '../dsl/index.ts';
import type { ClosedPolicy } from '../model.ts';

/** Path → value in the words of the YAML, in the order in which a policy is read. */
export type Facets = ReadonlyMap<string, string>;

/** Where something stands, and what only follows from the rest: no part of what a policy says. */
const LEFT_OUT = ['position', 'thresholds', 'reaches', 'chains', 'of'];

/** What a policy says and what it refers to. Moving it to another file or line changes nothing in it. */
export function facetsOf(policy: ClosedPolicy): Facets {
  const { documents: parts, mode, observe, guard, params = {} } = policy;
  const found = new Map<string, string>();
  const said = {
    description: policy.description,
    labels: policy.labels,
    mode,
    every: policy.cron ?? { everyMs: policy.everyMs },
    params: Object.fromEntries(Object.entries(params).map(([name, { value }]) => [name, value])),
    excluded: policy.excluded,
    observe,
    rules: Object.fromEntries(policy.rules.map(rule => [rule.name, ruleParts(rule)])),
    guard,
    notify: policy.notify,
    ...{ model: parts.model, dataset: parts.dataset, datasets: parts.datasets },
    ...{ connections: parts.connections, rollouts: parts.rollouts, gates: parts.gates },
    ...{ people: parts.people, groups: parts.groups, channels: parts.channels, routes: parts.notify },
  };
  walk(said, [], found);
  return found;
}

/** Steps by their ids, so that one which is put in between does not look like a change of all that follow. */
function ruleParts({ name: _, then, ...rule }: ClosedPolicy['rules'][number]) {
  const steps = then.map(({ id, verb, ...step }, i) => [id, { verb: `${i + 1}. ${verb}`, ...step }]);
  // biome-ignore lint/suspicious/noThenProperty: the word of the language.
  return { ...rule, then: Object.fromEntries(steps) };
}

function walk(value: unknown, path: readonly string[], found: Map<string, string>): void {
  if (value === undefined) return;
  const condition = conditionText(value);
  if (condition === undefined && typeof value === 'object' && value !== null && !Array.isArray(value)) {
    for (const [key, one] of Object.entries(value))
      if (!LEFT_OUT.includes(key)) walk(one, [...path, key], found);
    return;
  }
  const key = path.at(-1) ?? '';
  // `every: { everyMs }` reads as `every`; every other duration loses its unit in the name and gets it in the value.
  const named = key.replace(/Ms$/, '');
  const place = named === path.at(-2) ? path.slice(0, -1) : [...path.slice(0, -1), named];
  found.set(place.join('.'), condition ?? worded(value, key.endsWith('Ms')));
}

function conditionText(value: unknown): string | undefined {
  const isCondition = typeof value === 'object' && value !== null && 'logic' in value && 'text' in value;
  return isCondition ? String(value.text) : undefined;
}

function worded(value: unknown, duration: boolean): string {
  if (duration && typeof value === 'number') return formatDuration(value);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
