/** What has parameters: a tree of modules whose leaves' names are PyTorch's state-dict keys. */

import { Parameter } from '../autograd/tensor.ts';
import type { Backend } from '../backend/backend.ts';
import { getBackend } from '../backend/select.ts';
import { ConfigError, nearest, ShapeError } from '../tensor/errors.ts';
import { arrayOf, formatShape, type Shape, sameShape, sizeOf, type TypedArray } from '../tensor/shape.ts';

/** Tensors under PyTorch's names; values row-major. */
export type StateDict = ReadonlyMap<string, { readonly shape: Shape; readonly values: TypedArray }>;

/** Fills a parameter's initial values. */
export type Initializer = (values: Float32Array | Float64Array, shape: Shape) => void;

/**
 * Base of everything with parameters. A subclass registers each parameter and each part once, in its constructor:
 *
 * @example
 * class Tagger extends Module {
 *   readonly lstm = this.child('lstm', new LSTM({ inputSize: 50, hiddenSize: 64 }));
 *   readonly scale = this.parameter('scale', [64], (values) => values.fill(1));
 *   forward(x: Tensor): Tensor { return mul(this.lstm.forward(x).output, this.scale); }
 * }
 */
export abstract class Module {
  readonly backend: Backend = getBackend();
  readonly #parameters = new Map<string, Parameter>();
  readonly #buffers = new Map<string, Parameter>();
  readonly #children = new Map<string, Module>();
  #isTraining = true;

  /** Whether dropout is on, and statistics are those of the batch. */
  get isTraining(): boolean {
    return this.#isTraining;
  }

  /** Dropout on (default) or off, here and below. */
  train(isTraining = true): this {
    this.#isTraining = isTraining;
    for (const child of this.#children.values()) child.train(isTraining);
    return this;
  }

  /** Dropout off, here and below. */
  eval(): this {
    return this.train(false);
  }

  /** Every parameter under its state-dict name; one that is shared (tied) appears under each of its names. */
  namedParameters(prefix = ''): Map<string, Parameter> {
    const named = new Map<string, Parameter>();
    for (const [name, parameter] of this.#parameters) named.set(prefix + name, parameter);
    for (const [name, child] of this.#children) {
      for (const [inner, parameter] of child.namedParameters(`${prefix}${name}.`)) named.set(inner, parameter);
    }
    return named;
  }

  /** Every parameter once. */
  parameters(): Parameter[] {
    return [...new Set(this.namedParameters().values())];
  }

  /** Every buffer under its state-dict name: what is kept, and not learnt, such as the statistics of a batch normalisation. */
  namedBuffers(prefix = ''): Map<string, Parameter> {
    const named = new Map<string, Parameter>();
    for (const [name, buffer] of this.#buffers) named.set(prefix + name, buffer);
    for (const [name, child] of this.#children) {
      for (const [inner, buffer] of child.namedBuffers(`${prefix}${name}.`)) named.set(inner, buffer);
    }
    return named;
  }

  /** Number of learnt numbers. */
  get parameterCount(): number {
    return this.parameters().reduce((count, parameter) => count + parameter.size, 0);
  }

  /** A copy of every parameter and buffer under its state-dict name. */
  stateDict(): StateDict {
    return new Map([...this.#state()].map(([name, p]) => [name, { shape: p.shape, values: p.dataSync() }]));
  }

  /**
   * Takes over the values of a state dict. Every name must be there with its shape, and no other.
   *
   * @throws ConfigError on missing or unexpected names, ShapeError on another shape; nothing has been changed then
   */
  loadStateDict(state: StateDict): void {
    const named = this.#state();
    for (const name of state.keys()) {
      if (!named.has(name)) {
        const near = nearest(name, [...named.keys()]);
        throw new ConfigError(`[loadStateDict] unexpected tensor "${name}"${near === undefined ? '' : `; did you mean "${near}"?`}`);
      }
    }
    for (const [name, parameter] of named) {
      const entry = state.get(name);
      if (entry === undefined) throw new ConfigError(`[loadStateDict] missing tensor "${name}" of shape ${formatShape(parameter.shape)}.`);
      if (!sameShape(entry.shape, parameter.shape)) {
        throw new ShapeError(
          `[loadStateDict] expected "${name}" of shape ${formatShape(parameter.shape)}, received ${formatShape(entry.shape)}. Build the model with the sizes it was trained with.`,
        );
      }
    }
    for (const [name, parameter] of named) parameter.assign(state.get(name)!.values);
  }

  /** Sets every gradient there is to zero. An optimiser's `zeroGrad` does it in one kernel call. */
  zeroGrad(): void {
    for (const { grad } of this.parameters()) grad?.storage.write(new Float64Array(grad.size));
  }

  /**
   * Registers a parameter under its state-dict name; give an existing one to share it.
   *
   * @throws ConfigError when the name is taken, ShapeError when a shared parameter has another shape
   */
  protected parameter(name: string, shape: Shape, init: Initializer | Parameter): Parameter {
    this.#requireFree(name);
    let parameter: Parameter;
    if (init instanceof Parameter) {
      if (!sameShape(init.shape, shape)) {
        throw new ShapeError(
          `[parameter] expected "${name}" of shape ${formatShape(shape)}, received a parameter of shape ${formatShape(init.shape)}.`,
        );
      }
      parameter = init;
    } else {
      const values = arrayOf(this.backend.float, sizeOf(shape)) as Float32Array | Float64Array;
      init(values, shape);
      parameter = new Parameter(values, shape, this.backend);
    }
    this.#parameters.set(name, parameter);
    return parameter;
  }

  /**
   * Registers, under its state-dict name, what is saved and loaded with the parameters but not learnt: no optimiser knows of it.
   *
   * @throws ConfigError when the name is taken
   */
  protected buffer(name: string, shape: Shape, init: Initializer): Parameter {
    this.#requireFree(name);
    const values = arrayOf(this.backend.float, sizeOf(shape)) as Float32Array | Float64Array;
    init(values, shape);
    const buffer = new Parameter(values, shape, this.backend);
    buffer.requiresGrad = false;
    this.#buffers.set(name, buffer);
    return buffer;
  }

  /** Parameters, then buffers. */
  #state(): Map<string, Parameter> {
    return new Map([...this.namedParameters(), ...this.namedBuffers()]);
  }

  /**
   * Registers a part under its state-dict name.
   *
   * @throws ConfigError when the name is taken
   */
  protected child<M extends Module>(name: string, module: M): M {
    this.#requireFree(name);
    this.#children.set(name, module);
    return module;
  }

  #requireFree(name: string): void {
    if (![this.#parameters, this.#buffers, this.#children].some((names) => names.has(name))) return;
    throw new ConfigError(`[${this.constructor.name}] expected a new name for a parameter or part, received "${name}" twice.`);
  }
}
