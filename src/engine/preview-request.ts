/** What a requested action would do, whatever holds it now: for plans, and for whoever waits for it. Pure. */
import type { Action, ActionHistory, Hold, Own, Snapshot } from '../model.ts';
import { admission } from './admit.ts';
import { approvalFor, refusedOf } from './approvals.ts';
import { beginDraft } from './draft.ts';
import { form, planOf } from './form.ts';
import type { Look } from './look.ts';
import { foldAll } from './look.ts';
import { isAside } from './records.ts';
import type { World } from './world.ts';

/** `holds`: every guard that would hold it, the first one first; an approval is none of them. */
export interface Preview {
  readonly own: Own;
  readonly action?: Action;
  readonly holds: readonly Hold[];
  /** Who would have to say yes; absent: nobody. */
  readonly approval?: {
    readonly from: readonly string[];
    readonly quorum: number;
    readonly expiresMs: number;
    readonly refused: readonly string[];
  };
  /** Why it can not be done. */
  readonly refused?: string;
}

/** A request as a look has left it, with what it would do; undefined when it is not there, or is over without an action. */
export function previewRequest(seen: Look, id: string, catalogue: World['catalogue']): Preview | undefined {
  const at = seen.snapshot.takenAt;
  const told = foldAll(seen.row.own, seen.inputs, at);
  const own = foldAll(told, seen.step.entries, at);
  const request = own.requests?.[id];
  if (request === undefined) return undefined;
  if (request.fate) return { own, holds: [], refused: request.fate.message };
  const under = underWay(own, request.episode);
  if (under) return { own, action: under.action, holds: [] };
  return { own, ...planned(own, seen.snapshot, seen.facts, request, catalogue) };
}

function underWay(own: Own, episode: number | undefined): ActionHistory | undefined {
  return Object.values(own.actions).find(
    one => one.episode === episode && !isAside(one.action.step) && one.state !== 'withdrawn',
  );
}

function planned(
  own: Own,
  snapshot: Snapshot,
  facts: Look['facts'],
  { closed, episode: id }: NonNullable<Own['requests']>[string],
  { verbs }: World['catalogue'],
): Omit<Preview, 'own'> {
  const episode = own.episodes[id ?? -1];
  const step = closed?.rules[0]?.then[0];
  const verb = verbs[step?.verb ?? ''];
  if (!episode || !closed || !step || !verb) return { holds: [] };
  const p = {
    draft: beginDraft(snapshot, { own, facts }, verbs),
    policy: closed,
    episode,
    verdict: undefined,
  };
  const plan = planOf(p);
  const formed = form(p, plan, step);
  if ('unbound' in formed) return { holds: [], refused: formed.unbound };
  if ('held' in formed) return { holds: [formed.held] };
  const { action } = formed;
  const approval = approvalFor({ verb, step, plan, episode, policy: closed, own, facts, action });
  return {
    action,
    holds: admission(p, plan, verb, action),
    ...(approval && {
      approval: {
        from: approval.from,
        quorum: approval.quorum,
        expiresMs: approval.expiresMs,
        refused: refusedOf(closed, episode, own),
      },
    }),
  };
}
