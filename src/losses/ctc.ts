/** Connectionist temporal classification: a loss for sequences whose targets are shorter and not aligned. */
import { arrange, discard, emptyInOrder } from '../autograd/layout.ts';
import { mul } from '../autograd/ops/binary.ts';
import { mean, sum } from '../autograd/ops/reduce.ts';
import { inScope, releaseEarly } from '../autograd/scope.ts';
import { needsGrad, record } from '../autograd/tape.ts';
import { backendOf, bufferOf, contiguous, empty, type Tensor, tensor } from '../autograd/tensor.ts';
import type { Ctc } from '../backend/backend.ts';
import { lengthsOf } from '../nn/sequence.ts';
import { ShapeError } from '../tensor/errors.ts';
import { formatShape } from '../tensor/shape.ts';
import { type AlignmentTargets, targetsOf, targetTensors } from './alignment-targets.ts';
import { type Reduction, requireReduction } from './reduction.ts';

/** What belongs to the targets, and how the losses become one. */
export interface CtcLossOptions {
  /** True lengths in frames, [B], in 0…T; T when absent. What stands past a length counts for nothing, whatever it is. */
  readonly inputLengths?: ArrayLike<number> | null;
  /** Symbols of each target, [B]; when absent, all that are given. */
  readonly targetLengths?: ArrayLike<number> | null;
  /** The class that stands for no symbol. Default 0. */
  readonly blank?: number;
  /** A target that does not fit into its frames has loss 0 and no gradient, instead of ∞ and NaN. Default false. */
  readonly zeroInfinity?: boolean;
  /** Default 'mean': each loss by the length of its target (at least 1), then over the batch, as PyTorch. 'none': [B]. */
  readonly reduction?: Reduction;
}

/**
 * −log P(target | logits) in nats, summed over all alignments: over every path of T classes that is the target once repeats are
 * merged and then blanks are taken out. The softmax over the classes is part of it. Logits may lie in memory as they like.
 *
 *   P(y | x) = Σ_{paths π that spell y} Π_t softmax(x_t)[π_t]
 *
 * A target of U symbols, R of them equal to the one before, needs U + R frames at least.
 *
 * @param logits   [B, T, V], V the symbols and the blank; not yet normalised
 * @param targets  one list of symbols a sequence; or int32 [B, U] with `targetLengths`
 * @returns        a scalar; with reduction 'none' [B]
 * @throws ShapeError   when lengths or targets do not fit the logits
 * @throws ConfigError  when a target contains the blank, or an option is out of range
 * @example
 * const loss = ctcLoss(head.forward(output), [[8, 5, 12, 12, 15], [8, 9]], { inputLengths: [120, 64], zeroInfinity: true });
 * @see Graves, Fernández, Gomez & Schmidhuber (2006), doi:10.1145/1143844.1143891. Numbers as torch.nn.functional.ctc_loss of
 *      log_softmax(logits).
 */
export function ctcLoss(logits: Tensor, targets: AlignmentTargets, options: CtcLossOptions = {}): Tensor {
  const { inputLengths, targetLengths, blank = 0, zeroInfinity = false, reduction = 'mean' } = options;
  requireReduction('ctcLoss', reduction);
  const { B, T, V } = requireFrames('ctcLoss', logits);
  const backend = backendOf('ctcLoss', [logits]);
  const batch = targetsOf('ctcLoss', targets, targetLengths, { B, V, blank });
  const frames = inputLengths ? lengthsOf('ctcLoss', backend, inputLengths, B, T) : null;
  return inScope(() => {
    const { U } = batch;
    const order = [1, 0, 2];
    const { symbols, lengths } = targetTensors(batch, backend);
    const [losses, logSumExp, alphas] = [empty(backend, [B]), empty(backend, [T, B]), empty(backend, [T, B, 2 * U + 1])];
    const withLogits = (call: (loss: Ctc) => void): void => {
      const arranged = arrange(logits, order);
      call({
        T,
        B,
        V,
        U,
        logits: bufferOf(arranged),
        inputLengths: frames === null ? null : bufferOf(frames.tensor),
        targets: bufferOf(symbols),
        targetLengths: bufferOf(lengths),
        blank,
        zeroInfinity,
      });
      discard([arranged], [logits]);
    };
    const saved = () => ({ logSumExp: bufferOf(logSumExp), alphas: bufferOf(alphas) });
    withLogits((loss) => backend.ctcForward({ ...loss, ...saved(), losses: bufferOf(losses) }));
    if (!needsGrad([logits])) for (const temporary of [logSumExp, alphas, symbols, lengths]) releaseEarly(temporary.storage);
    record(
      'ctcLoss',
      [logits],
      [losses],
      ([dLosses]) => {
        const dLogits = emptyInOrder(backend, logits.shape, order);
        const scale = contiguous(dLosses!);
        withLogits((loss) => backend.ctcBackward({ ...loss, ...saved(), scale: bufferOf(scale), dLogits: bufferOf(dLogits) }));
        discard([scale], [dLosses!]);
        return [dLogits];
      },
      [logSumExp, alphas, symbols, lengths],
    );
    if (reduction === 'none') return losses;
    if (reduction === 'sum') return sum(losses);
    return mean(
      mul(
        losses,
        tensor(
          Float64Array.from(batch.lengths, (length) => 1 / Math.max(1, length)),
          { backend },
        ),
      ),
    );
  });
}

/** @throws ShapeError when logits are not at least one sequence of at least one frame and class */
export function requireFrames(operation: string, { shape }: Tensor): { B: number; T: number; V: number } {
  if (shape.length !== 3 || shape.includes(0)) {
    throw new ShapeError(
      `[${operation}] expected logits of shape [B, T, V], at least one sequence of one frame and class, received ${formatShape(shape)}.`,
    );
  }
  const [B, T, V] = shape;
  return { B, T, V };
}
