// The vector type of all kernels, by compiler vector extensions: one source for every instruction set.
//
// How the headers of native/ are compiled. Everything in them lives in `namespace unrolled::UNROLLED_ISA` and is `static`
// or `inline`; kernels.cc includes them and is compiled once per instruction set, with -DUNROLLED_ISA=avx512 | avx2 | base
// | wasm and the machine flags below, and collects the functions in a table. pool.cc and addon.cc are compiled once.
//
//   avx512   -mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx2 -mfma   W = 16
//   avx2     -mavx2 -mfma                                               W = 8
//   base     nothing (SSE2, NEON)                                       W = 4
//   wasm     -msimd128 [-mrelaxed-simd]                                 W = 4
//
// Always: -std=c++17 -O3 -ffp-contract=off -fno-exceptions -fno-rtti -fno-math-errno. Contraction is off so that where a
// product is fused is written in the source (`fma`), not chosen by a compiler: two tiles that compute the same element give
// the same bits. No C or C++ library is needed, except memcpy and memset, which a compiler may call.
//
// Laws of every kernel: gradients of parameters ADD, all other outputs OVERWRITE; no allocation, no locks: workspaces come
// from outside, 64-byte aligned, with a function beside each kernel that says how many floats.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifndef UNROLLED_ISA
#define UNROLLED_ISA base
#endif

#if defined(__aarch64__)
#include <arm_neon.h>
#endif

// Clang has a portable builtin for a fused product from version 17 on (zig 0.11, which builds the releases, is 16); elsewhere
// the machine's own is named.
#if defined(__clang__) && __clang_major__ >= 17
#define UNROLLED_MACHINE_FMA 0
#else
#define UNROLLED_MACHINE_FMA 1
#endif

#define UNROLLED_INLINE inline __attribute__((always_inline))
#define UNROLLED_LAMBDA __attribute__((always_inline))
#if defined(__clang__)
#define UNROLLED_UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLLED_UNROLL _Pragma("GCC unroll 32")
#endif

// What V8 makes of WebAssembly needs guidance. It keeps the order it is given, or one of its own that follows the order of
// the last uses, and where that order reads everything first it runs out of its 15 registers: a tile then takes twice the time.
//   UNROLLED_PIN(x)     x is computed here, neither earlier nor later
//   UNROLLED_LOOP       of a function that is one loop over many sums: alone, V8 does not unroll it, which would spoil the order
//   UNROLLED_NUMBER(x)  a constant in every lane, read from memory: one instruction, where V8 makes a constant by three
#if defined(__wasm__)
#define UNROLLED_PIN(x) asm volatile("" : "+r"(x))
#define UNROLLED_LOOP __attribute__((noinline))
#define UNROLLED_NUMBER(x)                \
  []() __attribute__((always_inline)) {   \
    static constexpr float kept = x;      \
    const float *from = &kept;            \
    asm("" : "+r"(from));                 \
    return splat(*from);                  \
  }()
#else
#define UNROLLED_PIN(x) (void)0
#define UNROLLED_LOOP UNROLLED_INLINE
#define UNROLLED_NUMBER(x) splat(x)
#endif

