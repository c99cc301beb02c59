/**
 * A direction of a layer over a sequence that nothing will be learnt from: some steps at a time. What only a backward would read
 * again, the gates above all, is written over by the next steps, so memory does not grow with every gate of every step.
 */
import { releaseEarly } from '../autograd/scope.ts';
import { bufferOf, empty, Tensor, tensor } from '../autograd/tensor.ts';
import type { Backend, Buffer } from '../backend/backend.ts';
import { rowMajor } from '../tensor/shape.ts';
import { type LayerInput, normEpsilon, project } from './input-projection.ts';
import { packed } from './packed-weights.ts';
import type { Direction, RunOptions, RunResult } from './recurrent-layer.ts';
import type { Lengths, Sequence } from './sequence.ts';
import { StateSlots } from './state-slots.ts';

/** Gates of steps and sequences: 1 MB, about what a core's L2 cache holds, so that the recurrence finds there what the projection wrote. */
const gatesAtOnce = 1 << 18;
/** Rows of steps and sequences at once: enough to make a matrix product worth its call, and no more than are. */
const [fewestRows, mostRows] = [64, 2048];

/** Inside a scope. */
export function inferDirection(direction: Direction, input: LayerInput, sequence: Sequence, options: RunOptions): RunResult {
  const { recurrence, weights, weightHh, normHh, hiddenSize, reverse } = direction;
  const { backend } = weightHh;
  const { T, B, lengths } = sequence;
  const F = recurrence.gates * hiddenSize;
  // A table is projected once: it takes all steps with it.
  const most = input.ids === null ? Math.ceil(Math.min(mostRows, Math.max(fewestRows, gatesAtOnce / F)) / B) : T;
  const parts = Math.ceil(T / most);
  const longest = Math.ceil(T / parts);

  const temporaries: Tensor[] = [];
  /** Memory for the longest part, and as much of it as `steps` need. */
  const temporary = (width: number): ((steps: number) => Buffer) => {
    const x = empty(backend, [longest * width]);
    temporaries.push(x);
    return (steps) => backend.slice(bufferOf(x), 0, steps * width);
  };
  const states = new StateSlots(backend, direction, sequence, options.initial);
  const gates = temporary(B * F);
  const saved = Object.entries(recurrence.savedSizes(1, B)).map(([name, width]) => [name, temporary(width)] as const);
  const norm = normHh && { weight: bufferOf(normHh), normalized: temporary(B * F), rstd: temporary(B) };
  for (let part = 0; part < parts; part++) {
    const i = reverse ? parts - 1 - part : part;
    const [from, to] = [Math.floor((T * i) / parts), Math.floor((T * (i + 1)) / parts)];
    const steps = to - from;
    const projection = project(backend, parts === 1 ? input : stepsOf(input, from, steps), weights, gates(steps), true);
    const own = parts === 1 ? lengths?.tensor : lengths && lengthsWithin(lengths, from, steps, backend);
    const layer = recurrence.describe(
      {
        T: steps,
        B,
        H: hiddenSize,
        reverse,
        lengths: own ? bufferOf(own) : null,
        weightHh: packed(weightHh, recurrence.gates),
        isPacked: true,
        mask: options.mask && bufferOf(options.mask),
        norm: norm && { weight: norm.weight, epsilon: normEpsilon, normalized: norm.normalized(steps), rstd: norm.rstd(steps) },
        gates: gates(steps),
        states: states.slots.map((slots) => slotsOf(backend, slots, from, steps)),
      },
      Object.fromEntries(saved.map(([name, buffer]) => [name, buffer(steps)])),
    );
    recurrence.forward(backend, layer);
    if (projection !== null) for (const x of [projection.normalized, projection.rstd]) releaseEarly(x.storage);
  }
  const { output, last, rest } = states.result();
  for (const x of [...temporaries, ...rest, ...(options.mask === null ? [] : [options.mask])]) releaseEarly(x.storage);
  return { output, last };
}

/** The part's steps, a view. */
function stepsOf(input: LayerInput, from: number, n: number): LayerInput {
  const { rows } = input;
  const [, B, I] = rows.shape;
  const shape = [n, B, I];
  return { ...input, rows: new Tensor(rows.storage, shape, rowMajor(shape), rows.offset + from * B * I) };
}

/** How many of the part's steps are within each sequence. */
function lengthsWithin({ values }: Lengths, from: number, n: number, backend: Backend): Tensor {
  return tensor(
    values.map((length) => Math.min(n, Math.max(0, length - from))),
    { dtype: 'int32', backend },
  );
}

/** The slots before, between and after `n` steps. */
function slotsOf(backend: Backend, slots: Tensor, from: number, n: number): Buffer {
  const [, B, width] = slots.shape;
  return backend.slice(bufferOf(slots), from * B * width, (n + 1) * B * width);
}
