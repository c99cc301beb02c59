// Gated recurrent unit, one direction of one layer, a whole sequence a call. Numbers as torch.nn.GRU (reset after).
//
//   r, z = σ(gates_t + W_h{r,z} x)        x = h_{t−1} ⊙ mask        (norm: normalized(W_hh x) ⊙ weight for the product)
//   reset after:   n = tanh(gates_n + r ⊙ (W_hn x + b_hn))
//   reset before:  n = tanh(gates_n + W_hn (r ⊙ x) + b_hn)
//   h_t = (1 − z) ⊙ n + z ⊙ h_{t−1}
//
// Cho et al. (2014). Buffers and their shapes: GruForward, GruBackward in src/backend/backend.ts.
#pragma once

#include "recurrent.h"

namespace unrolled {
namespace UNROLLED_ISA {

struct Gru : Layer {
  bool isResetAfter;
  const float *biasHn;
  float *gates, *h, *hn;

  float *gates_at(int t, int b) const { return gates + at(B, t, b, 3 * H); }
  float *h_at(int slot, int b) const { return h + at(B, slot, b, H); }
  float *hn_at(int t, int b) const { return hn + at(B, t, b, H); }
};

// ---- forward ------------------------------------------------------------------------------------------------------------

/** Reset after, units from … from+n of row b: r, z, n and h_t; b_hn joins W_hn x here. */
static UNROLLED_INLINE void gru_forward_after(const Gru &gru, int t, int b, int from, int n) {
  const int H = gru.H;
  float *a = gru.gates_at(t, b) + from, *hn = gru.hn_at(t, b) + from, *h1 = gru.h_at(gru.after(t), b) + from;
  const float *h0 = gru.h_at(gru.before(t), b) + from, *bias = gru.biasHn ? gru.biasHn + from : nullptr;
  each_vector(n, [&](int j, int count) UNROLLED_LAMBDA {
    const F r = sigmoid(load(a + j, count)), z = sigmoid(load(a + H + j, count));
    F q = load(hn + j, count);
    if (bias) q = q + load(bias + j, count);
    const F candidate = tanh(fma(r, q, load(a + 2 * H + j, count)));
    store(a + j, r, count);
    store(a + H + j, z, count);
    store(a + 2 * H + j, candidate, count);
    store(hn + j, q, count);
    store(h1 + j, fma(z, load(h0 + j, count) - candidate, candidate), count);
  });
}

/** The same for the active ones of some rows, without layer normalisation, the three products first; x = h_{t−1} ⊙ mask. */
static inline void gru_forward_step(const Gru &gru, const Product (&products)[3], int t, int b, int rows, const float *x) {
  const int H = gru.H;
  float *a = gru.gates_at(t, b);
  const Gate gates[] = {{products[0], a, 3 * H, Into::Add},
                        {products[1], a + H, 3 * H, Into::Add},
                        {products[2], gru.hn_at(t, b), H, Into::Overwrite}};
  gru.share_units(rows, [&](int from, int to) {
    multiply_units(gates, from, to, rows, x, H);
    for (int r = b; r < b + rows; r++) {
      if (gru.is_active(t, r)) gru_forward_after(gru, t, r, from, to - from);
    }
  });
}

/** Reset before, first half of row b: r, z, and hn = r ⊙ x. */
static UNROLLED_INLINE void gru_forward_reset(const Gru &gru, int t, int b, const float *x) {
  const int H = gru.H;
  float *a = gru.gates_at(t, b), *hn = gru.hn_at(t, b);
  each_vector(H, [&](int j, int count) UNROLLED_LAMBDA {
    const F r = sigmoid(load(a + j, count));
    store(a + j, r, count);
    store(a + H + j, sigmoid(load(a + H + j, count)), count);
    store(hn + j, r * load(x + j, count), count);
  });
}

/** Reset before, second half: n and h_t. */
static UNROLLED_INLINE void gru_forward_before(const Gru &gru, int t, int b) {
  const int H = gru.H;
  float *a = gru.gates_at(t, b), *h1 = gru.h_at(gru.after(t), b);
  const float *h0 = gru.h_at(gru.before(t), b), *bias = gru.biasHn;
  each_vector(H, [&](int j, int count) UNROLLED_LAMBDA {
    F q = load(a + 2 * H + j, count);
    if (bias) q = q + load(bias + j, count);
    const F candidate = tanh(q);
    store(a + 2 * H + j, candidate, count);
    store(h1 + j, fma(load(a + H + j, count), load(h0 + j, count) - candidate, candidate), count);
  });
}

struct GruForwardPlan {
  Product gates[3]; // r, z, n apart, [H, H] each
  int perRow;
  float *scratch;

