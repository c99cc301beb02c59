// Long short-term memory, one direction of one layer, a whole sequence a call. Numbers as torch.nn.LSTM.
//
//   a   = gates_t + W_hh (h_{t−1} ⊙ mask)        (norm: gates_t + normalized(W_hh …) ⊙ weight)
//   i, f = σ(a + p ⊙ c_{t−1})     g = tanh(a)     (without peepholes p = 0)
//   c_t = f ⊙ c_{t−1} + i ⊙ g
//   o   = σ(a + p_o ⊙ c_t)
//   m_t = o ⊙ tanh(c̃_t)     c̃ = c, or its layer normalisation
//   h_t = m_t, or W_hr m_t
//
// Hochreiter & Schmidhuber (1997), forget gate Gers et al. (2000), peepholes Gers & Schmidhuber (2000), projection Sak et al.
// (2014), normalisation Ba et al. (2016). Buffers and their shapes: LstmForward, LstmBackward in src/backend/backend.ts.
#pragma once

#include "recurrent.h"

namespace unrolled {
namespace UNROLLED_ISA {

struct Lstm : Layer {
  float *gates, *h, *c;
  const float *peephole, *weightHr;
  float *m;
  const float *cellNormBias;
  Norm cellNorm; // normalized [T, B, H], rstd [T, B]

  float *gates_at(int t, int b) const { return gates + at(B, t, b, 4 * H); }
  float *h_at(int slot, int b) const { return h + at(B, slot, b, P); }
  float *c_at(int slot, int b) const { return c + at(B, slot, b, H); }
  /** m_t: apart with a projection, else it is h_t. */
  float *m_at(int t, int b) const { return weightHr ? m + at(B, t, b, H) : h_at(after(t), b); }

  void forward_units(int t, int b, int from, int n) const;
  void forward_step(const Product (&products)[4], int t, int b, int rows, const float *x) const;
  void forward_cell_norm(int t, int b) const;
  void carry(int t, int b) const;
};

// ---- forward ------------------------------------------------------------------------------------------------------------

/** Units from … from+n of row b at t: gates, cell, and m unless the cell is normalised first. */
UNROLLED_INLINE void Lstm::forward_units(int t, int b, int from, int n) const {
  float *a = gates_at(t, b) + from, *c1 = c_at(after(t), b) + from, *m1 = m_at(t, b) + from;
  const float *c0 = c_at(before(t), b) + from, *p = peephole ? peephole + from : nullptr;
  each_vector(n, [&](int j, int count) UNROLLED_LAMBDA {
    const F cell0 = load(c0 + j, count);
    F i = load(a + j, count), f = load(a + H + j, count), o = load(a + 3 * H + j, count);
    if (p) i = fma(load(p + j, count), cell0, i), f = fma(load(p + H + j, count), cell0, f);
    i = sigmoid(i);
    f = sigmoid(f);
    const F g = tanh(load(a + 2 * H + j, count));
    const F cell1 = fma(f, cell0, i * g);
    if (p) o = fma(load(p + 2 * H + j, count), cell1, o);
    o = sigmoid(o);
    store(a + j, i, count);
    store(a + H + j, f, count);
    store(a + 2 * H + j, g, count);
    store(a + 3 * H + j, o, count);
    store(c1 + j, cell1, count);
    if (!cellNorm) store(m1 + j, o * tanh(cell1), count);
  });
}

/** The active ones of some rows at t, without layer normalisation, x = h_{t−1} ⊙ mask: the gates' products, then cell and m. */
inline void Lstm::forward_step(const Product (&products)[4], int t, int b, int rows, const float *x) const {
  float *a = gates_at(t, b);
  const Gate gates[] = {{products[0], a, 4 * H, Into::Add},
                        {products[1], a + H, 4 * H, Into::Add},
                        {products[2], a + 2 * H, 4 * H, Into::Add},
                        {products[3], a + 3 * H, 4 * H, Into::Add}};
  share_units(rows, [&](int from, int to) {
    multiply_units(gates, from, to, rows, x, P);
    for (int r = b; r < b + rows; r++) {
      if (is_active(t, r)) forward_units(t, r, from, to - from);
    }
  });
}

/** c̃ = normalized(c) ⊙ weight + bias;  m = o ⊙ tanh(c̃) */
inline void Lstm::forward_cell_norm(int t, int b) const {
  float *normalized = cellNorm.normalized + at(B, t, b, H), *m1 = m_at(t, b);
  const float *o = gates_at(t, b) + 3 * H;
  copy(c_at(after(t), b), normalized, H);
  cellNorm.rstd[t * ptrdiff_t(B) + b] = normalize(normalized, H, cellNorm.epsilon);
  each_vector(H, [&](int j, int count) UNROLLED_LAMBDA {
    const F cell = fma(load(normalized + j, count), load(cellNorm.weight + j, count), load(cellNormBias + j, count));
    store(m1 + j, load(o + j, count) * tanh(cell), count);
  });
}

/** An inactive row: its state stays. */
inline void Lstm::carry(int t, int b) const {
  copy(h_at(before(t), b), h_at(after(t), b), P);
  copy(c_at(before(t), b), c_at(after(t), b), H);
  if (weightHr) fill(m_at(t, b), H, 0.0f);
}

/** The packed weights and the scratch of a forward, laid out in its workspace. */
struct LstmForwardPlan {
  Product gates[4]; // i, f, g, o apart: [H, P] each, so that one unit's four gates can be made together
  Product projection;
  int perRow;
  float *scratch;

