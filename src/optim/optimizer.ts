/**
 * What all optimisers share: one training step from a closure, gradient accumulation, clipping, the watch over numbers
 * that diverge, and the state that a checkpoint holds. The update rules are kernels over a model's flat buffers; each
 * optimiser's own file says which.
 */
import { scope } from '../autograd/scope.ts';
import { freeWhenCollected, weightsChanged } from '../autograd/storage.ts';
import { backward } from '../autograd/tape.ts';
import { full, type Parameter, Tensor } from '../autograd/tensor.ts';
import type { Backend, Buffer } from '../backend/backend.ts';
import { Module } from '../nn/module.ts';
import { FlatParameters } from '../nn/parameters.ts';
import { ConfigError, DivergenceError } from '../tensor/errors.ts';
import { formatShape, type TypedArray } from '../tensor/shape.ts';
import type { Schedule } from './schedule.ts';

/** What every optimiser takes. */
export interface OptimizerOptions {
  /** A number ≥ 0, or a schedule, which is asked with the number of steps done. */
  readonly learningRate?: number | Schedule;
  /** L2 penalty (AdamW: decoupled decay), ≥ 0. Default as the torch.optim class of the same name. */
  readonly weightDecay?: number;
  /** Scales the whole gradient so that its norm is at most this, > 0. Default: no clipping. */
  readonly clipNorm?: number;
  /** Limits each element of the gradient to [−clipValue, clipValue], > 0. Default: no clipping. */
  readonly clipValue?: number;
  /** Parameters with rates of their own; the first group that matches a name holds. */
  readonly groups?: readonly ParameterGroup[];
}

/** @example { match: (name) => name.includes('bias'), weightDecay: 0 } */
export interface ParameterGroup {
  /** Whether a parameter of this state-dict name belongs to the group. */
  readonly match: (name: string) => boolean;
  /** Default: the optimiser's. */
  readonly weightDecay?: number;
  /** Multiplies the optimiser's learning rate, scheduled or not. Default 1. */
  readonly learningRateScale?: number;
}

/** An optimiser's memory: numbers and flat arrays, laid out as the model's flat parameters are. */
export interface OptimizerState {
  readonly kind: string;
  /** Updates done. */
  readonly steps: number;
  /** null: from a schedule, a function of `steps`. */
  readonly learningRate: number | null;
  readonly buffers: Readonly<Record<string, TypedArray>>;
}

/** What a closure may return: the loss, or an object that has it as `loss`. */
export type LossResult = Tensor | { readonly loss: Tensor };

/** One run of neighbouring parameters with the same rates, and all that an update rule needs for it. */
export interface Update {
  readonly parameters: Buffer;
  readonly gradient: Buffer;
  readonly state: Readonly<Record<string, Buffer>>;
  readonly learningRate: number;
  readonly weightDecay: number;
  /** Counts from 1. */
  readonly step: number;
}

interface Span extends Pick<Update, 'parameters' | 'gradient' | 'state' | 'weightDecay'> {
  readonly learningRateScale: number;
}

/** Base of the optimisers: gradients of a closure's loss, clipping, rates, groups, state. A subclass brings its update rule. */
export abstract class Optimizer {
  /** Its name in a checkpoint. */
  abstract readonly kind: string;
  readonly backend: Backend;
  /** ‖gradient‖₂ of the last update, before clipping. */
  gradientNorm = 0;

  readonly #flat: FlatParameters;
  readonly #names: readonly string[];
  readonly #clipNorm: number;
  readonly #clipValue: number | undefined;
  readonly #buffers: Readonly<Record<string, Buffer>>;
  readonly #spans: readonly Span[];
  readonly #norm: Buffer;
  #learningRate: number | Schedule;
  #steps = 0;
  #isApplied = false;

  /**
   * @param target       a model, or its parameters; frozen ones (`requiresGrad` false) stay as they are
   * @param options      with the optimiser's own defaults filled in
   * @param bufferNames  the flat buffers that the update rule keeps; zeros at first
   */
  protected constructor(
    target: Module | readonly Parameter[],
    options: OptimizerOptions & { readonly learningRate: number | Schedule; readonly weightDecay: number },
    bufferNames: readonly string[],
  ) {
    const { learningRate, weightDecay, clipNorm, clipValue, groups = [] } = options;
    if (typeof learningRate === 'number') requireAtLeastZero('learningRate', learningRate);
    requireAtLeastZero('weightDecay', weightDecay);
    if (clipNorm !== undefined) requirePositive('clipNorm', clipNorm);
    if (clipValue !== undefined) requirePositive('clipValue', clipValue);
    if (clipNorm !== undefined && clipValue !== undefined) {
      throw new ConfigError(`[optimizer] expected clipNorm or clipValue, received both (${clipNorm} and ${clipValue}).`);
    }
    const parameters = target instanceof Module ? target.parameters() : target;
    this.#flat = FlatParameters.of(parameters);
    this.#names = namesOf(target, parameters);
    this.backend = this.#flat.backend;
    this.#learningRate = learningRate;
    this.#clipNorm = clipNorm ?? 0;
    this.#clipValue = clipValue;
    this.#buffers = Object.fromEntries(bufferNames.map((name) => [name, this.#allocate(this.#flat.values.length)]));
    this.#norm = this.#allocate(1);
    this.#spans = this.#cut(groups, weightDecay);
  }