namespace unrolled {
namespace UNROLLED_ISA {

#ifdef UNROLLED_WIDTH // tests compile any width on any machine
constexpr int W = UNROLLED_WIDTH;
#elif defined(__AVX512F__)
constexpr int W = 16;
#elif defined(__AVX2__) && defined(__FMA__)
constexpr int W = 8;
#else
constexpr int W = 4;
#endif

#if defined(__wasm__)
constexpr bool kIsWasm = true;
#else
constexpr bool kIsWasm = false;
#endif

// GCC has no names of its own for a fused product, and finds a minimum only where no operand is constant: its width, where
// the processor's are needed.
#if defined(__SSE2__) && !defined(__clang__) && !defined(UNROLLED_WIDTH)
#if defined(__AVX512F__)
#define UNROLLED_GCC_X86 16
#elif defined(__AVX2__) && defined(__FMA__)
#define UNROLLED_GCC_X86 8
#else
#define UNROLLED_GCC_X86 4
#endif
#else
#define UNROLLED_GCC_X86 0
#endif

/** W floats, W integers. A comparison of two F gives an I: −1 where true, 0 where false. */
typedef float F __attribute__((vector_size(W * 4)));
typedef int32_t I __attribute__((vector_size(W * 4)));
/** The same in memory, at any address. */
typedef float UnalignedF __attribute__((vector_size(W * 4), aligned(4), may_alias));
typedef int32_t UnalignedI __attribute__((vector_size(W * 4), aligned(4), may_alias));

static UNROLLED_INLINE F load(const float *p) { return *reinterpret_cast<const UnalignedF *>(p); }
static UNROLLED_INLINE void store(float *p, F x) { *reinterpret_cast<UnalignedF *>(p) = x; }
static UNROLLED_INLINE I load(const int32_t *p) { return *reinterpret_cast<const UnalignedI *>(p); }
static UNROLLED_INLINE void store(int32_t *p, I x) { *reinterpret_cast<UnalignedI *>(p) = x; }

static UNROLLED_INLINE F splat(float x) { return x - F{}; }
static UNROLLED_INLINE I splat(int32_t x) { return x - I{}; }

// Of fewer than W floats: called, not inlined, since it stands beside every wide loop and is seldom run.
static __attribute__((noinline, unused)) F load_some(const float *p, int n) {
  F x{};
  for (int i = 0; i < n; i++) x[i] = p[i];
  return x;
}
static __attribute__((noinline, unused)) void store_some(float *p, F x, int n) {
  for (int i = 0; i < n; i++) p[i] = x[i];
}
/** The first n floats; the others are 0. */
static UNROLLED_INLINE F load(const float *p, int n) { return n >= W ? load(p) : load_some(p, n); }
/** The first n floats of x. */
static UNROLLED_INLINE void store(float *p, F x, int n) { n >= W ? store(p, x) : store_some(p, x, n); }

/** Asks for the cache line at p. WebAssembly has no such thing, but a compiler would work out the address. */
template <bool isWritten = false> static UNROLLED_INLINE void prefetch(const float *p) {
#if defined(__wasm__)
  (void)p;
#else
  __builtin_prefetch(p, isWritten);
#endif
}
/** The same, no nearer than L2. */
static UNROLLED_INLINE void prefetch_far(const float *p) {
#if defined(__wasm__)
  (void)p;
#else
  __builtin_prefetch(p, 0, 2);
#endif
}

/** body(i, count) for i = 0, W, 2W … below n; count is W, and for a last odd one what is left. */
template <typename Body> static UNROLLED_INLINE void each_vector(int n, const Body &body) {
  int i = 0;
  for (; i + W <= n; i += W) body(i, W);
  if (i < n) body(i, n - i);
}

static UNROLLED_INLINE void copy(const float *x, float *y, int n) {
  each_vector(n, [&](int i, int count) UNROLLED_LAMBDA { store(y + i, load(x + i, count), count); });
}

/** The same bits as the other type. */
static UNROLLED_INLINE F as_float(I x) { return (F)x; }
static UNROLLED_INLINE I as_int(F x) { return (I)x; }
static UNROLLED_INLINE F to_float(I x) { return __builtin_convertvector(x, F); }

/** mask ? a : b, lane by lane; mask is a comparison's result. */
static UNROLLED_INLINE F select(I mask, F a, F b) {
#if defined(__wasm_relaxed_simd__)
  return (F)__builtin_wasm_relaxed_laneselect_i32x4(as_int(a), as_int(b), mask);
#else
  return as_float((mask & as_int(a)) | (~mask & as_int(b)));
#endif
}
/** The smaller, the larger of each lane; b where either is NaN. */
static UNROLLED_INLINE F minimum(F a, F b) {
#if defined(__wasm_simd128__)
  return __builtin_wasm_pmin_f32x4(b, a);
#elif UNROLLED_GCC_X86 == 16
  return (F)__builtin_ia32_minps512_mask(a, b, a, (unsigned short)-1, 4);
#elif UNROLLED_GCC_X86 == 8
  return (F)__builtin_ia32_minps256(a, b);
#elif UNROLLED_GCC_X86 == 4
  return (F)__builtin_ia32_minps(a, b);
#else
  return a < b ? a : b;
#endif
}
static UNROLLED_INLINE F maximum(F a, F b) {
#if defined(__wasm_simd128__)
  return __builtin_wasm_pmax_f32x4(b, a);
#elif UNROLLED_GCC_X86 == 16
  return (F)__builtin_ia32_maxps512_mask(a, b, a, (unsigned short)-1, 4);
#elif UNROLLED_GCC_X86 == 8
  return (F)__builtin_ia32_maxps256(a, b);
#elif UNROLLED_GCC_X86 == 4
  return (F)__builtin_ia32_maxps(a, b);
#else
  return a > b ? a : b;
#endif
}
/** x into [low, high]; NaN stays. */
static UNROLLED_INLINE F clamp(F x, float low, float high) { return minimum(splat(high), maximum(splat(low), x)); }
static UNROLLED_INLINE F absolute(F x) { return as_float(as_int(x) & splat(int32_t(0x7fffffff))); }

/** a · b + c: one rounding where the machine has it, two on SSE2 and plain WASM. */
static UNROLLED_INLINE F fma(F a, F b, F c) {
#if defined(__wasm_relaxed_simd__)
  return __builtin_wasm_relaxed_madd_f32x4(a, b, c);
#elif UNROLLED_GCC_X86 == 16
  return (F)__builtin_ia32_vfmaddps512_mask(a, b, c, (unsigned short)-1, 4);
#elif UNROLLED_GCC_X86 == 8
  return (F)__builtin_ia32_vfmaddps256(a, b, c);
#elif defined(__aarch64__) && !defined(UNROLLED_WIDTH)
  return (F)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#elif defined(__FMA__) && defined(__clang__) && !UNROLLED_MACHINE_FMA
  return __builtin_elementwise_fma(a, b, c);
#elif defined(__AVX512F__) && defined(__clang__)
  return __builtin_ia32_vfmaddps512_mask(a, b, c, (unsigned short)-1, 4);
#elif defined(__FMA__) && defined(__clang__)
  return __builtin_ia32_vfmaddps256(a, b, c);
#else
  return a * b + c;
#endif
}
/** The same for one number, so that a tail has the bits of the wide loop. */
static UNROLLED_INLINE float fma(float a, float b, float c) { return fma(splat(a), splat(b), splat(c))[0]; }

/** Sum of the lanes, in one fixed order. */
static UNROLLED_INLINE float sum(F x) {
  float lanes[W];
  store(lanes, x);
  UNROLLED_UNROLL
  for (int n = W / 2; n > 0; n /= 2) {
    UNROLLED_UNROLL
    for (int i = 0; i < n; i++) lanes[i] += lanes[i + n];
  }
  return lanes[0];
}

/**
 * Denormal numbers count as zero while one of these lives: a gradient that fades into them costs 70 times the time else.
 * WebAssembly has no such switch; there the gates flush what is below 1e-35 themselves (see math.h).
 */
struct FlushDenormals {
#if defined(__SSE2__)
  unsigned saved = __builtin_ia32_stmxcsr();
  FlushDenormals() { __builtin_ia32_ldmxcsr(saved | 0x8040); } // FTZ and DAZ
  ~FlushDenormals() { __builtin_ia32_ldmxcsr(saved); }
#elif defined(__aarch64__)
  uint64_t saved;
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(saved));
    asm volatile("msr fpcr, %0" ::"r"(saved | (uint64_t(1) << 24)));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(saved)); }
#else
  FlushDenormals() {}
  ~FlushDenormals() {}
#endif
  FlushDenormals(const FlushDenormals &) = delete;
};

} // namespace UNROLLED_ISA
} // namespace unrolled
