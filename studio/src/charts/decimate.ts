/** Long curves as what can be seen of them. */

export interface Curve {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
}

/** The least and the greatest of each of so many stretches: peaks stay. At most 2·count points. */
export function extremes(x: ArrayLike<number>, y: ArrayLike<number>, count: number): Curve {
  const n = y.length;
  if (n <= 2 * count) return { x, y };
  const outX: number[] = [];
  const outY: number[] = [];
  for (let k = 0; k < count; k++) {
    const [begin, end] = [Math.floor((k * n) / count), Math.floor(((k + 1) * n) / count)];
    let [low, high] = [begin, begin];
    for (let i = begin + 1; i < end; i++) {
      // A value that is no number is no extreme, and hides none.
      if (y[i] < y[low] || Number.isNaN(y[low])) low = i;
      if (y[i] > y[high] || Number.isNaN(y[high])) high = i;
    }
    for (const i of low === high ? [low] : [Math.min(low, high), Math.max(low, high)]) {
      outX.push(x[i]);
      outY.push(y[i]);
    }
  }
  return { x: outX, y: outY };
}

/** Every so manieth point, the last one always: of curves that are smooth. */
export function thinned(x: ArrayLike<number>, y: ArrayLike<number>, count: number): Curve {
  const n = y.length;
  if (n <= count) return { x, y };
  const at = Array.from({ length: count }, (_, k) => Math.round((k * (n - 1)) / (count - 1)));
  return { x: at.map((i) => x[i]), y: at.map((i) => y[i]) };
}

/**
 * An exponential average, without the pull of its beginning.
 *
 * @param share  of what was before, in [0, 1); 0 changes nothing
 */
export function smoothed(y: ArrayLike<number>, share: number): Float64Array {
  const out = new Float64Array(y.length);
  let [average, weight] = [0, 0];
  for (let i = 0; i < y.length; i++) {
    if (Number.isFinite(y[i])) {
      average = share * average + (1 - share) * y[i];
      weight = share * weight + (1 - share);
    }
    out[i] = weight === 0 ? y[i] : average / weight;
  }
  return out;
}