  /** The update rule. */
  protected abstract update(update: Update): void;

  /** Updates done. */
  get steps(): number {
    return this.#steps;
  }

  /** What the next update uses. */
  get learningRate(): number {
    return typeof this.#learningRate === 'number' ? this.#learningRate : this.#learningRate(this.#steps);
  }

  /** Replaces the number or the schedule. */
  set learningRate(learningRate: number | Schedule) {
    if (typeof learningRate === 'number') requireAtLeastZero('learningRate', learningRate);
    this.#learningRate = learningRate;
  }

  /** Whether the learning rate comes from a schedule. */
  get isScheduled(): boolean {
    return typeof this.#learningRate !== 'number';
  }

  /**
   * One training step: zero gradients, forward, backward, clip, update. Everything the closure makes is freed, except what
   * it returns.
   *
   * @param closure  computes the loss; returns it, or an object that has it as `loss` (detach states that it carries on)
   * @returns        what the closure returned
   * @throws DivergenceError  when the loss or a gradient is NaN or infinite; the parameters are as before then
   * @example const loss = optimizer.step(() => crossEntropy(model.forward(x), y));
   */
  step<R extends LossResult>(closure: () => R): R {
    this.zeroGrad();
    const result = this.accumulate(closure);
    this.apply();
    return result;
  }

