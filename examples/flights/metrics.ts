/** How good scores are, given what happened. Pure. */

export interface Metrics {
  /** Mean negative log-likelihood in nats; 0 is perfect, ln 2 is a coin. Scores are clipped to 1e-9 from the ends. */
  readonly log_loss: number;
  /** Chance that a late flight scores above a punctual one, ties half; 0.5 is a coin, NaN when one class is missing. */
  readonly auc: number;
  /** Mean squared difference of score and outcome, 0..1. */
  readonly brier: number;
  /** Share of rows on the wrong side of a score of 0.5. */
  readonly error_rate: number;
  readonly rows: number;
}

/** The metrics of scores (0..1) against outcomes (0 or 1), two arrays of one length. All are NaN for no rows. */
export function measure(scores: Float64Array, outcomes: ArrayLike<number>): Metrics {
  const rows = scores.length;
  let loss = 0;
  let squares = 0;
  let wrong = 0;
  for (let row = 0; row < rows; row++) {
    const score = scores[row] as number;
    const late = outcomes[row] === 1;
    const clipped = Math.min(1 - 1e-9, Math.max(1e-9, score));
    loss -= Math.log(late ? clipped : 1 - clipped);
    squares += (score - (late ? 1 : 0)) ** 2;
    if (score >= 0.5 !== late) wrong++;
  }
  return {
    log_loss: loss / rows,
    auc: areaUnderCurve(scores, outcomes),
    brier: squares / rows,
    error_rate: wrong / rows,
    rows,
  };
}

/** Mann-Whitney U over midranks. */
function areaUnderCurve(scores: Float64Array, outcomes: ArrayLike<number>): number {
  const order = Uint32Array.from(scores.keys()).sort((a, b) => (scores[a] as number) - (scores[b] as number));
  let rankSum = 0;
  let positives = 0;
  for (let start = 0; start < order.length; ) {
    let end = start;
    let late = 0;
    const score = scores[order[start] as number];
    for (; end < order.length && scores[order[end] as number] === score; end++)
      late += outcomes[order[end] as number] === 1 ? 1 : 0;
    rankSum += late * ((start + 1 + end) / 2);
    positives += late;
    start = end;
  }
  const negatives = order.length - positives;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}
