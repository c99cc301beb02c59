/**
 * Eigenvalues of an upper Hessenberg matrix by the shifted QR algorithm of Francis, with double steps, so that complex pairs
 * are found in real arithmetic. As `hqr` of EISPACK (Martin, Peters & Wilkinson 1970, doi:10.1007/BF02163331), for matrices of
 * up to some hundreds of rows.
 */

/** Real and imaginary parts, in no particular order. */
export interface Eigenvalues {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

/**
 * @param given  [n, n] row-major; what stands below the first subdiagonal is not read
 * @throws Error when a value has not converged after 60 steps, which no matrix of finite numbers is known to need
 */
export function hessenbergEigenvalues(given: Float64Array, n: number): Eigenvalues {
  const a = Float64Array.from(given);
  for (let i = 2; i < n; i++) for (let j = 0; j < i - 1; j++) a[i * n + j] = 0;
  const re = new Float64Array(n);
  const im = new Float64Array(n);
  let norm = 0;
  for (let i = 0; i < n; i++) for (let j = Math.max(i - 1, 0); j < n; j++) norm += Math.abs(a[i * n + j]);
  let shift = 0; // the sum of all exceptional shifts
  let last = n - 1;
  let tries = 0;
  while (last >= 0) {
    const l = splitAbove(a, n, last, norm);
    const x = a[last * n + last];
    if (l === last) {
      re[last] = x + shift;
      last--;
      tries = 0;
      continue;
    }
    const y = a[(last - 1) * n + last - 1];
    const w = a[last * n + last - 1] * a[(last - 1) * n + last];
    if (l === last - 1) {
      const p = 0.5 * (y - x);
      const q = p * p + w;
      const z = Math.sqrt(Math.abs(q));
      if (q >= 0) {
        const larger = p + (p >= 0 ? z : -z);
        re[last - 1] = x + shift + larger;
        re[last] = larger === 0 ? re[last - 1] : x + shift - w / larger;
      } else {
        re[last - 1] = re[last] = x + shift + p;
        im[last - 1] = z;
        im[last] = -z;
      }
      last -= 2;
      tries = 0;
      continue;
    }
    if (tries === 60) throw new Error(`[hessenbergEigenvalues] eigenvalue ${last} of ${n} has not converged after 60 steps.`);
    let shifts = { x, y, w };
    if (tries > 0 && tries % 10 === 0) {
      // An exceptional shift, where the usual ones go in circles.
      shift += x;
      for (let i = 0; i <= last; i++) a[i * n + i] -= x;
      const s = Math.abs(a[last * n + last - 1]) + Math.abs(a[(last - 1) * n + last - 2]);
      shifts = { x: 0.75 * s, y: 0.75 * s, w: -0.4375 * s * s };
    }
    tries++;
    doubleStep(a, n, l, last, shifts);
  }
  return { re, im };
}

/** The row below the last negligible element of the subdiagonal, at `last` or above it. */
function splitAbove(a: Float64Array, n: number, last: number, norm: number): number {
  for (let l = last; l >= 1; l--) {
    const s = Math.abs(a[(l - 1) * n + l - 1]) + Math.abs(a[l * n + l]);
    if (Math.abs(a[l * n + l - 1]) <= Number.EPSILON * (s === 0 ? norm : s)) {
      a[l * n + l - 1] = 0;
      return l;
    }
  }
  return 0;
}

/** A QR step with both shifts at once, on rows and columns l … last. */
function doubleStep(a: Float64Array, n: number, l: number, last: number, { x, y, w }: { x: number; y: number; w: number }): void {
  const at = (i: number, j: number) => a[i * n + j];
  // Where two successive elements of the subdiagonal are small, the step can begin.
  let p = 0;
  let q = 0;
  let r = 0;
  let m = last - 2;
  for (; m >= l; m--) {
    const z = at(m, m);
    const rx = x - z;
    const sy = y - z;
    p = (rx * sy - w) / at(m + 1, m) + at(m, m + 1);
    q = at(m + 1, m + 1) - z - rx - sy;
    r = at(m + 2, m + 1);
    const s = Math.abs(p) + Math.abs(q) + Math.abs(r);
    p /= s;
    q /= s;
    r /= s;
    if (m === l) break;
    const u = Math.abs(at(m, m - 1)) * (Math.abs(q) + Math.abs(r));
    const v = Math.abs(p) * (Math.abs(at(m - 1, m - 1)) + Math.abs(z) + Math.abs(at(m + 1, m + 1)));
    if (u <= Number.EPSILON * v) break;
  }
  for (let i = m + 2; i <= last; i++) {
    a[i * n + i - 2] = 0;
    if (i > m + 2) a[i * n + i - 3] = 0;
  }
  for (let k = m; k <= last - 1; k++) {
    const isWide = k !== last - 1;
    let scale = 1;
    if (k !== m) {
      p = at(k, k - 1);
      q = at(k + 1, k - 1);
      r = isWide ? at(k + 2, k - 1) : 0;
      scale = Math.abs(p) + Math.abs(q) + Math.abs(r);
      if (scale === 0) continue;
      p /= scale;
      q /= scale;
      r /= scale;
    }
    const length = Math.sqrt(p * p + q * q + r * r);
    const s = p >= 0 ? length : -length;
    if (s === 0) continue;
    if (k === m) {
      if (l !== m) a[k * n + k - 1] = -a[k * n + k - 1];
    } else a[k * n + k - 1] = -s * scale;
    p += s;
    const fx = p / s;
    const fy = q / s;
    const fz = r / s;
    q /= p;
    r /= p;
    for (let j = k; j <= last; j++) {
      let sum = at(k, j) + q * at(k + 1, j);
      if (isWide) {
        sum += r * at(k + 2, j);
        a[(k + 2) * n + j] -= sum * fz;
      }
      a[(k + 1) * n + j] -= sum * fy;
      a[k * n + j] -= sum * fx;
    }
    const rows = Math.min(last, k + 3);
    for (let i = l; i <= rows; i++) {
      let sum = fx * at(i, k) + fy * at(i, k + 1);
      if (isWide) {
        sum += fz * at(i, k + 2);
        a[i * n + k + 2] -= sum * r;
      }
      a[i * n + k + 1] -= sum * q;
      a[i * n + k] -= sum;
    }
  }
}
