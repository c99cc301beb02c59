/** Tensors: a shape over a storage, and the place in the tape that made it. Operations on them are in ops/. */
import type { Backend, Buffer } from '../backend/backend.ts';
import { getBackend } from '../backend/select.ts';
import { BackendError, ShapeError } from '../tensor/errors.ts';
import type { Random } from '../tensor/random.ts';
import { arrayOf, type DType, formatShape, isContiguous, rowMajor, type Shape, sizeOf, type TypedArray } from '../tensor/shape.ts';
import { copyInto, packedOrder } from './layout.ts';
import { own, upload } from './scope.ts';
import { Storage } from './storage.ts';
import type { TapeNode } from './tape.ts';

/** A nested list of numbers, as one writes a small tensor down. */
export type NestedNumbers = number | readonly NestedNumbers[];

/** How a tensor is made. */
export interface TensorOptions {
  /** Shape; default: that of the nested list, or one axis for a typed array. */
  readonly shape?: Shape;
  /** 'int32' for indices. Default: int32 for an Int32Array, the backend's float for everything else. */
  readonly dtype?: 'float' | 'int32';
  readonly requiresGrad?: boolean;
  /** Default: the backend in use. */
  readonly backend?: Backend;
}

/** An array of numbers with a shape. Immutable to its users; made by `tensor`, `zeros`, … and by operations. */
export class Tensor {
  /** Fixed, except that an optimiser moves a Parameter's. */
  storage: Storage;
  readonly shape: Shape;
  /** In elements. A view (transpose, slice) shares its storage under other strides. */
  readonly strides: readonly number[];
  readonly offset: number;
  requiresGrad = false;
  /** ∂(what `backward` was called on)/∂(this), for leaves that require it; adds up until cleared. */
  grad: Tensor | null = null;
  /** The operation that made this tensor, while the tape holds it. */
  node: TapeNode | null = null;
  /** Which of the node's outputs this is. */
  outputIndex = 0;

  constructor(storage: Storage, shape: Shape, strides: readonly number[] = rowMajor(shape), offset = 0) {
    this.storage = storage;
    this.shape = shape;
    this.strides = strides;
    this.offset = offset;
  }

  get backend(): Backend {
    return this.storage.backend;
  }

  get dtype(): DType {
    return this.storage.dtype;
  }

  get rank(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  get isContiguous(): boolean {
    return isContiguous(this.shape, this.strides);
  }

  /** The numbers in row-major order, once they are there. */
  async data(): Promise<TypedArray> {
    return this.dataSync();
  }

  /**
   * As `data`, at once: the CPU backends can.
   *
   * @param into  an array of as many numbers to write them into, and to give back; default: a fresh one of the tensor's dtype
   */
  dataSync(into?: TypedArray): TypedArray {
    const { storage, size } = this;
    if (into !== undefined && into.length !== size) {
      throw new ShapeError(
        `[dataSync] expected an array of ${size} numbers for shape ${formatShape(this.shape)}, received ${into.length}.`,
      );
    }
    if (storage.host === null && storage.buffer !== null && this.isContiguous) {
      return this.backend.read(this.backend.slice(storage.buffer, this.offset, size), into);
    }
    const all = storage.read();
    const out = into ?? arrayOf(this.dtype, size);
    if (!this.isContiguous) return gatherStrided(all, this.shape, this.strides, this.offset, out);
    out.set(all.subarray(this.offset, this.offset + size));
    return out;
  }

  /** The one number of a tensor of one element. */
  item(): number {
    if (this.size !== 1) throw new ShapeError(`[item] expected a tensor of one element, received ${formatShape(this.shape)}.`);
    return this.dataSync()[0];
  }

  /** Nested lists of numbers, as `tensor` takes them. */
  toArray(): NestedNumbers {
    return nest(this.dataSync(), this.shape);
  }

  /** The same numbers with no history: gradients stop here. Shares the storage. */
  detach(): Tensor {
    return new Tensor(this.storage, this.shape, this.strides, this.offset);
  }

  /** For people: shape, dtype and backend, never the numbers. */
  toString(): string {
    return `Tensor(${formatShape(this.shape)}, ${this.dtype}, ${this.backend.name})`;
  }
}

/**
 * A tensor that is learnt: a leaf of the tape, in the backend's memory for as long as it lives.
 * An optimiser moves a model's parameters into one contiguous buffer (see nn/parameters.ts); the object stays the same.
 */
export class Parameter extends Tensor {
  constructor(values: TypedArray, shape: Shape, backend: Backend = getBackend()) {
    if (values.length !== sizeOf(shape)) {
      throw new ShapeError(`[Parameter] expected ${sizeOf(shape)} values for shape ${formatShape(shape)}, received ${values.length}.`);
    }
    super(Storage.onHost(backend, copyAs(backend.float, values), backend.float), shape);
    this.storage.isLearnt = true;
    this.requiresGrad = true;
  }

