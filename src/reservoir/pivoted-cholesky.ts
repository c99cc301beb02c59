/** Least squares where features hang on one another: a Cholesky factorisation that leaves such features out. */

/**
 * Solves (A + diag(penalty)) Wᵀ = B for a matrix that is not positive definite beyond rounding. Features are taken in the order
 * of what is left of them once those before are taken out (as a share of what they had); where nothing is left, a feature's weight
 * is 0. The result fits the rows as well as any.
 *
 * @param sums     [F+O, F+O], the lower half: A [F, F] in its corner, B below it
 * @returns        weights [O, F] and the number of features that were taken
 * @see Higham (1990), Analysis of the Cholesky decomposition of a semi-definite matrix
 */
export function solvePivoted(
  sums: Float64Array,
  penalty: Float64Array,
  F: number,
  O: number,
): { readonly weight: Float64Array; readonly rank: number } {
  const S = F + O;
  const diagonal = Float64Array.from(penalty, (value, i) => sums[i * S + i] + value);
  // Features of length 1, so that "nothing is left" means the same for all of them.
  const scale = diagonal.map((value) => (value > 0 ? 1 / Math.sqrt(value) : 0));
  const left = new Float64Array(F).map((_, i) => (scale[i] > 0 ? 1 : 0));
  const taken: number[] = [];
  /** Row k: L for the k-th feature that was taken, along all features. */
  const rows: Float64Array[] = [];
  const tolerance = F * Number.EPSILON;
  for (;;) {
    const next = left.reduce((best, value, i) => (value > left[best] ? i : best), 0);
    if (!(left[next] > tolerance) || taken.length === F) break;
    const root = Math.sqrt(left[next]);
    const row = new Float64Array(F);
    for (let j = 0; j < F; j++) {
      if (left[j] < 0) continue; // taken already
      row[j] = (j === next ? 1 : sums[Math.max(next, j) * S + Math.min(next, j)] * scale[next] * scale[j]) / root;
    }
    for (const before of rows) {
      const factor = before[next] / root;
      for (let j = 0; j < F; j++) row[j] -= factor * before[j];
    }
    row[next] = root;
    for (let j = 0; j < F; j++) if (left[j] >= 0) left[j] -= row[j] * row[j];
    for (const j of taken) row[j] = 0;
    left[next] = -1;
    taken.push(next);
    rows.push(row);
    for (let j = 0; j < F; j++) if (left[j] !== -1 && left[j] < 0) left[j] = 0;
  }
  const weight = new Float64Array(O * F);
  for (let o = 0; o < O; o++) {
    // L u = b and Lᵀ w = u among the taken; rows[k][taken[i]] is L[i, k] for i ≥ k.
    const u = taken.map((feature) => sums[(F + o) * S + feature] * scale[feature]);
    for (let i = 0; i < u.length; i++) {
      for (let k = 0; k < i; k++) u[i] -= rows[k][taken[i]] * u[k];
      u[i] /= rows[i][taken[i]];
    }
    for (let i = u.length - 1; i >= 0; i--) {
      for (let k = i + 1; k < u.length; k++) u[i] -= rows[i][taken[k]] * u[k];
      u[i] /= rows[i][taken[i]];
    }
    taken.forEach((feature, i) => {
      weight[o * F + feature] = u[i] * scale[feature];
    });
  }
  return { weight, rank: taken.length };
}
