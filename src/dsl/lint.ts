/** `lint`: what is not wrong and will not do what was meant, over all files of one commit. Pure. */
import type { Diagnostic } from '../model.ts';
import { type Compiled, type CompileInput, compile } from './compile.ts';
import { sorted } from './diagnostic.ts';
import { checkFile } from './documents.ts';
import type { Library } from './library.ts';
import { conflictFindings } from './lint-conflict.ts';
import type { Finding, Linted, LintedPolicy, LintedRule } from './lint-finding.ts';
import { fleetFindings } from './lint-fleet.ts';
import { withoutIgnored } from './lint-ignore.ts';
import { ruleFindings } from './lint-rule.ts';
import { sampleFindings } from './lint-samples.ts';
import { seasonFindings } from './lint-timing.ts';
import { unusedObservations, unusedParams, unusedSettings } from './lint-unused.ts';
import type { PolicySpec } from './policy.ts';
import { shelve } from './shelve.ts';
import { writtenRules } from './written-rules.ts';

export interface LintInput extends CompileInput {
  /** Now, for exclusions that have ended. */
  readonly at: number;
  /** What was found elsewhere, by `--live`: comments silence it too. */
  readonly more?: readonly Diagnostic[];
}

export interface LintResult {
  readonly compiled: Compiled;
  /** Everything that `validate` says, then what lint finds, by file and line. Warnings have a `rule`. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * All diagnostics of the files: mistakes, and warnings that no comment silences. A finding that only some of a policy's targets
 * have says which. Never throws, whatever the files hold.
 */
export function lint({ at, more = [], ...input }: LintInput): LintResult {
  const compiled = compile(input);
  const library = shelve(
    input.files.flatMap(file => checkFile(file).documents),
    input.catalogue,
    input.env,
  );
  const policies = policiesOf(compiled, library);
  const linted: Linted = { policies, library, catalogue: input.catalogue, at };
  const found = [
    ...[...Map.groupBy(policies, ({ closed }) => closed.policy).values()].flatMap(instances =>
      acrossTargets(instances.map(one => [one, policyFindings(one, linted)] as const)),
    ),
    ...conflictFindings(linted),
    ...fleetFindings(linted),
    ...unusedSettings(linted),
  ];
  const all = withoutIgnored(input.files, [...compiled.diagnostics, ...sorted(found), ...more]);
  return { compiled, diagnostics: sorted(all) };
}

function policyFindings(policy: LintedPolicy, { catalogue }: Linted): readonly Finding[] {
  const vocabulary = { observe: policy.closed.observe, catalogue };
  return [
    ...ruleFindings(policy, vocabulary),
    ...sampleFindings(policy, vocabulary),
    ...seasonFindings(policy),
    ...unusedObservations(policy),
    ...unusedParams(policy),
  ];
}

function policiesOf({ closed }: Compiled, library: Library): readonly LintedPolicy[] {
  return closed.flatMap(one => {
    const shelved = library.byName.get(`Policy ${one.policy}`);
    if (shelved?.document === undefined) return [];
    const spec = shelved.document.spec as PolicySpec;
    const written = writtenRules(spec);
    const rules = one.rules.flatMap((rule): LintedRule[] => {
      const from = written.find(({ name, gate }) => rule.name === (rule.gate ? gate : name));
      return from ? [{ rule, text: from.text, path: from.path }] : [];
    });
    return [{ closed: one, spec, source: shelved.checked.source, rules }];
  });
}

/** One finding where all targets have it; else with the targets that do. */
function acrossTargets(found: readonly (readonly [LintedPolicy, readonly Finding[]])[]): readonly Finding[] {
  const targets = new Map<string, { readonly finding: Finding; readonly names: string[] }>();
  for (const [{ closed }, findings] of found)
    for (const finding of findings) {
      const { rule, position, message } = finding;
      const key = JSON.stringify([rule, position, message]);
      const known = targets.get(key) ?? { finding, names: [] };
      if (!known.names.includes(closed.target.name)) known.names.push(closed.target.name);
      targets.set(key, known);
    }
  return [...targets.values()].map(({ finding, names }) =>
    names.length === found.length
      ? finding
      : { ...finding, message: `${finding.message} (for ${names.join(', ')})` },
  );
}
