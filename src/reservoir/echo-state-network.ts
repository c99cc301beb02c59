/** Echo state networks: a reservoir that stays as it was drawn, and a linear readout that is solved for. */
import { copyInto } from '../autograd/layout.ts';
import { concat, stack } from '../autograd/ops/concat.ts';
import { select, slice, transpose } from '../autograd/ops/shape.ts';
import { scope } from '../autograd/scope.ts';
import { noGrad } from '../autograd/tape.ts';
import { empty, Tensor, tensor, zeros } from '../autograd/tensor.ts';
import { Linear, requireSizes } from '../nn/linear.ts';
import type { StateDict } from '../nn/module.ts';
import { lengthsOf } from '../nn/sequence.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { formatShape, sameShape } from '../tensor/shape.ts';
import { Reservoir, type ReservoirOptions } from './reservoir.ts';
import { RidgeRegression, type RidgeSolution } from './ridge.ts';

/** How a network is built and its readout solved. */
export interface EchoStateNetworkOptions extends Omit<ReservoirOptions, 'feedbackSize'> {
  /** O: numbers that the readout gives at each step. */
  readonly outputSize: number;
  /** λ of the readout's ridge regression, on the scale of sums over steps. Default 1e-6. */
  readonly ridge?: number;
  /** Whether the readout reads the input beside the states. Default true. */
  readonly readInput?: boolean;
  /** Steps at the beginning of each sequence that the readout does not learn from. Default 100. */
  readonly washout?: number;
  /** Deviation of normal noise inside the tanh while the readout learns: it makes free runs stable. Default 0. */
  readonly noise?: number;
}

/** What a network remembers: h [L, B, H] of its reservoir, and y [B, O], its last output (or what a teacher gave in its place). */
export type EchoState = readonly [h: Tensor, y: Tensor];

/** What a forward or a fit may be told. */
export interface EchoForwardOptions {
  /** True lengths in steps, [B]; T when absent. Past its length a sequence's output is 0 and its state stays. */
  readonly lengths?: ArrayLike<number> | null;
}

/** How a fit went. */
export interface FitResult {
  /** Rows (steps) that the readout was solved from. */
  readonly rows: number;
  /** Root mean squared error of each output on them, as a share of its deviation. [O] */
  readonly nrmse: Float64Array;
  readonly method: RidgeSolution['method'];
  readonly rank: number;
  /** After the last step of each sequence; a free run goes on from here. */
  readonly state: EchoState;
}

/**
 * An echo state network over a whole sequence.
 *
 *   h_t = (1 − a) h_{t−1} + a tanh(W_in x_t + b + W h_{t−1} + W_fb y_{t−1} + noise)
 *   y_t = W_out [h_t; x_t] + c
 *
 * The reservoir's weights are drawn (see Reservoir); `fit` solves for W_out and c by ridge regression over all steps.
 *
 * @example
 * const esn = new EchoStateNetwork({ inputSize: 1, outputSize: 1, hiddenSize: 300, leakRate: 0.3, rng: new Random(1) });
 * const { state } = esn.fit(x, y); // [B, T, 1] each; here y is x one step later
 * const { output } = esn.generate(84, state); // [B, 84, 1]: what follows
 * @see Jaeger & Haas (2004), doi:10.1126/science.1091277; Lukoševičius (2012), doi:10.1007/978-3-642-35289-8_36
 */
export class EchoStateNetwork {
  readonly options: EchoStateNetworkOptions & Required<Pick<EchoStateNetworkOptions, 'ridge' | 'readInput' | 'washout' | 'noise'>>;
  readonly reservoir: Reservoir;
  /** W_out [O, F] and c, as `weight` and `bias`; zeros until `fit`. F is L·H, and I more with readInput. */
  readonly readout: Linear;
  readonly #noise: Random;

