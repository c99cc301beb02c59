// The Node addon: chooses the instruction set when it is loaded, and lists what JavaScript can call.
#include "bind.h"
#include "pool.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sys/mman.h>
#endif
#include <stdlib.h>
#include <string.h>

// Which instruction sets are linked, the widest first: the build says, e.g. -DUNROLLED_SETS(X)=X(avx2)X(base).
#ifndef UNROLLED_SETS
#define UNROLLED_SETS(X) X(base)
#endif

namespace unrolled {

#if defined(__linux__)
constexpr int kPopulateWrite = 23; // MADV_POPULATE_WRITE of Linux 5.14, which C libraries learnt of later
#endif

#define UNROLLED_DECLARE(name) extern const Binding kernels_##name[];
UNROLLED_SETS(UNROLLED_DECLARE)

namespace {

#if defined(__x86_64__)
// Asked of the processor itself: what __builtin_cpu_supports needs at run time is not in every compiler's library.

/** Leaf 7: what there is of AVX2 and AVX-512. */
uint32_t extended_features() {
  uint32_t a, b, c, d;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) ? b : 0;
}

/** Whether the operating system keeps all of these registers for each thread. */
bool system_keeps(uint32_t registers) {
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return false;
  uint32_t low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & registers) == registers;
}

#endif

struct InstructionSet {
  const char *name;
  int32_t width; // floats
  const Binding *kernels;
  bool (*isSupported)();
};

constexpr int32_t base_width = 4;
bool has_base() { return true; }
#if defined(__x86_64__)
[[maybe_unused]] constexpr int32_t avx2_width = 8;
[[maybe_unused]] constexpr int32_t avx512_width = 16;

[[maybe_unused]] bool has_avx2() {
  uint32_t a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_FMA) && (extended_features() & bit_AVX2) && system_keeps(0x06); // XMM, YMM
}

[[maybe_unused]] bool has_avx512() {
  constexpr uint32_t needed = bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL;
  return has_avx2() && (extended_features() & needed) == needed && system_keeps(0xe6); // and masks, ZMM
}
#endif

/** The named set if this machine has it; without a name the best it has. */
const InstructionSet *find(const char *name) {
#define UNROLLED_SET(name) {#name, name##_width, kernels_##name, has_##name},
  static const InstructionSet sets[] = {UNROLLED_SETS(UNROLLED_SET)};
  for (const InstructionSet &set : sets) {
    if (set.isSupported() && (name == nullptr || strcmp(set.name, name) == 0)) return &set;
  }
  return nullptr;
}

void set(napi_env env, napi_value object, const char *name, napi_callback call) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, call, nullptr, &function);
  napi_set_named_property(env, object, name, function);
}

/** An ArrayBuffer's bytes; null, and an exception, if it is something else. */
void *bytes_of(napi_env env, napi_value value, size_t &bytes) {
  void *data;
  if (napi_get_arraybuffer_info(env, value, &data, &bytes) == napi_ok) return data;
  napi_throw_type_error(env, nullptr, "expected an ArrayBuffer");
  return nullptr;
}

/** address(arrayBuffer): where its bytes are. */
napi_value address(napi_env env, napi_callback_info info) {
  size_t count = 1, bytes;
  napi_value value, result = nullptr;
  napi_get_cb_info(env, info, &count, &value, nullptr, nullptr);
  const void *const data = bytes_of(env, value, bytes);
  if (data != nullptr) napi_create_double(env, double(uintptr_t(data)), &result);
  return result;
}

/**
 * useLargePages(arrayBuffer, isWrittenNext): asks for its memory 2 MB at a time, where the operating system can, and at once if it
 * is all going to be written. A page's first touch is what memory costs most, and several times that where machines are virtual.
 */
napi_value use_large_pages(napi_env env, napi_callback_info info) {
  size_t count = 2, bytes;
  napi_value values[2];
  bool isWrittenNext = false;
  napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
  [[maybe_unused]] void *const data = bytes_of(env, values[0], bytes);
  napi_get_value_bool(env, values[1], &isWrittenNext);
#if defined(__linux__)
  if (data != nullptr) {
    constexpr uintptr_t page = 4096;
    const uintptr_t from = (uintptr_t(data) + page - 1) / page * page, to = (uintptr_t(data) + bytes) / page * page;
    if (from < to) { // refused, nothing changes
      madvise(reinterpret_cast<void *>(from), to - from, MADV_HUGEPAGE);
      if (isWrittenNext) madvise(reinterpret_cast<void *>(from), to - from, kPopulateWrite);
    }
  }
#endif
  return nullptr;
}

/**
 * load(name?): the kernels of the best instruction set of this machine, or of the one that is named, if the machine has it; else
 * undefined. With them `entries`, what `replay` knows each by.
 */
napi_value load(napi_env env, napi_callback_info info) {
  size_t count = 1, length;
  napi_value given, kernels;
  char name[16];
  napi_get_cb_info(env, info, &count, &given, nullptr, nullptr);
  const bool isNamed = napi_get_value_string_utf8(env, given, name, sizeof name, &length) == napi_ok;
  const InstructionSet *chosen = find(isNamed ? name : nullptr);
  if (chosen == nullptr) return nullptr;
  napi_create_object(env, &kernels);
  napi_value entries, entry, text, width;
  napi_create_object(env, &entries);
  for (const Binding *binding = chosen->kernels; binding->name != nullptr; binding++) {
    set(env, kernels, binding->name, binding->call);
    napi_create_double(env, double(reinterpret_cast<uintptr_t>(binding->entry)), &entry);
    napi_set_named_property(env, entries, binding->name, entry);
  }
  napi_set_named_property(env, kernels, "entries", entries);
  napi_create_string_utf8(env, chosen->name, NAPI_AUTO_LENGTH, &text);
  napi_set_named_property(env, kernels, "instructionSet", text);
  napi_create_int32(env, chosen->width, &width);
  napi_set_named_property(env, kernels, "width", width);
  return kernels;
}

} // namespace
} // namespace unrolled

NAPI_MODULE_INIT() {
  using namespace unrolled;
  set(env, exports, "load", load);
  set(env, exports, "address", address);
  set(env, exports, "useLargePages", use_large_pages);
  set(env, exports, "threads", &called<&thread_count>);
  set(env, exports, "setThreads", &called<&set_threads>);
  return exports;
}
