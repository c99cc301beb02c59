// Speed of the kernels alone, in GFLOP/s of one thread's processor time (so that a busy machine disturbs less), the best of
// several tries; `bench threads` measures the wall clock instead. For tuning: numbers to publish come from `unrolled bench`.
//
//   g++ -std=c++17 -O3 -mavx2 -mfma -ffp-contract=off -fno-math-errno -pthread bench.cc pool.cc -o b && ./b [filter] [threads]
#include "gru.h"
#include "lstm.h"
#include "rnn.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <time.h>
#include <vector>

using namespace unrolled;
using namespace unrolled::UNROLLED_ISA;

namespace {

int threads = 1;
const char *filter = "";

double now() {
  timespec t;
  clock_gettime(threads > 1 ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

struct Floats {
  explicit Floats(size_t n, float scale = 1.0f) : data(static_cast<float *>(aligned_alloc(64, (n * 4 + 127) / 64 * 64))) {
    uint32_t state = 1;
    for (size_t i = 0; i < n; i++) {
      state = state * 1664525u + 1013904223u;
      data[i] = (float(state >> 8) / 8388608.0f - 1.0f) * scale;
    }
  }
  Floats(const Floats &) = delete;
  ~Floats() { free(data); }
  operator float *() const { return data; }
  float *data;
};

void measure(const std::string &name, double flops, const std::function<void()> &work, const std::function<void()> &prepare = nullptr) {
  if (!std::strstr(name.c_str(), filter)) return;
  const int repeats = prepare ? 1 : int(std::max(1.0, 2e8 / flops));
  double best = 1e9;
  for (int i = 0; i < 12; i++) {
    if (prepare) prepare();
    const double start = now();
    for (int r = 0; r < repeats; r++) work();
    best = std::min(best, (now() - start) / repeats);
  }
  std::printf("%-44s %7.1f GFLOP/s %12.2f us\n", name.c_str(), flops / best * 1e-9, best * 1e6);
  std::fflush(stdout);
}

void peak() {
  F sums[10];
  for (F &x : sums) x = splat(0.5f);
  const F a = splat(0.999f), b = splat(0.001f);
  const auto work = [&] {
    F s[10];
    for (int i = 0; i < 10; i++) s[i] = sums[i];
    for (int k = 0; k < 1000000; k++) {
      UNROLLED_UNROLL
      for (int i = 0; i < 10; i++) s[i] = fma(s[i], a, b);
    }
    for (int i = 0; i < 10; i++) sums[i] = s[i];
  };
  measure("peak", 1e6 * 10 * 2 * W, work);
  if (sum(sums[0]) == 3) std::printf("\n");
}

void product(int M, int N, int K, bool transA, bool transB) {
  Floats a(size_t(M) * K), b(size_t(N) * K), c(size_t(M) * N), bias(N), workspace(gemm_workspace(M, N, K, transA, transB));
  char name[99];
  std::snprintf(name, 99, "gemm%c%c %d x %d x %d", transA ? 'T' : 'N', transB ? 'T' : 'N', M, N, K);
  measure(name, 2.0 * M * N * K, [&] { gemm(M, N, K, a, transA, transA ? M : K, b, transB, transB ? K : N, c, N, bias, 0, workspace); });
}

/** A layer's kernels as a training step calls them, input projections and gradients of weights included. */
void lstm(int T, int B, int I, int H) {
  const int R = T * B, N = 4 * H;
  Floats x(size_t(R) * I), gates(size_t(R) * N), h(size_t(R + B) * H, 0.1f), c(size_t(R + B) * H, 0.1f), dY(size_t(R) * H, 0.01f), dH(size_t(B) * H, 0.01f), dC(size_t(B) * H, 0.01f);
  Floats wi(size_t(N) * I, 0.05f), wh(size_t(N) * H, 0.05f), bias(N), dWi(size_t(N) * I), dWh(size_t(N) * H), dX(size_t(R) * I);
  Floats g1(gemm_workspace(R, N, I, 0, 1)), g2(gemm_workspace(N, I, R, 1, 0)), g3(gemm_workspace(N, H, R, 1, 0)), g4(gemm_workspace(R, I, N, 0, 0));
  Floats f(lstm_forward_workspace(T, B, H, H, 0, 0, 0, 0, 0, 0)), b(lstm_backward_workspace(T, B, H, H, 0, 0, 0, 0, 0));
  const auto input = [&] { gemm(R, N, I, x, 0, I, wi, 1, I, gates, N, bias, 0, g1); };
  const auto forward = [&] {
    lstm_forward(T, B, H, H, 0, nullptr, wh, nullptr, nullptr, 0, nullptr, nullptr, gates, h, c, nullptr, nullptr, nullptr, nullptr, nullptr, 0, nullptr, nullptr, 0, f);
  };
  const auto backward = [&] {
    lstm_backward(T, B, H, H, 0, nullptr, wh, nullptr, nullptr, 0, nullptr, nullptr, gates, h, c, nullptr, nullptr, nullptr, nullptr, nullptr, 0, nullptr, nullptr, dY, dH, nullptr,
                  nullptr, nullptr, dC, nullptr, nullptr, nullptr, nullptr, b);
  };
  const auto weights = [&] {
    gemm(N, I, R, gates, 1, N, x, 0, I, dWi, I, nullptr, 1, g2);
    gemm(N, H, R, gates, 1, N, h, 0, H, dWh, H, nullptr, 1, g3);
  };
  const auto inputs = [&] { gemm(R, I, N, gates, 0, N, wi, 0, I, dX, I, nullptr, 0, g4); };
  const double flops = 2.0 * R * N * H, inFlops = 2.0 * R * N * I;
  const std::string size = " T " + std::to_string(T) + " B " + std::to_string(B) + " I " + std::to_string(I) + " H " + std::to_string(H);
  measure("lstm recurrent forward" + size, flops, forward, input);
  measure("lstm recurrent backward" + size, flops, backward, [&] { input(), forward(); });
  measure("lstm whole forward" + size, flops + inFlops, [&] { input(), forward(); });
  measure("lstm whole step" + size, 3 * (flops + inFlops), [&] { input(), forward(), backward(), weights(), inputs(); });
}

void gru(int T, int B, int I, int H) {
  const int R = T * B, N = 3 * H;
  Floats x(size_t(R) * I), gates(size_t(R) * N), h(size_t(R + B) * H, 0.1f), hn(size_t(R) * H), dY(size_t(R) * H, 0.01f), dH(size_t(B) * H, 0.01f);
  Floats wi(size_t(N) * I, 0.05f), wh(size_t(N) * H, 0.05f), bias(N), dWi(size_t(N) * I), dWh(size_t(N) * H), dX(size_t(R) * I);
  Floats g1(gemm_workspace(R, N, I, 0, 1)), g2(gemm_workspace(N, I, R, 1, 0)), g3(gemm_workspace(N, H, R, 1, 0)), g4(gemm_workspace(R, I, N, 0, 0));
  Floats f(gru_forward_workspace(T, B, H, 0, 0, 1, 0)), b(gru_backward_workspace(T, B, H, 0, 0, 1));
  const auto forward = [&] {
    gemm(R, N, I, x, 0, I, wi, 1, I, gates, N, bias, 0, g1);
    gru_forward(T, B, H, 0, nullptr, wh, nullptr, nullptr, 0, nullptr, nullptr, 1, bias, gates, h, hn, 0, f);
  };
  const auto backward = [&] {
    gru_backward(T, B, H, 0, nullptr, wh, nullptr, nullptr, 0, nullptr, nullptr, 1, bias, gates, h, hn, dY, dH, nullptr, nullptr, nullptr, b);
    gemm(N, I, R, gates, 1, N, x, 0, I, dWi, I, nullptr, 1, g2);
    gemm(2 * H, H, R, gates, 1, N, h, 0, H, dWh, H, nullptr, 1, g3);
    gemm(H, H, R, hn, 1, H, h, 0, H, dWh + size_t(2) * H * H, H, nullptr, 1, g3);
    gemm(R, I, N, gates, 0, N, wi, 0, I, dX, I, nullptr, 0, g4);
  };
  const double flops = 2.0 * R * N * (H + I);
  const std::string size = " T " + std::to_string(T) + " B " + std::to_string(B) + " I " + std::to_string(I) + " H " + std::to_string(H);
  measure("gru whole forward" + size, flops, forward);
  measure("gru whole step" + size, 3 * flops, [&] { forward(), backward(); });
}

/** One step of one sequence, its weights packed: the input's product and the layer. */
void stream(int I, int H) {
  Floats x(I), gates(4 * H), h(2 * H), c(2 * H), wi(size_t(4) * H * I, 0.05f), wh(size_t(4) * H * H, 0.05f), bias(4 * H), workspace(1 << 20);
  Floats packedI(packed_floats(1, 4 * H, I)), packedH(packed_floats(4, H, H));
  pack_weights(1, 4 * H, I, wi, packedI);
  pack_weights(4, H, H, wh, packedH);
  const std::string size = " I " + std::to_string(I) + " H " + std::to_string(H);
  const auto input = [&] { gemm(1, 4 * H, I, x, 0, I, packedI, kPacked, 0, gates, 4 * H, bias, 0, workspace); };
  const auto layer = [&] {
    lstm_forward(1, 1, H, H, 0, nullptr, packedH, nullptr, nullptr, 0, nullptr, nullptr, gates, h, c, nullptr, nullptr, nullptr, nullptr, nullptr, 0, nullptr, nullptr, 1, workspace);
  };
  measure("stream input product" + size, 8.0 * H * I, input);
  measure("stream layer" + size, 8.0 * H * H, layer);
  measure("stream lstm" + size, 8.0 * H * (H + I), [&] { input(), layer(); });
}

} // namespace

int main(int count, char **arguments) {
  if (count > 1) filter = arguments[1];
  if (count > 2) threads = std::atoi(arguments[2]);
  set_threads(threads);
  std::printf("W %d, %d thread(s)\n", W, threads);
  peak();
  product(1024, 1024, 1024, false, false);
  product(1024, 1024, 1024, false, true);
  product(4096, 2048, 512, false, true);
  product(4096, 512, 2048, false, false);
  product(2048, 512, 4096, true, false);
  product(2500, 512, 128, false, true);
  product(2500, 128, 512, false, false);
  product(512, 128, 2500, true, false);
  product(2500, 65, 128, false, true);
  product(2500, 128, 65, false, false);
  product(65, 128, 2500, true, false);
  for (int M : {1, 2, 3, 4, 8, 12, 13, 16, 32, 64}) product(M, 512, 128, false, true);
  for (int M : {1, 2, 3, 4, 8, 12, 13, 16, 32, 64}) product(M, 2048, 512, false, true);
  product(1, 512, 2048, false, false);
  stream(128, 128);
  stream(512, 512);
  lstm(50, 50, 128, 128);
  lstm(100, 32, 128, 256);
  lstm(64, 64, 512, 512);
  lstm(100, 1, 128, 128);
  gru(64, 64, 512, 512);
}
