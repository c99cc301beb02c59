/** Reservoirs: recurrent layers whose weights are drawn once and stay. What learns is a readout (echo-state-network.ts). */

import { add, mul } from '../autograd/ops/binary.ts';
import { concat, stack } from '../autograd/ops/concat.ts';
import { linear } from '../autograd/ops/matmul.ts';
import { select, sliceView, transpose, unsqueeze } from '../autograd/ops/shape.ts';
import { inScope } from '../autograd/scope.ts';
import { needsGrad } from '../autograd/tape.ts';
import { bufferOf, empty, type Tensor, tensor, zeros } from '../autograd/tensor.ts';
import type { Backend, ReservoirMatrix } from '../backend/backend.ts';
import { getBackend } from '../backend/select.ts';
import { requireSizes } from '../nn/linear.ts';
import type { StateDict } from '../nn/module.ts';
import { type Sequence, sequenceOf, timeMajor } from '../nn/sequence.ts';
import { ConfigError, ShapeError, unknownName } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { formatShape, type Shape, sameShape, type TypedArray } from '../tensor/shape.ts';
import { randomMatrix, type SquareMatrix } from './sparse-matrix.ts';
import { spectralRadius } from './spectral-radius.ts';

/** How a reservoir's layers lie: each reading the one below it, or side by side, each reading the input. */
export const arrangements = ['deep', 'parallel'] as const;

/** How a reservoir is drawn. */
export interface ReservoirOptions {
  readonly inputSize: number;
  /** H: units of each layer. */
  readonly hiddenSize: number;
  /** L. Default 1. */
  readonly numLayers?: number;
  /** Of more than one layer: each reads the one below ('deep', default), or all of them read the input ('parallel'). */
  readonly arrangement?: (typeof arrangements)[number];
  /** ρ: largest |eigenvalue| that W is scaled to. Of each layer, or one for all. Default 0.9. */
  readonly spectralRadius?: number | readonly number[];
  /** a in (0, 1]: what a step takes on of the new. Of each layer, or one for all. Default 1. */
  readonly leakRate?: number | readonly number[];
  /** W_in is uniform in ± this. Default 1. */
  readonly inputScaling?: number;
  /** The same for what a deep layer reads of the one below. Default inputScaling. */
  readonly interScaling?: number;
  /** b is uniform in ± this. Default 0.2. */
  readonly biasScaling?: number;
  /** W_fb is uniform in ± this; 0 (default): nothing is fed back. */
  readonly feedbackScaling?: number;
  /** Width of what is fed back; needed when feedbackScaling is not 0. */
  readonly feedbackSize?: number;
  /** Share of W's entries that are not 0, in (0, 1]. Default 0.1; every unit reads another at least. */
  readonly density?: number;
  /** The same for W_in and W_fb. Default 1. */
  readonly inputDensity?: number;
  /** For the weights; default: different each time. */
  readonly rng?: Random;
}

/** What a forward may be told. */
export interface ReservoirForwardOptions {
  /** True lengths in steps, [B]; T when absent. Past its length a sequence's output is 0 and its state stays. */
  readonly lengths?: ArrayLike<number> | null;
  /** Fed back at each step, y_{t−1}: [B, T, O]. Zeros when absent. */
  readonly feedback?: Tensor | null;
  /** Normal noise of this deviation inside the tanh, drawn from rng. Absent: none. */
  readonly noise?: { readonly deviation: number; readonly rng: Random } | null;
}

/** One layer: its weights in the backend's memory. */
interface ReservoirLayer {
  readonly weightIh: Tensor; // [H, I]
  readonly bias: Tensor; // [H]
  readonly weightFb: Tensor | null; // [H, O]
  readonly leakRate: Tensor; // [H]
  readonly matrix: MatrixTensors;
}

type MatrixTensors =
  | { readonly kind: 'dense'; readonly values: Tensor }
  | { readonly kind: 'sparse'; readonly rowStarts: Tensor; readonly columns: Tensor; readonly values: Tensor };

