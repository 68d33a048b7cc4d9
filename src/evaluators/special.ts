/** Special functions that the statistics need: chi-squared and Kolmogorov tails and quantiles. Pure; no I/O. */

const LANCZOS = [
  676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
  -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
];

/** Natural logarithm of the gamma function, for x > 0. Lanczos' approximation, about 15 digits. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  let sum = 0.9999999999998099;
  for (const [k, c] of LANCZOS.entries()) sum += c / (x + k);
  const t = x + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

/** Lower regularised incomplete gamma by its power series; converges fast for x < a + 1. */
function gammaSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let n = 1; n < 10_000 && term > sum * 1e-17; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return sum * Math.exp(a * Math.log(x) - x - logGamma(a));
}

/** Upper regularised incomplete gamma by its continued fraction (modified Lentz), for x >= a + 1. */
function gammaFraction(a: number, x: number): number {
  const tiny = 1e-300;
  let b = x + 1 - a;
  let c = 1 / tiny;
  let d = 1 / b;
  let h = d;
  for (let n = 1; n < 10_000; n++) {
    const an = -n * (n - a);
    b += 2;
    d = an * d + b;
    c = b + an / c;
    d = 1 / (Math.abs(d) < tiny ? tiny : d);
    c = Math.abs(c) < tiny ? tiny : c;
    const factor = d * c;
    h *= factor;
    if (Math.abs(factor - 1) < 1e-16) break;
  }
  return h * Math.exp(a * Math.log(x) - x - logGamma(a));
}

/**
 * The probability that a chi-squared variable with `df` degrees of freedom exceeds `x`: 1 at 0, falling to 0. Far tails keep
 * their digits, because they are computed directly and not as 1 − cdf. Zero degrees of freedom is the constant 0.
 *
 * @example chi2Tail(3.84, 1) // → 0.05004352124870519
 */
export function chi2Tail(x: number, df: number): number {
  if (x <= 0) return 1;
  if (df <= 0) return 0;
  const a = df / 2;
  return x / 2 < a + 1 ? 1 - gammaSeries(a, x / 2) : gammaFraction(a, x / 2);
}

/**
 * The value that a chi-squared variable with `df` degrees of freedom stays below with probability `p` (0 ≤ p < 1).
 * By bisection, to the last digits of a double. 0 for zero degrees of freedom.
 *
 * @example chi2Quantile(0.95, 10) // → 18.307038053275146
 */
export function chi2Quantile(p: number, df: number): number {
  if (df <= 0 || p <= 0) return 0;
  let low = 0;
  let high = df + 10;
  while (chi2Tail(high, df) > 1 - p) high *= 2;
  for (let n = 0; n < 200 && high - low > 1e-15 * high; n++) {
    const middle = (low + high) / 2;
    if (chi2Tail(middle, df) > 1 - p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * The tail of Kolmogorov's limit distribution, P(K > x): 1 at 0, 0.05 near 1.358, falling to 0. Two series, each where it
 * converges fast (Marsaglia, Tsang & Wang 2003 list both).
 *
 * @example kolmogorovTail(1) // → 0.26999967167735456
 */
export function kolmogorovTail(x: number): number {
  if (x <= 0) return 1;
  let sum = 0;
  if (x < 1.18) {
    for (let k = 1; k <= 20; k++) sum += Math.exp((-((2 * k - 1) ** 2) * Math.PI ** 2) / (8 * x * x));
    return 1 - (Math.sqrt(2 * Math.PI) / x) * sum;
  }
  for (let k = 1; k <= 100; k++) {
    const term = Math.exp(-2 * k * k * x * x);
    sum += k % 2 === 1 ? term : -term;
    if (term === 0) break;
  }
  return 2 * sum;
}

/** The value that Kolmogorov's K exceeds with probability 0.001: `kolmogorovTail(KOLMOGOROV_Q999)` is 0.001. */
export const KOLMOGOROV_Q999 = 1.949474603504375;

/** Two-sided 95 % point of the normal distribution. */
export const Z95 = 1.959963984540054;

/**
 * Wilson's interval for a share of `count` out of `n`: two numbers in 0..1. Unlike the normal one it never leaves 0..1 and
 * does not shrink to a point at 0 or n. (0, 1) for n = 0. `z` 1.96 is 95 %.
 *
 * @example wilson(3, 20) // → [0.052368745896216595, 0.36041886474075696]
 */
export function wilson(count: number, n: number, z: number = Z95): readonly [number, number] {
  if (n === 0) return [0, 1];
  const share = count / n;
  const centre = share + (z * z) / (2 * n);
  const half = z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  const scale = 1 + (z * z) / n;
  return [count === 0 ? 0 : (centre - half) / scale, count === n ? 1 : (centre + half) / scale];
}
