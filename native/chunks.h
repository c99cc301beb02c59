// How a kernel over n independent elements, rows or columns is given to the threads: in chunks whose bounds depend on n
// alone, so that no result depends on the number of threads.
#pragma once

#include "pool.h"
#include "vector.h"

namespace unrolled {
namespace UNROLLED_ISA {

/** Under so many elements a call stays on its thread: waking another costs as much as 10⁵ elements do. */
constexpr int64_t kParallelElements = 1 << 18;

/** body(begin, end) over 0 … n in chunks of `chunk`; side by side when `elements`, the work in all, is worth it. */
template <typename Body> static inline void for_chunks(int32_t n, int32_t chunk, int64_t elements, const Body &body) {
  if (n <= 0) return;
  const int32_t size = elements < kParallelElements || n <= chunk || thread_count() == 1 ? n : chunk;
  const int32_t parts = int32_t((int64_t(n) + size - 1) / size);
  parallel(parts, [&](int32_t part) { // also when it is one: the body is compiled once
    FlushDenormals flush;
    const int32_t begin = part * size;
    body(begin, n - begin < size ? n : begin + size);
  });
}

/** The same over elements. */
template <typename Body> static inline void for_elements(int32_t n, const Body &body) { for_chunks(n, 1 << 15, n, body); }

/** The same over R rows of C elements. */
template <typename Body> static inline void for_rows(int32_t R, int32_t C, const Body &body) {
  const int32_t rows = (1 << 15) / (C > 0 ? C : 1);
  for_chunks(R, rows > 1 ? rows : 1, int64_t(R) * C, body);
}

/** y[i] = f(inputs[i] …) for begin ≤ i < end; f gets a vector of each. */
template <typename Function, typename... Inputs>
static UNROLLED_INLINE void map(int32_t begin, int32_t end, float *y, const Function &f, const Inputs *...inputs) {
  each_vector(end - begin, [&](int i, int count) UNROLLED_LAMBDA {
    store(y + begin + i, f(load(inputs + begin + i, count)...), count);
  });
}

} // namespace UNROLLED_ISA
} // namespace unrolled