/**
 * A reservoir of leaky integrators over a whole sequence.
 *
 *   h_t = (1 − a) h_{t−1} + a tanh(W_in x_t + b + W h_{t−1} + W_fb y_{t−1} + noise)
 *
 * All weights are drawn from `rng` and stay as they are; W is scaled to a spectral radius. Nothing here is learnt by gradients, so
 * this is no Module: put it in a field of one, and give what comes out of it to layers that learn.
 *
 * Weights of layer k, in `stateDict`: `weight_ih_lk` [H, I], `bias_lk` [H], `leak_rate_lk` [H], `weight_fb_lk` [H, O]; `weight_hh_lk` [H, H], or when it is
 * sparse its `.crow_indices` [H+1], `.col_indices` and `.values` [entries], as torch.sparse_csr_tensor has them.
 *
 * @example
 * const reservoir = new Reservoir({ inputSize: 3, hiddenSize: 500, leakRate: 0.3, rng: new Random(1) });
 * const { output, state } = reservoir.forward(x); // [B, T, 500], [1, B, 500]
 * @see Jaeger (2001), GMD report 148; Lukoševičius (2012), doi:10.1007/978-3-642-35289-8_36. Deep: Gallicchio, Micheli &
 *      Pedrelli (2017), doi:10.1016/j.neucom.2016.12.089; parallel: Pathak et al. (2018), doi:10.1103/PhysRevLett.120.024102
 */
export class Reservoir {
  readonly options: Required<Omit<ReservoirOptions, 'rng' | 'spectralRadius' | 'leakRate'>> & {
    readonly spectralRadius: readonly number[];
    readonly leakRate: readonly number[];
  };
  /** Width of the output: that of all layers together, L·H. */
  readonly outputSize: number;
  readonly backend: Backend = getBackend();
  readonly #layers: ReservoirLayer[];

  /** @throws ConfigError when an option is out of its range */
  constructor(options: ReservoirOptions) {
    this.options = complete(options);
    const { numLayers, hiddenSize } = this.options;
    this.outputSize = numLayers * hiddenSize;
    const rng = options.rng ?? Random.fromEntropy();
    this.#layers = Array.from({ length: numLayers }, (_, l) => this.#draw(l, rng));
  }

  /**
   * @param x      [B, T, I]
   * @param state  [L, B, H]; zeros when absent
   * @returns      output [B, T, L·H], all layers' h side by side, and the state after each sequence's last step
   * @throws ShapeError   when x's last axis is not inputSize, or lengths, state or feedback do not fit
   * @throws ConfigError  when x has a gradient to be computed: none passes a reservoir. Give x.detach().
   */
  forward(x: Tensor, state?: Tensor | null, options: ReservoirForwardOptions = {}): { output: Tensor; state: Tensor } {
    const { inputSize, arrangement } = this.options;
    const sequence = sequenceOf('Reservoir', this.backend, x.shape, inputSize, options.lengths, true);
    this.#check(x, state ?? null, options, sequence);
    return inScope(() => {
      const { T, lengths } = sequence;
      const input = timeMajor(transpose(x, 0, 1), lengths); // [T, B, I]
      const feedback = options.feedback ? timeMajor(transpose(options.feedback, 0, 1), lengths) : null;
      const outputs: Tensor[] = [];
      const last: Tensor[] = [];
      for (const [l, layer] of this.#layers.entries()) {
        const below = l === 0 || arrangement === 'parallel' ? input : outputs[l - 1];
        const slots = this.#run(layer, below, state ? select(state, 0, l) : null, feedback, sequence, options.noise ?? null);
        outputs.push(sliceView(slots, 0, 1, T + 1));
        last.push(select(slots, 0, T));
      }
      const all = outputs.length === 1 ? outputs[0] : concat(outputs, -1); // [T, B, L·H]
      const output = lengths === null ? all : mul(all, unsqueeze(lengths.rowMask, -1));
      return { output: transpose(output, 0, 1), state: stack(last, 0) };
    });
  }

  /** One instant: [B, I] in, [B, L·H] out, and the state to go on with. `forward` over the same inputs gives the same numbers. */
  step(
    x: Tensor,
    state?: Tensor | null,
    options: Pick<ReservoirForwardOptions, 'noise'> & { readonly feedback?: Tensor | null } = {},
  ): { output: Tensor; state: Tensor } {
    if (x.rank !== 2) {
      throw new ShapeError(`[Reservoir.step] expected x of shape [B, ${this.options.inputSize}], received ${formatShape(x.shape)}.`);
    }
    const feedback = options.feedback ? unsqueeze(options.feedback, 1) : null;
    const result = this.forward(unsqueeze(x, 1), state, { ...options, feedback });
    return { output: select(result.output, 1, 0), state: result.state };
  }

  /** [L, B, H] of zeros. */
  initialState(batch: number): Tensor {
    const { numLayers, hiddenSize } = this.options;
    return zeros([numLayers, batch, hiddenSize], { backend: this.backend });
  }

