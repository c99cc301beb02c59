// Philox 4x32-10 (Salmon, Moraes, Dror & Shaw 2011), bit for bit as src/tensor/random.ts.
#pragma once

#include "chunks.h"

namespace unrolled {
namespace UNROLLED_ISA {

/** Blocks made side by side, so that a compiler can use its vectors. */
constexpr int kPhiloxLanes = 2 * W;

/** words[w][l] = word w of block counter + l. */
static UNROLLED_INLINE void philox(uint32_t seed0, uint32_t seed1, uint64_t counter, uint32_t (&words)[4][kPhiloxLanes]) {
  uint32_t key0 = seed0, key1 = seed1;
  for (int l = 0; l < kPhiloxLanes; l++) {
    words[0][l] = uint32_t(counter + l);
    words[1][l] = uint32_t((counter + l) >> 32);
    words[2][l] = words[3][l] = 0;
  }
  for (int round = 0; round < 10; round++) {
    for (int l = 0; l < kPhiloxLanes; l++) {
      const uint64_t product0 = uint64_t(0xd2511f53u) * words[0][l];
      const uint64_t product1 = uint64_t(0xcd9e8d57u) * words[2][l];
      words[0][l] = uint32_t(product1 >> 32) ^ words[1][l] ^ key0;
      words[1][l] = uint32_t(product1);
      words[2][l] = uint32_t(product0 >> 32) ^ words[3][l] ^ key1;
      words[3][l] = uint32_t(product0);
    }
    key0 += 0x9e3779b9u;
    key1 += 0xbb67ae85u;
  }
}

/** y[i] = 0 where (word i mod 4 of block counter + i/4) >> 8 is under `threshold` = p · 2²⁴, rounded up; else `scale`. */
static void dropout_mask(float *y, int32_t n, int32_t threshold, float scale, uint32_t seed0, uint32_t seed1, double counter) {
  constexpr int32_t step = 4 * kPhiloxLanes;
  for_elements(n, [&](int32_t begin, int32_t end) { // begin is a multiple of 4
    for (int32_t i = begin; i < end; i += step) {
      uint32_t words[4][kPhiloxLanes];
      philox(seed0, seed1, uint64_t(counter) + uint64_t(i / 4), words);
      float mask[step];
      for (int l = 0; l < kPhiloxLanes; l++) {
        for (int w = 0; w < 4; w++) mask[4 * l + w] = int32_t(words[w][l] >> 8) < threshold ? 0.0f : scale;
      }
      const int32_t rest = end - i < step ? end - i : step;
      for (int32_t j = 0; j < rest; j++) y[i + j] = mask[j];
    }
  });
}

} // namespace UNROLLED_ISA
} // namespace unrolled
