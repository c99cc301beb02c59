/**
 * The tape: which operations made a tensor, and how gradients go back through them (reverse-mode differentiation). It
 * records whole operations; each brings its own backward, a few lines from its forward. First derivatives only.
 */
import { ShapeError } from '../tensor/errors.ts';
import { formatShape, sameShape } from '../tensor/shape.ts';
import { copyInto, emptyInOrder, packedOrder } from './layout.ts';
import { inScope, keep, releaseEarly } from './scope.ts';
import { Storage } from './storage.ts';
import { bufferOf, empty, Parameter, Tensor } from './tensor.ts';

/** One operation on the tape. */
export interface TapeNode {
  readonly name: string;
  /** Grows with time: whatever an operation was applied to has a smaller one. */
  readonly id: number;
  /** What it was applied to. */
  inputs: readonly (Tensor | null)[];
  /** Tensors that only the backward needs and no user can hold; freed once it has run. */
  saved: readonly Tensor[];
  outputs: readonly Tensor[];
  /** null once it has run. */
  backward: Backward | null;
}

/**
 * From the gradients of the outputs (null: none) to those of the inputs, in order; null or undefined where an input needs
 * none or its gradient went to `sink`. What it returns is fresh, `saved`, or a view of a gradient it was given. Gradients may have
 * any strides: `contiguous(g)` before a kernel. It may overwrite `saved`, never the gradients it was given. What else it
 * reads must be an input, an output or `saved`: the tape keeps only those alive.
 */
export type Backward = (gradients: readonly (Tensor | null)[], sink: GradientSink) => readonly (Tensor | null | undefined)[] | undefined;

/** Where a backward asks what is wanted, and adds large gradients without a temporary. */
export interface GradientSink {
  /** Whether input i wants a gradient. */
  wants(i: number): boolean;
  /**
   * The contiguous tensor that holds what is already known of input i's gradient (zeros at first). The backward ADDS to
   * it, and returns null for i. For weights: the product adds straight into the model's gradient buffer. With 'any layout'
   * it has no gaps, but may lie as the input does.
   */
  accumulator(i: number, layout?: 'any layout'): Tensor;
  /** The backward has read the gradients it was given, and returns no view of them: their memory is free for what it allocates next. */
  releaseGradients(): void;
}

let isRecording = true;
let nodeCount = 0;

/** The id that the next operation on the tape will have. */
export function nextNodeId(): number {
  return nodeCount;
}

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
  const node: TapeNode = { name, id: nodeCount++, inputs, saved, outputs, backward };
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
    throw new ShapeError(
      `[backward] expected a scalar, received ${formatShape(loss.shape)}. Reduce it with sum() or mean(), or give its gradient.`,
    );
  }
  if (gradient !== undefined && !sameShape(gradient.shape, loss.shape)) {
    throw new ShapeError(`[backward] expected a gradient of shape ${formatShape(loss.shape)}, received ${formatShape(gradient.shape)}.`);
  }
  if (!loss.requiresGrad) {
    throw new ShapeError(
      '[backward] this tensor depends on nothing that requires a gradient. Was it made in noGrad(), or from a detached tensor?',
    );
  }
  inScope(() => noGrad(() => walk(loss, gradient ?? filled(loss, 1))));
}

function walk(loss: Tensor, seed: Tensor): void {
  const nodes = loss.node === null ? [] : newestFirst(loss.node);
  const pending = new PendingGradients();
  pending.hold(seed);
  pending.add(loss, seed);
  for (const node of nodes) {
    const gradients = pending.take(node);
    if (gradients.some((g) => g !== null)) step(node, gradients, pending);
    pending.release(gradients);
    for (const x of node.saved) pending.dropIfUnshared(x);
    node.backward = null;
    node.inputs = [];
    node.saved = [];
    node.outputs = [];
  }
}

/** One operation backwards. */
function step(node: TapeNode, gradients: (Tensor | null)[], pending: PendingGradients): void {
  const { inputs } = node;
  const sink: GradientSink = {
    wants: (i) => inputs[i]?.requiresGrad === true,
    accumulator: (i, layout) => pending.accumulator(inputs[i]!, layout !== undefined),
    releaseGradients: () => pending.release(gradients),
  };
  const results = node.backward!(gradients, sink) ?? [];
  results.forEach((g, i) => {
    const input = inputs[i];
    if (g === null || g === undefined) return;
    if (input === null || input === undefined || !input.requiresGrad) {
      pending.dropIfUnshared(g);
      return;
    }
    if (!sameShape(g.shape, input.shape)) {
      throw new ShapeError(
        `[backward] "${node.name}" gave input ${i} a gradient of shape ${formatShape(g.shape)}; it is of shape ${formatShape(input.shape)}.`,
      );
    }
    pending.add(input, g);
  });
}

