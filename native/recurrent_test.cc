// Checks rnn.h, lstm.h and gru.h, every option, tails and both directions, against plain loops in double precision: outputs
// directly, gradients by directional derivatives of those loops (central differences). gemm.h against three loops.
//
//   g++ -std=c++17 -O2 -mavx2 -mfma -ffp-contract=off -pthread recurrent_test.cc pool.cc -o t && ./t [cases] [seed]
//   -DUNROLLED_WIDTH=4 | 8 | 16 checks another vector width on any machine.
#include "gru.h"
#include "lstm.h"
#include "rnn.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

using namespace unrolled;
using namespace unrolled::UNROLLED_ISA;

namespace {

std::mt19937 generator(1);
int below(int n) { return int(generator() % unsigned(n)); }
double normal() { return std::normal_distribution<double>()(generator); }

/** A float buffer, aligned, with a guard behind it that must stay. */
struct Floats {
  explicit Floats(size_t n, double scale = 0) : n(n), data(static_cast<float *>(aligned_alloc(64, (n * 4 + 64 + 63) / 64 * 64))) {
    for (size_t i = 0; i < n; i++) data[i] = scale == 0 ? std::numeric_limits<float>::quiet_NaN() : float(normal() * scale);
    for (int i = 0; i < 16; i++) data[n + i] = 12345.0f;
  }
  Floats(const Floats &other) : Floats(other.n) { for (size_t i = 0; i < n; i++) data[i] = other.data[i]; }
  ~Floats() { free(data); }
  bool is_guarded() const {
    for (int i = 0; i < 16; i++) if (data[n + i] != 12345.0f) return false;
    return true;
  }
  void zero() { for (size_t i = 0; i < n; i++) data[i] = 0; }
  size_t n;
  float *data;
};
using Doubles = std::vector<double>;
Doubles widen(const Floats &x) { return Doubles(x.data, x.data + x.n); }

struct Failure { std::string what; };
#define REQUIRE(condition, ...) \
  do { if (!(condition)) { std::printf("FAILED %s:%d %s  ", __FILE__, __LINE__, #condition); std::printf(__VA_ARGS__); std::printf("\n"); std::exit(1); } } while (0)

enum Kind { kRnn, kLstm, kGru };

/** One layer with all its inputs, as doubles: what the derivative is taken of. */
struct Model {
  Kind kind;
  int T, B, H, P, G;
  bool reverse, after;
  int activation;
  std::vector<int32_t> lengths;
  bool hasLengths, hasMask, hasNorm, hasPeephole, hasProjection, hasCellNorm, hasBias;
  double epsilon = 1e-3;
  // Differentiable: x (projections), w, h0, c0, normWeight, peephole, weightHr, cellWeight, cellBias, bias.
  Doubles x, w, h0, c0, mask, normWeight, peephole, weightHr, cellWeight, cellBias, bias;
  // Of the loss: Σ dY ⊙ y (active rows) + Σ dH ⊙ h_last + Σ dC ⊙ c_last
  Doubles dY, dH, dC;
  // Results
  Doubles h, c; // [T+1, B, ·] slots

  double sigma(double v) const { return 1 / (1 + std::exp(-v)); }
  double act(double v) const { return activation == kTanh ? std::tanh(v) : activation == kRelu ? (v > 0 ? v : 0) : sigma(v); }

  double loss() {
    h.assign(size_t(T + 1) * B * P, 0);
    c.assign(size_t(T + 1) * B * H, 0);
    const int first = reverse ? T : 0, last = reverse ? 0 : T;
    double total = 0;
    for (int b = 0; b < B; b++) {
      Doubles hp(h0.begin() + b * P, h0.begin() + (b + 1) * P), cp(c0.begin() + b * H, c0.begin() + (b + 1) * H);
      const auto keep = [&](int slot) {
        for (int j = 0; j < P; j++) h[(size_t(slot) * B + b) * P + j] = hp[j];
        for (int j = 0; j < H; j++) c[(size_t(slot) * B + b) * H + j] = cp[j];
      };
      keep(first);
      for (int step = 0; step < T; step++) {
        const int t = reverse ? T - 1 - step : step;
        if (!hasLengths || t < lengths[b]) {
          Doubles xs(P), q(G * H);
          for (int j = 0; j < P; j++) xs[j] = hp[j] * (hasMask ? mask[b * P + j] : 1);
          const auto product = [&](int row, const Doubles &v) {
            double s = 0;
            for (int k = 0; k < P; k++) s += w[size_t(row) * P + k] * v[k];
            return s;
          };
          for (int i = 0; i < G * H; i++) q[i] = product(i, xs);
          if (hasNorm) {
            normalise(q);
            for (int i = 0; i < G * H; i++) q[i] *= normWeight[i];
          }
          const double *a = &x[(size_t(t) * B + b) * G * H];
          if (kind == kRnn) {
            for (int j = 0; j < H; j++) hp[j] = act(a[j] + q[j]);
          } else if (kind == kLstm) {
            Doubles o(H), m(H), cells(H);
            for (int j = 0; j < H; j++) {
              const double pi = hasPeephole ? peephole[j] : 0, pf = hasPeephole ? peephole[H + j] : 0, po = hasPeephole ? peephole[2 * H + j] : 0;
              const double i = sigma(a[j] + q[j] + pi * cp[j]), f = sigma(a[H + j] + q[H + j] + pf * cp[j]);
              const double g = std::tanh(a[2 * H + j] + q[2 * H + j]);
              cp[j] = f * cp[j] + i * g;
              o[j] = sigma(a[3 * H + j] + q[3 * H + j] + po * cp[j]);
            }
            cells = cp;
            if (hasCellNorm) {
              normalise(cells);
              for (int j = 0; j < H; j++) cells[j] = cells[j] * cellWeight[j] + cellBias[j];
            }
            for (int j = 0; j < H; j++) m[j] = o[j] * std::tanh(cells[j]);
            for (int j = 0; j < P; j++) {
              hp[j] = hasProjection ? 0 : m[j];
              if (hasProjection) for (int k = 0; k < H; k++) hp[j] += weightHr[size_t(j) * H + k] * m[k];
            }
          } else {
            Doubles r(H), rx(H), next(H);
            for (int j = 0; j < H; j++) r[j] = sigma(a[j] + q[j]), rx[j] = r[j] * xs[j];
            for (int j = 0; j < H; j++) {
              const double z = sigma(a[H + j] + q[H + j]), bn = hasBias ? bias[j] : 0;
              const double n = after ? std::tanh(a[2 * H + j] + r[j] * (q[2 * H + j] + bn)) : std::tanh(a[2 * H + j] + product(2 * H + j, rx) + bn);
              next[j] = (1 - z) * n + z * hp[j];
            }
            hp = next;
          }
          for (int j = 0; j < P; j++) total += dY[(size_t(t) * B + b) * P + j] * hp[j];
        }
        keep(reverse ? t : t + 1);
      }
      for (int j = 0; j < P; j++) total += dH[b * P + j] * hp[j];
      for (int j = 0; kind == kLstm && j < H; j++) total += dC[b * H + j] * cp[j];
    }
    (void)last;
    return total;
  }

  void normalise(Doubles &v) const {
    double mean = 0, variance = 0;
    for (double e : v) mean += e / double(v.size());
    for (double e : v) variance += (e - mean) * (e - mean) / double(v.size());
    for (double &e : v) e = (e - mean) / std::sqrt(variance + epsilon);
  }
};

double worstForward = 0, worstGradient = 0;

void check_layer(Kind kind, int T, int B, int H, int P, int options) {
  const int G = kind == kRnn ? 1 : kind == kLstm ? 4 : 3;
  const bool reverse = options & 1, hasLengths = options & 2, hasMask = options & 4, hasPeephole = kind == kLstm && (options & 16);
  const bool hasProjection = kind == kLstm && P != H, hasCellNorm = kind == kLstm && (options & 32), after = !(options & 64);
  const bool hasNorm = (options & 8) && !(kind == kGru && !after), hasBias = kind == kGru && (options & 128);
  if (kind != kLstm) P = H;
  const int activation = (options >> 8) % 3;
  const size_t TB = size_t(T) * B;

  Floats x(TB * G * H, 0.7), w(size_t(G) * H * P, 1 / std::sqrt(double(P))), h0(size_t(B) * P, 0.7), c0(size_t(B) * H, 0.7), mask(size_t(B) * P, 1);
  Floats normWeight(G * H, 0.5), peephole(3 * H, 0.5), weightHr(size_t(P) * H, 1 / std::sqrt(double(H))), cellWeight(H, 0.7), cellBias(H, 0.5), bias(H, 0.5);
  Floats dY(TB * P, 1), dH(size_t(B) * P, 1), dC(size_t(B) * H, 1);
  std::vector<int32_t> lengths(B);
  for (int &length : lengths) length = below(T + 1);
  if (kind == kRnn && activation == kRelu) for (size_t i = 0; i < x.n; i++) x.data[i] += x.data[i] > 0 ? 0.3f : -0.3f;
  if (hasLengths) { // what stands in the padding must not matter
    for (int b = 0; b < B; b++) for (int t = lengths[b]; t < T; t++) for (int j = 0; j < G * H; j++) x.data[(size_t(t) * B + b) * G * H + j] = NAN;
  }
  Model model{kind, T, B, H, P, G, reverse, after, activation, lengths, hasLengths, hasMask, hasNorm, hasPeephole, hasProjection, hasCellNorm, hasBias,
              1e-3, widen(x), widen(w), widen(h0), widen(c0), widen(mask), widen(normWeight), widen(peephole), widen(weightHr), widen(cellWeight), widen(cellBias), widen(bias),
              widen(dY), widen(dH), widen(dC), {}, {}};
  model.loss();

  const int first = reverse ? T : 0;
  Floats gates(x), h((TB + B) * P), c((TB + B) * H), m(TB * H), hn(TB * H), normalized(TB * G * H), rstd(TB), cellNormalized(TB * H), cellRstd(TB);
  for (int i = 0; i < B * P; i++) h.data[size_t(first) * B * P + i] = h0.data[i];
  for (int i = 0; i < B * H; i++) c.data[size_t(first) * B * H + i] = c0.data[i];
  const auto option = [](bool has, Floats &f) { return has ? f.data : nullptr; };
  const int32_t *const lens = hasLengths ? lengths.data() : nullptr;
  const float epsilon = 1e-3f;
#define SHARED T, B, H, reverse, lens, wHh, option(hasMask, mask), option(hasNorm, normWeight), epsilon, option(hasNorm, normalized), option(hasNorm, rstd)
#define SHARED_P T, B, H, P, reverse, lens, wHh, option(hasMask, mask), option(hasNorm, normWeight), epsilon, option(hasNorm, normalized), option(hasNorm, rstd)
#define CELL gates.data, h.data, c.data, option(hasPeephole, peephole), wHr, option(hasProjection, m), \
    option(hasCellNorm, cellWeight), option(hasCellNorm, cellBias), epsilon, option(hasCellNorm, cellNormalized), option(hasCellNorm, cellRstd)
  const auto forward = [&](int32_t isPacked, const float *wHh, const float *wHr) {
    const int32_t size = kind == kRnn ? rnn_forward_workspace(T, B, H, hasMask, hasNorm, isPacked)
        : kind == kLstm ? lstm_forward_workspace(T, B, H, P, hasMask, hasNorm, hasPeephole, hasProjection, hasCellNorm, isPacked)
                        : gru_forward_workspace(T, B, H, hasMask, hasNorm, after, isPacked);
    Floats workspace(size);
    if (kind == kRnn) rnn_forward(SHARED, activation, gates.data, h.data, isPacked, workspace.data);
    if (kind == kLstm) lstm_forward(SHARED_P, CELL, isPacked, workspace.data);
    if (kind == kGru) gru_forward(SHARED, after, option(hasBias, bias), gates.data, h.data, hn.data, isPacked, workspace.data);
    REQUIRE(workspace.is_guarded(), "workspace");
  };
  const float *const wHh = w.data, *const wHr = option(hasProjection, weightHr);
  const auto describe = [&] {
    std::printf("kind %d T %d B %d H %d P %d options %d (reverse %d lengths %d mask %d norm %d peephole %d projection %d cellNorm %d after %d): ", kind, T, B, H, P,
                options, reverse, hasLengths, hasMask, hasNorm, hasPeephole, hasProjection, hasCellNorm, after);
    return "";
  };
  const auto compare = [&](const Floats &got, const Doubles &want, const char *name) {
    for (size_t i = 0; i < got.n; i++) {
      const double error = std::fabs(got.data[i] - want[i]) / (1 + std::fabs(want[i]));
      if (!(error < 2e-4)) describe();
      REQUIRE(error < 2e-4, "%s[%zu] = %g, expected %g", name, i, got.data[i], want[i]);
      worstForward = std::max(worstForward, error);
    }
  };
  {
    Floats packed(packed_floats(G, H, P)), packedHr(packed_floats(1, P, H));
    pack_weights(G, H, P, wHh, packed.data);
    pack_weights(1, P, H, weightHr.data, packedHr.data);
    forward(1, packed.data, option(hasProjection, packedHr));
    REQUIRE(packed.is_guarded() && packedHr.is_guarded(), "pack_weights wrote beyond a buffer");
    compare(h, model.h, "h, from packed weights");
    std::copy(x.data, x.data + x.n, gates.data);
    forward(0, wHh, wHr);
  }
  compare(h, model.h, "h");
  if (kind == kLstm) compare(c, model.c, "c");
  for (const Floats *f : {&gates, &h, &c, &m, &hn, &normalized, &rstd, &cellNormalized, &cellRstd}) REQUIRE(f->is_guarded(), "%sforward wrote beyond a buffer", describe());

  // Backward, with parameters' gradients starting at 1: they add.
  Floats dQ(TB * G * H), dNormWeight(G * H, 1), dSquares(TB), dPeephole(3 * H, 1), dProjection(TB * P), dCellWeight(H, 1), dCellBias(H, 1);
  for (Floats *f : {&dNormWeight, &dPeephole, &dCellWeight, &dCellBias}) for (size_t i = 0; i < f->n; i++) f->data[i] = 1;
  {
    const int32_t size = kind == kRnn ? rnn_backward_workspace(T, B, H, hasMask, hasNorm)
        : kind == kLstm ? lstm_backward_workspace(T, B, H, P, hasMask, hasNorm, hasPeephole, hasProjection, hasCellNorm)
                        : gru_backward_workspace(T, B, H, hasMask, hasNorm, after);
    Floats workspace(size);
#define BACK dY.data, dH.data, option(hasNorm, dQ), option(hasNorm, dNormWeight), dSquares.data
    if (kind == kRnn) rnn_backward(SHARED, activation, gates.data, h.data, BACK, workspace.data);
    if (kind == kLstm) lstm_backward(SHARED_P, CELL, BACK, dC.data, option(hasPeephole, dPeephole), option(hasProjection, dProjection), option(hasCellNorm, dCellWeight), option(hasCellNorm, dCellBias), workspace.data);
    if (kind == kGru) gru_backward(SHARED, after, option(hasBias, bias), gates.data, h.data, hn.data, BACK, workspace.data);
    REQUIRE(workspace.is_guarded(), "workspace of backward");
  }
  for (const Floats *f : {&gates, &h, &c, &m, &hn, &dQ, &dH, &dC, &dSquares, &dProjection, &dNormWeight, &dPeephole}) REQUIRE(f->is_guarded(), "%sbackward wrote beyond a buffer", describe());

  // Gradients of the weights, as the operation above makes them.
  Doubles dW(w.n), dBias(H), dHr(weightHr.n);
  for (int t = 0; t < T; t++) for (int b = 0; b < B; b++) {
    const size_t row = size_t(t) * B + b;
    const float *hb = &h.data[(size_t(reverse ? t + 1 : t) * B + b) * P];
    for (int i = 0; i < G * H; i++) {
      const bool isCandidate = kind == kGru && i >= 2 * H;
      const double d = hasNorm ? dQ.data[row * G * H + i] : isCandidate && after ? hn.data[row * H + i - 2 * H] : gates.data[row * G * H + i];
      for (int k = 0; k < P; k++) {
        const double in = isCandidate && !after ? hn.data[row * H + k] : double(hb[k]) * (hasMask ? mask.data[b * P + k] : 1);
        dW[size_t(i) * P + k] += d * in;
      }
      if (isCandidate) dBias[i - 2 * H] += after ? hn.data[row * H + i - 2 * H] : gates.data[row * G * H + i];
    }
    if (hasProjection) for (int j = 0; j < P; j++) for (int k = 0; k < H; k++) dHr[size_t(j) * H + k] += double(dProjection.data[row * P + j]) * m.data[row * H + k];
  }
  const auto minus_one = [](const Floats &f) { Doubles d = widen(f); for (double &v : d) v -= 1; return d; };
  const auto derivative = [&](Doubles Model::*input, const Doubles &gradient, const char *name) {
    Doubles &value = model.*input;
    const Doubles kept = value;
    if (kept.empty()) return;
    for (int trial = 0; trial < 2; trial++) {
      Doubles direction(kept.size());
      double dot = 0, size = 0;
      for (size_t i = 0; i < kept.size(); i++) {
        direction[i] = normal();
        if (std::isnan(kept[i])) REQUIRE(gradient[i] == 0, "%sgradient of padding %s[%zu] is %g", describe(), name, i, gradient[i]);
        dot += gradient[i] * direction[i];
        size += gradient[i] * gradient[i];
      }
      const double step = kind == kRnn && activation == kRelu ? 1e-7 : 1e-5;
      for (size_t i = 0; i < kept.size(); i++) value[i] = kept[i] + step * direction[i];
      const double above = model.loss();
      for (size_t i = 0; i < kept.size(); i++) value[i] = kept[i] - step * direction[i];
      const double slope = (above - model.loss()) / (2 * step);
      value = kept;
      const double error = std::fabs(slope - dot) / (std::sqrt(size) + 1e-3 * std::sqrt(double(kept.size())));
      if (!(error < 1e-3)) describe();
      REQUIRE(error < 1e-3, "∂/∂%s: %g, by differences %g, norm %g", name, dot, slope, std::sqrt(size));
      worstGradient = std::max(worstGradient, error);
    }
  };
  derivative(&Model::x, widen(gates), "x");
  derivative(&Model::w, dW, "w");
  derivative(&Model::h0, widen(dH), "h0");
  if (kind == kLstm) derivative(&Model::c0, widen(dC), "c0");
  if (hasNorm) derivative(&Model::normWeight, minus_one(dNormWeight), "normWeight");
  if (hasPeephole) derivative(&Model::peephole, minus_one(dPeephole), "peephole");
  if (hasProjection) derivative(&Model::weightHr, dHr, "weightHr");
  if (hasCellNorm) derivative(&Model::cellWeight, minus_one(dCellWeight), "cellWeight"), derivative(&Model::cellBias, minus_one(dCellBias), "cellBias");
  if (hasBias) derivative(&Model::bias, dBias, "bias");
  for (size_t i = 0; i < TB; i++) REQUIRE(dSquares.data[i] >= 0, "dHSquares");
}

void check_gemm(int M, int N, int K) {
  const int transB = below(3), transA = transB == kPacked ? 0 : below(2);
  const bool accumulate = below(2), hasBias = below(2);
  const int lda = (transA ? M : K) + below(3), ldb = (transB ? K : N) + below(3), ldc = N + below(3);
  Floats a(size_t(transA ? K : M) * lda, 1), b(size_t(transB ? N : K) * ldb, 1), c(size_t(M) * ldc, 1), bias(N, 1), before(c);
  Floats workspace(gemm_workspace(M, N, K, transA, transB));
  Floats rows(size_t(N) * K), packed(packed_floats(1, N, K));
  for (int n = 0; n < N; n++) std::copy(b.data + size_t(n) * ldb, b.data + size_t(n) * ldb + (transB ? K : 0), rows.data + size_t(n) * K);
  pack_weights(1, N, K, rows.data, packed.data);
  gemm(M, N, K, a.data, transA, lda, transB == kPacked ? packed.data : b.data, transB, ldb, c.data, ldc, hasBias ? bias.data : nullptr, accumulate, workspace.data);
  REQUIRE(c.is_guarded() && workspace.is_guarded(), "gemm wrote beyond a buffer");
  for (int m = 0; m < M; m++) for (int n = 0; n < ldc; n++) {
    const double got = c.data[size_t(m) * ldc + n];
    double want = accumulate || n >= N ? before.data[size_t(m) * ldc + n] : 0, size = 1;
    if (n < N && hasBias) want += bias.data[n];
    for (int k = 0; n < N && k < K; k++) {
      const double product = double(transA ? a.data[size_t(k) * lda + m] : a.data[size_t(m) * lda + k]) * (transB ? b.data[size_t(n) * ldb + k] : b.data[size_t(k) * ldb + n]);
      want += product;
      size += std::fabs(product);
    }
    REQUIRE(std::fabs(got - want) < 1e-6 * size, "gemm M %d N %d K %d transA %d transB %d at %d, %d: %g, expected %g", M, N, K, transA, transB, m, n, got, want);
  }
}

void check_math() {
  const auto worst = [](F (*f)(F), double (*exact)(double), double from, double to) {
    double error = 0;
    for (int i = 0; i < 2000000; i++) {
      const float x = float(from + (to - from) * (i + 0.5) / 2000000);
      const double want = exact(x);
      error = std::max(error, std::fabs(f(splat(x))[0] - want) / std::fabs(want));
    }
    return error;
  };
  const double e = worst([](F x) { return UNROLLED_ISA::exp(x); }, [](double x) { return std::exp(x); }, -87, 88.7);
  const double s = worst([](F x) { return sigmoid(x); }, [](double x) { return 1 / (1 + std::exp(-x)); }, -87, 87);
  const double t = worst([](F x) { return UNROLLED_ISA::tanh(x); }, [](double x) { return std::tanh(x); }, -12, 12);
  std::printf("relative errors: exp %.2g, sigmoid %.2g, tanh %.2g\n", e, s, t);
  REQUIRE(e < 2e-7 && s < 4e-7 && t < 4e-7, "approximations");
  REQUIRE(std::isnan(UNROLLED_ISA::exp(splat(NAN))[0]) && std::isnan(sigmoid(splat(NAN))[0]) && std::isnan(UNROLLED_ISA::tanh(splat(NAN))[0]), "NaN stays NaN");
  REQUIRE(std::isinf(UNROLLED_ISA::exp(splat(90.0f))[0]) && UNROLLED_ISA::exp(splat(-110.0f))[0] == 0, "ends of exp");
  REQUIRE(UNROLLED_ISA::exp(splat(INFINITY))[0] > 1e38f && UNROLLED_ISA::exp(splat(-INFINITY))[0] == 0 && sigmoid(splat(INFINITY))[0] == 1, "infinities");
}

} // namespace

int main(int count, char **arguments) {
  const int cases = count > 1 ? std::atoi(arguments[1]) : 600;
  generator.seed(count > 2 ? unsigned(std::atoi(arguments[2])) : 1);
  check_math();
  const int sizes[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 15, 16, 17, 31, 33, 50, 65, 100, 129, 257};
  for (int i = 0; i < cases; i++) check_gemm(sizes[below(21)], sizes[below(21)], sizes[below(21)]);
  check_gemm(150, 1100, 300);
  for (int i = 0; i < cases; i++) {
    set_threads(1 + below(3));
    const bool isLarge = i % 40 == 39; // several blocks of depth, and threads
    const int H = isLarge ? 257 + below(30) : 1 + below(40), B = isLarge ? 9 + below(8) : 1 + below(12), T = isLarge ? 6 : below(12);
    check_layer(Kind(i % 3), T, B, H, below(2) ? H : 1 + below(H), below(1024));
  }
  // A row's bits do not depend on the number of threads.
  for (int H : {24, 257}) {
    const int T = 20, B = 13;
    Floats x(size_t(T) * B * 4 * H, 1), w(size_t(4) * H * H, 0.1), dY(size_t(T) * B * H, 1), first(x);
    for (int threads = 1; threads <= 3; threads++) {
      set_threads(threads);
      Floats gates(x), h(size_t(T + 1) * B * H), c(size_t(T + 1) * B * H), dH(size_t(B) * H), dC(size_t(B) * H);
      h.zero(), c.zero(), dH.zero(), dC.zero();
      Floats forward(lstm_forward_workspace(T, B, H, H, 0, 0, 0, 0, 0, 0)), backward(lstm_backward_workspace(T, B, H, H, 0, 0, 0, 0, 0));
      lstm_forward(T, B, H, H, 0, nullptr, w.data, nullptr, nullptr, 0, nullptr, nullptr, gates.data, h.data, c.data, nullptr, nullptr, nullptr, nullptr, nullptr, 0, nullptr, nullptr, 0, forward.data);
      lstm_backward(T, B, H, H, 0, nullptr, w.data, nullptr, nullptr, 0, nullptr, nullptr, gates.data, h.data, c.data, nullptr, nullptr, nullptr, nullptr, nullptr, 0, nullptr, nullptr,
                    dY.data, dH.data, nullptr, nullptr, nullptr, dC.data, nullptr, nullptr, nullptr, nullptr, backward.data);
      for (size_t i = 0; i < gates.n; i++) {
        if (threads == 1) first.data[i] = gates.data[i];
        REQUIRE(gates.data[i] == first.data[i], "%d threads, H %d, element %zu", threads, H, i);
      }
    }
  }
  std::printf("W %d: %d cases passed; largest forward error %.2g, largest gradient error %.2g\n", W, cases, worstForward, worstGradient);
}
