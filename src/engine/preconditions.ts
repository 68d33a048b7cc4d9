/** What must hold before a step begins: the rule fires, its group has room, `if` and `require` say yes. Pure. */
import type { Condition, Hold, Json, Operand, SequencePlan, StepSpec } from '../model.ts';
import { explain, shown } from './explain.ts';
import { denialKey } from './fold-actions.ts';
import { missingNames, type Progress, planOf, scopeOf } from './form.ts';
import { answerOf, crowdedBy } from './groups.ts';
import { readPaths } from './names.ts';
import { isExcluded } from './schedule.ts';

/** Nothing begins while the rule is not known to fire, or inside the time that a no lasts. */
export function notReady(p: Progress): Hold[] {
  const { sequence, cause } = p.episode;
  const state = p.draft.own.rules[cause.policy]?.[cause.rule]?.[cause.group];
  const holds: Hold[] = [];
  if (state?.state === 'unknown' || state?.state === 'vanished') {
    holds.push({ reason: 'unknown', message: 'the rule is not known to fire now' });
  }
  if (state?.state === 'clearing' && !sequence.acted) {
    holds.push({ reason: 'not-firing', message: 'the condition is clearing' });
  }
  const plan = planOf(p);
  const denied = p.draft.own.denials[denialKey(cause, plan.steps[sequence.stepIndex]?.id ?? '')];
  if (denied && denied.until > p.draft.at && denied.actingHash === plan.actingHash) {
    holds.push({ reason: 'denied', message: 'the last ask was not granted', until: denied.until });
  }
  return holds;
}

/** The policy does not apply to its target now. A rollout under way is brought to its end: its gates stay armed. */
export function exclusionOf({ policy, draft, episode }: Progress): Hold[] {
  const { excluded } = policy;
  if (!excluded || episode.sequence.rollout || !isExcluded(policy, draft.at)) return [];
  const until = excluded.until === undefined ? {} : { until: excluded.until };
  return [{ reason: 'excluded', message: `excluded: ${excluded.reason}`, ...until }];
}

/** Everything else that holds a step before its conditions are asked. */
export function waitsOf(p: Progress, plan: SequencePlan): Hold[] {
  return [...backingOff(p), ...notReady(p), ...crowded(p), ...cannotEnd(p, plan)];
}

function backingOff({ episode, draft }: Progress): Hold[] {
  const { retryAt, action = '' } = episode.sequence;
  if (retryAt === undefined || retryAt <= draft.at) return [];
  const record = draft.own.actions[action];
  const said = record?.message ?? 'no message';
  const message = `attempt ${record?.failures ?? 1} of ${record?.action.verb ?? 'it'} failed (${said}); the next begins then`;
  return [{ reason: 'retrying', message, until: retryAt }];
}

function crowded({ draft, policy, episode }: Progress): Hold[] {
  const rule = policy.rules.find(one => one.name === episode.cause.rule);
  const most = crowdedBy(draft.own, rule, episode);
  if (most === undefined) return [];
  const message = `maxGroups of ${episode.cause.rule} is ${most}, and so many are acted for; the oldest come first`;
  return [{ reason: 'max-groups', message }];
}

/** Nobody is asked, and nothing trained, for a sequence whose later step could not be carried out anyway. */
function cannotEnd({ draft, episode }: Progress, plan: SequencePlan): Hold[] {
  const { unknown } = draft.snapshot.serving ?? {};
  if (unknown === undefined || episode.sequence.stepIndex > 0 || episode.sequence.phase > 0) return [];
  const later = plan.steps.slice(1).find(step => draft.verbs[step.verb]?.needs.includes('serving'));
  return later
    ? [{ reason: 'unknown', message: `${later.id} will need what serves: ${unknown.message}` }]
    : [];
}

/** What a step's condition says now; `missing` names observations that must be taken first. */
export type Said =
  | { readonly answer: true }
  | { readonly missing: readonly string[] }
  | { readonly unbound: string }
  | { readonly answer: false | undefined; readonly clause: string; readonly values: string };

/** The answer of `if` or `require`, about the group's own readings. */
export function ask(p: Progress, plan: SequencePlan, condition: Condition): Said {
  const unbound = skippedBehind(p, plan, condition.logic);
  if (unbound !== undefined) return { unbound };
  const scope = scopeOf(p, plan);
  const missing = missingNames(condition.logic, plan, scope);
  if (missing.length > 0) return { missing };
  const { answer, set } = answerOf(condition.logic, scope);
  if (answer === true) return { answer };
  const { clause, operands } = explain(condition.logic, scope, set);
  return { answer, clause, values: valuesOf(operands) };
}

/** Operands in one line. */
export function valuesOf(operands: readonly Operand[]): string {
  return operands.map(one => `${one.name} ${shown(one)}`).join(', ');
}

/** Observations that the arguments of a step read and the snapshot does not hold. */
export function missingInArgs(p: Progress, plan: SequencePlan, step: StepSpec): readonly string[] {
  const { observations } = scopeOf(p, plan);
  const read = slotPaths(step.args).flatMap(path =>
    path.startsWith('observed.') ? [path.split('.')[1] ?? ''] : [],
  );
  return [...new Set(read)].filter(
    name => plan.observe[name] !== undefined && observations[name] === undefined,
  );
}

/** Why the arguments of a step can never be filled: they name an output of a step that was skipped. */
export function skippedInArgs(p: Progress, plan: SequencePlan, step: StepSpec): string | undefined {
  return unboundBy(p, plan, slotPaths(step.args));
}

/** The same of a condition: by itself, or through a late observation. */
function skippedBehind(p: Progress, plan: SequencePlan, logic: Json): string | undefined {
  const paths = readPaths(logic);
  const late = paths.flatMap(path => {
    const spec = plan.observe[path.split('.')[0] ?? ''];
    return spec?.lateAfter === undefined ? [] : [`steps.${spec.lateAfter}`];
  });
  return unboundBy(p, plan, [...paths, ...late]);
}

function unboundBy({ episode }: Progress, plan: SequencePlan, paths: readonly string[]): string | undefined {
  const { stepIndex, outputs } = episode.sequence;
  // A step that is over has outputs, if only none by name; one that was skipped has not.
  const skipped = plan.steps.slice(0, stepIndex).filter(one => outputs[one.id] === undefined);
  for (const path of paths) {
    const [root, id] = path.split('.');
    if (root === 'steps' && skipped.some(one => one.id === id))
      return `${path} has no value: step ${id} was skipped`;
  }
  return undefined;
}

function slotPaths(value: Json): readonly string[] {
  if (value === null || typeof value !== 'object') return [];
  if (Array.isArray(value)) return value.flatMap(one => slotPaths(one as Json));
  return Object.entries(value).flatMap(([key, one]) =>
    key === '$' && typeof one === 'string' ? [one] : slotPaths(one as Json),
  );
}
