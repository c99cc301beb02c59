/** The spectral radius of a large matrix, from products with vectors. */
import { hessenbergEigenvalues } from './hessenberg.ts';
import { multiply, type SquareMatrix } from './sparse-matrix.ts';

/**
 * max |λ| over the eigenvalues λ of A, complex ones included, by Arnoldi's method: with an orthonormal basis V of
 * v, A v, A² v, …, the eigenvalues of the small H = Vᵀ A V approach the outermost ones of A. The basis grows until the
 * radius stays the same to `tolerance`, or has as many vectors as the matrix has rows, when it is exact.
 *
 * @param tolerance  relative. Random matrices of 1,000 units reach 1e-9 with a basis of about 200.
 * @see Arnoldi (1951); Saad, Numerical methods for large eigenvalue problems (2011), chapter 6
 */
export function spectralRadius(matrix: SquareMatrix, tolerance = 1e-8): number {
  const { n } = matrix;
  // A vector without symmetries that is the same each time: the golden ratio's multiples modulo 1.
  const basis = [normalized(Float64Array.from({ length: n }, (_, i) => (((i + 1) * 0.6180339887498949) % 1) - 0.5))];
  /** Column j: how A times vector j lies in the basis. */
  const columns: Float64Array[] = [];
  let before = Number.NaN;
  let due = 24; // when to look next: each look costs the cube of its size
  for (let size = 1; ; size++) {
    const w = new Float64Array(n);
    multiply(matrix, basis[size - 1], w);
    const scale = norm(w);
    const column = new Float64Array(size + 1);
    // Twice, as once leaves what rounding made of cancellation.
    for (let pass = 0; pass < 2; pass++) for (const [i, v] of basis.entries()) column[i] += removeFrom(w, v);
    column[size] = norm(w);
    columns.push(column);
    const isInvariant = column[size] <= n * Number.EPSILON * scale;
    if (isInvariant || size === n || size === due) {
      due = Math.ceil(1.25 * size);
      const radius = largest(columns);
      const isComplete = size === n;
      if (isComplete || Math.abs(radius - before) <= tolerance * radius) return radius;
      before = radius;
    }
    // A basis that A maps into itself: the rest of the space is another problem, which H falls apart into.
    basis.push(isInvariant ? freshDirection(basis, n, size) : normalized(w));
    if (isInvariant) column[size] = 0;
  }
}

function largest(columns: readonly Float64Array[]): number {
  const m = columns.length;
  const H = new Float64Array(m * m);
  columns.forEach((column, j) => {
    for (let i = 0; i < Math.min(j + 2, m); i++) H[i * m + j] = column[i];
  });
  const { re, im } = hessenbergEigenvalues(H, m);
  return re.reduce((most, value, i) => Math.max(most, Math.hypot(value, im[i])), 0);
}

/** A unit vector at right angles to the basis. */
function freshDirection(basis: readonly Float64Array[], n: number, size: number): Float64Array {
  for (let attempt = 0; ; attempt++) {
    const w = Float64Array.from({ length: n }, (_, i) => (((i + 1) * (size + 1 + attempt) * 0.7548776662466927) % 1) - 0.5);
    const length = norm(w);
    for (let pass = 0; pass < 2; pass++) for (const v of basis) removeFrom(w, v);
    if (norm(w) > 1e-6 * length) return normalized(w);
  }
}

/** Takes v's part out of w, and returns how large it was. v has length 1. */
function removeFrom(w: Float64Array, v: Float64Array): number {
  let along = 0;
  for (let i = 0; i < w.length; i++) along += w[i] * v[i];
  for (let i = 0; i < w.length; i++) w[i] -= along * v[i];
  return along;
}

function norm(x: Float64Array): number {
  let squares = 0;
  for (let i = 0; i < x.length; i++) squares += x[i] * x[i];
  return Math.sqrt(squares);
}

function normalized(x: Float64Array): Float64Array {
  const length = norm(x);
  return x.map((value) => value / length);
}
