// What the pool needs of an operating system.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "pool.h"

namespace unrolled {
namespace {

template <typename T> using Atomic = std::atomic<T>;
using Lock = std::mutex;

/** A number that threads share, and can sleep on. */
class Word : public std::atomic<int32_t> {
public:
  using std::atomic<int32_t>::atomic;
  using std::atomic<int32_t>::operator=;

  /** Returns when it is another, or earlier. */
  void sleep_while(int32_t value) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return *this != value; });
  }

  /** Wakes all who sleep on it; after it has changed. */
  void wake() {
    std::lock_guard<std::mutex> lock(mutex_);
    changed_.notify_all();
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

/** Leaked on purpose: a condition variable that a thread sleeps on must not be destroyed when the process ends. */
template <typename T> T &only() {
  static T *const instance = new T;
  return *instance;
}

int64_t nanoseconds() {
  using namespace std::chrono;
  return duration_cast<std::chrono::nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

int32_t processors() {
  const unsigned count = std::thread::hardware_concurrency();
  return count > 0 ? int32_t(count) : 1;
}

void start_thread(int32_t index) {
  std::thread([index] { serve(index); }).detach();
}

} // namespace
} // namespace unrolled
