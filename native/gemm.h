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

#include "dots.h"
#include "panels.h"
#include "pool.h"
#include "recurrent_abi.h"

namespace unrolled {
namespace UNROLLED_ISA {

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