  /** A copy of every weight under its name. */
  stateDict(): StateDict {
    return new Map(this.#named().map(([name, { shape, ...weight }]) => [name, { shape, values: weight.tensor.dataSync() }]));
  }

  /**
   * Takes over the weights of a state dict, which may be sparse where this one was drawn dense.
   *
   * @throws ConfigError on missing or unexpected names, ShapeError on another shape; nothing has been changed then
   */
  loadStateDict(state: StateDict): void {
    const { numLayers } = this.options;
    const layers = Array.from({ length: numLayers }, (_, l) => this.#layerOf(state, l));
    const known = new Set(layers.flatMap(({ names }) => names));
    for (const name of state.keys()) if (!known.has(name)) throw new ConfigError(`[Reservoir.loadStateDict] unexpected tensor "${name}".`);
    layers.forEach(({ layer }, l) => {
      this.#layers[l] = layer;
    });
  }

  /** y = W h of a layer and its other weights, on the host: for what looks into a reservoir. */
  layerWeights(l: number): { readonly weightHh: SquareMatrix; readonly weightIh: Float64Array; readonly bias: Float64Array } {
    const { matrix, weightIh, bias } = this.#layers[l];
    const sparse =
      matrix.kind === 'dense'
        ? null
        : { rowStarts: matrix.rowStarts.dataSync() as Int32Array, columns: matrix.columns.dataSync() as Int32Array };
    const weightHh = { n: this.options.hiddenSize, values: wide(matrix.values), sparse };
    return { weightHh, weightIh: wide(weightIh), bias: wide(bias) };
  }

  /**
   * Multiplies what each unit of a layer sums up by a gain, and adds to its bias: as if its neuron were tanh(gain·u + shift).
   * W, W_in and W_fb take the gain on.
   */
  adapt(l: number, gain: ArrayLike<number>, shift: ArrayLike<number>): void {
    const { weightIh, bias, weightFb, matrix } = this.#layers[l];
    const { hiddenSize: H } = this.options;
    const scaled = (weight: Tensor) => {
      const values = wide(weight);
      const width = values.length / H;
      weight.storage.write(values.map((value, i) => value * gain[Math.floor(i / width)]));
    };
    scaled(weightIh);
    if (weightFb !== null) scaled(weightFb);
    bias.storage.write(wide(bias).map((value, i) => value * gain[i] + shift[i]));
    if (matrix.kind === 'dense') scaled(matrix.values);
    else {
      const values = wide(matrix.values);
      const rowStarts = matrix.rowStarts.dataSync();
      for (let i = 0; i < H; i++) for (let k = rowStarts[i]; k < rowStarts[i + 1]; k++) values[k] *= gain[i];
      matrix.values.storage.write(values);
    }
  }

  #draw(l: number, rng: Random): ReservoirLayer {
    const { inputSize, hiddenSize: H, arrangement, inputScaling, interScaling, biasScaling, density, inputDensity } = this.options;
    const { feedbackScaling, feedbackSize } = this.options;
    const isFirst = l === 0 || arrangement === 'parallel';
    // A stream for each weight: what is drawn for one does not hang on the options of another.
    const weights = (name: string, width: number, scale: number) => {
      const stream = rng.fork(`${name}_l${l}`);
      const values = stream.fillUniform(new Float64Array(H * width), -scale, scale);
      const kept = stream.fork('density');
      return inputDensity < 1 ? values.map((value) => (kept.uniform() < inputDensity ? value : 0)) : values;
    };
    const width = isFirst ? inputSize : H;
    const W = randomMatrix(H, density, rng.fork(`weight_hh_l${l}`));
    const radius = this.options.spectralRadius[l] === 0 ? 1 : spectralRadius(W);
    if (!(radius > 0)) {
      throw new ConfigError(
        `[Reservoir] W was drawn with a spectral radius of ${radius}, which cannot be scaled. Raise density or hiddenSize, or take another seed.`,
      );
    }
    const factor = this.options.spectralRadius[l] / radius;
    return {
      weightIh: this.#persistent(weights('weight_ih', width, isFirst ? inputScaling : interScaling), [H, width]),
      bias: this.#persistent(rng.fork(`bias_l${l}`).fillUniform(new Float64Array(H), -biasScaling, biasScaling), [H]),
      weightFb: feedbackScaling === 0 ? null : this.#persistent(weights('weight_fb', feedbackSize, feedbackScaling), [H, feedbackSize]),
      leakRate: this.#persistent(new Float64Array(H).fill(this.options.leakRate[l]), [H]),
      matrix: this.#matrix({ ...W, values: (W.values as Float64Array).map((value) => value * factor) }),
    };
  }

  #matrix({ n, values, sparse }: SquareMatrix): MatrixTensors {
    if (sparse === null) return { kind: 'dense', values: this.#persistent(values, [n, n]) };
    const { rowStarts, columns } = sparse;
    return {
      kind: 'sparse',
      rowStarts: this.#persistent(rowStarts, [n + 1]),
      columns: this.#persistent(columns, [columns.length]),
      values: this.#persistent(values, [values.length]),
    };
  }

  #persistent(values: TypedArray, shape: Shape): Tensor {
    const made = tensor(values, { shape, backend: this.backend });
    made.storage.persist();
    return made;
  }

