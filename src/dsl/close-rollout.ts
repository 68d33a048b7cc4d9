/** The rollout by which a promotion moves traffic, closed by value with the gates of its holds, for one model. Pure. */
import type { Diagnostic, Json, ObservationSpec, RolloutGate, RolloutSpec } from '../model.ts';
import { beginClosing, scheduleOf } from './begin-closing.ts';
import { type ClosedRules, closeRules } from './close-rules.ts';
import { type Closing, type NamedStep, refuseBindingKey } from './closing.ts';
import { didYouMean, hasErrors, oneOf } from './diagnostic.ts';
import { exclusionOf } from './exclusion.ts';
import { ofKind, type Shelved, settingsOf } from './library.ts';
import type { PolicySpec } from './policy.ts';
import { selectTargets } from './select-targets.ts';
import { keysOf } from './shape.ts';
import type { Path } from './source.ts';

/** What a closure says of the rollouts that its promotions use. */
export interface ClosedRollouts {
  readonly rollouts: Readonly<Record<string, RolloutSpec>>;
  readonly gates: Readonly<Record<string, RolloutGate>>;
}

const NONE: ClosedRollouts = { rollouts: {}, gates: {} };

/**
 * The rollout that the model's promotions use and the gates of its steps, closed for this model, whose data and connections
 * join those of the policy; empty without one, or after noting why there is none.
 */
export function closeRollouts(closing: Closing, steps: readonly NamedStep[]): ClosedRollouts {
  const step = steps.find(one => one.verb.name === 'promote');
  const name = closing.model?.actions.promote?.rollout;
  if (step === undefined || name === undefined || name === 'direct') return NONE;
  const rollouts = settingsOf(closing.library)?.rollouts;
  // Settings with a mistake have told it.
  if (rollouts === undefined && settingsOf(closing.library) === undefined) return NONE;
  const path: Path = [...step.path, step.verb.name];
  const rollout = Object.hasOwn(rollouts ?? {}, name) ? rollouts?.[name] : undefined;
  if (rollout === undefined) {
    const known = ['direct', ...Object.keys(rollouts ?? {})];
    refuseBindingKey(
      closing,
      path,
      `model ${closing.target.name} promotes by rollout ${name}, which Settings do not have; expected ${oneOf(known)}`,
      didYouMean(name, known),
    );
    return NONE;
  }
  const names = [...new Set(rollout.steps.flatMap(one => one.gate ?? []))];
  const gates = names.map(gate => closeGateFor({ closing, path, rollout: name }, gate));
  return {
    rollouts: { [name]: rollout },
    gates: Object.fromEntries(gates.flatMap(gate => (gate === undefined ? [] : [[gate.name, gate]]))),
  };
}

/** The promotion that a gate is closed for. */
interface Use {
  readonly closing: Closing;
  readonly path: Path;
  readonly rollout: string;
}

/** The gate as a policy of its own says it of this model; undefined after noting why it says nothing. */
function closeGateFor(use: Use, name: string): RolloutGate | undefined {
  const { closing } = use;
  const [policy = '', rule] = name.split('/');
  const shelved = closing.library.byName.get(`Policy ${policy}`);
  if (shelved === undefined) {
    const known = ofKind(closing.library, 'Policy').map(one => one.name);
    return misses(
      use,
      `gate ${name}, and there is no policy ${policy}`,
      oneOf(known),
      didYouMean(policy, known),
    );
  }
  const { document } = shelved;
  if (document === undefined)
    return mistaken(use, name, shelved.diagnostics[0] ?? shelved.checked.diagnostics[0]);
  const spec = document.spec as PolicySpec;
  const { target, model } = closing;
  const same = selectTargets(spec.target, closing.library).some(
    one => one.kind === target.kind && one.name === target.name,
  );
  if (!same) {
    const at = `its target at ${place(shelved)} is not model ${target.name}`;
    return misses(
      use,
      `gate ${name}, and ${at}`,
      'a gate whose target is the model, or labels that the model has',
    );
  }
  const excluded = exclusionOf(model, policy);
  if (excluded !== undefined)
    return misses(use, `gate ${name}, which model ${target.name} excludes`, 'a gate that applies to it');
  return closedGate(use, name, shelved, spec, rule);
}

