/** What the fields of readings mean, whichever evaluator gives them. A test sees to it that none is missing. Data only. */
export const OUTPUTS: Readonly<Record<string, string>> = {
  value: 'The main value: what the name alone stands for.',
  lower: 'The lower end of the 95 % interval; act and open on the end that must hold.',
  upper: 'The upper end of the 95 % interval; act and open on the end that must hold.',
  psi: 'Population Stability Index, beside the main value.',
  p_value: 'How often chance alone gives so much, were the two distributions the same.',
  null_q999: 'What chance alone exceeds once in a thousand times, for so many rows.',
  rows: 'How many rows are behind the value.',
  ref_rows: 'How many rows of the reference are behind it.',
  nulls: 'How many rows have no value.',
  nonfinite: 'How many rows are NaN or infinite.',
  coverage: 'The share of predictions whose label is in.',
  base_rate: 'The share of positive labels.',
};
