/** `rollback` (safe): puts the last verified version that is not the one in service back into service. Pure. */
import { z } from 'zod';
import type { JsonObject, Verb, VerbContext } from '../model.ts';
import { settled, textOrSlot } from './arguments.ts';
import { release } from './release.ts';

const args = z.strictObject({ version: textOrSlot.optional() });

/**
 * The same two calls as `promote`, for the version that is given, or the last one that was verified before the champion.
 * Unbound when there is none, or when the champion is unknown: going back from an unknown place could go nowhere.
 */
export const rollback: Verb = {
  name: 'rollback',
  args,
  outputs: { version: 'version' },
  disruptive: true,
  safe: true,
  slots: { version: 'version' },
  needs: ['registry', 'serving'],
  calls,
};

function calls(given: JsonObject, context: VerbContext): ReturnType<Verb['calls']> {
  const checked = settled(args, given);
  if ('unbound' in checked) return { unbound: `rollback: ${checked.unbound}` };
  if (checked.args.version !== undefined) return release('rollback', String(checked.args.version), context);
  const champion = context.serving?.champion;
  if (champion === undefined) {
    const why = context.serving?.unknown?.message ?? 'nothing says which';
    return { unbound: `rollback: the version in service is unknown: ${why}` };
  }
  const at = context.verifiedVersions.lastIndexOf(champion);
  // Back, never forward: what was verified after the version in service is not where to go from it.
  const version = context.verifiedVersions.slice(0, at < 0 ? undefined : at).at(-1);
  if (version === undefined) return { unbound: 'no verified version to go back to' };
  return release('rollback', version, context);
}
