/** A Policy compiled closed for each of its targets: with everything that it refers to, from one commit, by value. Pure. */
import type {
  Catalogue,
  ClosedPolicy,
  Commit,
  Diagnostic,
  DocumentKind,
  SettingsSpec,
  TargetRef,
} from '../model.ts';
import { beginClosing, scheduleOf, type Written } from './begin-closing.ts';
import { closeRollouts } from './close-rollout.ts';
import { type ClosedRules, closeRules } from './close-rules.ts';
import type { Closing, NamedStep } from './closing.ts';
import { didYouMean, error, hasErrors, oneOf, warning } from './diagnostic.ts';
import { exclusionOf } from './exclusion.ts';
import { actingHash, closureHash } from './hashes.ts';
import { type Library, ofKind, type Shelved, settingsOf } from './library.ts';
import { messagingOf } from './messaging.ts';
import { effectiveMode } from './mode.ts';
import type { PolicySpec } from './policy.ts';
import { DOCUMENT_OF, selectorOf, selectTargets, targetKindOf } from './select-targets.ts';

/** What became of a policy for one target. */
export interface ClosedFor {
  /** Undefined when there is no target, and only the document itself was looked at. */
  readonly target?: TargetRef;
  readonly closed?: ClosedPolicy;
  readonly diagnostics: readonly Diagnostic[];
}

interface Input {
  readonly commit: Commit;
  readonly env: string;
  readonly catalogue: Catalogue;
}

/**
 * The closed policy for each target, or every reason why it cannot be closed for one (warnings stand in both). A policy whose
 * selector matches nothing is looked at without a target, for its own mistakes.
 */
export function closePolicy(shelved: Shelved, library: Library, input: Input): readonly ClosedFor[] {
  const { checked, document = checked.salvaged } = shelved;
  if (document === undefined) return [{ diagnostics: [] }];
  const spec = document.spec as PolicySpec;
  const written: Written = {
    policy: document.name,
    spec,
    source: checked.source,
    ...(checked.lacking && { lacking: checked.lacking }),
  };
  const targets = selectTargets(spec.target, library);
  const settings = settingsOf(library);
  const found = (targets.length === 0 ? [undefined] : targets).map((target): ClosedFor => {
    const diagnostics: Diagnostic[] = [];
    if (settings === undefined) diagnostics.push(settingsMistake(shelved, library));
    const closing = beginClosing(written, target, library, input.catalogue, diagnostics);
    const schedule = scheduleOf(closing);
    const rules = closeRules(closing, schedule.everyMs);
    const rollouts = closeRollouts(closing, rules.steps);
    checkChannels(closing, settings);
    const about = target && { target };
    // Of a document with mistakes only further mistakes are of interest.
    if (shelved.document === undefined)
      return { ...about, diagnostics: diagnostics.filter(one => one.severity === 'error') };
    if (!closing.bound || settings === undefined || hasErrors(diagnostics)) return { ...about, diagnostics };
    const parts = { shelved, closing, settings, schedule, rules, rollouts, input };
    return { ...about, closed: closedPolicy(parts), diagnostics };
  });
  if (targets.length > 0 || shelved.document === undefined) return found;
  return found.map(one => ({
    ...one,
    diagnostics: [...one.diagnostics, matchesNothing(shelved, spec, library)],
  }));
}

interface Parts {
  readonly shelved: Shelved;
  readonly closing: Closing;
  readonly settings: SettingsSpec;
  readonly schedule: ReturnType<typeof scheduleOf>;
  readonly rules: ClosedRules;
  readonly rollouts: ReturnType<typeof closeRollouts>;
  readonly input: Input;
}

function closedPolicy({ shelved, closing, settings, schedule, rules, rollouts, input }: Parts): ClosedPolicy {
  const { spec, model, dataset } = closing;
  const { labels = {}, position, positions = {}, text = '' } = shelved.document ?? {};
  const mode = effectiveMode({
    env: input.env,
    settings: settings.mode,
    model: model?.mode,
    policy: spec.mode,
    acted: actedOn(closing, rules.steps),
  });
  const excluded = exclusionOf(model, closing.policy);
  const body = {
    policy: closing.policy,
    target: closing.target,
    labels,
    ...(spec.description !== undefined && { description: spec.description }),
    position: position ?? closing.source.start,
    ...mode,
    ...schedule,
    ...(closing.params.size > 0 && { params: Object.fromEntries(closing.params) }),
    ...(excluded && { excluded }),
    ...(spec.notify && { notify: spec.notify }),
    ...(spec.maxSeries !== undefined && { maxSeries: spec.maxSeries }),
    observe: rules.observe,
    rules: rules.rules,
    guard: rules.guard,
    documents: {
      ...(model && { model }),
      ...(dataset && { dataset }),
      datasets: Object.fromEntries(closing.datasets),
      connections: Object.fromEntries(closing.connections),
      people: settings.people,
      groups: settings.groups,
      ...messagingOf(closing.library),
      ...(Object.keys(rollouts.rollouts).length > 0 && rollouts),
    },
    positions,
    text,
  };
  const hashed = { ...body, actingHash: actingHash(body, input.catalogue) };
  return { ...hashed, closureHash: closureHash(hashed), commit: input.commit };
}

function settingsMistake({ checked }: Shelved, library: Library): Diagnostic {
  const at = ofKind(library, 'Settings')[0]?.checked.source.start;
  const where = at === undefined ? '' : `See ${at.file}:${at.line}.`;
  const message = 'the Settings have a mistake of their own; expected Settings without';
  return error(checked.source.start, message, where);
}

function matchesNothing({ checked }: Shelved, spec: PolicySpec, library: Library): Diagnostic {
  const kind = targetKindOf(spec.target);
  const labels = Object.entries(selectorOf(spec.target) ?? {}).map(([name, value]) => `${name}: ${value}`);
  return warning(
    'no-match',
    checked.source.at(['spec', 'target', kind]),
    `{ ${labels.join(', ')} } matches no ${kind}; nothing will ever happen`,
    nearLabel(Object.keys(selectorOf(spec.target) ?? {}), library, DOCUMENT_OF[kind]),
  );
}

/** A slip in the name of a label that others of the kind have. */
function nearLabel(names: readonly string[], library: Library, kind: DocumentKind): string | undefined {
  const known = ofKind(library, kind).flatMap(one => Object.keys(one.document?.labels ?? {}));
  const strange = names.find(name => !known.includes(name));
  return strange === undefined ? undefined : didYouMean(strange, [...new Set(known)]);
}

function checkChannels(closing: Closing, settings: SettingsSpec | undefined): void {
  if (settings === undefined) return;
  const known = Object.keys(settings.channels ?? {});
  for (const [i, name] of (closing.spec.notify?.to ?? []).entries()) {
    if (known.includes(name)) continue;
    closing.diagnostics.push(
      error(
        closing.source.at(['spec', 'notify', 'to', i]),
        `${name} is no channel of Settings; expected ${oneOf(known)}`,
        didYouMean(name, known),
      ),
    );
  }
}

/** Connections on which the steps act; messages need none. */
function actedOn({ model, connections }: Closing, steps: readonly NamedStep[]) {
  const named = steps.flatMap(({ verb }) => [
    ...verb.needs.map(part => model?.[part]?.connection),
    verb.pipeline === undefined ? undefined : model?.pipelines[verb.pipeline]?.connection,
  ]);
  return [...new Set(named)].flatMap(name => (name === undefined ? [] : (connections.get(name) ?? [])));
}
