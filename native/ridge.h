// Ridge regression: sums of products in float64, and a Cholesky factorisation of them. `gram` and RidgeSolve in
// src/backend/backend.ts say what is computed. A product of two floats is exact in float64, so only the sums round.
#pragma once

#include "chunks.h"

namespace unrolled {
namespace UNROLLED_ISA {

/** Doubles in a vector register: half as many as floats. */
constexpr int WD = W / 2;
typedef double D __attribute__((vector_size(WD * 8)));
typedef double UnalignedD __attribute__((vector_size(WD * 8), aligned(8), may_alias));

static UNROLLED_INLINE D load(const double *p) { return *reinterpret_cast<const UnalignedD *>(p); }
static UNROLLED_INLINE void store(double *p, D x) { *reinterpret_cast<UnalignedD *>(p) = x; }
static UNROLLED_INLINE D splat(double x) { return x - D{}; }

/** a · b + c. Where a and b were floats it is the same bits fused or not. */
static UNROLLED_INLINE D fma(D a, D b, D c) {
#if UNROLLED_GCC_X86 == 16
  return (D)__builtin_ia32_vfmaddpd512_mask(a, b, c, (unsigned char)-1, 4);
#elif UNROLLED_GCC_X86 == 8
  return (D)__builtin_ia32_vfmaddpd256(a, b, c);
#elif defined(__FMA__) && defined(__clang__) && !UNROLLED_MACHINE_FMA
  return __builtin_elementwise_fma(a, b, c);
#else
  return a * b + c;
#endif
}

/** Sum of the lanes, in one fixed order. */
static UNROLLED_INLINE double sum(D x) {
  double lanes[WD];
  store(lanes, x);
  UNROLLED_UNROLL
  for (int n = WD / 2; n > 0; n /= 2) {
    UNROLLED_UNROLL
    for (int i = 0; i < n; i++) lanes[i] += lanes[i + n];
  }
  return lanes[0];
}

// ---- sums of products ----

/** Rows of x that are summed before the sums in memory are added to: a panel of them, of W columns in float64, fits the first cache. */
constexpr int32_t kGramRows = 256;
/** Columns of a tile; its sums, so many times two vectors, stay in registers. */
constexpr int32_t kGramTile = W == 16 ? 8 : 4;
static_assert(W % kGramTile == 0, "a panel is whole tiles");

static inline int32_t gram_panels(int32_t C) { return (C + W - 1) / W; }

static int32_t gram_workspace(int32_t R, int32_t C) {
  const int32_t rows = R < kGramRows ? R : kGramRows;
  return 2 * rows * W * gram_panels(C); // [panels, rows, W] doubles
}

static void gram(int32_t R, int32_t C, const float *x, double *sums, float *workspace) {
  double *packed = reinterpret_cast<double *>(workspace);
  const int32_t panels = gram_panels(C);
  for (int32_t first = 0; first < R; first += kGramRows) {
    const int32_t rows = R - first < kGramRows ? R - first : kGramRows;
    const float *block = x + size_t(first) * C;
    const size_t panelSize = size_t(rows) * W;
    for_chunks(panels, 4, int64_t(rows) * C, [&](int32_t begin, int32_t end) {
      for (int32_t panel = begin; panel < end; panel++) {
        const int32_t width = C - panel * W < W ? C - panel * W : W;
        double *to = packed + panel * panelSize;
        for (int32_t r = 0; r < rows; r++, to += W) {
          const float *from = block + size_t(r) * C + panel * W;
          for (int32_t i = 0; i < W; i++) to[i] = i < width ? double(from[i]) : 0;
        }
      }
    });
    // The lower half, a panel of rows of `sums` after another; the later ones are longer, so they are begun first.
    for_chunks(panels, 1, int64_t(rows) * C * C / 2, [&](int32_t begin, int32_t end) {
      for (int32_t part = begin; part < end; part++) {
        const int32_t p = panels - 1 - part;
        for (int32_t q = 0; q <= p; q++) {
          const double *columns = packed + q * panelSize;
          for (int32_t tile = 0; tile < W; tile += kGramTile) {
            const double *a = packed + p * panelSize + tile;
            D low[kGramTile]{}, high[kGramTile]{};
            for (int32_t r = 0; r < rows; r++) {
              const D left = load(columns + size_t(r) * W), right = load(columns + size_t(r) * W + WD);
              UNROLLED_UNROLL
              for (int i = 0; i < kGramTile; i++) {
                const D factor = splat(a[size_t(r) * W + i]);
                low[i] = fma(factor, left, low[i]);
                high[i] = fma(factor, right, high[i]);
              }
            }
            for (int i = 0; i < kGramTile; i++) {
              const int32_t row = p * W + tile + i;
              if (row >= C) break;
              double *to = sums + size_t(row) * C + q * W;
              if (q < p) {
                store(to, load(to) + low[i]);
                store(to + WD, load(to + WD) + high[i]);
                continue;
              }
              for (int j = 0; j <= tile + i; j++) to[j] += j < WD ? low[i][j] : high[i][j - WD];
            }
          }
        }
      }
    });
  }
}

// ---- Cholesky ----

/** Σ a[k] · b[k] of n doubles. */
static UNROLLED_INLINE double dot(const double *a, const double *b, int32_t n) {
  D s{};
  int32_t k = 0;
  for (; k + WD <= n; k += WD) s = fma(load(a + k), load(b + k), s);
  double left = 0;
  for (; k < n; k++) left += a[k] * b[k];
  return sum(s) + left;
}

static int32_t ridge_solve_workspace(int32_t F, int32_t O) { return 2 * F * (F + O); } // L [F, F], solutions [O, F], doubles

/** Rows of L that are made together: they share what they read of those above. */
constexpr int32_t kCholeskyRows = 4;

/** L [F, F] from the lower half of `sums`, whose rows are S apart. Returns 0, or i+1 where pivot i is not positive. */
static int32_t cholesky(int32_t F, int32_t S, const double *sums, const float *penalty, double *L) {
  for (int32_t i = 0; i < F; i++) {
    __builtin_memcpy(L + size_t(i) * F, sums + size_t(i) * S, size_t(i + 1) * sizeof(double));
    L[size_t(i) * F + i] += double(penalty[i]);
  }
  const double rounding = 0x1p-52;
  for (int32_t i = 0; i < F; i += kCholeskyRows) {
    const int32_t last = i + kCholeskyRows < F ? i + kCholeskyRows : F;
    double *rows = L + size_t(i) * F;
    const bool isWhole = last - i == kCholeskyRows;
    for (int32_t j = 0; j < i; j++) {
      const double *above = L + size_t(j) * F;
      double *r0 = rows, *r1 = rows + F, *r2 = rows + 2 * size_t(F), *r3 = rows + 3 * size_t(F);
      if (isWhole) {
        D s0{}, s1{}, s2{}, s3{};
        int32_t k = 0;
        for (; k + WD <= j; k += WD) {
          const D factor = load(above + k);
          s0 = fma(load(r0 + k), factor, s0);
          s1 = fma(load(r1 + k), factor, s1);
          s2 = fma(load(r2 + k), factor, s2);
          s3 = fma(load(r3 + k), factor, s3);
        }
        double t0 = sum(s0), t1 = sum(s1), t2 = sum(s2), t3 = sum(s3);
        for (; k < j; k++) {
          t0 += r0[k] * above[k];
          t1 += r1[k] * above[k];
          t2 += r2[k] * above[k];
          t3 += r3[k] * above[k];
        }
        const double inverse = 1 / above[j];
        r0[j] = (r0[j] - t0) * inverse;
        r1[j] = (r1[j] - t1) * inverse;
        r2[j] = (r2[j] - t2) * inverse;
        r3[j] = (r3[j] - t3) * inverse;
      } else {
        for (int32_t row = i; row < last; row++) {
          double *r = L + size_t(row) * F;
          r[j] = (r[j] - dot(r, above, j)) / above[j];
        }
      }
    }
    for (int32_t row = i; row < last; row++) {
      double *r = L + size_t(row) * F;
      for (int32_t j = i; j < row; j++) r[j] = (r[j] - dot(r, L + size_t(j) * F, j)) / L[size_t(j) * F + j];
      const double pivot = r[row] - dot(r, r, row);
      if (!(pivot > rounding * r[row])) return row + 1;
      r[row] = __builtin_sqrt(pivot);
    }
  }
  return 0;
}

static void ridge_solve(int32_t F, int32_t O, const double *sums, const float *penalty, float *weight, float *failure, float *workspace) {
  double *L = reinterpret_cast<double *>(workspace), *solutions = L + size_t(F) * F;
  const int32_t S = F + O;
  const int32_t failed = cholesky(F, S, sums, penalty, L);
  failure[0] = float(failed);
  if (failed != 0) return;
  for_chunks(O, 1, int64_t(O) * F * F, [&](int32_t begin, int32_t end) {
    for (int32_t o = begin; o < end; o++) {
      double *w = solutions + size_t(o) * F;
      __builtin_memcpy(w, sums + size_t(F + o) * S, size_t(F) * sizeof(double));
      // L u = Zᵀy, then Lᵀ w = u: row i of L is column i of Lᵀ
      for (int32_t i = 0; i < F; i++) w[i] = (w[i] - dot(L + size_t(i) * F, w, i)) / L[size_t(i) * F + i];
      for (int32_t i = F - 1; i >= 0; i--) {
        const double *row = L + size_t(i) * F;
        w[i] /= row[i];
        const D factor = splat(-w[i]);
        int32_t k = 0;
        for (; k + WD <= i; k += WD) store(w + k, fma(factor, load(row + k), load(w + k)));
        for (; k < i; k++) w[k] -= w[i] * row[k];
      }
      for (int32_t i = 0; i < F; i++) weight[size_t(o) * F + i] = float(w[i]);
    }
  });
}

} // namespace UNROLLED_ISA
} // namespace unrolled
