/**
 * Recurrent layers fed one instant at a time: no gradients, no tape, no memory made per step. Buffers and the kernels'
 * arguments are prepared once, so that a step of a small layer is little more than its arithmetic.
 */
import { freeWhenCollected } from '../autograd/storage.ts';
import { bufferOf, type Parameter } from '../autograd/tensor.ts';
import type { Backend, Buffer, Gemm, RecurrentLayer } from '../backend/backend.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { normEpsilon } from './input-projection.ts';
import type { Direction } from './recurrent-layer.ts';

/** Numbers of the backend's float: Float32Array everywhere but on `reference`. */
export type Floats = Float32Array | Float64Array;

/** A stream's memory as a plain value: [h] or [h, c], each [L, B, width] row-major. It can be copied, stored and sent. */
export type StreamState = readonly Floats[];

/**
 * Feeds a layer one instant after another.
 *
 * @example
 * const stream = lstm.eval().stream();
 * for (const sample of samples) console.log(stream.step(sample)); // [I] in, [H] out
 * const memory = stream.state; // stream.state = memory goes back to here
 */
export class RecurrentStream {
  /** B: how many sequences it runs side by side. */
  readonly batch: number;
  readonly #name: string;
  readonly #backend: Backend;
  readonly #x: Buffer; // [B, I]
  readonly #layers: readonly LayerStep[];

  constructor(name: string, directions: readonly Direction[], batch: number) {
    if (!Number.isInteger(batch) || batch < 1)
      throw new ConfigError(`[${name}.stream] expected batch to be an integer of at least 1, received ${batch}.`);
    this.batch = batch;
    this.#name = name;
    this.#backend = directions[0].weightHh.backend;
    const allocate = (length: number): Buffer => {
      const buffer = this.#backend.allocate(this.#backend.float, length);
      this.#backend.fill(buffer, 0);
      freeWhenCollected(this, this.#backend, buffer);
      return buffer;
    };
    this.#x = allocate(batch * directions[0].weights.weightIh.shape[1]);
    let below: readonly [Buffer, Buffer] = [this.#x, this.#x];
    this.#layers = directions.map((direction) => {
      const layer = new LayerStep(direction, batch, below, allocate);
      below = layer.outputs;
      return layer;
    });
  }

  /**
   * @param x  [B, I] row-major; with one sequence, the features of the instant
   * @returns  the last layer's output [B, P], fresh
   */
  step(x: ArrayLike<number>): Floats {
    if (x.length !== this.#x.length) {
      throw new ShapeError(
        `[${this.#name}.stream] expected ${this.#x.length} numbers (batch ${this.batch} × inputSize), received ${x.length}.`,
      );
    }
    this.#backend.write(this.#x, x);
    let output = this.#x;
    for (const layer of this.#layers) output = layer.run();
    return this.#backend.read(output) as Floats;
  }

  get state(): StreamState {
    const perLayer = this.#layers.map((layer) => layer.read());
    return perLayer[0].map((_, i) => joined(perLayer.map((states) => states[i])));
  }

  set state(state: StreamState) {
    const expected = this.#layers[0].widths.map((width) => this.#layers.length * this.batch * width);
    if (state.length !== expected.length || state.some((values, i) => values.length !== expected[i])) {
      throw new ShapeError(
        `[${this.#name}.stream] expected a state of ${expected.join(' and ')} numbers, received ${state.map((values) => values.length).join(' and ')}.`,
      );
    }
    this.#layers.forEach((layer, l) => {
      layer.write(
        state.map((values, i) => values.subarray((l * expected[i]) / this.#layers.length, ((l + 1) * expected[i]) / this.#layers.length)),
      );
    });
  }

  /** Back to zeros. */
  reset(): void {
    for (const layer of this.#layers) layer.reset();
  }
}

/** A kernel's arguments for one instant. */
interface Prepared {
  readonly product: Gemm;
  readonly layer: RecurrentLayer;
  readonly output: Buffer;
}

/** Where the normalisation of W_ih x keeps its numbers. */
interface NormBuffers {
  readonly raw: Buffer;
  readonly normalized: Buffer;
  readonly rstd: Buffer;
}

/**
 * One layer. Its states have two slots, and steps go back and forth between them: an even step runs forward, from slot 0
 * to slot 1, an odd one in reverse, from slot 1 to slot 0. So no state is ever copied.
 */
class LayerStep {
  readonly widths: readonly number[];
  /** The output of an odd and of an even step: h in slot 0, h in slot 1. */
  readonly outputs: readonly [Buffer, Buffer];
  readonly #direction: Direction;
  readonly #backend: Backend;
  readonly #batch: number;
  /** What the layer reads in an odd, in an even step. */
  readonly #inputs: readonly [Buffer, Buffer];
  readonly #bias: Buffer | null;
  readonly #gates: Buffer;
  readonly #states: readonly Buffer[];
  readonly #slots: readonly (readonly [Buffer, Buffer])[];
  readonly #saved: Readonly<Record<string, Buffer>>;
  readonly #inputNorm: NormBuffers | null;
  readonly #recurrentNorm: { readonly normalized: Buffer; readonly rstd: Buffer } | null;
  readonly #parameters: readonly Parameter[];
  /** The parameters' buffers that `#prepared` was made with; an optimiser may move them. */
  #known: readonly (Buffer | null)[] = [];
  #prepared: readonly Prepared[] = [];
  /** The slot that holds the state. */
  #current: 0 | 1 = 0;

  constructor(direction: Direction, batch: number, inputs: readonly [Buffer, Buffer], allocate: (length: number) => Buffer) {
    const { recurrence, weights, weightHh, normHh, hiddenSize } = direction;
    const F = recurrence.gates * hiddenSize;
    this.#direction = direction;
    this.#backend = weightHh.backend;
    this.#batch = batch;
    this.#inputs = inputs;
    this.widths = recurrence.stateSizes;
    this.#bias = weights.biasIh === null ? null : allocate(F);
    this.#gates = allocate(batch * F);
    this.#states = recurrence.stateSizes.map((width) => allocate(2 * batch * width));
    this.#slots = this.#states.map((states, i) => {
      const size = batch * recurrence.stateSizes[i];
      return [this.#backend.slice(states, 0, size), this.#backend.slice(states, size, size)];
    });
    this.outputs = this.#slots[0];
    this.#saved = Object.fromEntries(Object.entries(recurrence.savedSizes(1, batch)).map(([name, length]) => [name, allocate(length)]));
    this.#inputNorm = weights.normIh === null ? null : { raw: allocate(batch * F), normalized: allocate(batch * F), rstd: allocate(batch) };
    this.#recurrentNorm = normHh === null ? null : { normalized: allocate(batch * F), rstd: allocate(batch) };
    this.#parameters = [
      weights.weightIh,
      weights.biasIh,
      weights.biasHh,
      weights.normIh,
      weightHh,
      normHh,
      ...recurrence.parameters,
    ].filter((p) => p !== null);
  }

