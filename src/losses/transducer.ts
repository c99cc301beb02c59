/** The recurrent neural network transducer's loss: targets without alignment, with a model of what was written before. */

import { discard } from '../autograd/layout.ts';
import { mean, sum } from '../autograd/ops/reduce.ts';
import { inScope, releaseEarly } from '../autograd/scope.ts';
import { needsGrad, record } from '../autograd/tape.ts';
import { backendOf, bufferOf, contiguous, empty, type Tensor } from '../autograd/tensor.ts';
import type { Transducer } from '../backend/backend.ts';
import { lengthsOf } from '../nn/sequence.ts';
import { ShapeError } from '../tensor/errors.ts';
import { formatShape } from '../tensor/shape.ts';
import { type AlignmentTargets, targetsOf, targetTensors } from './alignment-targets.ts';
import { type Reduction, requireReduction } from './reduction.ts';

/** What belongs to the targets, and how the losses become one. */
export interface TransducerLossOptions {
  /** True lengths in frames, [B], in 0…T; T when absent. What stands past a length counts for nothing, whatever it is. */
  readonly inputLengths?: ArrayLike<number> | null;
  /** Symbols of each target, [B]; when absent, all that are given. */
  readonly targetLengths?: ArrayLike<number> | null;
  /** The class that goes on to the next frame. Default 0. */
  readonly blank?: number;
  /** Default 'mean': over the batch. 'none': [B]. */
  readonly reduction?: Reduction;
}

/**
 * −log P(target | logits) in nats, summed over all alignments. logits[b, t, u] belong to frame t with u symbols written: they say
 * whether to write symbol u + 1, or with a blank to go on to frame t + 1. The softmax over the classes is part of it.
 *
 *   α(t, u) = α(t − 1, u) · ∅(t − 1, u) + α(t, u − 1) · y(t, u − 1)        α(0, 0) = 1
 *   P(y | x) = α(T − 1, U) · ∅(T − 1, U)
 *
 * @param logits   [B, T, U + 1, V], as a joint network makes them (`Transducer`); not yet normalised
 * @param targets  one list of symbols a sequence; or int32 [B, U] with `targetLengths`
 * @returns        a scalar; with reduction 'none' [B]
 * @throws ShapeError   when lengths or targets do not fit the logits
 * @throws ConfigError  when a target contains the blank, or an option is out of range
 * @example const loss = transducerLoss(joint.forward(encoded, predicted), [[8, 9], [3]], { inputLengths: [50, 31] });
 * @see Graves (2012), Sequence transduction with recurrent neural networks, arXiv:1211.3711. Numbers as torchaudio's rnnt_loss.
 */
export function transducerLoss(logits: Tensor, targets: AlignmentTargets, options: TransducerLossOptions = {}): Tensor {
  const { inputLengths, targetLengths, blank = 0, reduction = 'mean' } = options;
  requireReduction('transducerLoss', reduction);
  const { shape } = logits;
  if (shape.length !== 4 || shape.includes(0)) {
    throw new ShapeError(
      `[transducerLoss] expected logits of shape [B, T, U + 1, V], at least one sequence of one frame and class, received ${formatShape(shape)}.`,
    );
  }
  const [B, T, , V] = shape;
  const U = shape[2] - 1;
  const backend = backendOf('transducerLoss', [logits]);
  const batch = targetsOf('transducerLoss', targets, targetLengths, { B, V, blank, places: U });
  const frames = inputLengths ? lengthsOf('transducerLoss', backend, inputLengths, B, T) : null;
  return inScope(() => {
    const { symbols, lengths } = targetTensors(batch, backend);
    const [losses, logSumExp, alphas] = [empty(backend, [B]), empty(backend, [B, T, U + 1]), empty(backend, [B, T, U + 1])];
    const withLogits = (call: (loss: Transducer) => void): void => {
      const arranged = contiguous(logits);
      call({
        B,
        T,
        V,
        U,
        logits: bufferOf(arranged),
        inputLengths: frames === null ? null : bufferOf(frames.tensor),
        targets: bufferOf(symbols),
        targetLengths: bufferOf(lengths),
        blank,
      });
      discard([arranged], [logits]);
    };
    const saved = () => ({ logSumExp: bufferOf(logSumExp), alphas: bufferOf(alphas) });
    withLogits((loss) => backend.transducerForward({ ...loss, ...saved(), losses: bufferOf(losses) }));
    if (!needsGrad([logits])) for (const temporary of [logSumExp, alphas, symbols, lengths]) releaseEarly(temporary.storage);
    record(
      'transducerLoss',
      [logits],
      [losses],
      ([dLosses]) => {
        const dLogits = empty(backend, shape);
        const scale = contiguous(dLosses!);
        withLogits((loss) => backend.transducerBackward({ ...loss, ...saved(), scale: bufferOf(scale), dLogits: bufferOf(dLogits) }));
        discard([scale], [dLosses!]);
        return [dLogits];
      },
      [logSumExp, alphas, symbols, lengths],
    );
    return reduction === 'none' ? losses : reduction === 'sum' ? sum(losses) : mean(losses);
  });
}
