/**
 * One direction of one recurrent layer over a whole sequence, as one operation on the tape: the inputs of all steps are
 * projected by one matrix product, the steps themselves are one kernel call, and a weight's gradient is one product over
 * all steps. The equations of a step are a Recurrence's business (rnn.ts, lstm.ts, gru.ts); layers and directions are put
 * together in recurrent-stack.ts.
 */
import { inScope, keep, releaseEarly } from '../autograd/scope.ts';
import { type GradientSink, needsGrad, record } from '../autograd/tape.ts';
import { bufferOf, contiguous, empty, type Parameter, type Tensor } from '../autograd/tensor.ts';
import type { Backend, Buffer, RecurrentGradients, RecurrentLayer } from '../backend/backend.ts';
import type { GradientNorms } from './gradient-norms.ts';
import { type LayerInput, normEpsilon, type ProjectionWeights, project, projectBackward } from './input-projection.ts';
import { currentWatcher, type GradientReceiver } from './recurrence-watch.ts';
import { inferDirection } from './recurrent-inference.ts';
import type { Sequence } from './sequence.ts';
import { StateSlots } from './state-slots.ts';

/** What every kernel is told: the arguments they share, the gates, and the slots of each state. */
export interface Pass extends RecurrentLayer {
  readonly gates: Buffer; // [T, B, G·H]
  /** [T+1, B, width] for each of the states. */
  readonly states: readonly Buffer[];
}

/** What a recurrence's backward is given beside its forward's arguments. */
export interface PassGradients {
  /** The kernels' shared fields. */
  readonly shared: RecurrentGradients;
  /** ∂L/∂(last state) in, ∂L/∂(initial state) out, for each state; the first is `shared.dH`. */
  readonly dStates: readonly Buffer[];
  /** Where weight_hh's gradient adds up; null: not wanted. */
  readonly dWeightHh: Buffer | null;
  /** Where a parameter's gradient adds up; scratch that is thrown away where none is wanted. */
  into(parameter: Parameter): Buffer;
  wants(parameter: Parameter | null): boolean;
  /** h_{t−1} ⊙ mask as the recurrent product saw it. [T, B, P] */
  previous(): Buffer;
  /** Memory for the length of the backward. */
  temporary(length: number): Buffer;
}

/**
 * What tells RNN, LSTM and GRU apart: one direction's recurrence. `Layer` is what its kernels take.
 */
export interface Recurrence<Layer extends RecurrentLayer = RecurrentLayer> {
  /** G: gates. */
  readonly gates: number;
  /** Widths of the states. The first is the output's. */
  readonly stateSizes: readonly number[];
  /** Leading elements of bias_hh that simply add to the input's projection. */
  readonly sharedBias: number;
  /** What the recurrence learns beside weight_hh: for the tape. */
  readonly parameters: readonly Parameter[];
  /** Those of them that are factors of a matrix product in every step: what is packed beside weight_hh (packed-weights.ts). */
  readonly otherProducts: readonly Parameter[];
  /** Lengths of the buffers that the forward fills for the backward, beside gates and states. */
  savedSizes(T: number, B: number): Readonly<Record<string, number>>;
  /** The kernel's arguments. */
  describe(pass: Pass, saved: Readonly<Record<string, Buffer>>): Layer;
  forward(backend: Backend, layer: Layer): void;
  /** Turns gates into their gradients, and adds those of weightHh and of `parameters`. */
  backward(backend: Backend, layer: Layer, gradients: PassGradients): void;
}

/** One direction of one layer: its weights and its recurrence. */
export interface Direction {
  /** For messages and the tape: "LSTM". */
  readonly name: string;
  readonly hiddenSize: number;
  readonly reverse: boolean;
  readonly weights: ProjectionWeights;
  readonly weightHh: Parameter; // [G·H, P]
  /** Weight of the layer normalisation of the recurrent product; null: none. */
  readonly normHh: Parameter | null; // [G·H]
  readonly recurrence: Recurrence;
}

/** What is particular to one run of one direction. */
export interface RunOptions {
  /** The initial states, [B, width] each; null: zeros. */
  readonly initial: readonly (Tensor | null)[];
  /** Recurrent dropout's mask [B, P]; null: none. */
  readonly mask: Tensor | null;
  /** Filled by the backward, under this layer and direction. */
  readonly gradientNorms: { readonly into: GradientNorms; readonly layer: number; readonly direction: number } | null;
}

export interface RunResult {
  /** [T, B, P], zero past a sequence's length. */
  readonly output: Tensor;
  /** The state after each sequence's last step, [B, width] each. */
  readonly last: readonly Tensor[];
}

