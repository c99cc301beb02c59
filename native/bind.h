// A kernel as a function of JavaScript: every argument is a number. A pointer is its address, exact as a double (< 2⁵³).
#pragma once

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdint.h>

namespace unrolled {

/** A function of the addon: name and entry. The last of a list has no name. */
struct Binding {
  const char *name;
  napi_callback call;
};

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

template <typename R, typename... A, int... I> napi_value apply(napi_env env, R (*kernel)(A...), const double *x, Indices<I...>) {
  (void)x;
  if constexpr (__is_same(R, void)) {
    kernel(Argument<A>::from(x[I])...);
    return nullptr;
  } else {
    napi_value result = nullptr;
    napi_create_double(env, double(kernel(Argument<A>::from(x[I])...)), &result);
    return result;
  }
}

template <auto kernel> struct Bind;
template <typename R, typename... A, R (*kernel)(A...)> struct Bind<kernel> {
  static napi_value call(napi_env env, napi_callback_info info) {
    constexpr size_t expected = sizeof...(A);
    size_t count = expected;
    napi_value values[expected + 1];
    double numbers[expected + 1];
    napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
    for (size_t i = 0; i < expected; i++) {
      if (napi_get_value_double(env, values[i], &numbers[i]) != napi_ok) {
        napi_throw_type_error(env, nullptr, "expected a number for every argument of a kernel");
        return nullptr;
      }
    }
    return apply(env, kernel, numbers, typename MakeIndices<int(expected)>::type());
  }
};

} // namespace
} // namespace unrolled
