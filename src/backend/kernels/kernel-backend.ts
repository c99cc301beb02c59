/**
 * The backend over the kernels of native/, whether they are compiled for this machine or to WebAssembly: it turns buffers
 * into addresses and options into positions.
 */
import { BackendError } from '../../tensor/errors.ts';
import type { RandomState } from '../../tensor/random.ts';
import type {
  AdagradStep,
  AdamStep,
  AttentionBackward,
  AttentionForward,
  AvgPool2d,
  AvgPool2dBackward,
  Backend,
  BatchNorm2d,
  BatchNorm2dBackward,
  BinaryOp,
  Buffer,
  Conv2d,
  Conv2dBackward,
  CrfBackward,
  CrfDecode,
  CrfForward,
  CrossEntropy,
  CrossEntropyBackward,
  CtcBackward,
  CtcForward,
  Gemm,
  GruBackward,
  GruForward,
  LstmBackward,
  LstmForward,
  MaxPool2d,
  MaxPool2dBackward,
  PointwiseLoss,
  ReservoirForward,
  RidgeSolve,
  RmspropStep,
  RnnBackward,
  RnnForward,
  SgdStep,
  StridedCopy,
  TransducerBackward,
  TransducerForward,
  UnaryOp,
} from '../backend.ts';
import {
  anyAt,
  at,
  attentionArguments,
  attentionSizes,
  crfArguments,
  ctcArguments,
  dilatedWindow,
  doublesAt,
  flag,
  gradientArguments,
  gruArguments,
  gruSizes,
  integersAt,
  lstmArguments,
  lstmSizes,
  plainWindow,
  requireSameType,
  rnnArguments,
  rnnSizes,
  stride,
  transducerArguments,
  words,
} from './arguments.ts';
import { bytesPerElement, KernelMemory } from './kernel-memory.ts';

/** The codes are those of the enumerations in native/. */
const unaryCode: Readonly<Record<UnaryOp, number>> = { neg: 0, exp: 1, log: 2, sqrt: 3, square: 4, abs: 5, sigmoid: 6, tanh: 7, relu: 8 };
const binaryCode: Readonly<Record<BinaryOp, number>> = { add: 0, sub: 1, mul: 2, div: 3, maximum: 4, less: 5 };
const lossCode: Readonly<Record<PointwiseLoss, number>> = { mse: 0, mae: 1, huber: 2, bce: 3 };

const floatBits = new Float32Array(1);
const integerBits = new Int32Array(floatBits.buffer);

export class KernelBackend extends KernelMemory implements Backend {
  // ---- moving data ------------------------------------------------------------------------------------------------

  fill(x: Buffer, value: number): void {
    if (x.dtype === 'float64' && value !== 0)
      throw new BackendError(`[${this.name}] expected 0 to fill a float64 buffer with, received ${value}: write it.`);
    if (x.dtype === 'int32') integerBits[0] = value;
    else floatBits[0] = value;
    this.kernels.fill_buffer(anyAt(x), words(x), integerBits[0]);
  }

  copy(x: Buffer, y: Buffer): void {
    requireSameType(x, y);
    this.kernels.copy_buffer(anyAt(x), anyAt(y), words(x));
  }

  stridedCopy({ shape, x, xOffset, xStrides, y, yOffset, yStrides, accumulate }: StridedCopy): void {
    requireSameType(x, y);
    const n = (axis: number) => shape[axis] ?? 1;
    const sx = (axis: number) => xStrides[axis] ?? 0;
    const sy = (axis: number) => yStrides[axis] ?? 0;
    this.kernels.strided_copy(
      anyAt(x) + xOffset * bytesPerElement,
      anyAt(y) + yOffset * bytesPerElement,
      flag(accumulate),
      n(0),
      n(1),
      n(2),
      n(3),
      n(4),
      n(5),
      sx(0),
      sx(1),
      sx(2),
      sx(3),
      sx(4),
      sx(5),
      sy(0),
      sy(1),
      sy(2),
      sy(3),
      sy(4),
      sy(5),
    );
  }

  // ---- elementwise ------------------------------------------------------------------------------------------------

  unary(op: UnaryOp, x: Buffer, y: Buffer): void {
    this.kernels.unary(unaryCode[op], at(x), at(y), y.length);
  }

  unaryBackward(op: UnaryOp, x: Buffer, y: Buffer, dY: Buffer, dX: Buffer): void {
    this.kernels.unary_backward(unaryCode[op], at(x), at(y), at(dY), at(dX), dX.length);
  }

