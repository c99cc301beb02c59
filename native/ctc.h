// Connectionist temporal classification: the forward algorithm over all alignments of a target, in logarithms, and its gradient.
// What is computed stands in src/backend/backend.ts (Ctc and what extends it), in the same letters. Lanes are places in the
// target, u: a vector of blanks and a vector of symbols, so that what a step needs lies side by side.
#pragma once

#include "rows.h"

namespace unrolled {
namespace UNROLLED_ISA {

/** Floats for the places 0 … U of a target in whole vectors. */
static inline int32_t ctc_stride(int32_t U) { return U / W * W + W; }

/** For deciding whether threads are worth waking: an exponential counts as four elements. */
static inline int64_t ctc_work(int32_t T, int32_t B, int32_t V, int32_t U) { return int64_t(T) * B * (4 * int64_t(V) + 16 * int64_t(U)); }

/** log x for 1 ≤ x ≤ 3; as `log`, without its special cases. */
static UNROLLED_INLINE F ctc_log(F x) {
  const I bits = as_int(x) - splat(int32_t(0x3f3504f3)); // less √½: the exponent counts from there
  const I e = bits >> 23;
  const F m = as_float((bits & 0x007fffff) + splat(int32_t(0x3f3504f3))) - 1.0f, square = m * m, exponent = to_float(e);
  F p = splat(7.0376836292e-2f);
  p = fma(p, m, splat(-1.1514610310e-1f));
  p = fma(p, m, splat(1.1676998740e-1f));
  p = fma(p, m, splat(-1.2420140846e-1f));
  p = fma(p, m, splat(1.4249322787e-1f));
  p = fma(p, m, splat(-1.6668057665e-1f));
  p = fma(p, m, splat(2.0000714765e-1f));
  p = fma(p, m, splat(-2.4999993993e-1f));
  p = fma(p, m, splat(3.3333331174e-1f));
  F y = fma(exponent, splat(-2.12194440e-4f), m * square * p);
  y = fma(square, splat(-0.5f), y);
  return fma(exponent, splat(0.693359375f), m + y);
}

/** What is subtracted before an exponential: x, or 0 where x is −∞, so that −∞ stays what it is. */
static UNROLLED_INLINE F ctc_anchor(F x) { return select(x == splat(-__builtin_inff()), F{}, x); }

/** eˣ for x ≤ 0 in a sum with 1, where less than e⁻⁸⁷ is nothing. */
static UNROLLED_INLINE F ctc_exp(F x) { return exp_in_range(maximum(splat(-87.0f), x)); }

/** log(eᵃ + eᵇ) */
static UNROLLED_INLINE F ctc_add(F a, F b) {
  const F largest = maximum(a, b);
  return largest + ctc_log(1.0f + ctc_exp(minimum(a, b) - ctc_anchor(largest)));
}

/** log(eᵃ + eᵇ + eᶜ) */
static UNROLLED_INLINE F ctc_add(F a, F b, F c) {
  const F larger = maximum(a, b), largest = maximum(larger, c), anchor = ctc_anchor(largest);
  return largest + ctc_log(1.0f + ctc_exp(minimum(a, b) - anchor) + ctc_exp(minimum(larger, c) - anchor));
}

/** x[0 … n) = value; n is a multiple of W. */
static UNROLLED_INLINE void ctc_fill(float *x, int32_t n, float value) {
  for (int32_t i = 0; i < n; i += W) store(x + i, splat(value));
}

/**
 * The states of a row between two frames. `symbols` has a vector of −∞ before it: symbols[u − 1] is the one before place u.
 * `mayskip` is 0 where a symbol may follow the one before it without a blank, else −∞.
 */
struct CtcRow {
  float *blanks, *symbols, *mayskip;
  /** Floats of memory for a row. */
  static int32_t floats(int32_t U) { return W + 3 * ctc_stride(U); }

