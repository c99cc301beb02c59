/** One run of a decoder with attention over one batch, as one operation on the tape. */
import { transpose } from '../autograd/ops/shape.ts';
import { releaseEarly } from '../autograd/scope.ts';
import { type GradientSink, needsGrad, record } from '../autograd/tape.ts';
import { bufferOf, contiguous, empty, type Parameter, Tensor } from '../autograd/tensor.ts';
import type { AttentionForward, Backend, Buffer } from '../backend/backend.ts';
import { rowMajor } from '../tensor/shape.ts';
import type { Attention, AttentionMemory } from './attention.ts';
import { type LayerInput, project, projectBackward } from './input-projection.ts';
import { packed } from './packed-weights.ts';
import { currentWatcher } from './recurrence-watch.ts';
import { addWeightGradient, type Direction } from './recurrent-layer.ts';
import type { Lengths, Sequence } from './sequence.ts';

/** What a decoder gives for a whole sequence. All have gradients. */
export interface AttentionResult {
  /** States of the cell, [B, T, H]. */
  readonly output: Tensor;
  /** What each step found, [B, T, M]. */
  readonly context: Tensor;
  /** Where each step looked, [B, T, S]: sums to 1 within the memory's length, 0 past it. */
  readonly weights: Tensor;
  /** After each sequence's last step: [h, c, context] of an LSTM, [h, context] of a GRU; [B, ·] each. */
  readonly state: readonly Tensor[];
}

/** The parts of a decoder. */
export interface AttendingDecoder {
  readonly direction: Direction;
  readonly weightContext: Parameter;
  readonly attention: Attention;
  readonly isFirst: boolean;
}

/**
 * The operation: recorded, with its backward, when anything in it learns.
 *
 * @param input       time-major, [T, B, I]
 * @param memoryRows  int32 [B]: the memory of each row, without gradients; null: its own of B
 * @param initial     h, (c,) context, [B, width] each; null: zeros
 * @param mask        of recurrent dropout, [B, H]; null: none
 */
export function runAttention(
  decoder: AttendingDecoder,
  input: LayerInput,
  sequence: Sequence,
  memory: AttentionMemory,
  memoryRows: Tensor | null,
  initial: readonly (Tensor | null)[],
  mask: Tensor | null,
): AttentionResult {
  return new Run(decoder, input, sequence, memory, memoryRows, initial, mask).forward();
}

class Run {
  readonly #decoder: AttendingDecoder;
  readonly #backend: Backend;
  readonly #input: LayerInput;
  readonly #sequence: Sequence;
  readonly #memory: AttentionMemory;
  readonly #memoryRows: Tensor | null;
  readonly #initial: readonly (Tensor | null)[];
  readonly #mask: Tensor | null;
  readonly #inputs: readonly (Tensor | null)[];
  /** Freed once the backward has run. */
  readonly #saved: Tensor[] = [];
  readonly #gates: Tensor; // [T, B, G·H]
  readonly #hn: Tensor | null; // [T, B, H]
  /** h, (c,) context: [T+1, B, width]. */
  readonly #states: readonly Tensor[];
  readonly #query: Tensor; // [T, B, A]
  readonly #weights: Tensor; // [T, B, S]

