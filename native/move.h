// Filling and copying. Elements are 4 bytes: floats or int32 alike.
#pragma once

#include "chunks.h"

namespace unrolled {
namespace UNROLLED_ISA {

/** y[i] = the element whose bits these are. */
static void fill_buffer(int32_t *y, int32_t n, int32_t bits) {
  int32_t i = 0;
  for (; n - i >= W; i += W) store(y + i, splat(bits));
  for (; i < n; i++) y[i] = bits;
}

static void copy_buffer(const float *x, float *y, int32_t n) { __builtin_memmove(y, x, size_t(n) * sizeof(float)); }

/** One innermost run of a strided copy. */
static UNROLLED_INLINE void strided_run(const float *x, int64_t xStride, float *y, int64_t yStride, int32_t n, bool accumulate) {
  if (yStride == 1 && xStride == 1) {
    if (accumulate) return map(0, n, y, [](F a, F b) { return a + b; }, y, x);
    __builtin_memcpy(y, x, size_t(n) * sizeof(float));
    return;
  }
  if (accumulate) {
    for (int32_t i = 0; i < n; i++) y[i * yStride] += x[i * xStride];
    return;
  }
  if (yStride == 1 && xStride == 0) {
    const float value = *x;
    for (int32_t i = 0; i < n; i++) y[i] = value;
    return;
  }
  for (int32_t i = 0; i < n; i++) y[i * yStride] = x[i * xStride];
}

/** y[Σ i·yStrides] (+)= x[Σ i·xStrides] for each index of six axes, of sizes n; strides in elements, 0 allowed in x. */
static void strided_copy(const float *x, float *y, int32_t accumulate, int32_t n0, int32_t n1, int32_t n2, int32_t n3, int32_t n4,
                         int32_t n5, double x0, double x1, double x2, double x3, double x4, double x5, double y0, double y1,
                         double y2, double y3, double y4, double y5) {
  struct Axis {
    int32_t n;
    int64_t x, y;
  };
  const Axis given[6] = {{n0, int64_t(x0), int64_t(y0)}, {n1, int64_t(x1), int64_t(y1)}, {n2, int64_t(x2), int64_t(y2)},
                         {n3, int64_t(x3), int64_t(y3)}, {n4, int64_t(x4), int64_t(y4)}, {n5, int64_t(x5), int64_t(y5)}};
  // Axes that walk on where the next one ends are one axis; axes of size 1 are none.
  Axis axes[6];
  int rank = 0;
  for (const Axis &axis : given) {
    if (axis.n == 0) return;
    if (axis.n == 1) continue;
    if (rank > 0 && axes[rank - 1].x == axis.x * axis.n && axes[rank - 1].y == axis.y * axis.n) {
      axes[rank - 1] = {axes[rank - 1].n * axis.n, axis.x, axis.y};
      continue;
    }
    axes[rank++] = axis;
  }
  const Axis inner = rank > 0 ? axes[--rank] : Axis{1, 1, 1};
  int32_t index[6] = {};
  for (;;) {
    strided_run(x, inner.x, y, inner.y, inner.n, accumulate);
    int axis = rank - 1;
    for (; axis >= 0; axis--) {
      x += axes[axis].x;
      y += axes[axis].y;
      if (++index[axis] < axes[axis].n) break;
      x -= axes[axis].x * axes[axis].n;
      y -= axes[axis].y * axes[axis].n;
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

} // namespace UNROLLED_ISA
} // namespace unrolled
