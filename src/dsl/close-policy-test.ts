/**
 * PolicyTests against the policies of the same files: what a test refers to must be there, or its run fails (P13). Pure; the
 * policies themselves never depend on their tests.
 */
import type { ClosedPolicy, Diagnostic, Position } from '../model.ts';
import { checkAuthor, checkEffects, checkEvents } from './close-event.ts';
import { checkExpectations } from './close-expectation.ts';
import { typedScalar } from './close-params.ts';
import { type ClosedSeries, closeAllSeries, type Policies } from './close-series.ts';
import { hasErrors, oneOf } from './diagnostic.ts';
import { ofKind } from './library.ts';
import type { PolicyTestSpec } from './policy-test.ts';
import { instancesOf, refuse, refuseName, type Tested, type Testing } from './testing.ts';

/** A test with everything that it refers to. */
export interface ClosedTest {
  readonly spec: PolicyTestSpec;
  readonly policy: ClosedPolicy;
  /** Other policies that it gives series for, on all of their targets. */
  readonly beside: readonly ClosedPolicy[];
  readonly series: readonly ClosedSeries[];
  /** Dotted path in the test's document → where it stands. */
  readonly positions: Readonly<Record<string, Position>>;
}

export interface CheckedTest {
  readonly name: string;
  readonly position: Position;
  /** The policy that it names, when its shape is sound. */
  readonly policy?: string;
  /** Absent: it cannot run, because of its own mistakes (`diagnostics`) or of those of its policy (`broken`). */
  readonly test?: ClosedTest;
  readonly diagnostics: readonly Diagnostic[];
  readonly broken: readonly Diagnostic[];
}

/** Every PolicyTest, in the order of the files. */
export function closeTests(tested: Tested): readonly CheckedTest[] {
  const closed = Map.groupBy(tested.closed, one => one.policy);
  return ofKind(tested.library, 'PolicyTest').map(shelved => {
    const { name, checked, document } = shelved;
    const place = { name, position: checked.source.start, broken: [] };
    const own = [...checked.diagnostics, ...shelved.diagnostics];
    if (!document) return { ...place, diagnostics: own };
    const spec = document.spec as PolicyTestSpec;
    const testing: Testing = { ...tested, closed, shelved, spec, diagnostics: [...own] };
    const found = close(testing);
    const { diagnostics } = testing;
    const named = { ...place, policy: spec.policy, diagnostics };
    if (found && 'broken' in found) return { ...named, ...found };
    return found && !hasErrors(diagnostics) ? { ...named, test: found } : named;
  });
}

/** Undefined after noting mistakes that leave nothing to go on with. */
function close(testing: Testing): ClosedTest | { readonly broken: readonly Diagnostic[] } | undefined {
  const { spec } = testing;
  const found = instancesOf(testing, spec.policy, ['spec', 'policy']);
  if (found === undefined || 'broken' in found) return found;
  const policy = instanceOf(testing, found.instances);
  if (policy === undefined) return undefined;
  if (policy.rules.every(rule => rule.gate?.on === 'rollout'))
    return refuse(
      testing,
      ['spec', 'policy'],
      `policy ${spec.policy} is asked in rollouts only; expected the policy that promotes`,
      `Give its series there with policy: ${spec.policy}.`,
    );
  checkParams(testing, policy);
  checkAuthor(testing, policy);
  const policies: Policies = new Map([[spec.policy, [policy]]]);
  const series = closeAllSeries(testing, policies);
  checkEffects(testing, policy);
  checkEvents(testing, policy);
  checkExpectations(testing, policy);
  policies.delete(spec.policy);
  const { positions } = testing.shelved.checked.source;
  return { spec, policy, beside: [...policies.values()].flat(), series, positions };
}

function instanceOf(testing: Testing, instances: readonly ClosedPolicy[]): ClosedPolicy | undefined {
  const { policy, target } = testing.spec;
  const names = instances.map(one => `${one.target.kind}/${one.target.name}`);
  if (target === undefined) {
    if (instances.length === 1) return instances[0];
    return refuse(
      testing,
      ['spec'],
      `spec.target is missing; expected ${oneOf(names)}, as policy ${policy} has several`,
    );
  }
  const at = names.indexOf(target);
  if (at >= 0) return instances[at];
  return refuseName(testing, ['spec', 'target'], `policy ${policy} is not about ${target}`, target, names);
}

function checkParams(testing: Testing, policy: ClosedPolicy): void {
  const known = Object.keys(policy.params ?? {});
  for (const [name, raw] of Object.entries(testing.spec.params ?? {})) {
    const path = ['spec', 'params', name];
    const param = known.includes(name) ? policy.params?.[name] : undefined;
    const { dimension } = typedScalar(raw);
    if (!param) refuseName(testing, path, `policy ${policy.policy} has no param ${name}`, name, known);
    else if (dimension !== param.dimension)
      refuse(testing, path, `${name} is a ${dimension}; expected a ${param.dimension}, as its default is`);
  }
}
