/** Which steps of a sequence that gives up are taken back. Pure. */
import type { ActionHistory, StallReason } from '../model.ts';
import { type Progress, planOf } from './form.ts';

const TAKEN_BACK_AFTER: readonly StallReason[] = [
  'not-verified',
  'step-failed',
  'not-met',
  'unbound',
  'loop',
  'rollout-failed',
];

/** Ids of the steps that did something and ask for it, the last one first; none after any other reason. */
export function undoable(p: Progress, reason: StallReason): readonly string[] {
  const { draft, episode } = p;
  if (episode.sequence.status === 'undoing' || !TAKEN_BACK_AFTER.includes(reason)) return [];
  const records = Object.values(draft.own.actions).filter(
    one => one.episode === episode.id && one.action.round === episode.sequence.round,
  );
  const steps = planOf(p).steps.filter(
    step => step.undo === true && records.some(one => one.action.step === step.id && hasChanged(one)),
  );
  return steps.map(step => step.id).reverse();
}

/** A rollout that did not get through goes back by itself; of anything else one effect is enough. */
function hasChanged({ action, state }: ActionHistory): boolean {
  if (state !== 'succeeded' || (action.undo ?? []).length === 0) return false;
  const rollout = action.calls.some(call => call.rollout !== undefined);
  return !rollout || action.phase + 1 === action.phases;
}
