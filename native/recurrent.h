// What rnn.h, lstm.h and gru.h share: where a time step's state lies, the recurrent product with a weight packed once a
// call, layer normalisation of a row, and workspaces. Threads share the rows of the batch and each takes its rows through
// the whole sequence, so nobody waits at a time step; where the rows are too few, they share a large step's columns instead, and
// meet after it. Either way bits do not depend on who computes them.
#pragma once

#include "gemm.h"
#include "math.h"

namespace unrolled {
namespace UNROLLED_ISA {

/** Hands out a workspace piece by piece, each 64-byte aligned. Without memory (null) it only counts. */
struct Arena {
  float *memory;
  ptrdiff_t used = 0;
  float *take(ptrdiff_t floats) {
    float *piece = memory ? memory + used : nullptr;
    used += (floats + 15) / 16 * 16;
    return piece;
  }
};

static UNROLLED_INLINE void fill(float *y, int n, float value) {
  each_vector(n, [&](int i, int count) UNROLLED_LAMBDA { store(y + i, splat(value), count); });
}
static UNROLLED_INLINE void multiply(const float *x, const float *y, float *z, int n) {
  each_vector(n, [&](int i, int count) UNROLLED_LAMBDA { store(z + i, load(x + i, count) * load(y + i, count), count); });
}

// ---- recurrent product --------------------------------------------------------------------------------------------------

/**
 * y [rows, N] (+)= x [rows, K] · op(weight): a product that every time step repeats. The weight comes packed, or is packed once a
 * call, unless its uses are too few to pay for that. isTransposed: stored [N, K], as the forward needs it; else [K, N].
 */
struct Product {
  bool isTransposed = false;
  const float *weight = nullptr;
  bool isPacked = false;       // there are panels
  bool isPackedBefore = false; // and their memory is not this call's
  Panels panels;

  Product() = default;
  /** T steps of B rows each are to come. isPackedBefore: `weight` is what pack_weights made of it. */
  Product(int N, int K, bool isTransposed, const float *weight, int T, int B, Arena &arena, bool isPackedBefore = false)
      : isTransposed(isTransposed), weight(weight), isPackedBefore(isPackedBefore) {
    isPacked = isPackedBefore || (isTransposed ? B > kFewestPackedRows && int64_t(T) * B >= kFewestPackedUses : T > 4 || B > kFewRows);
    panels = {N, K, isPackedBefore ? const_cast<float *>(weight) : arena.take(isPacked ? Panels::floats(N, K) : 0)};
  }

  /** Scratch that a call with `rows` rows needs: so much a row, and so much besides. */
  int scratch_per_row() const { return isPacked ? panels.scratch_per_row() : 0; }
  int scratch_besides() const { return isPacked || isTransposed ? 0 : round_up(panels.K * kColumns, 16); }
  /** Whether so many rows go panel by panel, so that several products can take turns. */
  bool is_by_panel(int rows) const { return isPacked && rows > Panels::kFewRows; }

  void pack(int part, int parts) const {
    if (isPacked && !isPackedBefore) panels.pack(weight, isTransposed, part, parts);
  }

  void operator()(int rows, const float *x, ptrdiff_t ldx, float *y, ptrdiff_t ldy, Into into, float *scratch) const {
    columns(0, panels.N, rows, x, ldx, y, ldy, into, scratch);
  }

  /** Its columns from … to, whole panels. */
  void columns(int from, int to, int rows, const float *x, ptrdiff_t ldx, float *y, ptrdiff_t ldy, Into into, float *scratch) const {
    const int N = panels.N, K = panels.K;
    // Threads share four rows at least, so fewer are all there are.
    if (isPacked && rows <= Panels::kFewRows) return panels.multiply_few(rows, from, to, x, ldx, y, ldy, into, nullptr);
    if (isPacked) return panels.multiply(rows, from, to, x, ldx, y, ldy, into, nullptr, scratch);
    if (isTransposed) return dots(rows, to - from, K, x, ldx, weight + ptrdiff_t(from) * K, K, y + from, ldy, into, nullptr);
    multiply_slim(rows, to - from, K, x, false, ldx, weight + from, N, y + from, ldy, nullptr, into, scratch);
  }

