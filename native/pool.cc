#include "pool.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace unrolled {
namespace {

// How long a thread looks again before it sleeps: about 20 µs. Long enough for the next kernel of a training step to find
// the workers awake (to wake one costs 50 to 900 µs), short enough that an idle pool uses nothing.
constexpr int kSpins = 1000;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

class Pool {
public:
  int32_t count() const { return count_; }

  void resize(int32_t count) {
    std::lock_guard<std::mutex> call(calling_);
    stop();
    count_ = count < 1 ? 1 : count;
  }

  void run(int32_t parts, Task *task, void *context) {
    // Two threads of the host may call at once: the second does its work alone.
    std::unique_lock<std::mutex> call(calling_, std::try_to_lock);
    if (parts <= 1 || count_ <= 1 || !call) {
      for (int32_t part = 0; part < parts; part++) task(context, part);
      return;
    }
    if (workers_.empty()) start();
    task_ = task;
    context_ = context;
    unfinished_ = parts;
    unclaimed_ = parts;
    if (sleepers_ > 0) {
      std::lock_guard<std::mutex> lock(mutex_);
      wake_.notify_all();
    }
    work();
    for (int i = 0; unfinished_ > 0 && i < kSpins; i++) pause();
    if (unfinished_ > 0) {
      std::unique_lock<std::mutex> lock(mutex_);
      isCallerAsleep_ = true;
      done_.wait(lock, [this] { return unfinished_ == 0; });
      isCallerAsleep_ = false;
    }
  }

private:
  // Takes parts until there are none. Whoever holds a part keeps the call alive, so task_ and context_ are its own.
  void work() {
    for (int32_t left = unclaimed_; left > 0;) {
      if (!unclaimed_.compare_exchange_weak(left, left - 1)) continue;
      task_(context_, left - 1);
      if (--unfinished_ == 0 && isCallerAsleep_) {
        std::lock_guard<std::mutex> lock(mutex_);
        done_.notify_one();
      }
      left = unclaimed_;
    }
  }

  void serve() {
    while (!isStopping_) {
      work();
      for (int i = 0; unclaimed_ == 0 && i < kSpins; i++) pause();
      if (unclaimed_ > 0) continue;
      std::unique_lock<std::mutex> lock(mutex_);
      sleepers_++;
      wake_.wait(lock, [this] { return unclaimed_ > 0 || isStopping_; });
      sleepers_--;
    }
  }

  void start() {
    for (int32_t i = 1; i < count_; i++) workers_.emplace_back([this] { serve(); });
  }

  void stop() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      isStopping_ = true;
      wake_.notify_all();
    }
    for (std::thread &worker : workers_) worker.join();
    workers_.clear();
    isStopping_ = false;
  }

  int32_t count_ = std::thread::hardware_concurrency() > 0 ? int32_t(std::thread::hardware_concurrency()) : 1;
  std::vector<std::thread> workers_;
  std::mutex calling_; // held for a whole call
  std::mutex mutex_;   // of the two conditions
  std::condition_variable wake_, done_;
  Task *task_ = nullptr;
  void *context_ = nullptr;
  std::atomic<int32_t> unclaimed_{0}, unfinished_{0}, sleepers_{0};
  std::atomic<bool> isCallerAsleep_{false}, isStopping_{false};
};

// Leaked on purpose: a condition variable with a sleeping worker must not be destroyed when the process ends.
Pool &pool() {
  static Pool *const instance = new Pool;
  return *instance;
}

} // namespace

int32_t thread_count() { return pool().count(); }
void set_threads(int32_t count) { pool().resize(count); }
void parallel_for(int32_t parts, Task *task, void *context) { pool().run(parts, task, context); }

} // namespace unrolled
