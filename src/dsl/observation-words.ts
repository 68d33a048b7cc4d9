/** What the common words of an observation ask of the policy around it: where they may stand, and what they need. Pure. */
import { type Closing, refuse } from './closing.ts';
import type { PolicySpec } from './policy.ts';
import { formatDuration } from './quantity.ts';
import type { Path } from './source.ts';
import { hasRolloutGate } from './written-rules.ts';

type Raw = PolicySpec['observe'][string];

/** Notes words that cannot stand where they do. */
export function checkWords(closing: Closing, raw: Raw, path: Path): void {
  if (raw.treatAs !== undefined)
    refuse(
      closing,
      [...path, 'treatAs'],
      'treatAs would make a number of what is not known, and rules and gates would act on it; expected onMissing: { alertAfter: 6h } to be told, expect: present to count absence as a breach, or exists(x) in the condition',
    );
  checkEvery(closing, raw, path);
  if (hasRolloutGate(closing.spec)) return;
  if (raw.sides !== undefined)
    refuse(
      closing,
      [...path, 'sides'],
      'sides are the versions of a rollout, and this policy has no gate on one; expected no sides, or gate: { on: rollout, … }',
    );
  if (raw.window === 'step')
    refuse(
      closing,
      [...path, 'window'],
      'step is the time since a step of a rollout began, and this policy has no gate on one; expected a duration such as 7d',
    );
}

/** Observations are taken together whenever their policy is looked at: one that said otherwise would not be what it says. */
function checkEvery(closing: Closing, { every }: Raw, path: Path): void {
  const policy = closing.spec.every;
  if (every === undefined || every === policy) return;
  const looked = typeof policy === 'number' ? `every ${formatDuration(policy)}` : `at ${policy.cron}`;
  refuse(
    closing,
    [...path, 'every'],
    `every is ${formatDuration(every)}, and an observation is taken whenever its policy is looked at, ${looked}; expected no every here`,
    'Give what is looked at less often a policy of its own.',
  );
}
