/** The kernels compiled for this machine, in a Node addon. */
import { BackendError } from '../tensor/errors.ts';
import type { SlabSource } from './arena.ts';
import type { Exports } from './kernels/exports.ts';
import { KernelBackend } from './kernels/kernel-backend.ts';
import type { Slab } from './kernels/kernel-memory.ts';

/** What the addon exports (native/addon.cc). */
export interface Addon {
  /** The kernels of the machine's best instruction set, or of the named one; undefined where the machine does not have it. */
  load(
    instructionSet?: string,
  ): (Exports & { readonly entries: Record<string, number>; readonly instructionSet: string; readonly width: number }) | undefined;
  /** Where an ArrayBuffer's bytes are. */
  address(buffer: ArrayBuffer): number;
  /** Asks the operating system for its memory in pages of 2 MB, where it has them; for all of it now if it is about to be written. */
  useLargePages(buffer: ArrayBuffer, isWrittenNext: boolean): void;
  threads(): number;
  setThreads(count: number): void;
}

/** Of large pages. */
const alignment = 2 * 2 ** 20;
/** Pages that nobody has written cost nothing, so a slab may be large; and what is larger has one of its own. */
const slabBytes = 64 * 2 ** 20;

/** Slabs as ArrayBuffers: the operating system hands them out zeroed, page by page as they are touched. */
export function arrayBufferSlabs({ address, useLargePages }: Pick<Addon, 'address' | 'useLargePages'>): SlabSource<Slab> {
  const slabs = new Set<Slab>(); // keeps the buffers alive
  return {
    advice: 'Use a smaller batch, shorter sequences or a smaller model, or a machine with more memory.',
    grow(bytes) {
      const size = Math.max(bytes, slabBytes);
      let buffer: ArrayBuffer;
      try {
        buffer = new ArrayBuffer(size + alignment);
      } catch {
        return null;
      }
      useLargePages(buffer, false);
      const slab = { buffer, address: address(buffer) };
      slabs.add(slab);
      return { slab, pointer: Math.ceil(slab.address / alignment) * alignment, bytes: size };
    },
    drop: (slab) => slabs.delete(slab),
  };
}

const setNames: Readonly<Record<string, string>> = {
  avx512: 'AVX-512',
  avx2: 'AVX2',
  base: 'baseline SIMD',
};

/** @throws BackendError when the machine does not have the instruction set that is asked for */
export function createNative(addon: Addon, instructionSet?: string): KernelBackend {
  const kernels = addon.load(instructionSet);
  if (kernels === undefined) {
    const present = Object.keys(setNames).filter((name) => addon.load(name) !== undefined);
    throw new BackendError(
      `[native] expected an instruction set that this machine has (${present.join(', ')}), received "${instructionSet}".`,
    );
  }
  return new KernelBackend({
    name: 'native',
    vectors: `${setNames[kernels.instructionSet] ?? kernels.instructionSet}, ${kernels.width} floats wide`,
    kernels,
    entries: kernels.entries,
    memory: arrayBufferSlabs(addon),
    largePages: (buffer) => addon.useLargePages(buffer, true),
    threads: addon.threads,
    setThreads: addon.setThreads,
  });
}
