/** Log-probabilities on the host, in float64. */

/** log softmax of each row of V numbers, in float64. */
export function logSoftmaxRows(x: ArrayLike<number>, V: number): Float64Array {
  const y = new Float64Array(x.length);
  for (let row = 0; row < x.length; row += V) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let v = row; v < row + V; v++) if (x[v] > largest) largest = x[v];
    let total = 0;
    for (let v = row; v < row + V; v++) total += Math.exp(x[v] - largest);
    const z = largest + Math.log(total);
    for (let v = row; v < row + V; v++) y[v] = x[v] - z;
  }
  return y;
}

/** weight · x, where weight 0 silences −∞ too. */
export function weighted(weight: number, x: number): number {
  return weight === 0 ? 0 : weight * x;
}

/** log(eᵃ + eᵇ) */
export function logSum(a: number, b: number): number {
  if (a === Number.NEGATIVE_INFINITY) return b;
  if (b === Number.NEGATIVE_INFINITY) return a;
  return a > b ? a + Math.log1p(Math.exp(b - a)) : b + Math.log1p(Math.exp(a - b));
}
