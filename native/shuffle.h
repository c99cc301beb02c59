// A W x W block in registers turned over, or added up, in log₂ W rounds of halves that change places (Eklundh 1972).
#pragma once

#include "vector.h"

namespace unrolled {
namespace UNROLLED_ISA {

template <int... lanes> struct Lanes {};
template <int n, int... lanes> struct LanesTo : LanesTo<n - 1, n - 1, lanes...> {};
template <int... lanes> struct LanesTo<0, lanes...> {
  using Type = Lanes<lanes...>;
};

/** Of rows a and b, whose lanes differ in bit `distance`: the even half of both, and the odd half of both. */
template <int distance, int... lane> static UNROLLED_INLINE F even_half(F a, F b, Lanes<lane...>) {
  return __builtin_shufflevector(a, b, ((lane & distance) ? W + lane - distance : lane)...);
}
template <int distance, int... lane> static UNROLLED_INLINE F odd_half(F a, F b, Lanes<lane...>) {
  return __builtin_shufflevector(a, b, ((lane & distance) ? W + lane : lane + distance)...);
}

template <int distance> static UNROLLED_INLINE void transpose_from(F (&x)[W]) {
  if constexpr (distance < W) {
    using All = typename LanesTo<W>::Type;
    UNROLLED_UNROLL
    for (int i = 0; i < W; i++) {
      if (i & distance) continue;
      const F a = x[i], b = x[i + distance];
      x[i] = even_half<distance>(a, b, All{});
      x[i + distance] = odd_half<distance>(a, b, All{});
    }
    transpose_from<distance * 2>(x);
  }
}

/** x transposed. */
static UNROLLED_INLINE void transpose(F (&x)[W]) { transpose_from<1>(x); }

template <int distance> static UNROLLED_INLINE F sums_from(F *x) {
  if constexpr (distance < W) {
    using All = typename LanesTo<W>::Type;
    F y[W / 2 / distance];
    UNROLLED_UNROLL
    for (int i = 0; i < W / 2 / distance; i++) {
      const F a = x[2 * i], b = x[2 * i + 1];
      y[i] = even_half<distance>(a, b, All{}) + odd_half<distance>(a, b, All{});
    }
    return sums_from<distance * 2>(y);
  } else {
    return x[0];
  }
}
/** Lane i of the result is the sum of the lanes of x[i]. */
static UNROLLED_INLINE F sums(F *x) { return sums_from<1>(x); }

} // namespace UNROLLED_ISA
} // namespace unrolled
