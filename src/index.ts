/** The public face of Unrolled. */

// Tensors and differentiation
export { type CheckGradientsOptions, checkGradients, GradientError } from './autograd/check-gradients.ts';
export { type BatchNormStatistics, batchNorm } from './autograd/ops/batch-norm.ts';
export { add, clamp, div, less, maximum, minimum, mul, type Operand, sub } from './autograd/ops/binary.ts';
export { concat, stack } from './autograd/ops/concat.ts';
export { conv2d } from './autograd/ops/conv2d.ts';
export { dropout } from './autograd/ops/dropout.ts';
export { abs, exp, log, neg, relu, sigmoid, sqrt, square, tanh } from './autograd/ops/elementwise.ts';
export { embedding, gather } from './autograd/ops/gather.ts';
export { layerNorm } from './autograd/ops/layer-norm.ts';
export { linear, matmul } from './autograd/ops/matmul.ts';
export { type AvgPool2dOptions, avgPool2d, maxPool2d } from './autograd/ops/pool2d.ts';
export { type Axes, argmax, max, mean, type ReduceOptions, sum } from './autograd/ops/reduce.ts';
export { broadcastTo, permute, reshape, select, slice, split, squeeze, transpose, unsqueeze } from './autograd/ops/shape.ts';
export { logSoftmax, softmax } from './autograd/ops/softmax.ts';
export { maskedFill, where } from './autograd/ops/where.ts';
export type { Pair, Window, WindowOptions } from './autograd/ops/window.ts';
export { keep, scope } from './autograd/scope.ts';
export { backward, noGrad } from './autograd/tape.ts';
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
// Backends
export type { Backend, BackendName } from './backend/backend.ts';
export { type BackendFacts, explainBackends, getBackend, setBackend, setThreads } from './backend/select.ts';
// Data, training and model files
export * from './data/index.ts';
export * from './data/text/index.ts';
export * from './decode/index.ts';
export * from './insight/figure/index.ts';
export * from './insight/index.ts';
export * from './interop/index.ts';
// Losses and optimisers
export { AdaptiveSoftmax, type AdaptiveSoftmaxOptions } from './losses/adaptive-softmax.ts';
export type { AlignmentTargets } from './losses/alignment-targets.ts';
export { type CandidateSampler, logUniformSampler, unigramSampler } from './losses/candidate-sampler.ts';
export { type CrossEntropyOptions, crossEntropy } from './losses/cross-entropy.ts';
export { type CtcLossOptions, ctcLoss } from './losses/ctc.ts';
export {
  gaussianLoss,
  type NegativeBinomialOptions,
  negativeBinomialLoss,
  type QuantileOptions,
  quantileLoss,
  studentTLoss,
} from './losses/distributions.ts';
export { type LinearCrossEntropyOptions, linearCrossEntropy } from './losses/linear-cross-entropy.ts';
export {
  binaryCrossEntropy,
  binaryCrossEntropyWithLogits,
  type HuberOptions,
  huber,
  type LossOptions,
  mae,
  mse,
} from './losses/pointwise.ts';
export { type BprMaxOptions, bprMax, type RankingLossOptions, top1Max } from './losses/ranking.ts';
export type { Reduction } from './losses/reduction.ts';
export { type SampledSoftmaxOptions, sampledSoftmax } from './losses/sampled-softmax.ts';
export { type TransducerLossOptions, transducerLoss } from './losses/transducer.ts';
export { Attention, type AttentionKind, type AttentionMemory, type AttentionOptions } from './nn/attention.ts';
export { AttentionDecoder, type AttentionDecoderOptions, type AttentionForwardOptions } from './nn/attention-decoder.ts';
export type { AttentionResult } from './nn/attention-run.ts';
// Layers
export { BatchNorm2d, type BatchNorm2dOptions } from './nn/batch-norm2d.ts';
export type { ScoredPath } from './nn/best-paths.ts';
export { type CharacterBatch, CharacterEncoder, type CharacterEncoderOptions } from './nn/character-encoder.ts';
export { Conv2d, type Conv2dOptions } from './nn/conv2d.ts';
export { type CrfLossOptions, type CrfPathOptions, LinearChainCrf, type LinearChainCrfOptions } from './nn/crf.ts';
export { type CrfConstraints, type EntityScheme, entityConstraints } from './nn/crf-constraints.ts';
export { Dropout, type DropoutOptions } from './nn/dropout.ts';
export { EmbeddedSequence, Embedding, type EmbeddingOptions } from './nn/embedding.ts';
export { GradientNorms } from './nn/gradient-norms.ts';
export { GRU, type GRUCellOptions, type GRUOptions } from './nn/gru.ts';
export { GRUCell } from './nn/gru-cell.ts';
export * as initializers from './nn/initializers.ts';
export { LayerNorm, type LayerNormOptions } from './nn/layer-norm.ts';
export { Linear, type LinearOptions } from './nn/linear.ts';
export { LSTM, type LSTMCellOptions, type LSTMOptions, type LSTMState } from './nn/lstm.ts';
export { LSTMCell } from './nn/lstm-cell.ts';
export { type Initializer, Module, type StateDict } from './nn/module.ts';
export {
  AttentionPooling,
  type AttentionPoolingOptions,
  type LastPoolingOptions,
  lastPooling,
  maxPooling,
  meanPooling,
  type PoolingLengths,
  weightedSum,
} from './nn/pooling.ts';
export { PyramidalEncoder, type PyramidalEncoderOptions, type PyramidalState, PyramidalStream } from './nn/pyramidal-encoder.ts';
export type { GateName, GateStatistics, RecurrenceStatistics } from './nn/recurrence-statistics.ts';
export { type Cell, type CellState, Recurrent } from './nn/recurrent.ts';
export type { CellOptions, RecurrentInit } from './nn/recurrent-direction.ts';
export type { ForwardOptions, RecurrentOptions, SequenceInput } from './nn/recurrent-stack.ts';
export { type Floats, RecurrentStream, type StreamState } from './nn/recurrent-stream.ts';
export { RNN, type RNNCellOptions, type RNNOptions } from './nn/rnn.ts';
export { RNNCell } from './nn/rnn-cell.ts';
export { SideBySide, type Streamable } from './nn/side-by-side.ts';
export {
  type Subsampled,
  type SubsampleOptions,
  type SubsampleState,
  SubsampleStream,
  type Subsampling,
  subsample,
} from './nn/subsampling.ts';
export {
  Joint,
  type JointOptions,
  type PredictionState,
  Transducer,
  type TransducerOptions,
  type TransducerSteps,
} from './nn/transducer.ts';
export * from './optim/index.ts';
// Echo state networks
export * from './reservoir/index.ts';
export * from './tasks/index.ts';
export { BackendError, ConfigError, DivergenceError, FileError, type FileLocation, FormatError, ShapeError } from './tensor/errors.ts';
export { Random, type RandomState } from './tensor/random.ts';
export type { DType, Shape, TypedArray } from './tensor/shape.ts';
export * from './training/index.ts';