  /** @throws ConfigError when an option is out of its range */
  constructor(options: EchoStateNetworkOptions) {
    const { ridge = 1e-6, readInput = true, washout = 100, noise = 0, outputSize, ...drawn } = options;
    requireSizes('EchoStateNetwork', { outputSize });
    if (!(ridge >= 0)) throw new ConfigError(`[EchoStateNetwork] expected ridge of at least 0, received ${ridge}.`);
    if (!(noise >= 0)) throw new ConfigError(`[EchoStateNetwork] expected noise of at least 0, received ${noise}.`);
    if (!Number.isInteger(washout) || washout < 0)
      throw new ConfigError(`[EchoStateNetwork] expected washout to be a whole number of at least 0, received ${washout}.`);
    const rng = options.rng ?? Random.fromEntropy();
    this.options = { ...options, ridge, readInput, washout, noise };
    this.reservoir = new Reservoir({ ...drawn, rng, feedbackSize: outputSize });
    const F = this.reservoir.outputSize + (readInput ? options.inputSize : 0);
    this.readout = new Linear({ inputSize: F, outputSize, rng });
    this.readout.weight.assign(new Float32Array(F * outputSize));
    this.readout.bias?.assign(new Float32Array(outputSize));
    this.#noise = rng.fork('noise');
  }

  /** Whether the output is fed back into the reservoir. */
  get hasFeedback(): boolean {
    return this.reservoir.options.feedbackScaling > 0;
  }

  /**
   * Solves for the readout. With feedback the reservoir is given y_{t−1} while it learns (teacher forcing), 0 before the first.
   *
   * @param x        [B, T, I]
   * @param y        [B, T, O]
   * @param options  state: where the sequences begin; zeros when absent
   * @throws ShapeError when x or y do not fit; ConfigError when washout leaves no step, or a number is not finite
   */
  fit(x: Tensor, y: Tensor, options: EchoForwardOptions & { readonly state?: EchoState | null } = {}): FitResult {
    const ridge = this.regression();
    const state = this.collect(ridge, x, y, options);
    return { ...this.solve(ridge), state };
  }

  /** A regression for this readout, to `collect` rows in: for more sequences than are in memory at once, or for several penalties. */
  regression(): RidgeRegression {
    const { inputSize, outputSize } = this.readout;
    return new RidgeRegression({ features: inputSize, targets: outputSize, backend: this.reservoir.backend });
  }

