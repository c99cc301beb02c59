/** Dropout as a layer. */
import { dropout, requireProbability } from '../autograd/ops/dropout.ts';
import type { Tensor } from '../autograd/tensor.ts';
import { Random } from '../tensor/random.ts';
import { Module } from './module.ts';

/** How much is dropped, and where chance comes from. */
export interface DropoutOptions {
  /** Probability of a zero, in [0, 1). */
  readonly p: number;
  /** Where the masks come from; each call takes the next. Default: different each time. */
  readonly rng?: Random;
}

/**
 * While training, each element is 0 with probability p, otherwise x / (1 − p); after `eval()`, x.
 *
 * @example const drop = new Dropout({ p: 0.2, rng: new Random(1) });
 */
export class Dropout extends Module {
  readonly p: number;
  readonly rng: Random;

  /** @throws ConfigError when p is not in [0, 1) */
  constructor({ p, rng = Random.fromEntropy() }: DropoutOptions) {
    super();
    requireProbability('Dropout', p);
    this.p = p;
    this.rng = rng;
  }

  /**
   * x with its mask, while training; otherwise x itself.
   *
   * @param x any shape
   */
  forward(x: Tensor): Tensor {
    return this.isTraining ? dropout(x, this.p, this.rng) : x;
  }
}
