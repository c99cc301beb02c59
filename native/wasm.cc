// The WebAssembly module: the list of its kernels, and what a compiler may call where there is no C library.
#include "pool.h"
#include "wasm.h"

#include <stddef.h>

namespace unrolled {
extern const Binding kernels_wasm[];
}

#define UNROLLED_EXPORT extern "C" __attribute__((visibility("default"), used))

/** Address of the list: (address of the name, index in the table, that of the entry for `replay`), ended by zeros. */
UNROLLED_EXPORT const void *kernels() { return unrolled::kernels_wasm; }

UNROLLED_EXPORT int32_t threads() { return unrolled::thread_count(); }
UNROLLED_EXPORT void set_threads(int32_t count) { unrolled::set_threads(count); }
UNROLLED_EXPORT void serve(int32_t index) { unrolled::serve(index); }
UNROLLED_EXPORT void abandon() { unrolled::abandon(); }

// With -mbulk-memory each of these is one instruction of the machine, not a call of itself.
extern "C" {
void *memcpy(void *to, const void *from, size_t bytes) { return __builtin_memcpy(to, from, bytes); }
void *memmove(void *to, const void *from, size_t bytes) { return __builtin_memmove(to, from, bytes); }
void *memset(void *to, int value, size_t bytes) { return __builtin_memset(to, value, bytes); }
}
