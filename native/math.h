// exp, sigmoid and tanh of W numbers: approximations, each with its error as measured against double precision over all
// floats of its range (bench.cc measures them again). Coefficients are minimax fits of this project's own. NaN stays NaN.
#pragma once

#include "vector.h"

namespace unrolled {
namespace UNROLLED_ISA {

/**
 * x = n·ln 2 + r with |r| ≤ ln 2 / 2: returns eʳ by a polynomial of degree 6 (relative error 3e-9 before rounding).
 */
static UNROLLED_INLINE F exp_reduced(F x, I &n) {
  const F shift = UNROLLED_NUMBER(12582912.0f); // 1.5 · 2²³: adding it rounds to an integer, which then stands in the low bits
  const F shifted = fma(x, UNROLLED_NUMBER(1.44269504f), shift);
  n = as_int(shifted) - as_int(shift);
  const F rounded = shifted - shift;
  F r = fma(rounded, UNROLLED_NUMBER(-0.693359375f), x); // ln 2 in two parts, the first exact in few bits
  r = fma(rounded, UNROLLED_NUMBER(2.12194440e-4f), r);
  F p = fma(r, UNROLLED_NUMBER(0.00138145f), UNROLLED_NUMBER(0.00836878f));
  p = fma(p, r, UNROLLED_NUMBER(0.04166839f));
  p = fma(p, r, UNROLLED_NUMBER(0.16666520f));
  p = fma(p, r, UNROLLED_NUMBER(0.49999993f));
  p = fma(p, r, UNROLLED_NUMBER(1.0f));
  return fma(p, r, UNROLLED_NUMBER(1.0f));
}

/** eˣ for −87 ≤ x ≤ 88; the caller sees to the range. Relative error below 1.2e-7. */
static UNROLLED_INLINE F exp_in_range(F x) {
  I n;
  const F p = exp_reduced(x, n);
  return as_float(as_int(p) + (n << 23));
}

/** eˣ for every x, infinity and 0 included (denormal results may be 0). Relative error below 1.2e-7. */
static UNROLLED_INLINE F exp(F x) {
  I n;
  const F p = exp_reduced(clamp(x, -104.0f, 89.0f), n);
  const I half = n >> 1, bias = splat(int32_t(127)); // 2ⁿ in two factors, as one would not fit an exponent at the ends
  return p * as_float((half + bias) << 23) * as_float((n - half + bias) << 23);
}

/**
 * 1 / (1 + e⁻ˣ). Relative error below 2e-7 where |x| ≤ 87; it stays at e⁻⁸⁷ and at 1 beyond. As exp_reduced, of −x: the sign is
 * in the constants, and of n only its low bits are used.
 */
static UNROLLED_INLINE F sigmoid(F x) {
  const F inside = clamp(x, -87.0f, 87.0f), shift = UNROLLED_NUMBER(12582912.0f);
  const F shifted = fma(inside, UNROLLED_NUMBER(-1.44269504f), shift);
  const F rounded = shifted - shift;
  F r = fma(rounded, UNROLLED_NUMBER(0.693359375f), inside);
  r = fma(rounded, UNROLLED_NUMBER(-2.12194440e-4f), r);
  F p = fma(r, UNROLLED_NUMBER(0.00138145f), UNROLLED_NUMBER(-0.00836878f));
  p = fma(p, r, UNROLLED_NUMBER(0.04166839f));
  p = fma(p, r, UNROLLED_NUMBER(-0.16666520f));
  p = fma(p, r, UNROLLED_NUMBER(0.49999993f));
  p = fma(p, r, UNROLLED_NUMBER(-1.0f));
  p = fma(p, r, UNROLLED_NUMBER(1.0f));
  return UNROLLED_NUMBER(1.0f) / (UNROLLED_NUMBER(1.0f) + as_float(as_int(p) + (as_int(shifted) << 23)));
}

/** tanh x = x·P(x²)/Q(x²) for |x| ≤ 9.02, where tanh rounds to 1. Relative error below 4e-7 (the fit's: 2.1e-8). */
static UNROLLED_INLINE F tanh(F x) {
  const F inside = clamp(x, -9.02f, 9.02f), u = inside * inside;
  F p = fma(u, UNROLLED_NUMBER(1.331906646927064e-08f), UNROLLED_NUMBER(2.0583476694920173e-05f));
  p = fma(p, u, UNROLLED_NUMBER(0.0034940342564694507f));
  p = fma(p, u, UNROLLED_NUMBER(0.13379717680745132f));
  p = fma(p, u, UNROLLED_NUMBER(0.9999999790246363f));
  F q = fma(u, UNROLLED_NUMBER(7.762017022087581e-07f), UNROLLED_NUMBER(0.0003283092360471269f));
  q = fma(q, u, UNROLLED_NUMBER(0.025871072027386966f));
  q = fma(q, u, UNROLLED_NUMBER(0.4671303292318365f));
  q = fma(q, u, UNROLLED_NUMBER(1.0f));
  return clamp(inside * p / q, -1.0f, 1.0f);
}

static UNROLLED_INLINE F relu(F x) { return select(x < F{}, F{}, x); }

/** Gradients that fade below 1e-35 become 0 on WebAssembly, which computes with denormals, slowly, and has no switch. */
static UNROLLED_INLINE F flush(F x) {
#if defined(__wasm__)
  return as_float(as_int(x) & ~(absolute(x) <= UNROLLED_NUMBER(1e-35f)));
#else
  return x;
#endif
}

} // namespace UNROLLED_ISA
} // namespace unrolled
