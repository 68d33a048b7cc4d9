/** `needs`: an observation counts only while what it needs is known to hold, such as enough traffic. Pure. */
import type { ClosedPolicy, Observation, ObservationSpec, Reading, Snapshot } from '../model.ts';
import { compile } from './condition.ts';
import { explain, render, shown } from './explain.ts';
import { type Answer, answerOf, scopeOfGroup } from './groups.ts';
import type { Scope } from './label-sets.ts';
import { readNames } from './names.ts';

type Observations = Snapshot['observations'];

/**
 * The observations, each unknown (`too-few`) whose `needs` is not known to be true; of a vector, the label sets for which it
 * is not. One that is unknown already keeps its own reason. Applied twice it gives the same.
 */
export function qualified(policies: readonly ClosedPolicy[], observations: Observations): Observations {
  const judged = policies.filter(policy => Object.values(policy.observe).some(spec => spec.needs));
  if (judged.length === 0) return observations;
  return Object.fromEntries(
    Object.entries(observations).map(([owner, byName]) => {
      const policy = judged.find(one => owner === one.policy || owner.startsWith(`${one.policy}#`));
      if (!policy) return [owner, byName];
      return [owner, ofOwner(policy, { ...observations[policy.policy], ...byName }, byName)];
    }),
  );
}

function ofOwner(
  policy: ClosedPolicy,
  all: Observations[string],
  mine: Observations[string],
): Observations[string] {
  const done = new Map<string, Observation>();
  const begun = new Set<string>();
  const judge = (name: string): Observation | undefined => {
    const one = all[name];
    const spec = policy.observe[name];
    const known = done.get(name);
    // Needs in a circle are refused at load; here they only must not hang.
    if (known || one === undefined || !spec?.needs || one.unknown || begun.has(name)) return known ?? one;
    begun.add(name);
    const read: Record<string, Observation> = {};
    for (const other of namesIn(spec)) {
      const judged = judge(other);
      if (judged) read[other] = judged;
    }
    const answer = withNeeds(one, spec, { ...scopeOf(policy), observations: read });
    done.set(name, answer);
    return answer;
  };
  return Object.fromEntries(Object.entries(mine).map(([name, one]) => [name, judge(name) ?? one]));
}

function namesIn(spec: ObservationSpec): readonly string[] {
  return spec.needs ? readNames(spec.needs.logic) : [];
}

function scopeOf({ target }: ClosedPolicy): Omit<Scope, 'observations'> {
  return { before: {}, steps: {}, target: { name: target.name, kind: target.kind } };
}

function withNeeds(one: Observation, spec: ObservationSpec, scope: Scope): Observation {
  const logic = spec.needs?.logic ?? null;
  const bySet = one.vector && compile(logic).names.some(name => scope.observations[name]?.vector);
  if (!bySet) {
    const found = answerOf(logic, scope);
    return found.answer === true ? one : { ...one, readings: [], unknown: tooFew(spec, scope, found) };
  }
  const readings = one.readings.map((reading): Reading => {
    const ofSet = scopeOfGroup(scope, reading.labels);
    const found = answerOf(logic, ofSet);
    if (found.answer === true || reading.unknown) return reading;
    return { labels: reading.labels, fields: {}, unknown: tooFew(spec, ofSet, found) };
  });
  return { ...one, readings };
}

function tooFew(
  spec: ObservationSpec,
  scope: Scope,
  { answer, set }: Answer,
): NonNullable<Observation['unknown']> {
  const logic = spec.needs?.logic ?? null;
  const { operands } = explain(logic, scope, set);
  const found = operands.map(one => `${one.name} ${shown(one)}`).join(', ');
  const why = answer === false ? 'does not hold' : 'is not known';
  return { reason: 'too-few', message: `it needs ${render(logic)}, and that ${why}: ${found}` };
}
