/** A Policy compiled closed for its target: with everything that it refers to, from one commit, by value. Pure. */
import type {
  Catalogue,
  ClosedPolicy,
  Commit,
  Diagnostic,
  ObservationSpec,
  Rule,
  StepSpec,
  TargetRef,
  VerifySpec,
} from '../model.ts';
import { checkGuard } from './approval.ts';
import { closeObservation } from './close-observation.ts';
import { closeStep, type NamedStep, nameSteps } from './close-step.ts';
import { type Closing, closeConnection, closeDataset, plain, refuse } from './closing.ts';
import { type CheckedCondition, checkCondition } from './condition.ts';
import { error, hasErrors } from './diagnostic.ts';
import { actingHash, closureHash } from './hashes.ts';
import { type Library, lookUp, ofKind, type Shelved, settingsOf } from './library.ts';
import { effectiveMode } from './mode.ts';
import type { PolicySpec } from './policy.ts';
import { protect } from './protect.ts';
import type { Path } from './source.ts';
import { type Names, type Observed, outputDimension } from './variable.ts';

/** The name of a policy's one rule; lists of named rules are not in this version. */
export const ONE_RULE = 'rule';

/** The closed policy, or every reason why it cannot be closed (warnings stand in both). */
export function closePolicy(
  shelved: Shelved,
  library: Library,
  input: { readonly commit: Commit; readonly env: string; readonly catalogue: Catalogue },
): { readonly closed?: ClosedPolicy; readonly diagnostics: readonly Diagnostic[] } {
  const { checked } = shelved;
  const document = shelved.document ?? checked.salvaged;
  if (document === undefined) return { diagnostics: [] };
  const diagnostics: Diagnostic[] = [];
  const spec = document.spec as PolicySpec;
  const settings = settingsOf(library);
  if (settings === undefined) {
    const at = ofKind(library, 'Settings')[0]?.checked.source.start;
    const where = at === undefined ? '' : `See ${at.file}:${at.line}.`;
    diagnostics.push(
      error(
        checked.source.start,
        'the Settings have a mistake of their own; expected Settings without',
        where,
      ),
    );
  }
  const closing = begin(shelved, spec, library, input.catalogue, diagnostics);
  if (closing === undefined) return { diagnostics };
  const rule = closeRule(closing);
  // Of a document with mistakes only further mistakes are of interest.
  if (shelved.document === undefined)
    return { diagnostics: diagnostics.filter(one => one.severity === 'error') };
  if (rule === undefined || settings === undefined || hasErrors(diagnostics)) return { diagnostics };
  const mode = effectiveMode({
    env: input.env,
    settings: settings.mode,
    model: closing.model?.mode,
    policy: spec.mode,
    acted: actedOn(closing, rule.steps),
  });
  const body = {
    policy: document.name,
    target: closing.target,
    labels: document.labels,
    ...(spec.description !== undefined && { description: spec.description }),
    position: document.position,
    ...mode,
    everyMs: spec.every,
    observe: rule.observe,
    rules: [rule.rule],
    guard: rule.guard,
    documents: {
      ...(closing.model && { model: closing.model }),
      ...(closing.dataset && { dataset: closing.dataset }),
      datasets: Object.fromEntries(closing.datasets),
      connections: Object.fromEntries(closing.connections),
      people: settings.people,
      groups: settings.groups,
    },
    positions: document.positions,
    text: document.text,
  };
  const hashed = { ...body, actingHash: actingHash(body, input.catalogue) };
  return { closed: { ...hashed, closureHash: closureHash(hashed), commit: input.commit }, diagnostics };
}

/** Resolves the target, without which nothing else can be said. */
function begin(
  { checked }: Shelved,
  spec: PolicySpec,
  library: Library,
  catalogue: Catalogue,
  diagnostics: Diagnostic[],
): Closing | undefined {
  const target = targetOf(spec);
  const at = checked.source.at(['spec', 'target', target.kind]);
  const note = (diagnostic: Diagnostic) => diagnostics.push(diagnostic);
  const model = target.kind === 'model' ? lookUp(library, 'Model', target.name, at, note) : undefined;
  const dataset = target.kind === 'dataset' ? lookUp(library, 'Dataset', target.name, at, note) : undefined;
  const connection =
    target.kind === 'connection' ? lookUp(library, 'Connection', target.name, at, note) : undefined;
  if (model === undefined && dataset === undefined && connection === undefined) return undefined;
  const closing: Closing = {
    ...{ source: checked.source, spec, library, catalogue, diagnostics, target, model, dataset },
    ...{ datasets: new Map(), connections: new Map() },
  };
  const path: Path = ['spec', 'target', target.kind];
  if (dataset) closeDataset(closing, dataset.name, path);
  if (connection) closeConnection(closing, connection.name, path);
  if (model) keepModel(closing, path);
  return closing;
}

