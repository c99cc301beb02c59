/**
 * A softmax over a large vocabulary in clusters: frequent classes are in the head, rare ones in tails of smaller width.
 * Numbers and names as torch.nn.AdaptiveLogSoftmaxWithLoss.
 */
import { add, mul } from '../autograd/ops/binary.ts';
import { concat } from '../autograd/ops/concat.ts';
import { neg } from '../autograd/ops/elementwise.ts';
import { gather } from '../autograd/ops/gather.ts';
import { argmax, sum } from '../autograd/ops/reduce.ts';
import { slice } from '../autograd/ops/shape.ts';
import { logSoftmax } from '../autograd/ops/softmax.ts';
import { inScope } from '../autograd/scope.ts';
import { type Tensor, tensor, zeros } from '../autograd/tensor.ts';
import { Linear, requireSizes } from '../nn/linear.ts';
import { Module } from '../nn/module.ts';
import { ConfigError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { crossEntropy, requireTargets } from './cross-entropy.ts';
import { requireRows, rowsOf } from './rows.ts';

/** Sizes and clusters of an adaptive softmax. */
export interface AdaptiveSoftmaxOptions {
  readonly inputSize: number;
  /** Number of classes, in the order of falling frequency. */
  readonly vocabularySize: number;
  /** Where clusters begin: rising, within 1…vocabularySize−1. [2000, 10000] makes a head of 2000 and two tails. */
  readonly cutoffs: readonly number[];
  /** Each tail's inner width is the one before's divided by this. Default 4. */
  readonly divValue?: number;
  /** Default false. */
  readonly headBias?: boolean;
  /** For the first values; default: different each time. */
  readonly rng?: Random;
}

/** A tail: inputSize → its inner width → its classes. */
interface Cluster {
  readonly first: number;
  readonly size: number;
  readonly down: Linear;
  readonly up: Linear;
}

/**
 * Adaptive softmax: p(class) is the head's, or p(cluster) from the head times p(class in cluster) from its tail.
 * Parameters `head.weight`, `head.bias`, `tail.i.0.weight` and `tail.i.1.weight`.
 *
 * @see Grave et al. (2017), arXiv:1609.04309
 */
export class AdaptiveSoftmax extends Module {
  readonly inputSize: number;
  readonly vocabularySize: number;
  readonly cutoffs: readonly number[];
  readonly head: Linear;
  readonly #clusters: readonly Cluster[];

  /** @throws ConfigError when sizes or cutoffs are not as described */
  constructor(options: AdaptiveSoftmaxOptions) {
    super();
    const { inputSize, vocabularySize, cutoffs, divValue = 4, headBias = false, rng = Random.fromEntropy() } = options;
    requireSizes('AdaptiveSoftmax', { inputSize, vocabularySize });
    const isRising = cutoffs.every((cutoff, i) => Number.isInteger(cutoff) && cutoff > (cutoffs[i - 1] ?? 0) && cutoff < vocabularySize);
    if (cutoffs.length === 0 || !isRising) {
      throw new ConfigError(
        `[AdaptiveSoftmax] expected cutoffs that rise within 1…${vocabularySize - 1}, received [${cutoffs.join(', ')}].`,
      );
    }
    this.inputSize = inputSize;
    this.vocabularySize = vocabularySize;
    this.cutoffs = cutoffs;
    this.head = this.child('head', new Linear({ inputSize, outputSize: cutoffs[0] + cutoffs.length, bias: headBias, rng }));
    this.#clusters = cutoffs.map((first, i) => {
      const size = (cutoffs[i + 1] ?? vocabularySize) - first;
      const width = Math.floor(inputSize / divValue ** (i + 1));
      if (width < 1) {
        throw new ConfigError(
          `[AdaptiveSoftmax] cluster ${i} would have width ${inputSize}/${divValue}^${i + 1}, below 1. Use fewer cutoffs or a smaller divValue.`,
        );
      }
      const down = this.child(`tail.${i}.0`, new Linear({ inputSize, outputSize: width, bias: false, rng }));
      const up = this.child(`tail.${i}.1`, new Linear({ inputSize: width, outputSize: size, bias: false, rng }));
      return { first, size, down, up };
    });
  }

  /**
   * @param hidden   [..., inputSize]
   * @param targets  int32 [...], each in 0…V−1, or −100 to be ignored
   * @returns        output: log p(target) [...], 0 where ignored; loss: −its mean over what is not ignored
   * @throws ShapeError when shapes do not fit, or a target is out of range
   */
  forward(hidden: Tensor, targets: Tensor): { output: Tensor; loss: Tensor } {
    requireRows('AdaptiveSoftmax', hidden, targets, this.inputSize);
    requireTargets('AdaptiveSoftmax', targets, this.vocabularySize, ignored, null);
    const { backend } = hidden;
    return inScope(() => {
      const rows = rowsOf(hidden, targets);
      const R = targets.size;
      const shortlist = this.cutoffs[0];
      const headTargets = Int32Array.from(rows.targets);
      /** Each row's place in `losses` below: 0 is a zero, for rows without a cluster. */
      const place = new Int32Array(R);
      const losses: Tensor[] = [zeros([1], { backend })];
      let placed = 1;
      this.#clusters.forEach(({ first, size, down, up }, i) => {
        const members: number[] = [];
        for (let r = 0; r < R; r++) if (rows.targets[r] >= first && rows.targets[r] < first + size) members.push(r);
        if (members.length === 0) return;
        for (const r of members) {
          headTargets[r] = shortlist + i;
          place[r] = placed++;
        }
        const chosen = gather(rows.hidden, tensor(Int32Array.from(members), { backend }));
        const inCluster = tensor(
          Int32Array.from(members, (r) => rows.targets[r] - first),
          { backend },
        );
        losses.push(crossEntropy(up.forward(down.forward(chosen)), inCluster, { reduction: 'none' }));
      });
      const inHead = crossEntropy(this.head.forward(rows.hidden), tensor(headTargets, { backend }), { reduction: 'none' });
      const total = add(inHead, gather(concat(losses, 0), tensor(place, { backend })));
      const counted = headTargets.filter((y) => y !== ignored).length;
      const output = neg(total);
      return { output: rows.restore(output), loss: mul(sum(total), 1 / counted) };
    });
  }

  /**
   * log p of every class.
   *
   * @param hidden [..., inputSize]
   * @returns      [..., V]
   */
  logProbabilities(hidden: Tensor): Tensor {
    return inScope(() => {
      const head = logSoftmax(this.head.forward(hidden));
      const shortlist = this.cutoffs[0];
      const tails = this.#clusters.map(({ down, up }, i) =>
        add(logSoftmax(up.forward(down.forward(hidden))), slice(head, -1, shortlist + i, shortlist + i + 1)),
      );
      return concat([slice(head, -1, 0, shortlist), ...tails]);
    });
  }

  /**
   * The most likely class.
   *
   * @param hidden [..., inputSize]
   * @returns      int32 [...]
   */
  predict(hidden: Tensor): Tensor {
    return inScope(() => argmax(this.logProbabilities(hidden)));
  }
}

/** Target of rows that count for nothing. */
const ignored = -100;
