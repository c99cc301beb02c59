/**
 * The kernels of native/ as functions of numbers: what the addon's table and the WebAssembly module both are. A `pointer` is
 * an address; 0 is null. A `flag` is 0 or 1. Sizes and strides are in elements. What each does stands in ../backend.ts, how
 * in native/.
 */

type pointer = number;
type flag = number;
type int = number;
type float = number;

/** [normWeight, epsilon, normalized, rstd] of a RecurrentNorm. */
type NormArguments = [weight: pointer, epsilon: float, normalized: pointer, rstd: pointer];
type RecurrentArguments = [reverse: flag, lengths: pointer, weightHh: pointer, mask: pointer, ...norm: NormArguments];
/** The gradients that every recurrent backward has. */
type GradientArguments = [dY: pointer, dH: pointer, dQ: pointer, dNormWeight: pointer, dHSquares: pointer];

type RnnArguments = [T: int, B: int, H: int, ...RecurrentArguments, activation: int, gates: pointer, h: pointer];
type LstmArguments = [
  T: int,
  B: int,
  H: int,
  P: int,
  ...RecurrentArguments,
  gates: pointer,
  h: pointer,
  c: pointer,
  peephole: pointer,
  weightHr: pointer,
  m: pointer,
  cellNormWeight: pointer,
  cellNormBias: pointer,
  cellNormEpsilon: float,
  cellNormNormalized: pointer,
  cellNormRstd: pointer,
];
type GruArguments = [
  T: int,
  B: int,
  H: int,
  ...RecurrentArguments,
  resetAfter: flag,
  biasHn: pointer,
  gates: pointer,
  h: pointer,
  hn: pointer,
];

/** The tags are read, null for none, or what a decoding writes. */
type CrfArguments = [
  T: int,
  B: int,
  C: int,
  emissions: pointer,
  lengths: pointer,
  transitions: pointer,
  start: pointer,
  end: pointer,
  tags: pointer,
];

type CtcArguments = [
  T: int,
  B: int,
  V: int,
  U: int,
  logits: pointer,
  inputLengths: pointer,
  targets: pointer,
  targetLengths: pointer,
  blank: int,
  zeroInfinity: flag,
];

type TransducerArguments = [
  B: int,
  T: int,
  V: int,
  U: int,
  logits: pointer,
  inputLengths: pointer,
  targets: pointer,
  targetLengths: pointer,
  blank: int,
];

/** Of windows over planes; the last two, dilations, are left out where there are none. */
type WindowArguments = [
  B: int,
  C: int,
  height: int,
  width: int,
  kernelHeight: int,
  kernelWidth: int,
  strideY: int,
  strideX: int,
  paddingY: int,
  paddingX: int,
];
type DilatedWindowArguments = [...WindowArguments, dilationY: int, dilationX: int];
/** c is null for a GRU; biasHn and hn for an LSTM. */
type AttentionArguments = [
  T: int,
  B: int,
  H: int,
  S: int,
  A: int,
  M: int,
  lengths: pointer,
  weightHh: pointer,
  mask: pointer,
  attendFirst: flag,
  memoryLengths: pointer,
  memoryRows: pointer,
  weightQuery: pointer,
  scoreVector: pointer,
  scale: float,
  keys: pointer,
  memory: pointer,
  weightContext: pointer,
  biasHn: pointer,
  gates: pointer,
  h: pointer,
  c: pointer,
  hn: pointer,
  query: pointer,
  context: pointer,
  weights: pointer,
];
type AttentionSizes = [T: int, B: int, H: int, S: int, A: int, M: int, isLstm: flag, hasQuery: flag, hasMask: flag];

type Six = [int, int, int, int, int, int];

export interface Exports {
  /** Makes `count` calls that are written down at `calls`, float64: each kernel's entry, and its arguments. 0, and nothing is done, when there are not so many threads. */
  replay(calls: pointer, count: int, threads: int): flag;

