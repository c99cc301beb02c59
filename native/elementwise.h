// Elementwise functions, sums, and scaling. The codes are the order of UnaryOp and BinaryOp in src/backend/backend.ts.
#pragma once

#include "chunks.h"
#include "math.h"

namespace unrolled {
namespace UNROLLED_ISA {

/**
 * Natural logarithm: −∞ of 0, NaN of negative numbers. x = m · 2ᵉ with m in [√½, √2), log m by a polynomial of degree 9 (S. Moshier,
 * Cephes, logf). Relative error below 1.5e-7 where |log x| > 1e-3, absolute below 1e-7.
 */
static UNROLLED_INLINE F log(F given) {
  const I tiny = given < splat(1.17549435e-38f);
  const F x = select(tiny, given * 16777216.0f, given);
  I e = (as_int(x) >> 23) - 126;
  e -= tiny & 24;
  F m = as_float((as_int(x) & 0x007fffff) | 0x3f000000); // in [½, 1)
  const I small = m < splat(0.707106781f);
  e += small; // a comparison is −1 where true
  m = select(small, m + m, m) - 1.0f;
  F p = splat(7.0376836292e-2f);
  p = fma(p, m, splat(-1.1514610310e-1f));
  p = fma(p, m, splat(1.1676998740e-1f));
  p = fma(p, m, splat(-1.2420140846e-1f));
  p = fma(p, m, splat(1.4249322787e-1f));
  p = fma(p, m, splat(-1.6668057665e-1f));
  p = fma(p, m, splat(2.0000714765e-1f));
  p = fma(p, m, splat(-2.4999993993e-1f));
  p = fma(p, m, splat(3.3333331174e-1f));
  const F square = m * m, exponent = to_float(e);
  F y = fma(exponent, splat(-2.12194440e-4f), m * square * p); // ln 2 in two parts, the first exact in few bits
  y = fma(square, splat(-0.5f), y);
  y = fma(exponent, splat(0.693359375f), m + y);
  const F infinity = splat(__builtin_inff());
  y = select(given == infinity, infinity, select(given == F{}, -infinity, y));
  return select(given >= F{}, y, splat(__builtin_nanf("")));
}

static UNROLLED_INLINE F sqrt(F x) {
#if defined(__clang__) && __has_builtin(__builtin_elementwise_sqrt) // not before clang 17
  return __builtin_elementwise_sqrt(x);
#elif defined(__AVX512F__) && !defined(__clang__)
  return (F)__builtin_ia32_sqrtps512_mask(x, x, (unsigned short)-1, 4);
#elif defined(__AVX__) && !defined(__AVX512F__)
  return (F)__builtin_ia32_sqrtps256(x);
#elif defined(__SSE2__) && !defined(__AVX__)
  return (F)__builtin_ia32_sqrtps(x);
#elif defined(__aarch64__)
  return (F)vsqrtq_f32((float32x4_t)x);
#else
  for (int i = 0; i < W; i++) x[i] = __builtin_sqrtf(x[i]);
  return x;
#endif
}

enum UnaryCode : int32_t { kNeg, kExp, kLog, kSqrt, kSquare, kAbs, kUnarySigmoid, kUnaryTanh, kUnaryRelu };
enum BinaryCode : int32_t { kAdd, kSub, kMul, kDiv, kMaximum, kLess };

// ---- one argument ----

/** y = op(x) */
static void unary(int32_t op, const float *x, float *y, int32_t n) {
  const auto apply = [&](const auto &f) { for_elements(n, [&](int32_t begin, int32_t end) { map(begin, end, y, f, x); }); };
  switch (op) {
  case kNeg: return apply([](F x) { return -x; });
  case kExp: return apply([](F x) { return exp(x); });
  case kLog: return apply([](F x) { return log(x); });
  case kSqrt: return apply([](F x) { return sqrt(x); });
  case kSquare: return apply([](F x) { return x * x; });
  case kAbs: return apply([](F x) { return absolute(x); });
  case kUnarySigmoid: return apply([](F x) { return sigmoid(x); });
  case kUnaryTanh: return apply([](F x) { return tanh(x); });
  case kUnaryRelu: return apply([](F x) { return select(x < F{}, F{}, x); }); // NaN stays
  }
}

/** dX = dY · op'(x) */
static void unary_backward(int32_t op, const float *x, const float *y, const float *dY, float *dX, int32_t n) {
  const auto from_x = [&](const auto &f) { for_elements(n, [&](int32_t begin, int32_t end) { map(begin, end, dX, f, dY, x); }); };
  const auto from_y = [&](const auto &f) { for_elements(n, [&](int32_t begin, int32_t end) { map(begin, end, dX, f, dY, y); }); };
  const F zero{};
  switch (op) {
  case kNeg: return from_x([](F dY, F) { return -dY; });
  case kExp: return from_y([](F dY, F y) { return dY * y; });
  case kLog: return from_x([](F dY, F x) { return dY / x; });
  case kSqrt: return from_y([](F dY, F y) { return dY * 0.5f / y; });
  case kSquare: return from_x([](F dY, F x) { return dY * (x + x); });
  case kAbs: return from_x([=](F dY, F x) { return select(x > zero, dY, select(x < zero, -dY, zero)); });
  case kUnarySigmoid: return from_y([](F dY, F y) { return dY * (y * (1.0f - y)); });
  case kUnaryTanh: return from_y([](F dY, F y) { return dY * (1.0f - y * y); });
  case kUnaryRelu: return from_x([=](F dY, F x) { return select(x > zero, dY, zero); });
  }
}

// ---- two arguments ----

/** y[i] = f(a[i mod aLength], b[i mod bLength]); both lengths divide n. */
template <typename Function>
static UNROLLED_INLINE void broadcast(const float *a, int32_t aLength, const float *b, int32_t bLength, float *y, int32_t n,
                                      const Function &f) {
  for_elements(n, [&](int32_t begin, int32_t end) {
    for (int32_t i = begin; i < end;) { // runs within which neither argument starts again
      const int32_t ia = aLength == n ? i : i % aLength;
      const int32_t ib = bLength == n ? i : i % bLength;
      int32_t run = end - i;
      if (aLength > 1 && aLength - ia < run) run = aLength - ia;
      if (bLength > 1 && bLength - ib < run) run = bLength - ib;
      if (aLength == 1) {
        const F value = splat(a[0]);
        map(0, run, y + i, [&](F b) { return f(value, b); }, b + ib);
      } else if (bLength == 1) {
        const F value = splat(b[0]);
        map(0, run, y + i, [&](F a) { return f(a, value); }, a + ia);
      } else {
        map(0, run, y + i, f, a + ia, b + ib);
      }
      i += run;
    }
  });
}

/** y = op(a, b) */
static void binary(int32_t op, const float *a, int32_t aLength, const float *b, int32_t bLength, float *y, int32_t n) {
  if (aLength == 1 && bLength == 1 && n > 1) { // both for all: one run
    binary(op, a, 1, b, 1, y, 1);
    for (int32_t i = 1; i < n; i++) y[i] = y[0];
    return;
  }
  const auto apply = [&](const auto &f) { broadcast(a, aLength, b, bLength, y, n, f); };
  switch (op) {
  case kAdd: return apply([](F a, F b) { return a + b; });
  case kSub: return apply([](F a, F b) { return a - b; });
  case kMul: return apply([](F a, F b) { return a * b; });
  case kDiv: return apply([](F a, F b) { return a / b; });
  case kMaximum: return apply([](F a, F b) { return select((a >= b) | (a != a), a, b); }); // NaN stays
  case kLess: return apply([](F a, F b) { return select(a < b, splat(1.0f), F{}); });
  }
}

/** y[i] = mask[i mod maskLength] ≠ 0 ? a[i mod aLength] : b[i mod bLength]; the lengths divide n. */
static void select_elements(const float *mask, int32_t maskLength, const float *a, int32_t aLength, const float *b, int32_t bLength,
                            float *y, int32_t n) {
  const float *const x[3] = {mask, a, b};
  const int32_t lengths[3] = {maskLength, aLength, bLength};
  for_elements(n, [&](int32_t begin, int32_t end) {
    for (int32_t i = begin; i < end;) { // runs within which none of them starts again
      const float *from[3];
      int32_t run = end - i;
      for (int k = 0; k < 3; k++) {
        const int32_t at = i % lengths[k];
        from[k] = x[k] + at;
        if (lengths[k] > 1 && lengths[k] - at < run) run = lengths[k] - at;
      }
      const auto part = [&](int k, int j, int count) UNROLLED_LAMBDA { return lengths[k] == 1 ? splat(*x[k]) : load(from[k] + j, count); };
      each_vector(run, [&](int j, int count) UNROLLED_LAMBDA {
        store(y + i + j, select(part(0, j, count) == F{}, part(2, j, count), part(1, j, count)), count);
      });
      i += run;
    }
  });
}

// ---- scaling ----

/** y = scale · x + shift */
static void affine(const float *x, float scale, float shift, float *y, int32_t n) {
  for_elements(n, [&](int32_t begin, int32_t end) {
    map(begin, end, y, [=](F x) { return fma(splat(scale), x, splat(shift)); }, x);
  });
}

/** y += alpha · x */
static void axpy(float alpha, const float *x, float *y, int32_t n) {
  for_elements(n, [&](int32_t begin, int32_t end) {
    map(begin, end, y, [=](F x, F y) { return fma(splat(alpha), x, y); }, x, y);
  });
}

/** y += weight · (x − y) */
static void lerp(const float *x, float *y, int32_t n, float weight) {
  for_elements(n, [&](int32_t begin, int32_t end) {
    map(begin, end, y, [=](F x, F y) { return fma(splat(weight), x - y, y); }, x, y);
  });
}

/** y[r, c] (+)= x[r, c] · w[r] */
static void scale_rows(const float *x, const float *w, float *y, int32_t R, int32_t C, int32_t accumulate) {
  for_rows(R, C, [&](int32_t begin, int32_t end) {
    for (int32_t r = begin; r < end; r++) {
      const F scale = splat(w[r]);
      const float *xr = x + size_t(r) * C;
      float *yr = y + size_t(r) * C;
      if (accumulate) map(0, C, yr, [&](F x, F y) { return fma(scale, x, y); }, xr, yr);
      else map(0, C, yr, [&](F x) { return scale * x; }, xr);
    }
  });
}

// ---- sums ----

/** Σ f(x[i] …) over n elements, in an order that n alone decides: W · 4 running sums, and those of each 2¹² elements added up. */
template <typename Function, typename... Inputs>
static UNROLLED_INLINE float reduce(int32_t n, const Function &f, const Inputs *...inputs) {
  float total = 0;
  int32_t i = 0;
  while (i < n) {
    const int32_t end = n - i < 4096 ? n : i + 4096;
    F s0{}, s1{}, s2{}, s3{};
    for (; end - i >= 4 * W; i += 4 * W) {
      s0 += f(load(inputs + i)...);
      s1 += f(load(inputs + i + W)...);
      s2 += f(load(inputs + i + 2 * W)...);
      s3 += f(load(inputs + i + 3 * W)...);
    }
    for (; end - i >= W; i += W) s0 += f(load(inputs + i)...);
    if (i < end) { // f(0) need not be 0: its lanes past the end are left out
      float lanes[W];
      store(lanes, f(load(inputs + i, end - i)...));
      s1 += load(lanes, end - i);
      i = end;
    }
    total += sum((s0 + s1) + (s2 + s3));
  }
  return total;
}

static UNROLLED_INLINE float sum_of(const float *x, int32_t n) {
  return reduce(n, [](F x) { return x; }, x);
}

/** y[c] += Σ_r x[r, c] for columns begin … end of n rows: eight rows at a time, so that y is seldom touched and rounding stays small. */
static UNROLLED_INLINE void add_columns(const float *x, float *y, int32_t n, int32_t stride, int32_t begin, int32_t end) {
  int32_t r = 0;
  for (; n - r >= 8; r += 8) {
    const float *p = x + size_t(r) * stride;
    const size_t s = stride;
    map(begin, end, y,
        [](F y, F a, F b, F c, F d, F e, F f, F g, F h) { return y + (((a + b) + (c + d)) + ((e + f) + (g + h))); }, y, p,
        p + s, p + 2 * s, p + 3 * s, p + 4 * s, p + 5 * s, p + 6 * s, p + 7 * s);
  }
  for (; r < n; r++) map(begin, end, y, [](F y, F x) { return y + x; }, y, x + size_t(r) * stride);
}

/** y[o, i] (+)= Σ_k x[o, k, i] */
static void sum_axis(const float *x, float *y, int32_t outer, int32_t n, int32_t inner, int32_t accumulate) {
  if (inner == 1) {
    for_rows(outer, n, [&](int32_t begin, int32_t end) {
      for (int32_t o = begin; o < end; o++) y[o] = (accumulate ? y[o] : 0.0f) + sum_of(x + size_t(o) * n, n);
    });
    return;
  }
  for (int32_t o = 0; o < outer; o++) {
    const float *xo = x + size_t(o) * n * inner;
    float *yo = y + size_t(o) * inner;
    for_chunks(inner, 256, int64_t(n) * inner, [&](int32_t begin, int32_t end) {
      if (!accumulate) __builtin_memset(yo + begin, 0, size_t(end - begin) * sizeof(float));
      add_columns(xo, yo, n, inner, begin, end);
    });
  }
}

typedef float HalfF __attribute__((vector_size(W * 2)));
typedef float UnalignedHalfF __attribute__((vector_size(W * 2), aligned(4), may_alias));
typedef double D __attribute__((vector_size(W * 4)));

/** Σ x² in float64: 64 parts by n alone, added up in order. */
static double square_sum(const float *x, int32_t n) {
  constexpr int32_t parts = 64;
  constexpr int half = W / 2;
  double partial[parts] = {};
  const int32_t size = int32_t((int64_t(n) + parts - 1) / parts + 4 * W - 1) / (4 * W) * (4 * W);
  for_chunks(parts, 4, n, [&](int32_t firstPart, int32_t lastPart) {
    for (int32_t part = firstPart; part < lastPart; part++) {
      const int64_t from = int64_t(part) * size;
      if (from >= n) break;
      int32_t i = int32_t(from);
      const int32_t end = n - i < size ? n : i + size;
      D s0{}, s1{}, s2{}, s3{};
      const auto wide = [&](int32_t at) { return __builtin_convertvector(HalfF(*reinterpret_cast<const UnalignedHalfF *>(x + at)), D); };
      for (; end - i >= 4 * half; i += 4 * half) {
        const D a = wide(i), b = wide(i + half), c = wide(i + 2 * half), d = wide(i + 3 * half);
        s0 += a * a;
        s1 += b * b;
        s2 += c * c;
        s3 += d * d;
      }
      const D s = (s0 + s1) + (s2 + s3);
      double total = 0;
      for (int lane = 0; lane < half; lane++) total += s[lane];
      for (; i < end; i++) total += double(x[i]) * double(x[i]);
      partial[part] = total;
    }
  });
  double total = 0;
  for (double part : partial) total += part;
  return total;
}

static void sum_of_squares(const float *x, int32_t n, float *y) { y[0] = float(square_sum(x, n)); }

} // namespace UNROLLED_ISA
} // namespace unrolled
