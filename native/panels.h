// A matrix packed into panels: the columns two vectors at a time, each with all its depth, in the order in which the tile reads them.
// Products pack what they multiply by; a weight that many calls read is packed once and for all (`Panels`, `pack_weights`).
#pragma once

#include "shuffle.h"
#include "tile.h"

namespace unrolled {
namespace UNROLLED_ISA {

/** y [K, kColumns] = stored [n, K] matrix, transposed, columns beyond n zero. */
static inline void pack_transposed(int n, int K, const float *b, ptrdiff_t ldb, float *y, int width) {
  for (int j = 0; j < width; j += W) {
    const int rows = smaller(W, n - j);
    int k = 0;
    for (; k + W <= K; k += W) {
      F block[W];
      UNROLLED_UNROLL
      for (int r = 0; r < W; r++) block[r] = r < rows ? load(b + (j + r) * ldb + k) : F{};
      transpose(block);
      UNROLLED_UNROLL
      for (int r = 0; r < W; r++) store(y + (k + r) * width + j, block[r]);
    }
    for (; k < K; k++) {
      for (int r = 0; r < W; r++) y[k * width + j + r] = r < rows ? b[(j + r) * ldb + k] : 0.0f;
    }
  }
}

/** Width of the panel that starts `left` columns before the end: a last narrow one takes one vector. */
static UNROLLED_INLINE int panel_width(int left) { return left > W ? kColumns : W; }

/**
 * Packs op(B) [K, N] into panels [ceil(N / kColumns)][K][width], columns beyond N zero; panel p starts at p · kColumns · K.
 * transB: B is stored [N, K]. Either way B is read along its rows.
 */
static inline void pack_panels(int N, int K, const float *b, bool transB, ptrdiff_t ldb, float *panels) {
  if (transB) {
    for (int n = 0; n < N; n += kColumns) {
      pack_transposed(smaller(N - n, kColumns), K, b + n * ldb, ldb, panels + ptrdiff_t(n) * K, panel_width(N - n));
    }
    return;
  }
  const int whole = N / kColumns * kColumns, left = N - whole, width = panel_width(left);
  for (int k = 0; k < K; k++, b += ldb) {
    float *to = panels + ptrdiff_t(k) * kColumns;
    for (int n = 0; n < whole; n += kColumns, to += ptrdiff_t(kColumns) * K) {
      store(to, load(b + n));
      store(to + W, load(b + n + W));
    }
    if (left == 0) continue;
    to = panels + ptrdiff_t(whole) * K + ptrdiff_t(k) * width;
    for (int j = 0; j < width; j += W) store(to + j, load(b + whole + j, larger(left - j, 0)));
  }
}

/** Asks for part i of `parts` of the next panel, so that it comes from L3 while this one is used. */
static UNROLLED_INLINE void prefetch_part(const float *panel, int floats, int i, int parts) {
  const int lines = ceil_div(floats, 16);
  for (int line = lines * i / parts; line < lines * (i + 1) / parts; line++) prefetch_far(panel + line * 16);
}

/**
 * `tile` for so few rows that their sums would wait for their additions: over kPanels whole panels at once, or in kChains sums of
 * every kChains-th k.
 */
template <int R, int kPanels, int kChains>
static __attribute__((noinline)) void tile_few(int K, const float *a, ptrdiff_t aRow, const float *panel, float *c, ptrdiff_t ldc,
                                               Start start) {
  constexpr int kAhead = 32; // rows of a panel: 4 KB at W = 16
  const ptrdiff_t next = ptrdiff_t(K) * kColumns;
  F sums[kChains][R][2 * kPanels] = {};
  const auto multiply = [&](int chain) UNROLLED_LAMBDA {
    const float *first = a + chain;
    UNROLLED_PIN(first);
    F x[R];
    UNROLLED_UNROLL
    for (int r = 0; r < R; r++) x[r] = splat(first[r * aRow]);
    UNROLLED_UNROLL
    for (int p = 0; p < kPanels; p++) {
      const float *b = panel + p * next + chain * kColumns;
      UNROLLED_PIN(b);
      UNROLLED_UNROLL
      for (int v = 0; v < 2; v++) {
        prefetch(b + kAhead * kColumns + v * W);
        UNROLLED_UNROLL
        for (int r = 0; r < R; r++) sums[chain][r][2 * p + v] = fma(x[r], load(b + v * W), sums[chain][r][2 * p + v]);
      }
    }
  };
  int k = 0;
  for (; k + kChains <= K; k += kChains, a += kChains, panel += kChains * kColumns) {
    UNROLLED_UNROLL
    for (int chain = 0; chain < kChains; chain++) multiply(chain);
  }
  if constexpr (kChains > 1) {
    for (; k < K; k++, a++, panel += kColumns) multiply(0);
  }
  UNROLLED_UNROLL
  for (int r = R - 1; r >= 0; r--) { // last first: see `tile`
    UNROLLED_UNROLL
    for (int v = 2 * kPanels - 1; v >= 0; v--) {
      F sum = sums[0][r][v];
      UNROLLED_UNROLL
      for (int chain = 1; chain < kChains; chain++) sum += sums[chain][r][v];
      store(c + r * ldc + v * W, load(start.from + r * start.row + v * W) + sum);
    }
  }
}

/** op(B) [K, N] as panels: for each block of depth, [ceil(N / kColumns)][depth][width]. */
struct Panels {
  int N = 0, K = 0;
  float *memory = nullptr;

