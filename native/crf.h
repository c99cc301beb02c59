// A linear chain of tags: the forward algorithm in logarithms, its gradients, and the best path. What is computed stands in
// src/backend/backend.ts (Crf and what extends it), in the same letters. Lanes are the tags that are arrived at, j.
#pragma once

#include "rows.h"

namespace unrolled {
namespace UNROLLED_ISA {

/** The rows of a batch are dealt out in so many parts at most, by B alone: a part sums gradients by itself, and the parts are added in order. */
constexpr int32_t kCrfParts = 16;

static inline int32_t crf_parts(int32_t B) { return B < kCrfParts ? B : kCrfParts; }

/** C floats in whole vectors. */
static inline int32_t crf_stride(int32_t C) { return (C + W - 1) / W * W; }

/** transitions [C, C] in rows of whole vectors, −∞ past their end: nothing arrives there. */
static void crf_pad(const float *transitions, float *padded, int32_t C) {
  const int32_t S = crf_stride(C);
  for (int32_t i = 0; i < C; i++) {
    float *row = padded + size_t(i) * S;
    for (int32_t j = S - W; j < S; j += W) store(row + j, splat(-__builtin_inff()));
    __builtin_memcpy(row, transitions + size_t(i) * C, size_t(C) * sizeof(float));
  }
}

/** body(b, part) for each row, the rows of a part one after another on one thread. `work` in all. */
template <typename Body> static inline void for_crf_rows(int32_t B, int64_t work, const Body &body) {
  const int32_t parts = crf_parts(B);
  for_chunks(parts, 1, work, [&](int32_t begin, int32_t end) {
    for (int32_t part = begin; part < end; part++) {
      const int32_t last = int32_t(int64_t(B) * (part + 1) / parts);
      for (int32_t b = int32_t(int64_t(B) * part / parts); b < last; b++) body(b, part);
    }
  });
}

/** For deciding whether threads are worth waking: an exponential counts as four elements. */
static inline int64_t crf_work(int32_t T, int32_t B, int32_t C) { return 4 * int64_t(T) * B * C * C; }

/** x less its largest, which is returned; as it is, and 0, where that is −∞. */
static UNROLLED_INLINE float crf_shift(float *x, int32_t C) {
  const float largest = row_maximum(x, C);
  if (largest == -__builtin_inff()) return 0;
  const F shift = splat(largest);
  map(0, C, x, [=](F x) { return x - shift; }, x);
  return largest;
}

// ---- log-likelihood ----

static int32_t crf_forward_workspace(int32_t T, int32_t B, int32_t C) {
  (void)T;
  return (C + crf_parts(B)) * crf_stride(C);
}

static void crf_forward(int32_t T, int32_t B, int32_t C, const float *emissions, const int32_t *lengths, const float *transitions,
                        const float *start, const float *end, const int32_t *tags, float *losses, float *alphas, float *shifts,
                        float *workspace) {
  const int32_t S = crf_stride(C);
  const float *padded = workspace;
  float *scratch = workspace + size_t(C) * S; // [parts, S]
  crf_pad(transitions, workspace, C);
  for_crf_rows(B, crf_work(T, B, C), [&](int32_t b, int32_t part) {
    const int32_t n = lengths == nullptr ? T : lengths[b];
    double loss = 0; // log Z − s(tags), term by term: both grow with n, what is left of them does not
    for (int32_t t = 0; t < n; t++) {
      const size_t now = size_t(t) * B + b, before = now - B;
      float *a = alphas + now * C;
      if (t == 0) copy_buffer(start, a, C);
      else {
        const float *alpha = alphas + before * C, *emission = emissions + before * C;
        each_vector(C, [&](int32_t j, int32_t count) UNROLLED_LAMBDA {
          const float *column = padded + j;
          F largest = splat(-__builtin_inff());
          for (int32_t i = 0; i < C; i++) largest = maximum(splat(alpha[i] + emission[i]) + load(column + size_t(i) * S), largest);
          largest = select(largest == splat(-__builtin_inff()), F{}, largest);
          F sum{};
          for (int32_t i = 0; i < C; i++) sum += exp(splat(alpha[i] + emission[i]) + load(column + size_t(i) * S) - largest);
          store(a + j, largest + log(sum), count);
        });
      }
      shifts[now] = crf_shift(a, C);
      loss += double(shifts[now]);
      if (tags == nullptr) continue;
      const float step = t == 0 ? start[tags[now]] : transitions[size_t(tags[before]) * C + tags[now]];
      loss -= double(step) + double(emissions[now * C + tags[now]]);
    }
    if (n > 0) {
      const size_t last = size_t(n - 1) * B + b;
      float *ends = scratch + size_t(part) * S;
      map(0, C, ends, [](F alpha, F emission, F end) { return alpha + emission + end; }, alphas + last * C, emissions + last * C, end);
      const float shift = crf_shift(ends, C);
      loss += double(shift) + double(log_of(exp_sum(ends, C, 0)));
      if (tags != nullptr) loss -= double(end[tags[last]]);
    }
    losses[b] = float(loss);
  });
}

// ---- gradients ----

/** What a part of the rows needs, in rows of S floats: sums of dTransitions (C rows), dStart and dEnd; p, that of the step before, and a. */
static inline int32_t crf_backward_rows(int32_t C) { return C + 5; }

static int32_t crf_backward_workspace(int32_t T, int32_t B, int32_t C) {
  (void)T;
  return (C + crf_parts(B) * crf_backward_rows(C)) * crf_stride(C);
}

static void crf_backward(int32_t T, int32_t B, int32_t C, const float *emissions, const int32_t *lengths, const float *transitions,
                         const float *start, const float *end, const int32_t *tags, const float *alphas, const float *shifts,
                         const float *scale, int32_t scaleStride, float *dEmissions, float *dTransitions, float *dStart, float *dEnd,
                         float *workspace) {
  (void)start;
  const int32_t S = crf_stride(C), parts = crf_parts(B);
  const size_t partSize = size_t(crf_backward_rows(C)) * S;
  const float *padded = workspace;
  float *scratch = workspace + size_t(C) * S;
  const F impossible = splat(-__builtin_inff());
  crf_pad(transitions, workspace, C);
  __builtin_memset(scratch, 0, partSize * parts * sizeof(float));
  for_crf_rows(B, crf_work(T, B, C), [&](int32_t b, int32_t part) {
    const int32_t n = lengths == nullptr ? T : lengths[b];
    const float k = scale[size_t(b) * scaleStride];
    float *sums = scratch + size_t(part) * partSize; // of dTransitions, [C, S]
    float *dStartSums = sums + size_t(C) * S, *dEndSums = dStartSums + S;
    float *p = dEndSums + S, *earlier = p + S, *a = earlier + S;
    const auto add = [](F sum, F x) { return sum + x; };
    for (int32_t t = n; t < T; t++) __builtin_memset(dEmissions + (size_t(t) * B + b) * C, 0, size_t(C) * sizeof(float));
    if (n == 0) return;

    // p = k · P(y_t = j), from the last step to the first: all that follows is linear in it.
    const size_t last = size_t(n - 1) * B + b;
    map(0, C, p, [](F alpha, F emission, F end) { return alpha + emission + end; }, alphas + last * C, emissions + last * C, end);
    crf_shift(p, C);
    const float total = exp_sum(p, C, 0);
    const F share = splat(total > 0 ? k / total : total * k); // no path: no gradient; NaN stays
    map(0, C, p, [=](F x) { return exp(x) * share; }, p);
    map(0, C, dEndSums, add, dEndSums, p);
    for (int32_t t = n - 1;; t--) {
      const size_t now = size_t(t) * B + b, before = now - B;
      copy_buffer(p, dEmissions + now * C, C);
      if (t == 0) break;
      const float *alpha = alphas + before * C, *emission = emissions + before * C;
      const F shift = splat(shifts[now]);
      // What cannot be arrived at has no ways in: +∞ makes each of them e^−∞.
      map(0, C, a, [=](F alpha) { return select(alpha == impossible, -impossible, alpha + shift); }, alphas + now * C);
      for (int32_t i = 0; i < C; i++) {
        const F x = splat(alpha[i] + emission[i]);
        const float *row = padded + size_t(i) * S;
        float *rowSums = sums + size_t(i) * S;
        F ways{};
        for (int32_t j = 0; j < S; j += W) {
          const F both = load(p + j) * exp(x + load(row + j) - load(a + j));
          ways += both;
          store(rowSums + j, load(rowSums + j) + both);
        }
        earlier[i] = sum(ways);
      }
      float *const swapped = p;
      p = earlier;
      earlier = swapped;
    }
    map(0, C, dStartSums, add, dStartSums, p);

    if (tags == nullptr) return;
    for (int32_t t = 0; t < n; t++) {
      const size_t now = size_t(t) * B + b;
      dEmissions[now * C + tags[now]] -= k;
      if (t > 0) sums[size_t(tags[now - B]) * S + tags[now]] -= k;
    }
    dStartSums[tags[b]] -= k;
    dEndSums[tags[last]] -= k;
  });
  for (int32_t part = 0; part < parts; part++) {
    const float *sums = scratch + part * partSize;
    const auto into = [&](float *to, const float *from) { map(0, C, to, [](F a, F b) { return a + b; }, to, from); };
    for (int32_t i = 0; i < C; i++) into(dTransitions + size_t(i) * C, sums + size_t(i) * S);
    into(dStart, sums + size_t(C) * S);
    into(dEnd, sums + size_t(C + 1) * S);
  }
}

// ---- the best path ----

/** What a part of the rows needs, in rows of S: the scores of a step and of the next, and for each step where its tags came from. */
static inline int32_t crf_decode_rows(int32_t T) { return T + 2; }

static int32_t crf_decode_workspace(int32_t T, int32_t B, int32_t C) {
  return (C + crf_parts(B) * crf_decode_rows(T)) * crf_stride(C);
}

static void crf_decode(int32_t T, int32_t B, int32_t C, const float *emissions, const int32_t *lengths, const float *transitions,
                       const float *start, const float *end, int32_t *tags, float *scores, float *workspace) {
  const int32_t S = crf_stride(C);
  const float *padded = workspace;
  float *scratch = workspace + size_t(C) * S;
  crf_pad(transitions, workspace, C);
  for_crf_rows(B, crf_work(T, B, C), [&](int32_t b, int32_t part) {
    const int32_t n = lengths == nullptr ? T : lengths[b];
    for (int32_t t = n; t < T; t++) tags[size_t(t) * B + b] = 0;
    scores[b] = 0;
    if (n == 0) return;
    float *score = scratch + size_t(part) * crf_decode_rows(T) * S, *next = score + S;
    int32_t *cameFrom = reinterpret_cast<int32_t *>(next + S); // [T, S]
    double total = 0;
    const auto add = [](F x, F y) { return x + y; };
    map(0, C, score, add, start, emissions + size_t(b) * C);
    for (int32_t t = 1; t < n; t++) {
      total += double(crf_shift(score, C));
      const float *emission = emissions + (size_t(t) * B + b) * C;
      int32_t *from = cameFrom + size_t(t) * S;
      for (int32_t j = 0; j < S; j += W) {
        F best = splat(-__builtin_inff());
        I first{};
        for (int32_t i = 0; i < C; i++) {
          const F x = splat(score[i]) + load(padded + size_t(i) * S + j);
          const I isBetter = x > best;
          best = select(isBetter, x, best);
          first = (isBetter & splat(i)) | (~isBetter & first);
        }
        store(next + j, best);
        store(from + j, first);
      }
      map(0, C, score, add, next, emission);
    }
    map(0, C, score, add, score, end);
    int32_t tag = 0;
    for (int32_t j = 1; j < C; j++) tag = score[j] > score[tag] ? j : tag;
    scores[b] = float(total + double(score[tag]));
    for (int32_t t = n - 1; t >= 0; t--) {
      tags[size_t(t) * B + b] = tag;
      if (t > 0) tag = cameFrom[size_t(t) * S + tag];
    }
  });
}

} // namespace UNROLLED_ISA
} // namespace unrolled
