// Losses and their gradients; numbers as torch.nn.functional's.
#pragma once

#include "rows.h"

namespace unrolled {
namespace UNROLLED_ISA {

// ---- cross entropy ----

/**
 * With z = log Σ exp(logits), w the class weights (1 without), t the target, s the label smoothing:
 *   losses[r] = (1 − s) · w_t · (z − logits_t) + s/C · Σ_c w_c · (z − logits_c)
 * weights[r] = w_t. All of it is 0 where t is ignoreIndex.
 */
static void cross_entropy(int32_t R, int32_t C, const float *logits, const int32_t *targets, int32_t ignoreIndex, float smoothing,
                          const float *classWeights, float *losses, float *logSumExp, float *weights) {
  const float weightSum = classWeights == nullptr ? float(C) : sum_of(classWeights, C);
  for_rows(R, C, [&](int32_t begin, int32_t end) {
    for (int32_t r = begin; r < end; r++) {
      const float *row = logits + size_t(r) * C;
      if (targets[r] == ignoreIndex) {
        losses[r] = logSumExp[r] = weights[r] = 0;
        continue;
      }
      const float weight = classWeights == nullptr ? 1.0f : classWeights[targets[r]];
      const float largest = row_maximum(row, C);
      const float rest = log_of(exp_sum(row, C, largest)); // z = largest + rest
      float loss = (1 - smoothing) * weight * ((largest - row[targets[r]]) + rest);
      if (smoothing > 0) {
        const F top = splat(largest);
        const float below = classWeights == nullptr ? reduce(C, [=](F x) { return top - x; }, row)
                                                    : reduce(C, [=](F x, F w) { return w * (top - x); }, row, classWeights);
        loss += smoothing / float(C) * (below + rest * weightSum);
      }
      losses[r] = loss;
      logSumExp[r] = largest + rest;
      weights[r] = weight;
    }
  });
}

/**
 * dLogits_c = scale · (p_c · Q − (1 − s) · w_t · [c = t] − s/C · w_c),  p = exp(logits − z),  Q = (1 − s) · w_t + s/C · Σ_c w_c.
 * scale[r · scaleStride]; dLogits may be logits.
 */
static void cross_entropy_backward(int32_t R, int32_t C, const float *logits, const int32_t *targets, int32_t ignoreIndex,
                                   float smoothing, const float *classWeights, const float *logSumExp, const float *scale,
                                   int32_t scaleStride, float *dLogits) {
  const float weightSum = classWeights == nullptr ? float(C) : sum_of(classWeights, C);
  const float share = smoothing / float(C);
  for_rows(R, C, [&](int32_t begin, int32_t end) {
    for (int32_t r = begin; r < end; r++) {
      const float *row = logits + size_t(r) * C;
      float *dRow = dLogits + size_t(r) * C;
      if (targets[r] == ignoreIndex) {
        __builtin_memset(dRow, 0, size_t(C) * sizeof(float));
        continue;
      }
      const float k = scale[size_t(r) * scaleStride];
      const float target = (1 - smoothing) * (classWeights == nullptr ? 1.0f : classWeights[targets[r]]);
      const F z = splat(logSumExp[r]), mass = splat(k * (target + share * weightSum)), even = splat(k * share);
      if (smoothing == 0) map(0, C, dRow, [=](F x) { return exp(x - z) * mass; }, row);
      else if (classWeights == nullptr) map(0, C, dRow, [=](F x) { return exp(x - z) * mass - even; }, row);
      else map(0, C, dRow, [=](F x, F w) { return exp(x - z) * mass - even * w; }, row, classWeights);
      dRow[targets[r]] -= k * target;
    }
  });
}

// ---- elementwise losses ----

enum PointwiseCode : int32_t { kMse, kMae, kHuber, kBce };

/** y = loss(x, target) */
static void pointwise_loss(int32_t kind, const float *x, const float *target, float *y, int32_t n, float delta) {
  const auto apply = [&](const auto &f) { for_elements(n, [&](int32_t begin, int32_t end) { map(begin, end, y, f, x, target); }); };
  const F limit = splat(delta), one = splat(1.0f);
  switch (kind) {
  case kMse: return apply([](F x, F t) { return (x - t) * (x - t); });
  case kMae: return apply([](F x, F t) { return absolute(x - t); });
  case kHuber:
    return apply([=](F x, F t) {
      const F distance = absolute(x - t);
      return select(distance <= limit, 0.5f * distance * distance, limit * (distance - 0.5f * limit));
    });
  case kBce: // max(x, 0) − x t + log(1 + exp(−|x|)); log1p exact for small arguments as by Goldberg (1991), theorem 4
    return apply([=](F x, F t) {
      const F e = exp(-absolute(x));
      const F u = one + e;
      return select(x < F{}, F{}, x) - x * t + select(u == one, e, log(u) * e / (u - one));
    });
  }
}

/** dX = dY · ∂loss/∂x;  dY[i · dYStride]. */
static void pointwise_loss_backward(int32_t kind, const float *x, const float *target, const float *dY, int32_t dYStride, float *dX,
                                    int32_t n, float delta) {
  const auto apply = [&](const auto &f) {
    for_elements(n, [&](int32_t begin, int32_t end) {
      const F all = splat(dY[0]);
      if (dYStride == 0) map(begin, end, dX, [&](F x, F t) { return all * f(x, t); }, x, target);
      else map(begin, end, dX, [&](F x, F t, F dY) { return dY * f(x, t); }, x, target, dY);
    });
  };
  const F limit = splat(delta), one = splat(1.0f), zero{};
  switch (kind) {
  case kMse: return apply([](F x, F t) { return 2.0f * (x - t); });
  case kMae: return apply([=](F x, F t) { return select(x > t, one, select(x < t, -one, zero)); });
  case kHuber:
    return apply([=](F x, F t) {
      const F d = x - t;
      return select(d > limit, limit, select(d < -limit, -limit, d));
    });
  case kBce: return apply([](F x, F t) { return sigmoid(x) - t; });
  }
}

} // namespace UNROLLED_ISA
} // namespace unrolled
