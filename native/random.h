// Philox 4x32-10 (Salmon, Moraes, Dror & Shaw 2011), bit for bit as src/tensor/random.ts.
#pragma once

#include "chunks.h"

namespace unrolled {
namespace UNROLLED_ISA {

typedef uint32_t U __attribute__((vector_size(W * 4)));
typedef unsigned long long Wide __attribute__((vector_size(W * 4)));
typedef long long Signed __attribute__((vector_size(W * 4)));

/** Low and high halves of the 64-bit products of W numbers with one. */
static UNROLLED_INLINE void multiply_wide(U x, uint32_t factor, U &low, U &high) {
  // Even and odd lanes apart, each in the low half of 64 bits, where machines multiply 32 by 32 to 64. GCC is told so by name.
  const U factors = U{} + factor;
#if defined(__clang__) || defined(UNROLLED_WIDTH) || !defined(__SSE2__)
  const auto multiply = [](U a, U b) { return ((Wide)a & 0xffffffffu) * ((Wide)b & 0xffffffffu); };
#elif defined(__AVX512F__)
  const auto multiply = [](U a, U b) { return (Wide)__builtin_ia32_pmuludq512_mask((I)a, (I)b, Signed{}, 0xff); };
#elif defined(__AVX2__)
  const auto multiply = [](U a, U b) { return (Wide)__builtin_ia32_pmuludq256((I)a, (I)b); };
#else
  const auto multiply = [](U a, U b) { return (Wide)__builtin_ia32_pmuludq128((I)a, (I)b); };
#endif
  const Wide even = multiply(x, factors), odd = multiply((U)((Wide)x >> 32), factors);
  low = (U)((even & 0xffffffffu) | (odd << 32));
  high = (U)((even >> 32) | (odd & 0xffffffff00000000u));
}

/** W blocks from `counter` on: words[w][l] is word w of block counter + l. */
static UNROLLED_INLINE void philox(uint32_t seed0, uint32_t seed1, uint64_t counter, U (&words)[4]) {
  int32_t low[W], high[W];
  for (int l = 0; l < W; l++) {
    low[l] = int32_t(uint32_t(counter + l));
    high[l] = int32_t(uint32_t((counter + l) >> 32));
  }
  words[0] = (U)load(low);
  words[1] = (U)load(high);
  words[2] = words[3] = U{};
  for (int round = 0; round < 10; round++) {
    U low0, high0, low1, high1;
    multiply_wide(words[0], 0xd2511f53u, low0, high0);
    multiply_wide(words[2], 0xcd9e8d57u, low1, high1);
    words[0] = high1 ^ words[1] ^ seed0;
    words[1] = low1;
    words[2] = high0 ^ words[3] ^ seed1;
    words[3] = low0;
    seed0 += 0x9e3779b9u;
    seed1 += 0xbb67ae85u;
  }
}

/** y[i] = 0 where (word i mod 4 of block counter + i/4) >> 8 is under `threshold` = p · 2²⁴, rounded up; else `scale`. */
static void dropout_mask(float *y, int32_t n, int32_t threshold, float scale, uint32_t seed0, uint32_t seed1, double counter) {
  constexpr int32_t step = 4 * W;
  for_elements(n, [&](int32_t begin, int32_t end) { // begin is a multiple of 4
    for (int32_t i = begin; i < end; i += step) {
      U words[4];
      philox(seed0, seed1, uint64_t(counter) + uint64_t(i / 4), words);
      float mask[4][W];
      for (int w = 0; w < 4; w++) store(mask[w], select((I)(words[w] >> 8) < splat(threshold), F{}, splat(scale)));
      const int32_t rest = end - i;
      if (rest >= step) {
        for (int l = 0; l < W; l++) {
          for (int w = 0; w < 4; w++) y[i + 4 * l + w] = mask[w][l];
        }
      } else {
        for (int32_t j = 0; j < rest; j++) y[i + j] = mask[j % 4][j / 4];
      }
    }
  });
}

} // namespace UNROLLED_ISA
} // namespace unrolled
