/** `rollout advance|abort`: a person moves a rollout that holds on, or sends its traffic back. */
import { z } from 'zod';
import { appendInput } from '../engine/drive.ts';
import { isRolling } from '../engine/fold-rollout.ts';
import { chainOf } from '../engine/ids.ts';
import type { Episode } from '../model.ts';
import { command } from './command.ts';
import { Refusal } from './perform.ts';
import type { Ports } from './ports.ts';
import { rolloutLine } from './rollout-line.ts';
import { safe } from './time.ts';

interface Found {
  readonly chain: string;
  readonly episode: Episode;
}

export const rollout = command({
  name: 'rollout',
  title: 'Advance or abort a rollout',
  description:
    'advance: ends the hold of a rollout now, and its next shift begins; not past a failed gate. abort: all traffic goes back to the version before. It counts for this hold only.',
  input: z.strictObject({
    what: z.enum(['advance', 'abort']).describe('advance ends the hold; abort goes back.'),
    target: z.string().min(1).max(200).describe('The model, by name or as model/NAME.'),
    reason: z.string().max(500).optional().describe('Kept in the ledger.'),
  }),
  output: z.object({
    what: z.string(),
    target: z.string(),
    episode: z.int(),
    stands: z.string().describe('Where the rollout stood.'),
  }),
  positional: ['what', 'target'],
  role: 'operator',
  effect: 'decide',
  reach: 'targets',
  examples: ['flyball rollout advance churn', 'flyball rollout abort model/churn --reason "complaints"'],
  run: orderRollout,
  text: found =>
    found.what === 'abort'
      ? `the rollout of ${found.target} goes back (it was at: ${found.stands}).`
      : `the hold of ${found.target} is over by your word (it was at: ${found.stands}).`,
});

/** Tells the rollout of a model what to do next, and says where it stood. Throws Refusal where it cannot go there. */
export async function orderRollout(
  ports: Ports,
  input: {
    readonly what: 'advance' | 'abort';
    readonly target: string;
    readonly reason?: string | undefined;
  },
): Promise<{ what: string; target: string; episode: number; stands: string }> {
  const { chain, episode } = await rollingOn(ports, input.target);
  if (input.what === 'advance') refuseFailed(chain, episode);
  const why = input.reason === undefined ? {} : { reason: input.reason };
  const by = ports.principal;
  await appendInput(ports.world, chain, {
    kind: 'rollout-order',
    episode: episode.id,
    what: input.what,
    by,
    ...why,
  });
  const stands = rolloutLine(episode, ports.world.clock())?.text ?? episode.sequence.status;
  return { what: input.what, target: chain, episode: episode.id, stands };
}

async function rollingOn(ports: Ports, target: string): Promise<Found> {
  const rows = await ports.world.store.targets();
  const all = rows.flatMap(row =>
    Object.values(row.own.episodes)
      .filter(isRolling)
      .map(episode => ({ chain: chainOf(row.target), episode })),
  );
  const [found] = all.filter(({ chain }) => chain === target || chain === `model/${target}`);
  if (found !== undefined) return found;
  const known = all.map(({ chain }) => chain);
  throw new Refusal(
    `${safe(target, 80)} is in no rollout; ${known.length === 0 ? 'nothing is' : `these are: ${known.join(', ')}`}. A first shift that is under way is stopped with flyball cancel.`,
  );
}

function refuseFailed(chain: string, { sequence, ended }: Episode): void {
  const { state, checks = [], message = '' } = sequence.rollout ?? {};
  const failed = state === 'failed' || state === 'aborted' || checks.at(-1) === 'fail';
  if (failed)
    throw new Refusal(
      `the gate of ${chain} failed, and nobody moves traffic past that: ${safe(message)}. Wait for a check that passes, or 'flyball rollout abort ${chain}'.`,
    );
  if (ended?.how === 'policy-removed' || ended?.how === 'resolved')
    throw new Refusal(
      `the episode of this rollout of ${chain} ended (${ended.how}), so no further step begins; 'flyball rollout abort ${chain}' takes the traffic back.`,
    );
}