  /** Fewer rows than this, or fewer rows over all steps than that: dot products with the weight as it lies. */
  static constexpr int kFewestPackedRows = 4, kFewestPackedUses = 48;
};

/** The product with a gate's [H, P] of weightHh [G·H, P]: gates apart, so that one unit's can be made together. */
static inline Product gate(int index, int T, int B, int H, int P, const float *weightHh, bool isPacked, Arena &arena) {
  return Product(H, P, true, weightHh + index * (isPacked ? Panels::floats(H, P) : ptrdiff_t(H) * P), T, B, arena, isPacked);
}

/** A gate's product, and where it goes. */
struct Gate {
  const Product &product;
  float *y;
  ptrdiff_t ldy;
  Into into;
};

/** Units from … to, whole panels, of every gate: y (+)= x · op(weight), the gates' panels in turns. */
template <int gates>
static inline void multiply_units(const Gate (&all)[gates], int from, int to, int rows, const float *x, ptrdiff_t ldx) {
  if (!all[0].product.is_by_panel(rows)) {
    for (const Gate &gate : all) gate.product.columns(from, to, rows, x, ldx, gate.y, gate.ldy, gate.into, nullptr);
    return;
  }
  const Cut tiles(rows, kRows), depths(all[0].product.panels.K, kDepth);
  for (int unit = from; unit < to; unit += kColumns) {
    for (int d = 0; d < depths.parts; d++) {
      for (const Gate &gate : all) {
        gate.product.panels.panel_of(tiles, unit, x + depths.start(d), ldx, gate.y, gate.ldy, d, depths, gate.into);
      }
    }
  }
}

// ---- normalisation of a row -----------------------------------------------------------------------------------------------

/** x = (x − mean) · rstd, in place; returns rstd = 1/√(variance + ε). */
static inline float normalize(float *x, int n, float epsilon) {
  F total{};
  each_vector(n, [&](int i, int count) UNROLLED_LAMBDA { total += load(x + i, count); });
  const float mean = sum(total) / float(n);
  F squares{};
  each_vector(n, [&](int i, int count) UNROLLED_LAMBDA {
    const F centred = load(x + i, count) - splat(mean);
    store(x + i, centred, count);
    const F kept = load(x + i, count); // lanes beyond the row are 0 again
    squares = fma(kept, kept, squares);
  });
  const float rstd = 1.0f / __builtin_sqrtf(sum(squares) / float(n) + epsilon);
  each_vector(n, [&](int i, int count) UNROLLED_LAMBDA { store(x + i, load(x + i, count) * splat(rstd), count); });
  return rstd;
}

/** dX = rstd · (d − mean(d) − normalized · mean(d ⊙ normalized)) for the gradient d of `normalized`; in place. */
static inline void normalize_backward(float *d, const float *normalized, int n, float rstd) {
  F total{}, product{};
  each_vector(n, [&](int i, int count) UNROLLED_LAMBDA {
    const F x = load(d + i, count);
    total += x;
    product = fma(x, load(normalized + i, count), product);
  });
  const F mean = splat(sum(total) / float(n)), slope = splat(sum(product) / float(n));
  each_vector(n, [&](int i, int count) UNROLLED_LAMBDA {
    const F x = load(d + i, count) - mean - load(normalized + i, count) * slope;
    store(d + i, x * splat(rstd), count);
  });
}

static UNROLLED_INLINE float sum_squares(const float *x, int n) {
  F total{};
  each_vector(n, [&](int i, int count) UNROLLED_LAMBDA {
    const F v = load(x + i, count);
    total = fma(v, v, total);
  });
  return sum(total);
}

// ---- a layer over time ------------------------------------------------------------------------------------------------------

struct Norm {
  const float *weight; // null: no normalisation
  float epsilon;
  float *normalized, *rstd;
  explicit operator bool() const { return weight != nullptr; }
};

/** See RecurrentLayer in src/backend/backend.ts for every field; `features` is G·H. */
struct Layer {
  int T, B, H, P, features;
  bool isReverse;
  const int32_t *lengths; // [B]
  const float *weightHh;  // [G·H, P]
  const float *mask;      // [B, P]
  Norm norm;              // normalized [T, B, G·H], rstd [T, B]

