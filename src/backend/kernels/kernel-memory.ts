/**
 * What is between the kernels of native/ and JavaScript: buffers in their memory, workspaces, and calls that are written down
 * once to be made again and again.
 */
import { BackendError } from '../../tensor/errors.ts';
import { bytesPer, type DType, type TypedArray } from '../../tensor/shape.ts';
import { Arena, type Block, type SlabSource } from '../arena.ts';
import type { Buffer } from '../backend.ts';
import type { Exports } from './exports.ts';

/** Memory that JavaScript reads and kernels address. */
export interface Slab {
  /** May be another one at each look: a WebAssembly memory that grows has a new buffer, which is shared where its type does not say so. */
  readonly buffer: ArrayBuffer;
  /** Of the buffer's first byte. */
  readonly address: number;
}

/** What kernels run on. */
export interface Machine {
  readonly name: 'native' | 'wasm';
  /** "AVX2, 8 floats wide" */
  readonly vectors: string;
  readonly kernels: Exports;
  /** What `replay` knows each kernel by. */
  readonly entries: Readonly<Record<string, number>>;
  readonly memory: SlabSource<Slab>;
  /** Asks the operating system for a buffer's memory in large pages, before all of it is written. */
  largePages?(buffer: ArrayBuffer): void;
  threads(): number;
  setThreads(count: number): void;
  /** Why there is one thread and can be no more. */
  oneThread?(): string | undefined;
}

const arrays = { float32: Float32Array, float64: Float64Array, int32: Int32Array } as const;

/** A stretch of an arena's block. */
export class KernelBuffer implements Buffer {
  readonly dtype: DType;
  readonly length: number;
  readonly pointer: number;
  readonly slab: Slab;
  /** null: a slice, which cannot be freed, or a buffer that has been. */
  block: Block<Slab> | null;
  #view: TypedArray | null = null;

  constructor(dtype: DType, length: number, pointer: number, slab: Slab, block: Block<Slab> | null) {
    this.dtype = dtype;
    this.length = length;
    this.pointer = pointer;
    this.slab = slab;
    this.block = block;
  }

  view(): TypedArray {
    const { buffer, address } = this.slab;
    if (this.#view === null || this.#view.buffer !== buffer) {
      this.#view = new arrays[this.dtype](buffer, this.pointer - address, this.length);
    }
    return this.#view;
  }
}

/** Calls that are written down where kernels can read them. */
interface Calls {
  readonly pointer: number;
  readonly count: number;
  readonly threads: number;
}

/** Of float32 and int32, what kernels count in. */
export const bytesPerElement = 4;
/** What is read and at least so large is worth a call for large pages of 2 MB. */
const largeBytes = 2 * 2 ** 20;
/** Kernels count in int32. */
const maximumLength = 2 ** 31 - 1;

/** What a backend over kernels is beside its kernels: memory, and calls that are noted to be made again. */
export abstract class KernelMemory {
  readonly name: 'native' | 'wasm';
  readonly float = 'float32';
  readonly #machine: Machine;
  /** While calls are being noted, what notes them. */
  protected kernels: Exports;
  readonly #arena: Arena<Slab>;
  /** While calls are being noted: what they need for themselves. */
  #noted: Block<Slab>[] | null = null;
  readonly #abandoned: FinalizationRegistry<readonly Block<Slab>[]>;

