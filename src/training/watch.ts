/**
 * Looks inside a training step, without changing a bit of it: what recurrent layers did (nn/recurrence-statistics.ts), and how far
 * each parameter moved. What it costs is measured in docs/performance.md.
 */
import { scope } from '../autograd/scope.ts';
import { bufferOf, empty, type Parameter } from '../autograd/tensor.ts';
import type { Module } from '../nn/module.ts';
import { glance, RecurrenceRecorder } from '../nn/recurrence-statistics.ts';
import { watchRecurrences } from '../nn/recurrence-watch.ts';
import type { ParameterStatistics, WatchEvent } from './events.ts';

/**
 * One step of training, looked at. `Trainer` does so every `watchEvery` steps; this is for a loop of one's own.
 *
 * @example
 * const watch = new StepWatch(model);
 * optimizer.zeroGrad();
 * watch.pass(() => optimizer.accumulate(() => loss(model.forward(x), y)));
 * watch.update(() => optimizer.apply());
 * const seen = watch.event(step);
 */
export class StepWatch {
  readonly #model: Module;
  readonly #recorder = new RecurrenceRecorder(glance);
  #scale = 1;
  #parameters: readonly ParameterStatistics[] = [];

  constructor(model: Module) {
    this.#model = model;
  }

  /**
   * A forward and a backward; of a step of several batches one is enough.
   *
   * @param scale  of the loss in the backward; default 1
   */
  pass<T>(body: () => T, scale = 1): T {
    this.#scale = scale;
    return watchRecurrences(this.#recorder, body);
  }

  /** The update: what changes the weights, and nothing else. */
  update(apply: () => void): void {
    const learnt = [...this.#model.namedParameters()].filter(([, p]) => p.requiresGrad && p.grad !== null);
    const seen = new Map(learnt.map(([name, p]) => [p, name])); // one that is shared: once
    scope(() => {
      const before = [...seen].map(([parameter, name]) => ({ parameter, name, ...this.#measure(parameter) }));
      apply();
      this.#parameters = before.map(({ parameter, name, copy, norm, gradientNorm }) => {
        parameter.backend.axpy(-1, bufferOf(parameter), bufferOf(copy));
        const moved = normOf(copy);
        return { name, norm: short(norm), gradientNorm: short(gradientNorm), updateRatio: norm > 0 ? short(moved / norm) : null };
      });
    });
  }

  /** What was seen; null: there are no recurrent layers. */
  event(step: number): WatchEvent | null {
    if (this.#recorder.isEmpty) return null;
    return { type: 'watch', step, layers: this.#recorder.read(this.#model.namedParameters(), this.#scale), parameters: this.#parameters };
  }

  #measure(parameter: Parameter) {
    const copy = empty(parameter.backend, parameter.shape);
    parameter.backend.copy(bufferOf(parameter), bufferOf(copy));
    return { copy, norm: normOf(parameter), gradientNorm: normOf(parameter.grad!) };
  }
}

function normOf(x: Parameter['grad'] & object): number {
  const { backend } = x;
  const sum = empty(backend, [1]);
  backend.sumSquares(bufferOf(x), bufferOf(sum));
  return Math.sqrt(backend.read(bufferOf(sum))[0]);
}

function short(value: number): number {
  return Number(value.toPrecision(4));
}