  /** Any dtype: the element is given by its bits. */
  fill_buffer(y: pointer, n: int, bits: int): void;
  copy_buffer(x: pointer, y: pointer, n: int): void;
  strided_copy(x: pointer, y: pointer, accumulate: flag, ...axes: [...sizes: Six, ...xStrides: Six, ...yStrides: Six]): void;

  unary(op: int, x: pointer, y: pointer, n: int): void;
  unary_backward(op: int, x: pointer, y: pointer, dY: pointer, dX: pointer, n: int): void;
  binary(op: int, a: pointer, aLength: int, b: pointer, bLength: int, y: pointer, n: int): void;
  select_elements(mask: pointer, maskLength: int, a: pointer, aLength: int, b: pointer, bLength: int, y: pointer, n: int): void;
  affine(x: pointer, scale: float, shift: float, y: pointer, n: int): void;
  axpy(alpha: float, x: pointer, y: pointer, n: int): void;
  lerp(x: pointer, y: pointer, n: int, weight: float): void;
  scale_rows(x: pointer, w: pointer, y: pointer, R: int, C: int, accumulate: flag): void;

  sum_axis(x: pointer, y: pointer, outer: int, n: int, inner: int, accumulate: flag): void;
  argmax_rows(x: pointer, y: pointer, R: int, C: int): void;
  count_below(x: pointer, ids: pointer, y: pointer, R: int, C: int): void;
  sum_of_squares(x: pointer, n: int, y: pointer): void;

  softmax(x: pointer, y: pointer, R: int, C: int): void;
  softmax_backward(y: pointer, dY: pointer, dX: pointer, R: int, C: int): void;
  log_softmax(x: pointer, y: pointer, R: int, C: int): void;
  log_softmax_backward(y: pointer, dY: pointer, dX: pointer, R: int, C: int): void;
  gather_rows(table: pointer, ids: pointer, y: pointer, R: int, C: int): void;
  scatter_add_rows(dY: pointer, ids: pointer, dTable: pointer, R: int, C: int, paddingIndex: int): void;
  layer_norm(
    x: pointer,
    weight: pointer,
    bias: pointer,
    y: pointer,
    normalized: pointer,
    rstd: pointer,
    R: int,
    C: int,
    epsilon: float,
  ): void;
  layer_norm_backward(
    dY: pointer,
    weight: pointer,
    normalized: pointer,
    rstd: pointer,
    dX: pointer,
    dWeight: pointer,
    dBias: pointer,
    R: int,
    C: int,
  ): void;

  /** threshold: p · 2²⁴, rounded up. */
  dropout_mask(y: pointer, n: int, threshold: int, scale: float, seed0: int, seed1: int, counter: number): void;

  cross_entropy(
    R: int,
    C: int,
    logits: pointer,
    targets: pointer,
    ignoreIndex: int,
    labelSmoothing: float,
    classWeights: pointer,
    losses: pointer,
    logSumExp: pointer,
    weights: pointer,
  ): void;
  cross_entropy_backward(
    R: int,
    C: int,
    logits: pointer,
    targets: pointer,
    ignoreIndex: int,
    labelSmoothing: float,
    classWeights: pointer,
    logSumExp: pointer,
    scale: pointer,
    scaleStride: int,
    dLogits: pointer,
  ): void;
  pointwise_loss(kind: int, x: pointer, target: pointer, y: pointer, n: int, delta: float): void;
  pointwise_loss_backward(kind: int, x: pointer, target: pointer, dY: pointer, dYStride: int, dX: pointer, n: int, delta: float): void;

  // The workspace of a kernel is in floats, and may be 0.
  crf_forward_workspace(T: int, B: int, C: int): int;
  crf_forward(...chain: [...CrfArguments, losses: pointer, alphas: pointer, shifts: pointer, workspace: pointer]): void;
  crf_backward_workspace(T: int, B: int, C: int): int;
  crf_backward(
    ...chain: [
      ...CrfArguments,
      alphas: pointer,
      shifts: pointer,
      scale: pointer,
      scaleStride: int,
      dEmissions: pointer,
      dTransitions: pointer,
      dStart: pointer,
      dEnd: pointer,
      workspace: pointer,
    ]
  ): void;
  crf_decode_workspace(T: int, B: int, C: int): int;
  crf_decode(...chain: [...CrfArguments, scores: pointer, workspace: pointer]): void;