/** All roles and places of the Model: verbs and references read them when they run. */
function keepModel(closing: Closing, path: Path): void {
  const { data, registry, serving, pipelines } = closing.model ?? { data: {}, pipelines: {} };
  for (const role of Object.values(data)) if (role) closeDataset(closing, role.dataset, path);
  for (const place of [registry, serving, ...Object.values(pipelines)])
    if (place) closeConnection(closing, place.connection, path);
}

function targetOf({ target }: PolicySpec): TargetRef {
  for (const kind of ['model', 'dataset', 'connection'] as const) {
    const name = target[kind];
    if (name !== undefined) return { kind, name };
  }
  throw new Error('flyball bug: the validator let a target through that names nothing');
}

interface ClosedRule {
  readonly rule: Rule;
  readonly steps: readonly NamedStep[];
  readonly observe: Readonly<Record<string, ObservationSpec>>;
  readonly guard: ClosedPolicy['guard'];
}

function closeRule(closing: Closing): ClosedRule | undefined {
  const { spec } = closing;
  const steps = nameSteps(closing);
  const { specs, observed } = closeObservations(closing, steps);
  const conditions = closeConditions(closing, steps, observed);
  const then = closeSteps(closing, steps, observed, conditions);
  const verify = verifyOf(spec, conditions.verify);
  const guard = {
    ...(spec.guard.cooldown !== undefined && { cooldownMs: spec.guard.cooldown }),
    ...(spec.guard.rate && { rate: spec.guard.rate }),
  };
  checkGuard(
    closing,
    guard,
    steps.map(step => step.verb.name),
  );
  const observe = withThresholds(specs, conditions.all);
  protect(closing, { steps, closed: then, observe, verify, verified: conditions.verify?.observations ?? [] });
  const when = conditions.when?.condition;
  if (when === undefined) return undefined;
  const rule: Rule = {
    name: ONE_RULE,
    when,
    forMs: spec.for,
    ...(conditions.clear && { clear: conditions.clear.condition }),
    keepForMs: spec.keepFor,
    staleAfterMs: spec.staleAfter ?? Math.max(3 * spec.every, spec.for),
    then,
    ...(verify && { verify }),
  };
  return { rule, steps, observe, guard };
}

function closeObservations(closing: Closing, steps: readonly NamedStep[]) {
  const outputs = new Map(
    steps.map(
      step => [step.id, (name: string) => outputDimension(step.outputs, name) !== undefined] as const,
    ),
  );
  const specs = new Map<string, ObservationSpec>();
  const observed = new Map<string, Observed | undefined>();
  for (const name of Object.keys(closing.spec.observe)) {
    const closed = closeObservation(closing, name, outputs);
    observed.set(name, closed?.observed);
    if (closed) specs.set(name, closed.spec);
  }
  return { specs, observed };
}

interface Conditions {
  readonly when: CheckedCondition | undefined;
  readonly clear: CheckedCondition | undefined;
  readonly verify: CheckedCondition | undefined;
  readonly require: ReadonlyMap<string, CheckedCondition>;
  readonly all: readonly CheckedCondition[];
}

type Observeds = ReadonlyMap<string, Observed | undefined>;

function closeConditions(closing: Closing, steps: readonly NamedStep[], observed: Observeds): Conditions {
  const { spec } = closing;
  const when = condition(closing, spec.when, ['spec', 'when'], names(closing, steps, 0, observed, 'when'));
  const clear =
    spec.clear === undefined
      ? undefined
      : condition(closing, spec.clear, ['spec', 'clear'], {
          ...names(closing, steps, 0, observed, 'clear'),
          before: true,
        });
  const require = new Map<string, CheckedCondition>();
  for (const [i, step] of steps.entries()) {
    if (step.raw.require === undefined) continue;
    const path = [...step.path, 'require'];
    const at = { ...names(closing, steps, i, observed, `require of step ${step.id}`), before: true };
    const found = condition(closing, step.raw.require, path, at);
    if (found) require.set(step.id, single(closing, found, path, 'require'));
  }
  const that: Path = ['spec', 'verify', 'that'];
  const verified =
    spec.verify &&
    condition(closing, spec.verify.that, that, {
      ...names(closing, steps, steps.length, observed, 'verify'),
      before: true,
    });
  const verify = verified && single(closing, verified, that, 'verify');
  if (when) refuseVector(closing, when, clear, steps);
  return {
    when,
    clear,
    verify,
    require,
    all: [when, clear, verify, ...require.values()].filter(one => one !== undefined),
  };
}

