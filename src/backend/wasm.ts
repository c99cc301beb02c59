/** The kernels as WebAssembly: in any browser, and in Node where there is no addon for the machine. One thread. */
import { inflate } from '#platform';
import { BackendError } from '../tensor/errors.ts';
import type { SlabSource } from './arena.ts';
import type { Exports } from './kernels/exports.ts';
import { KernelBackend } from './kernels/kernel-backend.ts';
import type { Machine, Slab } from './kernels/kernel-memory.ts';
import { relaxed, simd } from './wasm-binary.generated.ts';

/** What the module exports (native/wasm.cc). */
interface ModuleExports {
  readonly memory: WebAssembly.Memory;
  readonly __indirect_function_table: WebAssembly.Table;
  /** First address that the module itself does not use. */
  readonly __heap_base: WebAssembly.Global;
  /** Address of triples (address of a name, index in the table, that of its entry for `replay`), up to zeros. */
  kernels(): number;
}

export type WasmVariant = 'simd' | 'relaxed';

const pageBytes = 65536;
/** Growing costs a system call, and untouched pages cost nothing. */
const growthPages = 256;
/** 4 GiB less a page, so that every address and size is below 2^32. */
const maximumPages = 65535;

/** The smallest module whose one function multiplies and adds: (func (result v128) … f32x4.relaxed_madd). */
const relaxedProbe = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0],
  ...[65, 0, 253, 17, 65, 0, 253, 17, 65, 0, 253, 17, 253, 133, 2, 11],
);
const simdProbe = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 17, 11);

/** The better module that this engine can run, or why it can run none. */
export function wasmVariant(): WasmVariant | { reason: string } {
  if (typeof WebAssembly === 'undefined') return { reason: 'this engine has no WebAssembly' };
  if (WebAssembly.validate(relaxedProbe)) return 'relaxed';
  return WebAssembly.validate(simdProbe) ? 'simd' : { reason: 'this engine has no WebAssembly SIMD (in browsers since 2021)' };
}

/** @throws BackendError when the engine cannot run it */
export function createWasm(variant = wasmVariant()): KernelBackend {
  if (typeof variant === 'object') throw new BackendError(`[wasm] ${variant.reason}.`);
  const module = new WebAssembly.Module(unpack(variant === 'relaxed' ? relaxed : simd));
  const exports = new WebAssembly.Instance(module).exports as unknown as ModuleExports;
  return new KernelBackend({
    name: 'wasm',
    vectors: `WebAssembly ${variant === 'relaxed' ? 'relaxed SIMD' : 'SIMD'}, 4 floats wide`,
    ...listKernels(exports),
    memory: linearMemory(exports.memory, exports.__heap_base.value as number),
    threads: () => 1,
    setThreads() {},
  });
}

function listKernels({ memory, __indirect_function_table: table, kernels: list }: ModuleExports): Pick<Machine, 'kernels' | 'entries'> {
  const words = new Uint32Array(memory.buffer);
  const bytes = new Uint8Array(memory.buffer);
  const kernels: Record<string, unknown> = {};
  const entries: Record<string, number> = {};
  for (let i = list() / 4; words[i] !== 0; i += 3) {
    const name = new TextDecoder().decode(bytes.subarray(words[i], bytes.indexOf(0, words[i])));
    kernels[name] = table.get(words[i + 1]);
    entries[name] = words[i + 2];
  }
  return { kernels: kernels as unknown as Exports, entries };
}

/** One slab that grows: its pages lie one after another. */
function linearMemory(memory: WebAssembly.Memory, heapBase: number): SlabSource<Slab> {
  const slab: Slab = {
    get buffer() {
      return memory.buffer;
    },
    address: 0,
  };
  let end = Math.ceil(heapBase / 64) * 64;
  return {
    advice: 'WebAssembly has at most 4 GB: use a smaller batch, shorter sequences or a smaller model, or the native backend in Node.',
    grow(bytes) {
      const held = memory.buffer.byteLength / pageBytes;
      const missing = Math.ceil((end + bytes) / pageBytes) - held;
      if (missing > 0 && !growBy(Math.max(missing, growthPages)) && !growBy(missing)) return null;
      const pointer = end;
      end = memory.buffer.byteLength;
      return { slab, pointer, bytes: end - pointer };
    },
    drop: () => false,
  };

  function growBy(pages: number): boolean {
    if (memory.buffer.byteLength / pageBytes + pages > maximumPages) return false;
    try {
      memory.grow(pages);
      return true;
    } catch {
      return false;
    }
  }
}

/** Deflated they are a third, of every import and of every page that loads them. */
function unpack({ bytes, packed }: { readonly bytes: number; readonly packed: string }): Uint8Array<ArrayBuffer> {
  const deflated = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  return inflate(deflated, bytes);
}
