/** The observations of a policy, closed together: each for itself, then what they say about each other. Pure. */
import type { ObservationSpec } from '../model.ts';
import { closeSingle, type Observeds } from './close-condition.ts';
import { closeObservation } from './close-observation.ts';
import { type Closing, type NamedStep, refuse } from './closing.ts';
import type { CheckedCondition } from './condition.ts';
import type { StepOutputs } from './lateness.ts';
import { point } from './lint-range.ts';
import { canBe } from './lint-truth.ts';
import type { Path } from './source.ts';
import { type Observed, outputDimension } from './variable.ts';
import { writtenRules } from './written-rules.ts';

export interface ClosedObservations {
  readonly specs: ReadonlyMap<string, ObservationSpec>;
  readonly observed: Observeds;
  /** The conditions of their `needs`. */
  readonly needs: readonly CheckedCondition[];
}

/** All observations; those with mistakes are noted, and undefined in `observed`. */
export function closeObservations(closing: Closing, steps: readonly NamedStep[]): ClosedObservations {
  const outputs = outputsOf(steps);
  const specs = new Map<string, ObservationSpec>();
  const observed = new Map<string, Observed | undefined>();
  for (const name of Object.keys(closing.spec.observe)) {
    const closed = closeObservation(closing, name, outputs);
    observed.set(name, closed?.observed);
    if (closed?.spec) specs.set(name, closed.spec);
  }
  const needs: CheckedCondition[] = [];
  for (const [name, { needs: written, empty }] of Object.entries(closing.spec.observe)) {
    if (written === undefined) continue;
    const found = needsOf(closing, name, observed);
    const spec = specs.get(name);
    if (found && spec) specs.set(name, { ...spec, needs: found.condition });
    if (found) needs.push(found);
    if (found && empty !== undefined) checkProof(closing, name, found, observed);
  }
  checkEmpty(closing);
  return { specs, observed, needs };
}

/** Rules may have steps of the same id: an observation waits for the one of the rule that it is taken for. */
function outputsOf(steps: readonly NamedStep[]): StepOutputs {
  const outputs = new Map<string, (output: string) => boolean>();
  for (const step of steps) {
    const others = outputs.get(step.id);
    outputs.set(
      step.id,
      output => outputDimension(step.outputs, output) !== undefined || others?.(output) === true,
    );
  }
  return outputs;
}

function needsOf(closing: Closing, name: string, observed: Observeds): CheckedCondition | undefined {
  const path: Path = ['spec', 'observe', name, 'needs'];
  const written = closing.spec.observe[name]?.needs;
  if (written === undefined) return undefined;
  const where = `needs of ${name}`;
  const found = closeSingle(closing, written, path, { steps: [], ran: 0, observed, where });
  if (found === undefined) return undefined;
  if (found.observations.includes(name))
    return refuse(
      closing,
      path,
      `${where} reads ${name} itself, so neither would ever be known; expected other observations`,
    );
  const chained = found.observations.find(one => closing.spec.observe[one]?.needs !== undefined);
  if (chained !== undefined)
    return refuse(
      closing,
      path,
      `${where} reads ${chained}, which needs something itself; expected observations that need nothing`,
    );
  return found;
}

/** What holds of counts that are all nothing proves no traffic. Of other dimensions it is not known what nothing would be. */
function checkProof(closing: Closing, name: string, found: CheckedCondition, observed: Observeds): void {
  const counts = found.observations.every(one => observed.get(one)?.dimension === 'count');
  if (!counts || !canBe(found.condition.logic, true, () => point(0))) return;
  refuse(
    closing,
    ['spec', 'observe', name, 'needs'],
    `needs of ${name} holds when ${found.observations.join(' and ')} is 0 as well, so empty would take an outage for health; expected a condition that proves there was traffic`,
    'Such as needs: requests >= 100.',
  );
}

/** A value for no answer makes a dead endpoint look healthy, unless something else proves that it lives. */
function checkEmpty(closing: Closing): void {
  for (const [name, raw] of Object.entries(closing.spec.observe)) {
    if (raw.empty === undefined || raw.needs !== undefined) continue;
    const rules = writtenRules(closing.spec);
    if (rules.every(({ text }) => text.then === undefined && text.gate?.needs !== undefined)) continue;
    refuse(
      closing,
      ['spec', 'observe', name, 'empty'],
      `empty takes no answer for ${JSON.stringify(raw.empty)}, so an outage would look like health; expected needs beside it: a condition over another observation that proves there was traffic`,
      'Such as needs: requests >= 100.',
    );
  }
}