  /** The instant of the i-th step. */
  int time(int i) const { return isReverse ? T - 1 - i : i; }
  /** Slots of the states before and after the step at t. */
  int before(int t) const { return isReverse ? t + 1 : t; }
  int after(int t) const { return isReverse ? t : t + 1; }
  bool is_active(int t, int b) const { return !lengths || t < lengths[b]; }

  /** Row b of instant (or slot) t in a [T, B, n] buffer. */
  static ptrdiff_t at(int B, int t, int b, int n) { return (ptrdiff_t(t) * B + b) * n; }

  /** Threads that share the batch, four rows each at least. */
  Cut rows_of_threads() const {
    const int threads = smaller(worthwhile_threads(int64_t(T) * B * features * P), larger(1, B / 4));
    return Cut(B, ceil_div(B, threads));
  }
  /** Units whose gates, in so many rows, fill half of an L2 cache of 256 KB; whole panels. */
  int units_at_once(int rows) const { return round_up(larger(1, 32768 / (rows * (features / H))), kColumns); }

  /**
   * body(from, to) for the `columns` that a step gives for all of some rows, whole panels. Threads share them where the batch has too few
   * rows for them, if a step is worth meeting after it: they are awake then, having met a step ago. A step that comes alone, as a decoder's
   * do, wakes nobody. Those that share have at most seven rows, so their packed products need no scratch (Panels::kFewFarRows).
   */
  template <typename Body> void share_columns(int columns, int rows, const Body &body) const {
    const int64_t work = int64_t(B) * features * P, meetings = work / kWorkPerMeeting;
    const int threads = rows < B || T == 1 ? 1 : worthwhile_threads(T * work), panels = ceil_div(columns, kColumns);
    const Cut shares(panels, ceil_div(panels, meetings < threads ? larger(1, int(meetings)) : threads));
    share(shares.parts, [&](int32_t part) {
      body(shares.start(part) * kColumns, smaller(columns, shares.start(part + 1) * kColumns));
    });
  }
  /** Multiplications that are worth a meeting: some 6 µs. */
  static constexpr int64_t kWorkPerMeeting = 1 << 17;

  /** body(from, to) for all units, so many at a time that their gates stay in the nearer cache. */
  template <typename Body> void share_units(int rows, const Body &body) const {
    share_columns(H, rows, [&](int first, int last) {
      for (int from = first, to; from < last; from = to) {
        to = smaller(last, from + units_at_once(rows));
        body(from, to);
      }
    });
  }

  /** h_{t−1} ⊙ mask of some rows, in scratch [rows, P]; without a mask, h where it is. */
  const float *masked(const float *h, int b, int rows, float *scratch) const {
    if (!mask) return h;
    for (int r = 0; r < rows; r++) multiply(h + ptrdiff_t(r) * P, mask + ptrdiff_t(b + r) * P, scratch + ptrdiff_t(r) * P, P);
    return scratch;
  }

  /** norm: q, which stands in `normalized`, becomes normalized(q). */
  void normalize_rows(int t, int b, int rows) const {
    for (int r = b; r < b + rows; r++) {
      float *q = norm.normalized + at(B, t, r, features);
      if (is_active(t, r)) norm.rstd[t * ptrdiff_t(B) + r] = normalize(q, features, norm.epsilon);
      else fill(q, features, 0.0f), norm.rstd[t * ptrdiff_t(B) + r] = 0.0f;
    }
  }