  ctc_forward_workspace(T: int, B: int, V: int, U: int): int;
  ctc_forward(...loss: [...CtcArguments, losses: pointer, logSumExp: pointer, alphas: pointer, workspace: pointer]): void;
  ctc_backward_workspace(T: int, B: int, V: int, U: int): int;
  ctc_backward(
    ...loss: [...CtcArguments, logSumExp: pointer, alphas: pointer, scale: pointer, scaleStride: int, dLogits: pointer, workspace: pointer]
  ): void;

  transducer_forward_workspace(B: int, T: int, V: int, U: int): int;
  transducer_forward(...loss: [...TransducerArguments, losses: pointer, logSumExp: pointer, alphas: pointer, workspace: pointer]): void;
  transducer_backward_workspace(B: int, T: int, V: int, U: int): int;
  transducer_backward(
    ...loss: [
      ...TransducerArguments,
      logSumExp: pointer,
      alphas: pointer,
      scale: pointer,
      scaleStride: int,
      dLogits: pointer,
      workspace: pointer,
    ]
  ): void;

  conv2d_workspace(...layer: [...DilatedWindowArguments, O: int]): int;
  conv2d(...layer: [...DilatedWindowArguments, O: int, x: pointer, weight: pointer, bias: pointer, y: pointer, workspace: pointer]): void;
  conv2d_backward_workspace(...layer: [...DilatedWindowArguments, O: int]): int;
  conv2d_backward(
    ...layer: [
      ...DilatedWindowArguments,
      O: int,
      x: pointer,
      weight: pointer,
      dY: pointer,
      dX: pointer,
      dWeight: pointer,
      dBias: pointer,
      workspace: pointer,
    ]
  ): void;
  max_pool2d(...pool: [...DilatedWindowArguments, x: pointer, y: pointer, indices: pointer]): void;
  max_pool2d_backward(planes: int, inSize: int, outSize: int, dY: pointer, indices: pointer, dX: pointer): void;
  avg_pool2d(...pool: [...WindowArguments, countPadding: flag, x: pointer, y: pointer]): void;
  avg_pool2d_backward(...pool: [...WindowArguments, countPadding: flag, dY: pointer, dX: pointer]): void;
  batch_norm2d(
    B: int,
    C: int,
    S: int,
    isTraining: flag,
    x: pointer,
    weight: pointer,
    bias: pointer,
    epsilon: float,
    momentum: float,
    runningMean: pointer,
    runningVariance: pointer,
    mean: pointer,
    rstd: pointer,
    y: pointer,
  ): void;
  batch_norm2d_backward(
    B: int,
    C: int,
    S: int,
    isTraining: flag,
    x: pointer,
    weight: pointer,
    mean: pointer,
    rstd: pointer,
    dY: pointer,
    dX: pointer,
    dWeight: pointer,
    dBias: pointer,
  ): void;
  /** rowStarts and columns null: values is all of W. */
  reservoir_forward(
    T: int,
    B: int,
    H: int,
    lengths: pointer,
    drive: pointer,
    rowStarts: pointer,
    columns: pointer,
    values: pointer,
    leakRate: pointer,
    h: pointer,
  ): void;
  gram_workspace(R: int, C: int): int;
  gram(R: int, C: int, x: pointer, sums: pointer, workspace: pointer): void;
  ridge_solve_workspace(F: int, O: int): int;
  ridge_solve(F: int, O: int, sums: pointer, penalty: pointer, weight: pointer, failure: pointer, workspace: pointer): void;

