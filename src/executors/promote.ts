/** `promote`: puts a version into service, all traffic at once. Pure. */
import { z } from 'zod';
import type { JsonObject, Verb, VerbContext } from '../model.ts';
import { settled, textOrSlot } from './arguments.ts';
import { release } from './release.ts';

const args = z.strictObject({ version: textOrSlot });

/** Two calls: `serving.shift` of all traffic to the version, then `registry.point` of the champion alias. */
export const promote: Verb = {
  name: 'promote',
  args,
  outputs: { version: 'version' },
  disruptive: true,
  safe: false,
  slots: { version: 'version' },
  needs: ['registry', 'serving'],
  calls,
};

function calls(given: JsonObject, context: VerbContext): ReturnType<Verb['calls']> {
  const checked = settled(args, given);
  if ('unbound' in checked) return { unbound: `promote: ${checked.unbound}` };
  return release('promote', String(checked.args.version), context);
}
