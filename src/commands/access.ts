/** Who may do what: grants of roles, on all targets or on some. Whoever is not granted something cannot see that it is there. */
import { matchesGlob } from '../dsl/index.ts';
import { chainOf } from '../engine/ids.ts';
import { isPerson } from '../engine/persons.ts';
import type { Labels, Principal, Store } from '../model.ts';
import { type Command, type Reach, ROLES, type Role } from './command.ts';
import { isInScope, type Scope } from './scopes.ts';
import { checkToken, type TokenRecord } from './tokens.ts';

/** A role on the targets that are named or labelled so; on all of them when neither is said. */
export interface Grant {
  readonly role: Role;
  /** Globs over kind/name, such as `model/late-*`. */
  readonly targets?: readonly string[] | undefined;
  /** All of these are labels of the target's document. */
  readonly labels?: Labels | undefined;
}

/** A principal of daemon.yaml. */
export interface PrincipalSpec {
  readonly kind: 'person' | 'agent' | 'service';
  /** For whom an agent or a service acts. */
  readonly for?: string | undefined;
  readonly roles: readonly (Grant & { readonly env?: readonly string[] | undefined })[];
  /** What a verified token of the identity provider says of them. */
  readonly subjects: readonly string[];
}

/** A principal of daemon.yaml by its name; undefined when there is none. */
export function specOf(
  { principals = {} }: { readonly principals?: Readonly<Record<string, PrincipalSpec>> },
  name: string,
): PrincipalSpec | undefined {
  return Object.hasOwn(principals, name) ? principals[name] : undefined;
}

/** What a principal of daemon.yaml may do in this environment; nothing when there is none of that name. */
export function grantsOf(
  settings: { readonly principals?: Readonly<Record<string, PrincipalSpec>>; readonly env: string },
  name: string,
): readonly Grant[] {
  const roles = specOf(settings, name)?.roles ?? [];
  return roles
    .filter(one => one.env === undefined || one.env.includes(settings.env))
    .map(({ env: _, ...grant }) => grant);
}

/** Who a principal of daemon.yaml is at a door, once they have proved it. */
export function principalOf(
  name: string,
  { kind, for: onBehalfOf }: PrincipalSpec,
  by: { readonly door: Principal['door']; readonly token?: string },
): Principal {
  return {
    ...{ name, authenticated: true, ...by },
    ...(kind === 'person' ? {} : { kind }),
    ...(onBehalfOf === undefined ? {} : { onBehalfOf }),
  };
}

/** Everything that whoever owns the machine may do. */
export function grantAll(role: Role): readonly Grant[] {
  return [{ role }];
}

/** True when `has` may do what `needed` may. */
export function suffices(has: Role, needed: Role): boolean {
  return ROLES.indexOf(has) >= ROLES.indexOf(needed);
}

/** The greatest of the roles, wherever it holds; undefined when there is none. */
export function greatestRole(grants: readonly Grant[]): Role | undefined {
  return ROLES.findLast(role => grants.some(grant => grant.role === role));
}

/** Grants none of which is more than `role`. */
export function capped(grants: readonly Grant[], role: Role): readonly Grant[] {
  return grants.map(grant => (suffices(role, grant.role) ? grant : { ...grant, role }));
}

const isWide = ({ targets, labels }: Grant) => targets === undefined && labels === undefined;

/** Agents, and whoever comes by their door, never decide and never run Flyball itself. */
export function isAgent({ door, kind }: Principal): boolean {
  return door === 'mcp' || kind === 'agent';
}

/** Whether a call of this command can be allowed at all; which targets it may touch is seen in the call. */
export function mayPerform(
  command: Pick<Command, 'role' | 'effect' | 'scope'>,
  { principal, grants, scopes }: Speaker,
): boolean {
  if (!isInScope(command, scopes)) return false;
  if (isAgent(principal) && (command.effect === 'decide' || command.effect === 'operate')) return false;
  if (command.effect === 'decide' && !isPerson(principal)) return false;
  return grants.some(grant => suffices(grant.role, command.role));
}