  clip_norm(gradient: pointer, n: int, maxNorm: float, norm: pointer): void;
  clip_value(gradient: pointer, n: int, limit: float): void;
  sgd(
    parameters: pointer,
    gradient: pointer,
    velocity: pointer,
    n: int,
    isFirst: flag,
    learningRate: float,
    momentum: float,
    dampening: float,
    nesterov: flag,
    weightDecay: float,
  ): void;
  /** stepSize = learningRate / (1 − β₁ᵗ), correction = √(1 − β₂ᵗ), shrink = what decoupled weight decay leaves of a parameter. */
  adam(
    parameters: pointer,
    gradient: pointer,
    m: pointer,
    v: pointer,
    vMax: pointer,
    n: int,
    stepSize: float,
    correction: float,
    beta1: float,
    oneMinusBeta1: float,
    beta2: float,
    oneMinusBeta2: float,
    epsilon: float,
    weightDecay: float,
    shrink: float,
  ): void;
  rmsprop(
    parameters: pointer,
    gradient: pointer,
    squareAverage: pointer,
    gradientAverage: pointer,
    momentumBuffer: pointer,
    n: int,
    learningRate: float,
    alpha: float,
    oneMinusAlpha: float,
    epsilon: float,
    momentum: float,
    weightDecay: float,
  ): void;
  adagrad(parameters: pointer, gradient: pointer, sum: pointer, n: int, learningRate: float, epsilon: float, weightDecay: float): void;

  /** Elements that `parts` weights [N, K] take, packed. */
  packed_floats(parts: int, N: int, K: int): int;
  pack_weights(parts: int, N: int, K: int, weights: pointer, packed: pointer): void;

  /** transB is 2 where b is packed. */
  gemm_workspace(M: int, N: int, K: int, transA: flag, transB: int): int;
  gemm(
    M: int,
    N: int,
    K: int,
    a: pointer,
    transA: flag,
    lda: int,
    b: pointer,
    transB: int,
    ldb: int,
    c: pointer,
    ldc: int,
    bias: pointer,
    accumulate: flag,
    workspace: pointer,
  ): void;

  rnn_forward_workspace(T: int, B: int, H: int, hasMask: flag, hasNorm: flag, isPacked: flag): int;
  rnn_forward(...layer: [...RnnArguments, isPacked: flag, workspace: pointer]): void;
  rnn_backward_workspace(T: int, B: int, H: int, hasMask: flag, hasNorm: flag): int;
  rnn_backward(...layer: [...RnnArguments, ...GradientArguments, workspace: pointer]): void;

  lstm_forward_workspace(...sizes: [...LstmSizes, isPacked: flag]): int;
  lstm_forward(...layer: [...LstmArguments, isPacked: flag, workspace: pointer]): void;
  lstm_backward_workspace(...sizes: LstmSizes): int;
  lstm_backward(
    ...layer: [
      ...LstmArguments,
      ...GradientArguments,
      dC: pointer,
      dPeephole: pointer,
      dProjection: pointer,
      dCellNormWeight: pointer,
      dCellNormBias: pointer,
      workspace: pointer,
    ]
  ): void;

  gru_forward_workspace(T: int, B: int, H: int, hasMask: flag, hasNorm: flag, resetAfter: flag, isPacked: flag): int;
  gru_forward(...layer: [...GruArguments, isPacked: flag, workspace: pointer]): void;
  gru_backward_workspace(T: int, B: int, H: int, hasMask: flag, hasNorm: flag, resetAfter: flag): int;
  gru_backward(...layer: [...GruArguments, ...GradientArguments, workspace: pointer]): void;

  attention_forward_workspace(...sizes: [...AttentionSizes, isPacked: flag]): int;
  attention_forward(...layer: [...AttentionArguments, isPacked: flag, workspace: pointer]): void;
  attention_backward_workspace(...sizes: AttentionSizes): int;
  attention_backward(
    ...layer: [
      ...AttentionArguments,
      dY: pointer,
      dContext: pointer,
      dWeights: pointer,
      dH: pointer,
      dC: pointer,
      dContextState: pointer,
      dKeys: pointer,
      dMemory: pointer,
      dScoreVector: pointer,
      workspace: pointer,
    ]
  ): void;
}

type LstmSizes = [T: int, B: int, H: int, P: int, hasMask: flag, hasNorm: flag, hasPeephole: flag, hasProjection: flag, hasCellNorm: flag];
