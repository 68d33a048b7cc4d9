/**
 * Coalescing: a second cause that wants what is under
 * way already adopts it and goes on with its outcome; another action waits. Pure but for the draft.
 */
import type { Action, Derived, Hold, Json, SequencePlan } from '../model.ts';
import { causeOf, emit, lockKey } from './draft.ts';
import { asObject, objectOf } from './fact-values.ts';
import type { Progress } from './form.ts';
import { chainOf } from './ids.ts';
import { lockOf, outcomeKey } from './locks.ts';
import { decide, NEVER, type Outlook } from './moves.ts';

/** Holds that do not keep an action from sharing one that is under way: nothing more is begun or consumed. */
const SHAREABLE = ['subject-locked', 'blast-radius', 'rate', 'cooldown'];

/** Adopts the action that holds the subject when it is the same one; undefined when it is not, or something else holds. */
export function adopt(
  p: Progress,
  plan: SequencePlan,
  action: Action,
  holds: readonly Hold[],
): Outlook | undefined {
  const { draft, policy, episode } = p;
  const lock = lockOf(draft.facts, action.call.subject);
  if (lock?.call === undefined || lock.call !== action.callHash || lock.action === action.id)
    return undefined;
  if (action.call.rollout || holds.some(({ reason }) => !SHAREABLE.includes(reason))) return undefined;
  emit(draft, {
    kind: 'adopted',
    cause: causeOf(policy, episode.cause.rule, episode.cause.group),
    episode: episode.id,
    action,
    plan,
    running: lock.action,
    chain: lock.chain ?? chainOf(policy.target),
  });
  return sharing(p, action);
}

/** Waits for an adopted action's end; undefined when the sequence adopts none. */
export function awaitAdopted(p: Progress): Outlook | undefined {
  const { draft, policy, episode } = p;
  const { adopts } = episode.sequence;
  if (adopts === undefined) return undefined;
  const { running, action } = adopts;
  const plan = episode.plan;
  const ended = objectOf(draft.facts, outcomeKey(running, chainOf(policy.target)));
  const held = lockOf(draft.facts, action.call.subject)?.action === running;
  if (plan === undefined || (ended === undefined && held)) return sharing(p, action);
  const outcome = outcomeOf(ended?.outcome);
  const outputs = asObject(ended?.outputs);
  emit(draft, {
    kind: 'adopted',
    cause: causeOf(policy, episode.cause.rule, episode.cause.group),
    episode: episode.id,
    action,
    plan,
    running,
    chain: chainOf(policy.target),
    outcome,
    ...(outputs ? { outputs } : {}),
    ...(typeof ended?.message === 'string' ? { message: ended.message } : {}),
  });
  return { ...sharing(p, action), wakeAt: draft.at };
}

type Ended = NonNullable<Extract<Derived, { kind: 'adopted' }>['outcome']>;

/** Without a word about its end it never was, and the sequence begins it itself. */
function outcomeOf(said: Json | undefined): Ended {
  const known: readonly string[] = ['succeeded', 'failed', 'timed-out', 'cancelled', 'withdrawn'];
  return typeof said === 'string' && known.includes(said) ? (said as Ended) : 'withdrawn';
}

function sharing(p: Progress, action: Action): Outlook {
  const read = [lockKey(action.call.subject)];
  return {
    decision: decide(p, 'act', [], { id: action.step, verb: action.verb }),
    needs: [],
    wakeAt: NEVER,
    read,
  };
}
