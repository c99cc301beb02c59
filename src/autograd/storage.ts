/**
 * Where a tensor's numbers are, and for how long. Three lives:
 *  - host: a typed array on JavaScript's heap, collected like any object. What is outside every scope is here.
 *  - scoped: a buffer of the backend, given back when its scope ends (see scope.ts). What a training step makes is here.
 *  - persistent: a buffer of the backend, given back when the storage is collected. Parameters and optimiser states.
 * A host storage that a kernel needs is copied to a buffer for the length of the scope.
 */
import type { Backend, Buffer } from '../backend/backend.ts';
import { BackendError } from '../tensor/errors.ts';
import type { DType, TypedArray } from '../tensor/shape.ts';

let epoch = 0;

/** Counts the changes of what is learnt: what was made of weights and kept is good within one epoch. */
export function weightsEpoch(): number {
  return epoch;
}

/** To be called by whoever changes learnt numbers in the backend's memory by a kernel. */
export function weightsChanged(): void {
  epoch++;
}

export class Storage {
  readonly backend: Backend;
  readonly dtype: DType;
  readonly length: number;
  /** Set while the numbers are on JavaScript's heap. */
  host: TypedArray | null = null;
  /** Set while the numbers (or, with `host`, a copy of them) are in the backend's memory. */
  buffer: Buffer | null = null;
  /** Outlives scopes: no scope frees the buffer. */
  persistent = false;
  /** Becomes persistent when a kernel first needs it: a parameter's. */
  isLearnt = false;
  /** What must stay alive as long as this storage does: the flat buffer that it is a part of. */
  owner: object | null = null;

  private constructor(backend: Backend, dtype: DType, length: number) {
    this.backend = backend;
    this.dtype = dtype;
    this.length = length;
  }

  static onHost(backend: Backend, values: TypedArray, dtype: DType): Storage {
    const storage = new Storage(backend, dtype, values.length);
    storage.host = values;
    return storage;
  }

  /** A fresh buffer; the caller hands it to a scope. */
  static onBackend(backend: Backend, dtype: DType, length: number): Storage {
    const storage = new Storage(backend, dtype, length);
    storage.buffer = backend.allocate(dtype, length);
    return storage;
  }

  /** A part of a buffer that `owner` keeps alive. */
  static partOf(owner: object, backend: Backend, buffer: Buffer): Storage {
    const storage = new Storage(backend, buffer.dtype, buffer.length);
    storage.buffer = buffer;
    storage.persistent = true;
    storage.owner = owner;
    return storage;
  }

  /** Moves the numbers into the backend's memory for good. */
  persist(): void {
    if (this.persistent) return;
    if (this.buffer === null) {
      const host = this.read();
      this.buffer = this.backend.allocate(this.dtype, this.length);
      this.backend.write(this.buffer, host);
    }
    this.host = null;
    this.persistent = true;
    freeWhenCollected(this, this.backend, this.buffer);
  }

  /** Moves the numbers into a part of a buffer that `owner` keeps alive. Every tensor over this storage follows. */
  moveTo(owner: object, buffer: Buffer): void {
    if (this.buffer === null) this.backend.write(buffer, this.read());
    else this.backend.copy(this.buffer, buffer);
    if (this.persistent && this.owner === null) {
      registry.unregister(this);
      this.backend.free(this.buffer!);
    }
    this.host = null;
    this.buffer = buffer;
    this.persistent = true;
    this.owner = owner;
  }

  /** The numbers, as they are now. Host storages answer with their own array: copy before writing. */
  read(): TypedArray {
    if (this.host !== null) return this.host;
    if (this.buffer !== null) return this.backend.read(this.buffer);
    throw new BackendError(
      'this tensor ended with the scope (or training step) that made it. Return it from the callback, or keep(tensor), to use it afterwards.',
    );
  }

  /** Replaces the numbers, wherever they are. */
  write(values: ArrayLike<number>): void {
    this.host?.set(values);
    if (this.buffer !== null) this.backend.write(this.buffer, values);
    if (this.isLearnt) weightsChanged();
  }

  /** Gives the buffer back. Without a host copy the tensor has ended. */
  release(): void {
    if (this.buffer === null || this.persistent) return;
    this.backend.free(this.buffer);
    this.buffer = null;
  }

  /** Out of every scope: onto JavaScript's heap. */
  moveToHost(): void {
    if (this.persistent) return;
    if (this.host === null) this.host = this.read();
    this.release();
  }
}

const registry = new FinalizationRegistry<{ backend: Backend; buffer: Buffer }>(({ backend, buffer }) => backend.free(buffer));

/** Frees `buffer` once `holder` has been collected. */
export function freeWhenCollected(holder: object, backend: Backend, buffer: Buffer): void {
  registry.register(holder, { backend, buffer }, holder);
}
