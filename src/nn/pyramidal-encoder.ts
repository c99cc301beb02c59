/** Recurrent layers with subsampling between them: the listener of speech and handwriting. */
import { dropout } from '../autograd/ops/dropout.ts';
import { inScope } from '../autograd/scope.ts';
import type { Tensor } from '../autograd/tensor.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { GRU } from './gru.ts';
import { requireSizes } from './linear.ts';
import { LSTM } from './lstm.ts';
import { Module } from './module.ts';
import type { Floats, RecurrentStream, StreamState } from './recurrent-stream.ts';
import { requireFactor, type SubsampleState, SubsampleStream, type Subsampling, subsample, subsampledSize } from './subsampling.ts';

/** Sizes of a pyramid of layers. */
export interface PyramidalEncoderOptions {
  readonly inputSize: number;
  /** Units in each direction of a layer. */
  readonly hiddenSize: number;
  /**
   * One a layer: how many steps of its input become one. [1, 2, 2] is Listen, Attend and Spell's pyramid; [3, 1, 1] stacks frames
   * of the input.
   */
  readonly factors: readonly number[];
  /** Default 'concat'. */
  readonly mode?: Subsampling;
  /** Default 'lstm'. */
  readonly cell?: 'lstm' | 'gru';
  /** Whether each layer reads from the end too. Such an encoder cannot stream. Default false. */
  readonly bidirectional?: boolean;
  /** In [0, 1): share of each layer's outputs below another that is dropped while training. Default 0. */
  readonly dropout?: number;
  /** For first values and dropout; default: different each time. */
  readonly rng?: Random;
}

/**
 * Layers of LSTM or GRU over ever shorter sequences. Parameters: `layers.k.weight_ih_l0` and so on, each layer as
 * torch.nn.LSTM's or GRU's of one layer; the forget gates' bias begins at 1.
 *
 * @example
 * const encoder = new PyramidalEncoder({ inputSize: 40, hiddenSize: 128, factors: [1, 2, 2], bidirectional: true });
 * const { output, lengths } = encoder.forward(features, { lengths: [200, 151] }); // [2, 50, 256], [50, 38]
 * @see Chan et al. (2016), Listen, Attend and Spell, arXiv:1508.01211
 */
export class PyramidalEncoder extends Module {
  readonly options: PyramidalEncoderOptions;
  readonly layers: readonly (LSTM | GRU)[];
  /** Numbers of a step of the output. */
  readonly outputSize: number;
  /** Steps of the input for one of the output. */
  readonly factor: number;
  readonly #rng: Random;

  /** @throws ConfigError when a size or a factor is not a positive integer, or there is no layer */
  constructor(options: PyramidalEncoderOptions) {
    super();
    const { inputSize, hiddenSize, factors, mode = 'concat', cell = 'lstm', bidirectional = false, rng = Random.fromEntropy() } = options;
    requireSizes('PyramidalEncoder', { inputSize, hiddenSize });
    if (factors.length === 0)
      throw new ConfigError('[PyramidalEncoder] expected a factor for each layer, such as [1, 2, 2], received none.');
    for (const factor of factors) requireFactor('PyramidalEncoder', factor);
    this.options = options;
    this.#rng = rng;
    this.outputSize = hiddenSize * (bidirectional ? 2 : 1);
    this.factor = factors.reduce((product, factor) => product * factor, 1);
    const layers = this.child('layers', new Layers());
    this.layers = factors.map((factor, l) => {
      const size = subsampledSize(l === 0 ? inputSize : this.outputSize, factor, mode);
      const sizes = { inputSize: size, hiddenSize, bidirectional, rng };
      return layers.add(String(l), cell === 'lstm' ? new LSTM({ ...sizes, forgetBias: 1 }) : new GRU(sizes));
    });
  }

