// The transducer's loss: the forward algorithm over all ways through the lattice of frames and symbols, in logarithms, and its
// gradient. What is computed stands in src/backend/backend.ts (Transducer and what extends it), in the same letters. A lattice is
// worked off by its diagonals, t + u = d, whose nodes do not need one another; lanes are the places u of a diagonal.
#pragma once

#include "crf.h"
#include "ctc.h"

namespace unrolled {
namespace UNROLLED_ISA {

/** Floats of a diagonal: places 0 … U in whole vectors, and a vector of −∞ before them, so that place u − 1 can be read. */
static inline int32_t transducer_stride(int32_t U) { return W + ctc_stride(U); }

/** For each part of the rows: two numbers of every node by diagonals, and one diagonal more. */
static inline int32_t transducer_floats(int32_t T, int32_t U) { return (2 * (T + U) + 1) * transducer_stride(U); }

static inline int64_t transducer_work(int32_t T, int32_t B, int32_t V, int32_t U) { return 4 * int64_t(B) * T * (U + 1) * V; }

/**
 * A row's lattice by diagonals: what arrives at the end of each node's edges. `onwards[u]` belongs to the blank of node (d − u, u),
 * which leads to the next frame, `upwards[u]` to the symbol, which leads to the next place.
 */
struct TransducerLattice {
  float *memory;
  int32_t stride, diagonals;

