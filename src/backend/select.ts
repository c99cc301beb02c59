/** Which backend computes: the fastest there is, unless one is asked for. Backends are made when they are first used. */
import { environment, hardwareThreads, loadNative } from '#platform';
import { BackendError, ConfigError, unknownName } from '../tensor/errors.ts';
import type { Backend, BackendName } from './backend.ts';
import { KernelBackend } from './kernels/kernel-backend.ts';
import { createNative } from './native.ts';
import { ReferenceBackend } from './reference/reference.ts';
import { createWasm, wasmVariant } from './wasm.ts';

/** The fastest first. `reference` is for checking, and is never chosen by itself. */
const names = ['native', 'wasm', 'reference'] as const satisfies readonly BackendName[];

const made = new Map<BackendName, Backend>();
let current: Backend | undefined;
let threads: number | undefined;

/**
 * The backend that new tensors live on, or the named one.
 *
 * The first call without a name chooses: what the environment's UNROLLED_BACKEND says, else native kernels, else WebAssembly.
 * @throws ConfigError for an unknown name or a wrong variable of the environment
 * @throws BackendError when it cannot be had here; the message says why
 */
export function getBackend(name?: BackendName): Backend {
  if (name !== undefined) return make(name);
  current ??= choose();
  return current;
}

/** Makes new tensors live on this backend. Tensors there are stay where they are, and do not mix with others. */
export function setBackend(backend: BackendName | Backend): Backend {
  current = typeof backend === 'string' ? make(backend) : backend;
  return current;
}

/** More help nobody; a system that has no room for them ends the process. */
export const mostThreads = 1024;

/**
 * How many threads kernels use, 1…1024; at first the environment's UNROLLED_THREADS, else all of the machine's. Results do not depend on it.
 * `reference` has one, and WebAssembly too where memory cannot be shared: in pages that are not cross-origin isolated.
 */
export function setThreads(count: number): void {
  requireThreads('setThreads', count, String(count));
  threads = count;
  for (const backend of made.values()) {
    if (backend instanceof KernelBackend) backend.setThreads(count);
  }
}

/** What there is to know about a backend, for people who ask why theirs is slow. */
export interface BackendFacts {
  readonly name: BackendName;
  readonly isAvailable: boolean;
  /** The one that `getBackend()` gives. */
  readonly isChosen: boolean;
  /** "AVX2, 8 floats wide, 2 threads"; absent when it is not available. */
  readonly description?: string;
  /** File of the native kernels. */
  readonly path?: string;
  /** Why it is not available. */
  readonly reason?: string;
}

/** Facts about every backend, the fastest first. */
export function explainBackends(): BackendFacts[] {
  const chosen = getBackend();
  return names.map((name) => {
    const isChosen = chosen.name === name;
    try {
      const { description } = make(name);
      const search = name === 'native' ? loadNative() : undefined;
      return { name, isAvailable: true, isChosen, description, ...(search && 'path' in search ? { path: search.path } : {}) };
    } catch (error) {
      return { name, isAvailable: false, isChosen, reason: (error as Error).message };
    }
  });
}

function choose(): Backend {
  const asked = environment('UNROLLED_BACKEND');
  if (asked !== undefined) return make(asked as BackendName, 'UNROLLED_BACKEND');
  return 'addon' in loadNative() ? make('native') : make('wasm');
}

function make(name: BackendName, place = 'getBackend'): Backend {
  const known = made.get(name);
  if (known !== undefined) return known;
  if (!names.includes(name)) throw new ConfigError(`[${place}] ${unknownName('backend', name, names)}`);
  const backend = create(name);
  made.set(name, backend);
  return backend;
}

function create(name: BackendName): Backend {
  switch (name) {
    case 'native': {
      const search = loadNative();
      if ('reason' in search) {
        throw new BackendError(
          `[native] ${search.reason}. Install the package for this platform, or a C++ compiler and run "npm run build".`,
        );
      }
      return threaded(createNative(search.addon, environment('UNROLLED_ISA')));
    }
    case 'wasm':
      return threaded(createWasm(wasmVariant()));
    case 'reference':
      return new ReferenceBackend();
    default:
      throw new Error(`unreachable: ${name satisfies never}`);
  }
}

function threaded(backend: KernelBackend): KernelBackend {
  backend.setThreads(threads ?? threadsOfEnvironment() ?? Math.min(hardwareThreads(), mostThreads));
  return backend;
}

function threadsOfEnvironment(): number | undefined {
  const given = environment('UNROLLED_THREADS');
  if (given === undefined) return undefined;
  const count = Number(given);
  requireThreads('UNROLLED_THREADS', count, `"${given}"`);
  return count;
}

function requireThreads(place: string, count: number, given: string): void {
  if (Number.isInteger(count) && count >= 1 && count <= mostThreads) return;
  throw new ConfigError(`[${place}] expected an integer in 1…${mostThreads}, received ${given}.`);
}
