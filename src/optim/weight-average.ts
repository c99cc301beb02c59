/** Averages of a model's weights over its training: often better than the last ones. */
import { freeWhenCollected, weightsChanged } from '../autograd/storage.ts';
import { bufferOf, type Parameter } from '../autograd/tensor.ts';
import type { Backend, Buffer } from '../backend/backend.ts';
import type { Module } from '../nn/module.ts';
import { FlatParameters } from '../nn/parameters.ts';
import { ConfigError } from '../tensor/errors.ts';
import type { TypedArray } from '../tensor/shape.ts';

/** Which average is kept. */
export interface WeightAverageOptions {
  /** Of an exponential moving average, in [0, 1): average = decay · average + (1 − decay) · weights. Default: the plain mean of all updates (SWA). */
  readonly decay?: number;
}

/** The memory of a WeightAverage: the model's flat parameters, then its buffers one after another. */
export interface WeightAverageState {
  readonly updates: number;
  readonly values: TypedArray;
}

/**
 * A running average of a model's weights: exponential (EMA) with `decay`, otherwise their plain mean (stochastic weight
 * averaging). The first update is a copy. The model's buffers are averaged alike: running statistics of a batch normalisation belong
 * to the weights that they were seen with, and those of the last weights would not fit the averaged ones.
 *
 * @example
 * const average = new WeightAverage(model, { decay: 0.999 });
 * average.update();                                       // after each optimizer step
 * const loss = await average.use(() => evaluate(model));  // with the averaged weights
 * @see Izmailov et al. (2018), arXiv:1803.05407. Numbers as torch.optim.swa_utils.AveragedModel with use_buffers.
 */
export class WeightAverage {
  readonly #decay: number | undefined;
  readonly #flat: FlatParameters;
  readonly #buffers: readonly Parameter[];
  readonly #backend: Backend;
  readonly #average: Buffer;
  /** The average's part for the flat parameters, and for each buffer. */
  readonly #parts: readonly Buffer[];
  #updates = 0;
  #isSwapped = false;

  constructor(model: Module, options: WeightAverageOptions = {}) {
    const { decay } = options;
    if (decay !== undefined && !(decay >= 0 && decay < 1)) {
      throw new ConfigError(`[WeightAverage] expected decay in [0, 1), received ${decay}.`);
    }
    this.#decay = decay;
    this.#flat = FlatParameters.of(model.parameters());
    this.#buffers = [...model.namedBuffers().values()];
    this.#backend = this.#flat.backend;
    const weights = this.#weights();
    this.#average = this.#backend.allocate(
      this.#backend.float,
      weights.reduce((sum, { length }) => sum + length, 0),
    );
    freeWhenCollected(this, this.#backend, this.#average);
    let offset = 0;
    this.#parts = weights.map(({ length }) => {
      const part = this.#backend.slice(this.#average, offset, length);
      offset += length;
      return part;
    });
    weights.forEach((values, i) => {
      this.#backend.copy(values, this.#parts[i]);
    });
  }

  /** Takes in the weights as they are now. */
  update(): void {
    if (this.#isSwapped) throw new ConfigError('[WeightAverage] the average is swapped in; swap it out before the next update.');
    const weight = this.#decay === undefined ? 1 / (this.#updates + 1) : 1 - this.#decay;
    for (const [i, values] of this.#weights().entries()) {
      if (this.#updates === 0) this.#backend.copy(values, this.#parts[i]);
      else this.#backend.lerp(values, this.#parts[i], weight);
    }
    this.#updates++;
  }

  /** Runs `body` with the average in the model; the weights come back afterwards, to the bit. */
  async use<T>(body: () => T | Promise<T>): Promise<T> {
    this.swap();
    try {
      return await body();
    } finally {
      this.swap();
    }
  }

  /** Exchanges weights and average; a second call brings them back. */
  swap(): void {
    for (const [i, values] of this.#weights().entries()) {
      const weights = this.#backend.allocate(this.#backend.float, values.length);
      this.#backend.copy(values, weights);
      this.#backend.copy(this.#parts[i], values);
      this.#backend.copy(weights, this.#parts[i]);
      this.#backend.free(weights);
    }
    this.#isSwapped = !this.#isSwapped;
    weightsChanged();
  }

  /** Copies, for a checkpoint. */
  state(): WeightAverageState {
    if (this.#isSwapped) throw new ConfigError('[WeightAverage] the average is swapped in; swap it out before saving.');
    return { updates: this.#updates, values: this.#backend.read(this.#average) };
  }

  /** @throws ConfigError when the state is of another model */
  loadState(state: WeightAverageState): void {
    const { length } = this.#average;
    if (state.values.length !== length) {
      throw new ConfigError(
        `[WeightAverage.loadState] expected ${length} numbers, received ${state.values.length}: the state of another model.`,
      );
    }
    this.#backend.write(this.#average, state.values);
    this.#updates = state.updates;
  }

  /** What is averaged, as it is in the model. */
  #weights(): Buffer[] {
    return [this.#flat.values, ...this.#buffers.map(bufferOf)];
  }
}