  /** Replaces the values. */
  assign(values: ArrayLike<number>): void {
    if (values.length !== this.size) {
      throw new ShapeError(
        `[Parameter.assign] expected ${this.size} values for shape ${formatShape(this.shape)}, received ${values.length}.`,
      );
    }
    this.storage.write(values);
  }

  /** Moves values and gradient into parts of buffers that `owner` keeps alive. For optimisers. */
  moveTo(owner: object, values: Buffer, gradient: Buffer): void {
    this.storage.moveTo(owner, values);
    if (this.grad === null) this.grad = new Tensor(Storage.partOf(owner, this.backend, gradient), this.shape);
    else this.grad.storage.moveTo(owner, gradient);
  }
}

/** A fresh array of `dtype`. */
function copyAs(dtype: DType, values: ArrayLike<number>): TypedArray {
  const copy = arrayOf(dtype, values.length);
  copy.set(values);
  return copy;
}

/**
 * A tensor from numbers.
 *
 * @example tensor([[1, 2], [3, 4]])
 * @example tensor(samples, { shape: [32, 100, 8] }) // from a Float32Array
 * @throws ShapeError when lists are ragged or the shape does not fit
 */
export function tensor(values: NestedNumbers | TypedArray, options: TensorOptions = {}): Tensor {
  const backend = options.backend ?? getBackend();
  const isTyped = ArrayBuffer.isView(values);
  const natural = isTyped ? [values.length] : shapeOf(values);
  const shape = options.shape ?? natural;
  if (sizeOf(shape) !== sizeOf(natural)) {
    throw new ShapeError(`[tensor] expected ${sizeOf(shape)} numbers for shape ${formatShape(shape)}, received ${sizeOf(natural)}.`);
  }
  const isInteger = options.dtype === undefined ? values instanceof Int32Array : options.dtype === 'int32';
  const dtype = isInteger ? 'int32' : backend.float;
  const flat = isTyped ? values : flatten(values, natural);
  if (isInteger && !(flat instanceof Int32Array)) requireIntegers(flat);
  const result = new Tensor(Storage.onHost(backend, copyAs(dtype, flat), dtype), shape);
  result.requiresGrad = options.requiresGrad ?? false;
  return result;
}

/** A tensor of one number everywhere. */
export function full(shape: Shape, value: number, options: TensorOptions = {}): Tensor {
  const backend = options.backend ?? getBackend();
  const dtype = options.dtype === 'int32' ? 'int32' : backend.float;
  const result = new Tensor(Storage.onHost(backend, arrayOf(dtype, sizeOf(shape)).fill(value), dtype), shape);
  result.requiresGrad = options.requiresGrad ?? false;
  return result;
}

/** A tensor of zeros. */
export function zeros(shape: Shape, options?: TensorOptions): Tensor {
  return full(shape, 0, options);
}

/** A tensor of ones. */
export function ones(shape: Shape, options?: TensorOptions): Tensor {
  return full(shape, 1, options);
}

/** Normal numbers with mean 0 and deviation 1. */
export function randomNormal(shape: Shape, rng: Random, options?: TensorOptions): Tensor {
  return tensor(rng.fillNormal(new Float32Array(sizeOf(shape))), { ...options, shape });
}

/** Uniform numbers in [0, 1). */
export function randomUniform(shape: Shape, rng: Random, options?: TensorOptions): Tensor {
  return tensor(rng.fillUniform(new Float32Array(sizeOf(shape))), { ...options, shape });
}

/**
 * A tensor over an array as it is, where the backend computes with its type; elsewhere a copy. For large inputs, which nobody may change
 * while the tensor is in use.
 */
export function tensorOver(values: TypedArray, shape: Shape, backend: Backend): Tensor {
  const isAsIs = values instanceof (backend.float === 'float32' ? Float32Array : Float64Array);
  if (!isAsIs) return tensor(values, { shape, backend });
  if (sizeOf(shape) !== values.length) {
    throw new ShapeError(`[tensorOver] expected ${sizeOf(shape)} numbers for shape ${formatShape(shape)}, received ${values.length}.`);
  }
  return new Tensor(Storage.onHost(backend, values, backend.float), shape);
}

// ---- for operations ---------------------------------------------------------------------------------------------------

/** An uninitialised tensor in the current scope. For operations, which run inside one. */
export function empty(backend: Backend, shape: Shape, dtype: DType = backend.float): Tensor {
  const storage = Storage.onBackend(backend, dtype, sizeOf(shape));
  own(storage);
  return new Tensor(storage, shape);
}

/**
 * The buffer that a kernel reads: the elements of a tensor without gaps, in the order of memory. Host storages are uploaded
 * for the scope.
 *
 * @throws BackendError when there are gaps or repeats
 */
export function bufferOf(x: Tensor): Buffer {
  if (packedOrder(x) === null) {
    throw new BackendError(
      `[bufferOf] expected a tensor without gaps, received ${x} with strides [${x.strides.join(', ')}]. Give contiguous(x).`,
    );
  }
  const whole = wholeBuffer(x);
  const { size } = x;
  return x.offset === 0 && size === whole.length ? whole : x.backend.slice(whole, x.offset, size);
}

/** All of the storage that `x` is a view of; for kernels that take offsets and strides. */
export function wholeBuffer(x: Tensor): Buffer {
  const { storage } = x;
  if (storage.buffer === null) {
    if (storage.isLearnt) storage.persist();
    else upload(storage);
  }
  return storage.buffer!;
}

/** `x`, or a row-major copy where its strides are others. No history. */
export function contiguous(x: Tensor): Tensor {
  if (x.isContiguous) return x;
  const copy = empty(x.backend, x.shape, x.dtype);
  copyInto(x, copy);
  return copy;
}

/** The backend that all of these share. */
export function backendOf(operation: string, tensors: readonly (Tensor | null | undefined)[]): Backend {
  let backend: Backend | null = null;
  for (const x of tensors) {
    if (x === null || x === undefined) continue;
    if (backend === null) backend = x.backend;
    else if (backend !== x.backend) {
      throw new BackendError(
        `[${operation}] expected tensors of one backend, received "${backend.name}" and "${x.backend.name}". Make them under the same setBackend.`,
      );
    }
  }
  if (backend === null) throw new BackendError(`[${operation}] expected at least one tensor.`);
  return backend;
}

function shapeOf(values: NestedNumbers): number[] {
  if (typeof values === 'number') return [];
  return values.length === 0 ? [0] : [values.length, ...shapeOf(values[0])];
}

function flatten(values: NestedNumbers, shape: Shape): number[] {
  const out: number[] = [];
  const visit = (value: NestedNumbers, axis: number): void => {
    const isLeaf = typeof value === 'number';
    if (isLeaf !== (axis === shape.length) || (!isLeaf && value.length !== shape[axis])) {
      throw new ShapeError(`[tensor] expected nested lists of shape ${formatShape(shape)}, received a ragged list at depth ${axis}.`);
    }
    if (isLeaf) out.push(value);
    else for (const part of value) visit(part, axis + 1);
  };
  visit(values, 0);
  return out;
}

function requireIntegers(values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isInteger(values[i])) throw new ShapeError(`[tensor] expected integers for dtype int32, received ${values[i]} at ${i}.`);
  }
}

function nest(values: TypedArray, shape: Shape): NestedNumbers {
  if (shape.length === 0) return values[0];
  const inner = sizeOf(shape.slice(1));
  return Array.from({ length: shape[0] }, (_, i) => nest(values.subarray(i * inner, (i + 1) * inner), shape.slice(1)));
}

function gatherStrided(all: TypedArray, shape: Shape, strides: readonly number[], offset: number, out: TypedArray): TypedArray {
  let next = 0;
  const visit = (axis: number, at: number): void => {
    if (axis === shape.length) {
      out[next++] = all[at];
      return;
    }
    for (let i = 0; i < shape[axis]; i++) visit(axis + 1, at + i * strides[axis]);
  };
  visit(0, offset);
  return out;
}
