// The register tile that products run over: C [R, V·W] = start + A · panel, for up to kRows rows and two vectors of columns.
#pragma once

#include "vector.h"

namespace unrolled {
namespace UNROLLED_ISA {

/** Columns of a panel: two vectors. */
constexpr int kColumns = 2 * W;
/**
 * Most rows of a tile: rows x 2 sums, 2 vectors of B and one of A fill the registers: 32 on AVX-512, 16 else. V8 has 15 for
 * WebAssembly, and takes one more where product and sum are two instructions.
 */
#if defined(__wasm_relaxed_simd__)
constexpr int kRows = 6;
#elif defined(__wasm__)
constexpr int kRows = 5;
#else
constexpr int kRows = W == 16 ? 12 : 6;
#endif
/** Steps of k a panel holds: of 2W floats each, they are half of a 32 KB L1 cache at W = 8, and in WebAssembly. */
constexpr int kDepth = kIsWasm ? 512 : 256;

static constexpr UNROLLED_INLINE int smaller(int a, int b) { return a < b ? a : b; }
static constexpr UNROLLED_INLINE int larger(int a, int b) { return a > b ? a : b; }
static constexpr UNROLLED_INLINE int ceil_div(int a, int b) { return (a + b - 1) / b; }
static constexpr UNROLLED_INLINE int round_up(int a, int b) { return ceil_div(a, b) * b; }

/** Cuts `size` into the fewest parts of at most `most` whose sizes differ by one at most; part i starts at start(i). */
struct Cut {
  int size, parts, least, longer; // the first `longer` parts have least + 1
  Cut(int size, int most)
      : size(size), parts(size > 0 ? ceil_div(size, most) : 0), least(parts > 0 ? size / parts : 0), longer(size - least * parts) {}
  int start(int i) const { return i * least + smaller(i, longer); }
};

/** What becomes of a sum: C = sum (+ bias, where there is one), or C = C + sum. */
enum class Into { Overwrite, Add };

/**
 * C [R, V·W] = start + Σ_k A[r, k] · panel[k, :].
 *   A        [R, aRow] when !byDepth: a weight's or a state's rows as they lie; packed [K, aRow] when byDepth
 *   panel    rows of V·W floats, panelRow apart
 *   start    rows of V·W floats, startRow apart: C's own, a bias, or zeros
 */
template <int R, int V, bool byDepth>
static UNROLLED_INLINE void tile(int K, const float *a, ptrdiff_t aRow, const float *panel, ptrdiff_t panelRow, float *c,
                                 ptrdiff_t ldc, const float *start, ptrdiff_t startRow) {
  UNROLLED_UNROLL
  for (int r = 0; r < R; r++) prefetch<true>(c + r * ldc);
  F sums[R][V] = {};
  for (const float *const end = panel + K * panelRow; panel != end; panel += panelRow) {
    F b[V];
    UNROLLED_UNROLL
    for (int v = 0; v < V; v++) b[v] = load(panel + v * W);
    UNROLLED_UNROLL
    for (int r = 0; r < R; r++) {
      const F x = splat(byDepth ? a[r] : a[r * aRow]);
      UNROLLED_UNROLL
      for (int v = 0; v < V; v++) {
        sums[r][v] = fma(x, R == 1 ? load(panel + v * W) : b[v], sums[r][v]); // one row uses each once, and need not keep it
        UNROLLED_PIN(sums[r][v]);
      }
    }
    a += byDepth ? aRow : 1;
  }
  // Last row first: V8 orders the sums' steps by it (see UNROLLED_PIN).
  UNROLLED_UNROLL
  for (int r = R - 1; r >= 0; r--) {
    UNROLLED_UNROLL
    for (int v = V - 1; v >= 0; v--) store(c + r * ldc + v * W, load(start + r * startRow + v * W) + sums[r][v]);
  }
}

/** One row has sums to spare for a wider panel: longer runs of B. */
constexpr int kWide = 8 * W;
constexpr float kZeros[kWide] = {};

/** What a tile's sums are added to, and how far apart its rows lie. */
struct Start {
  const float *from;
  ptrdiff_t row;
  Start(Into into, const float *c, ptrdiff_t ldc, const float *bias)
      : from(into == Into::Add ? c : bias ? bias : kZeros), row(into == Into::Add ? ldc : 0) {}
};

template <int R, bool byDepth>
static __attribute__((noinline)) void tile_rows(int K, const float *a, ptrdiff_t aRow, const float *panel, ptrdiff_t panelRow,
                                                float *c, ptrdiff_t ldc, int n, Into into, const float *bias) {
  const Start start(into, c, ldc, bias);
  if (n % W == 0) {
    if (n > W) tile<R, 2, byDepth>(K, a, aRow, panel, panelRow, c, ldc, start.from, start.row);
    else tile<R, 1, byDepth>(K, a, aRow, panel, panelRow, c, ldc, start.from, start.row);
    return;
  }
  float sums[R * kColumns]; // of an odd last panel
  tile_rows<R, byDepth>(K, a, aRow, panel, panelRow, sums, kColumns, round_up(n, W), Into::Overwrite, nullptr);
  for (int r = 0; r < R; r++) {
    for (int j = 0; j < n; j++) c[r * ldc + j] = start.from[r * start.row + j] + sums[r * kColumns + j];
  }
}

/** The tile for any number of rows up to R. */
template <bool byDepth, int R = kRows>
static UNROLLED_INLINE void tile_of(int rows, int K, const float *a, ptrdiff_t aRow, const float *panel, ptrdiff_t panelRow,
                                    float *c, ptrdiff_t ldc, int n, Into into, const float *bias) {
  if constexpr (R > 1) {
    if (rows < R) return tile_of<byDepth, R - 1>(rows, K, a, aRow, panel, panelRow, c, ldc, n, into, bias);
  }
  tile_rows<R, byDepth>(K, a, aRow, panel, panelRow, c, ldc, n, into, bias);
}

} // namespace UNROLLED_ISA
} // namespace unrolled
