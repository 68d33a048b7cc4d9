/** The validator of one rollout of Settings: by which steps traffic moves, and what happens when a gate does not hold. */
import { z } from 'zod';
import type { RolloutSpec } from '../model.ts';
import { period, present, ratio } from './fields.ts';
import { formatDuration } from './quantity.ts';

const HOUR_MS = 3_600_000;

const A_GATE = 'expected the name of a policy, or POLICY/RULE';
const gate = z.string(A_GATE).regex(/^[a-z0-9][a-z0-9.-]*(\/[A-Za-z0-9][\w.-]*)?$/, A_GATE);

const step = z
  .strictObject({
    shift: ratio.meta({
      description: 'Share of the traffic on the new version; it only rises, and the last is 100%.',
      examples: ['5%'],
    }),
    hold: period.meta({
      description: 'How long it stays there, judged at every tick of the gate.',
      examples: ['30m'],
    }),
    gate: gate.optional().meta({
      description: 'A policy, or POLICY/RULE, with gate: { on: rollout } that judges this hold.',
      examples: ['canary-health'],
    }),
  })
  .transform(({ shift, hold, gate }) => present({ weight: shift, holdMs: hold, gate }));

const outcome = z.enum(['rollback', 'hold'], 'expected rollback or hold');

/** One rollout; its name is its key in Settings. */
export const rollout = z
  .strictObject({
    steps: z
      .array(step, 'expected a list of { shift, hold, gate }')
      .min(1, 'expected at least one step')
      .meta({
        description: 'Shifts of traffic in order, each with its hold and the gate that judges it.',
        examples: [
          [
            { shift: '5%', hold: '30m', gate: 'canary-health' },
            { shift: '100%', hold: '24h', gate: 'canary-health' },
          ],
        ],
      }),
    gates: z
      .literal('none', 'expected none, or no such key')
      .optional()
      .meta({ description: 'none: said in so many words, when nothing judges the steps.' }),
    onFailure: outcome.default('rollback').meta({
      description:
        'When a gate fails, or max passes: rollback (the default), or hold until a person decides.',
    }),
    onUnknown: z
      .strictObject({
        hold: period.meta({ description: 'How long an unknown gate holds the rollout.', examples: ['2h'] }),
        // biome-ignore lint/suspicious/noThenProperty: the word of the language.
        then: outcome.meta({ description: 'What happens then: rollback, or hold until a person decides.' }),
      })
      // biome-ignore lint/suspicious/noThenProperty: the word of the language.
      .prefault({ hold: '2h', then: 'rollback' })
      .transform(({ hold, then }) => ({ holdMs: hold, then }))
      .meta({ description: 'When a gate is unknown; { hold: 2h, then: rollback } unless said.' }),
    max: period.optional().meta({
      description: 'How long the whole rollout may take; passing it is a failure.',
      examples: ['3d'],
    }),
  })
  .superRefine(({ steps, gates, max }, ctx) => {
    const issue = (path: (string | number)[], message: string) =>
      ctx.addIssue({ code: 'custom', path, message });
    for (const [i, { weight, gate }] of steps.entries()) {
      const before = steps[i - 1]?.weight ?? 0;
      if (weight <= before)
        issue(['steps', i, 'shift'], `expected more than ${percent(before)}: a rollout only moves forward`);
      if (gate === undefined && gates !== 'none')
        issue(
          ['steps', i, 'gate'],
          'expected the policy that judges this step, or gates: none on the rollout',
        );
      if (gate !== undefined && gates === 'none')
        issue(['steps', i, 'gate'], 'expected no gate: the rollout says gates: none');
    }
    if (steps.at(-1) !== undefined && steps.at(-1)?.weight !== 1)
      issue(['steps', steps.length - 1, 'shift'], 'expected 100% in the last step');
    const held = heldMs(steps);
    if (max !== undefined && max <= held)
      issue(['max'], `expected longer than the holds together, which are ${formatDuration(held)}`);
  })
  .transform(
    ({ steps, onFailure, onUnknown, max }): Omit<RolloutSpec, 'name'> => ({
      steps: steps as RolloutSpec['steps'],
      onFailure,
      onUnknown,
      // Room for one wait on an unknown gate, and for what shifts take.
      maxMs: max ?? heldMs(steps) + onUnknown.holdMs + HOUR_MS,
    }),
  )
  .meta({
    examples: [
      {
        steps: [
          { shift: '5%', hold: '30m', gate: 'canary-health' },
          { shift: '100%', hold: '24h', gate: 'canary-health' },
        ],
        onFailure: 'rollback',
        // biome-ignore lint/suspicious/noThenProperty: the word of the language.
        onUnknown: { hold: '2h', then: 'rollback' },
        max: '3d',
      },
    ],
  });

function heldMs(steps: readonly { readonly holdMs: number }[]): number {
  return steps.reduce((sum, { holdMs }) => sum + holdMs, 0);
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(6))}%`;
}
