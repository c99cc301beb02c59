// The C face of the matrix product and the recurrent layers: argument for argument what src/backend/backend.ts says, in
// this order, flat. Every kernel `f` has a `f_workspace` beside it with the sizes and options that matter; it returns
// how many floats of 64-byte aligned workspace a call needs (for the pool's present number of threads; 0 is possible, and
// then the pointer may be null). Pointers that backend.ts lets be null may be null; flags are 0 or 1.
//
// The functions are `static` in namespace unrolled::UNROLLED_ISA (gemm.h, rnn.h, lstm.h, gru.h); kernels.cc puts them in its
// table, or exports them from WASM, by these names.
#pragma once

#include <stdint.h>

namespace unrolled {

enum ActivationCode : int32_t { kTanh = 0, kRelu = 1, kSigmoid = 2 };

// C [M, N] (+)= op(A) [M, K] · op(B) [K, N] + bias [N]. lda, ldb, ldc: floats from one stored row to the next. transB: 0, 1, or
// 2 where B is a weight [N, K] that pack_weights has packed; then transA is 0, and ldb nothing.
using GemmWorkspace = int32_t(int32_t M, int32_t N, int32_t K, int32_t transA, int32_t transB);
using Gemm = void(int32_t M, int32_t N, int32_t K, const float *a, int32_t transA, int32_t lda, const float *b,
                  int32_t transB, int32_t ldb, float *c, int32_t ldc, const float *bias, int32_t accumulate, float *workspace);

// What the recurrent layers share stands first: sizes, reverse, lengths, weightHh, mask, norm (normWeight null: no norm). isPacked:
// weightHh, and weightHr, are what pack_weights made of them, each gate a part.
#define UNROLLED_RECURRENT_NORM const float *normWeight, float normEpsilon, float *normNormalized, float *normRstd

using RnnForwardWorkspace = int32_t(int32_t T, int32_t B, int32_t H, int32_t hasMask, int32_t hasNorm, int32_t isPacked);
using RnnBackwardWorkspace = int32_t(int32_t T, int32_t B, int32_t H, int32_t hasMask, int32_t hasNorm);
using RnnForward = void(int32_t T, int32_t B, int32_t H, int32_t reverse, const int32_t *lengths, const float *weightHh,
                        const float *mask, UNROLLED_RECURRENT_NORM, int32_t activation, float *gates, float *h,
                        int32_t isPacked, float *workspace);
using RnnBackward = void(int32_t T, int32_t B, int32_t H, int32_t reverse, const int32_t *lengths, const float *weightHh,
                         const float *mask, UNROLLED_RECURRENT_NORM, int32_t activation, float *gates, float *h,
                         const float *dY, float *dH, float *dQ, float *dNormWeight, float *dHSquares, float *workspace);

using LstmForwardWorkspace = int32_t(int32_t T, int32_t B, int32_t H, int32_t P, int32_t hasMask, int32_t hasNorm,
                                     int32_t hasPeephole, int32_t hasProjection, int32_t hasCellNorm, int32_t isPacked);
using LstmBackwardWorkspace = int32_t(int32_t T, int32_t B, int32_t H, int32_t P, int32_t hasMask, int32_t hasNorm,
                                      int32_t hasPeephole, int32_t hasProjection, int32_t hasCellNorm);
using LstmForward = void(int32_t T, int32_t B, int32_t H, int32_t P, int32_t reverse, const int32_t *lengths,
                         const float *weightHh, const float *mask, UNROLLED_RECURRENT_NORM, float *gates, float *h, float *c,
                         const float *peephole, const float *weightHr, float *m, const float *cellNormWeight,
                         const float *cellNormBias, float cellNormEpsilon, float *cellNormNormalized, float *cellNormRstd,
                         int32_t isPacked, float *workspace);
using LstmBackward = void(int32_t T, int32_t B, int32_t H, int32_t P, int32_t reverse, const int32_t *lengths,
                          const float *weightHh, const float *mask, UNROLLED_RECURRENT_NORM, float *gates, float *h, float *c,
                          const float *peephole, const float *weightHr, float *m, const float *cellNormWeight,
                          const float *cellNormBias, float cellNormEpsilon, float *cellNormNormalized, float *cellNormRstd,
                          const float *dY, float *dH, float *dQ, float *dNormWeight, float *dHSquares, float *dC,
                          float *dPeephole, float *dProjection, float *dCellNormWeight, float *dCellNormBias,
                          float *workspace);

using GruForwardWorkspace = int32_t(int32_t T, int32_t B, int32_t H, int32_t hasMask, int32_t hasNorm, int32_t resetAfter,
                                    int32_t isPacked);
using GruBackwardWorkspace = int32_t(int32_t T, int32_t B, int32_t H, int32_t hasMask, int32_t hasNorm, int32_t resetAfter);
using GruForward = void(int32_t T, int32_t B, int32_t H, int32_t reverse, const int32_t *lengths, const float *weightHh,
                        const float *mask, UNROLLED_RECURRENT_NORM, int32_t resetAfter, const float *biasHn, float *gates,
                        float *h, float *hn, int32_t isPacked, float *workspace);
using GruBackward = void(int32_t T, int32_t B, int32_t H, int32_t reverse, const int32_t *lengths, const float *weightHh,
                         const float *mask, UNROLLED_RECURRENT_NORM, int32_t resetAfter, const float *biasHn, float *gates,
                         float *h, float *hn, const float *dY, float *dH, float *dQ, float *dNormWeight, float *dHSquares,
                         float *workspace);

// Name, and type of the function. kernels.cc: #define X(name, Type) Type *name; and so on.
#define UNROLLED_RECURRENT_KERNELS(X)                                                                                       \
  X(gemm_workspace, GemmWorkspace)                                                                                          \
  X(gemm, Gemm)                                                                                                             \
  X(rnn_forward_workspace, RnnForwardWorkspace)                                                                             \
  X(rnn_forward, RnnForward)                                                                                                \
  X(rnn_backward_workspace, RnnBackwardWorkspace)                                                                           \
  X(rnn_backward, RnnBackward)                                                                                              \
  X(lstm_forward_workspace, LstmForwardWorkspace)                                                                           \
  X(lstm_forward, LstmForward)                                                                                              \
  X(lstm_backward_workspace, LstmBackwardWorkspace)                                                                         \
  X(lstm_backward, LstmBackward)                                                                                            \
  X(gru_forward_workspace, GruForwardWorkspace)                                                                             \
  X(gru_forward, GruForward)                                                                                                \
  X(gru_backward_workspace, GruBackwardWorkspace)                                                                           \
  X(gru_backward, GruBackward)

} // namespace unrolled