  constructor(
    decoder: AttendingDecoder,
    input: LayerInput,
    sequence: Sequence,
    memory: AttentionMemory,
    memoryRows: Tensor | null,
    initial: readonly (Tensor | null)[],
    mask: Tensor | null,
  ) {
    const { direction, weightContext, attention } = decoder;
    const { weights, weightHh, recurrence } = direction;
    const { T, B } = sequence;
    this.#decoder = decoder;
    this.#backend = weightContext.backend;
    this.#input = input;
    this.#sequence = sequence;
    this.#memory = memory;
    this.#memoryRows = memoryRows;
    this.#initial = initial;
    this.#mask = mask;
    this.#inputs = [
      input.rows,
      memory.keys,
      memory.values,
      weights.weightIh,
      weights.biasIh,
      weights.biasHh,
      weightHh,
      weightContext,
      attention.weightQuery,
      attention.score,
      ...initial,
    ];
    const make = (...shape: number[]) => empty(this.#backend, shape);
    this.#gates = make(T, B, recurrence.gates * direction.hiddenSize);
    this.#hn = recurrence.gates === 3 ? make(T, B, direction.hiddenSize) : null;
    this.#states = [...recurrence.stateSizes, attention.memorySize].map((width) => make(T + 1, B, width));
    this.#query = make(T, B, attention.attentionSize);
    this.#weights = make(T, B, memory.keys.shape[1]);
    this.#saved.push(this.#gates, this.#query, ...[this.#hn, mask].filter((x) => x !== null));
  }

