/** What a token of an identity provider was issued for. A role says what its principal may; scopes, what of that this token may. */
import type { Command, Effect } from './command.ts';

export const SCOPES = [
  'state:read',
  'audit:read',
  'policy:propose',
  'reconcile:request',
  'action:request',
  'approval:decide',
] as const;
export type Scope = (typeof SCOPES)[number];

/** Running and repairing Flyball itself is in no scope. */
const BY_EFFECT: Readonly<Record<Effect, Scope | undefined>> = {
  read: 'state:read',
  propose: 'policy:propose',
  request: 'action:request',
  safe: 'action:request',
  decide: 'approval:decide',
  operate: undefined,
};

/** The scope that a call of this command needs; undefined: none is enough. */
export function scopeOf({ effect, scope }: Pick<Command, 'effect' | 'scope'>): Scope | undefined {
  return scope ?? BY_EFFECT[effect];
}

/** Whether these scopes allow the command; absent ones limit nothing. */
export function isInScope(
  command: Pick<Command, 'effect' | 'scope'>,
  scopes: readonly Scope[] | undefined,
): boolean {
  const needed = scopeOf(command);
  return scopes === undefined || (needed !== undefined && scopes.includes(needed));
}

/** Those of a text or a list of words that are known here. */
export function scopesIn(given: unknown): readonly Scope[] {
  const words = Array.isArray(given) ? given : typeof given === 'string' ? given.split(' ') : [];
  return SCOPES.filter(scope => words.includes(scope));
}
