/** What the choice of a backend needs to know of Node. `#platform` is this file there, and platform-browser.ts elsewhere. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type * as WorkerThreads from 'node:worker_threads';
import type * as Zlib from 'node:zlib';
import type { Addon } from './native.ts';

/** The addon, or why there is none, in a sentence that says what to do. */
export type NativeSearch = { readonly addon: Addon; readonly path: string } | { readonly reason: string };

let search: NativeSearch | undefined;

/** Looks once, in this order: UNROLLED_NATIVE_PATH, the platform's package, what the checkout has built. */
export function loadNative(): NativeSearch {
  search ??= findNative();
  return search;
}

function findNative(): NativeSearch {
  const require = createRequire(import.meta.url);
  const load = (path: string): NativeSearch => {
    try {
      return { addon: require(path) as Addon, path };
    } catch (error) {
      return { reason: `${path} cannot be loaded: ${(error as Error).message.split('\n')[0]}` };
    }
  };
  const asked = process.env.UNROLLED_NATIVE_PATH;
  if (asked) return load(asked);

  const packageName = `@unrolled/${process.platform}-${process.arch}`;
  let packaged: NativeSearch | undefined;
  try {
    packaged = load(require.resolve(packageName));
    if ('addon' in packaged) return packaged;
  } catch {
    // Not installed.
  }
  // The same from src/backend and from dist/backend.
  const built = fileURLToPath(new URL('../../build/native/unrolled.node', import.meta.url));
  if (existsSync(built)) return load(built);
  return packaged ?? { reason: `the package ${packageName} is not installed, and no C++ compiler has built ${built}` };
}

/** The bytes, so many, that were deflated. Node's own library, which only WebAssembly needs, is loaded here. */
export function inflate(deflated: Uint8Array, bytes: number): Uint8Array<ArrayBuffer> {
  const { inflateRawSync } = createRequire(import.meta.url)('node:zlib') as typeof Zlib;
  const inflated = new Uint8Array(bytes);
  inflated.set(inflateRawSync(deflated));
  return inflated;
}

/**
 * Calls a function, which `program` is the text of, in a worker that nobody has to end. `fail` is told why, later, if the worker
 * cannot start, or what it ended by.
 */
export function startThread(program: string, data: object, fail: (reason: string) => void): void {
  const { Worker } = createRequire(import.meta.url)('node:worker_threads') as typeof WorkerThreads;
  try {
    const worker = new Worker(`(${program})(require('node:worker_threads').workerData)`, {
      eval: true,
      workerData: data,
      // What the process was told to load first is not for it.
      execArgv: [],
      env: {},
    });
    worker.on('error', ({ message }) => fail(`a worker ended: ${message}`));
    worker.unref();
  } catch (error) {
    fail(`workers cannot be started: ${(error as Error).message}`);
  }
}

/** Threads that run at the same time on this machine, as far as this process may use them. */
export function hardwareThreads(): number {
  return availableParallelism();
}

/** A variable of the environment; undefined when it is not set, or empty. */
export function environment(name: string): string | undefined {
  return process.env[name] || undefined;
}
