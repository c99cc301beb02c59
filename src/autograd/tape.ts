/**
 * The tape: which operations made a tensor, and how gradients go back through them (reverse-mode differentiation). It
 * records whole operations; each brings its own backward, a few lines from its forward. First derivatives only.
 */
import { ShapeError } from '../tensor/errors.ts';
import { formatShape, sameShape } from '../tensor/shape.ts';
import { inScope, releaseEarly } from './scope.ts';
import { Storage } from './storage.ts';
import { bufferOf, contiguous, empty, Tensor } from './tensor.ts';

/** One operation on the tape. */
export interface TapeNode {
  readonly name: string;
  /** What it was applied to. */
  inputs: readonly (Tensor | null)[];
  /** Tensors that only the backward needs and no user can hold; freed once it has run. */
  saved: readonly Tensor[];
  readonly outputShapes: readonly (readonly number[])[];
  /** null once it has run. */
  backward: Backward | null;
}

/**
 * From the gradients of the outputs (null: none) to those of the inputs, in order; null or undefined where an input needs
 * none or its gradient went to `sink`. What it returns is fresh, or a view of a gradient it was given. Gradients may have
 * any strides: `contiguous(g)` before a kernel. It may overwrite `saved`, never the gradients it was given.
 */
export type Backward = (gradients: readonly (Tensor | null)[], sink: GradientSink) => readonly (Tensor | null | undefined)[] | void;

/** Where a backward asks what is wanted, and adds large gradients without a temporary. */
export interface GradientSink {
  /** Whether input i wants a gradient. */
  wants(i: number): boolean;
  /**
   * The contiguous tensor that holds what is already known of input i's gradient (zeros at first). The backward ADDS to
   * it, and returns null for i. For weights: the product adds straight into the model's gradient buffer.
   */
  accumulator(i: number): Tensor;
}

let isRecording = true;

/** Runs `body` without recording; its results have no history. */
export function noGrad<T>(body: () => T): T {
  const before = isRecording;
  isRecording = false;
  try {
    return body();
  } finally {
    isRecording = before;
  }
}

/** Whether an operation on these must save what its backward needs. */
export function needsGrad(inputs: readonly (Tensor | null | undefined)[]): boolean {
  return isRecording && inputs.some((x) => x?.requiresGrad === true);
}

/** Puts an operation on the tape, if any input needs a gradient. The outputs then require one too. */
export function record(
  name: string,
  inputs: readonly (Tensor | null)[],
  outputs: readonly Tensor[],
  backward: Backward,
  saved: readonly Tensor[] = [],
): void {
  if (!needsGrad(inputs)) return;
  const node: TapeNode = { name, inputs, saved, outputShapes: outputs.map((y) => y.shape), backward };
  outputs.forEach((y, index) => {
    y.requiresGrad = true;
    y.node = node;
    y.outputIndex = index;
  });
}

/**
 * Gradients of `loss` with respect to every leaf that requires one, added to the leaf's `grad`. Walks the tape once,
 * newest operation first, and lets go of it: a second call on the same graph throws.
 *
 * @param loss      a scalar, unless `gradient` is given
 * @param gradient  ∂(what is minimised)/∂loss, of loss's shape; 1 when absent
 */
export function backward(loss: Tensor, gradient?: Tensor): void {
  if (gradient === undefined && loss.size !== 1) {
    throw new ShapeError(`[backward] expected a scalar, received ${formatShape(loss.shape)}. Reduce it with sum() or mean(), or give its gradient.`);
  }
  if (gradient !== undefined && !sameShape(gradient.shape, loss.shape)) {
    throw new ShapeError(`[backward] expected a gradient of shape ${formatShape(loss.shape)}, received ${formatShape(gradient.shape)}.`);
  }
  if (!loss.requiresGrad) {
    throw new ShapeError('[backward] this tensor depends on nothing that requires a gradient (or its graph has been walked already).');
  }
  inScope(() => noGrad(() => walk(loss, gradient ?? filled(loss, 1))));
}

function walk(loss: Tensor, seed: Tensor): void {
  if (loss.node === null) {
    addToLeaf(loss, seed);
    return;
  }
  const pending = new PendingGradients();
  pending.hold(seed);
  pending.add(loss.node, loss.outputIndex, seed);
  for (const node of newestFirst(loss.node)) {
    const gradients = pending.take(node);
    if (gradients.some((g) => g !== null)) step(node, gradients, pending);
    pending.release(gradients);
    for (const x of node.saved) releaseEarly(x.storage);
    node.backward = null;
    node.inputs = [];
    node.saved = [];
  }
  loss.node = null;
}