  binary(op: BinaryOp, a: Buffer, b: Buffer, y: Buffer): void {
    this.kernels.binary(binaryCode[op], at(a), a.length, at(b), b.length, at(y), y.length);
  }

  select(mask: Buffer, a: Buffer, b: Buffer, y: Buffer): void {
    this.kernels.select_elements(at(mask), mask.length, at(a), a.length, at(b), b.length, at(y), y.length);
  }

  affine(x: Buffer, scale: number, shift: number, y: Buffer): void {
    this.kernels.affine(at(x), scale, shift, at(y), y.length);
  }

  axpy(alpha: number, x: Buffer, y: Buffer): void {
    this.kernels.axpy(alpha, at(x), at(y), y.length);
  }

  lerp(x: Buffer, y: Buffer, weight: number): void {
    this.kernels.lerp(at(x), at(y), y.length, weight);
  }

  scaleRows(x: Buffer, w: Buffer, y: Buffer, R: number, C: number, accumulate: boolean): void {
    this.kernels.scale_rows(at(x), at(w), at(y), R, C, flag(accumulate));
  }

  // ---- reductions -------------------------------------------------------------------------------------------------

  sumAxis(x: Buffer, y: Buffer, { outer, n, inner }: { outer: number; n: number; inner: number }, accumulate: boolean): void {
    this.kernels.sum_axis(at(x), at(y), outer, n, inner, flag(accumulate));
  }

  argmaxRows(x: Buffer, y: Buffer, R: number, C: number): void {
    this.kernels.argmax_rows(at(x), integersAt(y), R, C);
  }

  countBelow(x: Buffer, ids: Buffer, y: Buffer, R: number, C: number): void {
    this.kernels.count_below(at(x), integersAt(ids), integersAt(y), R, C);
  }

  sumSquares(x: Buffer, y: Buffer): void {
    this.kernels.sum_of_squares(at(x), x.length, at(y));
  }

  // ---- matrix product ---------------------------------------------------------------------------------------------

  packedLength(parts: number, N: number, K: number): number {
    return this.kernels.packed_floats(parts, N, K);
  }

  packWeights(weights: Buffer, parts: number, N: number, K: number, packed: Buffer): void {
    this.kernels.pack_weights(parts, N, K, at(weights), at(packed));
  }

  gemm({ M, N, K, a, transA, lda, b, transB, isPacked, ldb, c, ldc, bias, accumulate }: Gemm): void {
    const tA = flag(transA);
    const tB = isPacked ? 2 : flag(transB);
    this.withWorkspace(this.kernels.gemm_workspace(M, N, K, tA, tB), (workspace) =>
      this.kernels.gemm(
        M,
        N,
        K,
        at(a),
        tA,
        lda ?? (transA ? M : K),
        at(b),
        tB,
        ldb ?? (transB ? K : N),
        at(c),
        ldc ?? N,
        at(bias),
        flag(accumulate),
        workspace,
      ),
    );
  }

  // ---- rows -------------------------------------------------------------------------------------------------------

  softmax(x: Buffer, y: Buffer, R: number, C: number): void {
    this.kernels.softmax(at(x), at(y), R, C);
  }

  softmaxBackward(y: Buffer, dY: Buffer, dX: Buffer, R: number, C: number): void {
    this.kernels.softmax_backward(at(y), at(dY), at(dX), R, C);
  }

  logSoftmax(x: Buffer, y: Buffer, R: number, C: number): void {
    this.kernels.log_softmax(at(x), at(y), R, C);
  }

  logSoftmaxBackward(y: Buffer, dY: Buffer, dX: Buffer, R: number, C: number): void {
    this.kernels.log_softmax_backward(at(y), at(dY), at(dX), R, C);
  }

  gatherRows(table: Buffer, ids: Buffer, y: Buffer, R: number, C: number): void {
    this.kernels.gather_rows(at(table), integersAt(ids), at(y), R, C);
  }

  scatterAddRows(dY: Buffer, ids: Buffer, dTable: Buffer, R: number, C: number, paddingIndex: number): void {
    this.kernels.scatter_add_rows(at(dY), integersAt(ids), at(dTable), R, C, paddingIndex);
  }

  layerNorm(
    x: Buffer,
    weight: Buffer | null,
    bias: Buffer | null,
    y: Buffer | null,
    normalized: Buffer,
    rstd: Buffer,
    R: number,
    C: number,
    epsilon: number,
  ): void {
    this.kernels.layer_norm(at(x), at(weight), at(bias), at(y), at(normalized), at(rstd), R, C, epsilon);
  }

