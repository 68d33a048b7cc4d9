/** Load errors that protect: rules that read well and would do harm, or could never do what they say. Pure. */
import type { ObservationSpec, StepSpec, VerifySpec } from '../model.ts';
import type { NamedStep } from './close-step.ts';
import { type Closing, refuse, refuseKey } from './closing.ts';
import { warning } from './diagnostic.ts';
import { formatDuration } from './quantity.ts';
import type { Path } from './source.ts';

/** What is looked at: parts that could not be closed are left out, and have their own mistakes. */
export interface Protected {
  readonly steps: readonly NamedStep[];
  readonly closed: readonly StepSpec[];
  readonly observe: Readonly<Record<string, ObservationSpec>>;
  readonly verify: VerifySpec | undefined;
  /** Observations that `verify.that` reads. */
  readonly verified: readonly string[];
  /** Of the rule. */
  readonly path: Path;
  /** True when it has a verify, right or wrong. */
  readonly verifies: boolean;
}

/** Notes every rule that must not be in force. */
export function protect(closing: Closing, rule: Protected): void {
  const promote = rule.steps.findIndex(step => step.verb.name === 'promote');
  if (promote >= 0) {
    refuseOwnYardstick(closing, rule);
    refuseUnprovenVersion(closing, rule);
  }
  refuseSliceForAll(closing, rule, promote);
  refuseEarlyVerify(closing, rule);
  warnOfBlindness(closing, rule);
}

function refuseOwnYardstick(closing: Closing, { observe, verified, path }: Protected): void {
  for (const name of verified) {
    if (observe[name]?.reference?.kind !== 'training') continue;
    refuse(
      closing,
      [...path, 'verify', 'that'],
      `verify reads ${name}, whose reference is the champion's training data, and promote changes the champion, so the remedy moves its own yardstick; expected a metric, or a reference that stays`,
    );
  }
}

/** A version that was just trained goes into service only on a condition. */
function refuseUnprovenVersion(closing: Closing, { steps, closed }: Protected): void {
  for (const step of closed) {
    const slot = (step.args.version as { readonly $?: string } | undefined)?.$;
    const named = steps.find(one => one.id === step.id);
    if (
      step.verb !== 'promote' ||
      slot === undefined ||
      named === undefined ||
      named.raw.require !== undefined
    )
      continue;
    const maker = steps.find(one => one.id === slot.split('.')[1]);
    if (maker?.verb.name !== 'retrain') continue;
    refuseKey(
      closing,
      [...named.path, 'promote'],
      `promote puts the version that ${maker.id} has just trained into service without a condition; expected require, such as a metric of evaluate`,
    );
  }
}

function refuseSliceForAll(closing: Closing, { steps }: Protected, promote: number): void {
  for (const [i, step] of steps.entries()) {
    const args = step.raw[step.verb.name];
    if (
      step.verb.name !== 'retrain' ||
      typeof args !== 'object' ||
      args === null ||
      !('only' in args) ||
      promote < i
    )
      continue;
    refuseKey(
      closing,
      [...step.path, 'retrain', 'only'],
      'only trains on a slice, and the promote after it would serve everyone with that version; expected focus, which keeps a share of the rest (promote for one slice is not in this version)',
    );
  }
}

function refuseEarlyVerify(closing: Closing, { observe, verify, verified, path }: Protected): void {
  if (verify === undefined) return;
  if (verified.length === 0)
    refuse(
      closing,
      [...path, 'verify', 'that'],
      'verify reads no observation, so it is answered by what a step said of itself and never by what came of it; expected a name of observe',
    );
  for (const name of verified) {
    const observation = observe[name];
    if (observation === undefined) continue;
    if (observation.windowMs === undefined) {
      refuse(
        closing,
        [...path, 'verify', 'that'],
        `verify reads ${name}, which has no window, so nothing says that it is about the time after the remedy; expected a window (on a query: how far back it looks)`,
      );
      continue;
    }
    const joined = closing.catalogue.evaluators[observation.evaluator]?.reads === 'predictions+labels';
    const delayMs = joined ? (closing.model?.data.labels?.delayMs ?? 0) : 0;
    const windowMs = observation.windowMs ?? 0;
    if (verify.withinMs >= windowMs + delayMs) continue;
    const needs =
      delayMs > 0
        ? `its window is ${formatDuration(windowMs)} and labels come ${formatDuration(delayMs)} later`
        : `its window is ${formatDuration(windowMs)}`;
    refuse(
      closing,
      [...path, 'verify', 'within'],
      `within is ${formatDuration(verify.withinMs)}, and ${name} cannot be judged on data after the remedy by then: ${needs}; expected at least ${formatDuration(windowMs + delayMs)}`,
    );
  }
}

function warnOfBlindness(closing: Closing, { steps, verifies }: Protected): void {
  const step = steps.find(one => one.verb.disruptive && !one.verb.safe);
  if (step === undefined || verifies) return;
  closing.diagnostics.push(
    warning(
      'no-verify',
      closing.source.atKey([...step.path, step.verb.name]),
      `${step.verb.name} changes what runs, and no verify says whether it helped; expected verify beside then`,
    ),
  );
}
