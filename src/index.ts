/** The public face of Unrolled: exports and nothing else. */

export { type CheckGradientsOptions, checkGradients, GradientError } from './autograd/check-gradients.ts';
export { add, clamp, div, less, maximum, minimum, mul, type Operand, sub } from './autograd/ops/binary.ts';
export { concat, stack } from './autograd/ops/concat.ts';
export { dropout } from './autograd/ops/dropout.ts';
// Operations.
export { abs, exp, log, neg, relu, sigmoid, sqrt, square, tanh } from './autograd/ops/elementwise.ts';
export { embedding, gather } from './autograd/ops/gather.ts';
export { layerNorm } from './autograd/ops/layer-norm.ts';
export { linear, matmul } from './autograd/ops/matmul.ts';
export { type Axes, argmax, max, mean, type ReduceOptions, sum } from './autograd/ops/reduce.ts';
export { broadcastTo, permute, reshape, select, slice, split, squeeze, transpose, unsqueeze } from './autograd/ops/shape.ts';
export { logSoftmax, softmax } from './autograd/ops/softmax.ts';
export { maskedFill, where } from './autograd/ops/where.ts';
export { keep, scope } from './autograd/scope.ts';
export { backward, noGrad } from './autograd/tape.ts';
// Tensors and gradients.
export {
  full,
  type NestedNumbers,
  ones,
  Parameter,
  randomNormal,
  randomUniform,
  Tensor,
  type TensorOptions,
  tensor,
  zeros,
} from './autograd/tensor.ts';
// Backends.
export type { Backend, BackendName } from './backend/backend.ts';
export { type BackendFacts, getBackend, setBackend, setThreads } from './backend/select.ts';
// Losses.
export { type CrossEntropyOptions, crossEntropy } from './losses/cross-entropy.ts';
export {
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  type HuberOptions,
  huber,
  type LossOptions,
  mae,
  mse,
} from './losses/pointwise.ts';
export type { Reduction } from './losses/reduction.ts';
export { Dropout, type DropoutOptions } from './nn/dropout.ts';
export { EmbeddedSequence, Embedding, type EmbeddingOptions } from './nn/embedding.ts';
export {
  constant,
  forgetBias,
  identity,
  initialize,
  kaimingUniform,
  normal,
  orthogonal,
  uniform,
  xavierNormal,
  xavierUniform,
} from './nn/initializers.ts';
export { LayerNorm, type LayerNormOptions } from './nn/layer-norm.ts';
export { Linear, type LinearOptions } from './nn/linear.ts';
// Modules.
export { type Initializer, Module, type StateDict } from './nn/module.ts';
// Numbers, shapes, errors.
export { BackendError, ConfigError, DivergenceError, type FileLocation, FormatError, ShapeError } from './tensor/errors.ts';
export { Random, type RandomState } from './tensor/random.ts';
export type { DType, Shape, TypedArray } from './tensor/shape.ts';
