/** What holds a policy's actions besides the Model's limits: windows and blast radius, of Settings and Policy together. Pure. */
import type { BlastRadiusSpec, GuardSpec, SettingsSpec, WindowSpec } from '../model.ts';
import { checkGuard } from './approval.ts';
import { mayAct } from './check-connection.ts';
import { closeInhibitors } from './close-inhibitors.ts';
import { type Closing, refuse, refuseBinding } from './closing.ts';
import { didYouMean, oneOf, warning } from './diagnostic.ts';
import { type Library, ofKind, settingsOf } from './library.ts';
import type { PolicySpec } from './policy.ts';
import { selectTargets } from './select-targets.ts';

type Raw = PolicySpec['guard'];

/**
 * The guard of Settings and Policy together, by value: one window of each `allow` must be open, none of any `deny`, every
 * blast radius binds. What is wrong with it is noted. `verbs`: those of the policy's steps.
 */
export function closeGuard(closing: Closing, raw: Raw, verbs: readonly string[]): GuardSpec {
  const settings = settingsOf(closing.library) ?? { people: {}, groups: {} };
  const allow = [
    known(settings.windows, settings.guard?.allow),
    windowsOf(closing, settings, raw.allow, 'allow'),
  ].filter(windows => windows.length > 0);
  const denied = [
    ...known(settings.windows, settings.guard?.deny),
    ...windowsOf(closing, settings, raw.deny, 'deny'),
  ];
  const deny = denied.filter((one, i) => denied.findIndex(other => other.name === one.name) === i);
  const blastRadius = blastRadiusOf(closing, settings, raw.blastRadius);
  const inhibitedBy = closeInhibitors(closing, raw.inhibitedBy ?? []);
  const guard: GuardSpec = {
    ...(raw.cooldown !== undefined && { cooldownMs: raw.cooldown }),
    ...(raw.rate && { rate: raw.rate }),
    ...(allow.length > 0 && { allow }),
    ...(deny.length > 0 && { deny }),
    ...(blastRadius.length > 0 && { blastRadius }),
    ...(inhibitedBy.length > 0 && { inhibitedBy }),
  };
  checkGuard(closing, guard, verbs);
  warnOfNever(closing, guard);
  refuseForbidden(closing, verbs);
  return guard;
}

function known(windows: SettingsSpec['windows'] = {}, names: readonly string[] = []): readonly WindowSpec[] {
  return names.flatMap(name => windows[name] ?? []);
}

function windowsOf(
  closing: Closing,
  { windows = {} }: SettingsSpec,
  names: readonly string[] = [],
  key: 'allow' | 'deny',
): readonly WindowSpec[] {
  if (names.length === 0 && closing.spec.guard[key] !== undefined)
    refuse(
      closing,
      ['spec', 'guard', key],
      `${key} names no window; expected at least one, or no ${key} at all`,
    );
  const all = Object.keys(windows);
  for (const [i, name] of names.entries())
    if (!Object.hasOwn(windows, name) && settingsOf(closing.library) !== undefined)
      refuse(
        closing,
        ['spec', 'guard', key, i],
        `there is no window ${name} in Settings; expected ${oneOf(all)}`,
        didYouMean(name, all),
      );
  return known(windows, names);
}

/** A window that must be open and must not be open lets nothing through. */
function warnOfNever(closing: Closing, { allow = [], deny = [] }: GuardSpec): void {
  for (const windows of allow) {
    if (!windows.every(one => deny.some(other => other.name === one.name))) continue;
    const names = windows.map(one => one.name).join(', ');
    closing.diagnostics.push(
      warning(
        'never-open',
        closing.source.at(['spec', 'guard']),
        `${names} must be open to act and must not be; expected a time at which something may run`,
      ),
    );
  }
}

/** Settings' blast radius and the policy's own, which counts the policy's own actions unless it says `scope: fleet`. */
function blastRadiusOf(
  closing: Closing,
  { guard }: SettingsSpec,
  raw: Raw['blastRadius'],
): readonly BlastRadiusSpec[] {
  const of = (scope: 'fleet' | 'policy') =>
    scope === 'fleet'
      ? fleetSize(closing.library)
      : selectTargets(closing.spec.target, closing.library).length;
  const all = guard?.blastRadius ? [{ ...guard.blastRadius, of: of(guard.blastRadius.scope) }] : [];
  if (raw === undefined) return all;
  const path = ['spec', 'guard', 'blastRadius'];
  const { targets, share, scope = 'policy', per } = raw;
  if (targets === undefined && share === undefined)
    refuse(
      closing,
      path,
      'blastRadius limits nothing; expected targets, share or both, such as { targets: 3, share: 10%, per: 1h }',
    );
  if (share === 0)
    refuse(closing, [...path, 'share'], 'share is 0%, so nothing could ever act; expected a share above it');
  const own = {
    ...(targets !== undefined && { targets }),
    ...(share !== undefined && { share }),
    ...{ scope, perMs: per, of: of(scope) },
  };
  return [...all, own];
}

const sizes = new WeakMap<Library, number>();

/** How many targets some policy is about, whatever the policy's mode. */
function fleetSize(library: Library): number {
  const found = sizes.get(library);
  if (found !== undefined) return found;
  const targets = ofKind(library, 'Policy').flatMap(({ checked }) => {
    const spec = (checked.document ?? checked.salvaged)?.spec as PolicySpec | undefined;
    return spec?.target === undefined ? [] : selectTargets(spec.target, library);
  });
  const size = new Set(targets.map(({ kind, name }) => `${kind}/${name}`)).size;
  sizes.set(library, size);
  return size;
}

/** Moving traffic or a registry's alias where the Connection does not let anyone. */
function refuseForbidden(closing: Closing, verbs: readonly string[]): void {
  const capability = { registry: 'registry.point', serving: 'serving.shift' } as const;
  for (const verb of new Set(verbs))
    for (const part of closing.catalogue.verbs[verb]?.needs ?? []) {
      const place = closing.model?.[part];
      const connection = place && closing.connections.get(place.connection);
      if (!connection || mayAct(connection, capability[part], place.name)) continue;
      const listed = connection.may?.[capability[part]] ?? [];
      refuseBinding(
        closing,
        ['spec', 'target', closing.target.kind],
        `${verb} needs ${capability[part]} of ${place.name}, and connection ${connection.name} may do that on ${listed.length > 0 ? oneOf(listed) : 'nothing'}; expected ${place.name} in its spec.may`,
      );
    }
}
