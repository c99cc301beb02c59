// A kernel as a function of JavaScript under Node.
#pragma once

#define NAPI_VERSION 8
#include <node_api.h>

#include "calls.h"

namespace unrolled {

/** A function of the addon: name, what JavaScript calls, and the entry for `replay`. The last of a list has no name. */
struct Binding {
  const char *name;
  napi_callback call;
  Entry *entry;
};

namespace {

template <auto kernel> napi_value called(napi_env env, napi_callback_info info) {
  using Made = Call<kernel>;
  size_t count = Made::count;
  napi_value values[Made::count + 1], result = nullptr;
  double numbers[Made::count + 1];
  napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
  for (int i = 0; i < Made::count; i++) {
    if (napi_get_value_double(env, values[i], &numbers[i]) != napi_ok) {
      napi_throw_type_error(env, nullptr, "expected a number for every argument of a kernel");
      return nullptr;
    }
  }
  if constexpr (__is_same(typename Made::Result, void)) Made::make(numbers);
  else napi_create_double(env, double(Made::make(numbers)), &result);
  return result;
}

} // namespace
} // namespace unrolled
