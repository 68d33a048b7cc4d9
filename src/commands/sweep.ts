/** Thresholds to compare: `psi=0.1..0.3`, the policy with another threshold, and where the knee of the outcome lies. Pure. */
import { parseDuration } from '../dsl/index.ts';
import { render } from '../engine/explain.ts';
import type { ClosedPolicy, Condition, Json } from '../model.ts';
import { Refusal } from './perform.ts';

export interface Sweep {
  readonly name: string;
  readonly values: readonly number[];
}

const POINTS = 9;
const MOST_POINTS = 50;
const SWEEP = /^(?<name>[A-Za-z][\w.]*)=(?<from>[^.:]+(?:\.\d+\S*?)?)\.\.(?<to>[^:]+?)(?::(?<step>.+))?$/;

/** Name and values of a sweep. Throws a Refusal that says what was expected. */
export function parseSweep(text: string): Sweep {
  const { name = '', from = '', to = '', step } = SWEEP.exec(text)?.groups ?? {};
  const [low, high] = [quantity(from), quantity(to)];
  const by = step === undefined ? undefined : quantity(step);
  const sound =
    low !== undefined && high !== undefined && low < high && (step === undefined || (by ?? 0) > 0);
  if (!sound)
    throw new Refusal(
      `sweep is ${JSON.stringify(text)}; expected NAME=FROM..TO or NAME=FROM..TO:STEP, such as psi=0.1..0.3:0.05.`,
    );
  const width = by ?? (high - low) / (POINTS - 1);
  const count = Math.floor((high - low) / width + 1e-9) + 1;
  if (count > MOST_POINTS)
    throw new Refusal(`sweep asks for ${count} values; expected at most ${MOST_POINTS}. Give a larger step.`);
  return { name, values: Array.from({ length: count }, (_, i) => round(low + i * width)) };
}

function quantity(text: string): number | undefined {
  const percent = /^(-?\d+(?:\.\d+)?)%$/.exec(text.trim());
  if (percent) return Number(percent[1]) / 100;
  const number = Number(text);
  return text.trim() !== '' && Number.isFinite(number) ? number : parseDuration(text.trim());
}

function round(value: number): number {
  return Number(value.toPrecision(12));
}

/**
 * The policy with another number where `name` is compared with one: in `when` as given, in `clear` moved in proportion, so that
 * hysteresis stays. Throws a Refusal when nothing is compared with it, or when it is compared with several numbers.
 */
export function withThreshold(policy: ClosedPolicy, name: string, value: number): ClosedPolicy {
  const only = thresholdOf(policy, name);
  const scale = only === 0 ? undefined : value / only;
  const moved = (was: number) => (was === only ? value : scale === undefined ? was : round(was * scale));
  const changed = (condition: Condition): Condition => {
    const logic = mapThresholds(condition.logic, name, moved);
    return { ...condition, logic, text: render(logic) };
  };
  const rules = policy.rules.map(rule => ({
    ...rule,
    when: changed(rule.when),
    ...(rule.clear ? { clear: changed(rule.clear) } : {}),
  }));
  const spec = policy.observe[name];
  const observe = spec
    ? { ...policy.observe, [name]: { ...spec, thresholds: [...new Set(spec.thresholds.map(moved))] } }
    : policy.observe;
  return { ...policy, rules, observe };
}

/** The one number that `when` compares it with. Throws a Refusal when there is none, or several. */
export function thresholdOf(policy: ClosedPolicy, name: string): number {
  const found = [...new Set(policy.rules.flatMap(rule => thresholdsOf(rule.when.logic, name)))];
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  throw new Refusal(
    `${policy.policy} compares ${name} with ${found.length === 0 ? 'no number' : found.join(' and ')} in when; expected an observation that is compared with one. Give the threshold as one of spec.params and sweep that.`,
  );
}

const COMPARISONS = ['>', '>=', '<', '<=', '===', '!=='];

function thresholdsOf(logic: Json, name: string): number[] {
  const found: number[] = [];
  mapThresholds(logic, name, was => {
    found.push(was);
    return was;
  });
  return found;
}

function mapThresholds(logic: Json, name: string, change: (was: number) => number): Json {
  if (logic === null || typeof logic !== 'object') return logic;
  if (Array.isArray(logic)) return logic.map(one => mapThresholds(one as Json, name, change));
  return Object.fromEntries(
    Object.entries(logic).map(([op, args]) => {
      const list = Array.isArray(args) ? (args as readonly Json[]) : [];
      const literal = list.findIndex(one => typeof one === 'number');
      if (COMPARISONS.includes(op) && literal >= 0 && reads(list[1 - literal] ?? null, name))
        return [op, list.map((one, i) => (i === literal ? change(Number(one)) : one))];
      return [op, mapThresholds(args as Json, name, change)];
    }),
  );
}

/** The observation itself, or one of its fields. */
function reads(logic: Json, name: string): boolean {
  const path = logic !== null && typeof logic === 'object' && 'var' in logic ? String(logic.var) : '';
  return path === name || path.startsWith(`${name}.`);
}

/**
 * The index at which a curve bends most: the point that is farthest from the line between its ends, both axes from 0 to 1
 * (Satopää et al. 2011, "Finding a Kneedle in a Haystack", without smoothing). Undefined for fewer than three points, or
 * when nothing changes.
 */
export function kneeOf(values: readonly number[]): number | undefined {
  const [first = 0, last = 0] = [values[0], values.at(-1)];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (values.length < 3 || high === low) return undefined;
  let best: { readonly index: number; readonly distance: number } | undefined;
  for (const [index, value] of values.entries()) {
    const line = first + ((last - first) * index) / (values.length - 1);
    const distance = Math.abs(value - line) / (high - low);
    if (distance > (best?.distance ?? 1e-9)) best = { index, distance };
  }
  return best?.index;
}
