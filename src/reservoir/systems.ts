/** Time series that reservoirs are measured on: a formula, two differential equations. All in float64, the same for the same seed. */
import type { Random } from '../tensor/random.ts';

/**
 * NARMA: a nonlinear moving average of its order (10 in the literature) driven by u, uniform in [0, 0.5).
 *
 *   y_{t+1} = 0.3 y_t + 0.05 y_t Σ_{i<n} y_{t−i} + 1.5 u_{t−n+1} u_t + 0.1
 *
 * @returns  u and y of `steps` steps: y[t] is y_{t+1}, what is to be told once u[t] is known. A draw that diverges is drawn again.
 * @see Atiya & Parlos (2000), doi:10.1109/72.846741; Jaeger (2003), Adaptive nonlinear system identification with echo state networks
 */
export function narma(steps: number, rng: Random, order = 10): { readonly u: Float64Array; readonly y: Float64Array } {
  for (;;) {
    const u = rng.fillUniform(new Float64Array(steps), 0, 0.5);
    const y = new Float64Array(steps);
    const before = (t: number) => (t < 0 ? 0 : y[t]);
    for (let t = 0; t < steps; t++) {
      let sum = 0;
      for (let i = 1; i <= order; i++) sum += before(t - i);
      const earlier = t - order + 1 < 0 ? 0 : u[t - order + 1];
      y[t] = 0.3 * before(t - 1) + 0.05 * before(t - 1) * sum + 1.5 * earlier * u[t] + 0.1;
    }
    if (y.every((value) => Math.abs(value) < 1)) return { u, y };
  }
}

/** How a Mackey-Glass series is made. */
export interface MackeyGlassOptions {
  /** τ; 17 is mildly chaotic, 30 more. Default 17. */
  readonly delay?: number;
  /** Of the integration; τ is a multiple of it. Default 0.1. */
  readonly dt?: number;
  /** Time from one value of the series to the next. Default 1. */
  readonly every?: number;
  /** Values before the first that is given. Default 1000. */
  readonly discard?: number;
  /** For the history before time 0, which is 1.2 give or take 0.2 with it, and 1.2 without. */
  readonly rng?: Random;
}

/**
 * The Mackey-Glass equation, by the Runge-Kutta method of fourth order; what lies τ back is interpolated in the middle of a step.
 *
 *   dx/dt = 0.2 x(t−τ) / (1 + x(t−τ)¹⁰) − 0.1 x
 *
 * @see Mackey & Glass (1977), doi:10.1126/science.267326
 */
export function mackeyGlass(steps: number, options: MackeyGlassOptions = {}): Float64Array {
  const { delay = 17, dt = 0.1, every = 1, discard = 1000, rng } = options;
  const back = Math.round(delay / dt);
  const stride = Math.round(every / dt);
  const total = (discard + steps) * stride;
  const x = new Float64Array(back + total + 1);
  for (let i = 0; i <= back; i++) x[i] = rng === undefined ? 1.2 : 1.2 + 0.4 * (rng.uniform() - 0.5);
  const slope = (now: number, then: number) => (0.2 * then) / (1 + then ** 10) - 0.1 * now;
  for (let i = back; i < back + total; i++) {
    const [first, last] = [x[i - back], x[i - back + 1]];
    const middle = (first + last) / 2;
    const k1 = slope(x[i], first);
    const k2 = slope(x[i] + (dt * k1) / 2, middle);
    const k3 = slope(x[i] + (dt * k2) / 2, middle);
    const k4 = slope(x[i] + dt * k3, last);
    x[i + 1] = x[i] + (dt * (k1 + 2 * k2 + 2 * k3 + k4)) / 6;
  }
  return Float64Array.from({ length: steps }, (_, t) => x[back + (discard + t) * stride]);
}

/** How a Lorenz series is made. */
export interface LorenzOptions {
  /** Time from one point to the next; each is two steps of the integration. Default 0.02. */
  readonly dt?: number;
  /** Points before the first that is given. Default 1000. */
  readonly discard?: number;
  /** For the first point; default (1, 1, 1). */
  readonly rng?: Random;
}

/** Largest Lyapunov exponent of the Lorenz system with σ = 10, ρ = 28, β = 8/3: what a Lyapunov time is the inverse of. */
export const lorenzExponent = 0.9056;

/**
 * The Lorenz system, by the Runge-Kutta method of fourth order: σ = 10, ρ = 28, β = 8/3.
 *
 *   dx/dt = σ (y − x) ;   dy/dt = x (ρ − z) − y ;   dz/dt = x y − β z
 *
 * @returns  [steps, 3] row-major
 * @see Lorenz (1963), doi:10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2
 */
export function lorenz(steps: number, options: LorenzOptions = {}): Float64Array {
  const { dt = 0.02, discard = 1000, rng } = options;
  const half = dt / 2;
  let at = [1, 1, 1].map((value) => (rng === undefined ? value : value + rng.uniform()));
  const slope = ([x, y, z]: readonly number[]) => [10 * (y - x), x * (28 - z) - y, x * y - (8 / 3) * z];
  const moved = (from: readonly number[], along: readonly number[], by: number) => from.map((value, i) => value + by * along[i]);
  const series = new Float64Array(steps * 3);
  for (let t = -discard; t < steps; t++) {
    if (t >= 0) series.set(at, 3 * t);
    for (let step = 0; step < 2; step++) {
      const k1 = slope(at);
      const k2 = slope(moved(at, k1, half / 2));
      const k3 = slope(moved(at, k2, half / 2));
      const k4 = slope(moved(at, k3, half));
      at = at.map((value, i) => value + (half * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i])) / 6);
    }
  }
  return series;
}
