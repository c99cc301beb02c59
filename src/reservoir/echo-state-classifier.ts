/** An echo state network that tells classes of sequences apart: a reservoir's states over a sequence as one vector, and a readout. */

import { concat } from '../autograd/ops/concat.ts';
import { argmax } from '../autograd/ops/reduce.ts';
import { select } from '../autograd/ops/shape.ts';
import { scope } from '../autograd/scope.ts';
import { noGrad } from '../autograd/tape.ts';
import { type Tensor, tensor } from '../autograd/tensor.ts';
import { Linear } from '../nn/linear.ts';
import type { StateDict } from '../nn/module.ts';
import { meanPooling } from '../nn/pooling.ts';
import { ConfigError, ShapeError, unknownName } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { Reservoir, type ReservoirOptions } from './reservoir.ts';
import { RidgeRegression } from './ridge.ts';

/** What of a sequence's states is read: their mean over its steps, the last ones, or both. */
export const statePoolings = ['mean', 'last', 'both'] as const;
/** What of a sequence's states is read. */
export type StatePooling = (typeof statePoolings)[number];

/** How a classifier is built and its readout solved. */
export interface EchoStateClassifierOptions extends Omit<ReservoirOptions, 'feedbackScaling' | 'feedbackSize'> {
  /** K: classes. */
  readonly numClasses: number;
  /** Default 'mean'. */
  readonly pooling?: StatePooling;
  /** λ of the ridge regression on one-hot classes. Default 1e-2. */
  readonly ridge?: number;
}

/**
 * A reservoir that reads a sequence to its end, and a linear readout of its mean or last state, by ridge regression on one-hot
 * classes; the class is that of the largest output.
 *
 * @example
 * const classifier = new EchoStateClassifier({ inputSize: 3, numClasses: 4, hiddenSize: 200, rng: new Random(1) });
 * classifier.fit(x, labels, { lengths });
 * const classes = classifier.predict(x, { lengths }); // Int32Array [B]
 * @see Lukoševičius & Jaeger (2009), doi:10.1016/j.cosrev.2009.03.005, section 8
 */
export class EchoStateClassifier {
  readonly options: EchoStateClassifierOptions & Required<Pick<EchoStateClassifierOptions, 'pooling' | 'ridge'>>;
  readonly reservoir: Reservoir;
  /** `weight` [K, F] and `bias` [K]; zeros until `fit`. */
  readonly readout: Linear;

  /** @throws ConfigError when an option is out of its range */
  constructor({ numClasses, pooling = 'mean', ridge = 1e-2, ...drawn }: EchoStateClassifierOptions) {
    if (!statePoolings.includes(pooling)) throw new ConfigError(`[EchoStateClassifier] ${unknownName('pooling', pooling, statePoolings)}`);
    if (!(ridge >= 0)) throw new ConfigError(`[EchoStateClassifier] expected ridge of at least 0, received ${ridge}.`);
    if (!(numClasses >= 2)) throw new ConfigError(`[EchoStateClassifier] expected at least 2 classes, received ${numClasses}.`);
    const rng = drawn.rng ?? Random.fromEntropy();
    this.options = { ...drawn, numClasses, pooling, ridge };
    this.reservoir = new Reservoir({ ...drawn, rng });
    const F = this.reservoir.outputSize * (pooling === 'both' ? 2 : 1);
    this.readout = new Linear({ inputSize: F, outputSize: numClasses, rng });
    this.readout.weight.assign(new Float32Array(F * numClasses));
    this.readout.bias?.assign(new Float32Array(numClasses));
  }