  constructor(machine: Machine) {
    this.name = machine.name;
    this.#machine = machine;
    this.kernels = machine.kernels;
    this.#arena = new Arena(machine.memory);
    this.#abandoned = new FinalizationRegistry((blocks) => {
      for (const block of blocks) this.#arena.release(block);
    });
  }

  get description(): string {
    const { vectors, oneThread } = this.#machine;
    const reason = oneThread?.();
    const threads = this.threads === 1 ? '1 thread' : `${this.threads} threads`;
    return `${vectors}, ${threads}${reason === undefined ? '' : ` (${reason})`}`;
  }

  get threads(): number {
    return this.#machine.threads();
  }

  /** From the next kernel on. One at least, and one where memory cannot be shared. */
  setThreads(count: number): void {
    this.#machine.setThreads(count);
  }

  // ---- memory -----------------------------------------------------------------------------------------------------

  allocate(dtype: DType, length: number): Buffer {
    if (length > maximumLength) {
      throw new BackendError(`[${this.name}] a tensor has at most ${maximumLength} elements, received ${length}: split it.`);
    }
    const block = this.#arena.allocate(length * bytesPer[dtype]);
    return new KernelBuffer(dtype, length, block.pointer, block.slab, block);
  }

  free(buffer: Buffer): void {
    const own = buffer as KernelBuffer;
    if (own.block === null)
      throw new BackendError(`[${this.name}] expected an allocated buffer to free, received a slice, or one that is freed already.`);
    this.#arena.release(own.block);
    own.block = null;
  }

  slice(buffer: Buffer, offset: number, length: number): Buffer {
    const own = buffer as KernelBuffer;
    return new KernelBuffer(own.dtype, length, own.pointer + offset * bytesPer[own.dtype], own.slab, null);
  }

  write(buffer: Buffer, values: ArrayLike<number>): void {
    (buffer as KernelBuffer).view().set(values);
  }

  read(buffer: Buffer, into?: TypedArray): TypedArray {
    const { dtype, length } = buffer;
    const view = (buffer as KernelBuffer).view();
    const { largePages } = this.#machine;
    const isLarge = largePages !== undefined && length * bytesPer[dtype] >= largeBytes;
    if (into === undefined && !isLarge) return new arrays[dtype](view); // faster than slice
    const values = into ?? new arrays[dtype](length);
    if (into === undefined) largePages!(values.buffer as ArrayBuffer);
    values.set(view as Float32Array);
    return values;
  }

  get memory(): { readonly bytes: number; readonly peakBytes: number } {
    return { bytes: this.#arena.bytes, peakBytes: this.#arena.peakBytes };
  }

  resetPeak(): void {
    this.#arena.resetPeak();
  }

  /** Calls a kernel with so many floats of memory of its own. */
  protected withWorkspace(floats: number, call: (workspace: number) => void): void {
    if (floats === 0) {
      call(0);
      return;
    }
    const block = this.#arena.allocate(floats * bytesPerElement);
    call(block.pointer);
    if (this.#noted === null) this.#arena.release(block);
    else this.#noted.push(block);
  }

  // ---- calls that come again and again ----------------------------------------------------------------------------

  prepare(body: () => void): () => void {
    let calls = this.#note(body);
    return () => {
      while (this.kernels.replay(calls.pointer, calls.count, calls.threads) === 0) calls = this.#note(body);
    };
  }

  /** Writes down the calls that `body` makes. Their memory is given back when they are collected. */
  #note(body: () => void): Calls {
    const { kernels, entries } = this.#machine;
    const numbers: number[] = [];
    const blocks: Block<Slab>[] = [];
    const { threads } = this;
    let count = 0;
    const noting = Object.keys(entries).map((name) => [
      name,
      (...values: number[]) => {
        numbers.push(entries[name], ...values);
        count++;
      },
    ]);
    const asking = Object.entries(kernels).filter(([name]) => name.endsWith('_workspace'));
    this.kernels = Object.fromEntries([...noting, ...asking]) as Exports;
    this.#noted = blocks;
    try {
      body();
    } finally {
      this.kernels = kernels;
      this.#noted = null;
    }
    const block = this.#arena.allocate(numbers.length * Float64Array.BYTES_PER_ELEMENT);
    new Float64Array(block.slab.buffer, block.pointer - block.slab.address, numbers.length).set(numbers);
    const calls = { pointer: block.pointer, count, threads };
    this.#abandoned.register(calls, [...blocks, block]);
    return calls;
  }
}