  layerNormBackward(
    dY: Buffer,
    weight: Buffer | null,
    normalized: Buffer,
    rstd: Buffer,
    dX: Buffer,
    dWeight: Buffer | null,
    dBias: Buffer | null,
    R: number,
    C: number,
  ): void {
    this.kernels.layer_norm_backward(at(dY), at(weight), at(normalized), at(rstd), at(dX), at(dWeight), at(dBias), R, C);
  }

  // ---- randomness -------------------------------------------------------------------------------------------------

  dropoutMask(y: Buffer, p: number, { seed, counter }: RandomState): void {
    this.kernels.dropout_mask(at(y), y.length, Math.ceil(p * 2 ** 24), 1 / (1 - p), seed[0], seed[1], counter);
  }

  // ---- losses -----------------------------------------------------------------------------------------------------

  crossEntropy({ R, C, logits, targets, ignoreIndex, labelSmoothing, classWeights, losses, logSumExp, weights }: CrossEntropy): void {
    this.kernels.cross_entropy(
      R,
      C,
      at(logits),
      integersAt(targets),
      ignoreIndex,
      labelSmoothing,
      at(classWeights),
      at(losses),
      at(logSumExp),
      at(weights),
    );
  }

  crossEntropyBackward(loss: CrossEntropyBackward): void {
    this.kernels.cross_entropy_backward(
      loss.R,
      loss.C,
      at(loss.logits),
      integersAt(loss.targets),
      loss.ignoreIndex,
      loss.labelSmoothing,
      at(loss.classWeights),
      at(loss.logSumExp),
      at(loss.scale),
      stride(loss.scale),
      at(loss.dLogits),
    );
  }

  pointwiseLoss(kind: PointwiseLoss, x: Buffer, target: Buffer, y: Buffer, delta: number): void {
    this.kernels.pointwise_loss(lossCode[kind], at(x), at(target), at(y), y.length, delta);
  }

  pointwiseLossBackward(kind: PointwiseLoss, x: Buffer, target: Buffer, dY: Buffer, dX: Buffer, delta: number): void {
    this.kernels.pointwise_loss_backward(lossCode[kind], at(x), at(target), at(dY), stride(dY), at(dX), dX.length, delta);
  }

  // ---- linear chains of tags ----------------------------------------------------------------------------------------

  crfForward(chain: CrfForward): void {
    this.withWorkspace(this.kernels.crf_forward_workspace(chain.T, chain.B, chain.C), (workspace) =>
      this.kernels.crf_forward(...crfArguments(chain), at(chain.losses), at(chain.alphas), at(chain.shifts), workspace),
    );
  }

  crfBackward(chain: CrfBackward): void {
    this.withWorkspace(this.kernels.crf_backward_workspace(chain.T, chain.B, chain.C), (workspace) =>
      this.kernels.crf_backward(
        ...crfArguments(chain),
        at(chain.alphas),
        at(chain.shifts),
        at(chain.scale),
        stride(chain.scale),
        at(chain.dEmissions),
        at(chain.dTransitions),
        at(chain.dStart),
        at(chain.dEnd),
        workspace,
      ),
    );
  }

  crfDecode(chain: CrfDecode): void {
    this.withWorkspace(this.kernels.crf_decode_workspace(chain.T, chain.B, chain.C), (workspace) =>
      this.kernels.crf_decode(...crfArguments(chain), at(chain.scores), workspace),
    );
  }

  // ---- alignments ---------------------------------------------------------------------------------------------------

  ctcForward(loss: CtcForward): void {
    this.withWorkspace(this.kernels.ctc_forward_workspace(loss.T, loss.B, loss.V, loss.U), (workspace) =>
      this.kernels.ctc_forward(...ctcArguments(loss), at(loss.losses), at(loss.logSumExp), at(loss.alphas), workspace),
    );
  }

  ctcBackward(loss: CtcBackward): void {
    this.withWorkspace(this.kernels.ctc_backward_workspace(loss.T, loss.B, loss.V, loss.U), (workspace) =>
      this.kernels.ctc_backward(
        ...ctcArguments(loss),
        at(loss.logSumExp),
        at(loss.alphas),
        at(loss.scale),
        stride(loss.scale),
        at(loss.dLogits),
        workspace,
      ),
    );
  }

  transducerForward(loss: TransducerForward): void {
    this.withWorkspace(this.kernels.transducer_forward_workspace(loss.B, loss.T, loss.V, loss.U), (workspace) =>
      this.kernels.transducer_forward(...transducerArguments(loss), at(loss.losses), at(loss.logSumExp), at(loss.alphas), workspace),
    );
  }

