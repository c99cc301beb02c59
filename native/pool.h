// A pool of threads for the kernels. Compiled once (pool.cc), for every instruction set.
#pragma once

#include <stdint.h>

namespace unrolled {

/** Part `part` of a call, on some thread. `context` is the caller's. */
using Task = void(void *context, int32_t part);

/** Threads that work on a call, the caller's included. Default: what the machine has; in WebAssembly one. */
int32_t thread_count();
/** Must not be called while a kernel runs. Under 1 counts as 1. */
void set_threads(int32_t count);
/** Runs task(context, 0 … parts−1), each part once, and returns when all are done. Not to be called from within a task. */
void parallel_for(int32_t parts, Task *task, void *context);

/** What thread `index` does as long as it lives: it takes parts, and sleeps. Thread 0 is whichever calls. */
[[noreturn]] void serve(int32_t index);
/** Says that a thread has died with a part in its hands: the call it was of dies too, instead of waiting for ever. */
void abandon();

/** The same with a callable: parallel(parts, [&](int32_t part) { … }). */
template <typename Body> inline void parallel(int32_t parts, const Body &body) {
  parallel_for(parts, [](void *context, int32_t part) { (*static_cast<const Body *>(context))(part); },
               const_cast<void *>(static_cast<const void *>(&body)));
}

} // namespace unrolled
