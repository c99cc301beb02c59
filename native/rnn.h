// Elman network, one direction of one layer, a whole sequence a call. Numbers as torch.nn.RNN.
//
//   h_t = σ(gates_t + W_hh (h_{t−1} ⊙ mask))        (norm: σ(gates_t + normalized(W_hh …) ⊙ weight))
//
// Elman (1990). σ is tanh, relu (Le et al. 2015) or sigmoid. Buffers and their shapes: RnnForward in src/backend/backend.ts.
#pragma once

#include "recurrent.h"

namespace unrolled {
namespace UNROLLED_ISA {

struct Rnn : Layer {
  int32_t activation;
  float *gates, *h;

  float *gates_at(int t, int b) const { return gates + at(B, t, b, H); }
  float *h_at(int slot, int b) const { return h + at(B, slot, b, H); }
};

// ---- forward ------------------------------------------------------------------------------------------------------------

/** h_t = σ(a), units from … from+n of row b. */
static UNROLLED_INLINE void rnn_forward_units(const Rnn &rnn, int t, int b, int from, int n) {
  const float *a = rnn.gates_at(t, b) + from;
  float *h1 = rnn.h_at(rnn.after(t), b) + from;
  each_vector(n, [&](int j, int count) UNROLLED_LAMBDA {
    const F x = load(a + j, count);
    const F y = rnn.activation == kTanh ? tanh(x) : rnn.activation == kRelu ? relu(x) : sigmoid(x);
    store(h1 + j, y, count);
  });
}

struct RnnForwardPlan {
  Product recurrent;
  int perRow;
  float *scratch;

  RnnForwardPlan(int T, int B, int H, const float *weightHh, bool hasMask, bool isPacked, Arena &arena)
      : recurrent(H, H, true, weightHh, T, B, arena, isPacked),
        perRow(round_up((hasMask ? H : 0) + recurrent.scratch_per_row(), 16)), scratch(arena.take(ptrdiff_t(B) * perRow)) {}
};

static inline int32_t rnn_forward_workspace(int32_t T, int32_t B, int32_t H, int32_t hasMask, int32_t, int32_t isPacked) {
  Arena arena{nullptr};
  const RnnForwardPlan plan(T, B, H, nullptr, hasMask, isPacked, arena);
  return int32_t(arena.used);
}

static inline void rnn_forward_rows(const Rnn &rnn, const RnnForwardPlan &plan, int b, int rows) {
  const int H = rnn.H;
  float *const xScratch = plan.scratch + ptrdiff_t(b) * plan.perRow;
  float *const scratch = xScratch + (rnn.mask ? ptrdiff_t(rows) * H : 0);
  for (int step = 0; step < rnn.T; step++) {
    const int t = rnn.time(step);
    const float *x = rnn.masked(rnn.h_at(rnn.before(t), b), b, rows, xScratch);
    float *a = rnn.gates_at(t, b);
    if (rnn.norm) {
      plan.recurrent(rows, x, H, rnn.norm.normalized + Layer::at(rnn.B, t, b, H), H, Into::Overwrite, scratch);
      rnn.normalize_rows(t, b, rows);
      for (int r = 0; r < rows; r++) {
        rnn.add_normalized(t, b + r, 0, H, a + ptrdiff_t(r) * H);
        if (rnn.is_active(t, b + r)) rnn_forward_units(rnn, t, b + r, 0, H);
      }
    } else {
      rnn.share_columns(H, rows, [&](int from, int to) {
        plan.recurrent.columns(from, to, rows, x, H, a, H, Into::Add, scratch);
        for (int r = b; r < b + rows; r++) {
          if (rnn.is_active(t, r)) rnn_forward_units(rnn, t, r, from, to - from);
        }
      });
    }
    for (int r = b; r < b + rows; r++) {
      if (!rnn.is_active(t, r)) copy(rnn.h_at(rnn.before(t), r), rnn.h_at(rnn.after(t), r), H);
    }
  }
}

static inline void rnn_forward(int32_t T, int32_t B, int32_t H, int32_t reverse, const int32_t *lengths, const float *weightHh,
                               const float *mask, UNROLLED_RECURRENT_NORM, int32_t activation, float *gates, float *h,
                               int32_t isPacked, float *workspace) {
  const Rnn rnn{{T, B, H, H, H, reverse != 0, lengths, weightHh, mask, {normWeight, normEpsilon, normNormalized, normRstd}},
                activation, gates, h};
  Arena arena{workspace};
  const RnnForwardPlan plan(T, B, H, weightHh, mask, isPacked, arena);
  const Cut rows = rnn.rows_of_threads();
  if (!isPacked) share(rows.parts, [&](int32_t part) { plan.recurrent.pack(part, rows.parts); });
  share(rows.parts, [&](int32_t part) {
    rnn_forward_rows(rnn, plan, rows.start(part), rows.start(part + 1) - rows.start(part));
  });
}

// ---- backward -----------------------------------------------------------------------------------------------------------

struct RnnBackwardPlan {
  Product recurrent;  // dH = dGates · W_hh
  float *dNormWeight; // [B, H], a row's own sum over time
  int perRow, perThread;
  float *scratch;

