// All kernels for one instruction set: the list of what a backend can call. Compiled once per set, with -DUNROLLED_ISA=…
// (see vector.h); src/backend/kernels/exports.ts has the other side of each name.
#include "attention.h"
#include "calls.h"
#include "conv.h"
#include "crf.h"
#include "ctc.h"
#include "elementwise.h"
#include "gemm.h"
#include "gru.h"
#include "losses.h"
#include "lstm.h"
#include "move.h"
#include "optimizers.h"
#include "planes.h"
#include "random.h"
#include "recurrent_abi.h"
#include "reservoir.h"
#include "ridge.h"
#include "rnn.h"
#include "rows.h"
#include "transducer.h"

namespace unrolled {
namespace UNROLLED_ISA {

/**
 * Makes `count` calls (see calls.h) that were written down for so many threads. With another number their workspaces may be too
 * small: it does nothing, and returns 0.
 */
static int32_t replay(const double *calls, int32_t count, int32_t threads) {
  if (thread_count() != threads) return 0;
  for (; count > 0; count--) calls = reinterpret_cast<Entry *>(uintptr_t(*calls))(calls + 1);
  return 1;
}

} // namespace UNROLLED_ISA
} // namespace unrolled

#define UNROLLED_KERNELS(X)                                                                                                 \
  X(replay)                                                                                                                 \
  X(packed_floats)                                                                                                          \
  X(pack_weights)                                                                                                           \
  X(fill_buffer)                                                                                                                 \
  X(copy_buffer)                                                                                                                 \
  X(strided_copy)                                                                                                           \
  X(unary)                                                                                                                  \
  X(unary_backward)                                                                                                         \
  X(binary)                                                                                                                 \
  X(select_elements)                                                                                                        \
  X(affine)                                                                                                                 \
  X(axpy)                                                                                                                   \
  X(lerp)                                                                                                                   \
  X(scale_rows)                                                                                                             \
  X(sum_axis)                                                                                                               \
  X(argmax_rows)                                                                                                            \
  X(count_below)                                                                                                            \
  X(sum_of_squares)                                                                                                         \
  X(softmax)                                                                                                                \
  X(softmax_backward)                                                                                                       \
  X(log_softmax)                                                                                                            \
  X(log_softmax_backward)                                                                                                   \
  X(gather_rows)                                                                                                            \
  X(scatter_add_rows)                                                                                                       \
  X(layer_norm)                                                                                                             \
  X(layer_norm_backward)                                                                                                    \
  X(dropout_mask)                                                                                                           \
  X(cross_entropy)                                                                                                          \
  X(cross_entropy_backward)                                                                                                 \
  X(pointwise_loss)                                                                                                         \
  X(pointwise_loss_backward)                                                                                                \
  X(crf_forward_workspace)                                                                                                  \
  X(crf_forward)                                                                                                            \
  X(crf_backward_workspace)                                                                                                 \
  X(crf_backward)                                                                                                           \
  X(crf_decode_workspace)                                                                                                   \
  X(crf_decode)                                                                                                             \
  X(ctc_forward_workspace)                                                                                                  \
  X(ctc_forward)                                                                                                            \
  X(ctc_backward_workspace)                                                                                                 \
  X(ctc_backward)                                                                                                           \
  X(transducer_forward_workspace)                                                                                           \
  X(transducer_forward)                                                                                                     \
  X(transducer_backward_workspace)                                                                                          \
  X(transducer_backward)                                                                                                    \
  X(conv2d_workspace)                                                                                                       \
  X(conv2d)                                                                                                                 \
  X(conv2d_backward_workspace)                                                                                              \
  X(conv2d_backward)                                                                                                        \
  X(max_pool2d)                                                                                                             \
  X(max_pool2d_backward)                                                                                                    \
  X(avg_pool2d)                                                                                                             \
  X(avg_pool2d_backward)                                                                                                    \
  X(batch_norm2d)                                                                                                           \
  X(batch_norm2d_backward)                                                                                                  \
  X(attention_forward_workspace)                                                                                            \
  X(attention_forward)                                                                                                      \
  X(attention_backward_workspace)                                                                                           \
  X(attention_backward)                                                                                                     \
  X(reservoir_forward)                                                                                                      \
  X(gram_workspace)                                                                                                         \
  X(gram)                                                                                                                   \
  X(ridge_solve_workspace)                                                                                                  \
  X(ridge_solve)                                                                                                            \
  X(clip_norm)                                                                                                              \
  X(clip_value)                                                                                                             \
  X(sgd)                                                                                                                    \
  X(adam)                                                                                                                   \
  X(rmsprop)                                                                                                                \
  X(adagrad)

#if defined(__wasm__)
#include "wasm.h"
#define UNROLLED_BINDING(name, ...) {#name, reinterpret_cast<const void *>(&UNROLLED_ISA::name), &Call<&UNROLLED_ISA::name>::entry},
#else
#include "bind.h"
#define UNROLLED_BINDING(name, ...) {#name, &called<&UNROLLED_ISA::name>, &Call<&UNROLLED_ISA::name>::entry},
#endif

#define UNROLLED_JOIN_(a, b) a##b
#define UNROLLED_JOIN(a, b) UNROLLED_JOIN_(a, b)

namespace unrolled {

extern const Binding UNROLLED_JOIN(kernels_, UNROLLED_ISA)[];
const Binding UNROLLED_JOIN(kernels_, UNROLLED_ISA)[] = {
    UNROLLED_KERNELS(UNROLLED_BINDING) UNROLLED_RECURRENT_KERNELS(UNROLLED_BINDING){nullptr, nullptr, nullptr}};

} // namespace unrolled