  transducerBackward(loss: TransducerBackward): void {
    this.withWorkspace(this.kernels.transducer_backward_workspace(loss.B, loss.T, loss.V, loss.U), (workspace) =>
      this.kernels.transducer_backward(
        ...transducerArguments(loss),
        at(loss.logSumExp),
        at(loss.alphas),
        at(loss.scale),
        stride(loss.scale),
        at(loss.dLogits),
        workspace,
      ),
    );
  }

  // ---- planes -----------------------------------------------------------------------------------------------------

  conv2d(layer: Conv2d): void {
    const sizes = [...dilatedWindow(layer), layer.O] as const;
    this.withWorkspace(this.kernels.conv2d_workspace(...sizes), (workspace) =>
      this.kernels.conv2d(...sizes, at(layer.x), at(layer.weight), at(layer.bias), at(layer.y), workspace),
    );
  }

  conv2dBackward(layer: Conv2dBackward): void {
    const { x, weight, dY, dX, dWeight, dBias } = layer;
    const sizes = [...dilatedWindow(layer), layer.O] as const;
    this.withWorkspace(this.kernels.conv2d_backward_workspace(...sizes), (workspace) =>
      this.kernels.conv2d_backward(...sizes, at(x), at(weight), at(dY), at(dX), at(dWeight), at(dBias), workspace),
    );
  }

  maxPool2d(pool: MaxPool2d): void {
    this.kernels.max_pool2d(...dilatedWindow(pool), at(pool.x), at(pool.y), integersAt(pool.indices));
  }

  maxPool2dBackward({ planes, dY, indices, dX }: MaxPool2dBackward): void {
    this.kernels.max_pool2d_backward(planes, dX.length / planes, dY.length / planes, at(dY), integersAt(indices), at(dX));
  }

  avgPool2d(pool: AvgPool2d): void {
    this.kernels.avg_pool2d(...plainWindow(pool), flag(pool.countPadding), at(pool.x), at(pool.y));
  }

  avgPool2dBackward(pool: AvgPool2dBackward): void {
    this.kernels.avg_pool2d_backward(...plainWindow(pool), flag(pool.countPadding), at(pool.dY), at(pool.dX));
  }

  batchNorm2d(norm: BatchNorm2d): void {
    const { B, C, S, isTraining, x, weight, bias, epsilon, momentum, runningMean, runningVariance, mean, rstd, y } = norm;
    const running = [at(runningMean), at(runningVariance)] as const;
    const saved = [at(mean), at(rstd)] as const;
    this.kernels.batch_norm2d(B, C, S, flag(isTraining), at(x), at(weight), at(bias), epsilon, momentum, ...running, ...saved, at(y));
  }

  batchNorm2dBackward({ B, C, S, isTraining, x, weight, mean, rstd, dY, dX, dWeight, dBias }: BatchNorm2dBackward): void {
    const saved = [at(x), at(weight), at(mean), at(rstd)] as const;
    this.kernels.batch_norm2d_backward(B, C, S, flag(isTraining), ...saved, at(dY), at(dX), at(dWeight), at(dBias));
  }

  // ---- reservoirs and their readouts --------------------------------------------------------------------------------

  reservoirForward({ T, B, H, lengths, drive, weightHh, leakRate, h }: ReservoirForward): void {
    const isSparse = weightHh.kind === 'sparse';
    this.kernels.reservoir_forward(
      T,
      B,
      H,
      integersAt(lengths),
      at(drive),
      isSparse ? integersAt(weightHh.rowStarts) : 0,
      isSparse ? integersAt(weightHh.columns) : 0,
      at(weightHh.values),
      at(leakRate),
      at(h),
    );
  }

  gram(x: Buffer, sums: Buffer, R: number, C: number): void {
    this.withWorkspace(this.kernels.gram_workspace(R, C), (workspace) => this.kernels.gram(R, C, at(x), doublesAt(sums), workspace));
  }

  ridgeSolve({ F, O, sums, penalty, weight, failure }: RidgeSolve): void {
    this.withWorkspace(this.kernels.ridge_solve_workspace(F, O), (workspace) =>
      this.kernels.ridge_solve(F, O, doublesAt(sums), at(penalty), at(weight), at(failure), workspace),
    );
  }

  // ---- recurrent layers -------------------------------------------------------------------------------------------

  rnnForward(layer: RnnForward): void {
    this.withWorkspace(this.kernels.rnn_forward_workspace(...rnnSizes(layer), flag(layer.isPacked)), (workspace) =>
      this.kernels.rnn_forward(...rnnArguments(layer), flag(layer.isPacked), workspace),
    );
  }