  RnnBackwardPlan(int T, int B, int H, const float *weightHh, bool hasMask, bool hasNorm, Arena &arena)
      : recurrent(H, H, false, weightHh, T, B, arena), dNormWeight(arena.take(hasNorm ? ptrdiff_t(B) * H : 0)),
        perRow(round_up((hasMask ? H : 0) + recurrent.scratch_per_row(), 16)), perThread(recurrent.scratch_besides()),
        scratch(arena.take(ptrdiff_t(B) * perRow + ptrdiff_t(thread_count()) * perThread)) {}
};

static inline int32_t rnn_backward_workspace(int32_t T, int32_t B, int32_t H, int32_t hasMask, int32_t hasNorm) {
  Arena arena{nullptr};
  const RnnBackwardPlan plan(T, B, H, nullptr, hasMask, hasNorm, arena);
  return int32_t(arena.used);
}

/** h_t = σ(a): the gradient of a, from that of h_t. */
static UNROLLED_INLINE void rnn_backward_row(const Rnn &rnn, int t, int b, const float *dH) {
  float *dA = rnn.gates_at(t, b);
  const float *h1 = rnn.h_at(rnn.after(t), b);
  each_vector(rnn.H, [&](int j, int count) UNROLLED_LAMBDA {
    const F y = load(h1 + j, count), d = load(dH + j, count), one = splat(1.0f);
    const F dX = rnn.activation == kTanh ? d * (one - y * y) : rnn.activation == kRelu ? select(y > F{}, d, F{}) : d * y * (one - y);
    store(dA + j, flush(dX), count);
  });
}

static inline void rnn_backward_rows(const Rnn &rnn, const Gradients &d, const RnnBackwardPlan &plan, int part, int b, int rows) {
  const int B = rnn.B, H = rnn.H;
  float *const masked = plan.scratch + ptrdiff_t(b) * plan.perRow + ptrdiff_t(part) * plan.perThread;
  float *const scratch = masked + (rnn.mask ? ptrdiff_t(rows) * H : 0);
  for (int step = rnn.T - 1; step >= 0; step--) {
    const int t = rnn.time(step);
    d.arrive(rnn, t, b, rows);
    for (int r = b; r < b + rows; r++) {
      float *dA = rnn.gates_at(t, r), *dQ = rnn.norm ? d.dQ + Layer::at(B, t, r, H) : nullptr, *dH = d.dH + ptrdiff_t(r) * H;
      if (!rnn.is_active(t, r)) {
        fill(dA, H, 0.0f);
        if (dQ) fill(dQ, H, 0.0f);
        continue;
      }
      rnn_backward_row(rnn, t, r, dH);
      if (dQ) rnn.normalize_row_backward(t, r, dA, dQ, plan.dNormWeight + ptrdiff_t(r) * H);
      fill(dH, H, 0.0f);
    }
    // a = gates_t + W_hh (h_{t−1} ⊙ mask)
    const float *dQ = rnn.norm ? d.dQ + Layer::at(B, t, b, H) : rnn.gates_at(t, b);
    d.through_product(rnn, plan.recurrent, b, rows, dQ, H, masked, scratch);
  }
}

static inline void rnn_backward(int32_t T, int32_t B, int32_t H, int32_t reverse, const int32_t *lengths, const float *weightHh,
                                const float *mask, UNROLLED_RECURRENT_NORM, int32_t activation, float *gates, float *h,
                                const float *dY, float *dH, float *dQ, float *dNormWeight, float *dHSquares, float *workspace) {
  const Rnn rnn{{T, B, H, H, H, reverse != 0, lengths, weightHh, mask, {normWeight, normEpsilon, normNormalized, normRstd}},
                activation, gates, h};
  const Gradients gradients{dY, dH, dQ, dNormWeight, dHSquares};
  Arena arena{workspace};
  const RnnBackwardPlan plan(T, B, H, weightHh, mask, normWeight, arena);
  if (normWeight) fill(plan.dNormWeight, B * H, 0.0f);
  const Cut rows = rnn.rows_of_threads();
  share(rows.parts, [&](int32_t part) { plan.recurrent.pack(part, rows.parts); });
  share(rows.parts, [&](int32_t part) {
    rnn_backward_rows(rnn, gradients, plan, part, rows.start(part), rows.start(part + 1) - rows.start(part));
  });
  if (normWeight && dNormWeight) add_rows(plan.dNormWeight, B, H, dNormWeight);
}

} // namespace UNROLLED_ISA
} // namespace unrolled