/** Every node that `last` depends on, each before those it depends on. */
function newestFirst(last: TapeNode): TapeNode[] {
  const nodes = new Set([last]);
  for (const { name, backward, inputs } of nodes) {
    if (backward === null) {
      throw new ShapeError(`[backward] the graph through "${name}" has been walked already; a graph gives its gradients once.`);
    }
    for (const x of inputs) if (x !== null && x.node !== null) nodes.add(x.node);
  }
  return [...nodes].sort((a, b) => b.id - a.id);
}

/** A leaf's `grad` in the backend's memory, zeros at first. It outlives every scope, and a Parameter's stays where it is. */
export function leafGradient(leaf: Tensor): Tensor {
  const known = leaf.grad;
  if (known !== null && known.storage.host === null) return known;
  const { backend } = leaf;
  const grad = leaf instanceof Parameter ? persistent(leaf) : keep(empty(backend, leaf.shape));
  if (known === null) backend.fill(bufferOf(grad), 0);
  else backend.write(bufferOf(grad), known.storage.read());
  leaf.grad = grad;
  return grad;
}

function persistent(like: Tensor): Tensor {
  const storage = Storage.onBackend(like.backend, like.backend.float, like.size);
  storage.persist();
  return new Tensor(storage, like.shape);
}

function filled(like: Tensor, value: number): Tensor {
  const x = empty(like.backend, like.shape);
  like.backend.fill(bufferOf(x), value);
  return x;
}

/** Gradients on their way: per node and output, with a count of who shares each buffer. What a leaf gets is added to it at once. */
class PendingGradients {
  readonly #byNode = new Map<TapeNode, (Tensor | null)[]>();
  readonly #shares = new Map<Storage, number>();

  /** Never frees or overwrites this one: somebody else's. */
  hold(gradient: Tensor): void {
    this.#share(gradient, 1);
  }

  add(to: Tensor, gradient: Tensor): void {
    if (to.node === null) {
      copyInto(gradient, leafGradient(to), true);
      this.dropIfUnshared(gradient);
      return;
    }
    const slots = this.#slots(to.node);
    const known = slots[to.outputIndex];
    if (known === null) {
      slots[to.outputIndex] = gradient;
      this.#share(gradient, 1);
      return;
    }
    if (this.#isAlone(known) && packedOrder(known) !== null) {
      copyInto(gradient, known, true);
      this.dropIfUnshared(gradient);
      return;
    }
    const sum = emptyInOrder(known.backend, known.shape, packedOrder(known));
    copyInto(known, sum);
    copyInto(gradient, sum, true);
    slots[to.outputIndex] = sum;
    this.#share(sum, 1);
    this.#share(known, -1);
    this.dropIfUnshared(gradient);
  }

  accumulator(to: Tensor, inAnyOrder: boolean): Tensor {
    if (to.node === null) return leafGradient(to);
    const slots = this.#slots(to.node);
    const known = slots[to.outputIndex];
    if (known !== null && this.#isAlone(known) && (inAnyOrder ? packedOrder(known) !== null : known.isContiguous)) return known;
    const sum = emptyInOrder(to.backend, to.shape, inAnyOrder ? packedOrder(to) : null);
    if (known === null) to.backend.fill(bufferOf(sum), 0);
    else {
      copyInto(known, sum);
      this.#share(known, -1);
    }
    slots[to.outputIndex] = sum;
    this.#share(sum, 1);
    return sum;
  }

  take(node: TapeNode): (Tensor | null)[] {
    const slots = this.#slots(node);
    this.#byNode.delete(node);
    return slots;
  }

  /** A node's backward no longer needs the gradients it was given: takes them out of the list. */
  release(gradients: (Tensor | null)[]): void {
    for (const g of gradients.splice(0)) if (g !== null) this.#share(g, -1);
  }

  dropIfUnshared(x: Tensor): void {
    if (!this.#shares.has(x.storage)) releaseEarly(x.storage);
  }

  /** Whether a pending gradient is the only tensor over its storage. */
  #isAlone(known: Tensor): boolean {
    return this.#shares.get(known.storage) === 1;
  }

  #slots(node: TapeNode): (Tensor | null)[] {
    let slots = this.#byNode.get(node);
    if (slots === undefined) {
      slots = node.outputs.map(() => null);
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
}