/** One operation backwards. */
function step(node: TapeNode, gradients: readonly (Tensor | null)[], pending: PendingGradients): void {
  const { inputs } = node;
  const sink: GradientSink = {
    wants: (i) => inputs[i]?.requiresGrad === true,
    accumulator: (i) => {
      const input = inputs[i]!;
      return input.node === null ? leafGradient(input) : pending.accumulator(input.node, input.outputIndex, input);
    },
  };
  const results = node.backward!(gradients, sink) ?? [];
  results.forEach((g, i) => {
    const input = inputs[i];
    if (g === null || g === undefined || input === null || !input.requiresGrad) return;
    if (input.node === null) addToLeaf(input, g);
    else pending.add(input.node, input.outputIndex, g);
  });
}

/** Every node that `last` depends on, each before those it depends on. */
function newestFirst(last: TapeNode): TapeNode[] {
  const order: TapeNode[] = [];
  const seen = new Set<TapeNode>([last]);
  const stack: { node: TapeNode; next: number }[] = [{ node: last, next: 0 }];
  while (stack.length > 0) {
    const top = stack[stack.length - 1];
    if (top.node.backward === null) {
      throw new ShapeError(`[backward] the graph through "${top.node.name}" has been walked already; a graph gives its gradients once.`);
    }
    if (top.next === top.node.inputs.length) {
      order.push(top.node);
      stack.pop();
      continue;
    }
    const node = top.node.inputs[top.next++]?.node;
    if (node !== null && node !== undefined && !seen.has(node)) {
      seen.add(node);
      stack.push({ node, next: 0 });
    }
  }
  return order.reverse();
}

/** A leaf's `grad`, zeros at first; it outlives scopes. */
export function leafGradient(leaf: Tensor): Tensor {
  if (leaf.grad !== null) return leaf.grad;
  const storage = Storage.onBackend(leaf.backend, leaf.backend.float, leaf.size);
  storage.persist();
  leaf.backend.fill(storage.buffer!, 0);
  leaf.grad = new Tensor(storage, leaf.shape);
  return leaf.grad;
}

function addToLeaf(leaf: Tensor, gradient: Tensor): void {
  const total = leafGradient(leaf);
  leaf.backend.axpy(1, bufferOf(contiguous(gradient)), bufferOf(total));
}

function filled(like: Tensor, value: number): Tensor {
  const x = empty(like.backend, like.shape);
  like.backend.fill(bufferOf(x), value);
  return x;
}

/** Gradients on their way: per node and output, with a count of who shares each buffer. */
class PendingGradients {
  readonly #byNode = new Map<TapeNode, (Tensor | null)[]>();
  readonly #shares = new Map<Storage, number>();

  /** Never frees this one: somebody else's. */
  hold(gradient: Tensor): void {
    this.#share(gradient, 1);
  }

  add(node: TapeNode, index: number, gradient: Tensor): void {
    const slots = this.#slots(node);
    const known = slots[index];
    if (known === null) {
      slots[index] = gradient;
      this.#share(gradient, 1);
      return;
    }
    if (this.#shares.get(known.storage) === 1 && known.storage !== gradient.storage && known.isContiguous && known.size === known.storage.length) {
      known.backend.axpy(1, bufferOf(contiguous(gradient)), bufferOf(known));
      this.#dropIfUnshared(gradient);
      return;
    }
    const sum = empty(known.backend, known.shape);
    known.backend.binary('add', bufferOf(contiguous(known)), bufferOf(contiguous(gradient)), bufferOf(sum));
    slots[index] = sum;
    this.#share(sum, 1);
    this.#share(known, -1);
    this.#dropIfUnshared(gradient);
  }

  accumulator(node: TapeNode, index: number, like: Tensor): Tensor {
    const slots = this.#slots(node);
    const known = slots[index];
    if (known !== null && this.#shares.get(known.storage) === 1 && known.isContiguous && known.size === known.storage.length) return known;
    const sum = filled(like, 0);
    slots[index] = sum;
    this.#share(sum, 1);
    if (known !== null) {
      known.backend.axpy(1, bufferOf(contiguous(known)), bufferOf(sum));
      this.#share(known, -1);
    }
    return sum;
  }

  take(node: TapeNode): (Tensor | null)[] {
    const slots = this.#slots(node);
    this.#byNode.delete(node);
    return slots;
  }

  /** The node's backward has run: its gradients are no longer needed by it. */
  release(gradients: readonly (Tensor | null)[]): void {
    for (const g of gradients) if (g !== null) this.#share(g, -1);
  }

  #slots(node: TapeNode): (Tensor | null)[] {
    let slots = this.#byNode.get(node);
    if (slots === undefined) {
      slots = node.outputShapes.map(() => null);
      this.#byNode.set(node, slots);
    }
    return slots;
  }

  #share(gradient: Tensor, change: 1 | -1): void {
    const count = (this.#shares.get(gradient.storage) ?? 0) + change;
    if (count > 0) {
      this.#shares.set(gradient.storage, count);
      return;
    }
    this.#shares.delete(gradient.storage);
    releaseEarly(gradient.storage);
  }

  #dropIfUnshared(gradient: Tensor): void {
    if (!this.#shares.has(gradient.storage)) releaseEarly(gradient.storage);
  }
}
