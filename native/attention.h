// A recurrent decoder that looks at a memory at every step, a whole sequence a call. One step of a row is, in the letters of
// AttentionForward in src/backend/backend.ts,
//
//   attend:  q = W_q h                        (or h itself)
//            e_s = v · tanh(q + k_s)           additive, Bahdanau et al. (2015); or scale · q · k_s, Luong et al. (2015)
//            α = softmax over the row's memory ;  context = Σ_s α_s m_s
//   cell:    gates_t += W_c context ;  h_t = GRU or LSTM of gates_t and h_{t−1} (gru.h, lstm.h)
//
// in this order (attendFirst: the query is h_{t−1}), or the cell first, with the context of the step before, and then the
// attention, whose query is h_t. Keys are projected above, once. The backward computes tanh(q + k_s) again: to keep it for
// every step would take T · S · A numbers a row.
#pragma once

#include "gru.h"
#include "lstm.h"
#include "rows.h"

namespace unrolled {
namespace UNROLLED_ISA {

struct Attention {
  int B, S, A, M;
  bool isFirst;
  const int32_t *memoryLengths, *memoryRows; // [rows of memory], [B]
  const float *weightQuery, *scoreVector;    // [A, H], [A]
  float scale;
  const float *keys, *memory; // [rows of memory, S, A], [rows of memory, S, M]
  float *query, *context, *weights;

  /** Which row of the memory row b looks at, and how much of it there is. */
  int memory_of(int b) const { return memoryRows ? memoryRows[b] : b; }
  int length_of(int b) const { return memoryLengths ? memoryLengths[memory_of(b)] : S; }
  const float *keys_of(int b) const { return keys + ptrdiff_t(memory_of(b)) * S * A; }
  const float *memory_at(int b) const { return memory + ptrdiff_t(memory_of(b)) * S * M; }

