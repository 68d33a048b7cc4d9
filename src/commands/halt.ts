/** `halt`: the safe direction. Ends one action, or keeps anything from beginning on one target for a while. */
import { z } from 'zod';
import { command } from './command.ts';
import { cancelNamed } from './control.ts';
import { pauseScope } from './pause.ts';
import { Refusal } from './perform.ts';
import { requireTarget } from './targets.ts';
import { safe, when } from './time.ts';
import { periodOf } from './time-input.ts';

const MOST_MS = 24 * 3_600_000;

export const halt = command({
  name: 'halt',
  tool: 'flyball_halt',
  title: 'Halt',
  description:
    'The safe direction, without an approval: asks one action or request to end (action), or lets nothing begin on a target for at most 24 hours (target); what runs there goes on. Resuming is for people.',
  input: z.strictObject({
    action: z
      .string()
      .min(4)
      .max(80)
      .optional()
      .describe('Start of the id of an action or a request; this or target.'),
    target: z.string().min(1).max(200).optional().describe('kind/name of the target to pause.'),
    for: z.string().max(40).default('24h').describe('Of a pause: how long, at most 24h.'),
    reason: z.string().min(1).max(500).describe('Why. Kept in the ledger.'),
  }),
  output: z.object({
    what: z.string().describe('What was halted.'),
    state: z.string(),
    until: z.number().optional().describe('When the pause ends by itself.'),
  }),
  positional: ['action'],
  role: 'operator',
  effect: 'safe',
  reach: 'targets',
  examples: [
    'flyball halt f3a91c --reason "wrong slice"',
    'flyball halt --target model/late-flights --for 4h --reason "bad labels"',
  ],
  run: async (ports, { action, target, for: period, reason }) => {
    if ((action === undefined) === (target === undefined))
      throw new Refusal('halt: expected an action to end, or a target to pause, and not both.');
    if (action !== undefined) {
      const found = await cancelNamed(ports, { action, reason });
      return { what: found.action, state: `asked to end; it was ${found.state}` };
    }
    const scope = target ?? '';
    requireTarget(
      scope,
      (await ports.world.store.targets()).map(row => `${row.target.kind}/${row.target.name}`),
    );
    const ms = periodOf(period);
    if (ms <= 0 || ms > MOST_MS)
      throw new Refusal(`for is ${safe(period, 40)}; expected at most 24h, such as 4h.`);
    const { until } = await pauseScope(ports, { scope, reason, until: period, cancel: false });
    return { what: scope, state: 'paused', ...(until === undefined ? {} : { until }) };
  },
  text: found =>
    `${found.what}: ${found.state}${found.until === undefined ? '' : ` until ${when(found.until)} UTC`}.`,
});