  /**
   * Forward and backward of a part of a step; gradients add up until `apply`.
   *
   * @param scale  multiplies the gradient: 1/n makes n parts a mean
   * @throws DivergenceError  when the loss is NaN or infinite
   * @example for (const part of parts) optimizer.accumulate(() => loss(part), 1 / parts.length);
   *          optimizer.apply();
   */
  accumulate<R extends LossResult>(closure: () => R, scale = 1): R {
    if (this.#isApplied) this.zeroGrad();
    return scope(() => {
      const result = closure();
      const loss = result instanceof Tensor ? result : result.loss;
      const value = loss.item();
      if (!Number.isFinite(value)) this.#diverged('loss', `the loss is ${value}`);
      backward(loss, scale === 1 ? undefined : full(loss.shape, scale, { backend: loss.backend }));
      return result;
    });
  }

  /**
   * Clips the gradients that have added up and updates the parameters.
   *
   * @throws DivergenceError  when a gradient is NaN or infinite; the parameters are as before then
   */
  apply(): void {
    this.#isApplied = true;
    const { backend } = this;
    backend.clipNorm(this.#flat.gradients, this.#clipNorm, this.#norm);
    this.gradientNorm = backend.read(this.#norm)[0];
    if (!Number.isFinite(this.gradientNorm)) this.#findDivergence();
    if (this.#clipValue !== undefined) backend.clipValue(this.#flat.gradients, this.#clipValue);
    const learningRate = this.learningRate;
    const step = this.#steps + 1;
    for (const { learningRateScale, ...span } of this.#spans) {
      this.update({ ...span, learningRate: learningRate * learningRateScale, step });
    }
    this.#steps = step;
    weightsChanged();
  }

  /** Gradients to zero. `step` does so itself. */
  zeroGrad(): void {
    this.#flat.zeroGradients();
    this.#isApplied = false;
  }

  /** Copies, for a checkpoint. */
  state(): OptimizerState {
    return {
      kind: this.kind,
      steps: this.#steps,
      learningRate: typeof this.#learningRate === 'number' ? this.#learningRate : null,
      buffers: Object.fromEntries(Object.entries(this.#buffers).map(([name, buffer]) => [name, this.backend.read(buffer)])),
    };
  }

  /** @throws ConfigError when the state is of another optimiser or another model; nothing has been changed then */
  loadState(state: OptimizerState): void {
    const place = `[${this.kind}.loadState]`;
    if (state.kind !== this.kind) throw new ConfigError(`${place} expected the state of "${this.kind}", received that of "${state.kind}".`);
    const given = Object.keys(state.buffers).sort().join(', ');
    const expected = Object.keys(this.#buffers).sort().join(', ');
    if (given !== expected) {
      throw new ConfigError(
        `${place} expected buffers ${expected || '(none)'}, received ${given || '(none)'}. Build the optimizer with the options of before.`,
      );
    }
    for (const [name, buffer] of Object.entries(this.#buffers)) {
      const { length } = state.buffers[name];
      if (length === buffer.length) continue;
      throw new ConfigError(`${place} expected ${buffer.length} numbers in "${name}", received ${length}: the state of another model.`);
    }
    for (const [name, buffer] of Object.entries(this.#buffers)) this.backend.write(buffer, state.buffers[name]);
    this.#steps = state.steps;
    if (state.learningRate !== null) this.#learningRate = state.learningRate;
  }

  /** Fills one of the state buffers, at the start. */
  protected fillBuffer(name: string, value: number): void {
    this.backend.fill(this.#buffers[name], value);
  }

  #allocate(length: number): Buffer {
    const buffer = this.backend.allocate(this.backend.float, length);
    this.backend.fill(buffer, 0);
    freeWhenCollected(this, this.backend, buffer);
    return buffer;
  }

  /** The flat buffers, cut where the rates change. Without groups or frozen parameters: one span. */
  #cut(groups: readonly ParameterGroup[], weightDecay: number): Span[] {
    const { parameters, offsets, values, gradients } = this.#flat;
    const runs: { group: ParameterGroup | undefined; begin: number; end: number }[] = [];
    parameters.forEach((parameter, i) => {
      if (!parameter.requiresGrad) return;
      const group = groups.find(({ match }) => match(this.#names[i]));
      const begin = offsets[i];
      const end = offsets[i + 1] ?? values.length;
      const last = runs.at(-1);
      if (last !== undefined && last.end === begin && last.group === group) last.end = end;
      else runs.push({ group, begin, end });
    });
    return runs.map(({ group, begin, end }) => {
      const part = (buffer: Buffer) => this.backend.slice(buffer, begin, end - begin);
      requireAtLeastZero('weightDecay', group?.weightDecay ?? weightDecay);
      requireAtLeastZero('learningRateScale', group?.learningRateScale ?? 1);
      return {
        parameters: part(values),
        gradient: part(gradients),
        state: Object.fromEntries(Object.entries(this.#buffers).map(([name, buffer]) => [name, part(buffer)])),
        weightDecay: group?.weightDecay ?? weightDecay,
        learningRateScale: group?.learningRateScale ?? 1,
      };
    });
  }

  /** Names the first parameter whose gradient is not finite. */
  #findDivergence(): never {
    this.#flat.parameters.forEach((parameter, i) => {
      const gradient = parameter.grad!.dataSync();
      const at = gradient.findIndex((value) => !Number.isFinite(value));
      if (at < 0) return;
      const name = this.#names[i];
      this.#diverged(`${name}.grad`, `the gradient of "${name}" is ${gradient[at]} at element ${at} of ${formatShape(parameter.shape)}`);
    });
    return this.#diverged('gradient', `the norm of the gradient is ${this.gradientNorm}`);
  }

  #diverged(tensor: string, what: string): never {
    const step = this.#steps + 1;
    throw new DivergenceError(
      `[${this.kind}] step ${step}: ${what}. The parameters were not updated. Lower the learning rate (now ${this.learningRate}) or set clipNorm.`,
      { step, tensor },
    );
  }
}

function namesOf(target: Module | readonly Parameter[], parameters: readonly Parameter[]): string[] {
  const names = new Map<Parameter, string>();
  if (target instanceof Module) {
    for (const [name, parameter] of target.namedParameters()) if (!names.has(parameter)) names.set(parameter, name);
  }
  return parameters.map((parameter, i) => names.get(parameter) ?? `parameter ${i}`);
}

export function requireAtLeastZero(name: string, value: number): void {
  if (!(value >= 0 && value < Infinity)) throw new ConfigError(`[optimizer] expected ${name} ≥ 0, received ${value}.`);
}

export function requirePositive(name: string, value: number): void {
  if (!(value > 0 && value < Infinity)) throw new ConfigError(`[optimizer] expected ${name} > 0, received ${value}.`);
}

/** Of decay rates: [0, 1). */
export function requireFraction(name: string, value: number): void {
  if (!(value >= 0 && value < 1)) throw new ConfigError(`[optimizer] expected ${name} in [0, 1), received ${value}.`);
}
