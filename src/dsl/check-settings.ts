/** What Settings say about themselves and others: groups, windows, channels, routes, rollouts and their gates. Pure. */
import type { ConnectionSpec, RolloutSpec, SettingsSpec } from '../model.ts';
import { OUTBOX } from './check-connection.ts';
import { didYouMean, error, oneOf } from './diagnostic.ts';
import { blame, type Library, ofKind, type Shelved } from './library.ts';
import type { PolicySpec } from './policy.ts';
import type { Path } from './source.ts';

/** Blames Settings for what they name and nothing has. */
export function checkSettings(library: Library, shelved: Shelved): void {
  const spec = shelved.document?.spec as SettingsSpec | undefined;
  if (spec === undefined) return;
  const people = Object.keys(spec.people);
  for (const [group, members] of Object.entries(spec.groups)) {
    for (const [i, member] of members.entries()) {
      if (Object.hasOwn(spec.people, member)) continue;
      const at = shelved.checked.source.at(['spec', 'groups', group, i]);
      blame(
        shelved,
        error(at, `group ${group} names ${member}; expected ${oneOf(people)}`, didYouMean(member, people)),
      );
    }
    if (group === 'owner' || Object.hasOwn(spec.people, group))
      blame(
        shelved,
        error(
          shelved.checked.source.atKey(['spec', 'groups', group]),
          `group ${group} has a name that means something else; expected a name of its own`,
        ),
      );
  }
  checkPeople(shelved, spec);
  checkWindows(shelved, spec);
  checkChannels(library, shelved, spec);
  checkRoutes(shelved, spec);
  for (const rollout of Object.values(spec.rollouts ?? {})) checkRollout(library, shelved, rollout);
}

/** By what one person is known, no other is: nobody could say who it was. */
function checkPeople(shelved: Shelved, { people }: SettingsSpec): void {
  const seen = new Map<string, string>();
  const once = (path: Path, name: string, what: string, id: string) => {
    const other = seen.get(id);
    seen.set(id, other ?? name);
    if (other === undefined || other === name) return;
    const message = `${what} is ${other}'s already; expected it at one person`;
    blame(shelved, error(shelved.checked.source.at(['spec', 'people', name, ...path]), message));
  };
  for (const [name, person] of Object.entries(people)) {
    for (const [i, email] of person.emails.entries())
      once(['emails', i], name, email, `email ${email.toLowerCase()}`);
    for (const [i, key] of (person.keys ?? []).entries())
      once(['keys', i], name, key, `key ${fingerprint(key)}`);
    for (const forge of ['github', 'gitlab', 'gitea'] as const) {
      const login = person[forge];
      if (login !== undefined) once([forge], name, login, `${forge} ${login.toLowerCase()}`);
    }
  }
}

/** One form for one key: hexadecimal in groups or not, base64 with its padding or not. */
function fingerprint(key: string): string {
  if (key.startsWith('SHA256:')) return key.replace(/=+$/, '');
  return key.replace(/^0x|\s+/gi, '').toUpperCase();
}

function checkWindows(shelved: Shelved, { guard = {}, windows = {} }: SettingsSpec): void {
  const known = Object.keys(windows);
  for (const key of ['allow', 'deny'] as const)
    for (const [i, window] of (guard[key] ?? []).entries()) {
      if (Object.hasOwn(windows, window)) continue;
      const at = shelved.checked.source.at(['spec', 'guard', key, i]);
      const message = `there is no window ${window}; expected ${oneOf(known)}`;
      blame(shelved, error(at, message, didYouMean(window, known)));
    }
}

/** The channel that collects what nobody is told at once. */
const DIGEST = 'digest';

