// The pool: one for threads of the operating system and for workers of JavaScript. A worker may start late, or never, so nobody
// waits for one that has not taken a part.
#include "pool.h"

#if defined(__wasm__)
#include "pool_wasm.h"
#else
#include "pool_native.h"
#endif

namespace unrolled {
namespace {

// How long a thread looks again before it sleeps: as long as waking a sleeper has cost lately, which is at most twice what the
// best choice would have (Karlin et al. 1990, competitive spinning); 50 to 900 µs have been seen. An idle pool uses nothing.
constexpr int64_t kLeastSpin = 20'000, kLongestSpin = 1'000'000; // nanoseconds
constexpr int kSpinsBetweenLooksAtTheClock = 32;
/** Of `unfinished_`: fewer than parts that are counted down can make it. */
constexpr int32_t kAbandoned = INT32_MIN / 2;

class Pool {
public:
  int32_t count() const { return count_; }

  void resize(int32_t count) {
    calling_.lock();
    count_ = count < 1 ? 1 : count;
    count_.wake();
    calling_.unlock();
  }

  void run(int32_t parts, Task *task, void *context) {
    // Two threads of the host may call at once: the second does its work alone.
    if (parts > 1 && count_ > 1 && calling_.try_lock()) {
      share(parts, task, context);
      calling_.unlock();
    } else {
      for (int32_t part = 0; part < parts; part++) task(context, part);
    }
  }

  [[noreturn]] void serve(int32_t index) {
    for (;;) {
      const int32_t count = count_;
      if (index >= count) { // one too many, until the count changes
        count_.sleep_while(count);
        continue;
      }
      work();
      if (!spin_until([this] { return unclaimed_ > 0; })) sleep();
    }
  }

  void abandon() {
    unfinished_ = kAbandoned;
    unfinished_.wake();
  }

private:
  void share(int32_t parts, Task *task, void *context) {
    for (; started_ < count_; started_++) start_thread(started_);
    task_ = task;
    context_ = context;
    unfinished_ = parts;
    unclaimed_ = parts;
    if (sleepers_ > 0) {
      rungAt_ = nanoseconds();
      ++bell_;
      bell_.wake();
    }
    work();
    if (!spin_until([this] { return unfinished_ <= 0; })) {
      isCallerAsleep_ = true;
      for (int32_t left; (left = unfinished_) > 0;) unfinished_.sleep_while(left);
      isCallerAsleep_ = false;
    }
    if (unfinished_ != 0) {
      count_ = 1; // parts of this call may still be at work
      __builtin_trap();
    }
  }

  // Takes parts until there are none. Whoever holds a part keeps the call alive, so task_ and context_ are its own.
  void work() {
    for (int32_t left = unclaimed_; left > 0;) {
      if (!unclaimed_.compare_exchange_weak(left, left - 1)) continue;
      task_(context_, left - 1);
      if (--unfinished_ == 0 && isCallerAsleep_) unfinished_.wake();
      left = unclaimed_;
    }
  }

  // Until the bell rings. It is rung where somebody sleeps, after there is work: who then sees neither work nor the bell as it was
  // has missed nothing.
  void sleep() {
    const int32_t bell = bell_;
    ++sleepers_;
    if (unclaimed_ == 0) {
      bell_.sleep_while(bell);
      const int64_t spin = (3 * spin_ + nanoseconds() - rungAt_) / 4;
      spin_ = spin < kLeastSpin ? kLeastSpin : spin > kLongestSpin ? kLongestSpin : spin;
    }
    --sleepers_;
  }

  template <typename Condition> bool spin_until(Condition isMet) const {
    const int64_t start = nanoseconds();
    do {
      for (int i = 0; i < kSpinsBetweenLooksAtTheClock; i++) {
        if (isMet()) return true;
        pause();
      }
    } while (nanoseconds() - start < spin_);
    return false;
  }

  Lock calling_; // held for a whole call
  Word count_{processors()};
  int32_t started_ = 1; // threads, the caller among them; under calling_
  Task *task_ = nullptr;
  void *context_ = nullptr;
  Atomic<int32_t> unclaimed_{0}, sleepers_{0}, isCallerAsleep_{0};
  Word unfinished_{0}, bell_{0};
  Atomic<int64_t> rungAt_{0}, spin_{kLeastSpin}; // nanoseconds
};

} // namespace

int32_t thread_count() { return only<Pool>().count(); }
void set_threads(int32_t count) { only<Pool>().resize(count); }
void parallel_for(int32_t parts, Task *task, void *context) { only<Pool>().run(parts, task, context); }
void serve(int32_t index) { only<Pool>().serve(index); }
void abandon() { only<Pool>().abandon(); }

} // namespace unrolled