  GruForwardPlan(int T, int B, int H, const float *weightHh, bool hasMask, bool isPacked, Arena &arena)
      : gates{gate(0, T, B, H, H, weightHh, isPacked, arena), gate(1, T, B, H, H, weightHh, isPacked, arena),
              gate(2, T, B, H, H, weightHh, isPacked, arena)},
        perRow(round_up((hasMask ? H : 0) + gates[0].scratch_per_row(), 16)), scratch(arena.take(ptrdiff_t(B) * perRow)) {}
};

static inline int32_t gru_forward_workspace(int32_t T, int32_t B, int32_t H, int32_t hasMask, int32_t, int32_t, int32_t isPacked) {
  Arena arena{nullptr};
  const GruForwardPlan plan(T, B, H, nullptr, hasMask, isPacked, arena);
  return int32_t(arena.used);
}

static inline void gru_forward_rows(const Gru &gru, const GruForwardPlan &plan, int b, int rows) {
  const int H = gru.H;
  float *const xScratch = plan.scratch + ptrdiff_t(b) * plan.perRow;
  float *const scratch = xScratch + (gru.mask ? ptrdiff_t(rows) * H : 0);
  for (int step = 0; step < gru.T; step++) {
    const int t = gru.time(step);
    const float *x = gru.masked(gru.h_at(gru.before(t), b), b, rows, xScratch);
    float *a = gru.gates_at(t, b), *hn = gru.hn_at(t, b);

    if (gru.norm) {
      float *q = gru.norm.normalized + Layer::at(gru.B, t, b, 3 * H);
      for (int g = 0; g < 3; g++) plan.gates[g](rows, x, H, q + g * H, 3 * H, Into::Overwrite, scratch);
      gru.normalize_rows(t, b, rows);
      for (int r = 0; r < rows; r++) {
        gru.add_normalized(t, b + r, 0, 2 * H, a + ptrdiff_t(r) * 3 * H);
        fill(hn + ptrdiff_t(r) * H, H, 0.0f);
        gru.add_normalized(t, b + r, 2 * H, H, hn + ptrdiff_t(r) * H);
        if (gru.is_active(t, b + r)) gru_forward_after(gru, t, b + r, 0, H);
      }
    } else if (!gru.isResetAfter) {
      for (int g = 0; g < 2; g++) plan.gates[g](rows, x, H, a + g * H, 3 * H, Into::Add, scratch);
      for (int r = 0; r < rows; r++) gru_forward_reset(gru, t, b + r, x + ptrdiff_t(r) * H);
      plan.gates[2](rows, hn, H, a + 2 * H, 3 * H, Into::Add, scratch);
      for (int r = b; r < b + rows; r++) {
        if (gru.is_active(t, r)) gru_forward_before(gru, t, r);
      }
    } else {
      gru_forward_step(gru, plan.gates, t, b, rows, x);
    }
    for (int r = b; r < b + rows; r++) {
      if (gru.is_active(t, r)) continue;
      copy(gru.h_at(gru.before(t), r), gru.h_at(gru.after(t), r), H);
      fill(gru.hn_at(t, r), H, 0.0f); // a gradient of 0 meets it in dW_hn: it must not be NaN
    }
  }
}

static inline void gru_forward(int32_t T, int32_t B, int32_t H, int32_t reverse, const int32_t *lengths, const float *weightHh,
                               const float *mask, UNROLLED_RECURRENT_NORM, int32_t resetAfter, const float *biasHn,
                               float *gates, float *h, float *hn, int32_t isPacked, float *workspace) {
  const Gru gru{{T, B, H, H, 3 * H, reverse != 0, lengths, weightHh, mask, {normWeight, normEpsilon, normNormalized, normRstd}},
                resetAfter != 0, biasHn, gates, h, hn};
  Arena arena{workspace};
  const GruForwardPlan plan(T, B, H, weightHh, mask, isPacked, arena);
  const Cut rows = gru.rows_of_threads();
  if (!isPacked) {
    share(rows.parts, [&](int32_t part) {
      for (const Product &gate : plan.gates) gate.pack(part, rows.parts);
    });
  }
  share(rows.parts, [&](int32_t part) {
    gru_forward_rows(gru, plan, rows.start(part), rows.start(part + 1) - rows.start(part));
  });
}

// ---- backward -----------------------------------------------------------------------------------------------------------

struct GruBackwardPlan {
  Product resetUpdate, candidate; // dH = [dr, dz] · W_h{r,z} + dq_n · W_hn
  float *dNormWeight;             // [B, 3H], a row's own sum over time
  int perRow, perThread;
  float *scratch;

