// Kernel calls as data. From JavaScript every argument is a number: a pointer is its address, exact as a double (< 2⁵³). So a
// call can be written down as doubles, the kernel's entry and its arguments, and made again without JavaScript passing them.
#pragma once

#include <stdint.h>

namespace unrolled {

/** Makes the call whose arguments stand at x; returns what stands behind them: the next call. */
using Entry = const double *(const double *x);

namespace {

template <typename T> struct Argument {
  static T from(double x) { return T(int64_t(x)); } // modulo 2³², as WebAssembly's i32
};
template <> struct Argument<float> {
  static float from(double x) { return float(x); }
};
template <> struct Argument<double> {
  static double from(double x) { return x; }
};
template <typename T> struct Argument<T *> {
  static T *from(double x) { return reinterpret_cast<T *>(uintptr_t(x)); }
};

template <int... I> struct Indices {};
template <int N, int... I> struct MakeIndices : MakeIndices<N - 1, N - 1, I...> {};
template <int... I> struct MakeIndices<0, I...> {
  using type = Indices<I...>;
};

template <typename R, typename... A, int... I> R apply(R (*kernel)(A...), const double *x, Indices<I...>) {
  (void)x;
  return kernel(Argument<A>::from(x[I])...);
}

template <auto kernel> struct Call;
template <typename R, typename... A, R (*kernel)(A...)> struct Call<kernel> {
  static constexpr int count = sizeof...(A);
  using Result = R;
  static R make(const double *x) { return apply(kernel, x, typename MakeIndices<count>::type()); }
  static const double *entry(const double *x) {
    make(x);
    return x + count;
  }
};

} // namespace

} // namespace unrolled
