/** `rollback` (safe): aborts a promotion under way, or puts the last verified version before the champion back. Pure. */
import { z } from 'zod';
import type { JsonObject, Serving, Verb, VerbContext } from '../model.ts';
import { settled, textOrSlot } from './arguments.ts';
import { release } from './release.ts';

const args = z
  .strictObject({
    version: textOrSlot.optional().meta({
      description:
        'Where to; unless said, what a promotion under way left, or the last version verified before the champion.',
      examples: ['v41'],
    }),
  })
  .meta({
    description:
      'Brings the last verified version back, or aborts a promotion under way. Disruptive and safe: most guards do not hold it.',
    examples: [{}],
  });

/**
 * All traffic to the version that is given, then the champion alias to it. Without one: while traffic is on its way from the
 * champion to another version, the champion (that is the abort of a promotion); else the last one verified before it.
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
  if (isMoving(champion, context.serving)) return release('rollback', champion, context);
  const at = context.verifiedVersions.lastIndexOf(champion);
  // Back, never forward: what was verified after the version in service is not where to go from it.
  const version = context.verifiedVersions.slice(0, at < 0 ? undefined : at).at(-1);
  if (version === undefined) return { unbound: 'no verified version to go back to' };
  return release('rollback', version, context);
}

/** The champion is pointed last: traffic on another version is a promotion that is not through. */
function isMoving(champion: string, serving: Serving | undefined): boolean {
  return Object.entries(serving?.weights ?? {}).some(([version, share]) => version !== champion && share > 0);
}
