/**
 * Functions that probability distributions are made of, in float64. Accurate to about 1e-13 relative, `normalQuantile` and the
 * incomplete beta function to 1e-12; the tests hold them to SciPy's and PyTorch's numbers.
 */

/** log(1 + eˣ), for any x. */
export function softplus(x: number): number {
  return x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x));
}

/** 1 / (1 + e⁻ˣ): the derivative of softplus. */
export function logistic(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

/** log Γ(x), x > 0. Lanczos's approximation with Godfrey's coefficients (g = 607/128, n = 15). */
export function logGamma(x: number): number {
  // Γ(x) = Γ(x + 1) / x keeps the digits near zero.
  if (x < 0.5) return logGamma(x + 1) - Math.log(x);
  let sum = lanczos[0];
  for (let k = 1; k < lanczos.length; k++) sum += lanczos[k] / (x - 1 + k);
  const t = x - 0.5 + 607 / 128;
  return (x - 0.5) * Math.log(t) - t + Math.log(Math.sqrt(2 * Math.PI) * sum);
}

const lanczos = [
  0.9999999999999971, 57.15623566586292, -59.59796035547549, 14.136097974741746, -0.4919138160976202, 3.399464998481189e-5,
  4.652362892704858e-5, -9.837447530487956e-5, 0.0001580887032249125, -0.00021026444172410488, 0.00021743961811521265,
  -0.0001643181065367639, 8.441822398385275e-5, -2.6190838401581408e-5, 3.6899182659531625e-6,
];

/** ψ(x) = d/dx log Γ(x), x > 0: up to 10 by recurrence, then Stirling's series. */
export function digamma(x: number): number {
  let shifted = x;
  let sum = 0;
  for (; shifted < 10; shifted++) sum -= 1 / shifted;
  const r = 1 / (shifted * shifted);
  const series = r * (1 / 12 - r * (1 / 120 - r * (1 / 252 - r * (1 / 240 - r * (1 / 132 - (r * 691) / 32760)))));
  return sum + Math.log(shifted) - 0.5 / shifted - series;
}

/** Density of the standard normal distribution. */
export function normalDensity(z: number): number {
  return Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
}

/** Φ(z): the probability that a standard normal number is at most z. Small tails keep their digits. */
export function normalCdf(z: number): number {
  return z < 0 ? upperTail(-z) : 1 - upperTail(z);
}

/** 1 − Φ(z) for z ≥ 0: Taylor's series around 0, a continued fraction in the tail (Abramowitz & Stegun 26.2.11, 26.2.14). */
function upperTail(z: number): number {
  if (z < 3) {
    let term = z;
    let sum = z;
    for (let k = 3; Math.abs(term) > 1e-17 * sum; k += 2) {
      term *= (z * z) / k;
      sum += term;
    }
    return 0.5 - normalDensity(z) * sum;
  }
  let fraction = 0;
  for (let k = 60; k >= 1; k--) fraction = k / (z + fraction);
  return normalDensity(z) / (z + fraction);
}

/** Φ⁻¹(p), p in (0, 1): Acklam's approximation, made exact by one step of Halley's method. */
export function normalQuantile(p: number): number {
  if (!(p > 0)) return p === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (p > 0.5) return -normalQuantile(1 - p);
  const z = p < 0.02425 ? tailQuantile(Math.sqrt(-2 * Math.log(p))) : centralQuantile(p - 0.5);
  const u = (normalCdf(z) - p) / normalDensity(z);
  return z - u / (1 + (z * u) / 2);
}

const polynomial = (x: number, coefficients: readonly number[]): number => coefficients.reduce((sum, c) => sum * x + c, 0);

function tailQuantile(q: number): number {
  const above = [-7.784894002430293e-3, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968, 2.938163982698783];
  const below = [7.784695709041462e-3, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1];
  return polynomial(q, above) / polynomial(q, below);
}

function centralQuantile(q: number): number {
  const r = q * q;
  const above = [-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239];
  const below = [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1];
  return (q * polynomial(r, above)) / polynomial(r, below);
}

/** Iₓ(a, b): the regularised incomplete beta function, by Lentz's continued fraction (Numerical Recipes, 6.4). */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast on this side of the mean.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  const tiny = 1e-300;
  const away = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m <= 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return (front * fraction) / a;
}
