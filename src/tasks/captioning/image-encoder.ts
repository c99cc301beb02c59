/** A small convolutional encoder: an image becomes a grid of vectors. */
import { dropout } from '../../autograd/ops/dropout.ts';
import { relu } from '../../autograd/ops/elementwise.ts';
import { maxPool2d } from '../../autograd/ops/pool2d.ts';
import { reshape, transpose } from '../../autograd/ops/shape.ts';
import { inScope } from '../../autograd/scope.ts';
import type { Tensor } from '../../autograd/tensor.ts';
import { BatchNorm2d } from '../../nn/batch-norm2d.ts';
import { Conv2d } from '../../nn/conv2d.ts';
import { Module } from '../../nn/module.ts';
import type { Random } from '../../tensor/random.ts';

/** Sizes of an encoder. */
export interface ImageEncoderOptions {
  /** Channels of each block's output: blocks of convolution 3 x 3, batch normalisation and relu. */
  readonly channels: readonly number[];
  /** How many of the blocks, from the first on, end by halving height and width. */
  readonly halvings: number;
  /** Convolutions of each block but the first. Default 1. */
  readonly depth: number;
  /** Share of the channels of each grid that are dropped while training. */
  readonly dropout: number;
  readonly rng: Random;
}

/**
 * Blocks of convolutions, each followed by batch normalisation and relu; the first ones end in max pooling, which halves the size.
 * Parameters `conv0.weight`, `norm0.weight`, … as PyTorch's.
 */
export class ImageEncoder extends Module {
  readonly #layers: { readonly conv: Conv2d; readonly norm: BatchNorm2d; readonly isHalving: boolean }[] = [];
  readonly #dropout: number;
  readonly #rng: Random;

  constructor({ channels, halvings, depth, dropout: p, rng }: ImageEncoderOptions) {
    super();
    this.#dropout = p;
    this.#rng = rng;
    let inChannels = 3;
    channels.forEach((outChannels, block) => {
      const convolutions = block === 0 ? 1 : depth;
      for (let i = 0; i < convolutions; i++) {
        const number = this.#layers.length;
        this.#layers.push({
          conv: this.child(`conv${number}`, new Conv2d({ inChannels, outChannels, kernelSize: 3, padding: 1, bias: false, rng })),
          norm: this.child(`norm${number}`, new BatchNorm2d({ numFeatures: outChannels })),
          isHalving: block < halvings && i === convolutions - 1,
        });
        inChannels = outChannels;
      }
    });
  }

  /**
   * @param images [B, 3, size, size]
   * @returns      [B, S, M] with S = (size / 2^halvings)² places, row by row, M the last block's channels
   */
  forward(images: Tensor): Tensor {
    return inScope(() => {
      let x = images;
      for (const { conv, norm, isHalving } of this.#layers) {
        // The largest first: relu keeps the order, and has a quarter of the work.
        x = norm.forward(conv.forward(x));
        x = relu(isHalving ? maxPool2d(x, 2) : x);
      }
      const [B, C, height, width] = x.shape;
      const grid = transpose(reshape(x, [B, C, height * width]), 1, 2);
      return this.isTraining && this.#dropout > 0 ? dropout(grid, this.#dropout, this.#rng) : grid;
    });
  }
}
