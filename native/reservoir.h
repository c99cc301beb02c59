// The time loop of a reservoir of leaky integrators; ReservoirForward in src/backend/backend.ts has the equations, in the same
// letters. Its weights are drawn and stay: there is no backward.
#pragma once

#include "chunks.h"
#include "math.h"

namespace unrolled {
namespace UNROLLED_ISA {

/** x[at[0]], x[at[1]], … */
static UNROLLED_INLINE F gather(const float *x, const int32_t *at) {
  F y{};
  UNROLLED_UNROLL
  for (int i = 0; i < W; i++) y[i] = x[at[i]];
  return y;
}

/** Σ values[k] · x[columns[k]] */
static UNROLLED_INLINE float sparse_dot(const float *values, const int32_t *columns, int32_t n, const float *x) {
  F even{}, odd{};
  int32_t k = 0;
  for (; k + 2 * W <= n; k += 2 * W) {
    even = fma(load(values + k), gather(x, columns + k), even);
    odd = fma(load(values + k + W), gather(x, columns + k + W), odd);
  }
  if (k + W <= n) {
    even = fma(load(values + k), gather(x, columns + k), even);
    k += W;
  }
  float left = 0;
  for (; k < n; k++) left = fma(values[k], x[columns[k]], left);
  return sum(even + odd) + left;
}

/** y = w x for W rows' worth of w [H, H]: four rows of w at a time share what they read of x. */
static void dense_rows(const float *w, const float *x, float *y, int32_t H) {
  int32_t i = 0;
  for (; i + 4 <= H; i += 4) {
    const float *row = w + size_t(i) * H;
    F s0{}, s1{}, s2{}, s3{};
    each_vector(H, [&](int32_t j, int32_t count) UNROLLED_LAMBDA {
      const F z = load(x + j, count);
      s0 = fma(load(row + j, count), z, s0);
      s1 = fma(load(row + H + j, count), z, s1);
      s2 = fma(load(row + 2 * size_t(H) + j, count), z, s2);
      s3 = fma(load(row + 3 * size_t(H) + j, count), z, s3);
    });
    y[i] = sum(s0);
    y[i + 1] = sum(s1);
    y[i + 2] = sum(s2);
    y[i + 3] = sum(s3);
  }
  for (; i < H; i++) {
    F s{};
    each_vector(H, [&](int32_t j, int32_t count) UNROLLED_LAMBDA {
      s = fma(load(w + size_t(i) * H + j, count), load(x + j, count), s);
    });
    y[i] = sum(s);
  }
}

/** Rows of a batch that one thread takes through all steps: they share what they read of a dense W. */
constexpr int32_t kReservoirRows = 4;

static void reservoir_forward(int32_t T, int32_t B, int32_t H, const int32_t *lengths, const float *drive, const int32_t *rowStarts,
                              const int32_t *columns, const float *values, const float *leakRate, float *h) {
  const int64_t entries = rowStarts == nullptr ? int64_t(H) * H : rowStarts[H];
  for_chunks(B, kReservoirRows, int64_t(T) * B * entries, [&](int32_t begin, int32_t end) {
    for (int32_t t = 0; t < T; t++) {
      for (int32_t b = begin; b < end; b++) {
        const float *before = h + (size_t(t) * B + b) * H;
        float *after = h + (size_t(t + 1) * B + b) * H;
        if (lengths != nullptr && t >= lengths[b]) {
          __builtin_memcpy(after, before, size_t(H) * sizeof(float));
          continue;
        }
        // W h_{t−1}, where h_t will be
        if (rowStarts == nullptr) dense_rows(values, before, after, H);
        else {
          for (int32_t i = 0; i < H; i++) {
            const int32_t start = rowStarts[i];
            after[i] = sparse_dot(values + start, columns + start, rowStarts[i + 1] - start, before);
          }
        }
        map(0, H, after, [](F product, F drive, F a, F before) { return fma(a, tanh(product + drive) - before, before); }, after,
            drive + (size_t(t) * B + b) * H, leakRate, before);
      }
    }
  });
}

} // namespace UNROLLED_ISA
} // namespace unrolled
