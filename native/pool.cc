#include "pool.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace unrolled {
namespace {

// How long a thread looks again before it sleeps: as long as waking a sleeper has cost lately, which is at most twice what the
// best choice would have (Karlin et al. 1990, competitive spinning); 50 to 900 µs have been seen. An idle pool uses nothing.
constexpr int64_t kLeastSpin = 20'000, kLongestSpin = 1'000'000; // nanoseconds
constexpr int kSpinsBetweenLooksAtTheClock = 32;

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
      wokenAt_ = nanoseconds();
      wake_.notify_all();
    }
    work();
    spin_until([this] { return unfinished_ == 0; });
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

  template <typename Condition> void spin_until(Condition isMet) const {
    const int64_t start = nanoseconds();
    do {
      for (int i = 0; i < kSpinsBetweenLooksAtTheClock; i++) {
        if (isMet()) return;
        pause();
      }
    } while (nanoseconds() - start < spin_);
  }

  void serve() {
    while (!isStopping_) {
      work();
      spin_until([this] { return unclaimed_ > 0; });
      if (unclaimed_ > 0) continue;
      std::unique_lock<std::mutex> lock(mutex_);
      sleepers_++;
      const int64_t asleepAt = nanoseconds();
      wake_.wait(lock, [this] { return unclaimed_ > 0 || isStopping_; });
      sleepers_--;
      if (wokenAt_ < asleepAt) continue; // there was work before it slept: nobody woke it
      const int64_t spin = (3 * spin_ + nanoseconds() - wokenAt_) / 4;
      spin_ = spin < kLeastSpin ? kLeastSpin : spin > kLongestSpin ? kLongestSpin : spin;
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
  int64_t wokenAt_ = 0;                    // under mutex_
  std::atomic<int64_t> spin_{kLeastSpin}; // nanoseconds
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