  /** Up to so many rows are the business of `multiply_few`: a row's bits are then not those of a larger batch. */
  static constexpr int kFewRows = 3;

  static constexpr ptrdiff_t floats(int N, int K) { return ptrdiff_t(round_up(N, kColumns)) * K; }
  /** Rows that lie far apart fall into the same few sets of the cache, which have so many places: more are brought together first. */
  static constexpr int kFewFarRows = 8;
  /** Scratch that a row takes in `multiply`, where there are more than kFewFarRows. */
  int scratch_per_row() const { return K > kDepth ? Cut(K, kDepth).start(1) : 0; }

  float *at(const Cut &depths, int d, int n) const {
    const int k = depths.start(d), depth = depths.start(d + 1) - k;
    return memory + ptrdiff_t(k) * round_up(N, kColumns) + ptrdiff_t(n) * depth;
  }

  /** One of `parts` parts of the packing. isTransposed: b is stored [N, K]; else [K, N]. */
  void pack(const float *b, bool isTransposed, int part, int parts) const {
    const Cut depths(K, kDepth);
    for (int i = part; i < ceil_div(N, kColumns); i += parts) {
      const int n = i * kColumns, columns = smaller(kColumns, N - n);
      for (int d = 0; d < depths.parts; d++) {
        const int k = depths.start(d), depth = depths.start(d + 1) - k;
        pack_panels(columns, depth, isTransposed ? b + ptrdiff_t(n) * K + k : b + ptrdiff_t(k) * N + n, isTransposed,
                    isTransposed ? K : N, at(depths, d, n));
      }
    }
  }

  /** Columns n … n + kColumns of y (+)= x · op(B), the part of one block of depth; x begins there. */
  UNROLLED_INLINE void panel_of(const Cut &tiles, int n, const float *x, ptrdiff_t ldx, float *y, ptrdiff_t ldy, int d,
                                const Cut &depths, Into into, const float *bias = nullptr) const {
    const int depth = depths.start(d + 1) - depths.start(d);
    const float *b = at(depths, d, n);
    const bool isFar = int64_t(N) * K >= 1 << 16; // larger than what stays in L2
    for (int i = 0; i < tiles.parts; i++) {
      const int row = tiles.start(i);
      if (isFar && n + kColumns < N) prefetch_part(b + ptrdiff_t(kColumns) * depth, depth * panel_width(N - n - kColumns), i, tiles.parts);
      tile_of<false>(tiles.start(i + 1) - row, depth, x + row * ldx, ldx, b, panel_width(N - n), y + row * ldy + n, ldy,
                     smaller(kColumns, N - n), d > 0 ? Into::Add : into, bias ? bias + n : nullptr);
    }
  }

