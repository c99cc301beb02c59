// Few rows of A against the rows of a stored [N, K] matrix, a weight: dot products, nothing packed.
#pragma once

#include "shuffle.h"
#include "tile.h"

namespace unrolled {
namespace UNROLLED_ISA {

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

} // namespace UNROLLED_ISA
} // namespace unrolled
