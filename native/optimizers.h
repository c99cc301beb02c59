// Steps of the optimisers, on whole flat buffers, in place; numbers as torch.optim's (1.13). What depends on the step's
// number alone (bias corrections) comes in as a number.
#pragma once

#include "elementwise.h"

namespace unrolled {
namespace UNROLLED_ISA {

/** norm[0] = ‖gradient‖; above maxNorm (> 0) and finite: gradient *= maxNorm / (norm + 1e-6) */
static void clip_norm(float *gradient, int32_t n, float maxNorm, float *norm) {
  const double length = __builtin_sqrt(square_sum(gradient, n));
  norm[0] = float(length);
  if (!(maxNorm > 0 && length > maxNorm && norm[0] < __builtin_inff())) return;
  affine(gradient, float(maxNorm / (length + 1e-6)), 0, gradient, n);
}

/** Into [−limit, limit]; NaN stays. */
static void clip_value(float *gradient, int32_t n, float limit) {
  for_elements(n, [&](int32_t begin, int32_t end) {
    const F high = splat(limit);
    map(begin, end, gradient, [=](F g) { return select(g > high, high, select(g < -high, -high, g)); }, gradient);
  });
}

/** p = update(p, g, states…) for each vector of the parameters; update changes the states, which are given by reference. */
template <typename Update, typename... States>
static UNROLLED_INLINE void optimize(float *parameters, const float *gradient, int32_t n, const Update &update, States *...states) {
  for_elements(n, [&](int32_t begin, int32_t end) {
    each_vector(end - begin, [&](int offset, int count) UNROLLED_LAMBDA {
      const int32_t i = begin + offset;
      const auto step = [&](auto... s) UNROLLED_LAMBDA {
        store(parameters + i, update(load(parameters + i, count), load(gradient + i, count), s...), count);
        (store(states + i, s, count), ...);
      };
      step(load(states + i, count)...);
    });
  });
}

/**
 *   g += weightDecay · p ;  v = g at the first step, momentum · v + (1 − dampening) · g later ;
 *   p −= learningRate · (v, or g + momentum · v for Nesterov)        velocity null: p −= learningRate · g
 */
static void sgd(float *parameters, const float *gradient, float *velocity, int32_t n, int32_t isFirst, float learningRate,
                float momentum, float dampening, int32_t nesterov, float weightDecay) {
  const F rate = splat(-learningRate), decay = splat(weightDecay), keep = splat(momentum), take = splat(1 - dampening);
  if (velocity == nullptr) return optimize(parameters, gradient, n, [=](F p, F g) { return fma(rate, fma(decay, p, g), p); });
  const auto update = [=](F p, F g, F &v) {
    g = fma(decay, p, g);
    v = flush(isFirst ? g : fma(take, g, keep * v));
    return fma(rate, nesterov ? fma(keep, v, g) : v, p);
  };
  optimize(parameters, gradient, n, update, velocity);
}

/**
 *   g += weightDecay · p, or when decoupled p *= 1 − learningRate · weightDecay ;
 *   m += (1 − β₁)(g − m) ;  v = β₂ v + (1 − β₂) g² ;  v̂ = v, or the running maximum vMax ;
 *   p −= stepSize · m / (√v̂ / correction + ε)         stepSize = learningRate / (1 − β₁ᵗ), correction = √(1 − β₂ᵗ)
 */
static void adam(float *parameters, const float *gradient, float *m, float *v, float *vMax, int32_t n, float stepSize,
                 float correction, float beta1, float oneMinusBeta1, float beta2, float oneMinusBeta2, float epsilon, float weightDecay,
                 float shrink) {
  const F step = splat(-stepSize), scale = splat(1.0f / correction), small = splat(epsilon), decay = splat(weightDecay);
  const F keep1 = splat(beta1), take1 = splat(oneMinusBeta1), keep2 = splat(beta2), take2 = splat(oneMinusBeta2), kept = splat(shrink);
  const auto moments = [=](F &p, F g, F &m, F &v) {
    g = fma(decay, p, g);
    p *= kept;
    m = flush(fma(take1, g, keep1 * m));
    v = flush(fma(take2 * g, g, keep2 * v));
  };
  const auto move = [=](F p, F m, F v) { return fma(step, m / fma(sqrt(v), scale, small), p); };
  if (vMax == nullptr) {
    const auto update = [=](F p, F g, F &m, F &v) {
      moments(p, g, m, v);
      return move(p, m, v);
    };
    return optimize(parameters, gradient, n, update, m, v);
  }
  const auto update = [=](F p, F g, F &m, F &v, F &largest) {
    moments(p, g, m, v);
    largest = maximum(v, largest);
    return move(p, m, largest);
  };
  optimize(parameters, gradient, n, update, m, v, vMax);
}

/**
 *   g += weightDecay · p ;  s = α s + (1 − α) g² ;  a = α a + (1 − α) g ;
 *   d = g / (√(s − a²) + ε) ;  b = momentum · b + d ;  p −= learningRate · b
 * gradientAverage null: not centred, a is 0. momentumBuffer null: b is d.
 */
static void rmsprop(float *parameters, const float *gradient, float *squareAverage, float *gradientAverage, float *momentumBuffer,
                    int32_t n, float learningRate, float alpha, float oneMinusAlpha, float epsilon, float momentum, float weightDecay) {
  const F rate = splat(-learningRate), keep = splat(alpha), take = splat(oneMinusAlpha), small = splat(epsilon);
  const F decay = splat(weightDecay), mass = splat(momentum);
  const auto plain = [=](F g, F &s) {
    s = flush(fma(take * g, g, keep * s));
    return g / (sqrt(s) + small);
  };
  const auto centred = [=](F g, F &s, F &a) {
    s = flush(fma(take * g, g, keep * s));
    a = flush(fma(take, g, keep * a));
    return g / (sqrt(fma(-a, a, s)) + small);
  };
  const auto heavy = [=](F p, F d, F &b) {
    b = flush(fma(mass, b, d));
    return fma(rate, b, p);
  };
  if (gradientAverage == nullptr && momentumBuffer == nullptr) {
    optimize(parameters, gradient, n, [=](F p, F g, F &s) { return fma(rate, plain(fma(decay, p, g), s), p); }, squareAverage);
  } else if (gradientAverage == nullptr) {
    optimize(parameters, gradient, n, [=](F p, F g, F &s, F &b) { return heavy(p, plain(fma(decay, p, g), s), b); }, squareAverage,
             momentumBuffer);
  } else if (momentumBuffer == nullptr) {
    optimize(parameters, gradient, n, [=](F p, F g, F &s, F &a) { return fma(rate, centred(fma(decay, p, g), s, a), p); },
             squareAverage, gradientAverage);
  } else {
    optimize(parameters, gradient, n, [=](F p, F g, F &s, F &a, F &b) { return heavy(p, centred(fma(decay, p, g), s, a), b); },
             squareAverage, gradientAverage, momentumBuffer);
  }
}

/** g += weightDecay · p ;  s += g² ;  p −= learningRate · g / (√s + ε) */
static void adagrad(float *parameters, const float *gradient, float *sum, int32_t n, float learningRate, float epsilon,
                    float weightDecay) {
  const F rate = splat(-learningRate), small = splat(epsilon), decay = splat(weightDecay);
  const auto update = [=](F p, F g, F &s) {
    g = fma(decay, p, g);
    s = fma(g, g, s);
    return fma(rate, g / (sqrt(s) + small), p);
  };
  optimize(parameters, gradient, n, update, sum);
}

} // namespace UNROLLED_ISA
} // namespace unrolled