  /**
   * R rows and the columns from … to. One panel after another, read from its first number to its last, is what caches are fastest
   * at; V8 has too few registers for chains, and does one row of WebAssembly in half the time with panels side by side.
   */
  template <int R>
  void few_rows(int from, int to, const float *x, ptrdiff_t ldx, float *y, ptrdiff_t ldy, Into into, const float *bias) const {
    constexpr int kPanels = !kIsWasm || R == 3 ? 1 : R == 2 ? 2 : 4, kChains = kIsWasm ? 1 : R == 1 ? 4 : 2;
    const Cut tiles(R, R), depths(K, kDepth);
    for (int d = 0; d < depths.parts; d++) {
      const int k = depths.start(d), depth = depths.start(d + 1) - k;
      const Into then = d > 0 ? Into::Add : into;
      int n = from;
      for (; n + kPanels * kColumns <= to; n += kPanels * kColumns) {
        tile_few<R, kPanels, kChains>(depth, x + k, ldx, at(depths, d, n), y + n, ldy, Start(then, y + n, ldy, bias ? bias + n : nullptr));
      }
      for (; n < to; n += kColumns) panel_of(tiles, n, x + k, ldx, y, ldy, d, depths, into, bias);
    }
  }

  /** `multiply` for a product that has no more than kFewRows rows in all: whether threads share them must not change their bits. */
  void multiply_few(int rows, int from, int to, const float *x, ptrdiff_t ldx, float *y, ptrdiff_t ldy, Into into,
                    const float *bias) const {
    if (rows == 1) few_rows<1>(from, to, x, ldx, y, ldy, into, bias);
    if (rows == 2) few_rows<2>(from, to, x, ldx, y, ldy, into, bias);
    if (rows == 3) few_rows<3>(from, to, x, ldx, y, ldy, into, bias);
  }

  /** Columns from … to, whole panels, of y [rows, N] (+)= x [rows, K] · op(B) (+ bias, where y is overwritten). */
  void multiply(int rows, int from, int to, const float *x, ptrdiff_t ldx, float *y, ptrdiff_t ldy, Into into, const float *bias,
                float *scratch) const {
    const Cut tiles(rows, kRows), depths(K, kDepth);
    for (int d = 0; d < depths.parts; d++) {
      const int k = depths.start(d), depth = depths.start(d + 1) - k;
      const float *block = x + k;
      ptrdiff_t ldBlock = ldx;
      if (depths.parts > 1 && rows > kFewFarRows) {
        for (int r = 0; r < rows; r++) copy(x + r * ldx + k, scratch + ptrdiff_t(r) * depth, depth);
        block = scratch;
        ldBlock = depth;
      }
      for (int n = from; n < to; n += kColumns) panel_of(tiles, n, block, ldBlock, y, ldy, d, depths, into, bias);
    }
  }
};

/** Floats of `parts` weights [N, K] as panels. */
static inline int32_t packed_floats(int32_t parts, int32_t N, int32_t K) { return int32_t(parts * Panels::floats(N, K)); }

/** `parts` weights [N, K], one after another, each into panels of its own. */
static inline void pack_weights(int32_t parts, int32_t N, int32_t K, const float *weights, float *packed) {
  for (int part = 0; part < parts; part++) {
    Panels{N, K, packed + part * Panels::floats(N, K)}.pack(weights + ptrdiff_t(part) * N * K, true, 0, 1);
  }
}

} // namespace UNROLLED_ISA
} // namespace unrolled
