/** The effects and events of a PolicyTest: of steps, outputs, people and verbs that are there. Pure. */
import type { ClosedPolicy } from '../model.ts';
import { oneOf } from './diagnostic.ts';
import { EVENT_NAMES } from './test-events.ts';
import { refuse, refuseName, type Testing } from './testing.ts';
import { outputDimension } from './variable.ts';

/** Notes what the effects name and is not there. */
export function checkEffects(testing: Testing, policy: ClosedPolicy): void {
  const steps = new Map(policy.rules.flatMap(rule => rule.then.map(step => [step.id, step.verb] as const)));
  const verbs = [...new Set([...steps.values(), 'escalate'])];
  for (const [i, effect] of testing.spec.effects.entries()) {
    const path = ['spec', 'effects', i];
    const [word, name, known] =
      effect.step === undefined
        ? (['verb', effect.verb ?? '', verbs] as const)
        : (['step', effect.step, [...steps.keys()]] as const);
    if (!known.includes(name)) {
      refuseName(testing, [...path, word], `policy ${policy.policy} has no ${word} ${name}`, name, known);
      continue;
    }
    const verb = testing.catalogue.verbs[effect.verb ?? steps.get(name) ?? ''];
    for (const output of Object.keys(effect.outputs ?? {})) {
      const outputs = Object.keys(verb?.outputs ?? {});
      if (verb === undefined || outputDimension(verb.outputs, output) !== undefined) continue;
      refuseName(testing, [...path, 'outputs', output], `${verb.name} gives no ${output}`, output, outputs);
    }
  }
}

/** Notes an author whom nobody knows: then nobody could be refused. */
export function checkAuthor(testing: Testing, policy: ClosedPolicy): void {
  const people = Object.keys(policy.documents.people);
  const { author } = testing.spec;
  if (author !== undefined && !people.includes(author))
    refuseName(testing, ['spec', 'author'], `there is no person ${author}`, author, people);
}

/** Notes what the events name and is not there. */
export function checkEvents(testing: Testing, policy: ClosedPolicy): void {
  const people = Object.keys(policy.documents.people);
  const verbs = Object.keys(testing.catalogue.verbs);
  for (const [i, event] of testing.spec.events.entries()) {
    const path = ['spec', 'events', i];
    if (!EVENT_NAMES.some(word => event[word] !== undefined))
      refuse(testing, path, `nothing happens at that time; expected ${oneOf(EVENT_NAMES)}`);
    for (const word of ['approve', 'deny'] as const) {
      const by = event[word]?.by;
      if (by === undefined || people.includes(by)) continue;
      refuseName(testing, [...path, word, 'by'], `there is no person ${by}`, by, people);
    }
    const verb = event.cancel?.verb;
    if (verb !== undefined && !verbs.includes(verb))
      refuseName(testing, [...path, 'cancel', 'verb'], `there is no verb ${verb}`, verb, verbs);
    for (const word of ['pause', 'resume'] as const) {
      const scope = event[word]?.scope;
      const target = `${policy.target.kind}/${policy.target.name}`;
      const known = ['all', target, ...verbs];
      if (scope !== undefined && !known.includes(scope))
        refuseName(testing, [...path, word, 'scope'], `${word} of ${scope}`, scope, known);
    }
  }
}