  GruBackwardPlan(int T, int B, int H, const float *weightHh, bool hasMask, bool hasNorm, bool isResetAfter, Arena &arena)
      : resetUpdate(H, 2 * H, false, weightHh, T, B, arena),
        candidate(H, H, false, weightHh + ptrdiff_t(2) * H * H, T, B, arena),
        dNormWeight(arena.take(hasNorm ? ptrdiff_t(B) * 3 * H : 0)) {
    perRow = round_up((hasMask || !isResetAfter ? H : 0) + larger(resetUpdate.scratch_per_row(), candidate.scratch_per_row()), 16);
    perThread = round_up(larger(resetUpdate.scratch_besides(), candidate.scratch_besides()) + (hasNorm ? 3 * H : 0), 16);
    scratch = arena.take(ptrdiff_t(B) * perRow + ptrdiff_t(thread_count()) * perThread);
  }
};

static inline int32_t gru_backward_workspace(int32_t T, int32_t B, int32_t H, int32_t hasMask, int32_t hasNorm, int32_t resetAfter) {
  Arena arena{nullptr};
  const GruBackwardPlan plan(T, B, H, nullptr, hasMask, hasNorm, resetAfter, arena);
  return int32_t(arena.used);
}

/** h_t = (1 − z) ⊙ n + z ⊙ h_{t−1}: dz, dn, and in dH what goes straight to h_{t−1}. Reset after: dr and d(W_hn x + b_hn), in hn, too. */
static UNROLLED_INLINE void gru_backward_row(const Gru &gru, int t, int b, float *dH) {
  const int H = gru.H;
  float *a = gru.gates_at(t, b), *hn = gru.hn_at(t, b);
  const float *h0 = gru.h_at(gru.before(t), b);
  const F one = splat(1.0f);
  each_vector(H, [&](int j, int count) UNROLLED_LAMBDA {
    const F z = load(a + H + j, count), n = load(a + 2 * H + j, count), d = load(dH + j, count);
    const F dN = flush(d * (one - z) * (one - n * n));
    store(a + H + j, flush(d * (load(h0 + j, count) - n) * z * (one - z)), count);
    store(a + 2 * H + j, dN, count);
    store(dH + j, flush(d * z), count);
    if (gru.isResetAfter) { // n = tanh(gates_n + r ⊙ hn)
      const F r = load(a + j, count);
      store(a + j, flush(dN * load(hn + j, count) * r * (one - r)), count);
      store(hn + j, flush(dN * r), count);
    }
  });
}

/** Reset before: hn = r ⊙ h_{t−1} ⊙ mask; from its gradient dHn, dr and its part of dH. */
static UNROLLED_INLINE void gru_backward_reset(const Gru &gru, int t, int b, const float *dHn, float *dH) {
  float *a = gru.gates_at(t, b);
  const float *h0 = gru.h_at(gru.before(t), b), *mask = gru.mask ? gru.mask + ptrdiff_t(b) * gru.H : nullptr;
  const F one = splat(1.0f);
  each_vector(gru.H, [&](int j, int count) UNROLLED_LAMBDA {
    const F r = load(a + j, count);
    F d = load(dHn + j, count);
    if (mask) d = d * load(mask + j, count);
    store(dH + j, fma(d, r, load(dH + j, count)), count);
    store(a + j, flush(d * load(h0 + j, count) * r * (one - r)), count);
  });
}

static inline void gru_backward_rows(const Gru &gru, const Gradients &d, const GruBackwardPlan &plan, int part, int b, int rows) {
  const int B = gru.B, H = gru.H;
  float *const dNormed = plan.scratch + ptrdiff_t(b) * plan.perRow + ptrdiff_t(part) * plan.perThread; // [3H], with norm
  float *const masked = dNormed + (gru.norm ? 3 * H : 0);                                             // [rows, H]
  float *const scratch = masked + (gru.mask || !gru.isResetAfter ? ptrdiff_t(rows) * H : 0);
  for (int step = gru.T - 1; step >= 0; step--) {
    const int t = gru.time(step);
    float *a = gru.gates_at(t, b), *hn = gru.hn_at(t, b);
    d.arrive(gru, t, b, rows);
    for (int r = b; r < b + rows; r++) {
      float *dQ = gru.norm ? d.dQ + Layer::at(B, t, r, 3 * H) : nullptr;
      if (!gru.is_active(t, r)) {
        fill(gru.gates_at(t, r), 3 * H, 0.0f);
        if (gru.isResetAfter) fill(gru.hn_at(t, r), H, 0.0f);
        if (dQ) fill(dQ, 3 * H, 0.0f);
        continue;
      }
      gru_backward_row(gru, t, r, d.dH + ptrdiff_t(r) * H);
      if (dQ) {
        copy(gru.gates_at(t, r), dNormed, 2 * H);
        copy(gru.hn_at(t, r), dNormed + 2 * H, H);
        gru.normalize_row_backward(t, r, dNormed, dQ, plan.dNormWeight + ptrdiff_t(r) * 3 * H);
      }
    }
    if (gru.norm) {
      const float *dQ = d.dQ + Layer::at(B, t, b, 3 * H);
      d.through_product(gru, plan.resetUpdate, b, rows, dQ, 3 * H, masked, scratch);
      d.through_product(gru, plan.candidate, b, rows, dQ + 2 * H, 3 * H, masked, scratch);
    } else if (gru.isResetAfter) {
      d.through_product(gru, plan.resetUpdate, b, rows, a, 3 * H, masked, scratch);
      d.through_product(gru, plan.candidate, b, rows, hn, H, masked, scratch);
    } else {
      plan.candidate(rows, a + 2 * H, 3 * H, masked, H, Into::Overwrite, scratch);
      for (int r = 0; r < rows; r++) {
        if (gru.is_active(t, b + r)) gru_backward_reset(gru, t, b + r, masked + ptrdiff_t(r) * H, d.dH + ptrdiff_t(b + r) * H);
      }
      d.through_product(gru, plan.resetUpdate, b, rows, a, 3 * H, masked, scratch);
    }
  }
}

static inline void gru_backward(int32_t T, int32_t B, int32_t H, int32_t reverse, const int32_t *lengths, const float *weightHh,
                                const float *mask, UNROLLED_RECURRENT_NORM, int32_t resetAfter, const float *biasHn,
                                float *gates, float *h, float *hn, const float *dY, float *dH, float *dQ, float *dNormWeight,
                                float *dHSquares, float *workspace) {
  const Gru gru{{T, B, H, H, 3 * H, reverse != 0, lengths, weightHh, mask, {normWeight, normEpsilon, normNormalized, normRstd}},
                resetAfter != 0, biasHn, gates, h, hn};
  const Gradients gradients{dY, dH, dQ, dNormWeight, dHSquares};
  Arena arena{workspace};
  const GruBackwardPlan plan(T, B, H, weightHh, mask, normWeight, resetAfter, arena);
  if (normWeight) fill(plan.dNormWeight, B * 3 * H, 0.0f);
  const Cut rows = gru.rows_of_threads();
  share(rows.parts, [&](int32_t part) {
    plan.resetUpdate.pack(part, rows.parts);
    plan.candidate.pack(part, rows.parts);
  });
  share(rows.parts, [&](int32_t part) {
    gru_backward_rows(gru, gradients, plan, part, rows.start(part), rows.start(part + 1) - rows.start(part));
  });
  if (normWeight && dNormWeight) add_rows(plan.dNormWeight, B, 3 * H, dNormWeight);
}

} // namespace UNROLLED_ISA
} // namespace unrolled