  /** a [n] += normalized(q) ⊙ weight, features from … from+n of row b. */
  void add_normalized(int t, int b, int from, int n, float *a) const {
    const float *q = norm.normalized + at(B, t, b, features) + from, *weight = norm.weight + from;
    each_vector(n, [&](int i, int count) UNROLLED_LAMBDA {
      store(a + i, fma(load(q + i, count), load(weight + i, count), load(a + i, count)), count);
    });
  }

  /** norm, backward: of the gradient d of normalized(q) ⊙ weight makes that of q, in dQ; sums that of the weight, per row. */
  void normalize_row_backward(int t, int b, const float *d, float *dQ, float *dWeight) const {
    const float *normalized = norm.normalized + at(B, t, b, features);
    each_vector(features, [&](int i, int count) UNROLLED_LAMBDA {
      const F x = load(d + i, count);
      store(dQ + i, x * load(norm.weight + i, count), count);
      store(dWeight + i, fma(x, load(normalized + i, count), load(dWeight + i, count)), count);
    });
    normalize_backward(dQ, normalized, features, norm.rstd[t * ptrdiff_t(B) + b]);
  }
};

/** What every recurrent backward has beside its forward; see RecurrentGradients. */
struct Gradients {
  const float *dY;
  float *dH, *dQ, *dNormWeight, *dHSquares;

  /** dH = ∂L/∂h_t: what the future sends back, which stands there, and what the output does. Measures it. */
  void arrive(const Layer &layer, int t, int b, int rows) const {
    const int P = layer.P;
    for (int r = b; r < b + rows; r++) {
      float *dHr = dH + ptrdiff_t(r) * P;
      const bool isActive = layer.is_active(t, r);
      if (isActive && dY) {
        const float *dYr = dY + Layer::at(layer.B, t, r, P);
        each_vector(P, [&](int j, int count) UNROLLED_LAMBDA { store(dHr + j, load(dHr + j, count) + load(dYr + j, count), count); });
      }
      if (dHSquares) dHSquares[t * ptrdiff_t(layer.B) + r] = isActive ? sum_squares(dHr, P) : 0.0f;
    }
  }

  /**
   * dH = ∂L/∂h_{t−1}: adds what comes through the recurrent product, mask ⊙ (dQ · W_hh), to what stands there: nothing, or
   * what goes past the product, or, of an inactive row (whose dQ is 0), all it had. masked [rows, P]: scratch, with mask.
   */
  void through_product(const Layer &layer, const Product &product, int b, int rows, const float *dQRows, ptrdiff_t ldq,
                       float *masked, float *scratch) const {
    const int P = layer.P;
    float *dHr = dH + ptrdiff_t(b) * P;
    const auto multiply = [&](float *y, Into into) {
      if (!product.isPacked) return product(rows, dQRows, ldq, y, P, into, scratch);
      layer.share_columns(P, rows, [&](int from, int to) { product.columns(from, to, rows, dQRows, ldq, y, P, into, scratch); });
    };
    if (!layer.mask) return multiply(dHr, Into::Add);
    multiply(masked, Into::Overwrite);
    const float *mask = layer.mask + ptrdiff_t(b) * P;
    each_vector(rows * P, [&](int j, int count) UNROLLED_LAMBDA {
      store(dHr + j, fma(load(masked + j, count), load(mask + j, count), load(dHr + j, count)), count);
    });
  }
};

/** total [n] += the rows of x [B, n], in the order of the batch: whatever thread made them, the bits are equal. */
static inline void add_rows(const float *x, int B, int n, float *total) {
  for (int b = 0; b < B; b++) {
    each_vector(n, [&](int i, int count) UNROLLED_LAMBDA {
      store(total + i, load(total + i, count) + load(x + ptrdiff_t(b) * n + i, count), count);
    });
  }
}

} // namespace UNROLLED_ISA
} // namespace unrolled
