/** Cross entropy of class logits, in nats. Numbers as torch.nn.functional.cross_entropy with class indices. */
import { arrange, discard, emptyInOrder, packRows } from '../autograd/layout.ts';
import { requireIds } from '../autograd/ops/gather.ts';
import { inScope, releaseEarly } from '../autograd/scope.ts';
import { needsGrad, record } from '../autograd/tape.ts';
import { backendOf, bufferOf, contiguous, type Tensor } from '../autograd/tensor.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { formatShape, sameShape, sizeOf } from '../tensor/shape.ts';
import { type Reduction, reduceLosses, requireReduction, spreadOrEach } from './reduction.ts';

/** How rows are weighted and reduced. */
export interface CrossEntropyOptions {
  /** Default 'mean': over the rows that are not ignored, weighted by their targets' class weights. */
  readonly reduction?: Reduction;
  /** Rows with this target count for nothing. Default −100. */
  readonly ignoreIndex?: number;
  /** s in [0, 1): the target distribution is (1−s)·onehot + s/C. Default 0. */
  readonly labelSmoothing?: number;
  /** [C]; default: ones. */
  readonly classWeights?: Tensor | null;
}

/**
 * −log softmax(logits)[target], row by row. Logits may lie in memory as they like (time-major, from a recurrent layer):
 * the small targets are put in their order.
 *
 * @param logits   [..., C]
 * @param targets  int32 [...], each in 0…C−1 or ignoreIndex
 * @returns        a scalar; with reduction 'none' the losses [...], 0 where ignored. NaN when all rows are ignored.
 * @throws ShapeError when targets do not fit the logits, ConfigError on an option out of range
 * @see Szegedy et al. (2016), arXiv:1512.00567, for label smoothing
 */
export function crossEntropy(logits: Tensor, targets: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { reduction = 'mean', ignoreIndex, labelSmoothing, classWeights } = withDefaults('crossEntropy', options);
  const C = logits.shape.at(-1) ?? 0;
  const rows = logits.shape.slice(0, -1);
  if (logits.rank < 1 || C === 0 || !sameShape(rows, targets.shape)) {
    throw new ShapeError(
      `[crossEntropy] expected logits of shape [..., C] and targets of shape [...], received ${formatShape(logits.shape)} and ${formatShape(targets.shape)}.`,
    );
  }
  requireTargets('crossEntropy', targets, C, ignoreIndex, classWeights);
  const backend = backendOf('crossEntropy', [logits, targets, classWeights]);
  return inScope(() => {
    const R = sizeOf(rows);
    const { packed, order } = packRows(logits);
    const rowOrder = order.slice(0, -1);
    const losses = emptyInOrder(backend, rows, rowOrder);
    const logSumExp = emptyInOrder(backend, rows, rowOrder);
    const weights = emptyInOrder(backend, rows, rowOrder);
    const arranged = arrange(targets, rowOrder);
    const facts = () => ({
      R,
      C,
      ignoreIndex,
      labelSmoothing,
      logSumExp: bufferOf(logSumExp),
      classWeights: classWeights === null ? null : bufferOf(contiguous(classWeights)),
    });
    backend.crossEntropy({
      ...facts(),
      logits: bufferOf(packed),
      targets: bufferOf(arranged),
      losses: bufferOf(losses),
      weights: bufferOf(weights),
    });
    discard([packed, arranged], [logits, targets]);
    if (needsGrad([logits])) {
      record(
        'crossEntropy',
        [logits, targets, classWeights],
        [losses],
        ([dLosses]) => {
          const dLogits = emptyInOrder(backend, logits.shape, order);
          const copies = [arrange(logits, order), arrange(targets, rowOrder), spreadOrEach(dLosses!, rowOrder)];
          const [x, y, scale] = copies.map(bufferOf);
          backend.crossEntropyBackward({ ...facts(), logits: x, targets: y, scale, dLogits: bufferOf(dLogits) });
          discard(copies, [logits, targets, dLosses!]);
          return [dLogits];
        },
        [logSumExp],
      );
    } else releaseEarly(logSumExp.storage);
    const loss = reduceLosses(losses, reduction, weights);
    releaseEarly(weights.storage);
    return loss;
  });
}

/** The options with their defaults, checked. */
export function withDefaults(operation: string, options: CrossEntropyOptions): Required<CrossEntropyOptions> {
  const { reduction = 'mean', ignoreIndex = -100, labelSmoothing = 0, classWeights = null } = options;
  requireReduction(operation, reduction);
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
    throw new ConfigError(`[${operation}] expected labelSmoothing in [0, 1), received ${labelSmoothing}.`);
  }
  return { reduction, ignoreIndex, labelSmoothing, classWeights };
}

/** Checks targets and class weights for C classes. */
export function requireTargets(operation: string, targets: Tensor, C: number, ignoreIndex: number, classWeights: Tensor | null): void {
  requireIds(operation, targets, C, ignoreIndex);
  if (classWeights !== null && !sameShape(classWeights.shape, [C])) {
    throw new ShapeError(`[${operation}] expected class weights of shape [${C}], received ${formatShape(classWeights.shape)}.`);
  }
}