  /** Runs over sequences and adds their steps, but for the washout, to a regression. Arguments as `fit`. @returns the last state */
  collect(
    ridge: RidgeRegression,
    x: Tensor,
    y: Tensor,
    {
      lengths,
      state,
      washout = this.options.washout,
    }: EchoForwardOptions & { readonly state?: EchoState | null; readonly washout?: number } = {},
  ): EchoState {
    const [B, T] = x.shape;
    const { outputSize } = this.options;
    if (x.rank !== 3 || !sameShape(y.shape, [B, T, outputSize])) {
      throw new ShapeError(
        `[EchoStateNetwork.fit] expected y of shape [${B}, ${T}, ${outputSize}], as x of shape ${formatShape(x.shape)} has steps, received ${formatShape(y.shape)}.`,
      );
    }
    const ends = lengths ? (lengthsOf('EchoStateNetwork.fit', x.backend, lengths, B, T)?.values ?? null) : null;
    const longest = ends === null ? T : Math.max(...ends);
    if (longest <= washout) {
      throw new ConfigError(
        `[EchoStateNetwork.fit] expected sequences of more than ${washout} steps (washout), received at most ${longest}. Lower washout, or give longer ones.`,
      );
    }
    let [h, last] = state ?? this.initialState(B);
    const chunk = Math.max(1, Math.floor(chunkElements / (B * this.reservoir.outputSize)));
    for (let begin = 0; begin < T; begin += chunk) {
      const end = Math.min(T, begin + chunk);
      [h, last] = scope(() => {
        const input = slice(x, 1, begin, end);
        const target = slice(y, 1, begin, end);
        const steps = ends?.map((length) => Math.max(0, Math.min(end, length) - begin));
        const feedback = this.hasFeedback ? shifted(target, last) : null;
        const { deviation, rng } = { deviation: this.options.noise, rng: this.#noise };
        const noise = deviation > 0 ? { deviation, rng } : null;
        const run = this.reservoir.forward(input, h, { lengths: steps ?? null, feedback, noise });
        for (let b = 0; b < B; b++) {
          const from = Math.max(0, washout - begin);
          const to = steps?.[b] ?? end - begin;
          if (from >= to) continue;
          const rows = (part: Tensor) => slice(select(part, 0, b), 0, from, to);
          ridge.add(this.#design([rows(run.output), ...(this.options.readInput ? [rows(input)] : [])], rows(target)));
        }
        return [run.state, lastOf(target, steps ?? null, last)] as const;
      });
    }
    return [h, last];
  }

  /** Solves for the readout from what was collected. @param lambda default: the network's own */
  solve(ridge: RidgeRegression, lambda = this.options.ridge): Omit<FitResult, 'state'> {
    const { weight, bias, method, rank, squaredErrors, squaredDeviations } = ridge.solve(lambda);
    this.readout.weight.assign(weight);
    this.readout.bias?.assign(bias);
    const { rows } = ridge;
    const nrmse = squaredErrors.map((error, o) => Math.sqrt(error / squaredDeviations[o]));
    return { rows, nrmse, method, rank };
  }

  /**
   * With feedback, each output is fed back, or what a teacher gives in its place; without, they are read from all states at once.
   *
   * @param x        [B, T, I]
   * @param state    zeros when absent
   * @param options  teacher: [B, T, O], what is fed back in place of the outputs: a warm-up before a free run
   * @returns        output [B, T, O] and the state after each sequence's last step
   */
  forward(
    x: Tensor,
    state?: EchoState | null,
    { lengths, teacher }: EchoForwardOptions & { readonly teacher?: Tensor | null } = {},
  ): { output: Tensor; state: EchoState } {
    const [B, T] = x.shape;
    if (teacher && !sameShape(teacher.shape, [B, T, this.options.outputSize])) {
      throw new ShapeError(
        `[EchoStateNetwork] expected a teacher of shape ${formatShape([B, T, this.options.outputSize])}, received ${formatShape(teacher.shape)}.`,
      );
    }
    return scope(() =>
      noGrad(() => {
        const [h, y] = state ?? this.initialState(B);
        if (this.hasFeedback && !teacher) return this.#freeRun(x, [h, y], lengths ?? null);
        const feedback = this.hasFeedback && teacher ? shifted(teacher, y) : null;
        const run = this.reservoir.forward(x, h, { lengths: lengths ?? null, feedback });
        const read = this.#read(run.output, x);
        const ends = lengths ? (lengthsOf('EchoStateNetwork', x.backend, lengths, B, T)?.values ?? null) : null;
        const output = ends === null ? read : masked(read, ends);
        return { output, state: [run.state, lastOf(teacher ?? output, ends, y)] };
      }),
    );
  }

  /** One instant: [B, I] in, [B, O] out, and the state to go on with. `forward` over the same inputs gives the same numbers. */
  step(x: Tensor, state?: EchoState | null, { teacher }: { readonly teacher?: Tensor | null } = {}): { output: Tensor; state: EchoState } {
    return scope(() =>
      noGrad(() => {
        const [h, y] = state ?? this.initialState(x.shape[0]);
        const run = this.reservoir.step(x, h, { feedback: this.hasFeedback ? y : null });
        const output = this.readout.forward(this.options.readInput ? concat([run.output, x], -1) : run.output);
        return { output, state: [run.state, teacher ?? output] };
      }),
    );
  }

  /**
   * A free run: without inputs each output is the next input (outputs are as wide as inputs then); with feedback and inputs, outputs
   * are fed back.
   *
   * @param steps    how many
   * @param state    after a warm-up, from `fit` or from `forward`: its y is the first input
   * @param options  x: [B, steps, I], inputs from outside
   * @returns        output [B, steps, O]
   */
  generate(steps: number, state: EchoState, { x }: { readonly x?: Tensor | null } = {}): { output: Tensor; state: EchoState } {
    const { inputSize, outputSize } = this.options;
    if (!Number.isInteger(steps) || steps < 1)
      throw new ConfigError(`[EchoStateNetwork.generate] expected at least 1 step, received ${steps}.`);
    if (x) {
      if (x.shape[1] !== steps)
        throw new ShapeError(`[EchoStateNetwork.generate] expected x of ${steps} steps, received ${formatShape(x.shape)}.`);
      return this.forward(x, state);
    }
    if (inputSize !== outputSize) {
      throw new ConfigError(
        `[EchoStateNetwork.generate] outputs of ${outputSize} numbers cannot be the next inputs, of ${inputSize}. Give the inputs to come as x.`,
      );
    }
    return scope(() => {
      const outputs: Tensor[] = [];
      let current = state;
      for (let t = 0; t < steps; t++) {
        const next = this.step(current[1], current);
        outputs.push(next.output);
        current = next.state;
      }
      return { output: stack(outputs, 1), state: current };
    });
  }

  /** Zeros. */
  initialState(batch: number): EchoState {
    return [this.reservoir.initialState(batch), zeros([batch, this.options.outputSize], { backend: this.reservoir.backend })];
  }

  /** A copy of every weight under its name: `reservoir.…` and `readout.…`. */
  stateDict(): StateDict {
    return new Map([...prefixed('reservoir.', this.reservoir.stateDict()), ...prefixed('readout.', this.readout.stateDict())]);
  }

  /** @throws ConfigError on missing or unexpected names, ShapeError on another shape */
  loadStateDict(state: StateDict): void {
    const part = (prefix: string): StateDict =>
      new Map([...state].flatMap(([name, entry]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), entry] as const] : [])));
    const stray = [...state.keys()].find((name) => !/^(reservoir|readout)\./.test(name));
    if (stray !== undefined) throw new ConfigError(`[EchoStateNetwork.loadStateDict] unexpected tensor "${stray}".`);
    this.reservoir.loadStateDict(part('reservoir.'));
    this.readout.loadStateDict(part('readout.'));
  }

  /** Rows [R, F+1+O] for the regression: features, 1, targets. */
  #design(features: readonly Tensor[], targets: Tensor): Tensor {
    const [R] = targets.shape;
    const { backend } = targets;
    const one = new Tensor(tensor([1], { backend }).storage, [R, 1], [0, 0]);
    const parts = [...features, one, targets];
    const columns = parts.reduce((sum, { shape }) => sum + shape[1], 0);
    const rows = empty(backend, [R, columns]);
    let at = 0;
    for (const part of parts) {
      copyInto(part, new Tensor(rows.storage, part.shape, [columns, 1], at));
      at += part.shape[1];
    }
    return rows;
  }

  /** [B, T, O] from states and inputs. */
  #read(h: Tensor, x: Tensor): Tensor {
    return this.readout.forward(this.options.readInput ? concat([h, x], -1) : h);
  }

  #freeRun(x: Tensor, state: EchoState, lengths: ArrayLike<number> | null): { output: Tensor; state: EchoState } {
    const [B, T] = x.shape;
    const ends = lengths === null ? null : (lengthsOf('EchoStateNetwork', x.backend, lengths, B, T)?.values ?? null);
    const outputs: Tensor[] = [];
    let [h, y] = state;
    for (let t = 0; t < T; t++) {
      const input = slice(x, 1, t, t + 1);
      const isActive = ends === null ? null : Int32Array.from(ends, (end) => (t < end ? 1 : 0));
      const run = this.reservoir.forward(input, h, { feedback: transpose(stack([y], 0), 0, 1), lengths: isActive });
      const read = this.#read(run.output, input);
      const output = isActive === null ? read : masked(read, isActive);
      outputs.push(select(output, 1, 0));
      h = run.state;
      y = lastOf(output, isActive, y);
    }
    return { output: stack(outputs, 1), state: [h, y] };
  }
}

