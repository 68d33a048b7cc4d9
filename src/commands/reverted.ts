/** What people took out of service again, and why a yes is wanted for more than a limit: lines of `status`. */
import type { Ask, Own } from '../model.ts';
import { safe, when } from './time.ts';

/** What else than a limit asks for a yes. */
export const ASKED_FOR: Readonly<Record<NonNullable<Ask['why']>, string>> = {
  adopt: 'the episode was opened in observe mode, or under other clauses',
  floor: 'a floor of daemon.yaml asks for it',
  reverted: 'somebody took this version out of service',
  agent: 'an agent asks for it',
};

/** The newest of them: older ones are of interest only when they are to be promoted again. */
const MOST_SHOWN = 3;

/** Versions that people took out of service again: Flyball leaves them where they are. */
export function revertedLines(
  target: string,
  own: Own,
): readonly { target: string; policy: string; group: string; text: string }[] {
  const newest = Object.entries(own.reverted).sort(([, a], [, b]) => b.at - a.at);
  return newest.slice(0, MOST_SHOWN).map(([version, { at, to }]) => ({
    target,
    policy: '',
    group: '',
    text: `${safe(version, 60)} was taken out of service by somebody else ${when(at)}, for ${safe(to, 60)}; it is not promoted again without a person's yes`,
  }));
}