  TransducerLattice(float *memory, int32_t frames, int32_t U, int32_t length)
      : memory(memory), stride(transducer_stride(U)), diagonals(frames + length) {
    ctc_fill(memory, 2 * diagonals * stride, -__builtin_inff());
  }
  float *onwards(int32_t d) const { return memory + size_t(2 * d) * stride + W; }
  float *upwards(int32_t d) const { return onwards(d) + stride; }
};

// ---- loss ----

static int32_t transducer_forward_workspace(int32_t B, int32_t T, int32_t V, int32_t U) {
  (void)V;
  return crf_parts(B) * transducer_floats(T, U);
}

static void transducer_forward(int32_t B, int32_t T, int32_t V, int32_t U, const float *logits, const int32_t *inputLengths,
                               const int32_t *targets, const int32_t *targetLengths, int32_t blank, float *losses, float *logSumExp,
                               float *alphas, float *workspace) {
  for_crf_rows(B, transducer_work(T, B, V, U), [&](int32_t b, int32_t part) {
    const int32_t n = inputLengths == nullptr ? T : inputLengths[b], length = targetLengths[b];
    if (n == 0) {
      losses[b] = length == 0 ? 0.0f : __builtin_inff();
      return;
    }
    const size_t first = size_t(b) * T * (U + 1);
    const int32_t *target = targets + size_t(b) * U;
    float *own = workspace + size_t(part) * transducer_floats(T, U);
    const TransducerLattice lattice(own, n, U, length);
    for (int32_t t = 0; t < n; t++) {
      for (int32_t u = 0; u <= length; u++) {
        const size_t node = first + size_t(t) * (U + 1) + u;
        const float *x = logits + node * V;
        const float z = log_sum_exp(x, V);
        logSumExp[node] = z;
        lattice.onwards(t + u)[u] = x[blank] - z;
        if (u < length) lattice.upwards(t + u)[u] = x[target[u]] - z;
      }
    }
    float *alpha = own + size_t(2) * lattice.diagonals * lattice.stride + W;
    ctc_fill(alpha, ctc_stride(U), -__builtin_inff());
    alpha[0] = 0;
    double logP = 0; // but for what the last node holds
    float shift = 0;
    for (int32_t d = 0; d < lattice.diagonals; d++) {
      const int32_t low = d < n ? 0 : d - n + 1, high = d < length ? d : length; // the places with a frame d − u
      if (d > 0) {
        const float *onwards = lattice.onwards(d - 1), *upwards = lattice.upwards(d - 1);
        const F before = splat(shift);
        for (int32_t u = 0; u <= length; u += W) store(alpha + u, ctc_add(load(onwards + u), load(upwards + u - 1)) - before);
      }
      shift = row_maximum(alpha + low, high - low + 1);
      if (shift == -__builtin_inff()) shift = 0;
      float *onwards = lattice.onwards(d), *upwards = lattice.upwards(d);
      for (int32_t u = low; u <= high; u++) alphas[first + size_t(d - u) * (U + 1) + u] = alpha[u];
      if (d == lattice.diagonals - 1) break;
      logP += double(shift);
      for (int32_t u = 0; u <= length; u += W) {
        store(onwards + u, load(alpha + u) + load(onwards + u));
        store(upwards + u, load(alpha + u) + load(upwards + u));
      }
    }
    logP += double(alpha[length]) + double(lattice.onwards(lattice.diagonals - 1)[length]);
    losses[b] = float(0 - logP);
  });
}

// ---- gradient ----

static int32_t transducer_backward_workspace(int32_t B, int32_t T, int32_t V, int32_t U) {
  (void)V;
  return crf_parts(B) * transducer_floats(T, U);
}

static void transducer_backward(int32_t B, int32_t T, int32_t V, int32_t U, const float *logits, const int32_t *inputLengths,
                                const int32_t *targets, const int32_t *targetLengths, int32_t blank, const float *logSumExp,
                                const float *alphas, const float *scale, int32_t scaleStride, float *dLogits, float *workspace) {
  for_crf_rows(B, transducer_work(T, B, V, U), [&](int32_t b, int32_t part) {
    const int32_t n = inputLengths == nullptr ? T : inputLengths[b], length = targetLengths[b];
    const float k = scale[size_t(b) * scaleStride];
    const size_t first = size_t(b) * T * (U + 1);
    const int32_t *target = targets + size_t(b) * U;
    float *own = workspace + size_t(part) * transducer_floats(T, U);
    const TransducerLattice lattice(own, n, U, length);
    for (int32_t t = 0; t < n; t++) {
      for (int32_t u = 0; u <= length; u++) {
        const size_t node = first + size_t(t) * (U + 1) + u;
        const float *x = logits + node * V, start = alphas[node] - logSumExp[node];
        lattice.onwards(t + u)[u] = start + x[blank];
        if (u < length) lattice.upwards(t + u)[u] = start + x[target[u]];
      }
    }
    const bool isPossible = n > 0 && lattice.onwards(lattice.diagonals - 1)[length] != -__builtin_inff();
    if (isPossible) {
      // Shares of all ways that pass a node, then an edge: from the last diagonal to the first.
      const int32_t top = length / W * W, last = lattice.diagonals - 1;
      float *share = own + size_t(2) * lattice.diagonals * lattice.stride + W;
      ctc_fill(share, ctc_stride(U), 0);
      share[length] = 1;
      ctc_fill(lattice.onwards(last), top + W, 0);
      ctc_fill(lattice.upwards(last), top + W, 0);
      lattice.onwards(last)[length] = 1;
      for (int32_t d = last; d > 0; d--) {
        float *onwards = lattice.onwards(d - 1), *upwards = lattice.upwards(d - 1);
        for (int32_t u = top; u >= 0; u -= W) {
          const F waited = load(onwards + u), wrote = load(upwards + u - 1), anchor = ctc_anchor(maximum(waited, wrote));
          const F fromWaited = exp(waited - anchor), fromWrote = exp(wrote - anchor);
          const F each = load(share + u) / maximum(fromWaited + fromWrote, splat(1e-30f));
          const F onEdge = flush(each * fromWaited);
          store(onwards + u, onEdge);
          store(upwards + u - 1, flush(each * fromWrote));
          if (u == top) upwards[top + W - 1] = 0; // nothing leads there
          store(share + u, onEdge + load(upwards + u));
        }
      }
    }
    const float impossible = __builtin_nanf("");
    for (int32_t t = 0; t < T; t++) {
      for (int32_t u = 0; u <= U; u++) {
        const size_t node = first + size_t(t) * (U + 1) + u;
        float *dx = dLogits + node * V;
        if (t >= n || u > length) {
          __builtin_memset(dx, 0, size_t(V) * sizeof(float));
          continue;
        }
        if (!isPossible) {
          for (int32_t v = 0; v < V; v++) dx[v] = impossible;
          continue;
        }
        const float waiting = k * lattice.onwards(t + u)[u], writing = u < length ? k * lattice.upwards(t + u)[u] : 0.0f;
        const F z = splat(logSumExp[node]), through = splat(waiting + writing);
        map(0, V, dx, [=](F x) { return exp(x - z) * through; }, logits + node * V);
        dx[blank] -= waiting;
        if (u < length) dx[target[u]] -= writing;
      }
    }
  });
}

} // namespace UNROLLED_ISA
} // namespace unrolled
