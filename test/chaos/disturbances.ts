/** What happens to several engines on one state, as a list that a seed repeats. Pure. */
import { type Random, randomOf } from './random.ts';

/** One thing at a time since the beginning; it lasts for `ms` where it lasts. Replicas count from 0. */
export type Disturbance = { readonly at: number; readonly ms: number } & (
  | { readonly what: 'kill' | 'end' | 'stop' | 'cut' | 'silence' | 'half-open'; readonly replica: number }
  /** The wire of a replica to the state is slower by `byMs`, each way. */
  | { readonly what: 'slow'; readonly replica: number; readonly byMs: number }
  /** The wall clock of its machine jumps, and back at the end. */
  | { readonly what: 'clock'; readonly replica: number; readonly byMs: number }
  | { readonly what: 'state'; readonly how: 'restart' | 'kill' }
  | {
      readonly what: 'plant';
      readonly call: 'start' | 'find' | 'poll';
      readonly how: 'before' | 'after' | 'slow';
    }
);

export interface Storm {
  readonly seed: number;
  readonly replicas: number;
  /** How long it lasts. */
  readonly ms: number;
  /** A stopped engine, and a silent wire, outlast this. */
  readonly leaseMs: number;
}

const HOUR_MS = 3_600_000;
/** Between two disturbances, on average. */
const PACE_MS = 900;

/** In order of time. However it falls: at the end of the storm, everything is well again. */
export function stormOf({ seed, replicas, ms, leaseMs }: Storm): readonly Disturbance[] {
  const random = randomOf(seed);
  const found: Disturbance[] = [];
  for (let at = 500; at < ms; at += random.between(PACE_MS / 3, (PACE_MS * 5) / 3)) {
    found.push(one(random, at, random.between(0, replicas - 1), leaseMs));
  }
  return found;
}

/** The state itself goes away seldom: while it does, nothing else has a chance to matter. */
function one(random: Random, at: number, replica: number, leaseMs: number): Disturbance {
  const long = random.between(leaseMs, 2 * leaseMs);
  const kind = random.between(1, 100);
  if (kind <= 24) return { what: 'kill', at, replica, ms: random.between(0, leaseMs) };
  if (kind <= 30) return { what: 'end', at, replica, ms: random.between(0, leaseMs) };
  if (kind <= 50) return { what: 'stop', at, replica, ms: long };
  if (kind <= 60) return { what: 'cut', at, replica, ms: 0 };
  if (kind <= 66) return { what: 'silence', at, replica, ms: long };
  if (kind <= 70) return { what: 'half-open', at, replica, ms: random.between(500, leaseMs) };
  if (kind <= 74) return { what: 'slow', at, replica, byMs: random.between(20, 200), ms: leaseMs };
  if (kind <= 82) {
    const byMs = random.pick([-HOUR_MS, HOUR_MS]);
    return { what: 'clock', at, replica, byMs, ms: random.between(1000, 3 * leaseMs) };
  }
  if (kind <= 85) return { what: 'state', at, how: random.pick(['restart', 'kill']), ms: 0 };
  const call = random.pick(['start', 'start', 'find', 'poll'] as const);
  return { what: 'plant', at, call, how: random.pick(['before', 'after', 'slow']), ms: 1000 };
}
