/**
 * Recurrent layers fed one instant at a time: no gradients, no tape, no memory made per step. The kernel calls of an instant,
 * all layers', are prepared once and made as one, so that a step of a small layer is little more than its arithmetic.
 */
import { freeWhenCollected, weightsEpoch } from '../autograd/storage.ts';
import { bufferOf, type Parameter } from '../autograd/tensor.ts';
import type { Backend, Buffer } from '../backend/backend.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { normEpsilon } from './input-projection.ts';
import { packed } from './packed-weights.ts';
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
  readonly #parameters: readonly Parameter[];
  /** The parameters' buffers that `#instants` was prepared with; an optimiser may move them. */
  #known: readonly (Buffer | null)[] = [];
  /** Of the weights that are packed now: a training may go on beside the stream. */
  #epoch = -1;
  /** An even and an odd instant. */
  #instants: readonly (() => void)[] = [];
  /** The slot that holds the states. */
  #current: Slot = 0;

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
    this.#layers = directions.map((direction) => new LayerStep(direction, batch, allocate));
    this.#parameters = this.#layers.flatMap(({ parameters }) => parameters);
  }

  /**
   * @param x     [B, I] row-major; with one sequence, the features of the instant
   * @param into  an array for the output, where no step shall make garbage; default: a fresh one
   * @returns     the last layer's output [B, P]
   * @throws ShapeError  when x or `into` has another length
   */
  step(x: ArrayLike<number>, into?: Floats): Floats {
    if (x.length !== this.#x.length) {
      throw new ShapeError(
        `[${this.#name}.stream] expected ${this.#x.length} numbers (batch ${this.batch} × inputSize), received ${x.length}.`,
      );
    }
    const last = this.#layers[this.#layers.length - 1];
    if (into !== undefined && into.length !== last.output(0).length) {
      throw new ShapeError(
        `[${this.#name}.stream] expected an array of ${last.output(0).length} numbers for the output, received ${into.length}.`,
      );
    }
    this.#backend.write(this.#x, x);
    if (this.#epoch !== weightsEpoch()) this.#pack();
    if (!this.#isPrepared()) this.#prepare();
    this.#instants[this.#current]();
    this.#current = other(this.#current);
    return this.#backend.read(last.output(this.#current), into) as Floats;
  }

  get state(): StreamState {
    const perLayer = this.#layers.map(({ slots }) => slots.map((slot) => this.#backend.read(slot[this.#current]) as Floats));
    return perLayer[0].map((_, i) => joined(perLayer.map((states) => states[i])));
  }

  set state(state: StreamState) {
    const expected = this.#layers[0].widths.map((width) => this.#layers.length * this.batch * width);
    if (state.length !== expected.length || state.some((values, i) => values.length !== expected[i])) {
      throw new ShapeError(
        `[${this.#name}.stream] expected a state of ${expected.join(' and ')} numbers, received ${state.map((values) => values.length).join(' and ')}.`,
      );
    }
    this.#layers.forEach(({ slots }, l) => {
      for (const [i, values] of state.entries()) {
        const part = values.subarray((l * expected[i]) / this.#layers.length, ((l + 1) * expected[i]) / this.#layers.length);
        this.#backend.write(slots[i][this.#current], part);
      }
    });
  }

  /** Back to zeros. */
  reset(): void {
    for (const { slots } of this.#layers) for (const slot of slots) this.#backend.fill(slot[this.#current], 0);
  }

  #pack(): void {
    for (const layer of this.#layers) layer.pack();
    this.#epoch = weightsEpoch();
  }

  #isPrepared(): boolean {
    const parameters = this.#parameters;
    if (this.#known.length === 0) return false;
    for (let i = 0; i < parameters.length; i++) if (parameters[i].storage.buffer !== this.#known[i]) return false;
    return true;
  }

  #prepare(): void {
    for (const parameter of this.#parameters) bufferOf(parameter);
    this.#instants = ([0, 1] as const).map((from) =>
      this.#backend.prepare(() => {
        let x = this.#x;
        for (const layer of this.#layers) {
          layer.run(x, from);
          x = layer.output(other(from));
        }
      }),
    );
    this.#known = this.#parameters.map((parameter) => parameter.storage.buffer);
  }
}

/**
 * States have two slots, and instants go back and forth between them: an even one runs forward, from slot 0 to slot 1, an odd one
 * in reverse, from slot 1 to slot 0. So no state is ever copied.
 */
type Slot = 0 | 1;

function other(slot: Slot): Slot {
  return slot === 0 ? 1 : 0;
}

/** Where the normalisation of W_ih x keeps its numbers. */
interface NormBuffers {
  readonly raw: Buffer;
  readonly normalized: Buffer;
  readonly rstd: Buffer;
}

