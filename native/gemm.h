// Matrix product: C [M, N] (+)= op(A) [M, K] · op(B) [K, N] (+ bias [N]).
//
// Three ways, chosen by the sizes alone, so that results never depend on the number of threads:
//   blocked   the usual one (Goto & van de Geijn 2008): blocks of A and B are packed, and a register tile of up to kRows x 2W
//             runs over them. Every element is Σ over k in order, in blocks of KC; whichever tile holds it, the bits are equal.
//   dots      few rows of A against the rows of a stored [N, K] matrix (a weight): dot products, nothing packed.
//   slim      few rows of A against a stored [K, N] matrix: the register tile on B where it lies.
//
// A weight that many calls read can be packed once and for all (Panels); it is then multiplied as in the blocked way, to the bit, but
// for products of one to three rows.
#pragma once

#include "pool.h"
#include "recurrent_abi.h"
#include "vector.h"

namespace unrolled {
namespace UNROLLED_ISA {

// ---- register tile ------------------------------------------------------------------------------------------------------

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

/** Asks for part i of `parts` of the next panel, so that it comes from L3 while this one is used. */
static UNROLLED_INLINE void prefetch_part(const float *panel, int floats, int i, int parts) {
  const int lines = ceil_div(floats, 16);
  for (int line = lines * i / parts; line < lines * (i + 1) / parts; line++) prefetch_far(panel + line * 16);
}

/** Cuts `size` into the fewest parts of at most `most` whose sizes differ by one at most; part i starts at start(i). */
struct Cut {
  int size, parts, least, longer; // the first `longer` parts have least + 1
  Cut(int size, int most)
      : size(size), parts(size > 0 ? ceil_div(size, most) : 0), least(parts > 0 ? size / parts : 0), longer(size - least * parts) {}
  int start(int i) const { return i * least + smaller(i, longer); }
};

// ---- packing ------------------------------------------------------------------------------------------------------------

static UNROLLED_INLINE void copy(const float *x, float *y, int n) {
  each_vector(n, [&](int i, int count) UNROLLED_LAMBDA { store(y + i, load(x + i, count), count); });
}

template <int... lanes> struct Lanes {};
template <int n, int... lanes> struct LanesTo : LanesTo<n - 1, n - 1, lanes...> {};
template <int... lanes> struct LanesTo<0, lanes...> {
  using Type = Lanes<lanes...>;
};

/** Of rows a and b, whose lanes differ in bit `distance`: the even half of both, and the odd half of both. */
template <int distance, int... lane> static UNROLLED_INLINE F even_half(F a, F b, Lanes<lane...>) {
  return __builtin_shufflevector(a, b, ((lane & distance) ? W + lane - distance : lane)...);
}
template <int distance, int... lane> static UNROLLED_INLINE F odd_half(F a, F b, Lanes<lane...>) {
  return __builtin_shufflevector(a, b, ((lane & distance) ? W + lane : lane + distance)...);
}

template <int distance> static UNROLLED_INLINE void transpose_from(F (&x)[W]) {
  if constexpr (distance < W) {
    using All = typename LanesTo<W>::Type;
    UNROLLED_UNROLL
    for (int i = 0; i < W; i++) {
      if (i & distance) continue;
      const F a = x[i], b = x[i + distance];
      x[i] = even_half<distance>(a, b, All{});
      x[i + distance] = odd_half<distance>(a, b, All{});
    }
    transpose_from<distance * 2>(x);
  }
}
/** A W x W block in registers, transposed in log₂ W rounds (Eklundh 1972). */
static UNROLLED_INLINE void transpose(F (&x)[W]) { transpose_from<1>(x); }

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

// ---- panels: a matrix packed for many products --------------------------------------------------------------------------

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
  /** Scratch that a row takes in `multiply`. */
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
      if (depths.parts > 1) { // rows far apart fall into the same few sets of the cache
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

// ---- dots: few rows against a stored [N, K] matrix ------------------------------------------------------------------------

template <int distance> static UNROLLED_INLINE F sums_from(F *x) {
  if constexpr (distance < W) {
    using All = typename LanesTo<W>::Type;
    F y[W / 2 / distance];
    UNROLLED_UNROLL
    for (int i = 0; i < W / 2 / distance; i++) {
      const F a = x[2 * i], b = x[2 * i + 1];
      y[i] = even_half<distance>(a, b, All{}) + odd_half<distance>(a, b, All{});
    }
    return sums_from<distance * 2>(y);
  } else {
    return x[0];
  }
}
/** Lane i of the result is the sum of the lanes of x[i]. */
static UNROLLED_INLINE F sums(F *x) { return sums_from<1>(x); }

/**
 * dots[r][i] = row r of A times row i of B, lane by lane, in kChains (1, 2 or 4) sums kept apart. Rows of B after these are
 * asked for meanwhile.
 */
template <int R, int kChains, int N>
static UNROLLED_LOOP void dot_group(int K, const float *a, ptrdiff_t aRow, const float *b, ptrdiff_t ldb, F (&dots)[R][N]) {
  F parts[R][N][kChains] = {};
  const auto multiply = [&](int k, int chain, int left) UNROLLED_LAMBDA {
    F x[R];
    UNROLLED_UNROLL
    for (int r = 0; r < R; r++) x[r] = load(a + r * aRow + k, left);
    UNROLLED_UNROLL
    for (int i = 0; i < N; i++) {
      const float *row = b + i * ldb + k;
      UNROLLED_PIN(row);
      const F w = load(row, left);
      UNROLLED_UNROLL
      for (int r = 0; r < R; r++) {
        parts[r][i][chain] = fma(x[r], w, parts[r][i][chain]);
        UNROLLED_PIN(parts[r][i][chain]);
      }
    }
  };
  int k = 0;
  if constexpr (kIsWasm) { // which has few registers for addresses, and cannot ask for what comes
    for (const float *const end = a + K / W * W; a != end; a += W, b += W) multiply(0, 0, W);
    K %= W;
  } else {
    constexpr int kVectors = larger(kChains, 2); // of each row, at once
    for (; k + kVectors * W <= K; k += kVectors * W) {
      UNROLLED_UNROLL
      for (int i = 0; i < N; i++) {
        if constexpr (kChains > 2) {
          UNROLLED_UNROLL
          for (int v = 0; v < kVectors; v++) prefetch(b + (i + 4) * ldb + k + v * W);
        } else {
          prefetch(b + (i + 8) * ldb + k);
        }
      }
      UNROLLED_UNROLL
      for (int v = 0; v < kVectors; v++) multiply(k + v * W, v % kChains, W);
    }
  }
  for (; k < K; k += W) multiply(k, 0, smaller(W, K - k));
  UNROLLED_UNROLL
  for (int i = 0; i < N; i++) {
    UNROLLED_UNROLL
    for (int r = 0; r < R; r++) {
      F(&chains)[kChains] = parts[r][i];
      if constexpr (kChains == 4) dots[r][i] = (chains[0] + chains[2]) + (chains[1] + chains[3]);
      else if constexpr (kChains == 2) dots[r][i] = chains[0] + chains[1];
      else dots[r][i] = chains[0];
    }
  }
}

template <int R, int kChains = 1>
static __attribute__((noinline)) void dot_rows(int N, int K, const float *a, ptrdiff_t aRow, const float *b, ptrdiff_t ldb,
                                               float *c, ptrdiff_t ldc, Into into, const float *bias) {
  // Rows of B, so that 8 to 12 sums are under way; WebAssembly has no registers for more than 8.
  constexpr int kAtOnce = kIsWasm ? (R == 1 ? 8 : R == 2 ? 4 : 2) : R == 4 ? 2 : 4;
  constexpr int kTogether = larger(W, kAtOnce);
  for (int n = 0; n < N; n += kTogether, b += kTogether * ldb) {
    const int columns = smaller(kTogether, N - n);
    F total[kTogether / kAtOnce][R][kAtOnce];
    if (columns == kTogether) {
      UNROLLED_UNROLL
      for (int j = 0; j < kTogether; j += kAtOnce) dot_group<R, kChains>(K, a, aRow, b + j * ldb, ldb, total[j / kAtOnce]);
    } else {
      for (int j = 0; j < kTogether; j++) {
        F dots[R][1] = {};
        if (j < columns) dot_group<R, kChains>(K, a, aRow, b + j * ldb, ldb, dots);
        for (int r = 0; r < R; r++) total[j / kAtOnce][r][j % kAtOnce] = dots[r][0];
      }
    }
    UNROLLED_UNROLL
    for (int r = 0; r < R; r++) {
      UNROLLED_UNROLL
      for (int j = 0; j < kTogether; j += W) {
        const int count = smaller(W, columns - j);
        if (count <= 0) continue;
        F x[W];
        UNROLLED_UNROLL
        for (int i = 0; i < W; i++) x[i] = total[(j + i) / kAtOnce][r][(j + i) % kAtOnce];
        float *to = c + r * ldc + n + j;
        const F start = into == Into::Add ? load(to, count) : bias ? load(bias + n + j, count) : F{};
        store(to, start + sums(x), count);
      }
    }
  }
}

/**
 * Sums kept apart where there is one row in all: four fit into 32 registers, and take 256 bytes of a row at once, a tenth faster
 * than two. WebAssembly has eight rows of B under way instead.
 */
constexpr int kSingleRowChains = kIsWasm ? 1 : W == 16 ? 4 : 2;

/** C [M, N] = A · Bᵀ by dot products, B stored [N, K]. Reads B once per four rows of A. */
static inline void dots(int M, int N, int K, const float *a, ptrdiff_t lda, const float *b, ptrdiff_t ldb, float *c,
                        ptrdiff_t ldc, Into into, const float *bias) {
  // A second sum hides the latency of an addition where there is one row in all; the last row of several adds in the order
  // of the others, for its bits must not depend on how the rows were shared out.
  if (M == 1) return dot_rows<1, kSingleRowChains>(N, K, a, lda, b, ldb, c, ldc, into, bias);
  for (; M >= 4; M -= 4, a += 4 * lda, c += 4 * ldc) dot_rows<4>(N, K, a, lda, b, ldb, c, ldc, into, bias);
  if (M == 3) dot_rows<3>(N, K, a, lda, b, ldb, c, ldc, into, bias);
  if (M == 2) dot_rows<2>(N, K, a, lda, b, ldb, c, ldc, into, bias);
  if (M == 1) dot_rows<1>(N, K, a, lda, b, ldb, c, ldc, into, bias);
}

// ---- the three ways -----------------------------------------------------------------------------------------------------

/** Up to this many rows a weight is not worth packing. */
constexpr int kFewRows = 16;
/** Rows and columns of a block: A's stays in L2, B's in L2 or L3. In WebAssembly they are deeper, and narrower, for memory's sake. */
constexpr int kBlockRows = (kIsWasm ? 12 : 24) * kRows;
constexpr int kBlockColumns = kIsWasm ? 256 : 1024;
/** Multiplications below which a second thread does not pay: some 30 µs. */
constexpr int64_t kWorkPerThread = 1 << 20;

/** Floats of one thread's packed blocks. */
static inline int32_t block_floats(int M, int N, int K) {
  const int depth = smaller(K, kDepth);
  return round_up(depth * (round_up(smaller(N, kBlockColumns), kColumns) + round_up(smaller(M, kBlockRows), kRows)), 16);
}

/**
 * Tiles of `size` columns each of a stored [K, ≥ tiles · size] matrix, as [K][size] one after another, by whole vectors: what
 * one writes too far the next writes over, so the ends, of a tile and of the `readable` columns, go number by number.
 */
static inline void pack_columns(int tiles, int size, int K, const float *a, ptrdiff_t lda, int readable, float *y) {
  const int wide = round_up(size, W);
  const int readableTiles = readable < wide ? 0 : smaller(tiles, (readable - wide) / size + 1);
  const int writableRows = K * size < wide ? 0 : (K * size - wide) / size + 1;
  for (int k = 0; k < K; k++, a += lda) {
    // Each row gives a short run only, and no pattern to follow.
    for (int m = 0; m < tiles * size; m += 16) prefetch(a + 8 * lda + m);
    const int byVector = k < writableRows ? readableTiles : 0;
    const float *from = a;
    float *to = y + ptrdiff_t(k) * size;
    for (int i = 0; i < tiles; i++, from += size, to += ptrdiff_t(K) * size) {
      if (i < byVector) {
        for (int r = 0; r < size; r += W) store(to + r, load(from + r));
      } else {
        for (int r = 0; r < size; r++) to[r] = from[r];
      }
    }
  }
}

/**
 * The same, four tiles at a time: what is written lies far apart, more would fall into the same few sets of the cache, and
 * WebAssembly cannot ask for the next rows meanwhile. S: a size that the compiler knows.
 */
template <int S = kRows>
static inline void pack_tiles(int tiles, int size, int K, const float *a, ptrdiff_t lda, float *y) {
  if constexpr (S > 1) {
    if (size < S) return pack_tiles<S - 1>(tiles, size, K, a, lda, y);
  }
  const ptrdiff_t next = ptrdiff_t(K) * S;
  for (; tiles > 0; tiles -= 4, a += 4 * S, y += 4 * next) {
    const float *from = a;
    float *to = y;
    for (int k = 0; k < K; k++, from += lda, to += S) {
      if (tiles >= 4) {
        UNROLLED_UNROLL
        for (int t = 0; t < 4; t++) __builtin_memcpy(to + t * next, from + t * S, S * sizeof(float));
      } else {
        for (int t = 0; t < tiles; t++) __builtin_memcpy(to + t * next, from + t * S, S * sizeof(float));
      }
    }
  }
}

/** Packs rows [M] x depth [K] of op(A) into tiles as `rows` cuts them: stored [M, K], as they are; stored [K, M], by columns. */
static inline void pack_rows(const Cut &rows, int K, const float *a, bool transA, ptrdiff_t lda, int readable, float *y) {
  if (transA) {
    const int longer = rows.start(rows.longer);
    float *rest = y + ptrdiff_t(longer) * K;
    if constexpr (kIsWasm) {
      pack_tiles(rows.longer, rows.least + 1, K, a, lda, y);
      pack_tiles(rows.parts - rows.longer, rows.least, K, a + longer, lda, rest);
    } else {
      pack_columns(rows.longer, rows.least + 1, K, a, lda, readable, y);
      pack_columns(rows.parts - rows.longer, rows.least, K, a + longer, lda, readable - longer, rest);
    }
    return;
  }
  for (int m = 0; m < rows.size; m++) __builtin_memcpy(y + ptrdiff_t(m) * K, a + m * lda, K * sizeof(float));
}

/** One thread's part of C: every block of B packed, every block of A, tiles over both. */
static inline void multiply_blocked(int M, int N, int K, const float *a, bool transA, ptrdiff_t lda, const float *b,
                                    bool transB, ptrdiff_t ldb, float *c, ptrdiff_t ldc, const float *bias, bool accumulate,
                                    float *workspace) {
  const Cut depths(K, kDepth), blocks(ceil_div(M, kRows), kBlockRows / kRows); // blocks of whole tiles
  for (int n = 0; n < N; n += kBlockColumns) {
    const int columns = smaller(kBlockColumns, N - n);
    for (int d = 0; d < depths.parts; d++) {
      const int k = depths.start(d), depth = depths.start(d + 1) - k;
      const Into into = accumulate || d > 0 ? Into::Add : Into::Overwrite;
      float *const panels = workspace, *const tiles = workspace + ptrdiff_t(round_up(columns, kColumns)) * depth;
      pack_panels(columns, depth, transB ? b + n * ldb + k : b + k * ldb + n, transB, ldb, panels);
      for (int i = 0; i < blocks.parts; i++) {
        const int m = blocks.start(i) * kRows;
        const Cut rows(smaller(M, blocks.start(i + 1) * kRows) - m, kRows);
        pack_rows(rows, depth, transA ? a + k * lda + m : a + m * lda + k, transA, lda, M - m, tiles);
        for (int j = 0; j < columns; j += kColumns) {
          const float *panel = panels + ptrdiff_t(j) * depth;
          const int width = panel_width(columns - j), wanted = smaller(width, columns - j);
          for (int r = 0; r < rows.parts; r++) {
            const int row = rows.start(r), size = rows.start(r + 1) - row;
            const float *tile = tiles + ptrdiff_t(row) * depth;
            float *to = c + (m + row) * ldc + n + j;
            const float *add = bias ? bias + n + j : nullptr;
            if (transA) tile_of<true>(size, depth, tile, size, panel, width, to, ldc, wanted, into, add);
            else tile_of<false>(size, depth, tile, depth, panel, width, to, ldc, wanted, into, add);
          }
        }
      }
    }
  }
}

template <bool byDepth>
static UNROLLED_LOOP void wide_row(int K, const float *a, ptrdiff_t aRow, const float *b, ptrdiff_t ldb, float *c,
                                   const float *start) {
  tile<1, kWide / W, byDepth>(K, a, aRow, b, ldb, c, 0, start, 0);
}

/** One thread's part of C, few rows: B where it lies, stored [K, N]; only a last odd panel is packed. */
static inline void multiply_slim(int M, int N, int K, const float *a, bool transA, ptrdiff_t lda, const float *b,
                                 ptrdiff_t ldb, float *c, ptrdiff_t ldc, const float *bias, Into into, float *workspace) {
  int n = 0;
  if (M == 1) {
    for (; n + kWide <= N; n += kWide) {
      const Start start(into, c + n, ldc, bias ? bias + n : nullptr);
      if (transA) wide_row<true>(K, a, lda, b + n, ldb, c + n, start.from);
      else wide_row<false>(K, a, lda, b + n, ldb, c + n, start.from);
    }
  }
  for (; n < N; n += kColumns) {
    const int columns = smaller(kColumns, N - n);
    const float *panel = b + n;
    ptrdiff_t panelRow = ldb;
    if (columns < kColumns) {
      pack_panels(columns, K, panel, false, ldb, workspace);
      panel = workspace;
      panelRow = panel_width(columns);
    }
    for (int m = 0; m < M; m += kRows) {
      const int rows = smaller(kRows, M - m);
      float *to = c + m * ldc + n;
      const float *add = bias ? bias + n : nullptr;
      if (transA) tile_of<true>(rows, K, a + m, lda, panel, panelRow, to, ldc, columns, into, add);
      else tile_of<false>(rows, K, a + m * lda, lda, panel, panelRow, to, ldc, columns, into, add);
    }
  }
}

/** One thread's part of C, columns from … to: B packed already. */
static inline void multiply_packed(const Panels &b, int M, int from, int to, const float *a, ptrdiff_t lda, float *c, ptrdiff_t ldc,
                                   const float *bias, Into into, float *scratch) {
  const Cut blocks(M, kBlockRows);
  for (int i = 0; i < blocks.parts; i++) {
    const int m = blocks.start(i);
    b.multiply(blocks.start(i + 1) - m, from, to, a + m * lda, lda, c + m * ldc, ldc, into, bias, scratch);
  }
}

// ---- threads ------------------------------------------------------------------------------------------------------------

/** body(part) for every part, on the pool's threads, denormals off; one part runs here and now. */
template <typename Body> static inline void share(int parts, const Body &body) {
  const auto flushed = [&](int32_t part) {
    const FlushDenormals flush;
    body(part);
  };
  if (parts == 1) flushed(0);
  else parallel(parts, flushed);
}

/** Threads that `work` multiplications are worth, of those there are. */
static inline int worthwhile_threads(int64_t work) {
  const int64_t worth = work / kWorkPerThread;
  return worth < 1 ? 1 : worth < thread_count() ? int(worth) : thread_count();
}

/** C cut into rows x columns parts, one a thread, so that what each computes and packs is least. Never changes a result. */
struct Grid {
  int rows = 1, columns = 1;
  Grid(int M, int N, int K) {
    const int threads = worthwhile_threads(int64_t(M) * N * K);
    int64_t best = -1;
    for (int r = 1; r <= threads; r++) {
      const int64_t m = round_up(ceil_div(M, r), kRows), n = round_up(ceil_div(N, threads / r), kColumns);
      const int64_t cost = m * n + 8 * (m + n); // to pack an element costs what 8 products do
      if (best >= 0 && cost >= best) continue;
      best = cost;
      rows = r;
      columns = threads / r;
    }
  }
};

/** What `transB` may be beside 0 and 1: B is a weight [N, K] that pack_weights has packed, in one part. A is stored [M, K] then. */
constexpr int32_t kPacked = 2;

/** Floats of one thread's rows, against a packed weight. */
static inline int32_t packed_scratch(int M, int N, int K) {
  return round_up(smaller(M, kBlockRows) * Panels{N, K}.scratch_per_row(), 16);
}

static inline int32_t gemm_workspace(int32_t M, int32_t N, int32_t K, int32_t transA, int32_t transB) {
  if (transB == kPacked) return M <= Panels::kFewRows ? 0 : thread_count() * packed_scratch(M, N, K);
  if (M <= kFewRows && !transB) return thread_count() * round_up(K * kColumns, 16);
  if (M <= kFewRows && !transA) return 0;
  return thread_count() * block_floats(M, N, K);
}

static inline void gemm(int32_t M, int32_t N, int32_t K, const float *a, int32_t transA, int32_t lda, const float *b,
                        int32_t transB, int32_t ldb, float *c, int32_t ldc, const float *bias, int32_t accumulate,
                        float *workspace) {
  if (M == 0 || N == 0) return;
  const Into into = accumulate ? Into::Add : Into::Overwrite;
  const Grid grid(M, N, K);
  const Cut columns(ceil_div(N, kColumns), ceil_div(ceil_div(N, kColumns), grid.columns));
  const Cut rows(M, ceil_div(M, grid.rows));
  share(rows.parts * columns.parts, [&](int32_t part) {
    const int i = part % rows.parts, j = part / rows.parts;
    const int m = rows.start(i), n = columns.start(j) * kColumns;
    const int M1 = rows.start(i + 1) - m, N1 = smaller(N, columns.start(j + 1) * kColumns) - n;
    const float *a1 = transA ? a + m : a + ptrdiff_t(m) * lda;
    const float *b1 = transB == kPacked ? b : transB ? b + ptrdiff_t(n) * ldb : b + n;
    const float *bias1 = bias ? bias + n : nullptr;
    float *c1 = c + ptrdiff_t(m) * ldc + n;
    if (K == 0) {
      for (int r = 0; !accumulate && r < M1; r++) {
        for (int k = 0; k < N1; k++) c1[ptrdiff_t(r) * ldc + k] = bias ? bias1[k] : 0.0f;
      }
    } else if (transB == kPacked && M <= Panels::kFewRows) {
      Panels{N, K, const_cast<float *>(b)}.multiply_few(M1, n, n + N1, a1, lda, c1 - n, ldc, into, bias);
    } else if (transB == kPacked) {
      multiply_packed({N, K, const_cast<float *>(b)}, M1, n, n + N1, a1, lda, c1 - n, ldc, bias, into,
                      workspace + ptrdiff_t(part) * packed_scratch(M, N, K));
    } else if (M <= kFewRows && !transB) {
      multiply_slim(M1, N1, K, a1, transA, lda, b1, ldb, c1, ldc, bias1, into, workspace + ptrdiff_t(part) * round_up(K * kColumns, 16));
    } else if (M <= kFewRows && !transA) {
      dots(M1, N1, K, a1, lda, b1, ldb, c1, ldc, into, bias1);
    } else {
      multiply_blocked(M1, N1, K, a1, transA, lda, b1, transB, ldb, c1, ldc, bias1, accumulate,
                       workspace + ptrdiff_t(part) * block_floats(M, N, K));
    }
    if (bias && accumulate) {
      for (int r = 0; r < M1; r++) {
        for (int k = 0; k < N1; k++) c1[ptrdiff_t(r) * ldc + k] += bias1[k];
      }
    }
  });
}

} // namespace UNROLLED_ISA
} // namespace unrolled
