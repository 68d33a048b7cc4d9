/** What a policy adds to the Model's limits: it may tighten them, never loosen them. Pure. */
import type { ActionLimits, ApprovalSpec, GuardSpec } from '../model.ts';
import { type Closing, refuse } from './closing.ts';
import type { StepApproval } from './fields.ts';
import { unknownApprover } from './library.ts';
import { formatDuration } from './quantity.ts';
import type { Path } from './source.ts';

const REASK_MS = 86_400_000;

/** The approval in force for a step: the Model's, tightened by the step's. Undefined when nobody is asked. */
export function mergeApproval(
  closing: Closing,
  model: ApprovalSpec | undefined,
  step: StepApproval | undefined,
  path: Path,
): ApprovalSpec | undefined {
  if (step === undefined) return model;
  for (const [i, name] of (step.from ?? []).entries())
    closing.diagnostics.push(
      ...unknownApprover(closing.library, name, closing.model, closing.source.at([...path, 'from', i])),
    );
  if (model === undefined) return own(closing, step, path);
  const loosened = (key: string, found: string, allowed: string) =>
    refuse(
      closing,
      [...path, key],
      `${key} is ${found}, and the Model says ${allowed}; expected a policy to tighten it, never to loosen it`,
    );
  const strangers = (step.from ?? []).filter(name => !model.from.includes(name));
  if (strangers.length > 0) loosened('from', strangers.join(', '), model.from.join(', '));
  if (step.quorum !== undefined && step.quorum < model.quorum)
    loosened('quorum', String(step.quorum), String(model.quorum));
  if (step.expires !== undefined && step.expires > model.expiresMs)
    loosened('expires', formatDuration(step.expires), formatDuration(model.expiresMs));
  if (step.reask !== undefined && step.reask < model.reaskMs)
    loosened('reask', formatDuration(step.reask), formatDuration(model.reaskMs));
  if (step.onExpiry === 'deny' && model.onExpiry === 'escalate') loosened('onExpiry', 'deny', 'escalate');
  if ((step.escalateAfter ?? 0) > (model.escalateAfterMs ?? Number.POSITIVE_INFINITY))
    loosened(
      'escalateAfter',
      formatDuration(step.escalateAfter ?? 0),
      formatDuration(model.escalateAfterMs ?? 0),
    );
  return checked(closing, path, {
    from: step.from ?? model.from,
    quorum: step.quorum ?? model.quorum,
    expiresMs: step.expires ?? model.expiresMs,
    reaskMs: step.reask ?? model.reaskMs,
    ...escalation(step.onExpiry ?? model.onExpiry, step.escalateAfter ?? model.escalateAfterMs),
  });
}

function escalation(
  onExpiry: ApprovalSpec['onExpiry'],
  escalateAfterMs: number | undefined,
): Pick<ApprovalSpec, 'onExpiry' | 'escalateAfterMs'> {
  return {
    ...(onExpiry === 'escalate' ? { onExpiry } : {}),
    ...(escalateAfterMs === undefined ? {} : { escalateAfterMs }),
  };
}

/** A page that comes after the end tells nobody anything. */
function checked(closing: Closing, path: Path, approval: ApprovalSpec): ApprovalSpec | undefined {
  const { escalateAfterMs, expiresMs } = approval;
  if (escalateAfterMs === undefined || escalateAfterMs < expiresMs) return approval;
  return refuse(
    closing,
    path,
    `people are paged after ${formatDuration(escalateAfterMs)}, and the question ends after ${formatDuration(expiresMs)}; expected escalateAfter to be shorter than expires`,
  );
}

function own(closing: Closing, step: StepApproval, path: Path): ApprovalSpec | undefined {
  if (step.from === undefined)
    return refuse(closing, path, 'approval has no from, and the Model asks for none; expected whom to ask');
  if (step.expires === undefined)
    return refuse(
      closing,
      path,
      'approval has no expires, and the Model asks for none; expected a duration such as 8h',
    );
  return checked(closing, path, {
    from: step.from,
    quorum: step.quorum ?? 1,
    expiresMs: step.expires,
    reaskMs: step.reask ?? REASK_MS,
    ...escalation(step.onExpiry, step.escalateAfter),
  });
}

/** Notes a guard that allows more, or sooner, than the Model does for a verb of the policy. */
export function checkGuard(closing: Closing, guard: GuardSpec, verbs: readonly string[]): void {
  for (const verb of verbs) {
    const limits: ActionLimits = closing.model?.actions[verb] ?? {};
    const { cooldownMs, rate } = limits;
    if (guard.cooldownMs !== undefined && cooldownMs !== undefined && guard.cooldownMs < cooldownMs)
      refuse(
        closing,
        ['spec', 'guard', 'cooldown'],
        `cooldown is ${formatDuration(guard.cooldownMs)}, and the Model says ${formatDuration(cooldownMs)} for ${verb}; expected a policy to tighten it, never to loosen it`,
      );
    if (guard.rate && rate && guard.rate.count / guard.rate.perMs > rate.count / rate.perMs)
      refuse(
        closing,
        ['spec', 'guard', 'rate'],
        `rate is ${rateText(guard.rate)}, and the Model says ${rateText(rate)} for ${verb}; expected a policy to tighten it, never to loosen it`,
      );
  }
}

function rateText({ count, perMs }: { readonly count: number; readonly perMs: number }): string {
  return `${count} per ${formatDuration(perMs)}`;
}
