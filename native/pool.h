// A pool of threads for the kernels. Compiled once (pool.cc), for every instruction set; under WebAssembly there is one
// thread and all of this is inline.
#pragma once

#include <stdint.h>

namespace unrolled {

/** Part `part` of a call, on some thread. `context` is the caller's. */
using Task = void(void *context, int32_t part);

#if defined(__wasm__)
inline int32_t thread_count() { return 1; }
inline void parallel_for(int32_t parts, Task *task, void *context) {
  for (int32_t part = 0; part < parts; part++) task(context, part);
}
#else
/** Threads that work on a call, the caller's included. Default: what the machine has. */
int32_t thread_count();
/** Must not be called while a kernel runs. Under 1 counts as 1. */
void set_threads(int32_t count);
/** Runs task(context, 0 … parts−1), each part once, and returns when all are done. Not to be called from within a task. */
void parallel_for(int32_t parts, Task *task, void *context);
#endif

/** The same with a callable: parallel(parts, [&](int32_t part) { … }). */
template <typename Body> inline void parallel(int32_t parts, const Body &body) {
  parallel_for(parts, [](void *context, int32_t part) { (*static_cast<const Body *>(context))(part); },
               const_cast<void *>(static_cast<const void *>(&body)));
}

} // namespace unrolled
