/**
 * The kernels as WebAssembly: in any browser, and in Node where there is no addon for the machine. Threads are workers with an
 * instance of the module on the same memory, where memory can be shared.
 */
import { inflate, startThread } from '#platform';
import { BackendError } from '../tensor/errors.ts';
import type { Exports } from './kernels/exports.ts';
import { KernelBackend } from './kernels/kernel-backend.ts';
import type { Machine } from './kernels/kernel-memory.ts';
import { relaxed, simd } from './wasm-binary.generated.ts';
import { Heap, ownMemory, sharedMemory, whyUnshared } from './wasm-memory.ts';

/** What the module exports (native/wasm.cc). */
interface ModuleExports {
  readonly __indirect_function_table: WebAssembly.Table;
  /** First address that the module itself does not use. */
  readonly __heap_base: WebAssembly.Global;
  /** Address of triples (address of a name, index in the table, that of its entry for `replay`), up to zeros. */
  kernels(): number;
  threads(): number;
  set_threads(count: number): void;
}

export type WasmVariant = 'simd' | 'relaxed';

/** The smallest module whose one function multiplies and adds: (func (result v128) … f32x4.relaxed_madd). */
const relaxedProbe = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0],
  ...[65, 0, 253, 17, 65, 0, 253, 17, 65, 0, 253, 17, 253, 133, 2, 11],
);
/** (memory 0) (func (drop (i32.atomic.load (i32.const 0)))): what threads need, and every module has in it. */
const atomicsProbe = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 5, 3, 1, 0, 0],
  ...[10, 11, 1, 9, 0, 65, 0, 254, 16, 2, 0, 26, 11],
);
const simdProbe = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 17, 11);

/** The better module that this engine can run, or why it can run none. */
export function wasmVariant(): WasmVariant | { reason: string } {
  if (typeof WebAssembly === 'undefined') return { reason: 'this engine has no WebAssembly' };
  if (!WebAssembly.validate(simdProbe)) return { reason: 'this engine has no WebAssembly SIMD (in browsers since 2021)' };
  if (!WebAssembly.validate(atomicsProbe)) return { reason: 'this engine has no WebAssembly atomics (in browsers since 2021)' };
  return WebAssembly.validate(relaxedProbe) ? 'relaxed' : 'simd';
}

/** @throws BackendError when the engine cannot run it */
export function createWasm(variant = wasmVariant()): KernelBackend {
  if (typeof variant === 'object') throw new BackendError(`[wasm] ${variant.reason}.`);
  const { bytes, packed, limits, pages } = variant === 'relaxed' ? relaxed : simd;
  // Deflated they are a third, of every import and of every page that loads them.
  const code = inflate(
    Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0)),
    bytes,
  );
  let oneThread = whyUnshared();
  const shared = oneThread === undefined ? sharedMemory(pages) : null;
  if (shared === null) {
    oneThread ??= 'this engine has no memory to share';
    code[limits] = unsharedLimits;
  }
  const memory = shared ?? ownMemory(pages);
  const module = new WebAssembly.Module(code);
  const exports = new WebAssembly.Instance(module, {
    env: { memory, now, may_sleep: () => Number(maySleep()), start_thread },
  }).exports as unknown as ModuleExports;
  const heap = new Heap(memory, exports.__heap_base.value as number);
  return new KernelBackend({
    name: 'wasm',
    vectors: `WebAssembly ${variant === 'relaxed' ? 'relaxed SIMD' : 'SIMD'}, 4 floats wide`,
    ...listKernels(exports, memory),
    memory: heap,
    threads: exports.threads,
    setThreads: (count) => exports.set_threads(oneThread === undefined ? count : 1),
    oneThread: () => oneThread,
  });

  /** Called by the kernel that first wants it. Its part of the work is done by others until it comes. */
  function start_thread(index: number): void {
    const stack = heap.take(stackBytes);
    if (stack === null) fail('there is no memory for another');
    else startThread(threadProgram, { module, memory, index, stack: stack + stackBytes }, fail);
  }

  function fail(reason: string): void {
    oneThread = reason;
    queueMicrotask(() => exports.set_threads(1)); // not within a kernel
  }
}

function listKernels(
  { __indirect_function_table: table, kernels: list }: ModuleExports,
  { buffer }: WebAssembly.Memory,
): Pick<Machine, 'kernels' | 'entries'> {
  const words = new Uint32Array(buffer);
  const bytes = new Uint8Array(buffer);
  const kernels: Record<string, unknown> = {};
  const entries: Record<string, number> = {};
  for (let i = list() / 4; words[i] !== 0; i += 3) {
    const name = new TextDecoder().decode(bytes.slice(words[i], bytes.indexOf(0, words[i]))); // a copy: it reads no shared memory
    kernels[name] = table.get(words[i + 1]);
    entries[name] = words[i + 2];
  }
  return { kernels: kernels as unknown as Exports, entries };
}

// ---- threads --------------------------------------------------------------------------------------------------------

/** Of a module's import of memory: "no larger than", without "shared". */
const unsharedLimits = 1;
/** As much as the first thread has (scripts/wasm.mjs). */
const stackBytes = 2 ** 18;

/** What a worker runs. A text, which no bundler changes. */
const threadProgram = `({ module, memory, index, stack }) => {
  const origin = performance.timeOrigin;
  const env = { memory, now: () => origin + performance.now(), may_sleep: () => 1, start_thread() {} };
  const { exports } = new WebAssembly.Instance(module, { env });
  exports.__stack_pointer.value = stack;
  try {
    exports.serve(index);
  } catch (error) {
    exports.abandon();
    throw error;
  }
}`;

/** Milliseconds, the same in every thread. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

/** A page's own thread may not sleep: what it waits for takes as long as a kernel at most. */
function maySleep(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1);
    return true;
  } catch {
    return false;
  }
}
