/** Forecasts one step after another: a recurrent network that says how each value is distributed, given those before it. */
import { concat } from '../../autograd/ops/concat.ts';
import { dropout } from '../../autograd/ops/dropout.ts';
import { broadcastTo, unsqueeze } from '../../autograd/ops/shape.ts';
import { inScope, scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import type { GRU } from '../../nn/gru.ts';
import { Linear } from '../../nn/linear.ts';
import type { LSTM } from '../../nn/lstm.ts';
import type { Floats, RecurrentStream } from '../../nn/recurrent-stream.ts';
import type { RNN } from '../../nn/rnn.ts';
import type { Random } from '../../tensor/random.ts';
import { Forecaster, type ForecasterOptions, recurrentLayers, SeriesVectors, stepsOf } from './model.ts';
import { drawable, type Targets } from './outputs.ts';
import { Empirical, type Predictive } from './predictive.ts';
import type { WindowBatch } from './windows.ts';

/** Numbers in a series' vector, at most; as in DeepAR's experiments. */
const vectorSize = 20;

/**
 * A recurrent network over a series without end:
 *
 *   hₜ = rnn([yₜ₋₁, yₜ₋ₗ for each lag l, known of step t, series])     yₜ ~ distribution(V hₜ + b)
 *
 * It learns by likelihood from the values that were; it forecasts by drawing yₜ and reading what it drew, many times. Parameters:
 * `rnn.…` as PyTorch's, `series.…`, `head` V, b.
 *
 * @see Salinas, Flunkert, Gasthaus & Januschowski (2020), DeepAR, arXiv:1704.04110
 */
export class AutoregressiveForecaster extends Forecaster {
  readonly rnn: LSTM | GRU | RNN;
  readonly series: SeriesVectors;
  readonly head: Linear;
  /** Features of a step that are not of the series as a whole. */
  readonly stepSize: number;
  readonly #vectorSize: number;

  constructor(options: ForecasterOptions) {
    super(options);
    const { cell, hiddenSize, numLayers, knownSize, hasMask, seriesCount, staticSize, lags } = options;
    const { rng } = this;
    const isTold = seriesCount > 0 || staticSize > 0;
    this.#vectorSize = isTold ? Math.min(vectorSize, Math.max(2, seriesCount, staticSize)) : 0;
    this.stepSize = 1 + lags.length + (hasMask ? 1 : 0) + knownSize;
    const inputSize = this.stepSize + this.#vectorSize;
    this.rnn = this.child('rnn', recurrentLayers(cell, { inputSize, hiddenSize, numLayers, dropout: options.dropout, rng }));
    this.series = this.child('series', new SeriesVectors({ seriesCount, staticSize, size: Math.max(1, this.#vectorSize), rng }));
    this.head = this.child('head', new Linear({ inputSize: hiddenSize, outputSize: this.output.size, rng }));
  }

  /** The furthest step that is looked back to. */
  get reach(): number {
    return Math.max(1, ...this.architecture.lags);
  }

  get history(): number {
    return this.architecture.context + this.reach;
  }

  /** The mean negative log-likelihood of all values after the first `reach`, history and horizon alike. */
  loss(batch: WindowBatch): Tensor {
    const { size: B, context: L, horizon: H, shift, scale, windowScale } = batch;
    const N = L + H - this.reach;
    const values = new Float32Array(B * N);
    const weights = new Float32Array(B * N);
    for (let b = 0; b < B; b++) {
      values.set(batch.values.subarray(b * L + this.reach, (b + 1) * L), b * N);
      values.set(batch.targets.subarray(b * H, (b + 1) * H), b * N + N - H);
      weights.set(batch.observed.subarray(b * L + this.reach, (b + 1) * L), b * N);
      weights.set(batch.targetsObserved.subarray(b * H, (b + 1) * H), b * N + N - H);
    }
    const targets: Targets = { batchSize: B, length: N, values, weights, shift, scale, windowScale };
    return inScope(() => this.output.loss(this.forward(batch), targets));
  }

  /** @returns outputs of all steps after the first `reach`, given the values before each: [B, L + H − reach, P] */
  forward(batch: WindowBatch): Tensor {
    return inScope(() => {
      const { output } = this.#run(batch, batch.context + batch.horizon - this.reach);
      const { dropout: p } = this.architecture;
      return this.head.forward(this.isTraining && p > 0 ? dropout(output, p, this.rng) : output);
    });
  }

  /**
   * Distributions of each step ahead, by drawing.
   *
   * @param rng  for the draws
   * @returns    [B][H]
   */
  forecast(batch: WindowBatch, { samples: S, rng }: { readonly samples: number; readonly rng: Random }): Predictive[][] {
    const { size: B, context: L, horizon: H, shift, scale } = batch;
    const rows = B * S;
    const stream = this.#streamOf(rows);
    stream.state = repeated(this.#stateAfter(batch), S, this.architecture.numLayers, B);
    const vectors = this.vectorsOf(batch);
    const paths = new Float64Array(rows * H);
    const { reach, stepSize } = this;
    const width = stepSize + this.#vectorSize;
    const inputs = new Float32Array(rows * width);
    // What each path has behind it: the last `reach` steps.
    const past = new Float32Array(rows * (reach + H));
    for (let row = 0; row < rows; row++) {
      const b = Math.floor(row / S);
      past.set(batch.values.subarray((b + 1) * L - reach, (b + 1) * L), row * (reach + H));
      if (this.#vectorSize > 0) inputs.set(vectors!.subarray(b * this.#vectorSize, (b + 1) * this.#vectorSize), row * width + stepSize);
    }
    for (let h = 0; h < H; h++) {
      for (let row = 0; row < rows; row++) {
        const b = Math.floor(row / S);
        const observed = h === 0 ? batch.observed[(b + 1) * L - 1] : 1;
        this.writeStep(inputs, row * width, past, row * (reach + H) + reach + h, observed, batch.known, knownAt(batch, b, L + h));
      }
      const raw = this.read(stream.step(inputs), rows);
      for (let row = 0; row < rows; row++) {
        const b = Math.floor(row / S);
        const value = drawable(this.output.read(raw, row * this.output.size, shift[b], scale[b])).sample(rng);
        paths[h * rows + row] = value;
        past[row * (reach + H) + reach + h] = (value - shift[b]) / scale[b];
      }
    }
    return Array.from({ length: B }, (_, b) =>
      Array.from({ length: H }, (__, h) => new Empirical(paths.slice(h * rows + b * S, h * rows + (b + 1) * S))),
    );
  }

  /** Outputs of one instant, from the network's. @param hidden [rows, H] */
  read(hidden: Floats, rows: number): Floats {
    return scope(() =>
      noGrad(() => this.head.forward(tensor(hidden, { shape: [rows, hidden.length / rows], backend: this.backend })).dataSync() as Floats),
    );
  }

  /** Vectors of the series of a batch, [B, E]; null: there are none. */
  vectorsOf(batch: Pick<WindowBatch, 'series' | 'statics' | 'size'>): Float32Array | null {
    return scope(() => noGrad(() => (this.series.forward(batch)?.dataSync() as Float32Array | undefined) ?? null));
  }

  /** Reads the steps `reach` … reach + count − 1 of history and horizon. */
  #run(batch: WindowBatch, count: number): { output: Tensor; state: Tensor | readonly Tensor[] } {
    const { size: B, context: L, horizon: H } = batch;
    const { reach, stepSize } = this;
    const inputs = new Float32Array(B * count * stepSize);
    const row = new Float32Array(L + H);
    for (let b = 0; b < B; b++) {
      row.set(batch.values.subarray(b * L, (b + 1) * L));
      row.set(batch.targets.subarray(b * H, (b + 1) * H), L);
      for (let i = 0; i < count; i++) {
        const t = reach + i;
        const before = t - 1;
        const observed = before < L ? batch.observed[b * L + before] : batch.targetsObserved[b * H + before - L];
        this.writeStep(inputs, (b * count + i) * stepSize, row, t, observed, batch.known, knownAt(batch, b, t));
      }
    }
    const steps = stepsOf(inputs, this, [B, count, stepSize]);
    const vectors = this.series.forward(batch);
    const x = vectors === null ? steps : concat([steps, broadcastTo(unsqueeze(vectors, 1), [B, count, this.#vectorSize])], 2);
    return this.rnn.forward(x);
  }

  /**
   * Features of one step into `out` at `at`: the value before, the lags, whether the value before was there, what is known.
   *
   * @param values    of the series; `values[t]` is the one to be explained
   * @param observed  1, or 0 when `values[t − 1]` stands for a missing one
   * @param known     numbers that hold what is known of the step, from `knownAt` on
   */
  writeStep(out: Float32Array, at: number, values: Float32Array, t: number, observed: number, known: Float32Array, knownAt: number): void {
    const { lags, hasMask, knownSize } = this.architecture;
    let next = at;
    out[next++] = values[t - 1];
    for (const lag of lags) out[next++] = values[t - lag];
    if (hasMask) out[next++] = observed;
    for (let k = 0; k < knownSize; k++) out[next++] = known[knownAt + k];
  }

  /** The state before the first step ahead: [h] or [h, c], each [layers, B, H]. */
  #stateAfter(batch: WindowBatch): Floats[] {
    return scope(() =>
      noGrad(() => {
        const { state } = this.#run(batch, batch.context - this.reach);
        return (Array.isArray(state) ? state : [state as Tensor]).map((s: Tensor) => s.dataSync() as Floats);
      }),
    );
  }

  #stream: RecurrentStream | null = null;

  #streamOf(batch: number): RecurrentStream {
    if (this.#stream?.batch !== batch) this.#stream = this.rnn.stream({ batch });
    return this.#stream;
  }
}

/** Where what is known of a step begins in a batch. */
function knownAt({ context, horizon, size, known }: WindowBatch, b: number, step: number): number {
  const N = context + horizon;
  return (b * N + step) * (known.length / (size * N));
}

/** Each of B rows S times, in [layers, B, width]. */
function repeated(state: readonly Floats[], S: number, layers: number, B: number): Floats[] {
  return state.map((values) => {
    const width = values.length / (layers * B);
    const out = new Float32Array(values.length * S);
    for (let row = 0; row < layers * B; row++) {
      for (let s = 0; s < S; s++) out.set(values.subarray(row * width, (row + 1) * width), (row * S + s) * width);
    }
    return out;
  });
}