function closedGate(
  use: Use,
  name: string,
  shelved: Shelved,
  spec: PolicySpec,
  rule: string | undefined,
): RolloutGate | undefined {
  const { closing } = use;
  const diagnostics: Diagnostic[] = [];
  const written = { policy: shelved.name, spec, source: shelved.checked.source };
  const own = beginClosing(written, closing.target, closing.library, closing.catalogue, diagnostics);
  const { everyMs } = scheduleOf(own);
  const closed = closeRules(own, everyMs);
  if (hasErrors(diagnostics)) {
    return mistaken(
      use,
      name,
      diagnostics.find(one => one.severity === 'error'),
    );
  }
  const found = closed.rules.find(
    one =>
      one.gate?.on === 'rollout' && (rule === undefined || one.name === rule || one.name === `${rule}.gate`),
  );
  if (found?.gate?.on !== 'rollout')
    return misses(use, `${name}, which is no gate on a rollout`, 'one that is');
  for (const [key, dataset] of own.datasets) closing.datasets.set(key, dataset);
  for (const [key, connection] of own.connections) closing.connections.set(key, connection);
  const { needs, fails } = found.gate;
  const read = observedBy([found.when.logic, needs?.logic ?? null], closed.observe);
  const observe = mapped(read, one => sided(one, closing));
  return { name, everyMs, observe, ...(needs && { needs }), closed: found.when, fails };
}

function misses({ closing, path, rollout }: Use, what: string, expected: string, hint?: string): undefined {
  const promotes = `model ${closing.target.name} promotes by rollout ${rollout}`;
  return refuseBindingKey(closing, path, `${promotes}, which has ${what}; expected ${expected}`, hint);
}

/** The mistake itself is told where it stands, when the gate's policy is closed for itself. */
function mistaken(use: Use, name: string, first: Diagnostic | undefined): undefined {
  const at = first?.position;
  const see = at === undefined ? undefined : `See ${at.file}:${at.line}:${at.column}.`;
  return misses(use, `gate ${name}, and that has a mistake for this model`, 'one without', see);
}

function place({ checked }: Shelved): string {
  const { file, line } = checked.source.at(['spec', 'target']);
  return `${file}:${line}`;
}

type Observe = ClosedRules['observe'];

/** The observations that conditions read, and those that these need in turn. */
function observedBy(logics: readonly Json[], observe: Observe): Observe {
  const names = new Set<string>();
  const add = (logic: Json) => {
    for (const name of rootsOf(logic)) {
      const spec = Object.hasOwn(observe, name) ? observe[name] : undefined;
      if (spec === undefined || names.has(name)) continue;
      names.add(name);
      if (spec.needs) add(spec.needs.logic);
    }
  };
  for (const logic of logics) add(logic);
  return Object.fromEntries(Object.entries(observe).filter(([name]) => names.has(name)));
}

function rootsOf(logic: Json): readonly string[] {
  if (logic === null || typeof logic !== 'object') return [];
  if (Array.isArray(logic)) return logic.flatMap(one => rootsOf(one as Json));
  return Object.entries(logic).flatMap(([op, args]) =>
    op === 'var' ? [String(Array.isArray(args) ? args[0] : args).split('.')[0] ?? ''] : rootsOf(args as Json),
  );
}

/** Of an evaluator that tells versions apart, each side is that of its own version. */
function sided(spec: ObservationSpec, { catalogue }: Closing): ObservationSpec {
  const evaluator = catalogue.evaluators[spec.evaluator];
  if (!spec.sides || spec.args.version !== undefined || evaluator === undefined) return spec;
  if (!keysOf(evaluator.args)([]).includes('version')) return spec;
  return { ...spec, args: { ...spec.args, version: { $: 'side.revision' } } };
}

function mapped(of: Observe, change: (one: ObservationSpec) => ObservationSpec): Observe {
  return Object.fromEntries(Object.entries(of).map(([name, one]) => [name, change(one)]));
}