/** The operation: recorded, with its backward, when anything in it learns. */
export function runDirection(direction: Direction, input: LayerInput, sequence: Sequence, options: RunOptions): RunResult {
  const inputs = inputsOf(direction, input, options);
  const isRead = currentWatcher() === null && !needsGrad(inputs);
  return inScope(() =>
    isRead ? inferDirection(direction, input, sequence, options) : new Run(direction, input, sequence, options, inputs).forward(),
  );
}

/** What a gradient may be wanted of. */
function inputsOf({ recurrence, weights, weightHh, normHh }: Direction, input: LayerInput, options: RunOptions): (Tensor | null)[] {
  const { weightIh, biasIh, biasHh, normIh } = weights;
  return [input.rows, weightIh, biasIh, biasHh, normIh, weightHh, normHh, ...recurrence.parameters, ...options.initial];
}

class Run {
  readonly #direction: Direction;
  readonly #backend: Backend;
  readonly #sequence: Sequence;
  readonly #input: LayerInput;
  readonly #options: RunOptions;
  readonly #inputs: readonly (Tensor | null)[];
  /** Freed once the backward has run. */
  readonly #saved: Tensor[] = [];
  readonly #gates: Tensor;
  readonly #states: StateSlots;
  readonly #recurrenceSaved: Readonly<Record<string, Tensor>>;
  readonly #norm: { readonly normalized: Tensor; readonly rstd: Tensor } | null;
  #projection: ReturnType<typeof project> = null;
  /** Who watches, and wants to know of the states' gradients. */
  #receiver: GradientReceiver | null = null;

  constructor(direction: Direction, input: LayerInput, sequence: Sequence, options: RunOptions, inputs: readonly (Tensor | null)[]) {
    const { recurrence, weightHh, normHh } = direction;
    const { T, B } = sequence;
    const F = recurrence.gates * direction.hiddenSize;
    this.#direction = direction;
    this.#backend = weightHh.backend;
    this.#sequence = sequence;
    this.#input = input;
    this.#options = options;
    this.#inputs = inputs;
    this.#gates = this.#save([T, B, F]);
    const sizes = Object.entries(recurrence.savedSizes(T, B));
    this.#recurrenceSaved = Object.fromEntries(sizes.map(([name, length]) => [name, this.#save([length])]));
    this.#norm = normHh === null ? null : { normalized: this.#save([T, B, F]), rstd: this.#save([T, B]) };
    this.#states = new StateSlots(this.#backend, direction, sequence, options.initial);
    if (options.mask !== null) this.#saved.push(options.mask);
  }