/** One layer's buffers, and what it computes in an instant. */
class LayerStep {
  readonly widths: readonly number[];
  /** Of each state, [B, width]. */
  readonly slots: readonly (readonly [Buffer, Buffer])[];
  readonly parameters: readonly Parameter[];
  readonly #direction: Direction;
  readonly #backend: Backend;
  readonly #batch: number;
  readonly #bias: Buffer | null;
  readonly #gates: Buffer;
  readonly #states: readonly Buffer[];
  readonly #saved: Readonly<Record<string, Buffer>>;
  readonly #inputNorm: NormBuffers | null;
  readonly #recurrentNorm: { readonly normalized: Buffer; readonly rstd: Buffer } | null;

  constructor(direction: Direction, batch: number, allocate: (length: number) => Buffer) {
    const { recurrence, weights, weightHh, normHh, hiddenSize } = direction;
    const { weightIh, biasIh, biasHh, normIh } = weights;
    const F = recurrence.gates * hiddenSize;
    this.#direction = direction;
    this.#backend = weightHh.backend;
    this.#batch = batch;
    this.widths = recurrence.stateSizes;
    this.#bias = biasIh === null ? null : allocate(F);
    this.#gates = allocate(batch * F);
    this.#states = this.widths.map((width) => allocate(2 * batch * width));
    this.slots = this.#states.map((states, i) => {
      const size = batch * this.widths[i];
      return [this.#backend.slice(states, 0, size), this.#backend.slice(states, size, size)];
    });
    this.#saved = Object.fromEntries(Object.entries(recurrence.savedSizes(1, batch)).map(([name, length]) => [name, allocate(length)]));
    this.#inputNorm = normIh === null ? null : { raw: allocate(batch * F), normalized: allocate(batch * F), rstd: allocate(batch) };
    this.#recurrentNorm = normHh === null ? null : { normalized: allocate(batch * F), rstd: allocate(batch) };
    this.parameters = [weightIh, biasIh, biasHh, normIh, weightHh, normHh, ...recurrence.parameters].filter((p) => p !== null);
  }

  /** h. [B, P] */
  output(slot: Slot): Buffer {
    return this.slots[0][slot];
  }

  /** Packs the weights and adds the biases as they are now, where `run` finds them. */
  pack(): void {
    const { recurrence, weights, weightHh } = this.#direction;
    packed(weights.weightIh, 1);
    packed(weightHh, recurrence.gates);
    for (const weight of recurrence.otherProducts) packed(weight, 1);
    this.#addBiases();
  }

  /** The state in the other slot, from that in slot `from` and x [B, I]. */
  run(x: Buffer, from: Slot): void {
    const { recurrence, weights, weightHh, normHh, hiddenSize } = this.#direction;
    const [N, K] = weights.weightIh.shape;
    const raw = this.#inputNorm?.raw ?? null;
    this.#backend.gemm({
      M: this.#batch,
      N,
      K,
      a: x,
      b: packed(weights.weightIh, 1),
      isPacked: true,
      c: raw ?? this.#gates,
      bias: raw === null ? this.#bias : null,
    });
    if (this.#inputNorm !== null) this.#normalize(this.#inputNorm);
    const pass = {
      T: 1,
      B: this.#batch,
      H: hiddenSize,
      reverse: from === 1,
      lengths: null,
      weightHh: packed(weightHh, recurrence.gates),
      isPacked: true,
      mask: null,
      norm: this.#recurrentNorm && { ...this.#recurrentNorm, weight: bufferOf(normHh!), epsilon: normEpsilon },
      gates: this.#gates,
      states: this.#states,
    };
    recurrence.forward(this.#backend, recurrence.describe(pass, this.#saved));
  }

  /** b_ih + b_hh's shared part. */
  #addBiases(): void {
    const { biasIh, biasHh, sharedBias } = this.#direction.weights;
    if (this.#bias === null) return;
    const backend = this.#backend;
    const [own, recurrent] = [bufferOf(biasIh!), bufferOf(biasHh!)];
    if (sharedBias === own.length) {
      backend.binary('add', own, recurrent, this.#bias);
      return;
    }
    backend.copy(own, this.#bias);
    backend.axpy(1, backend.slice(recurrent, 0, sharedBias), backend.slice(this.#bias, 0, sharedBias));
  }

  #normalize({ raw, normalized, rstd }: NormBuffers): void {
    const weight = bufferOf(this.#direction.weights.normIh!);
    const F = this.#gates.length / this.#batch;
    this.#backend.layerNorm(raw, weight, this.#bias, this.#gates, normalized, rstd, this.#batch, F, normEpsilon);
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