  /** Slots [T+1, B, H]. */
  #run(
    layer: ReservoirLayer,
    below: Tensor,
    initial: Tensor | null,
    feedback: Tensor | null,
    { T, B, lengths }: Sequence,
    noise: ReservoirForwardOptions['noise'] | null,
  ): Tensor {
    const { hiddenSize: H } = this.options;
    let drive = linear(below, layer.weightIh, layer.bias);
    if (feedback !== null && layer.weightFb !== null) drive = add(drive, linear(feedback, layer.weightFb));
    if (noise) {
      const values = noise.rng.fillNormal(new Float32Array(T * B * H), 0, noise.deviation);
      drive = add(drive, tensor(values, { shape: [T, B, H], backend: this.backend }));
    }
    const slots = empty(this.backend, [T + 1, B, H]);
    const first = this.backend.slice(bufferOf(slots), 0, B * H);
    if (initial === null) this.backend.fill(first, 0);
    else this.backend.copy(bufferOf(initial), first);
    const { matrix } = layer;
    const weightHh: ReservoirMatrix =
      matrix.kind === 'dense'
        ? { kind: 'dense', values: bufferOf(matrix.values) }
        : { kind: 'sparse', rowStarts: bufferOf(matrix.rowStarts), columns: bufferOf(matrix.columns), values: bufferOf(matrix.values) };
    this.backend.reservoirForward({
      T,
      B,
      H,
      lengths: lengths === null ? null : bufferOf(lengths.tensor),
      drive: bufferOf(drive),
      weightHh,
      leakRate: bufferOf(layer.leakRate),
      h: bufferOf(slots),
    });
    return slots;
  }

  #check(x: Tensor, state: Tensor | null, { feedback }: ReservoirForwardOptions, { T, B }: Sequence): void {
    const { numLayers, hiddenSize, feedbackSize, feedbackScaling } = this.options;
    if (needsGrad([x, state, feedback])) {
      throw new ConfigError('[Reservoir] no gradient passes a reservoir, and its input is to have one. Give x.detach().');
    }
    const expected = [numLayers, B, hiddenSize];
    if (state !== null && !sameShape(state.shape, expected)) {
      throw new ShapeError(`[Reservoir] expected a state of shape ${formatShape(expected)}, received ${formatShape(state.shape)}.`);
    }
    if (!feedback) return;
    if (feedbackScaling === 0) {
      throw new ConfigError('[Reservoir] received feedback, but was built without. Give feedbackScaling and feedbackSize.');
    }
    if (!sameShape(feedback.shape, [B, T, feedbackSize])) {
      throw new ShapeError(
        `[Reservoir] expected feedback of shape ${formatShape([B, T, feedbackSize])}, received ${formatShape(feedback.shape)}.`,
      );
    }
  }

  #named(): [string, { shape: Shape; tensor: Tensor }][] {
    return this.#layers.flatMap(({ weightIh, bias, weightFb, leakRate, matrix }, l) => {
      const entries: [string, Tensor | null][] = [
        [`weight_ih_l${l}`, weightIh],
        [`bias_l${l}`, bias],
        [`leak_rate_l${l}`, leakRate],
        [`weight_fb_l${l}`, weightFb],
        ...(matrix.kind === 'dense'
          ? ([[`weight_hh_l${l}`, matrix.values]] as const)
          : ([
              [`weight_hh_l${l}.crow_indices`, matrix.rowStarts],
              [`weight_hh_l${l}.col_indices`, matrix.columns],
              [`weight_hh_l${l}.values`, matrix.values],
            ] as const)
        ).map(([name, weight]): [string, Tensor] => [name, weight]),
      ];
      return entries.flatMap(([name, weight]) =>
        weight === null ? [] : [[name, { shape: weight.shape, tensor: weight }] as [string, { shape: Shape; tensor: Tensor }]],
      );
    });
  }

  /** Layer l out of a state dict, checked. */
  #layerOf(state: StateDict, l: number): { layer: ReservoirLayer; names: string[] } {
    const { inputSize, hiddenSize: H, arrangement, feedbackSize, feedbackScaling } = this.options;
    const names: string[] = [];
    const find = (name: string, shape: Shape | null): { shape: Shape; values: TypedArray } => {
      const entry = state.get(name);
      if (entry === undefined) throw new ConfigError(`[Reservoir.loadStateDict] missing tensor "${name}".`);
      if (shape !== null && !sameShape(entry.shape, shape)) {
        throw new ShapeError(
          `[Reservoir.loadStateDict] expected "${name}" of shape ${formatShape(shape)}, received ${formatShape(entry.shape)}.`,
        );
      }
      names.push(name);
      return entry;
    };
    const take = (name: string, shape: Shape): Tensor => this.#persistent(find(name, shape).values, shape);
    const width = l === 0 || arrangement === 'parallel' ? inputSize : H;
    const weight = `weight_hh_l${l}`;
    let matrix: SquareMatrix;
    if (state.has(weight)) matrix = { n: H, values: find(weight, [H, H]).values as Float32Array, sparse: null };
    else {
      const rowStarts = Int32Array.from(find(`${weight}.crow_indices`, [H + 1]).values);
      const entries = [rowStarts[H]];
      const columns = Int32Array.from(find(`${weight}.col_indices`, entries).values);
      const values = find(`${weight}.values`, entries).values as Float32Array;
      if (rowStarts[0] !== 0 || rowStarts.some((start, i) => i > 0 && start < rowStarts[i - 1]) || columns.some((j) => j < 0 || j >= H)) {
        throw new ConfigError(
          `[Reservoir.loadStateDict] the indices of "${weight}" are not those of a [${H}, ${H}] matrix in sparse rows.`,
        );
      }
      matrix = { n: H, values, sparse: { rowStarts, columns } };
    }
    const layer = {
      weightIh: take(`weight_ih_l${l}`, [H, width]),
      bias: take(`bias_l${l}`, [H]),
      leakRate: take(`leak_rate_l${l}`, [H]),
      weightFb: feedbackScaling === 0 ? null : take(`weight_fb_l${l}`, [H, feedbackSize]),
      matrix: this.#matrix(matrix),
    };
    return { layer, names };
  }
}