  CtcRow(float *memory, int32_t U, const int32_t *target, int32_t length) {
    const int32_t S = ctc_stride(U);
    ctc_fill(memory, floats(U), -__builtin_inff());
    symbols = memory + W;
    blanks = symbols + S;
    mayskip = blanks + S;
    for (int32_t u = 1; u < length; u++)
      if (target[u] != target[u - 1]) mayskip[u] = 0;
  }
};

// ---- loss ----

static int32_t ctc_forward_workspace(int32_t T, int32_t B, int32_t V, int32_t U) {
  (void)T;
  (void)V;
  return B * (CtcRow::floats(U) + ctc_stride(U));
}

static void ctc_forward(int32_t T, int32_t B, int32_t V, int32_t U, const float *logits, const int32_t *inputLengths,
                        const int32_t *targets, const int32_t *targetLengths, int32_t blank, int32_t zeroInfinity, float *losses,
                        float *logSumExp, float *alphas, float *workspace) {
  const int32_t rowFloats = CtcRow::floats(U) + ctc_stride(U), states = 2 * U + 1;
  for_chunks(B, 1, ctc_work(T, B, V, U), [&](int32_t first, int32_t last) {
    for (int32_t b = first; b < last; b++) {
      const int32_t n = inputLengths == nullptr ? T : inputLengths[b], length = targetLengths[b];
      const int32_t *target = targets + size_t(b) * U;
      const CtcRow row(workspace + size_t(b) * rowFloats, U, target, length);
      float *emissions = workspace + size_t(b) * rowFloats + CtcRow::floats(U);
      ctc_fill(emissions, ctc_stride(U), -__builtin_inff());
      double logP = 0; // but for what the last states hold
      float shift = 0;
      for (int32_t t = 0; t < n; t++) {
        const size_t now = size_t(t) * B + b;
        const float *x = logits + now * V;
        const float largest = row_maximum(x, V), rest = log_of(exp_sum(x, V, largest));
        logSumExp[now] = largest + rest;
        logP += double(shift) - double(rest);
        for (int32_t u = 0; u < length; u++) emissions[u] = x[target[u]];
        const F top = splat(largest), before = splat(shift), blankEmission = splat(x[blank]) - top - before;
        F most = splat(-__builtin_inff());
        if (t == 0) {
          row.blanks[0] = x[blank] - largest;
          if (length > 0) row.symbols[0] = emissions[0] - largest;
          most = splat(length > 0 && !(row.blanks[0] > row.symbols[0]) ? row.symbols[0] : row.blanks[0]);
        } else {
          // From the last places to the first: what a place needs of the one before it is still the earlier frame's.
          for (int32_t u = length / W * W; u >= 0; u -= W) {
            const F symbols = load(row.symbols + u), blanks = load(row.blanks + u), earlier = load(row.symbols + u - 1);
            const F onBlank = ctc_add(blanks, earlier) + blankEmission;
            const F onSymbol = ctc_add(symbols, blanks, earlier + load(row.mayskip + u)) + (load(emissions + u) - top - before);
            store(row.blanks + u, onBlank);
            store(row.symbols + u, onSymbol);
            most = maximum(maximum(onBlank, onSymbol), most);
          }
        }
        float lanes[W];
        store(lanes, most);
        shift = lanes[0];
        for (int lane = 1; lane < W; lane++) shift = lanes[lane] > shift ? lanes[lane] : shift;
        if (shift == -__builtin_inff()) shift = 0;
        __builtin_memcpy(alphas + now * states, row.blanks, size_t(length + 1) * sizeof(float));
        __builtin_memcpy(alphas + now * states + U + 1, row.symbols, size_t(length) * sizeof(float));
      }
      if (n == 0) logP = length == 0 ? 0 : -__builtin_inf();
      else logP += double(ctc_add(splat(row.blanks[length]), splat(row.symbols[length - 1]))[0]);
      losses[b] = zeroInfinity && logP == -__builtin_inf() ? 0.0f : float(0 - logP);
    }
  });
}

// ---- gradient ----

static int32_t ctc_backward_workspace(int32_t T, int32_t B, int32_t V, int32_t U) {
  (void)T;
  (void)V;
  return B * (CtcRow::floats(U) + 3 * ctc_stride(U) + W);
}

static void ctc_backward(int32_t T, int32_t B, int32_t V, int32_t U, const float *logits, const int32_t *inputLengths,
                         const int32_t *targets, const int32_t *targetLengths, int32_t blank, int32_t zeroInfinity,
                         const float *logSumExp, const float *alphas, const float *scale, int32_t scaleStride, float *dLogits,
                         float *workspace) {
  const int32_t S = ctc_stride(U), states = 2 * U + 1, rowFloats = CtcRow::floats(U) + 3 * S + W;
  for_chunks(B, 1, ctc_work(T, B, V, U), [&](int32_t firstRow, int32_t lastRow) {
    for (int32_t b = firstRow; b < lastRow; b++) {
      const int32_t n = inputLengths == nullptr ? T : inputLengths[b], length = targetLengths[b];
      const int32_t *target = targets + size_t(b) * U;
      const float k = scale[size_t(b) * scaleStride];
      const auto gradient = [&](int32_t t) { return dLogits + (size_t(t) * B + b) * V; };
      for (int32_t t = n; t < T; t++) __builtin_memset(gradient(t), 0, size_t(V) * sizeof(float));
      if (n == 0) continue;
      const CtcRow row(workspace + size_t(b) * rowFloats, U, target, length);
      // Shares of all alignments that stand on each state in a frame; `moved[u]`: those that have come to place u from the symbol before it.
      float *onBlank = workspace + size_t(b) * rowFloats + CtcRow::floats(U), *onSymbol = onBlank + S, *moved = onSymbol + S;
      ctc_fill(onBlank, 3 * S + W, 0);
      const auto earlier = [&](int32_t t) {
        const float *saved = alphas + (size_t(t) * B + b) * states;
        __builtin_memcpy(row.blanks, saved, size_t(length + 1) * sizeof(float));
        __builtin_memcpy(row.symbols, saved + U + 1, size_t(length) * sizeof(float));
      };
      earlier(n - 1);
      const float endBlank = row.blanks[length], endSymbol = row.symbols[length - 1];
      const float end = endBlank > endSymbol ? endBlank : endSymbol;
      if (end == -__builtin_inff()) { // no alignment
        const float nothing = zeroInfinity ? 0.0f : __builtin_nanf("");
        for (int32_t t = 0; t < n; t++)
          for (int32_t v = 0; v < V; v++) gradient(t)[v] = nothing;
        continue;
      }
      const float blankWeight = exp(splat(endBlank - end))[0], symbolWeight = exp(splat(endSymbol - end))[0];
      onBlank[length] = blankWeight / (blankWeight + symbolWeight);
      if (length > 0) onSymbol[length - 1] = symbolWeight / (blankWeight + symbolWeight);
      for (int32_t t = n - 1;; t--) {
        const size_t now = size_t(t) * B + b;
        const F z = splat(logSumExp[now]), factor = splat(k);
        float *dRow = gradient(t);
        map(0, V, dRow, [=](F x) { return exp(x - z) * factor; }, logits + now * V);
        F blanks{};
        for (int32_t u = 0; u <= length; u += W) blanks += load(onBlank + u);
        dRow[blank] -= k * sum(blanks);
        for (int32_t u = 0; u < length; u++) dRow[target[u]] -= k * onSymbol[u];
        if (t == 0) break;
        // The share of a state goes to the states that it may come from, each by its part of what arrives.
        earlier(t - 1);
        for (int32_t u = length / W * W; u >= 0; u -= W) {
          const F stay = load(row.symbols + u), pause = load(row.blanks + u), before = load(row.symbols + u - 1);
          const F skip = before + load(row.mayskip + u);
          const F blankAnchor = ctc_anchor(maximum(pause, before));
          const F fromPause = exp(pause - blankAnchor), fromBefore = exp(before - blankAnchor);
          const F blankShare = load(onBlank + u) / maximum(fromPause + fromBefore, splat(1e-30f));
          const F symbolAnchor = ctc_anchor(maximum(maximum(stay, pause), skip));
          const F stayed = exp(stay - symbolAnchor), entered = exp(pause - symbolAnchor), skipped = exp(skip - symbolAnchor);
          const F symbolShare = load(onSymbol + u) / maximum(stayed + entered + skipped, splat(1e-30f));
          store(moved + u, flush(blankShare * fromBefore + symbolShare * skipped));
          store(onBlank + u, flush(blankShare * fromPause + symbolShare * entered));
          store(onSymbol + u, flush(symbolShare * stayed) + load(moved + u + 1));
        }
      }
    }
  });
}

} // namespace UNROLLED_ISA
} // namespace unrolled
