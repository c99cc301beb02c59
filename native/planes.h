// Planes, [B, C, height, width]: pooling and batch normalisation. What is computed stands in src/backend/backend.ts.
#pragma once

#include "conv.h"

namespace unrolled {
namespace UNROLLED_ISA {

// ---- largest ----

template <int... lane> static UNROLLED_INLINE F even_lanes(F a, F b, Lanes<lane...>) {
  return __builtin_shufflevector(a, b, (2 * lane)...);
}
template <int... lane> static UNROLLED_INLINE F odd_lanes(F a, F b, Lanes<lane...>) {
  return __builtin_shufflevector(a, b, (2 * lane + 1)...);
}
template <int... lane> static UNROLLED_INLINE I even_numbers(Lanes<lane...>) { return I{(2 * lane)...}; }

/** Windows of 2 x 2 side by side: outWidth of them, the first at `from`, whose place in its plane is `place`. */
static inline void max_of_pairs(const float *from, int32_t place, int32_t width, int32_t outWidth, float *to, int32_t *at) {
  using All = typename LanesTo<W>::Type;
  const I even = even_numbers(All{});
  const float *below = from + width;
  int32_t v = 0;
  for (; v + W <= outWidth; v += W) {
    const F a0 = load(from + 2 * v), a1 = load(from + 2 * v + W), b0 = load(below + 2 * v), b1 = load(below + 2 * v + W);
    F best = even_lanes(a0, a1, All{});
    I where = even + splat(place + 2 * v);
    const I first = where;
    const auto take = [&](F x, int32_t further) UNROLLED_LAMBDA {
      const I isBetter = (x > best) | (x != x);
      best = select(isBetter, x, best);
      where = (isBetter & (first + splat(further))) | (~isBetter & where);
    };
    take(odd_lanes(a0, a1, All{}), 1);
    take(even_lanes(b0, b1, All{}), width);
    take(odd_lanes(b0, b1, All{}), width + 1);
    store(to + v, best);
    store(at + v, where);
  }
  for (; v < outWidth; v++) {
    float best = from[2 * v];
    int32_t where = place + 2 * v;
    const auto take = [&](float x, int32_t further) {
      if (!(x > best) && x == x) return;
      best = x;
      where = place + 2 * v + further;
    };
    take(from[2 * v + 1], 1);
    take(below[2 * v], width);
    take(below[2 * v + 1], width + 1);
    to[v] = best;
    at[v] = where;
  }
}

/** indices: of the largest within its plane, the first of equals. Padding is no candidate. */
static void max_pool2d(int32_t B, int32_t C, int32_t height, int32_t width, int32_t kernelHeight, int32_t kernelWidth, int32_t strideY,
                       int32_t strideX, int32_t paddingY, int32_t paddingX, int32_t dilationY, int32_t dilationX, const float *x, float *y,
                       int32_t *indices) {
  const Window w{B, C, height, width, kernelHeight, kernelWidth, strideY, strideX, paddingY, paddingX, dilationY, dilationX};
  const int32_t outHeight = w.outHeight(), outWidth = w.outWidth();
  const bool arePairs = kernelHeight == 2 && kernelWidth == 2 && strideX == 2 && paddingY == 0 && paddingX == 0 && dilationY == 1 && dilationX == 1;
  for_chunks(B * C, 1, int64_t(B) * C * w.out() * kernelHeight * kernelWidth, [&](int32_t begin, int32_t end) {
    for (int32_t plane = begin; plane < end; plane++) {
      const float *from = x + size_t(plane) * w.in();
      float *to = y + size_t(plane) * w.out();
      int32_t *at = indices + size_t(plane) * w.out();
      for (int32_t r = 0; r < outHeight; r++) {
        const int32_t top = r * strideY - paddingY;
        if (arePairs) {
          max_of_pairs(from + top * width, top * width, width, outWidth, to, at);
          to += outWidth;
          at += outWidth;
          continue;
        }
        for (int32_t v = 0; v < outWidth; v++, to++, at++) {
          const int32_t left = v * strideX - paddingX;
          float best = -__builtin_inff();
          int32_t where = -1;
          for (int32_t i = 0, iy = top; i < kernelHeight; i++, iy += dilationY) {
            if (iy < 0 || iy >= height) continue;
            for (int32_t j = 0, ix = left; j < kernelWidth; j++, ix += dilationX) {
              if (ix < 0 || ix >= width) continue;
              const float value = from[iy * width + ix];
              if (where >= 0 && !(value > best) && value == value) continue;
              best = value;
              where = iy * width + ix;
            }
          }
          *to = best;
          *at = where;
        }
      }
    }
  });
}

/** dX[indices] += dY, in each plane. dX overwrites. */
static void max_pool2d_backward(int32_t planes, int32_t in, int32_t out, const float *dY, const int32_t *indices, float *dX) {
  for_chunks(planes, 1, int64_t(planes) * (in + 4 * out), [&](int32_t begin, int32_t end) {
    for (int32_t plane = begin; plane < end; plane++) {
      float *to = dX + size_t(plane) * in;
      __builtin_memset(to, 0, size_t(in) * sizeof(float));
      for (size_t i = size_t(plane) * out; i < size_t(plane + 1) * out; i++) to[indices[i]] += dY[i];
    }
  });
}

// ---- mean ----

/** body(position, top, bottom, left, right, scale) for every window of a plane: the part of it inside, and 1 / what its sum is divided by. */
template <typename Body> static UNROLLED_INLINE void each_mean(const Window &w, bool countPadding, const Body &body) {
  const int32_t outHeight = w.outHeight(), outWidth = w.outWidth();
  for (int32_t r = 0; r < outHeight; r++) {
    const int32_t y = r * w.strideY - w.paddingY, bottom = smaller(y + w.kernelHeight, w.height), top = larger(y, 0);
    for (int32_t v = 0; v < outWidth; v++) {
      const int32_t x = v * w.strideX - w.paddingX, right = smaller(x + w.kernelWidth, w.width), left = larger(x, 0);
      const int32_t count = countPadding ? w.kernelHeight * w.kernelWidth : (bottom - top) * (right - left);
      body(r * outWidth + v, top, bottom, left, right, 1.0f / float(count));
    }
  }
}

static void avg_pool2d(int32_t B, int32_t C, int32_t height, int32_t width, int32_t kernelHeight, int32_t kernelWidth, int32_t strideY,
                       int32_t strideX, int32_t paddingY, int32_t paddingX, int32_t countPadding, const float *x, float *y) {
  const Window w{B, C, height, width, kernelHeight, kernelWidth, strideY, strideX, paddingY, paddingX, 1, 1};
  for_chunks(B * C, 1, int64_t(B) * C * w.out() * kernelHeight * kernelWidth, [&](int32_t begin, int32_t end) {
    for (int32_t plane = begin; plane < end; plane++) {
      const float *from = x + size_t(plane) * w.in();
      float *to = y + size_t(plane) * w.out();
      each_mean(w, countPadding, [&](int32_t p, int32_t top, int32_t bottom, int32_t left, int32_t right, float scale) {
        float total = 0;
        for (int32_t i = top; i < bottom; i++) total += sum_of(from + i * width + left, right - left);
        to[p] = total * scale;
      });
    }
  });
}

/** y = mean of a window:  dX += dY / count, everywhere in it. dX overwrites. */
static void avg_pool2d_backward(int32_t B, int32_t C, int32_t height, int32_t width, int32_t kernelHeight, int32_t kernelWidth,
                                int32_t strideY, int32_t strideX, int32_t paddingY, int32_t paddingX, int32_t countPadding,
                                const float *dY, float *dX) {
  const Window w{B, C, height, width, kernelHeight, kernelWidth, strideY, strideX, paddingY, paddingX, 1, 1};
  for_chunks(B * C, 1, int64_t(B) * C * w.out() * kernelHeight * kernelWidth, [&](int32_t begin, int32_t end) {
    for (int32_t plane = begin; plane < end; plane++) {
      const float *from = dY + size_t(plane) * w.out();
      float *to = dX + size_t(plane) * w.in();
      __builtin_memset(to, 0, size_t(w.in()) * sizeof(float));
      each_mean(w, countPadding, [&](int32_t p, int32_t top, int32_t bottom, int32_t left, int32_t right, float scale) {
        const float share = from[p] * scale;
        for (int32_t i = top; i < bottom; i++) {
          for (int32_t j = left; j < right; j++) to[i * width + j] += share;
        }
      });
    }
  });
}

// ---- batch normalisation ----

/** Mean and Σ (x − mean)² of n numbers. */
struct Moments {
  double count, mean, squares;
};

/** Of both together (Chan, Golub & LeVeque 1979). */
static inline Moments together(const Moments &a, const Moments &b) {
  const double n = a.count + b.count, distance = b.mean - a.mean;
  return {n, a.mean + distance * b.count / n, a.squares + b.squares + distance * distance * a.count * b.count / n};
}

/** normalized = (x − mean) · rstd ;  y = normalized · weight + bias, channel by channel; see BatchNorm2d. The threads share the channels. */
static void batch_norm2d(int32_t B, int32_t C, int32_t S, int32_t isTraining, const float *x, const float *weight, const float *bias,
                         float epsilon, float momentum, float *runningMean, float *runningVariance, float *mean, float *rstd, float *y) {
  for_chunks(C, 1, int64_t(B) * C * S, [&](int32_t begin, int32_t end) {
    for (int32_t c = begin; c < end; c++) {
      if (isTraining) {
        Moments all{0, 0, 0};
        for (int32_t b = 0; b < B; b++) {
          const float *plane = x + (size_t(b) * C + c) * S;
          const float middle = sum_of(plane, S) / float(S);
          const F center = splat(middle);
          const Moments own{double(S), double(middle), double(reduce(S, [=](F x) { return (x - center) * (x - center); }, plane))};
          all = b == 0 ? own : together(all, own);
        }
        const double variance = all.squares / all.count;
        mean[c] = float(all.mean);
        rstd[c] = 1.0f / __builtin_sqrtf(float(variance) + epsilon);
        if (runningMean != nullptr) {
          const double unbiased = all.count > 1 ? all.squares / (all.count - 1) : variance;
          runningMean[c] += momentum * (float(all.mean) - runningMean[c]);
          runningVariance[c] += momentum * (float(unbiased) - runningVariance[c]);
        }
      } else {
        mean[c] = runningMean[c];
        rstd[c] = 1.0f / __builtin_sqrtf(runningVariance[c] + epsilon);
      }
      const F center = splat(mean[c]), scale = splat(rstd[c] * (weight != nullptr ? weight[c] : 1.0f));
      const F shift = splat(bias != nullptr ? bias[c] : 0.0f);
      for (int32_t b = 0; b < B; b++) {
        const size_t plane = (size_t(b) * C + c) * S;
        map(0, S, y + plane, [=](F x) { return fma(x - center, scale, shift); }, x + plane);
      }
    }
  });
}

/**
 * dWeight += Σ dY · normalized ;  dBias += Σ dY ;  dX = weight · rstd · (dY − (Σ dY + normalized · Σ dY · normalized) / (B·S)), and
 * without the part in parentheses in evaluation, where mean and variance are given.
 */
static void batch_norm2d_backward(int32_t B, int32_t C, int32_t S, int32_t isTraining, const float *x, const float *weight,
                                  const float *mean, const float *rstd, const float *dY, float *dX, float *dWeight, float *dBias) {
  for_chunks(C, 1, 2 * int64_t(B) * C * S, [&](int32_t begin, int32_t end) {
    for (int32_t c = begin; c < end; c++) {
      const F center = splat(mean[c]);
      double sum = 0, along = 0;
      for (int32_t b = 0; b < B; b++) {
        const size_t plane = (size_t(b) * C + c) * S;
        sum += double(sum_of(dY + plane, S));
        along += double(reduce(S, [=](F dY, F x) { return dY * (x - center); }, dY + plane, x + plane));
      }
      along *= double(rstd[c]);
      if (dWeight != nullptr) dWeight[c] += float(along);
      if (dBias != nullptr) dBias[c] += float(sum);
      if (dX == nullptr) continue;
      const double count = double(B) * S;
      const F scale = splat(rstd[c] * (weight != nullptr ? weight[c] : 1.0f));
      const F level = splat(isTraining ? float(sum / count) : 0.0f);
      const F slope = splat(isTraining ? float(along / count) * rstd[c] : 0.0f);
      for (int32_t b = 0; b < B; b++) {
        const size_t plane = (size_t(b) * C + c) * S;
        map(0, S, dX + plane, [=](F dY, F x) { return scale * (dY - level - (x - center) * slope); }, dY + plane, x + plane);
      }
    }
  });
}

} // namespace UNROLLED_ISA
} // namespace unrolled