/** In float64, a copy. */
function wide(x: Tensor): Float64Array {
  return Float64Array.from(x.dataSync());
}

function complete(given: ReservoirOptions): Reservoir['options'] {
  const { inputSize, hiddenSize, numLayers = 1, arrangement = 'deep', inputScaling = 1, biasScaling = 0.2 } = given;
  const { interScaling = inputScaling, feedbackScaling = 0, feedbackSize = 0, density = 0.1, inputDensity = 1 } = given;
  requireSizes('Reservoir', { inputSize, hiddenSize, numLayers });
  if (!arrangements.includes(arrangement)) throw new ConfigError(`[Reservoir] ${unknownName('arrangement', arrangement, arrangements)}`);
  const perLayer = (name: string, value: number | readonly number[]): readonly number[] => {
    const values = typeof value === 'number' ? new Array<number>(numLayers).fill(value) : value;
    if (values.length !== numLayers)
      throw new ConfigError(
        `[Reservoir] expected ${name} to be one number, or one for each of ${numLayers} layers, received ${values.length}.`,
      );
    return values;
  };
  const require = (name: string, value: number, isRight: boolean, expected: string) => {
    if (!isRight) throw new ConfigError(`[Reservoir] expected ${name} ${expected}, received ${value}.`);
  };
  const radii = perLayer('spectralRadius', given.spectralRadius ?? 0.9);
  const leakRate = perLayer('leakRate', given.leakRate ?? 1);
  for (const value of radii) require('spectralRadius', value, value >= 0 && Number.isFinite(value), 'of at least 0');
  for (const value of leakRate) require('leakRate', value, value > 0 && value <= 1, 'in (0, 1]');
  for (const [name, value] of Object.entries({ inputScaling, interScaling, biasScaling, feedbackScaling }))
    require(name, value, value >= 0 && Number.isFinite(value), 'of at least 0');
  for (const [name, value] of Object.entries({ density, inputDensity })) require(name, value, value > 0 && value <= 1, 'in (0, 1]');
  if (feedbackScaling > 0) requireSizes('Reservoir', { feedbackSize });
  return {
    ...{ inputSize, hiddenSize, numLayers, arrangement, spectralRadius: radii, leakRate, inputScaling, interScaling, biasScaling },
    ...{ feedbackScaling, feedbackSize, density, inputDensity },
  };
}
