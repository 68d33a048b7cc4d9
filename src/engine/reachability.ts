/**
 * The built-in inhibitor of every connection: while it does not answer, what hangs on it is unknown for one stated cause, and
 * nothing disruptive begins. Set when no query of a tick came through, cleared by one that did. Pure but for the draft.
 */
import type { ClosedPolicy, Facts, Hold, JsonObject } from '../model.ts';
import { type Draft, note } from './draft.ts';
import { moment, objectOf } from './fact-values.ts';

export const CONNECTION_PREFIX = 'connection:';

/** The fact about a connection: `{ since, message, told? }`, null while it answers. */
export function connectionKey(name: string): string {
  return `${CONNECTION_PREFIX}${name}`;
}

/** Notes which connections answered to the observations of this tick, and which did not. */
export function noteReachability(draft: Draft, policies: readonly ClosedPolicy[]): void {
  const failed = new Map<string, string>();
  const answered = new Set<string>();
  for (const policy of policies) {
    if (!draft.snapshot.due.includes(policy.policy)) continue;
    for (const [name, seen] of Object.entries(draft.snapshot.observations[policy.policy] ?? {})) {
      const connection = connectionOf(policy, name);
      if (seen.unknown?.connection !== undefined) failed.set(seen.unknown.connection, seen.unknown.message);
      else if (connection !== undefined && isAnswer(seen.unknown?.reason)) answered.add(connection);
    }
  }
  for (const [name, message] of [...failed].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (answered.has(name) || objectOf(draft.facts, connectionKey(name))) continue;
    note(draft, connectionKey(name), { since: draft.at, message });
  }
  for (const name of [...answered].sort()) {
    if (objectOf(draft.facts, connectionKey(name))) note(draft, connectionKey(name), null);
  }
}

/** Whether an observation with this reason (none: it has a value) shows that its connection was there. */
function isAnswer(reason: string | undefined): boolean {
  return reason === undefined || reason === 'absent' || reason === 'stale' || reason === 'too-few';
}

/** The Connection that an observation of a policy reads; undefined when it is none of its own. */
export function connectionOf({ observe, documents }: ClosedPolicy, name: string): string | undefined {
  const spec = observe[name];
  if (spec === undefined) return undefined;
  return spec.connection ?? documents.datasets[spec.dataset ?? '']?.connection;
}

/** The connections that a policy's observations read, each once. */
export function connectionsOf(policy: ClosedPolicy): readonly string[] {
  return [...new Set(Object.keys(policy.observe).flatMap(name => connectionOf(policy, name) ?? []))];
}

/** The one stated cause, for people; undefined while the connection answers. */
export function unreachableCause(facts: Facts, name: string): string | undefined {
  const said = objectOf(facts, connectionKey(name));
  return said && `connection ${name} unreachable since ${sinceOf(said)}`;
}

function sinceOf({ since }: JsonObject): string {
  return typeof since === 'number' ? moment(since) : 'an unknown time';
}

/** A hold for each connection of the policy that does not answer. */
export function unreachable(policy: ClosedPolicy, facts: Facts): readonly Hold[] {
  return connectionsOf(policy).flatMap(name => {
    const message = unreachableCause(facts, name);
    return message === undefined ? [] : [{ reason: 'inhibited' as const, message }];
  });
}