  /**
   * @param x  [B, T, inputSize]
   * @returns  output [B, T', outputSize], T' = T / factor rounded up layer by layer, 0 past a sequence's length; and the lengths
   *           in steps of the output, null where none were given
   * @throws ShapeError when x's last axis is not inputSize, or lengths do not fit
   */
  forward(
    x: Tensor,
    { lengths = null }: { readonly lengths?: ArrayLike<number> | null } = {},
  ): { readonly output: Tensor; readonly lengths: Int32Array | null } {
    const { factors, mode = 'concat', dropout: p = 0 } = this.options;
    return inScope(() => {
      let output = x;
      let current: Int32Array | null = lengths === null ? null : Int32Array.from(lengths);
      this.layers.forEach((layer, l) => {
        if (l > 0 && p > 0 && this.isTraining) output = dropout(output, p, this.#rng);
        if (factors[l] > 1) ({ output, lengths: current } = subsample(output, { factor: factors[l], mode, lengths: current }));
        ({ output } = layer.forward(output, null, { lengths: current }));
      });
      return { output, lengths: current };
    });
  }

  /** Steps of the output for so many of the input. */
  outputLength(steps: number): number {
    return this.options.factors.reduce((length, factor) => Math.ceil(length / factor), steps);
  }

  /**
   * A causal encoder fed one step after another: the numbers of `forward`.
   *
   * @throws ConfigError when it is bidirectional
   */
  stream(): PyramidalStream {
    if (this.options.bidirectional === true) {
      throw new ConfigError(
        '[PyramidalEncoder.stream] a bidirectional encoder needs the whole sequence. Use forward, or build it with bidirectional: false.',
      );
    }
    const { factors, mode = 'concat', inputSize } = this.options;
    return new PyramidalStream(
      this.layers.map((layer, l) => ({
        subsampling: new SubsampleStream(l === 0 ? inputSize : this.outputSize, { factor: factors[l], mode }),
        recurrent: layer.stream(),
      })),
    );
  }
}

/** What `PyramidalStream.state` holds of each layer. */
export type PyramidalState = readonly { readonly subsampling: SubsampleState; readonly recurrent: StreamState }[];

/** An encoder fed one step at a time; most steps only wait for others. Made by `PyramidalEncoder.stream`. */
export class PyramidalStream {
  readonly #layers: readonly { readonly subsampling: SubsampleStream; readonly recurrent: RecurrentStream }[];

  constructor(layers: readonly { readonly subsampling: SubsampleStream; readonly recurrent: RecurrentStream }[]) {
    this.#layers = layers;
  }

  /** @param x [inputSize]; @returns a step of the output, once there is one */
  step(x: ArrayLike<number>): Floats | null {
    return this.#feed(x, 0);
  }

  /** What comes of the steps that still wait when the sequence ends: none, or one step. The stream begins anew then. */
  end(): Floats[] {
    const outputs: Floats[] = [];
    this.#layers.forEach(({ subsampling, recurrent }, l) => {
      const last = subsampling.end();
      if (last === null) return;
      const above = this.#feed(recurrent.step(last), l + 1);
      if (above !== null) outputs.push(above);
    });
    for (const { recurrent } of this.#layers) recurrent.reset();
    return outputs;
  }

  get state(): PyramidalState {
    return this.#layers.map(({ subsampling, recurrent }) => ({ subsampling: subsampling.state, recurrent: recurrent.state }));
  }

  set state(state: PyramidalState) {
    if (state.length !== this.#layers.length) {
      throw new ShapeError(`[PyramidalStream] expected the state of ${this.#layers.length} layers, received ${state.length}.`);
    }
    this.#layers.forEach((layer, l) => {
      layer.subsampling.state = state[l].subsampling;
      layer.recurrent.state = state[l].recurrent;
    });
  }

  #feed(x: Floats | ArrayLike<number>, from: number): Floats | null {
    let value: ArrayLike<number> = x;
    for (let l = from; l < this.#layers.length; l++) {
      const { subsampling, recurrent } = this.#layers[l];
      const shorter = subsampling.step(value);
      if (shorter === null) return null;
      value = recurrent.step(shorter);
    }
    return value as Floats;
  }
}

/** A list of layers under their numbers. */
class Layers extends Module {
  add<M extends Module>(name: string, layer: M): M {
    return this.child(name, layer);
  }
}
