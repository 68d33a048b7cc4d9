/** Blast radius: on how many targets disruptive sequences may begin within a period. Pure. */
import type { BlastRadiusSpec, Facts, Hold, Json } from '../model.ts';
import { asObject, listOf } from './fact-values.ts';

/** The fact that says which targets were acted on of late, fleet-wide: gathered from what each of them says of itself. */
export const ACTED = 'acted:fleet';
/** What each target says of itself is kept under this and its chain, so that actions of two targets do not meet in one row. */
export const ACTED_PREFIX = 'acted:';
/** Written by every sequence that a blast radius holds back, so that no two of them can pass it without seeing each other. */
export const RADIUS = 'radius:fleet';
/** Longer than any `per` may be; and more of them are not kept. */
const KEPT_MS = 366 * 86_400_000;
const MOST_KEPT = 5000;

/** One sequence that began to act on a target. */
export interface Acted {
  readonly at: number;
  readonly chain: string;
  readonly policy: string;
  readonly action: string;
}

/** A hold for each limit that this target would go beyond; `until` is when enough of the others are long enough ago. */
export function beyondRadius(
  limits: readonly BlastRadiusSpec[],
  of: { readonly facts: Facts; readonly chain: string; readonly policy: string; readonly at: number },
): readonly Hold[] {
  const acted = actedOf(of.facts);
  return limits.flatMap(limit => {
    const most = mostOf(limit);
    const others = acted.filter(
      one =>
        one.chain !== of.chain &&
        one.at > of.at - limit.perMs &&
        (limit.scope === 'fleet' || one.policy === of.policy),
    );
    const last = new Map<string, number>();
    for (const one of others) last.set(one.chain, Math.max(one.at, last.get(one.chain) ?? one.at));
    if (last.size < most) return [];
    const times = [...last.values()].sort((a, b) => a - b);
    const freed = times[times.length - most];
    const whose = limit.scope === 'fleet' ? 'all policies' : of.policy;
    const message = `blast radius: ${last.size} other targets were acted on by ${whose} within the period, ${most} are allowed`;
    return [
      {
        reason: 'blast-radius' as const,
        message,
        ...(freed === undefined ? {} : { until: freed + limit.perMs }),
      },
    ];
  });
}

/** The least of both; a share allows at least one. */
function mostOf({ targets, share, of }: BlastRadiusSpec): number {
  const shared = share === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor(share * of));
  return Math.min(targets ?? Number.POSITIVE_INFINITY, shared);
}

/** What a fact says, of one target or of all. */
export function actedOf(facts: Facts, key = ACTED): readonly Acted[] {
  return listOf(facts, key).flatMap(value => {
    const { at, chain, policy, action } = asObject(value) ?? {};
    const whole = typeof at === 'number' && typeof chain === 'string' && typeof policy === 'string';
    return whole ? [{ at, chain, policy, action: String(action) }] : [];
  });
}

/** Where a target keeps what it says of itself. */
export function actedKey(chain: string): string {
  return `${ACTED_PREFIX}${chain}`;
}

/** The fact with one more, without what is long ago. */
export function withActed(before: readonly Acted[], one: Acted): Json {
  const recent = before.filter(({ at }) => at > one.at - KEPT_MS);
  return [...recent, one].slice(-MOST_KEPT).map(each => ({ ...each }));
}

/** The fact without an action that was withdrawn before it began; undefined when it was not among them. */
export function withoutActed(before: readonly Acted[], action: string): Json | undefined {
  const rest = before.filter(one => one.action !== action);
  return rest.length === before.length ? undefined : rest.map(each => ({ ...each }));
}
