/** The traffic of a rollout as it was shifted and as it is read back, and the words for it. Pure. */
import { split } from '../executors/release.ts';
import type { RolloutProgress, Serving } from '../model.ts';
import type { Progress } from './form.ts';
import { chainOf } from './ids.ts';
import type { Standing } from './rollout-gate.ts';

/** Shares of traffic that are read back are the ones that were written, but for rounding. */
const SHARE_TOLERANCE = 1e-9;

/** Undefined when the serving system did not say where its traffic goes. */
export function readBack(serving: Serving | undefined): Serving['weights'] | undefined {
  return serving === undefined || Object.keys(serving.weights).length === 0 ? undefined : serving.weights;
}

/** How the traffic read back is not the step's; undefined when it is, or when it cannot be read. */
export function difference(rollout: RolloutProgress, serving: Serving | undefined): string | undefined {
  const found = readBack(serving);
  if (found === undefined) return undefined;
  const expected = split(rollout.canary, rollout.baseline, rollout.weight);
  const versions = [...new Set([...Object.keys(expected), ...Object.keys(found)])];
  const same = versions.every(one => Math.abs((expected[one] ?? 0) - (found[one] ?? 0)) <= SHARE_TOLERANCE);
  return same ? undefined : `traffic read back is ${shares(found)}; ${shares(expected)} was shifted`;
}

function shares(weights: Readonly<Record<string, number>>): string {
  return Object.entries(weights)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([version, share]) => `${version} ${percent(share)}`)
    .join(', ');
}

/** Where a rollout stands: `canary v2 5%, step 1 of 3`. */
export function place({ rollout, spec }: Standing): string {
  return `canary ${rollout.canary} ${percent(rollout.weight)}, step ${rollout.index + 1} of ${spec.steps.length}`;
}

/** The gate of a hold, after where it stands. */
export function gateWords({ gate }: Standing): string {
  return gate === undefined ? '' : `, with gate ${gate.name} every ${spanText(gate.everyMs)}`;
}

/** What a person can do about it. */
export function orders({ policy }: Progress): string {
  return `flyball rollout advance|abort ${chainOf(policy.target)}`;
}

/** A share as people write it. */
export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(6))}%`;
}

/** A time as people write it, in its largest whole unit. */
export function spanText(ms: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const;
  const [unit, size] = units.find(([, one]) => ms >= one && ms % one === 0) ?? (['ms', 1] as const);
  return `${ms / size}${unit}`;
}
