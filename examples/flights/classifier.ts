/** The model itself: logistic regression over one-hot columns and splines of the late rate. Pure and deterministic. */

/** Rows by column. `lateRate` is NaN where the feature view has none. */
export interface FlightColumns {
  readonly rows: number;
  readonly hour: Int32Array;
  readonly weekday: Int32Array;
  readonly distance: Int32Array;
  readonly origin: readonly string[];
  readonly destination: readonly string[];
  readonly lateRate: Float64Array;
}

/** What `model.json` holds: names of the weights, one number each, and the rate that stands in for a missing one. */
export interface Classifier {
  readonly kind: 'logistic-regression/v1';
  readonly fallbackRate: number;
  readonly origins: readonly string[];
  readonly destinations: readonly string[];
  readonly weights: readonly number[];
}

const distanceEdges = [200, 300, 400, 550, 700, 900, 1100, 1500, 2000];
const knots = [logit(0.15), logit(0.25), logit(0.4)];
const center = logit(0.2);
/** Where the fixed blocks of weights begin; origins and destinations follow them. */
const block = { bias: 0, hour: 1, weekday: 25, distance: 32, rate: 42, daypart: 46, airports: 50 };

/** The names of the features, for the model card. */
export const featureNames = [
  'hour (one-hot)',
  'weekday (one-hot)',
  'distance (10 buckets)',
  'origin (one-hot)',
  'destination (one-hot)',
  'late_rate (log-odds, linear spline with 3 knots, slope by part of the day)',
];

/** The score (0..1, the chance of being late) of each row. An airport that the training did not see adds nothing. */
export function score(model: Classifier, flights: FlightColumns): Float64Array {
  const weights = Float64Array.from(model.weights);
  const encoded = encode(model, flights);
  const scores = new Float64Array(flights.rows);
  for (let row = 0; row < flights.rows; row++) scores[row] = sigmoid(margin(weights, encoded, row));
  return scores;
}

/**
 * A classifier fitted to rows and outcomes (0 or 1) by stochastic gradient steps scaled per weight (Adagrad, Duchi et
 * al. 2011), over the rows in an order that `seed` shuffles. The same rows in the same order with the same seed give
 * the same weights bit for bit. Throws for no rows.
 */
export function fitClassifier(
  flights: FlightColumns,
  outcomes: ArrayLike<number>,
  {
    seed,
    epochs = 4,
    rate = 0.15,
  }: { readonly seed: number; readonly epochs?: number; readonly rate?: number },
): Classifier {
  if (flights.rows === 0)
    throw new Error('training: 0 rows; expected at least 1: widen the window or the focus');
  const empty: Classifier = {
    kind: 'logistic-regression/v1',
    fallbackRate: share(outcomes, flights.rows),
    origins: [...new Set(flights.origin)].sort(),
    destinations: [...new Set(flights.destination)].sort(),
    weights: [],
  };
  const encoded = encode(empty, flights);
  const weights = new Float64Array(encoded.size);
  weights[block.bias] = logit(empty.fallbackRate);
  const squares = new Float64Array(encoded.size).fill(1);
  const order = Uint32Array.from({ length: flights.rows }, (_, row) => row);
  const random = randomFrom(seed);
  for (let epoch = 0; epoch < epochs; epoch++) {
    shuffle(order, random);
    for (const row of order) {
      const error = sigmoid(margin(weights, encoded, row)) - (outcomes[row] as number);
      descend(weights, squares, encoded, row, error, rate);
    }
  }
  return { ...empty, weights: Array.from(weights) };
}

interface Encoded {
  readonly size: number;
  /** Five active one-hot weights a row; index 0 is the bias, for what is unknown. */
  readonly active: Int32Array;
  /** Four values of the spline a row. */
  readonly spline: Float64Array;
  readonly daypart: Int32Array;
}

function encode(model: Classifier, flights: FlightColumns): Encoded {
  const origins = positions(model.origins, block.airports);
  const destinations = positions(model.destinations, block.airports + model.origins.length);
  const active = new Int32Array(flights.rows * 5);
  const spline = new Float64Array(flights.rows * 4);
  const daypart = new Int32Array(flights.rows);
  for (let row = 0; row < flights.rows; row++) {
    const hour = flights.hour[row] as number;
    active[row * 5] = block.hour + hour;
    active[row * 5 + 1] = block.weekday + (flights.weekday[row] as number) - 1;
    active[row * 5 + 2] = block.distance + bucket(flights.distance[row] as number);
    active[row * 5 + 3] = origins.get(flights.origin[row] as string) ?? -1;
    active[row * 5 + 4] = destinations.get(flights.destination[row] as string) ?? -1;
    const known = flights.lateRate[row] as number;
    const x = logit(Math.min(0.9, Math.max(0.02, Number.isNaN(known) ? model.fallbackRate : known)));
    spline[row * 4] = x - center;
    for (let knot = 0; knot < 3; knot++)
      spline[row * 4 + 1 + knot] = Math.max(0, x - (knots[knot] as number));
    daypart[row] = block.daypart + Math.floor(hour / 6);
  }
  return { size: block.airports + model.origins.length + model.destinations.length, active, spline, daypart };
}

function margin(weights: Float64Array, encoded: Encoded, row: number): number {
  let sum = weights[block.bias] as number;
  for (let at = row * 5; at < row * 5 + 5; at++) {
    const index = encoded.active[at] as number;
    if (index >= 0) sum += weights[index] as number;
  }
  const first = row * 4;
  for (let each = 0; each < 4; each++)
    sum += (weights[block.rate + each] as number) * (encoded.spline[first + each] as number);
  return sum + (weights[encoded.daypart[row] as number] as number) * (encoded.spline[first] as number);
}

function descend(
  weights: Float64Array,
  squares: Float64Array,
  encoded: Encoded,
  row: number,
  error: number,
  rate: number,
): void {
  step(block.bias, error);
  for (let at = row * 5; at < row * 5 + 5; at++) {
    const index = encoded.active[at] as number;
    if (index >= 0) step(index, error);
  }
  const first = row * 4;
  for (let each = 0; each < 4; each++)
    step(block.rate + each, error * (encoded.spline[first + each] as number));
  step(encoded.daypart[row] as number, error * (encoded.spline[first] as number));

  function step(index: number, gradient: number): void {
    if (gradient === 0) return;
    const total = (squares[index] as number) + gradient * gradient;
    squares[index] = total;
    weights[index] = (weights[index] as number) - (rate * gradient) / Math.sqrt(total);
  }
}

function positions(names: readonly string[], first: number): ReadonlyMap<string, number> {
  return new Map(names.map((name, index) => [name, first + index]));
}

function bucket(distance: number): number {
  let index = 0;
  while (index < distanceEdges.length && distance > (distanceEdges[index] as number)) index++;
  return index;
}

function share(outcomes: ArrayLike<number>, rows: number): number {
  let late = 0;
  for (let row = 0; row < rows; row++) late += outcomes[row] as number;
  return Math.min(0.99, Math.max(0.01, late / rows));
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

function logit(share: number): number {
  return Math.log(share / (1 - share));
}

/** Fisher and Yates. */
function shuffle(order: Uint32Array, random: () => number): void {
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    const kept = order[last] as number;
    order[last] = order[other] as number;
    order[other] = kept;
  }
}

/** Numbers in [0, 1) from a 32-bit seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
