/**
 * Compensation: a sequence that gave up takes back what its finished steps did, where they ask for it, the last one first. Pure.
 *
 * Not after a cancel, nor when nobody could judge the remedy, nor when somebody has taken the version out: what is not known
 * to be bad is not taken back by itself, and nobody is fought.
 */
import type { CapabilityCall, StallReason } from '../model.ts';
import { carryBack, UNDO } from './back.ts';
import { promotedBy } from './fold-reverts.ts';
import { type Progress, planOf } from './form.ts';
import { type Outlook, stall } from './moves.ts';

/** Takes the next step back; stalls with what came of it once all are through. */
export function undo(p: Progress): Outlook {
  const { sequence } = p.episode;
  const { steps, reason, message } = sequence.undo ?? {
    steps: [],
    reason: 'step-failed' as const,
    message: '',
  };
  const told: string[] = [];
  for (const id of steps) {
    const back = carryBack(p, `${UNDO}${id}`, callsOf(p, id));
    if ('outlook' in back) return back.outlook;
    told.push('done' in back ? `${id} was taken back` : `${id} could not be taken back (${back.failed})`);
  }
  return stall(p, reason, `${message}. ${told.join('; ')}`, pagesAfter(p, reason));
}

/** Frozen before the step began. A version that is out of service by now is left where it is. */
function callsOf({ draft, episode }: Progress, id: string): readonly CapabilityCall[] {
  const records = Object.values(draft.own.actions).filter(
    one => one.episode === episode.id && one.action.round === episode.sequence.round,
  );
  const of = records.find(one => one.action.step === id);
  const begun = records.some(one => one.action.step === `${UNDO}${id}`);
  const version = of && promotedBy(of.action);
  const taken = version !== undefined && Object.hasOwn(draft.own.reverted, version);
  return taken && !begun ? [] : (of?.action.undo ?? []);
}

function pagesAfter(p: Progress, reason: StallReason): boolean {
  return reason !== 'not-met' || planOf(p).steps[p.episode.sequence.stepIndex]?.onNotMet === 'escalate';
}
