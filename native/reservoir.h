// The time loop of a reservoir of leaky integrators; ReservoirForward in src/backend/backend.ts has the equations, in the same
// letters. Its weights are drawn and stay: there is no backward.
#pragma once

#include "chunks.h"
#include "math.h"

namespace unrolled {
namespace UNROLLED_ISA {

/**
 * Lanes of a sparse product: eight at most, also where a vector is wider. Numbers that lie apart are put into lanes one by one,
 * which takes 25 µs for 10⁵ entries eight at a time, 45 µs sixteen at a time, and 40 µs by the machine's own gather.
 */
constexpr int WS = W < 8 ? W : 8;
typedef float Narrow __attribute__((vector_size(WS * 4)));
typedef float UnalignedNarrow __attribute__((vector_size(WS * 4), aligned(4), may_alias));

static UNROLLED_INLINE Narrow fma_sparse(const float *values, const int32_t *columns, const float *x, Narrow sum) {
  const Narrow weights = *reinterpret_cast<const UnalignedNarrow *>(values);
  Narrow gathered{};
  UNROLLED_UNROLL
  for (int i = 0; i < WS; i++) gathered[i] = x[columns[i]];
#if UNROLLED_GCC_X86 >= 8
  return (Narrow)__builtin_ia32_vfmaddps256(weights, gathered, sum);
#elif defined(__FMA__) && defined(__clang__) && !UNROLLED_MACHINE_FMA
  return __builtin_elementwise_fma(weights, gathered, sum);
#else
  return weights * gathered + sum;
#endif
}

/** Σ values[k] · x[columns[k]] */
static UNROLLED_INLINE float sparse_dot(const float *values, const int32_t *columns, int32_t n, const float *x) {
  Narrow even{}, odd{};
  int32_t k = 0;
  for (; k + 2 * WS <= n; k += 2 * WS) {
    even = fma_sparse(values + k, columns + k, x, even);
    odd = fma_sparse(values + k + WS, columns + k + WS, x, odd);
  }
  if (k + WS <= n) {
    even = fma_sparse(values + k, columns + k, x, even);
    k += WS;
  }
  even += odd;
  float left = 0;
  for (; k < n; k++) left += values[k] * x[columns[k]];
  UNROLLED_UNROLL
  for (int i = 0; i < WS; i++) left += even[i];
  return left;
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
