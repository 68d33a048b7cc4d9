/** What a page says: what happened, the evidence, what was tried, a diagnosis, and what is recommended. Pure. */
import type { ActionHistory, Episode, HoldReason, Own, StallReason } from '../model.ts';
import { shown } from './explain.ts';
import { moment } from './fact-values.ts';
import { evidenceOf, type Progress } from './form.ts';
import { chainOf } from './ids.ts';
import { isAside } from './records.ts';

/** The text of a page, one part a line. `reason`: why the sequence gave up; without it it goes on, or waits. */
export function pageText(p: Progress, message: string, reason?: StallReason): string {
  const { draft, episode } = p;
  const tried = triedLines(draft.own, episode, draft.at);
  return [
    message,
    evidenceOf(p),
    tried.length === 0 ? 'Tried: nothing has begun.' : ['Tried:', ...tried].join('\n'),
    `Diagnosis: ${diagnosisOf(p, reason)}`,
    `Recommended: ${recommendationOf(p, reason)}`,
  ].join('\n');
}

/** What every round has tried, one line each, the first round first. */
function triedLines(own: Own, { id, sequence }: Episode, at: number): readonly string[] {
  const records = Object.values(own.actions).filter(
    one => one.episode === id && (!isAside(one.action.step) || one.action.verb === 'rollback'),
  );
  const byRound = Map.groupBy(inOrderOfBeginning(records), one => one.action.round);
  return [...byRound]
    .sort(([a], [b]) => a - b)
    .map(([round, all]) => {
      const end = round < sequence.round ? '; it did not help' : '';
      return `- round ${round + 1}: ${all.map(one => attemptText(one, at)).join('; ')}${end}`;
    });
}

function inOrderOfBeginning(records: readonly ActionHistory[]): readonly ActionHistory[] {
  const place = ({ at, action }: ActionHistory) => [at, action.stepIndex, action.phase];
  return [...records].sort((a, b) => {
    const [left, right] = [place(a), place(b)];
    const i = left.findIndex((value, at) => value !== right[at]);
    return i < 0 ? (a.action.id < b.action.id ? -1 : 1) : (left[i] ?? 0) - (right[i] ?? 0);
  });
}

function attemptText(record: ActionHistory, now: number): string {
  const { step, verb, phase, phases } = record.action;
  const name = step === verb || isAside(step) ? verb : `${verb} (${step})`;
  const part = phases > 1 ? ` ${phase + 1} of ${phases}` : '';
  const { version } = record.outputs ?? {};
  const got = typeof version === 'string' ? `, version ${version}` : '';
  const tries = (record.failures ?? 0) > 1 ? ` after ${record.failures} attempts` : '';
  const why = record.state !== 'succeeded' && record.message !== undefined ? ` (${record.message})` : '';
  const times = `${moment(record.at)} to ${record.endedAt === undefined ? `now, ${moment(now)}` : moment(record.endedAt)}`;
  return `${name}${part} ${record.state}${tries}${got}${why}, ${times}`;
}

/** What the rule says now, what holds it, and what follows from the way in which it ended. */
function diagnosisOf({ draft, episode, verdict }: Progress, reason: StallReason | undefined): string {
  const { policy, rule, group } = episode.cause;
  const values = (verdict?.operands ?? []).map(one => `${one.name} ${shown(one)}`).join(', ');
  const now =
    verdict === undefined
      ? 'the rule was not judged at this moment'
      : `the rule says ${verdict.answer} now: ${verdict.clause}${values === '' ? '' : ` (${values})`}`;
  const standing = draft.own.decisions[`${policy}/${rule}/${group}`]?.holds ?? [];
  const holds = standing.filter(({ reason }) => !OWN_WAITS.includes(reason)).map(({ message }) => message);
  const held = holds.length === 0 ? '' : `; what held it last: ${holds.join('; ')}`;
  const meaning = reason === undefined ? '' : `. ${MEANINGS[reason]}`;
  return `${now}${held}${meaning}`;
}

/** It waited for nobody else. */
const OWN_WAITS: readonly HoldReason[] = ['verifying', 'running', 'retrying', 'stalled'];

const MEANINGS: Readonly<Record<StallReason, string>> = {
  'not-verified':
    'Every step went well and what they were for is known not to hold: the cause is likely another one',
  'not-judged': 'The steps went well, and what would tell whether they helped is unknown',
  'step-failed': 'The remedy could not be carried out: this says nothing about the cause',
  'not-met': 'What the remedy made is not good enough to go on with',
  cancelled: 'A person ended it',
  unbound: 'What a step needs is not there: the policy and its target do not fit together now',
  loop: 'The same was begun again and again: something brings back what it mends',
  'rollout-failed': 'The new version did not stand its trial, or somebody else moves the traffic',
  reverted: 'Somebody else took back what it did',
};

const ADVICE: Readonly<Record<StallReason, string>> = {
  'not-verified': 'look for the cause in the data and upstream of it before the same is tried again',
  'not-judged': "find out why it is unknown ('flyball status', BLIND), then judge it yourself",
  'step-failed': 'mend what the message of the last attempt names, then try again',
  'not-met': 'leave what serves, and look at the data that the new version was made from',
  cancelled: 'nothing, unless the cause is still there',
  unbound: 'mend the Model, its connections or the policy: an edit of the rule ends the stall',
  loop: "find the second writer in 'flyball log', pause one of the two, then try again",
  'rollout-failed':
    "compare the two sides in 'flyball explain', and see that all traffic is where it should be",
  reverted: 'nothing: it was a person, and it stays so',
};

function recommendationOf({ policy, episode }: Progress, reason: StallReason | undefined): string {
  const on = `${episode.id} --target ${chainOf(policy.target)}`;
  const advice = reason === undefined ? '' : `${ADVICE[reason]}. `;
  return `${advice}See 'flyball explain ${policy.policy}'; 'flyball retry ${on}' tries it once more, 'flyball resolve ${on} --as resolved' ends it.`;
}