function names(
  closing: Closing,
  steps: readonly NamedStep[],
  ran: number,
  observed: Observeds,
  where: string,
): Names {
  return {
    observations: new Map([...observed].flatMap(([name, one]) => (one ? [[name, one] as const] : []))),
    broken: [...observed].flatMap(([name, one]) => (one ? [] : [name])),
    steps: new Map(steps.slice(0, ran).map(step => [step.id, step.outputs])),
    allSteps: steps.map(step => step.id),
    before: false,
    target: closing.target,
    targetSpec: plain(closing.model ?? closing.dataset ?? closing.connections.get(closing.target.name)),
    where,
  };
}

function condition(closing: Closing, text: string, path: Path, where: Names): CheckedCondition | undefined {
  const { checked, diagnostics } = checkCondition(text, where, index => closing.source.within(path, index));
  closing.diagnostics.push(...diagnostics);
  return checked;
}

function single(closing: Closing, found: CheckedCondition, path: Path, what: string): CheckedCondition {
  if (found.vector)
    refuse(
      closing,
      path,
      `${what} has one answer per label set of ${vectorsOf(found)}; expected one answer, by a reducer such as max or count`,
    );
  return found;
}

/** A condition that stays a vector speaks to people at most: it never acts once per label set. */
function refuseVector(
  closing: Closing,
  when: CheckedCondition,
  clear: CheckedCondition | undefined,
  steps: readonly NamedStep[],
): void {
  const acting = steps.filter(step => step.verb.name !== 'notify' && step.verb.name !== 'escalate');
  if (when.vector && acting.length > 0)
    refuse(
      closing,
      ['spec', 'when'],
      `when has one answer per label set of ${vectorsOf(when)}, so ${acting.map(step => step.verb.name).join(' and ')} would run once for each; expected a reducer such as count(psi > 0.2) >= 3, or only notify and escalate`,
    );
  if (clear && clear.vector !== when.vector)
    refuse(
      closing,
      ['spec', 'clear'],
      `clear has ${answers(clear)} and when has ${answers(when)}; expected the same of both`,
    );
}

function answers({ vector }: CheckedCondition): string {
  return vector ? 'one answer per label set' : 'one answer';
}

function vectorsOf({ reducers }: CheckedCondition): string {
  return [...new Set(reducers.filter(one => one.reducer === 'each').flatMap(one => one.observations))].join(
    ', ',
  );
}

function closeSteps(
  closing: Closing,
  steps: readonly NamedStep[],
  observed: Observeds,
  conditions: Conditions,
): StepSpec[] {
  return steps.flatMap((step, i) => {
    const templates = {
      reducers: conditions.when?.reducers,
      observations: new Map([...observed].flatMap(([name, one]) => (one ? [[name, one] as const] : []))),
      steps: new Map(steps.slice(0, i).map(one => [one.id, one.outputs])),
      allSteps: steps.map(one => one.id),
    };
    return closeStep(closing, step, templates, conditions.require.get(step.id)?.condition) ?? [];
  });
}

function verifyOf(spec: PolicySpec, that: CheckedCondition | undefined): VerifySpec | undefined {
  if (spec.verify === undefined || that === undefined) return undefined;
  const { within, attempts, otherwise } = spec.verify;
  return { that: that.condition, withinMs: within, attempts, otherwise };
}

function withThresholds(
  specs: ReadonlyMap<string, ObservationSpec>,
  conditions: readonly CheckedCondition[],
): Record<string, ObservationSpec> {
  return Object.fromEntries(
    [...specs].map(([name, spec]) => {
      const found = conditions.flatMap(one => one.thresholds[name] ?? []);
      return [name, { ...spec, thresholds: [...new Set(found)].sort((a, b) => a - b) }];
    }),
  );
}

/** Connections on which the steps act; messages need none. */
function actedOn({ model, connections }: Closing, steps: readonly NamedStep[]) {
  const named = steps.flatMap(({ verb }) => [
    ...verb.needs.map(part => model?.[part]?.connection),
    verb.pipeline === undefined ? undefined : model?.pipelines[verb.pipeline]?.connection,
  ]);
  return [...new Set(named)].flatMap(name => (name === undefined ? [] : (connections.get(name) ?? [])));
}
