/** The effective mode: the lowest of Settings, Model, Policy and the access of the connections that are acted on. Pure. */
import type { ConnectionSpec, Mode } from '../model.ts';

type Written = Mode | Readonly<Record<string, Mode>> | undefined;

export interface ModeSources {
  readonly env: string;
  readonly settings: Written;
  readonly model: Written;
  readonly policy: Written;
  /** Connections that the policy's verbs act on. */
  readonly acted: readonly ConnectionSpec[];
}

/**
 * The mode in force and why. A Policy that says nothing observes; Settings and Model that say nothing are no ceiling; an
 * environment that a map does not name observes.
 */
export function effectiveMode(from: ModeSources): { readonly mode: Mode; readonly modeFrom: string } {
  const observe = (modeFrom: string) => ({ mode: 'observe' as const, modeFrom });
  for (const [who, written] of [
    ['Settings', from.settings],
    ['Model', from.model],
    ['Policy', from.policy],
  ] as const) {
    if (written === undefined && who === 'Policy')
      return observe('Policy says no mode, and observe is the default');
    if (written === 'observe') return observe(`${who} says observe`);
    if (typeof written !== 'object') continue;
    const here = Object.hasOwn(written, from.env) ? written[from.env] : undefined;
    if (here === undefined) return observe(`${who} names no mode for environment ${from.env}`);
    if (here === 'observe') return observe(`${who} says observe for environment ${from.env}`);
  }
  const readOnly = from.acted.find(connection => connection.access === 'read');
  if (readOnly) return observe(`Connection ${readOnly.name} has access: read`);
  return { mode: 'enforce', modeFrom: 'Policy says enforce, and nothing lowers it' };
}
