/** What our own promotions put into service, and what somebody else took out again. Pure. */
import type { Action, ActionHistory, Derived, Own } from '../model.ts';
import { without } from './records.ts';

/** Versions that were taken out are remembered, the newest first, up to so many. */
const MOST_REVERTED = 100;

/** The version that an action of `promote` brings in; undefined of any other action. */
export function promotedBy({ verb, calls }: Pick<Action, 'verb' | 'calls'>): string | undefined {
  if (verb !== 'promote') return undefined;
  const version = calls.find(one => one.capability === 'registry.point')?.args.version;
  return typeof version === 'string' ? version : undefined;
}

/** The champion was pointed: by a promotion it is remembered as ours, by anything else of ours there is none. */
export function placed(own: Own, { action, episode }: ActionHistory, at: number): Own {
  if (action.call.capability !== 'registry.point') return own;
  const version = promotedBy(action);
  const { placed: _, ...rest } = own;
  if (version === undefined) return rest;
  return { ...rest, reverted: without(own.reverted, version), placed: { version, at, episode } };
}

/** Remembered until a person lets it in again, or brings it back. */
export function foldReverted(own: Own, body: Extract<Derived, { kind: 'reverted' }>, at: number): Own {
  const { placed: _, ...rest } = own;
  const { version, to } = body;
  if (body.state === 'back') return { ...rest, reverted: without(own.reverted, version) };
  const newest = Object.entries(own.reverted).sort(([a, { at: left }], [b, { at: right }]) =>
    left === right ? (a < b ? -1 : 1) : right - left,
  );
  const kept = newest.filter(([name]) => name !== version).slice(0, MOST_REVERTED - 1);
  return {
    ...rest,
    reverted: { ...Object.fromEntries(kept), [version]: { at, to } },
    // What people took out is nowhere to go back to.
    verifiedVersions: own.verifiedVersions.filter(one => one !== version),
  };
}