  rnnBackward(layer: RnnBackward): void {
    this.withWorkspace(this.kernels.rnn_backward_workspace(...rnnSizes(layer)), (workspace) =>
      this.kernels.rnn_backward(...rnnArguments(layer), ...gradientArguments(layer), workspace),
    );
  }

  lstmForward(layer: LstmForward): void {
    this.withWorkspace(this.kernels.lstm_forward_workspace(...lstmSizes(layer), flag(layer.isPacked)), (workspace) =>
      this.kernels.lstm_forward(...lstmArguments(layer), flag(layer.isPacked), workspace),
    );
  }

  lstmBackward(layer: LstmBackward): void {
    this.withWorkspace(this.kernels.lstm_backward_workspace(...lstmSizes(layer)), (workspace) =>
      this.kernels.lstm_backward(
        ...lstmArguments(layer),
        ...gradientArguments(layer),
        at(layer.dC),
        at(layer.dPeephole),
        at(layer.dProjection),
        at(layer.dCellNormWeight),
        at(layer.dCellNormBias),
        workspace,
      ),
    );
  }

  gruForward(layer: GruForward): void {
    this.withWorkspace(this.kernels.gru_forward_workspace(...gruSizes(layer), flag(layer.isPacked)), (workspace) =>
      this.kernels.gru_forward(...gruArguments(layer), flag(layer.isPacked), workspace),
    );
  }

  gruBackward(layer: GruBackward): void {
    this.withWorkspace(this.kernels.gru_backward_workspace(...gruSizes(layer)), (workspace) =>
      this.kernels.gru_backward(...gruArguments(layer), ...gradientArguments(layer), workspace),
    );
  }

  attentionForward(layer: AttentionForward): void {
    this.withWorkspace(this.kernels.attention_forward_workspace(...attentionSizes(layer), flag(layer.isPacked)), (workspace) =>
      this.kernels.attention_forward(...attentionArguments(layer), flag(layer.isPacked), workspace),
    );
  }

  attentionBackward(layer: AttentionBackward): void {
    this.withWorkspace(this.kernels.attention_backward_workspace(...attentionSizes(layer)), (workspace) =>
      this.kernels.attention_backward(
        ...attentionArguments(layer),
        at(layer.dY),
        at(layer.dContext),
        at(layer.dWeights),
        at(layer.dH),
        at(layer.dC),
        at(layer.dContextState),
        at(layer.dKeys),
        at(layer.dMemory),
        at(layer.dScoreVector),
        workspace,
      ),
    );
  }

  // ---- optimisers -------------------------------------------------------------------------------------------------

  clipNorm(gradient: Buffer, maxNorm: number, norm: Buffer): void {
    this.kernels.clip_norm(at(gradient), gradient.length, maxNorm, at(norm));
  }

  clipValue(gradient: Buffer, limit: number): void {
    this.kernels.clip_value(at(gradient), gradient.length, limit);
  }

  sgd(step: SgdStep): void {
    this.kernels.sgd(
      at(step.parameters),
      at(step.gradient),
      at(step.velocity),
      step.parameters.length,
      flag(step.isFirst),
      step.learningRate,
      step.momentum,
      step.dampening,
      flag(step.nesterov),
      step.weightDecay,
    );
  }

  adam({ parameters, gradient, m, v, vMax, step, learningRate, beta1, beta2, epsilon, weightDecay, decoupled }: AdamStep): void {
    this.kernels.adam(
      at(parameters),
      at(gradient),
      at(m),
      at(v),
      at(vMax),
      parameters.length,
      learningRate / (1 - beta1 ** step),
      Math.sqrt(1 - beta2 ** step),
      beta1,
      1 - beta1,
      beta2,
      1 - beta2,
      epsilon,
      decoupled ? 0 : weightDecay,
      decoupled ? 1 - learningRate * weightDecay : 1,
    );
  }

  rmsprop(step: RmspropStep): void {
    this.kernels.rmsprop(
      at(step.parameters),
      at(step.gradient),
      at(step.squareAverage),
      at(step.gradientAverage),
      at(step.momentumBuffer),
      step.parameters.length,
      step.learningRate,
      step.alpha,
      1 - step.alpha,
      step.epsilon,
      step.momentum,
      step.weightDecay,
    );
  }

  adagrad({ parameters, gradient, sum, learningRate, epsilon, weightDecay }: AdagradStep): void {
    this.kernels.adagrad(at(parameters), at(gradient), at(sum), parameters.length, learningRate, epsilon, weightDecay);
  }
}
