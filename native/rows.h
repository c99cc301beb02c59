// Kernels on R rows of C columns, each row for itself: softmax, layer normalisation, lookups.
#pragma once

#include "elementwise.h"
#include "move.h"

namespace unrolled {
namespace UNROLLED_ISA {

/** The largest of n ≥ 1 numbers; a NaN does not count, unless there is nothing else. */
static UNROLLED_INLINE float row_maximum(const float *x, int32_t n) {
  const F lowest = splat(-__builtin_inff());
  F m0 = lowest, m1 = lowest, m2 = lowest, m3 = lowest;
  int32_t i = 0;
  for (; n - i >= 4 * W; i += 4 * W) {
    m0 = maximum(load(x + i), m0);
    m1 = maximum(load(x + i + W), m1);
    m2 = maximum(load(x + i + 2 * W), m2);
    m3 = maximum(load(x + i + 3 * W), m3);
  }
  for (; n - i >= W; i += W) m0 = maximum(load(x + i), m0);
  float lanes[W];
  store(lanes, maximum(maximum(m0, m1), maximum(m2, m3)));
  float largest = lanes[0];
  for (int lane = 1; lane < W; lane++) largest = lanes[lane] > largest ? lanes[lane] : largest;
  for (; i < n; i++) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

/** log of one number. */
static UNROLLED_INLINE float log_of(float x) { return log(splat(x))[0]; }

/** Σ exp(x − maximum) */
static UNROLLED_INLINE float exp_sum(const float *x, int32_t n, float maximum) {
  const F shift = splat(maximum);
  return reduce(n, [=](F x) { return exp(x - shift); }, x);
}

/** log Σ exp(x), by way of the maximum, which alone can be infinite. */
static UNROLLED_INLINE float log_sum_exp(const float *x, int32_t n) {
  const float largest = row_maximum(x, n);
  return largest + log_of(exp_sum(x, n, largest));
}

// ---- softmax ----

static void softmax(const float *x, float *y, int32_t R, int32_t C) {
  for_rows(R, C, [&](int32_t begin, int32_t end) {
    for (int32_t r = begin; r < end; r++) {
      const float *xr = x + size_t(r) * C;
      float *yr = y + size_t(r) * C;
      const F largest = splat(row_maximum(xr, C));
      map(0, C, yr, [=](F x) { return exp(x - largest); }, xr);
      const F scale = splat(1.0f / sum_of(yr, C));
      map(0, C, yr, [=](F y) { return y * scale; }, yr);
    }
  });
}

/** y = softmax(x):  dX = y ⊙ (dY − Σ dY ⊙ y) */
static void softmax_backward(const float *y, const float *dY, float *dX, int32_t R, int32_t C) {
  for_rows(R, C, [&](int32_t begin, int32_t end) {
    for (int32_t r = begin; r < end; r++) {
      const size_t row = size_t(r) * C;
      const F inner = splat(reduce(C, [](F dY, F y) { return dY * y; }, dY + row, y + row));
      map(0, C, dX + row, [=](F dY, F y) { return y * (dY - inner); }, dY + row, y + row);
    }
  });
}

static void log_softmax(const float *x, float *y, int32_t R, int32_t C) {
  for_rows(R, C, [&](int32_t begin, int32_t end) {
    for (int32_t r = begin; r < end; r++) {
      const float *xr = x + size_t(r) * C;
      const float largest = row_maximum(xr, C);
      const F first = splat(largest), second = splat(log_of(exp_sum(xr, C, largest)));
      map(0, C, y + size_t(r) * C, [=](F x) { return x - first - second; }, xr);
    }
  });
}

/** y = x − log Σ exp x:  dX = dY − exp(y) · Σ dY */
static void log_softmax_backward(const float *y, const float *dY, float *dX, int32_t R, int32_t C) {
  for_rows(R, C, [&](int32_t begin, int32_t end) {
    for (int32_t r = begin; r < end; r++) {
      const size_t row = size_t(r) * C;
      const F total = splat(sum_of(dY + row, C));
      map(0, C, dX + row, [=](F dY, F y) { return dY - exp(y) * total; }, dY + row, y + row);
    }
  });
}

/** y[r] = index of the first of the largest of row r. */
static void argmax_rows(const float *x, int32_t *y, int32_t R, int32_t C) {
  for_rows(R, C, [&](int32_t begin, int32_t end) {
    for (int32_t r = begin; r < end; r++) {
      const float *xr = x + size_t(r) * C;
      const float largest = row_maximum(xr, C);
      int32_t index = 0;
      while (index < C && xr[index] != largest) index++;
      y[r] = index < C ? index : 0; // a row of NaN
    }
  });
}

/** y[r] = how many of row r are smaller than its element ids[r]; a NaN is not. */
static void count_below(const float *x, const int32_t *ids, int32_t *y, int32_t R, int32_t C) {
  for_rows(R, C, [&](int32_t begin, int32_t end) {
    for (int32_t r = begin; r < end; r++) {
      const float *xr = x + size_t(r) * C;
      const float own = xr[ids[r]];
      const F limit = splat(own);
      I counts[4] = {};
      int32_t i = 0;
      for (; C - i >= 4 * W; i += 4 * W) {
        UNROLLED_UNROLL
        for (int v = 0; v < 4; v++) counts[v] -= load(xr + i + v * W) < limit;
      }
      for (; C - i >= W; i += W) counts[0] -= load(xr + i) < limit;
      const I all = (counts[0] + counts[1]) + (counts[2] + counts[3]);
      int32_t total = 0;
      for (int lane = 0; lane < W; lane++) total += all[lane];
      for (; i < C; i++) total += xr[i] < own;
      y[r] = total;
    }
  });
}

// ---- lookup ----

/** y[r] = table[ids[r]] */
static void gather_rows(const float *table, const int32_t *ids, float *y, int32_t R, int32_t C) {
  for_rows(R, C, [&](int32_t begin, int32_t end) {
    for (int32_t r = begin; r < end; r++) __builtin_memcpy(y + size_t(r) * C, table + size_t(ids[r]) * C, size_t(C) * sizeof(float));
  });
}

/** dTable[ids[r]] += dY[r], in the order of r; the threads share out the columns. */
static void scatter_add_rows(const float *dY, const int32_t *ids, float *dTable, int32_t R, int32_t C, int32_t paddingIndex) {
  for_chunks(C, 64, int64_t(R) * C, [&](int32_t begin, int32_t end) {
    for (int32_t r = 0; r < R; r++) {
      if (ids[r] == paddingIndex) continue;
      float *row = dTable + size_t(ids[r]) * C;
      map(begin, end, row, [](F a, F b) { return a + b; }, row, dY + size_t(r) * C);
    }
  });
}

// ---- layer normalisation ----

/** normalized = (x − mean) · rstd ;  y = normalized ⊙ weight + bias.  weight, bias, y may be null. */
static void layer_norm(const float *x, const float *weight, const float *bias, float *y, float *normalized, float *rstd,
                       int32_t R, int32_t C, float epsilon) {
  for_rows(R, C, [&](int32_t begin, int32_t end) {
    for (int32_t r = begin; r < end; r++) {
      const float *xr = x + size_t(r) * C;
      float *nr = normalized + size_t(r) * C;
      const F mean = splat(sum_of(xr, C) / float(C));
      const float variance = reduce(C, [=](F x) { return (x - mean) * (x - mean); }, xr) / float(C);
      rstd[r] = 1.0f / __builtin_sqrtf(variance + epsilon);
      const F scale = splat(rstd[r]);
      map(0, C, nr, [=](F x) { return (x - mean) * scale; }, xr);
      if (y == nullptr) continue;
      float *yr = y + size_t(r) * C;
      if (weight != nullptr && bias != nullptr) map(0, C, yr, [](F n, F w, F b) { return fma(n, w, b); }, nr, weight, bias);
      else if (weight != nullptr) map(0, C, yr, [](F n, F w) { return n * w; }, nr, weight);
      else if (bias != nullptr) map(0, C, yr, [](F n, F b) { return n + b; }, nr, bias);
      else copy_buffer(nr, yr, C);
    }
  });
}

/**
 * dWeight += Σ_r dY ⊙ normalized ;  dBias += Σ_r dY ;
 * dX = rstd · (g − mean(g) − normalized · mean(g ⊙ normalized)), g = dY ⊙ weight.  dX may be dY.
 */
static void layer_norm_backward(const float *dY, const float *weight, const float *normalized, const float *rstd, float *dX,
                                float *dWeight, float *dBias, int32_t R, int32_t C) {
  for_chunks(C, 256, int64_t(R) * C, [&](int32_t begin, int32_t end) {
    if (dWeight != nullptr) {
      for (int32_t r = 0; r < R; r++) {
        const size_t row = size_t(r) * C;
        map(begin, end, dWeight, [](F sum, F dY, F n) { return fma(dY, n, sum); }, dWeight, dY + row, normalized + row);
      }
    }
    if (dBias != nullptr) add_columns(dY, dBias, R, C, begin, end);
  });
  for_rows(R, C, [&](int32_t begin, int32_t end) {
    for (int32_t r = begin; r < end; r++) {
      const size_t row = size_t(r) * C;
      const auto backward = [&](const auto &gradient, const auto *...w) {
        const F mean = splat(reduce(C, gradient, dY + row, w...) / float(C));
        const float along = reduce(C, [&](F n, F dY, auto... w) { return gradient(dY, w...) * n; }, normalized + row, dY + row, w...);
        const F slope = splat(along / float(C)), scale = splat(rstd[r]);
        map(0, C, dX + row, [&](F n, F dY, auto... w) { return scale * (gradient(dY, w...) - mean - n * slope); },
            normalized + row, dY + row, w...);
      };
      if (weight != nullptr) backward([](F dY, F w) { return dY * w; }, weight);
      else backward([](F dY) { return dY; });
    }
  });
}

} // namespace UNROLLED_ISA
} // namespace unrolled