/** Of states, at most so many at once: 64 MB of them. */
const chunkElements = 2 ** 24;

/** y_{t−1} at each step: [B, T, O] one step later, `first` [B, O] before it. */
function shifted(y: Tensor, first: Tensor): Tensor {
  const before = transpose(stack([first], 0), 0, 1); // [B, 1, O]
  return y.shape[1] === 1 ? before : concat([before, slice(y, 1, 0, y.shape[1] - 1)], 1);
}

/** [B, O]: each sequence's last y, or what was before where a sequence has no step. */
function lastOf(y: Tensor, lengths: Int32Array | null, before: Tensor): Tensor {
  if (lengths === null) return select(y, 1, y.shape[1] - 1);
  return stack(
    Array.from(lengths, (length, b) => (length === 0 ? select(before, 0, b) : select(select(y, 0, b), 0, length - 1))),
    0,
  );
}

/** 0 past each sequence's length. */
function masked(y: Tensor, lengths: Int32Array): Tensor {
  const [B, T, O] = y.shape;
  const values = y.dataSync();
  for (let b = 0; b < B; b++) values.fill(0, (b * T + lengths[b]) * O, (b + 1) * T * O);
  return tensor(values, { shape: y.shape, backend: y.backend });
}

function prefixed(
  prefix: string,
  state: StateDict,
): [string, { shape: readonly number[]; values: Float32Array | Float64Array | Int32Array }][] {
  return [...state].map(([name, entry]) => [prefix + name, entry]);
}