/** Whether the grants reach as far as a call does. */
export function reaches(grants: readonly Grant[], role: Role, reach: Reach): boolean {
  return grants.some(grant => suffices(grant.role, role) && (reach === 'targets' || isWide(grant)));
}

/** Tells of a target whether the role is granted on it; undefined when it is on all. */
export async function targetsWith(
  grants: readonly Grant[],
  role: Role,
  store: Pick<Store, 'revision'>,
): Promise<((chain: string) => boolean) | undefined> {
  const enough = grants.filter(grant => suffices(grant.role, role));
  if (enough.some(isWide)) return undefined;
  const labelled = enough.some(({ labels }) => labels !== undefined);
  const labels = labelled ? await labelsOf(store) : new Map<string, Labels>();
  return chain => enough.some(grant => covers(grant, chain, labels.get(chain) ?? {}));
}

function covers({ targets, labels }: Grant, chain: string, has: Labels): boolean {
  const named = targets === undefined || targets.some(glob => matchesGlob(chain, glob));
  return named && Object.entries(labels ?? {}).every(([name, value]) => has[name] === value);
}

/** Labels of the targets that are governed now. */
async function labelsOf(store: Pick<Store, 'revision'>): Promise<ReadonlyMap<string, Labels>> {
  const policies = (await store.revision())?.policies ?? [];
  return new Map(
    policies.map(({ target, documents }) => [chainOf(target), documents.model?.labels ?? {}] as const),
  );
}

/** Who speaks at a door, and what they may do. */
export interface Speaker {
  readonly principal: Principal;
  readonly grants: readonly Grant[];
  /** What the token was issued for; absent: whatever the grants allow. */
  readonly scopes?: readonly Scope[];
}

type Trust = {
  readonly trust: 'local-user' | 'tokens';
  readonly env: string;
  readonly principals?: Readonly<Record<string, PrincipalSpec>>;
  readonly stdio?: { readonly principal: string } | undefined;
};

/**
 * The user of this machine who gave no token, at its terminal or at the daemon's own socket. At the agents' door that is the
 * principal that `stdio` names, else an agent of that user, who may propose. Nothing of it was proved.
 */
export function localSpeaker(user: string, door: 'cli' | 'mcp' | 'http', settings: Trust): Speaker {
  if (door !== 'mcp')
    return {
      principal: { name: user, door, authenticated: false },
      grants: grantAll(settings.trust === 'local-user' ? 'admin' : 'operator'),
    };
  const name = settings.stdio?.principal;
  const spec = name === undefined ? undefined : specOf(settings, name);
  if (name !== undefined && spec)
    return {
      principal: { ...principalOf(name, spec, { door }), authenticated: false },
      grants: capped(grantsOf(settings, name), 'operator'),
    };
  return {
    principal: { name: `agent of ${user}`, door, authenticated: false, kind: 'agent', onBehalfOf: user },
    grants: grantAll('proposer'),
  };
}

/** Whoever shows a token: its principal, with no more than the token's role. The problem, when it counts for nobody. */
export async function tokenSpeaker(
  text: string,
  door: Principal['door'],
  {
    settings,
    store,
    now,
  }: { readonly settings: Trust; readonly store: Pick<Store, 'facts'>; readonly now: number },
): Promise<Speaker | { readonly problem: string }> {
  const token = await checkToken(store, text, now);
  return 'problem' in token ? token : speakerBy(token, door, settings);
}

/** The principal of a token that counts. */
export function speakerBy(
  token: Pick<TokenRecord, 'id' | 'principal' | 'role'>,
  door: Principal['door'],
  settings: Trust,
): Speaker | { readonly problem: string } {
  const spec = specOf(settings, token.principal);
  if (!spec) return { problem: 'daemon.yaml has no principal any more whom this token is for' };
  const grants = grantsOf(settings, token.principal);
  return {
    principal: principalOf(token.principal, spec, { door, token: token.id }),
    grants: token.role === undefined ? grants : capped(grants, token.role),
  };
}
