/** The closed lists of the language with what each word means: none can be missing, because the types say so. Data only. */
import type { Dimension, HoldReason, LabelSetState, UnknownReason } from '../model.ts';

/** Why nothing is done, in the order of admission: what it means, and what ends it. */
export const HOLD_REASONS: Readonly<Record<HoldReason, { readonly means: string; readonly ends: string }>> = {
  mode: {
    means: 'The effective mode is observe: this is what would be done.',
    ends: 'A commit that says enforce, where Settings, Model and connections allow it.',
  },
  floor: {
    means:
      "A floor of daemon.yaml does not let this Connection be acted on. Other floors show under their guard's reason.",
    ends: 'A commit that acts on another Connection, or another floor.',
  },
  paused: {
    means: 'A person has paused everything, this target or this verb.',
    ends: 'flyball resume.',
  },
  window: {
    means: 'No window of allow is open, or one of deny is.',
    ends: 'The window opens or closes; what was held is then looked at anew, in full.',
  },
  inhibited: {
    means: 'An inhibitor fires, was not evaluated yet, or a connection that is needed does not answer.',
    ends: 'The inhibitor is known not to fire; the connection answers.',
  },
  gated: {
    means: 'A gate that blocks the verb is closed, unknown or not evaluated yet; or data is tainted.',
    ends: 'The gate is known open for reopen; tainted data has left the lookback.',
  },
  'subject-locked': {
    means: 'Another action works on the same pipeline or serving.',
    ends: 'That action ends, or a person resolves it.',
  },
  'blast-radius': {
    means: 'So many targets were acted on within the period already.',
    ends: 'The oldest of them leaves the period.',
  },
  rate: {
    means: 'The verb was started so often on this target already, by whoever.',
    ends: 'The oldest start leaves the period.',
  },
  cooldown: {
    means: 'The verb ended on this target too short a time ago.',
    ends: 'The cooldown is over.',
  },
  approval: {
    means: 'People were asked, and have not answered.',
    ends: 'flyball approve or flyball deny, or the question expires (a no).',
  },
  denied: {
    means: 'People said no to this very plan, or it expired.',
    ends: 'reask is over, or the plan changes.',
  },
  excluded: {
    means: 'The Model excludes the policy, with a reason.',
    ends: 'until has come, or a commit takes the exclusion back.',
  },
  unknown: {
    means: 'Something that must be known is not: the condition, what serves, the traffic.',
    ends: 'It is known again.',
  },
  late: {
    means: 'A value is not there yet: it is taken after a step that has not run, or waits for labels.',
    ends: 'The step has run and the value was taken.',
  },
  'not-met': {
    means: 'The require of the step is known false.',
    ends: 'flyball retry, an edit of the rule, or a new serving version.',
  },
  'not-firing': {
    means: 'The condition is clearing: a new remedy would come too late.',
    ends: 'The episode ends, or the condition holds again.',
  },
  'max-series': {
    means: 'The rule has more label sets than maxSeries.',
    ends: 'Fewer label sets, or a rule that reduces them.',
  },
  'max-groups': {
    means: 'As many groups of the rule act already as maxGroups allows.',
    ends: 'One of them is through.',
  },
  loop: {
    means: 'The same was begun too often within an hour: nothing is repeated for ever.',
    ends: 'flyball retry; for messages, the end of the hour.',
  },
  stalled: {
    means: 'The remedy failed or did not help, and people were told.',
    ends: 'flyball retry or flyball resolve, an edit of the rule, or a new serving version.',
  },
  retrying: {
    means: 'The action failed in a way that may pass; the pause before the next attempt runs.',
    ends: 'The pause is over.',
  },
  contested: {
    means: 'The traffic of a rollout was changed by somebody else, twice.',
    ends: 'A person decides: flyball rollout, flyball retry or flyball resolve.',
  },
  running: {
    means: 'The action is under way, or a hold of its rollout is.',
    ends: 'It ends, or its timeout passes.',
  },
  verifying: {
    means: 'All steps are done; the data that judges them is not in yet.',
    ends: 'verify.that is known, or within is over.',
  },
  unbound: {
    means: 'It cannot be done on this target: a pipeline, a role or a version to go back to is missing.',
    ends: 'A commit that fills it, or a version that was verified.',
  },
};

/** Why a value could not be had, and what to look at. */
export const UNKNOWN_REASONS: Readonly<Record<UnknownReason, string>> = {
  absent: 'The query succeeded and nothing was there; never a zero.',
  unreachable: 'The query failed, or the connection does not answer.',
  undefined: 'There is no such number: 0/0, NaN, several values where one is due.',
  stale: 'The newest row is older than maxAge.',
  'too-few': 'Fewer rows than minSamples or than the statistic needs, or needs is not known true.',
  budget: 'It would cost more than the connection allows.',
  late: 'It is taken after a step that has not run.',
  predates: 'Its window or reference begins before the remedy, so it cannot judge it.',
};

/** How a rule stands for a label set. */
export const RULE_STATES: Readonly<Record<LabelSetState, string>> = {
  ok: 'when is known false: nothing runs.',
  pending: 'when is true, and the timer of for runs.',
  firing: 'when was true for all of for: an episode is open, and its steps are carried out.',
  clearing: 'clear is true, and the timer of keepFor runs; the episode is still open.',
  unknown: 'when is neither known true nor known false: timers stand still, nothing starts, nothing ends.',
  vanished: 'The query succeeded, and the label set is not in it any more.',
};

/** What a number or a text means: comparing two that do not fit is an error when the policy is read. */
export const DIMENSIONS: Readonly<Record<Dimension, { readonly means: string; readonly written: string }>> = {
  number: { means: 'A number without a unit; compares with counts and ratios too.', written: '0.2' },
  count: { means: 'How many; a bare number compares with it, a share does not.', written: '500' },
  ratio: { means: 'A share from 0 to 1; a bare number compares with it.', written: '5%' },
  duration: { means: 'A length of time; only other durations compare with it.', written: '6h' },
  boolean: { means: 'True or false; stands by itself as a condition.', written: 'true' },
  string: { means: 'Text; == != and in, never < or >.', written: "'ok'" },
  version: { means: 'A version of a model; compares as text does.', written: "'v41'" },
  predicate: {
    means: 'A filter of rows; fills focus, only and where, compares with nothing.',
    written: "origin == 'ORD'",
  },
};
