/** Going back: safe actions beside a sequence, one after the other, each with an id, an intent and attempts of its own. Pure. */
import type { Action, ActionHistory, CapabilityCall, Hold, SequencePlan, StepSpec } from '../model.ts';
import { admit } from './admit.ts';
import type { Draft } from './draft.ts';
import { form, type Progress, planOf } from './form.ts';
import { chainOf } from './ids.ts';
import { decide, factsOf, held, intend, NEVER, type Outlook } from './moves.ts';
import { isLive } from './records.ts';

/** The step of a rollout's shift back. */
export const BACK = '!rollout-back';
/** Steps that take back what a step of the sequence did: `!undo-promote`. */
export const UNDO = '!undo-';
const MOST_ATTEMPTS = 3;

/** It was begun in the name of what people and admission let in: neither its rule nor its policy must still be there. */
export function goesBack(step: string): boolean {
  return step === BACK || step.startsWith(UNDO);
}

/** How far going back is: what it waits for, that it is through, or why it cannot. */
export type Back =
  | { readonly outlook: Outlook }
  | { readonly done: true }
  | { readonly failed: string; readonly record?: ActionHistory };

/** Begins the first of the calls that has not succeeded, under this step. */
export function carryBack(p: Progress, id: string, calls: readonly CapabilityCall[]): Back {
  for (const [phase, _] of calls.entries()) {
    const record = recordOf(p, id, phase);
    if (record?.state === 'succeeded') continue;
    if (record !== undefined && isLive(record)) return { outlook: going(p, id) };
    const over = record !== undefined && record.state !== 'withdrawn';
    if (over && record.action.attempt >= MOST_ATTEMPTS) {
      return { failed: record.message ?? record.state, record };
    }
    return begin(p, id, calls, phase);
  }
  return { done: true };
}

/** The newest attempt of one call of going back, in this round. */
function recordOf({ draft, episode }: Progress, id: string, phase: number): ActionHistory | undefined {
  return Object.values(draft.own.actions).find(
    ({ episode: of, action }) =>
      of === episode.id &&
      action.step === id &&
      action.phase === phase &&
      action.round === episode.sequence.round,
  );
}

function going(p: Progress, id: string): Outlook {
  return { decision: decide(p, 'act', [], { id, verb: 'rollback' }), needs: [], wakeAt: NEVER };
}

function begin(p: Progress, id: string, calls: readonly CapabilityCall[], phase: number): Back {
  const { draft, policy, episode } = p;
  const step: StepSpec = { id, verb: 'rollback', args: {}, onNotMet: 'stop', position: policy.position };
  const plan = planOf(p);
  const aside = { ...p, episode: { ...episode, sequence: { ...episode.sequence, phase } } };
  const formed = form(aside, plan, step, calls);
  if ('unbound' in formed) return { failed: formed.unbound };
  if ('held' in formed) return { outlook: held(p, [formed.held], step) };
  const { action } = formed;
  const holds = holdsBack(draft, plan, action);
  if (holds.length > 0) return { outlook: { ...held(p, holds, step), read: factsOf(p, action) } };
  intend(aside, plan, action, undefined);
  return { outlook: going(p, id) };
}

/** What was begun was let in with its way back: only a pause that binds safe verbs, or a lock, holds it. */
export function holdsBack(
  { own, facts, at, verbs }: Draft,
  plan: SequencePlan,
  action: Action,
): readonly Hold[] {
  const verb = verbs.rollback;
  if (verb === undefined) return [{ reason: 'unbound', message: 'rollback is not known to this version' }];
  const chain = chainOf(action.target);
  const asked = { verb, action, mode: 'enforce' as const, modeFrom: '', plan, own, facts, chain, at };
  return admit(asked).filter(({ reason }) => reason === 'paused' || reason === 'subject-locked');
}
