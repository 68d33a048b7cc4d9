/** The operators, functions, reducers and units of expressions with what they give. Data only. */
import type { BinaryOp } from './infix.ts';

interface Meaning {
  readonly means: string;
  readonly example: string;
}

type Operator = Exclude<BinaryOp, 'is'> | 'not' | 'is null';

/** `is` stands in filters only, where it is `is null`. */
export const OPERATORS: Readonly<Record<Operator, Meaning>> = {
  and: {
    means: 'True when both are; false when either is, even beside an unknown. Also &&.',
    example: 'psi > 0.2 and rows > 10k',
  },
  or: {
    means: 'True when either is, even beside an unknown; false when both are. Also ||.',
    example: 'psi > 0.2 or ks > 0.1',
  },
  not: {
    means: 'The opposite; unknown stays unknown. Stands before a condition in parentheses. Also !.',
    example: 'not (psi > 0.2)',
  },
  '==': { means: 'Equal and of one type. There is no ===.', example: "target.task == 'binary'" },
  '!=': { means: 'Not equal; unknown when either side is.', example: "target.task != 'binary'" },
  '<': { means: 'Less; both sides of one dimension.', example: 'perf < before.perf' },
  '<=': { means: 'Less or equal.', example: 'nulls <= 5%' },
  '>': { means: 'Greater; both sides of one dimension.', example: 'psi > 0.2' },
  '>=': { means: 'Greater or equal.', example: 'rows >= 10k' },
  in: { means: 'One of a list of literals.', example: "target.task in ['binary', 'multiclass']" },
  'is null': {
    means: 'In filters: the column has no value. In conditions use exists.',
    example: 'origin is null',
  },
  '+': { means: 'Sum of one dimension.', example: 'errors.canary > errors.baseline + 0.5%' },
  '-': { means: 'Difference of one dimension.', example: 'auc - before.auc < 0' },
  '*': { means: 'Product; a bare number or a share scales.', example: 'rows < before.rows * 50%' },
  '/': {
    means: 'Quotient; of two counts a share. By zero it is unknown.',
    example: 'errors / requests > 1%',
  },
  '%': {
    means: 'Remainder, with a blank on both sides; glued to a number it is a share.',
    example: 'rows % 2 == 0',
  },
};

/** Functions of values. `min` and `max` of two or more values are among the reducers. */
export const FUNCTIONS: Readonly<Record<'abs' | 'exists', Meaning>> = {
  abs: { means: 'The value without its sign.', example: 'abs(bias) > 0.07' },
  exists: {
    means: 'True when there is a value, false only when it is absent, unknown when it could not be asked.',
    example: 'not exists(psi)',
  },
};

type ReducerName = 'any' | 'all' | 'none' | 'count' | 'share' | 'max' | 'min' | 'avg';

/** What makes one value of a vector. With unknown members it is an interval: unknown unless either end decides. */
export const REDUCER_MEANINGS: Readonly<Record<ReducerName, Meaning>> = {
  any: { means: 'Whether the condition holds for at least one label set.', example: 'any(psi > 0.4)' },
  all: { means: 'Whether it holds for every label set.', example: 'all(psi > 0.1)' },
  none: { means: 'Whether it holds for no label set.', example: 'none(psi > 0.4)' },
  count: { means: 'For how many label sets it holds.', example: 'count(psi > 0.2) >= 5' },
  share: { means: 'For which share of the label sets it holds.', example: 'share(psi > 0.2) > 5%' },
  max: {
    means: 'The greatest value over the label sets; also of two or more values.',
    example: 'max(psi) > 0.4',
  },
  min: {
    means: 'The least value over the label sets; also of two or more values.',
    example: 'min(auc, 0.9) < 0.6',
  },
  avg: { means: 'The mean over the label sets.', example: 'avg(psi) > 0.1' },
};

/** Glued to a number. */
export const UNITS: Readonly<Record<'ms' | 's' | 'm' | 'h' | 'd' | 'w' | '%' | 'k', string>> = {
  ms: 'Milliseconds.',
  s: 'Seconds.',
  m: 'Minutes, never months: those have no length.',
  h: 'Hours.',
  d: 'Days of 24 hours.',
  w: 'Weeks of 7 days.',
  '%': 'Hundredths: a share. 5% is 0.05.',
  k: 'Thousands: 5k is 5000.',
};

/** First parts of a dotted name that are no observation: in conditions, or in templates. */
export const ROOTS: Readonly<
  Record<
    | 'params'
    | 'target'
    | 'before'
    | 'steps'
    | 'labels'
    | 'members'
    | 'worst'
    | 'rollout'
    | 'side'
    | 'step'
    | 'data',
    Meaning
  >
> = {
  params: {
    means: 'A param of the policy, with what the Model says of it.',
    example: 'psi > params.psi_max',
  },
  target: {
    means: "A value of the target's own document: its name, owner, labels, expect.",
    example: 'age > target.expect.maxAge',
  },
  before: {
    means: 'What an observation was when the episode opened; in require, if and verify.',
    example: 'perf < before.perf',
  },
  steps: {
    means: 'An output of a step that has run, by its id; unknown before.',
    example: 'steps.evaluate.delta_upper < 0',
  },
  labels: {
    means: 'With per: the value of a label of the group that is acted for.',
    example: `"\${labels.origin}"`,
  },
  members: {
    means: 'The values of a label for which the reduced comparison held, worst first.',
    example: `"origin in \${members.origin}"`,
  },
  worst: { means: 'The first of members: the worst.', example: `"the worst is \${worst.origin}"` },
  rollout: {
    means: 'In a gate on a rollout: canary and baseline, the two versions.',
    example: `"\${rollout.canary}"`,
  },
  side: {
    means: 'With sides: revision, the version of the side that is asked.',
    example: `"\${side.revision}"`,
  },
  step: {
    means: 'In a gate on a rollout: elapsed, how long the step has lasted.',
    example: `"\${step.elapsed}"`,
  },
  data: {
    means:
      "In params of a Model's pipeline: since, until, focus, only, rest, exclude, seed, version, champion.",
    example: `"\${data.since}"`,
  },
};