function checkChannels(library: Library, shelved: Shelved, { channels = {} }: SettingsSpec): void {
  const { source } = shelved.checked;
  for (const { name, connection } of Object.values(channels)) {
    if (name === DIGEST)
      blame(
        shelved,
        error(
          source.atKey(['spec', 'channels', name]),
          'a channel digest is built in; expected another name',
        ),
      );
    if (connection === OUTBOX) continue;
    const at = source.at(['spec', 'channels', name, 'connection']);
    const found = library.byName.get(`Connection ${connection}`);
    const spec = found?.document?.spec as ConnectionSpec | undefined;
    // One with mistakes of its own has told them; it sends nothing either way.
    if (found !== undefined && spec === undefined) continue;
    const message = spec
      ? `connection ${connection} is of connector ${spec.connector}, which sends no messages; expected ${OUTBOX}, the only one in this version that does`
      : `there is no connection ${connection}; expected ${OUTBOX}, the only one in this version that sends messages`;
    blame(shelved, error(at, message, spec ? undefined : didYouMean(connection, [OUTBOX])));
  }
}

function checkRoutes(shelved: Shelved, { channels = {}, notify }: SettingsSpec): void {
  const known = [...Object.keys(channels), DIGEST];
  const routes = notify?.routes ?? [];
  for (const [i, { match, to }] of routes.entries()) {
    for (const [j, channel] of to.entries()) {
      if (known.includes(channel)) continue;
      const at = shelved.checked.source.at(['spec', 'notify', 'routes', i, 'to', j]);
      const message = `there is no channel ${channel}; expected ${oneOf(known)}`;
      blame(shelved, error(at, message, didYouMean(channel, known)));
    }
    if (Object.keys(match).length > 0 || i === routes.length - 1) continue;
    const at = shelved.checked.source.at(['spec', 'notify', 'routes', i, 'match']);
    const message = 'this route takes every message, so those after it take none; expected it last';
    blame(shelved, error(at, message));
  }
}

/** P7: a gate that is not there would always pass. */
function checkRollout(library: Library, shelved: Shelved, { name, steps }: RolloutSpec): void {
  const { source } = shelved.checked;
  if (name === 'direct')
    blame(
      shelved,
      error(
        source.atKey(['spec', 'rollouts', name]),
        'a rollout direct is built in, which moves all traffic at once; expected another name',
      ),
    );
  const gates = rolloutGates(library);
  for (const [i, { gate }] of steps.entries()) {
    if (gate === undefined || gates.has(gate)) continue;
    const [policy = ''] = gate.split('/');
    const shelf = library.byName.get(`Policy ${policy}`);
    // What a policy with mistakes of its own holds cannot be told; what uses the gate cannot be closed then.
    if (shelf && shelf.checked.document === undefined) continue;
    const known = [...gates];
    const message = shelf
      ? `${gate} has no gate: { on: rollout }, so it judges no rollout; expected ${known.length > 0 ? oneOf(known) : 'a policy that has one'}`
      : `there is no policy ${policy}; expected ${known.length > 0 ? oneOf(known) : 'one with gate: { on: rollout }'}`;
    const at = source.at(['spec', 'rollouts', name, 'steps', i, 'gate']);
    blame(shelved, error(at, message, didYouMean(gate, known)));
  }
}

const gatesOf = new WeakMap<Library, ReadonlySet<string>>();

/** Names of all gates on rollouts: a policy, or POLICY/RULE. */
function rolloutGates(library: Library): ReadonlySet<string> {
  const known = gatesOf.get(library);
  if (known) return known;
  const found = ofKind(library, 'Policy').flatMap(({ name, checked }) => {
    const spec = checked.document?.spec as PolicySpec | undefined;
    const rules = (spec?.rules ?? []).filter(rule => isOnRollout(rule.gate));
    return [...(isOnRollout(spec?.gate) ? [name] : []), ...rules.map(rule => `${name}/${rule.name}`)];
  });
  gatesOf.set(library, new Set(found));
  return new Set(found);
}

function isOnRollout(gate: PolicySpec['gate']): boolean {
  return gate !== undefined && 'on' in gate && gate.on === 'rollout';
}
