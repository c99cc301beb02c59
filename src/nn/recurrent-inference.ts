/**
 * A direction of a layer over a sequence that nothing will be learnt from: some steps at a time. What only a backward would read
 * again, the gates above all, is written over by the next steps, so memory does not grow with every gate of every step.
 */
import { releaseEarly } from '../autograd/scope.ts';
import { bufferOf, empty, Tensor, tensor } from '../autograd/tensor.ts';
import type { Backend, Buffer } from '../backend/backend.ts';
import { rowMajor } from '../tensor/shape.ts';
import { type LayerInput, normEpsilon, project } from './input-projection.ts';
import type { Direction, RunOptions, RunResult } from './recurrent-layer.ts';
import type { Sequence } from './sequence.ts';
import { StateSlots } from './state-slots.ts';

/** Rows of steps and sequences. Every call packs the weights, which costs what 8 rows' products with them do: enough to make that little. */
const rowsAtOnce = 2048;

/** Inside a scope. */
export function inferDirection(direction: Direction, input: LayerInput, sequence: Sequence, options: RunOptions): RunResult {
  const { recurrence, weights, weightHh, normHh, hiddenSize, reverse } = direction;
  const { backend } = weightHh;
  const { T, B, lengths } = sequence;
  const F = recurrence.gates * hiddenSize;
  // A table is projected once: it takes all steps with it.
  const most = input.ids === null ? Math.ceil(rowsAtOnce / B) : T;
  const parts = Math.ceil(T / most);
  const longest = Math.ceil(T / parts);

  const temporaries: Tensor[] = [];
  const temporary = (...shape: number[]): Tensor => {
    const x = empty(backend, shape);
    temporaries.push(x);
    return x;
  };
  const states = new StateSlots(backend, direction, sequence, options.initial);
  const gates = temporary(longest, B, F);
  const saved = Object.entries(recurrence.savedSizes(longest, B)).map(([name, length]) => [name, bufferOf(temporary(length))] as const);
  const norm = normHh && {
    weight: bufferOf(normHh),
    epsilon: normEpsilon,
    normalized: bufferOf(temporary(longest, B, F)),
    rstd: bufferOf(temporary(longest, B)),
  };
  for (let part = 0; part < parts; part++) {
    const i = reverse ? parts - 1 - part : part;
    const [from, to] = [Math.floor((T * i) / parts), Math.floor((T * (i + 1)) / parts)];
    const steps = to - from;
    const projection = project(backend, parts === 1 ? input : stepsOf(input, from, steps), weights, bufferOf(firstOf(gates, steps)));
    const own =
      lengths && parts > 1
        ? tensor(
            lengths.values.map((length) => length - from),
            { dtype: 'int32', backend },
          )
        : lengths?.tensor;
    const layer = recurrence.describe(
      {
        T: steps,
        B,
        H: hiddenSize,
        reverse,
        lengths: own ? bufferOf(own) : null,
        weightHh: bufferOf(weightHh),
        mask: options.mask && bufferOf(options.mask),
        norm,
        gates: bufferOf(firstOf(gates, steps)),
        states: states.slots.map((slots) => slotsOf(backend, slots, from, steps)),
      },
      Object.fromEntries(saved),
    );
    recurrence.forward(backend, layer);
    if (projection !== null) for (const x of [projection.normalized, projection.rstd]) releaseEarly(x.storage);
  }
  const { output, last, rest } = states.result();
  for (const x of [...temporaries, ...rest, ...(options.mask === null ? [] : [options.mask])]) releaseEarly(x.storage);
  return { output, last };
}

/** [n, ·, ·] of a contiguous [≥ n, ·, ·], from `from` on: a view. */
function firstOf(x: Tensor, n: number, from = 0): Tensor {
  const [, B, width] = x.shape;
  const shape = [n, B, width];
  return new Tensor(x.storage, shape, rowMajor(shape), x.offset + from * B * width);
}

function stepsOf(input: LayerInput, from: number, n: number): LayerInput {
  return { ...input, rows: firstOf(input.rows, n, from) };
}

/** The slots before, between and after `n` steps. */
function slotsOf(backend: Backend, slots: Tensor, from: number, n: number): Buffer {
  const [, B, width] = slots.shape;
  return backend.slice(bufferOf(slots), from * B * width, (n + 1) * B * width);
}
