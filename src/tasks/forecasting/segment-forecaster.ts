/** Forecasts all steps at once, from segments of a window. */
import { add } from '../../autograd/ops/binary.ts';
import { concat } from '../../autograd/ops/concat.ts';
import { dropout } from '../../autograd/ops/dropout.ts';
import { relu } from '../../autograd/ops/elementwise.ts';
import { broadcastTo, reshape, slice, unsqueeze } from '../../autograd/ops/shape.ts';
import { inScope } from '../../autograd/scope.ts';
import { type Parameter, type Tensor, zeros } from '../../autograd/tensor.ts';
import type { GRU } from '../../nn/gru.ts';
import { normal } from '../../nn/initializers.ts';
import { Linear } from '../../nn/linear.ts';
import { LSTM } from '../../nn/lstm.ts';
import type { RNN } from '../../nn/rnn.ts';
import { Forecaster, type ForecasterOptions, recurrentLayers, SeriesVectors, stepsOf, targetsOf } from './model.ts';
import type { WindowBatch } from './windows.ts';

/**
 * A recurrent network over the segments of a window, w steps each, and one more step of it for every segment of the horizon, all
 * from the state after the window and told apart by a learnt vector: nothing is fed back, so no error grows.
 *
 *   xᵢ = relu(W [y, covariates] of segment i + b)         h = rnn(x₁ … xₙ)
 *   sⱼ = positionⱼ + series + U (known of segment j)      ŷ of segment j = V dropout(rnn(sⱼ | h)) + c
 *
 * Each series is forecast by itself, with the weights of all. Parameters: `segments` W, b; `rnn.…` as PyTorch's; `position`
 * [m, H]; `series.…`; `future` U; `head` V, c.
 *
 * @see Lin et al. (2023), SegRNN, arXiv:2308.11200, which sets position and series side by side where we add them
 */
export class SegmentForecaster extends Forecaster {
  readonly segments: Linear;
  readonly rnn: LSTM | GRU | RNN;
  readonly position: Parameter; // [m, H]
  readonly series: SeriesVectors;
  readonly future: Linear | null;
  readonly head: Linear;

  constructor(options: ForecasterOptions) {
    super(options);
    const { segmentLength: w, hiddenSize, numLayers, knownSize, pastSize, hasMask, seriesCount, staticSize, cell } = options;
    const { rng } = this;
    const features = 1 + (hasMask ? 1 : 0) + pastSize + knownSize;
    this.segments = this.child('segments', new Linear({ inputSize: w * features, outputSize: hiddenSize, rng }));
    this.rnn = this.child('rnn', recurrentLayers(cell, { inputSize: hiddenSize, hiddenSize, numLayers, dropout: options.dropout, rng }));
    this.position = this.parameter('position', [this.#ahead, hiddenSize], (values) => normal(values, 1, rng));
    this.series = this.child('series', new SeriesVectors({ seriesCount, staticSize, size: hiddenSize, rng }));
    this.future =
      knownSize > 0 ? this.child('future', new Linear({ inputSize: w * knownSize, outputSize: hiddenSize, bias: false, rng })) : null;
    this.head = this.child('head', new Linear({ inputSize: hiddenSize, outputSize: w * this.output.size, rng }));
  }

  get history(): number {
    return this.architecture.context;
  }

  /** m: segments of the horizon, the last of which may reach beyond it. */
  get #ahead(): number {
    return Math.ceil(this.architecture.horizon / this.architecture.segmentLength);
  }

  /** @returns outputs of the steps ahead, [B, H, P] */
  forward(batch: WindowBatch): Tensor {
    return inScope(() => {
      const { hiddenSize, segmentLength: w, horizon, numLayers, knownSize } = this.architecture;
      const { size: B } = batch;
      const m = this.#ahead;
      const known = knownSize > 0 ? stepsOf(batch.known, this, [B, batch.context + horizon, knownSize]) : null;
      const state = this.#encode(batch, known);
      const perSegment = (x: Tensor): Tensor =>
        reshape(broadcastTo(unsqueeze(x, 2), [numLayers, B, m, hiddenSize]), [numLayers, B * m, hiddenSize]);
      const rows = reshape(this.#queries(batch, known), [B * m, 1, hiddenSize]);
      const { output } =
        this.rnn instanceof LSTM
          ? this.rnn.forward(rows, [perSegment(state[0]), perSegment(state[1])])
          : this.rnn.forward(rows, perSegment(state[0]));
      const { dropout: p } = this.architecture;
      const read = this.isTraining && p > 0 ? dropout(output, p, this.rng) : output;
      const ahead = reshape(this.head.forward(read), [B, m * w, this.output.size]);
      return m * w === horizon ? ahead : slice(ahead, 1, 0, horizon);
    });
  }

  loss(batch: WindowBatch): Tensor {
    return this.output.loss(this.forward(batch), targetsOf(batch));
  }

  /** The state after the window: [h] or [h, c], each [layers, B, H]. */
  #encode(batch: WindowBatch, known: Tensor | null): readonly Tensor[] {
    const { segmentLength: w, hasMask, context } = this.architecture;
    const { size: B, context: L, values, observed, past } = batch;
    const n = Math.floor(context / w);
    const steps = (of: Float32Array): Tensor => stepsOf(of, this, [B, L, of.length / (B * L)]);
    // The newest steps fill whole segments; what is left over at the beginning is not read.
    const inSegments = (x: Tensor): Tensor => {
      const recent = n * w === x.shape[1] ? x : slice(x, 1, L - n * w, L);
      return reshape(recent, [B, n, w * x.shape[2]]);
    };
    const parts = [inSegments(steps(values))];
    if (hasMask) parts.push(inSegments(steps(observed)));
    if (past.length > 0) parts.push(inSegments(steps(past)));
    if (known !== null) parts.push(inSegments(known));
    const x = relu(this.segments.forward(parts.length === 1 ? parts[0] : concat(parts, 2)));
    const { state } = this.rnn.forward(x);
    return Array.isArray(state) ? (state as readonly Tensor[]) : [state as Tensor];
  }

  /** What is asked for each segment ahead, [B, m, H]. */
  #queries(batch: WindowBatch, known: Tensor | null): Tensor {
    const { hiddenSize, segmentLength: w } = this.architecture;
    const { size: B, context: L, horizon } = batch;
    const m = this.#ahead;
    const series = this.series.forward(batch);
    const queries = series === null ? broadcastTo(this.position, [B, m, hiddenSize]) : add(unsqueeze(series, 1), this.position);
    if (this.future === null || known === null) return queries;
    const K = known.shape[2];
    const ahead = slice(known, 1, L, L + horizon);
    // The last segment may reach beyond the horizon.
    const whole = m * w === horizon ? ahead : concat([ahead, zeros([B, m * w - horizon, K], { backend: this.backend })], 1);
    return add(queries, this.future.forward(reshape(whole, [B, m, w * K])));
  }
}
