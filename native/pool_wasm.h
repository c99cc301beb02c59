// What the pool needs of WebAssembly and of JavaScript (src/backend/wasm.ts). A thread is an instance of this module in a worker,
// on the same memory.
#pragma once

#include "pool.h"

#define UNROLLED_IMPORT(name) extern "C" __attribute__((import_module("env"), import_name(#name)))

/** Milliseconds, on a clock that all threads share. */
UNROLLED_IMPORT(now) double unrolled_now();
/** Whether this thread may sleep: not that of a page. */
UNROLLED_IMPORT(may_sleep) int32_t unrolled_may_sleep();
/** Starts a worker that calls serve(index). It may come late, or never. */
UNROLLED_IMPORT(start_thread) void unrolled_start_thread(int32_t index);

namespace unrolled {
namespace {

template <typename T> class Atomic {
public:
  constexpr Atomic(T value) : value_(value) {}
  operator T() const { return __atomic_load_n(&value_, __ATOMIC_SEQ_CST); }
  void operator=(T value) { __atomic_store_n(&value_, value, __ATOMIC_SEQ_CST); }
  T operator++() { return __atomic_add_fetch(&value_, 1, __ATOMIC_SEQ_CST); }
  T operator--() { return __atomic_sub_fetch(&value_, 1, __ATOMIC_SEQ_CST); }
  bool compare_exchange_weak(T &expected, T value) {
    return __atomic_compare_exchange_n(&value_, &expected, value, true, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  }

protected:
  T value_;
};

/** One thread of JavaScript calls: there is nobody to keep out. */
struct Lock {
  bool try_lock() { return true; }
  void lock() {}
  void unlock() {}
};

/** A number that threads share, and can sleep on. */
class Word : public Atomic<int32_t> {
public:
  using Atomic<int32_t>::Atomic;
  using Atomic<int32_t>::operator=;

  /** Returns when it is another, or earlier; at once where the thread may not sleep. */
  void sleep_while(int32_t value) {
    if (unrolled_may_sleep()) __builtin_wasm_memory_atomic_wait32(&value_, value, -1);
  }

  /** Wakes all who sleep on it; after it has changed. */
  void wake() { __builtin_wasm_memory_atomic_notify(&value_, ~0u); }
};

template <typename T> T &only() {
  static T instance;
  return instance;
}

int64_t nanoseconds() { return int64_t(unrolled_now() * 1e6); }
void pause() {}
int32_t processors() { return 1; }
void start_thread(int32_t index) { unrolled_start_thread(index); }

} // namespace
} // namespace unrolled