  forward(): RunResult {
    const { name, recurrence, weights } = this.#direction;
    const backend = this.#backend;
    this.#projection = project(backend, this.#input, weights, bufferOf(this.#gates), false);
    if (this.#projection !== null) this.#saved.push(this.#projection.normalized, this.#projection.rstd);
    recurrence.forward(backend, this.#describe());
    this.#tellWatcher();

    const { output, last, rest } = this.#states.result();
    this.#saved.push(...rest);
    if (needsGrad(this.#inputs))
      record(name, this.#inputs, [output, ...last], (dOutputs, sink) => this.#backward(dOutputs, sink), this.#saved);
    else for (const x of this.#saved) releaseEarly(x.storage);
    return { output, last };
  }

  #backward([dOutput, ...dLast]: readonly (Tensor | null)[], sink: GradientSink): (Tensor | null)[] {
    const backend = this.#backend;
    const { recurrence, weights, weightHh, normHh, hiddenSize } = this.#direction;
    const { T, B } = this.#sequence;
    const F = recurrence.gates * hiddenSize;
    const temporaries: Tensor[] = [];
    const temporary = (shape: readonly number[]): Tensor => {
      const x = empty(backend, shape);
      temporaries.push(x);
      return x;
    };
    const wants = (parameter: Parameter | null): boolean => parameter !== null && sink.wants(this.#inputs.indexOf(parameter));
    const into = (parameter: Parameter): Buffer =>
      bufferOf(wants(parameter) ? sink.accumulator(this.#inputs.indexOf(parameter)) : temporary(parameter.shape));
    const intoIfWanted = (parameter: Parameter | null): Buffer | null => (parameter !== null && wants(parameter) ? into(parameter) : null);

    const dStates = dLast.map((d, i) => this.#gradientOfLast(d, recurrence.stateSizes[i]));
    const dY = dOutput === null ? null : contiguous(dOutput);
    if (dY !== null && dY !== dOutput) temporaries.push(dY);
    const dHSquares = this.#options.gradientNorms === null && this.#receiver === null ? null : empty(backend, [T, B]);
    recurrence.backward(backend, this.#describe(), {
      shared: {
        dY: dY === null ? null : bufferOf(dY),
        dH: bufferOf(dStates[0]),
        dQ: normHh === null ? null : bufferOf(temporary([T, B, F])),
        dNormWeight: normHh === null ? null : into(normHh),
        dHSquares: dHSquares === null ? null : bufferOf(dHSquares),
      },
      dStates: dStates.map(bufferOf),
      dWeightHh: intoIfWanted(weightHh),
      into,
      wants,
      previous: () => this.#previous(temporary),
      temporary: (length) => bufferOf(temporary([length])),
    });
    for (const x of temporaries) releaseEarly(x.storage);
    sink.releaseGradients(); // dX, as large as dY, comes after it

    const isLookup = this.#input.ids !== null;
    const dInput = sink.wants(0) && !isLookup ? empty(backend, this.#input.rows.shape) : null;
    projectBackward(backend, this.#input, weights, this.#projection, bufferOf(this.#gates), {
      dWeightIh: intoIfWanted(weights.weightIh),
      dBiasIh: intoIfWanted(weights.biasIh),
      dBiasHh: intoIfWanted(weights.biasHh),
      dNormIh: intoIfWanted(weights.normIh),
      dRows: isLookup && sink.wants(0) ? bufferOf(sink.accumulator(0)) : dInput === null ? null : bufferOf(dInput),
    });
    if (dHSquares !== null) {
      this.#receiver?.(new Float64Array(dHSquares.dataSync()));
      const { gradientNorms } = this.#options;
      gradientNorms?.into.set(gradientNorms.layer, gradientNorms.direction, keep(dHSquares));
    }
    const firstState = this.#inputs.length - dStates.length;
    return this.#inputs.map((_, i) => (i === 0 ? dInput : i >= firstState ? dStates[i - firstState] : null));
  }

  #tellWatcher(): void {
    const { name, recurrence, hiddenSize, reverse, weightHh } = this.#direction;
    const { T, B, lengths } = this.#sequence;
    const run = { cell: name, hiddenSize, reverse, parameter: weightHh, T, B, lengths: lengths?.values ?? null };
    const gates = recurrence.gates > 1 ? this.#gates : null;
    this.#receiver = currentWatcher()?.ran({ ...run, gates, input: this.#input, states: this.#states.steps('after') }) ?? null;
  }

  #describe(): RecurrentLayer {
    const { recurrence, weightHh, normHh, hiddenSize, reverse } = this.#direction;
    const { T, B, lengths } = this.#sequence;
    const { mask } = this.#options;
    const saved = Object.fromEntries(Object.entries(this.#recurrenceSaved).map(([name, x]) => [name, bufferOf(x)]));
    return recurrence.describe(
      {
        T,
        B,
        H: hiddenSize,
        reverse,
        lengths: lengths === null ? null : bufferOf(lengths.tensor),
        weightHh: bufferOf(weightHh),
        mask: mask === null ? null : bufferOf(mask),
        norm: this.#norm && {
          weight: bufferOf(normHh!),
          epsilon: normEpsilon,
          normalized: bufferOf(this.#norm.normalized),
          rstd: bufferOf(this.#norm.rstd),
        },
        gates: bufferOf(this.#gates),
        states: this.#states.slots.map(bufferOf),
      },
      saved,
    );
  }

  #save(shape: readonly number[]): Tensor {
    const x = empty(this.#backend, shape);
    this.#saved.push(x);
    return x;
  }

  /** A fresh [B, width] that the kernel may overwrite. */
  #gradientOfLast(d: Tensor | null, width: number): Tensor {
    const gradient = empty(this.#backend, [this.#sequence.B, width]);
    if (d === null) this.#backend.fill(bufferOf(gradient), 0);
    else this.#backend.copy(bufferOf(contiguous(d)), bufferOf(gradient));
    return gradient;
  }

  #previous(temporary: (shape: readonly number[]) => Tensor): Buffer {
    const h = this.#states.steps('before');
    const { mask } = this.#options;
    if (mask === null) return bufferOf(h);
    const product = bufferOf(temporary(h.shape));
    this.#backend.binary('mul', bufferOf(h), bufferOf(mask), product);
    return product;
  }
}

/** dW [rows of a, columns of b] += aᵀ b, summed over `rows` steps; `lda` elements from one row of `a` to the next. */
export function addWeightGradient(
  backend: Backend,
  rows: number,
  a: { readonly buffer: Buffer; readonly columns: number; readonly lda?: number },
  b: { readonly buffer: Buffer; readonly columns: number },
  dW: Buffer,
): void {
  backend.gemm({ M: a.columns, N: b.columns, K: rows, a: a.buffer, transA: true, lda: a.lda, b: b.buffer, c: dW, accumulate: true });
}