  LstmForwardPlan(int T, int B, int H, int P, const float *weightHh, const float *weightHr, bool hasMask, bool hasProjection,
                  bool isPacked, Arena &arena)
      : gates{gate(0, T, B, H, P, weightHh, isPacked, arena), gate(1, T, B, H, P, weightHh, isPacked, arena),
              gate(2, T, B, H, P, weightHh, isPacked, arena), gate(3, T, B, H, P, weightHh, isPacked, arena)},
        projection(hasProjection ? P : 0, H, true, weightHr, T, B, arena, isPacked) {
    const int products = larger(gates[0].scratch_per_row(), projection.scratch_per_row());
    perRow = round_up((hasMask ? P : 0) + products, 16);
    scratch = arena.take(ptrdiff_t(B) * perRow);
  }
};

static inline int32_t lstm_forward_workspace(int32_t T, int32_t B, int32_t H, int32_t P, int32_t hasMask, int32_t, int32_t,
                                             int32_t hasProjection, int32_t, int32_t isPacked) {
  Arena arena{nullptr};
  const LstmForwardPlan plan(T, B, H, P, nullptr, nullptr, hasMask, hasProjection, isPacked, arena);
  return int32_t(arena.used);
}

static inline void lstm_forward_rows(const Lstm &lstm, const LstmForwardPlan &plan, int b, int rows) {
  const int H = lstm.H, P = lstm.P;
  float *const xScratch = plan.scratch + ptrdiff_t(b) * plan.perRow;
  float *const scratch = xScratch + (lstm.mask ? ptrdiff_t(rows) * P : 0);
  for (int step = 0; step < lstm.T; step++) {
    const int t = lstm.time(step);
    const float *x = lstm.masked(lstm.h_at(lstm.before(t), b), b, rows, xScratch);
    if (lstm.norm) {
      float *a = lstm.gates_at(t, b);
      float *q = lstm.norm.normalized + Layer::at(lstm.B, t, b, 4 * H);
      for (int g = 0; g < 4; g++) plan.gates[g](rows, x, P, q + g * H, 4 * H, Into::Overwrite, scratch);
      lstm.normalize_rows(t, b, rows);
      for (int r = 0; r < rows; r++) {
        lstm.add_normalized(t, b + r, 0, 4 * H, a + ptrdiff_t(r) * 4 * H);
        if (lstm.is_active(t, b + r)) lstm.forward_units(t, b + r, 0, H);
      }
    } else {
      lstm.forward_step(plan.gates, t, b, rows, x);
    }

    if (lstm.cellNorm) {
      for (int r = b; r < b + rows; r++) {
        if (lstm.is_active(t, r)) lstm.forward_cell_norm(t, r);
      }
    }
    if (lstm.weightHr) {
      plan.projection(rows, lstm.m_at(t, b), H, lstm.h_at(lstm.after(t), b), P, Into::Overwrite, scratch);
    }
    for (int r = b; r < b + rows; r++) {
      if (!lstm.is_active(t, r)) lstm.carry(t, r);
    }
  }
}

static inline void lstm_forward(int32_t T, int32_t B, int32_t H, int32_t P, int32_t reverse, const int32_t *lengths,
                                const float *weightHh, const float *mask, UNROLLED_RECURRENT_NORM, float *gates, float *h,
                                float *c, const float *peephole, const float *weightHr, float *m,
                                const float *cellNormWeight, const float *cellNormBias, float cellNormEpsilon,
                                float *cellNormNormalized, float *cellNormRstd, int32_t isPacked, float *workspace) {
  const Lstm lstm{{T, B, H, P, 4 * H, reverse != 0, lengths, weightHh, mask, {normWeight, normEpsilon, normNormalized, normRstd}},
                  gates, h, c, peephole, weightHr, m, cellNormBias,
                  {cellNormWeight, cellNormEpsilon, cellNormNormalized, cellNormRstd}};
  Arena arena{workspace};
  const LstmForwardPlan plan(T, B, H, P, weightHh, weightHr, mask, weightHr, isPacked, arena);
  const Cut rows = lstm.rows_of_threads();
  if (!isPacked) {
    share(rows.parts, [&](int32_t part) {
      for (const Product &gate : plan.gates) gate.pack(part, rows.parts);
      plan.projection.pack(part, rows.parts);
    });
  }
  share(rows.parts, [&](int32_t part) {
    lstm_forward_rows(lstm, plan, rows.start(part), rows.start(part + 1) - rows.start(part));
  });
}

// ---- backward -----------------------------------------------------------------------------------------------------------

/** What the backward has beside the forward's; see LstmBackward. */
struct LstmGradients : Gradients {
  float *dC, *dPeephole, *dProjection, *dCellNormWeight, *dCellNormBias;
};

struct LstmBackwardPlan {
  Product recurrent;  // dH = dGates · W_hh
  Product projection; // dM = dH · W_hr
  // A row's own sums over time, added up over the batch in its order at the end.
  float *dNormWeight, *dPeephole, *dCellNormWeight, *dCellNormBias;
  int perRow, perThread;
  float *scratch;