  /** One instant, from the buffer that was given for it; returns the one that holds the output. */
  run(): Buffer {
    this.#refresh();
    const { product, layer, output } = this.#prepared[this.#current];
    const backend = this.#backend;
    this.#addBiases();
    backend.gemm(product);
    if (this.#inputNorm !== null) this.#normalize(this.#inputNorm);
    this.#direction.recurrence.forward(backend, layer);
    this.#current = this.#current === 0 ? 1 : 0;
    return output;
  }

  read(): Floats[] {
    return this.#slots.map((slots) => this.#backend.read(slots[this.#current]) as Floats);
  }

  write(states: readonly Floats[]): void {
    this.#slots.forEach((slots, i) => {
      this.#backend.write(slots[this.#current], states[i]);
    });
  }

  reset(): void {
    for (const slots of this.#slots) this.#backend.fill(slots[this.#current], 0);
  }

  /** b_ih + b_hh's shared part: anew each time, since a training may go on beside the stream. */
  #addBiases(): void {
    const { biasIh, biasHh, sharedBias } = this.#direction.weights;
    if (this.#bias === null) return;
    const backend = this.#backend;
    const [own, recurrent] = [biasIh!.storage.buffer!, biasHh!.storage.buffer!];
    if (sharedBias === own.length) {
      backend.binary('add', own, recurrent, this.#bias);
      return;
    }
    backend.copy(own, this.#bias);
    backend.axpy(1, backend.slice(recurrent, 0, sharedBias), backend.slice(this.#bias, 0, sharedBias));
  }

  #normalize({ raw, normalized, rstd }: NormBuffers): void {
    const weight = this.#direction.weights.normIh!.storage.buffer;
    this.#backend.layerNorm(
      raw,
      weight,
      this.#bias,
      this.#gates,
      normalized,
      rstd,
      this.#batch,
      this.#gates.length / this.#batch,
      normEpsilon,
    );
  }

  #refresh(): void {
    const parameters = this.#parameters;
    let isFresh = this.#known.length > 0;
    for (let i = 0; isFresh && i < parameters.length; i++) isFresh = parameters[i].storage.buffer === this.#known[i];
    if (isFresh) return;
    this.#prepared = [this.#prepare(0), this.#prepare(1)];
    this.#known = parameters.map((parameter) => parameter.storage.buffer);
  }

  #prepare(from: 0 | 1): Prepared {
    const { recurrence, weights, weightHh, normHh, hiddenSize } = this.#direction;
    const to = from === 0 ? 1 : 0;
    const [F, I] = weights.weightIh.shape;
    for (const parameter of this.#parameters) bufferOf(parameter);
    return {
      product: {
        M: this.#batch,
        N: F,
        K: I,
        a: this.#inputs[to],
        b: bufferOf(weights.weightIh),
        transB: true,
        c: this.#inputNorm === null ? this.#gates : this.#inputNorm.raw,
        bias: this.#inputNorm === null ? this.#bias : null,
      },
      layer: recurrence.describe(
        {
          T: 1,
          B: this.#batch,
          H: hiddenSize,
          reverse: from === 1,
          lengths: null,
          weightHh: bufferOf(weightHh),
          mask: null,
          norm: this.#recurrentNorm && { ...this.#recurrentNorm, weight: bufferOf(normHh!), epsilon: normEpsilon },
          gates: this.#gates,
          states: this.#states,
        },
        this.#saved,
      ),
      output: this.outputs[to],
    };
  }
}

function joined(parts: readonly Floats[]): Floats {
  const all = new (parts[0].constructor as new (length: number) => Floats)(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
