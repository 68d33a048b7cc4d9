/**
 * Admission: one function for whoever asks, run when an action is asked for and again in full at its start. It
 * evaluates every guard; the first in order is the reason, all are shown. Pure.
 */
import type { Action, Facts, Hold, Mode, Own, RateSpec, SequencePlan, Verb } from '../model.ts';
import { lockKey } from './draft.ts';

export interface Asked {
  readonly verb: Verb;
  readonly action: Action;
  readonly mode: Mode;
  readonly modeFrom: string;
  readonly plan: SequencePlan;
  readonly own: Own;
  readonly facts: Facts;
  readonly chain: string;
  readonly at: number;
}

/** Every guard that holds the action now, in the order of admission; empty when it may go on to approval. */
export function admit(asked: Asked): readonly Hold[] {
  if (isMessage(asked.verb)) return [];
  const holds: Hold[] = [];
  if (asked.mode === 'observe') {
    holds.push({ reason: 'mode', message: `mode is observe (${asked.modeFrom}): would ${asked.verb.name}` });
  }
  holds.push(...pauses(asked), ...locked(asked));
  if (!asked.verb.safe && asked.action.phase === 0) holds.push(...budgets(asked));
  return holds;
}

/** Messages change nothing that serves or trains: they are never held, only deduplicated. */
export function isMessage(verb: Verb): boolean {
  return verb.name === 'notify' || verb.name === 'escalate';
}

/** Keys of the pauses that bind an action. */
export function pauseKeys(chain: string, verb: string): readonly string[] {
  return ['pause:all', `pause:target:${chain}`, `pause:verb:${verb}`];
}

function pauses({ facts, chain, verb }: Asked): Hold[] {
  return pauseKeys(chain, verb.name).flatMap(key => {
    const value = facts[key]?.value;
    if (value === null || value === undefined || typeof value !== 'object' || Array.isArray(value)) return [];
    const { by, reason } = value as { readonly by?: unknown; readonly reason?: unknown };
    return [
      { reason: 'paused' as const, message: `${key.slice(6)} is paused by ${String(by)}: ${String(reason)}` },
    ];
  });
}

function locked({ facts, action }: Asked): Hold[] {
  const value = facts[lockKey(action.call.subject)]?.value;
  const holder =
    value && typeof value === 'object' && !Array.isArray(value)
      ? (value as { action?: unknown }).action
      : undefined;
  if (holder === undefined || holder === action.id) return [];
  return [
    {
      reason: 'subject-locked',
      message: `${action.call.subject} is held by action ${String(holder).slice(0, 12)}`,
    },
  ];
}

/** Rate and cooldown of the Model, and of the policy for the first step of its sequence; the tighter binds. */
function budgets({ plan, own, action, verb, at }: Asked): Hold[] {
  const limits = plan.documents.model?.actions[verb.name];
  const guard = action.stepIndex === 0 ? plan.guard : {};
  const spent = own.spent[verb.name] ?? { at: [] };
  // At start, the action's own consumption does not count against it.
  const consumed = own.actions[action.id]?.state === 'intended' ? own.actions[action.id]?.at : undefined;
  const index = consumed === undefined ? -1 : spent.at.indexOf(consumed);
  const others = index < 0 ? spent.at : spent.at.toSpliced(index, 1);
  const rates = [limits?.rate, guard.rate].flatMap(rate =>
    rate ? overRate(rate, others, at, verb.name) : [],
  );
  const cooldownMs = Math.max(limits?.cooldownMs ?? 0, guard.cooldownMs ?? 0);
  const until = (spent.endedAt ?? Number.NEGATIVE_INFINITY) + cooldownMs;
  if (cooldownMs === 0 || until <= at) return rates;
  return [...rates, { reason: 'cooldown', message: `${verb.name} cools down after its last run`, until }];
}

function overRate(rate: RateSpec, spent: readonly number[], at: number, verb: string): Hold[] {
  const recent = spent.filter(one => one > at - rate.perMs);
  const oldest = recent.at(-rate.count);
  if (recent.length < rate.count || oldest === undefined) return [];
  const message = `${verb} was begun ${recent.length} times in its period, ${rate.count} are allowed`;
  return [{ reason: 'rate', message, until: oldest + rate.perMs }];
}