  LstmBackwardPlan(int T, int B, int H, int P, const float *weightHh, const float *weightHr, bool hasMask, bool hasNorm,
                   bool hasPeephole, bool hasProjection, bool hasCellNorm, Arena &arena)
      : recurrent(P, 4 * H, false, weightHh, T, B, arena),
        projection(H, hasProjection ? P : 0, false, weightHr, T, B, arena),
        dNormWeight(arena.take(hasNorm ? ptrdiff_t(B) * 4 * H : 0)),
        dPeephole(arena.take(hasPeephole ? ptrdiff_t(B) * 3 * H : 0)),
        dCellNormWeight(arena.take(hasCellNorm ? ptrdiff_t(B) * H : 0)),
        dCellNormBias(arena.take(hasCellNorm ? ptrdiff_t(B) * H : 0)) {
    const int products = larger(recurrent.scratch_per_row(), projection.scratch_per_row());
    perRow = round_up(products + larger(hasMask ? P : 0, hasProjection ? H : 0), 16);
    perThread = round_up(larger(recurrent.scratch_besides(), projection.scratch_besides()) + (hasCellNorm ? round_up(H, 16) : 0), 16);
    scratch = arena.take(ptrdiff_t(B) * perRow + ptrdiff_t(thread_count()) * perThread);
  }
};

static inline int32_t lstm_backward_workspace(int32_t T, int32_t B, int32_t H, int32_t P, int32_t hasMask, int32_t hasNorm,
                                              int32_t hasPeephole, int32_t hasProjection, int32_t hasCellNorm) {
  Arena arena{nullptr};
  const LstmBackwardPlan plan(T, B, H, P, nullptr, nullptr, hasMask, hasNorm, hasPeephole, hasProjection, hasCellNorm, arena);
  return int32_t(arena.used);
}

/**
 * Row b at t, from dM = ∂L/∂m_t and dC = ∂L/∂c_t through the future: the gates' gradients in place of the gates, and
 * dC = ∂L/∂c_{t−1}. dCell [H]: scratch, with cellNorm only.
 */
static UNROLLED_INLINE void lstm_backward_row(const Lstm &lstm, const LstmBackwardPlan &plan, int t, int b, const float *dM,
                                              float *dC, float *dCell) {
  const int H = lstm.H;
  float *a = lstm.gates_at(t, b);
  const float *c0 = lstm.c_at(lstm.before(t), b), *c1 = lstm.c_at(lstm.after(t), b), *p = lstm.peephole;
  float *dP = plan.dPeephole + ptrdiff_t(b) * 3 * H;
  const F one = splat(1.0f);

  // m = o ⊙ tanh(c̃)
  const auto output = [&](int j, int count, F cell, F &dO) UNROLLED_LAMBDA {
    const F o = load(a + 3 * H + j, count), squashed = tanh(cell), d = load(dM + j, count);
    dO = flush(d * squashed * o * (one - o));
    return d * o * (one - squashed * squashed);
  };
  if (lstm.cellNorm) { // c̃ = normalized(c) ⊙ weight + bias
    const Norm &norm = lstm.cellNorm;
    const float *normalized = norm.normalized + Layer::at(lstm.B, t, b, H);
    float *dWeight = plan.dCellNormWeight + ptrdiff_t(b) * H, *dBias = plan.dCellNormBias + ptrdiff_t(b) * H;
    each_vector(H, [&](int j, int count) UNROLLED_LAMBDA {
      const F z = load(normalized + j, count), weight = load(norm.weight + j, count);
      F dO;
      const F d = output(j, count, fma(z, weight, load(lstm.cellNormBias + j, count)), dO);
      store(a + 3 * H + j, dO, count);
      store(dWeight + j, fma(d, z, load(dWeight + j, count)), count);
      store(dBias + j, load(dBias + j, count) + d, count);
      store(dCell + j, d * weight, count);
    });
    normalize_backward(dCell, normalized, H, norm.rstd[t * ptrdiff_t(lstm.B) + b]);
  }
  each_vector(H, [&](int j, int count) UNROLLED_LAMBDA {
    const F i = load(a + j, count), f = load(a + H + j, count), g = load(a + 2 * H + j, count);
    const F cell0 = load(c0 + j, count), cell1 = load(c1 + j, count);
    F dO, d;
    if (lstm.cellNorm) d = load(dCell + j, count), dO = load(a + 3 * H + j, count);
    else d = output(j, count, cell1, dO);
    d = d + load(dC + j, count);
    if (p) d = fma(load(p + 2 * H + j, count), dO, d); // o saw c_t through its peephole
    // c_t = f ⊙ c_{t−1} + i ⊙ g
    const F dI = flush(d * g * i * (one - i));
    const F dF = flush(d * cell0 * f * (one - f));
    const F dG = flush(d * i * (one - g * g));
    F dC0 = d * f;
    if (p) {
      dC0 = fma(load(p + j, count), dI, fma(load(p + H + j, count), dF, dC0));
      store(dP + j, fma(dI, cell0, load(dP + j, count)), count);
      store(dP + H + j, fma(dF, cell0, load(dP + H + j, count)), count);
      store(dP + 2 * H + j, fma(dO, cell1, load(dP + 2 * H + j, count)), count);
    }
    store(dC + j, flush(dC0), count);
    store(a + j, dI, count);
    store(a + H + j, dF, count);
    store(a + 2 * H + j, dG, count);
    store(a + 3 * H + j, dO, count);
  });
}

static inline void lstm_backward_rows(const Lstm &lstm, const LstmGradients &d, const LstmBackwardPlan &plan, int part, int b,
                                      int rows) {
  const int B = lstm.B, H = lstm.H, P = lstm.P;
  float *const dCell = plan.scratch + ptrdiff_t(b) * plan.perRow + ptrdiff_t(part) * plan.perThread;
  float *const dM = dCell + (lstm.cellNorm ? round_up(H, 16) : 0); // [rows, H], and later dX [rows, P] with a mask
  float *const scratch = dM + ptrdiff_t(rows) * larger(lstm.mask ? P : 0, lstm.weightHr ? H : 0);
  float *const dH = d.dH + ptrdiff_t(b) * P;

  for (int step = lstm.T - 1; step >= 0; step--) {
    const int t = lstm.time(step);
    d.arrive(lstm, t, b, rows);
    // h = W_hr m
    if (lstm.weightHr) {
      for (int r = 0; r < rows; r++) {
        float *dProjection = d.dProjection + Layer::at(B, t, b + r, P);
        if (lstm.is_active(t, b + r)) copy(dH + ptrdiff_t(r) * P, dProjection, P);
        else fill(dProjection, P, 0.0f);
      }
      plan.projection(rows, dH, P, dM, H, Into::Overwrite, scratch);
    }
    for (int r = 0; r < rows; r++) {
      float *dHr = dH + ptrdiff_t(r) * P;
      if (!lstm.is_active(t, b + r)) {
        fill(lstm.gates_at(t, b + r), 4 * H, 0.0f);
        if (lstm.norm) fill(d.dQ + Layer::at(B, t, b + r, 4 * H), 4 * H, 0.0f);
        continue;
      }
      lstm_backward_row(lstm, plan, t, b + r, lstm.weightHr ? dM + ptrdiff_t(r) * H : dHr, d.dC + ptrdiff_t(b + r) * H, dCell);
      if (lstm.norm) {
        lstm.normalize_row_backward(t, b + r, lstm.gates_at(t, b + r), d.dQ + Layer::at(B, t, b + r, 4 * H),
                                    plan.dNormWeight + ptrdiff_t(b + r) * 4 * H);
      }
      fill(dHr, P, 0.0f);
    }
    // a = gates_t + W_hh (h_{t−1} ⊙ mask)
    const float *dQ = lstm.norm ? d.dQ + Layer::at(B, t, b, 4 * H) : lstm.gates_at(t, b);
    d.through_product(lstm, plan.recurrent, b, rows, dQ, 4 * H, dM, scratch);
  }
}

static inline void lstm_backward(int32_t T, int32_t B, int32_t H, int32_t P, int32_t reverse, const int32_t *lengths,
                                 const float *weightHh, const float *mask, UNROLLED_RECURRENT_NORM, float *gates, float *h,
                                 float *c, const float *peephole, const float *weightHr, float *m,
                                 const float *cellNormWeight, const float *cellNormBias, float cellNormEpsilon,
                                 float *cellNormNormalized, float *cellNormRstd, const float *dY, float *dH, float *dQ,
                                 float *dNormWeight, float *dHSquares, float *dC, float *dPeephole, float *dProjection,
                                 float *dCellNormWeight, float *dCellNormBias, float *workspace) {
  const Lstm lstm{{T, B, H, P, 4 * H, reverse != 0, lengths, weightHh, mask, {normWeight, normEpsilon, normNormalized, normRstd}},
                  gates, h, c, peephole, weightHr, m, cellNormBias,
                  {cellNormWeight, cellNormEpsilon, cellNormNormalized, cellNormRstd}};
  const LstmGradients gradients{{dY, dH, dQ, dNormWeight, dHSquares}, dC, dPeephole, dProjection, dCellNormWeight, dCellNormBias};
  Arena arena{workspace};
  const LstmBackwardPlan plan(T, B, H, P, weightHh, weightHr, mask, lstm.norm ? true : false, peephole, weightHr,
                              lstm.cellNorm ? true : false, arena);
  if (plan.dNormWeight) fill(plan.dNormWeight, normWeight ? B * 4 * H : 0, 0.0f);
  if (plan.dPeephole) fill(plan.dPeephole, peephole ? B * 3 * H : 0, 0.0f);
  if (plan.dCellNormWeight) fill(plan.dCellNormWeight, cellNormWeight ? B * H : 0, 0.0f);
  if (plan.dCellNormBias) fill(plan.dCellNormBias, cellNormWeight ? B * H : 0, 0.0f);
  const Cut rows = lstm.rows_of_threads();
  share(rows.parts, [&](int32_t part) {
    plan.recurrent.pack(part, rows.parts);
    plan.projection.pack(part, rows.parts);
  });
  share(rows.parts, [&](int32_t part) {
    lstm_backward_rows(lstm, gradients, plan, part, rows.start(part), rows.start(part + 1) - rows.start(part));
  });
  if (normWeight && dNormWeight) add_rows(plan.dNormWeight, B, 4 * H, dNormWeight);
  if (peephole && dPeephole) add_rows(plan.dPeephole, B, 3 * H, dPeephole);
  if (cellNormWeight && dCellNormWeight) add_rows(plan.dCellNormWeight, B, H, dCellNormWeight);
  if (cellNormWeight && dCellNormBias) add_rows(plan.dCellNormBias, B, H, dCellNormBias);
}

} // namespace UNROLLED_ISA
} // namespace unrolled
