/** Forecasts all steps at once, from the last state of a recurrent network that reads a window step by step. */
import { concat } from '../../autograd/ops/concat.ts';
import { dropout } from '../../autograd/ops/dropout.ts';
import { relu } from '../../autograd/ops/elementwise.ts';
import { reshape, select } from '../../autograd/ops/shape.ts';
import { inScope } from '../../autograd/scope.ts';
import type { Tensor } from '../../autograd/tensor.ts';
import type { GRU } from '../../nn/gru.ts';
import { Linear } from '../../nn/linear.ts';
import type { LSTM } from '../../nn/lstm.ts';
import type { RNN } from '../../nn/rnn.ts';
import { Forecaster, type ForecasterOptions, recurrentLayers, SeriesVectors, stepsOf, targetsOf } from './model.ts';
import type { WindowBatch } from './windows.ts';

/** Numbers that the last state says of each step ahead, before what is known of the step is added. */
const contextSize = 16;

/**
 * A recurrent network over a window, and a head that turns its last state into all steps ahead:
 *
 *   h = rnn([y, covariates])     c₁ … c_H = relu(W [h, series] + b)     ŷⱼ = V [cⱼ, known of step j] + d
 *
 * Parameters: `rnn.…` as PyTorch's, `series.…`, `context` W, b; `head` V, d.
 *
 * @see Wen et al. (2017), MQ-RNN, arXiv:1711.11053
 */
export class EncoderForecaster extends Forecaster {
  readonly rnn: LSTM | GRU | RNN;
  readonly series: SeriesVectors;
  readonly context: Linear;
  readonly head: Linear;

  constructor(options: ForecasterOptions) {
    super(options);
    const { cell, hiddenSize, numLayers, knownSize, pastSize, hasMask, horizon, seriesCount, staticSize } = options;
    const { rng } = this;
    const inputSize = 1 + (hasMask ? 1 : 0) + pastSize + knownSize;
    const isTold = seriesCount > 0 || staticSize > 0;
    this.rnn = this.child('rnn', recurrentLayers(cell, { inputSize, hiddenSize, numLayers, dropout: options.dropout, rng }));
    this.series = this.child('series', new SeriesVectors({ seriesCount, staticSize, size: hiddenSize, rng }));
    const stateSize = isTold ? 2 * hiddenSize : hiddenSize;
    this.context = this.child('context', new Linear({ inputSize: stateSize, outputSize: horizon * contextSize, rng }));
    this.head = this.child('head', new Linear({ inputSize: contextSize + knownSize, outputSize: this.output.size, rng }));
  }

  get history(): number {
    return this.architecture.context;
  }

  /** @returns outputs of the steps ahead, [B, H, P] */
  forward(batch: WindowBatch): Tensor {
    return inScope(() => {
      const { hasMask, knownSize, dropout: p } = this.architecture;
      const { size: B, context: L, horizon, values, observed, past, known } = batch;
      const inputs = [stepsOf(values, this, [B, L, 1])];
      if (hasMask) inputs.push(stepsOf(observed, this, [B, L, 1]));
      if (past.length > 0) inputs.push(stepsOf(past, this, [B, L, past.length / (B * L)]));
      if (knownSize > 0) inputs.push(stepsOf(part(known, B, L + horizon, 0, L), this, [B, L, knownSize]));
      const { output } = this.rnn.forward(inputs.length === 1 ? inputs[0] : concat(inputs, 2));
      const last = select(output, 1, -1);
      const read = this.isTraining && p > 0 ? dropout(last, p, this.rng) : last;
      const series = this.series.forward(batch);
      const context = relu(this.context.forward(series === null ? read : concat([read, series], 1)));
      const ahead = reshape(context, [B, horizon, contextSize]);
      if (knownSize === 0) return this.head.forward(ahead);
      return this.head.forward(concat([ahead, stepsOf(part(known, B, L + horizon, L, horizon), this, [B, horizon, knownSize])], 2));
    });
  }

  loss(batch: WindowBatch): Tensor {
    return this.output.loss(this.forward(batch), targetsOf(batch));
  }
}

/** Steps begin … begin + count − 1 of [B, N, width]. */
function part(values: Float32Array, B: number, N: number, begin: number, count: number): Float32Array {
  const width = values.length / (B * N);
  const steps = new Float32Array(B * count * width);
  for (let b = 0; b < B; b++) {
    steps.set(values.subarray((b * N + begin) * width, (b * N + begin + count) * width), b * count * width);
  }
  return steps;
}