  /**
   * What the readout reads of each sequence.
   *
   * @param x  [B, T, I]
   * @returns  [B, F]
   * @throws ShapeError when x or lengths do not fit
   */
  features(x: Tensor, { lengths }: { readonly lengths?: ArrayLike<number> | null } = {}): Tensor {
    return scope(() =>
      noGrad(() => {
        const { output, state } = this.reservoir.forward(x, null, { lengths: lengths ?? null });
        const last = () =>
          concat(
            Array.from({ length: state.shape[0] }, (_, l) => select(state, 0, l)),
            -1,
          );
        const mean = () => meanPooling(output, lengths ?? undefined);
        if (this.options.pooling === 'both') return concat([mean(), last()], -1);
        return this.options.pooling === 'mean' ? mean() : last();
      }),
    );
  }

  /**
   * Solves for the readout.
   *
   * @param labels  a class in 0…K−1 for each sequence, [B]
   * @throws ShapeError, ConfigError when labels do not fit
   */
  fit(x: Tensor, labels: ArrayLike<number>, options: { readonly lengths?: ArrayLike<number> | null } = {}): void {
    const ridge = this.regression();
    this.collect(ridge, this.features(x, options), labels);
    this.solve(ridge);
  }

  /** A regression for this readout, to `collect` sequences in. */
  regression(): RidgeRegression {
    const { inputSize, outputSize } = this.readout;
    return new RidgeRegression({ features: inputSize, targets: outputSize, backend: this.reservoir.backend });
  }

  /** Adds sequences, as `features` gives them, to a regression. */
  collect(ridge: RidgeRegression, features: Tensor, labels: ArrayLike<number>): void {
    const [B] = features.shape;
    const { numClasses: K } = this.options;
    if (labels.length !== B) throw new ShapeError(`[EchoStateClassifier] expected ${B} labels, one a sequence, received ${labels.length}.`);
    const targets = new Float32Array(B * (K + 1));
    for (let b = 0; b < B; b++) {
      if (!Number.isInteger(labels[b]) || labels[b] < 0 || labels[b] >= K)
        throw new ConfigError(`[EchoStateClassifier] expected labels in 0…${K - 1}, received ${labels[b]} for sequence ${b}.`);
      targets[b * (K + 1)] = 1;
      targets[b * (K + 1) + 1 + labels[b]] = 1;
    }
    scope(() => ridge.add(concat([features, tensor(targets, { shape: [B, K + 1], backend: features.backend })], -1)));
  }

  /** Solves for the readout from what was collected. @param lambda default: the classifier's own */
  solve(ridge: RidgeRegression, lambda = this.options.ridge): void {
    const { weight, bias } = ridge.solve(lambda);
    this.readout.weight.assign(weight);
    this.readout.bias?.assign(bias);
  }

  /** One output for each class, [B, K]: near 1 for the class that it is, near 0 for the others. */
  forward(x: Tensor, options: { readonly lengths?: ArrayLike<number> | null } = {}): Tensor {
    return scope(() => noGrad(() => this.readout.forward(this.features(x, options))));
  }

  /** The class of each sequence. [B] */
  predict(x: Tensor, options: { readonly lengths?: ArrayLike<number> | null } = {}): Int32Array {
    return scope(() => argmax(this.forward(x, options)).dataSync() as Int32Array);
  }

  /** A copy of every weight under its name: `reservoir.…` and `readout.…`. */
  stateDict(): StateDict {
    return new Map([
      ...[...this.reservoir.stateDict()].map(([name, entry]) => [`reservoir.${name}`, entry] as const),
      ...[...this.readout.stateDict()].map(([name, entry]) => [`readout.${name}`, entry] as const),
    ]);
  }

  /** @throws ConfigError on missing or unexpected names, ShapeError on another shape */
  loadStateDict(state: StateDict): void {
    const part = (prefix: string): StateDict =>
      new Map([...state].flatMap(([name, entry]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), entry] as const] : [])));
    const stray = [...state.keys()].find((name) => !/^(reservoir|readout)\./.test(name));
    if (stray !== undefined) throw new ConfigError(`[EchoStateClassifier.loadStateDict] unexpected tensor "${stray}".`);
    this.reservoir.loadStateDict(part('reservoir.'));
    this.readout.loadStateDict(part('readout.'));
  }
}