  forward(): AttentionResult {
    const backend = this.#backend;
    const { T, lengths } = this.#sequence;
    const isRead = !needsGrad(this.#inputs);
    project(backend, this.#input, this.#decoder.direction.weights, bufferOf(this.#gates), isRead);
    for (const [i, slots] of this.#states.entries()) {
      const slot = bufferOf(slotOf(slots, 0));
      const initial = this.#initial[i];
      if (initial === null) backend.fill(slot, 0);
      else if (initial.isContiguous) backend.copy(bufferOf(initial), slot);
      else backend.copy(bufferOf(contiguous(initial)), slot);
    }
    this.#withMemory((layer) => backend.attentionForward(isRead ? { ...layer, ...this.#packedWeights() } : layer));

    const [h, context] = [this.#states[0], this.#states.at(-1)!];
    this.#tellWatcher(h);
    const output = this.#outputOf(h, lengths);
    const found = this.#outputOf(context, lengths);
    const last = this.#states.map((slots) => {
      const copy = empty(backend, slots.shape.slice(1));
      backend.copy(bufferOf(slotOf(slots, T)), bufferOf(copy));
      return copy;
    });
    this.#saved.push(...this.#states.filter((slots) => lengths !== null || (slots !== h && slots !== context)));
    if (!isRead) {
      const outputs = [output, found, this.#weights, ...last];
      record('AttentionDecoder', this.#inputs, outputs, (gradients, sink) => this.#backward(gradients, sink), this.#saved);
    } else for (const x of this.#saved) releaseEarly(x.storage);
    const batchFirst = (x: Tensor) => transpose(x, 0, 1);
    return { output: batchFirst(output), context: batchFirst(found), weights: batchFirst(this.#weights), state: last };
  }

  #backward([dOutput, dContext, dWeights, ...dLast]: readonly (Tensor | null)[], sink: GradientSink): (Tensor | null)[] {
    const backend = this.#backend;
    const { direction, weightContext, attention, isFirst } = this.#decoder;
    const { weights, weightHh, hiddenSize: H } = direction;
    const { T, B } = this.#sequence;
    const R = T * B;
    const M = attention.memorySize;
    const temporaries: Tensor[] = [];
    const temporary = (shape: readonly number[]): Tensor => {
      const x = empty(backend, shape);
      temporaries.push(x);
      return x;
    };
    const arranged = (d: Tensor | null): Buffer | null => {
      if (d === null) return null;
      const rows = contiguous(d);
      if (rows !== d) temporaries.push(rows);
      return bufferOf(rows);
    };
    const into = (parameter: Parameter | null): Buffer | null => {
      const i = parameter === null ? -1 : this.#inputs.indexOf(parameter);
      return i >= 0 && sink.wants(i) ? bufferOf(sink.accumulator(i)) : null;
    };
    const dStates = this.#states.map((slots, i) => {
      const d = empty(backend, slots.shape.slice(1));
      const given = arranged(dLast[i]);
      if (given === null) backend.fill(bufferOf(d), 0);
      else backend.copy(given, bufferOf(d));
      return d;
    });
    const dKeys = empty(backend, this.#memory.keys.shape);
    const dMemory = empty(backend, this.#memory.values.shape);
    const scoreGradient = attention.score === null ? null : (into(attention.score) ?? bufferOf(temporary(attention.score.shape)));
    this.#withMemory((layer) =>
      backend.attentionBackward({
        ...layer,
        dY: arranged(dOutput),
        dContext: arranged(dContext),
        dWeights: arranged(dWeights),
        dH: bufferOf(dStates[0]),
        dC: layer.cell.kind === 'lstm' ? bufferOf(dStates[1]) : null,
        dContextState: bufferOf(dStates.at(-1)!),
        dKeys: bufferOf(dKeys),
        dMemory: bufferOf(dMemory),
        dScoreVector: scoreGradient,
      }),
    );

    const gates = { buffer: bufferOf(this.#gates), columns: direction.recurrence.gates * H };
    const [h, context] = [this.#states[0], this.#states.at(-1)!];
    const dWeightContext = into(weightContext);
    if (dWeightContext !== null) {
      addWeightGradient(backend, R, gates, { buffer: bufferOf(stepsOf(context, isFirst)), columns: M }, dWeightContext);
    }
    const dWeightQuery = into(attention.weightQuery);
    if (dWeightQuery !== null) {
      const query = { buffer: bufferOf(this.#query), columns: attention.attentionSize };
      addWeightGradient(backend, R, query, { buffer: bufferOf(stepsOf(h, !isFirst)), columns: H }, dWeightQuery);
    }
    const dWeightHh = into(weightHh);
    const dBiasHh = into(weights.biasHh);
    if (dWeightHh !== null) {
      const before = { buffer: this.#previous(temporary), columns: H };
      if (this.#hn === null) addWeightGradient(backend, R, gates, before, dWeightHh);
      else {
        const [resetUpdate, candidate] = [2 * H * H, H * H];
        const hn = { buffer: bufferOf(this.#hn), columns: H };
        addWeightGradient(backend, R, { ...gates, columns: 2 * H, lda: 3 * H }, before, backend.slice(dWeightHh, 0, resetUpdate));
        addWeightGradient(backend, R, hn, before, backend.slice(dWeightHh, resetUpdate, candidate));
      }
    }
    if (this.#hn !== null && dBiasHh !== null) {
      backend.sumAxis(bufferOf(this.#hn), backend.slice(dBiasHh, 2 * H, H), { outer: 1, n: R, inner: H }, true);
    }
    for (const x of temporaries) releaseEarly(x.storage);
    const dRows = sink.wants(0) ? empty(backend, this.#input.rows.shape) : null;
    projectBackward(backend, this.#input, weights, null, gates.buffer, {
      dWeightIh: into(weights.weightIh),
      dBiasIh: into(weights.biasIh),
      dBiasHh,
      dNormIh: null,
      dRows: dRows === null ? null : bufferOf(dRows),
    });
    const parameters = this.#inputs.slice(3, this.#inputs.length - dStates.length).map(() => null);
    return [dRows, dKeys, dMemory, ...parameters, ...dStates];
  }

  /** Gates and states; the kernel has no norms of gradients. */
  #tellWatcher(h: Tensor): void {
    const { hiddenSize, weightHh, recurrence } = this.#decoder.direction;
    const { T, B, lengths } = this.#sequence;
    currentWatcher()?.ran({
      cell: recurrence.gates === 3 ? 'GRUCell' : 'LSTMCell',
      hiddenSize,
      reverse: false,
      parameter: weightHh,
      T,
      B,
      lengths: lengths?.values ?? null,
      gates: this.#gates,
      input: null,
      states: stepsOf(h, true),
    });
  }

  /** The kernel's arguments, for the length of `call`. */
  #withMemory(call: (layer: AttentionForward) => void): void {
    const { direction, weightContext, attention, isFirst } = this.#decoder;
    const { weightHh, weights } = direction;
    const { T, B, lengths } = this.#sequence;
    const H = direction.hiddenSize;
    const [keys, values] = [contiguous(this.#memory.keys), contiguous(this.#memory.values)];
    const biasHh = weights.biasHh;
    call({
      T,
      B,
      H,
      S: keys.shape[1],
      A: keys.shape[2],
      M: values.shape[2],
      attendFirst: isFirst,
      lengths: lengths === null ? null : bufferOf(lengths.tensor),
      weightHh: bufferOf(weightHh),
      mask: this.#mask === null ? null : bufferOf(this.#mask),
      weightContext: bufferOf(weightContext),
      weightQuery: attention.weightQuery === null ? null : bufferOf(attention.weightQuery),
      scoreVector: attention.score === null ? null : bufferOf(attention.score),
      scale: 1,
      keys: bufferOf(keys),
      memory: bufferOf(values),
      memoryLengths: this.#memory.lengths === null ? null : bufferOf(this.#memory.lengths),
      memoryRows: this.#memoryRows === null ? null : bufferOf(this.#memoryRows),
      cell:
        this.#hn === null
          ? { kind: 'lstm', c: bufferOf(this.#states[1]) }
          : { kind: 'gru', hn: bufferOf(this.#hn), biasHn: biasHh === null ? null : this.#backend.slice(bufferOf(biasHh), 2 * H, H) },
      gates: bufferOf(this.#gates),
      h: bufferOf(this.#states[0]),
      context: bufferOf(this.#states.at(-1)!),
      query: bufferOf(this.#query),
      weights: bufferOf(this.#weights),
    });
    for (const [copy, given] of [
      [keys, this.#memory.keys],
      [values, this.#memory.values],
    ]) {
      if (copy !== given && copy.storage !== this.#memory.keys.storage && copy.storage !== this.#memory.values.storage) {
        releaseEarly(copy.storage);
      }
    }
  }

  #packedWeights(): Pick<AttentionForward, 'weightHh' | 'weightContext' | 'weightQuery' | 'isPacked'> {
    const { direction, weightContext, attention } = this.#decoder;
    return {
      weightHh: packed(direction.weightHh, direction.recurrence.gates),
      weightContext: packed(weightContext, 1),
      weightQuery: attention.weightQuery === null ? null : packed(attention.weightQuery, 1),
      isPacked: true,
    };
  }

  /** The states after each step, zero past a sequence's length. */
  #outputOf(slots: Tensor, lengths: Lengths | null): Tensor {
    const steps = stepsOf(slots, true);
    if (lengths === null) return steps;
    const { T, B } = this.#sequence;
    const y = empty(this.#backend, steps.shape);
    this.#backend.scaleRows(bufferOf(steps), bufferOf(lengths.rowMask), bufferOf(y), T * B, steps.shape[2], false);
    return y;
  }

  /** h_{t−1} ⊙ mask as the recurrent product saw it. */
  #previous(temporary: (shape: readonly number[]) => Tensor): Buffer {
    const h = stepsOf(this.#states[0], false);
    if (this.#mask === null) return bufferOf(h);
    const product = bufferOf(temporary(h.shape));
    this.#backend.binary('mul', bufferOf(h), bufferOf(this.#mask), product);
    return product;
  }
}

/** The state before or after each step: [T, B, width], a view of the slots [T+1, B, width]. */
function stepsOf(slots: Tensor, isAfter: boolean): Tensor {
  const [T1, B, width] = slots.shape;
  const shape = [T1 - 1, B, width];
  return new Tensor(slots.storage, shape, rowMajor(shape), isAfter ? B * width : 0);
}

function slotOf(slots: Tensor, index: number): Tensor {
  const [, B, width] = slots.shape;
  return new Tensor(slots.storage, [B, width], [width, 1], index * B * width);
}