  float *query_at(int t, int b) const { return query + Layer::at(B, t, b, A); }
  float *context_at(int slot, int b) const { return context + Layer::at(B, slot, b, M); }
  float *weights_at(int t, int b) const { return weights + Layer::at(B, t, b, S); }
  /** The slot of the context that the cell reads at t. */
  int seen(int t) const { return isFirst ? t + 1 : t; }
};

static UNROLLED_INLINE float dot_of(const float *x, const float *y, int n) {
  F total{};
  each_vector(n, [&](int i, int count) UNROLLED_LAMBDA { total = fma(load(x + i, count), load(y + i, count), total); });
  return sum(total);
}
/** y += a · x */
static UNROLLED_INLINE void add_scaled(float a, const float *x, float *y, int n) {
  const F factor = splat(a);
  each_vector(n, [&](int i, int count) UNROLLED_LAMBDA { store(y + i, fma(factor, load(x + i, count), load(y + i, count)), count); });
}

// ---- forward ------------------------------------------------------------------------------------------------------------

/** y [n] = Σ_s w[s] · x[s, :], x [S, n]; some vectors of y at a time, so that their sums overlap. */
static UNROLLED_INLINE void weighted_sum(const float *w, const float *x, int S, int n, float *y) {
  constexpr int kAtOnce = 4;
  int j = 0;
  for (; j + kAtOnce * W <= n; j += kAtOnce * W) {
    F sums[kAtOnce] = {};
    const float *row = x + j;
    for (int s = 0; s < S; s++, row += n) {
      const F weight = splat(w[s]);
      UNROLLED_UNROLL
      for (int v = 0; v < kAtOnce; v++) sums[v] = fma(weight, load(row + v * W), sums[v]);
    }
    UNROLLED_UNROLL
    for (int v = 0; v < kAtOnce; v++) store(y + j + v * W, sums[v]);
  }
  each_vector(n - j, [&](int i, int count) UNROLLED_LAMBDA {
    F total{};
    for (int s = 0; s < S; s++) total = fma(splat(w[s]), load(x + ptrdiff_t(s) * n + j + i, count), total);
    store(y + j + i, total, count);
  });
}

/** Row b at t, its query being made: weights and, in slot t+1, the context. An empty memory gives zeros. */
static UNROLLED_INLINE void attend_row(const Attention &attention, int t, int b) {
  const int A = attention.A, n = attention.length_of(b);
  const float *q = attention.query_at(t, b), *v = attention.scoreVector, *k = attention.keys_of(b);
  float *w = attention.weights_at(t, b);
  for (int s = 0; s < n; s++, k += A) {
    if (v) {
      F total{};
      each_vector(A, [&](int i, int count) UNROLLED_LAMBDA {
        total = fma(load(v + i, count), tanh(load(q + i, count) + load(k + i, count)), total);
      });
      w[s] = sum(total);
    } else {
      w[s] = attention.scale * dot_of(q, k, A);
    }
  }
  if (n > 0) {
    const F largest = splat(row_maximum(w, n));
    map(0, n, w, [=](F e) { return exp(e - largest); }, w);
    const F share = splat(1.0f / sum_of(w, n));
    map(0, n, w, [=](F e) { return e * share; }, w);
  }
  fill(w + n, attention.S - n, 0.0f);
  weighted_sum(w, attention.memory_at(b), n, attention.M, attention.context_at(t + 1, b));
}

/** Rows b … b+rows at t: the query from the state in `slot`, weights, context. Of an inactive row the context stays. */
static UNROLLED_INLINE void attend(const Attention &attention, const Layer &layer, const Product &query, const float *h, int slot,
                                   int t, int b, int rows, float *scratch) {
  const int A = attention.A, H = layer.H;
  const float *state = h + Layer::at(layer.B, slot, b, H);
  float *q = attention.query_at(t, b);
  if (attention.weightQuery) query(rows, state, H, q, A, Into::Overwrite, scratch);
  else copy(state, q, rows * H);
  for (int r = b; r < b + rows; r++) {
    if (layer.is_active(t, r)) {
      attend_row(attention, t, r);
      continue;
    }
    fill(attention.query_at(t, r), A, 0.0f); // a gradient of 0 meets what it belongs to: it must not be NaN
    fill(attention.weights_at(t, r), attention.S, 0.0f);
    copy(attention.context_at(t, r), attention.context_at(t + 1, r), attention.M);
  }
}

/** The cell of a step and its products: those of the forward, or those of the backward. `State` is Gru or Lstm. */
template <typename State> struct DecoderProducts;

template <> struct DecoderProducts<Gru> {
  static constexpr int G = 3;
  Product gates[3];               // r, z, n
  Product resetUpdate, candidate; // of the backward
  DecoderProducts(int T, int B, int H, bool isForward, const float *weightHh, bool isPacked, Arena &arena) {
    if (isForward) {
      for (int g = 0; g < 3; g++) gates[g] = gate(g, T, B, H, H, weightHh, isPacked, arena);
    } else {
      resetUpdate = Product(H, 2 * H, false, weightHh, T, B, arena);
      candidate = Product(H, H, false, weightHh + ptrdiff_t(2) * H * H, T, B, arena);
    }
  }
  int scratch_per_row() const {
    return larger(gates[0].scratch_per_row(), larger(resetUpdate.scratch_per_row(), candidate.scratch_per_row()));
  }
  int scratch_besides() const {
    return larger(gates[0].scratch_besides(), larger(resetUpdate.scratch_besides(), candidate.scratch_besides()));
  }
  void pack(int part, int parts) const {
    for (const Product &gate : gates) gate.pack(part, parts);
    resetUpdate.pack(part, parts), candidate.pack(part, parts);
  }

  void forward(const Gru &gru, int t, int b, int rows, const float *x) const {
    gru_forward_step(gru, gates, t, b, rows, x);
    for (int r = b; r < b + rows; r++) {
      if (gru.is_active(t, r)) continue;
      copy(gru.h_at(t, r), gru.h_at(t + 1, r), gru.H);
      fill(gru.hn_at(t, r), gru.H, 0.0f);
    }
  }
  void backward(const Gru &gru, const Gradients &d, float *, int t, int b, int rows, float *masked, float *scratch) const {
    const int H = gru.H;
    for (int r = b; r < b + rows; r++) {
      if (gru.is_active(t, r)) {
        gru_backward_row(gru, t, r, d.dH + ptrdiff_t(r) * H);
        continue;
      }
      fill(gru.gates_at(t, r), 3 * H, 0.0f);
      fill(gru.hn_at(t, r), H, 0.0f);
    }
    d.through_product(gru, resetUpdate, b, rows, gru.gates_at(t, b), 3 * H, masked, scratch);
    d.through_product(gru, candidate, b, rows, gru.hn_at(t, b), H, masked, scratch);
  }
};

template <> struct DecoderProducts<Lstm> {
  static constexpr int G = 4;
  Product gates[4];      // i, f, g, o
  Product recurrent;     // of the backward
  LstmBackwardPlan none; // of an LSTM without options

  static LstmBackwardPlan without_options(int T, int B) {
    Arena nothing{nullptr};
    return LstmBackwardPlan(T, B, 0, 0, nullptr, nullptr, false, false, false, false, false, nothing);
  }
  DecoderProducts(int T, int B, int H, bool isForward, const float *weightHh, bool isPacked, Arena &arena) : none(without_options(T, B)) {
    if (isForward) {
      for (int g = 0; g < 4; g++) gates[g] = gate(g, T, B, H, H, weightHh, isPacked, arena);
    } else {
      recurrent = Product(H, 4 * H, false, weightHh, T, B, arena);
    }
  }
  int scratch_per_row() const { return larger(gates[0].scratch_per_row(), recurrent.scratch_per_row()); }
  int scratch_besides() const { return larger(gates[0].scratch_besides(), recurrent.scratch_besides()); }
  void pack(int part, int parts) const {
    for (const Product &gate : gates) gate.pack(part, parts);
    recurrent.pack(part, parts);
  }

  void forward(const Lstm &lstm, int t, int b, int rows, const float *x) const {
    lstm.forward_step(gates, t, b, rows, x);
    for (int r = b; r < b + rows; r++) {
      if (!lstm.is_active(t, r)) lstm.carry(t, r);
    }
  }
  void backward(const Lstm &lstm, const Gradients &d, float *dC, int t, int b, int rows, float *masked, float *scratch) const {
    const int H = lstm.H;
    for (int r = b; r < b + rows; r++) {
      float *dH = d.dH + ptrdiff_t(r) * H;
      if (!lstm.is_active(t, r)) {
        fill(lstm.gates_at(t, r), 4 * H, 0.0f);
        continue;
      }
      lstm_backward_row(lstm, none, t, r, dH, dC + ptrdiff_t(r) * H, nullptr);
      fill(dH, H, 0.0f);
    }
    d.through_product(lstm, recurrent, b, rows, lstm.gates_at(t, b), 4 * H, masked, scratch);
  }
};

/** Products and scratch of a forward (or, transposed, of a backward), laid out in its workspace. */
template <typename State> struct AttentionPlan {
  static constexpr int G = DecoderProducts<State>::G;
  DecoderProducts<State> cell;
  Product context; // gates += W_c context, or its transpose
  Product query;   // q = W_q h, or its transpose
  float *dScoreVector; // [B, A], a row's own sum over time
  int perRow, perThread;
  float *scratch;

  AttentionPlan(int T, int B, int H, int S, int A, int M, bool isForward, const float *weightHh, const float *weightContext,
                const float *weightQuery, bool hasQuery, bool hasMask, bool isPacked, Arena &arena)
      : cell(T, B, H, isForward, weightHh, isPacked, arena),
        context(isForward ? G * H : M, isForward ? M : G * H, isForward, weightContext, T, B, arena, isPacked),
        query(!hasQuery ? 0 : isForward ? A : H, isForward ? H : A, isForward, weightQuery, T, B, arena, isPacked),
        dScoreVector(arena.take(isForward ? 0 : ptrdiff_t(B) * A)) {
    const int products = larger(cell.scratch_per_row(), larger(context.scratch_per_row(), query.scratch_per_row()));
    const int besides = larger(cell.scratch_besides(), larger(context.scratch_besides(), query.scratch_besides()));
    perRow = round_up((hasMask ? H : 0) + products, 16);
    perThread = round_up(besides + (isForward ? 0 : round_up(A, 16) + round_up(S, 16)), 16);
    scratch = arena.take(ptrdiff_t(B) * perRow + ptrdiff_t(thread_count()) * perThread);
  }
  void pack(int part, int parts) const { cell.pack(part, parts), context.pack(part, parts), query.pack(part, parts); }
};

template <typename State>
static inline void attention_forward_rows(const Attention &attention, const State &cell, const AttentionPlan<State> &plan, int part,
                                          int b, int rows) {
  constexpr int G = AttentionPlan<State>::G;
  const int H = cell.H;
  float *const xScratch = plan.scratch + ptrdiff_t(b) * plan.perRow + ptrdiff_t(part) * plan.perThread;
  float *const scratch = xScratch + (cell.mask ? ptrdiff_t(rows) * H : 0);
  for (int t = 0; t < cell.T; t++) {
    if (attention.isFirst) attend(attention, cell, plan.query, cell.h, t, t, b, rows, scratch);
    cell.share_columns(G * H, rows, [&](int from, int to) {
      plan.context.columns(from, to, rows, attention.context_at(attention.seen(t), b), attention.M, cell.gates_at(t, b), G * H,
                           Into::Add, scratch);
    });
    plan.cell.forward(cell, t, b, rows, cell.masked(cell.h_at(t, b), b, rows, xScratch));
    if (!attention.isFirst) attend(attention, cell, plan.query, cell.h, t + 1, t, b, rows, scratch);
  }
}

template <typename State>
static inline void attention_forward_of(const Attention &attention, const State &cell, const float *weightContext, bool isPacked,
                                        float *workspace) {
  Arena arena{workspace};
  const AttentionPlan<State> plan(cell.T, cell.B, cell.H, attention.S, attention.A, attention.M, true, cell.weightHh, weightContext,
                                  attention.weightQuery, attention.weightQuery, cell.mask, isPacked, arena);
  const Cut rows = cell.rows_of_threads();
  if (!isPacked) share(rows.parts, [&](int32_t part) { plan.pack(part, rows.parts); });
  share(rows.parts, [&](int32_t part) {
    attention_forward_rows(attention, cell, plan, part, rows.start(part), rows.start(part + 1) - rows.start(part));
  });
}

static inline int32_t attention_workspace(bool isForward, int32_t T, int32_t B, int32_t H, int32_t S, int32_t A, int32_t M,
                                          int32_t isLstm, int32_t hasQuery, int32_t hasMask, int32_t isPacked) {
  Arena arena{nullptr};
  if (isLstm) AttentionPlan<Lstm>(T, B, H, S, A, M, isForward, nullptr, nullptr, nullptr, hasQuery, hasMask, isPacked, arena);
  else AttentionPlan<Gru>(T, B, H, S, A, M, isForward, nullptr, nullptr, nullptr, hasQuery, hasMask, isPacked, arena);
  return int32_t(arena.used);
}
static inline int32_t attention_forward_workspace(int32_t T, int32_t B, int32_t H, int32_t S, int32_t A, int32_t M, int32_t isLstm,
                                                  int32_t hasQuery, int32_t hasMask, int32_t isPacked) {
  return attention_workspace(true, T, B, H, S, A, M, isLstm, hasQuery, hasMask, isPacked);
}

// What both directions take; c is null for a GRU, hn and biasHn for an LSTM.
#define UNROLLED_ATTENTION                                                                                                       \
  int32_t T, int32_t B, int32_t H, int32_t S, int32_t A, int32_t M, const int32_t *lengths, const float *weightHh,              \
      const float *mask, int32_t attendFirst, const int32_t *memoryLengths, const int32_t *memoryRows, const float *weightQuery, \
      const float *scoreVector, float scale, const float *keys, const float *memory, const float *weightContext,               \
      const float *biasHn, float *gates, float *h, float *c, float *hn, float *query, float *context, float *weights
#define UNROLLED_ATTENTION_STATE                                                                                                 \
  const Attention attention{B,    S,      A,     M,       attendFirst != 0, memoryLengths, memoryRows, weightQuery, scoreVector, \
                            scale, keys, memory, query, context, weights};                                                      \
  const Norm none{nullptr, 0, nullptr, nullptr};                                                                                 \
  const Lstm lstm{{T, B, H, H, 4 * H, false, lengths, weightHh, mask, none}, gates, h, c, nullptr, nullptr, nullptr, nullptr, none}; \
  const Gru gru{{T, B, H, H, 3 * H, false, lengths, weightHh, mask, none}, true, biasHn, gates, h, hn}

/** isPacked: weightHh, each gate a part, weightContext and weightQuery are what pack_weights made of them. */
static inline void attention_forward(UNROLLED_ATTENTION, int32_t isPacked, float *workspace) {
  UNROLLED_ATTENTION_STATE;
  if (c) attention_forward_of(attention, lstm, weightContext, isPacked, workspace);
  else attention_forward_of(attention, gru, weightContext, isPacked, workspace);
}

// ---- backward -----------------------------------------------------------------------------------------------------------

/** What the backward of the attention has beside its forward; see AttentionBackward. */
struct AttentionGradients {
  const float *dContext, *dWeights;
  float *dContextState, *dKeys, *dMemory;
};

/**
 * Row b at t, from the whole gradient of its context: those of memory and keys add up over the steps, that of the query stands
 * in its place. dQ [A], dE [S]: scratch; dV [A]: the row's sum.
 */
static UNROLLED_INLINE void attend_row_backward(const Attention &attention, const AttentionGradients &d, int t, int b,
                                                const float *dContext, float *dV, float *dQ, float *dE) {
  const int A = attention.A, M = attention.M, S = attention.S, n = attention.length_of(b);
  float *const q = attention.query_at(t, b);
  const float *v = attention.scoreVector, *w = attention.weights_at(t, b);
  const float *dW = d.dWeights ? d.dWeights + Layer::at(attention.B, t, b, S) : nullptr;
  // context = Σ α_s m_s
  float mean = 0;
  for (int s = 0; s < n; s++) {
    dE[s] = dot_of(attention.memory_at(b) + ptrdiff_t(s) * M, dContext, M) + (dW ? dW[s] : 0.0f);
    add_scaled(w[s], dContext, d.dMemory + (ptrdiff_t(b) * S + s) * M, M);
    mean += w[s] * dE[s];
  }
  // α = softmax(e)
  for (int s = 0; s < n; s++) dE[s] = w[s] * (dE[s] - mean);
  fill(dQ, A, 0.0f);
  const F one = splat(1.0f);
  for (int s = 0; s < n; s++) {
    const float *k = attention.keys_of(b) + ptrdiff_t(s) * A;
    float *dK = d.dKeys + (ptrdiff_t(b) * S + s) * A;
    if (v) { // e = v · tanh(q + k)
      const F dScore = splat(dE[s]);
      each_vector(A, [&](int i, int count) UNROLLED_LAMBDA {
        const F x = tanh(load(q + i, count) + load(k + i, count));
        const F dX = flush(dScore * load(v + i, count) * (one - x * x));
        store(dV + i, fma(dScore, x, load(dV + i, count)), count);
        store(dQ + i, load(dQ + i, count) + dX, count);
        store(dK + i, load(dK + i, count) + dX, count);
      });
    } else { // e = scale · q · k
      add_scaled(attention.scale * dE[s], k, dQ, A);
      add_scaled(attention.scale * dE[s], q, dK, A);
    }
  }
  copy(dQ, q, A);
}

/** Rows b … b+rows at t: what their contexts owe goes to memory, keys, and through the query to dH. */
static UNROLLED_INLINE void attend_backward(const Attention &attention, const AttentionGradients &d, const Layer &layer,
                                            const Product &query, float *dScoreVector, float *dH, int t, int b, int rows, float *dQ,
                                            float *dE, float *scratch) {
  const int A = attention.A, M = attention.M, H = layer.H;
  for (int r = b; r < b + rows; r++) {
    if (!layer.is_active(t, r)) continue; // its query, and so the gradient of that, is 0
    float *dContext = d.dContextState + ptrdiff_t(r) * M;
    if (d.dContext) add_scaled(1.0f, d.dContext + Layer::at(attention.B, t, r, M), dContext, M);
    attend_row_backward(attention, d, t, r, dContext, dScoreVector + ptrdiff_t(r) * A, dQ, dE);
    fill(dContext, M, 0.0f);
  }
  float *dHb = dH + ptrdiff_t(b) * H;
  if (attention.weightQuery) query(rows, attention.query_at(t, b), A, dHb, H, Into::Add, scratch);
  else add_scaled(1.0f, attention.query_at(t, b), dHb, rows * H);
}

template <typename State>
static inline void attention_backward_rows(const Attention &attention, const AttentionGradients &d, const State &cell,
                                           const Gradients &shared, float *dC, const AttentionPlan<State> &plan, int part, int b,
                                           int rows) {
  constexpr int G = AttentionPlan<State>::G;
  const int H = cell.H, A = attention.A, M = attention.M;
  float *const dQ = plan.scratch + ptrdiff_t(b) * plan.perRow + ptrdiff_t(part) * plan.perThread;
  float *const dE = dQ + round_up(A, 16);
  float *const masked = dE + round_up(attention.S, 16);
  float *const scratch = masked + (cell.mask ? ptrdiff_t(rows) * H : 0);
  const auto attention_backward = [&](int t) {
    attend_backward(attention, d, cell, plan.query, plan.dScoreVector, shared.dH, t, b, rows, dQ, dE, scratch);
  };
  for (int t = cell.T - 1; t >= 0; t--) {
    if (!attention.isFirst) attention_backward(t);
    shared.arrive(cell, t, b, rows);
    plan.cell.backward(cell, shared, dC, t, b, rows, masked, scratch);
    plan.context(rows, cell.gates_at(t, b), G * H, d.dContextState + ptrdiff_t(b) * M, M, Into::Add, scratch);
    if (attention.isFirst) attention_backward(t);
  }
}

template <typename State>
static inline void attention_backward_of(const Attention &attention, const AttentionGradients &d, const State &cell,
                                         const Gradients &shared, float *dC, const float *weightContext, float *dScoreVector,
                                         float *workspace) {
  Arena arena{workspace};
  const AttentionPlan<State> plan(cell.T, cell.B, cell.H, attention.S, attention.A, attention.M, false, cell.weightHh, weightContext,
                                  attention.weightQuery, attention.weightQuery, cell.mask, false, arena);
  const int B = cell.B, S = attention.S, A = attention.A, M = attention.M;
  fill(plan.dScoreVector, B * A, 0.0f);
  const Cut rows = cell.rows_of_threads();
  share(rows.parts, [&](int32_t part) {
    plan.pack(part, rows.parts);
    const int b = rows.start(part), n = rows.start(part + 1) - b;
    fill(d.dKeys + ptrdiff_t(b) * S * A, n * S * A, 0.0f);
    fill(d.dMemory + ptrdiff_t(b) * S * M, n * S * M, 0.0f);
  });
  share(rows.parts, [&](int32_t part) {
    attention_backward_rows(attention, d, cell, shared, dC, plan, part, rows.start(part), rows.start(part + 1) - rows.start(part));
  });
  if (dScoreVector) add_rows(plan.dScoreVector, B, A, dScoreVector);
}

static inline int32_t attention_backward_workspace(int32_t T, int32_t B, int32_t H, int32_t S, int32_t A, int32_t M, int32_t isLstm,
                                                   int32_t hasQuery, int32_t hasMask) {
  return attention_workspace(false, T, B, H, S, A, M, isLstm, hasQuery, hasMask, false);
}

static inline void attention_backward(UNROLLED_ATTENTION, const float *dY, const float *dContext, const float *dWeights, float *dH,
                                      float *dC, float *dContextState, float *dKeys, float *dMemory, float *dScoreVector,
                                      float *workspace) {
  UNROLLED_ATTENTION_STATE;
  const AttentionGradients gradients{dContext, dWeights, dContextState, dKeys, dMemory};
  const Gradients shared{dY, dH, nullptr, nullptr, nullptr};
  if (c) attention_backward_of(attention, gradients, lstm, shared, dC, weightContext, dScoreVector, workspace);
  else attention_backward_of(attention, gradients, gru, shared, dC, weightContext, dScoreVector, workspace);
}

} // namespace UNROLLED_ISA
} // namespace unrolled
