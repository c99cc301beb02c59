/** Memory of a WebAssembly module: shared with other threads where the engine allows that, and given out behind what the module itself uses. */
import { type Growth, granularity, type SlabSource } from './arena.ts';
import type { Slab } from './kernels/kernel-memory.ts';

const pageBytes = 65536;
/** Growing costs a system call, and untouched pages cost nothing. */
const growthPages = 256;
/** 4 GiB less a page, so that every address and size is below 2^32. */
const maximumPages = 65535;

/** Why memory cannot be shared here; undefined where it can. */
export function whyUnshared(): string | undefined {
  if (globalThis.crossOriginIsolated === false) return 'this page is not cross-origin isolated';
  return typeof SharedArrayBuffer === 'undefined' ? 'this engine has no SharedArrayBuffer' : undefined;
}

/** As much as the engine holds addresses for, since shared memory cannot move when it grows; null when it has none for any. */
export function sharedMemory(initial: number): WebAssembly.Memory | null {
  for (const maximum of [maximumPages, maximumPages >> 1, maximumPages >> 2]) {
    try {
      return new WebAssembly.Memory({ initial, maximum, shared: true });
    } catch {
      // Less, perhaps.
    }
  }
  return null;
}

export function ownMemory(initial: number): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial, maximum: maximumPages });
}

/** A memory's bytes from `begin` on: one slab that grows, whose pages lie one after another. */
export class Heap implements SlabSource<Slab> {
  readonly advice =
    'WebAssembly has at most 4 GB: use a smaller batch, shorter sequences or a smaller model, or the native backend in Node.';
  readonly #memory: WebAssembly.Memory;
  readonly #slab: { buffer: ArrayBuffer; readonly address: number };
  #end: number;

  constructor(memory: WebAssembly.Memory, begin: number) {
    this.#memory = memory;
    this.#slab = { buffer: memory.buffer, address: 0 };
    this.#end = Math.ceil(begin / granularity) * granularity;
  }

  grow(bytes: number): Growth<Slab> | null {
    if (!this.#reach(this.#end + bytes)) return null;
    const pointer = this.#end;
    this.#end = this.#slab.buffer.byteLength;
    return { slab: this.#slab, pointer, bytes: this.#end - pointer };
  }

  /** The address of so many bytes that are never given back; null when there are no more. */
  take(bytes: number): number | null {
    if (!this.#reach(this.#end + bytes)) return null;
    this.#end += bytes;
    return this.#end - bytes;
  }

  drop(): boolean {
    return false;
  }

  #reach(end: number): boolean {
    const missing = Math.ceil(end / pageBytes) - this.#slab.buffer.byteLength / pageBytes;
    return missing <= 0 || this.#growBy(Math.max(missing, growthPages)) || this.#growBy(missing);
  }

  #growBy(pages: number): boolean {
    if (this.#slab.buffer.byteLength / pageBytes + pages > maximumPages) return false;
    try {
      this.#memory.grow(pages);
    } catch {
      return false;
    }
    this.#slab.buffer = this.#memory.buffer;
    return true;
  }
}
