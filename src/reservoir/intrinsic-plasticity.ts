/** Intrinsic plasticity: units learn a gain and a bias of their own, so that what they put out has the distribution wanted of it. */
import type { Tensor } from '../autograd/tensor.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { formatShape } from '../tensor/shape.ts';
import type { Reservoir } from './reservoir.ts';
import { multiply } from './sparse-matrix.ts';

/** What the units are to become. */
export interface IntrinsicPlasticityOptions {
  /** μ of the normal distribution that outputs are to have. Default 0. */
  readonly mean?: number;
  /** σ of it. Default 0.2. */
  readonly deviation?: number;
  /** η. Default 0.0005. */
  readonly learningRate?: number;
  /** Passes over the sequences. Default 5. */
  readonly epochs?: number;
}

/**
 * Adapts the units of a reservoir to its inputs, layer by layer, without targets: each is tanh(g·u + s), u being what it sums up, and
 * g and s go down the Kullback-Leibler distance of its output from a normal distribution:
 *
 *   Δs = −η (−μ/σ² + (y/σ²)(2σ² + 1 − y² + μ y)) ;   Δg = η/g + Δs·u
 *
 * Gains are then taken on by W, W_in and W_fb, shifts by the bias: the reservoir stays one. Its spectral radius changes with them.
 *
 * @param x  [B, T, I]; sequences one after another, each from zeros
 * @returns  gains and shifts of each layer, and the mean and deviation of its units' outputs in the last pass
 * @throws ShapeError when x's last axis is not inputSize; ConfigError when an option is out of its range, or the reservoir has feedback
 * @see Schrauwen, Wardermann, Verstraeten, Steil & Stroobandt (2008), doi:10.1016/j.neucom.2007.12.020 (equations 13-14); Steil
 *      (2007), doi:10.1016/j.neunet.2007.04.011
 */
export function adaptIntrinsically(
  reservoir: Reservoir,
  x: Tensor,
  options: IntrinsicPlasticityOptions = {},
): { readonly gain: Float64Array; readonly shift: Float64Array; readonly mean: number; readonly deviation: number }[] {
  const { mean = 0, deviation = 0.2, learningRate = 0.0005, epochs = 5 } = options;
  const { inputSize, hiddenSize: H, numLayers, arrangement, feedbackScaling } = reservoir.options;
  if (x.rank !== 3 || x.shape[2] !== inputSize)
    throw new ShapeError(`[adaptIntrinsically] expected x of shape [B, T, ${inputSize}], received ${formatShape(x.shape)}.`);
  if (feedbackScaling !== 0) throw new ConfigError('[adaptIntrinsically] expected a reservoir without feedback, whose inputs are known.');
  for (const [name, value] of Object.entries({ deviation, learningRate, epochs }))
    if (!(value > 0)) throw new ConfigError(`[adaptIntrinsically] expected ${name} above 0, received ${value}.`);
  const [B, T] = x.shape;
  const inputs = Float64Array.from(x.dataSync());
  /** What a deep layer reads, [B, T, width]: the layer below it, once that is adapted. */
  let below = inputs;
  return Array.from({ length: numLayers }, (_, l) => {
    const isFirst = l === 0 || arrangement === 'parallel';
    const read = isFirst ? inputs : below;
    const width = isFirst ? inputSize : H;
    const layer = reservoir.layerWeights(l);
    const leakRate = reservoir.options.leakRate[l];
    const gain = new Float64Array(H).fill(1);
    const shift = new Float64Array(H);
    const statistics = { sum: 0, squares: 0, count: 0 };
    const outputs = new Float64Array(B * T * H);
    const fed = new Float64Array(H);
    const run = (learns: boolean, isLast: boolean) => {
      for (let b = 0; b < B; b++) {
        const h = new Float64Array(H);
        for (let t = 0; t < T; t++) {
          multiply(layer.weightHh, h, fed);
          for (let i = 0; i < H; i++) {
            let u = fed[i] + layer.bias[i];
            for (let j = 0; j < width; j++) u += layer.weightIh[i * width + j] * read[(b * T + t) * width + j];
            const y = Math.tanh(gain[i] * u + shift[i]);
            h[i] += leakRate * (y - h[i]);
            if (isLast) {
              statistics.sum += y;
              statistics.squares += y * y;
              statistics.count++;
            }
            if (!learns) continue;
            const variance = deviation ** 2;
            const step = -learningRate * (-mean / variance + (y / variance) * (2 * variance + 1 - y * y + mean * y));
            shift[i] += step;
            gain[i] += learningRate / gain[i] + step * u;
          }
          outputs.set(h, (b * T + t) * H);
        }
      }
    };
    for (let epoch = 0; epoch < epochs; epoch++) run(true, false);
    run(false, true); // with the gains as they will be
    reservoir.adapt(l, gain, shift);
    below = outputs;
    const average = statistics.sum / statistics.count;
    return { gain, shift, mean: average, deviation: Math.sqrt(statistics.squares / statistics.count - average ** 2) };
  });
}
