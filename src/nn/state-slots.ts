/** The states of one direction of a layer over a sequence: before its first step, and after each. */
import { bufferOf, contiguous, empty, Tensor } from '../autograd/tensor.ts';
import type { Backend } from '../backend/backend.ts';
import { rowMajor } from '../tensor/shape.ts';
import type { Direction, RunResult } from './recurrent-layer.ts';
import type { Lengths, Sequence } from './sequence.ts';

export class StateSlots {
  /** [T+1, B, width] for each state; the first is h. Forwards a step at t leads from slot t to t+1, in reverse from t+1 to t. */
  readonly slots: readonly Tensor[];
  readonly #backend: Backend;
  readonly #sequence: Sequence;
  readonly #isReverse: boolean;

  /** @param initial  [B, width] each; null: zeros */
  constructor(backend: Backend, { recurrence, reverse }: Direction, sequence: Sequence, initial: readonly (Tensor | null)[]) {
    const { T, B } = sequence;
    this.#backend = backend;
    this.#sequence = sequence;
    this.#isReverse = reverse;
    this.slots = recurrence.stateSizes.map((width) => empty(backend, [T + 1, B, width]));
    this.slots.forEach((slots, i) => {
      this.#write(slots, initial[i]);
    });
  }

  /** h before or after each step: [T, B, P], a view. */
  steps(which: 'before' | 'after'): Tensor {
    const [h] = this.slots;
    const { T, B } = this.#sequence;
    const width = h.shape[2];
    const shape = [T, B, width];
    const isShifted = (which === 'after') !== this.#isReverse;
    return new Tensor(h.storage, shape, rowMajor(shape), isShifted ? B * width : 0);
  }

  /** Once the steps are done; `rest` is what the result does not hold. */
  result(): RunResult & { readonly rest: readonly Tensor[] } {
    const { lengths, T } = this.#sequence;
    const after = this.steps('after');
    return {
      output: lengths === null ? after : this.#masked(after, lengths),
      last: this.slots.map((slots) => this.#copyOfSlot(slots, this.#isReverse ? 0 : T)),
      rest: lengths === null ? this.slots.slice(1) : this.slots,
    };
  }

  #slot(slots: Tensor, index: number): Tensor {
    const [, B, width] = slots.shape;
    return new Tensor(slots.storage, [B, width], [width, 1], index * B * width);
  }

  #copyOfSlot(slots: Tensor, index: number): Tensor {
    const slot = this.#slot(slots, index);
    const copy = empty(this.#backend, slot.shape);
    this.#backend.copy(bufferOf(slot), bufferOf(copy));
    return copy;
  }

  #write(slots: Tensor, initial: Tensor | null): void {
    const slot = bufferOf(this.#slot(slots, this.#isReverse ? this.#sequence.T : 0));
    if (initial === null) this.#backend.fill(slot, 0);
    else this.#backend.copy(bufferOf(contiguous(initial)), slot);
  }

  #masked(x: Tensor, { rowMask }: Lengths): Tensor {
    const { T, B } = this.#sequence;
    const y = empty(this.#backend, x.shape);
    this.#backend.scaleRows(bufferOf(x), bufferOf(rowMask), bufferOf(y), T * B, x.shape[2], false);
    return y;
  }
}
