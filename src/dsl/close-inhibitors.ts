/** Which instances of other policies hold a policy's actions while they fire, resolved for one target. Pure. */
import { cronPeriodMs } from '../calendar.ts';
import type { DatasetSpec, InhibitorRef, ModelSpec, TargetRef } from '../model.ts';
import { type Closing, refuse } from './closing.ts';
import { didYouMean, error, oneOf, warning } from './diagnostic.ts';
import { type Library, ofKind } from './library.ts';
import { connectionsOf } from './lineage.ts';
import type { PolicySpec } from './policy.ts';
import { DOCUMENT_OF, selectTargets } from './select-targets.ts';
import type { Path } from './source.ts';

type Raw = NonNullable<PolicySpec['guard']['inhibitedBy']>[number];

/**
 * By inhibitor, the chains whose `equal` labels are those of this target; without `equal`, all of its instances. One that is
 * not there, that has mistakes or that inhibits itself is noted as an error; one that equals nothing here, as a warning.
 */
export function closeInhibitors(closing: Closing, raw: readonly Raw[]): readonly InhibitorRef[] {
  return raw.flatMap((one, i) => closeInhibitor(closing, one, ['spec', 'guard', 'inhibitedBy', i]) ?? []);
}

function closeInhibitor(closing: Closing, { policy, equal = [] }: Raw, path: Path): InhibitorRef | undefined {
  const { library, target } = closing;
  const shelved = library.byName.get(`Policy ${policy}`);
  if (shelved === undefined) {
    const names = ofKind(library, 'Policy').flatMap(one => (one.name === closing.policy ? [] : one.name));
    const message = `there is no policy ${policy}; expected ${oneOf(names)}`;
    return refuse(closing, [...path, 'policy'], message, didYouMean(policy, names));
  }
  const circle = wayBack(library, closing.policy, policy);
  if (circle !== undefined) {
    const way = [closing.policy, ...circle].join(' → ');
    const message = `${closing.policy} would hold itself: ${way}; expected inhibitors without a circle`;
    return refuse(closing, [...path, 'policy'], message);
  }
  const spec = shelved.document?.spec as PolicySpec | undefined;
  if (spec === undefined) {
    const { file, line } = shelved.checked.source.start;
    const message = `policy ${policy} has a mistake of its own; expected one without`;
    return refuse(closing, [...path, 'policy'], message, `See ${file}:${line}.`);
  }
  if (!knownLabels(closing, equal, path)) return undefined;
  const instances = selectTargets(spec.target, library);
  const chains = instances.filter(other => equal.every(key => isEqual(library, key, target, other)));
  if (chains.length === 0 && closing.bound) warnOfNone(closing, policy, equal, path);
  const everyMs = typeof spec.every === 'number' ? spec.every : cronPeriodMs(spec.every);
  return { policy, chains: chains.map(({ kind, name }) => `${kind}/${name}`), everyMs };
}

/** The policies from `from` back to `to`, both included, along who is inhibited by whom; undefined when none leads there. */
function wayBack(library: Library, to: string, from: string, seen = new Set<string>()): string[] | undefined {
  if (from === to) return [to];
  if (seen.has(from)) return undefined;
  seen.add(from);
  const { checked } = library.byName.get(`Policy ${from}`) ?? {};
  const spec = (checked?.document ?? checked?.salvaged)?.spec as PolicySpec | undefined;
  for (const { policy } of spec?.guard.inhibitedBy ?? []) {
    const rest = wayBack(library, to, policy, seen);
    if (rest !== undefined) return [from, ...rest];
  }
  return undefined;
}

/** A label that no document has is a slip: it would never be equal. */
function knownLabels(closing: Closing, equal: readonly string[], path: Path): boolean {
  const labels = labelNames(closing.library);
  const unknown = equal.flatMap((key, i) =>
    key === 'connection' || key === 'owner' || labels.has(key) ? [] : [{ key, i }],
  );
  for (const { key, i } of unknown) {
    const words = ['connection', 'owner', ...labels];
    const message = `no document has a label ${key}; expected ${oneOf(words)}`;
    closing.diagnostics.push(
      error(closing.source.at([...path, 'equal', i]), message, didYouMean(key, words)),
    );
  }
  return unknown.length === 0;
}

const labelsIn = new WeakMap<Library, ReadonlySet<string>>();

function labelNames(library: Library): ReadonlySet<string> {
  const known = labelsIn.get(library);
  if (known) return known;
  const targets = library.all.filter(one => Object.values(DOCUMENT_OF).includes(one.kind));
  const found = new Set(targets.flatMap(one => Object.keys(one.document?.labels ?? {})));
  labelsIn.set(library, found);
  return found;
}

function isEqual(library: Library, key: string, target: TargetRef, other: TargetRef): boolean {
  const theirs = valuesOf(library, key, other);
  return valuesOf(library, key, target).some(value => theirs.includes(value));
}

/** A target has several connections, one owner at most, and one value of a label at most. */
function valuesOf(library: Library, key: string, target: TargetRef): readonly string[] {
  if (key === 'connection') return connectionsOf(library, target);
  const document = library.byName.get(`${DOCUMENT_OF[target.kind]} ${target.name}`)?.document;
  if (document === undefined) return [];
  const { owner } = document.spec as Partial<ModelSpec | DatasetSpec>;
  if (key === 'owner') return owner === undefined ? [] : [owner];
  const label = Object.hasOwn(document.labels, key) ? document.labels[key] : undefined;
  return label === undefined ? [] : [label];
}

function warnOfNone(closing: Closing, policy: string, equal: readonly string[], path: Path): void {
  const { kind, name } = closing.target;
  const lacking = equal.filter(key => valuesOf(closing.library, key, closing.target).length === 0);
  const why =
    equal.length === 0
      ? `${policy} has no target`
      : lacking.length > 0
        ? `${kind} ${name} has no ${lacking.join(' and no ')}`
        : `no target of ${policy} has the ${equal.join(' and the ')} of ${kind} ${name}`;
  const at = closing.source.at(path);
  closing.diagnostics.push(
    warning('dead-inhibitor', at, `${why}, so it never holds anything here; expected one that does`),
  );
}
