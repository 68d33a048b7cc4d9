/** What an action would do, in words: its calls with what they run, its rollout, its cost, and the way back. Pure. */
import { formatDuration } from '../dsl/index.ts';
import type { CapabilityCall, RolloutSpec, Serving } from '../model.ts';
import type { ApprovalView } from './approval-view.ts';
import { costOf } from './backtest-report.ts';
import type { Question } from './question.ts';
import { servingText } from './since-asked.ts';
import { safe, span } from './time.ts';

type What = ApprovalView['what'];

/** The effect of a question's action, from what was frozen when it was asked. */
export function effectOf(question: Question, serving: Serving | undefined): What {
  const { ask, plan } = question;
  const { action } = ask;
  const round = action.round > 0 ? `, round ${action.round + 1}` : '';
  const again = action.attempt > 1 ? `, attempt ${action.attempt}` : '';
  return {
    verb: action.verb,
    step: `${safe(action.step, 80)}, step ${action.stepIndex + 1} of ${Math.max(plan.steps.length, 1)}${round}${again}`,
    action: action.id,
    calls: action.calls.map(call => callOf(call, question)),
    later: plan.steps
      .slice(action.stepIndex + 1)
      .map(({ verb, require }) => `${verb}${require ? `, if ${safe(require.text, 200)}` : ''}`),
    traffic: trafficOf(question, serving),
    rollout: scheduleOf(question),
    ends: action.timeoutMs === undefined ? '' : `after ${span(action.timeoutMs)} it is asked to end`,
    cost: costText(question),
    undone: undoneText(question),
    undo: (action.undo ?? []).map(call => callOf(call, question)),
  };
}

function callOf(call: CapabilityCall, { ask, plan }: Question): What['calls'][number] {
  const connection = plan.documents.connections[call.connection] ?? ask.action.connection;
  const command = connection.commands[String(call.args.pipeline ?? '')];
  return {
    capability: call.capability,
    subject: safe(call.subject, 200),
    connection: `${safe(call.connection, 80)} (${connection.connector})`,
    runs: command
      ? safe([...command.argv, ...(command.cwd ? [`in ${command.cwd}`] : [])].join(' '), 300)
      : '',
    args: safe(JSON.stringify(call.args), 2000),
  };
}

/** Shares of the traffic as the calls would set them. */
function trafficOf({ ask, plan }: Question, serving: Serving | undefined): string {
  const shifts = ask.action.calls.filter(call => call.capability === 'serving.shift');
  const now = servingText(serving);
  const serves = now === undefined ? '' : ` Now: ${now}.`;
  const name = safe(plan.documents.model?.serving?.name ?? '', 80);
  if (shifts.length === 0) return `None by itself: traffic stays where it is.${name === '' ? '' : serves}`;
  const parts = shifts.map(({ rollout, args }) =>
    rollout
      ? `${percent(rollout.weight)} to ${safe(rollout.canary, 80)}`
      : Object.entries(args.weights ?? {})
          .map(([version, weight]) => `${percent(Number(weight))} to ${safe(version, 80)}`)
          .join(', '),
  );
  return `Of ${name || 'the model'}: ${parts.join(', then ')}.${serves}`;
}

function scheduleOf({ ask, plan }: Question): What['rollout'] {
  return ask.action.calls.flatMap(({ rollout }) => {
    if (rollout === undefined) return [];
    const spec: RolloutSpec | undefined = plan.documents.rollouts?.[rollout.name];
    const step = spec?.steps[rollout.index];
    return [
      {
        share: percent(rollout.weight),
        hold: step ? formatDuration(step.holdMs) : '',
        gate: step?.gate ?? 'none: only the traffic is read back',
      },
    ];
  });
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(6))}%`;
}

function costText({ ask, plan }: Question): string {
  const { verb, call } = ask.action;
  const own = amounts(costOf(plan, verb, call.subject));
  const later = plan.steps
    .slice(ask.action.stepIndex + 1)
    .map(({ verb: next }) => [next, amounts(costOf(plan, next, ''))] as const)
    .filter(([, text]) => text !== '')
    .map(([next, text]) => `${next} ${text}`);
  const rest = later.length === 0 ? '' : `; later steps: ${later.join(', ')}`;
  if (own !== '') return `${own}${rest}, as the Model says`;
  return later.length === 0 ? 'The Model does not say.' : `The Model does not say${rest}.`;
}

function amounts(cost: Readonly<Record<string, number>>): string {
  return Object.entries(cost)
    .map(([unit, amount]) => `${amount} ${safe(unit, 20)}`)
    .join(', ');
}

/** How a person who says yes gets out of it again. */
function undoneText({ ask, plan }: Question): string {
  const { action, episode } = ask;
  const step = plan.steps.find(one => one.id === action.step);
  if (step?.undo) return 'taken back by itself when the sequence gives up (undo)';
  if (action.verb === 'promote') return 'by flyball rollout abort while it is under way, by a rollback later';
  return `not by itself; flyball cancel ${episode} ends it while it runs`;
}

/** What happens if nobody answers. */
export function unansweredText({ ask }: Question): string {
  const page = ask.onExpiry === 'escalate' ? ' and people are paged' : '';
  return `It is denied${page}, and not asked again for ${span(ask.reaskMs)}; gates and safe verbs stay armed meanwhile.`;
}
