/**
 * Scopes: what is made inside ends with them, except what leaves them. A training step is a scope, so a long training
 * holds its memory flat without a `dispose` anywhere. Scopes are synchronous; nothing else can allocate into them.
 */
import { BackendError } from '../tensor/errors.ts';
import type { Storage } from './storage.ts';
import { nextNodeId } from './tape.ts';
import { Tensor } from './tensor.ts';

interface Scope {
  /** Buffers made here. */
  readonly owned: Set<Storage>;
  /** Host storages that have a copy in the backend's memory until the end. */
  readonly uploaded: Storage[];
  /** What was given to `keep`, here or further in. */
  readonly kept: unknown[];
  /** Id of the first tape node made here: what older nodes hold is older than this scope, and need not be walked. */
  readonly firstNode: number;
}

let current: Scope | null = null;

/**
 * Runs `body` and frees every tensor made in it, except those it returns (alone, or anywhere in arrays, plain objects,
 * maps or sets), those given to `keep`, and what the gradients of both need. What leaves the outermost scope moves to
 * JavaScript's heap.
 *
 * @throws BackendError when `body` is asynchronous
 * @example const { output } = scope(() => lstm.forward(x));
 */
export function scope<T>(body: () => T): T {
  const outer = current;
  const inner: Scope = { owned: new Set(), uploaded: [], kept: [], firstNode: nextNodeId() };
  current = inner;
  let result: T | undefined;
  try {
    result = body();
    if (result instanceof Promise) {
      throw new BackendError('[scope] expected a synchronous callback, received a promise. Await outside, and read data after the scope.');
    }
    return result;
  } finally {
    current = outer;
    leave(inner, outer, result);
  }
}

/** Runs an operation's body in the current scope, or in one of its own. */
export function inScope<T>(body: () => T): T {
  return current === null ? scope(body) : body();
}

/** Lets a tensor (or tensors in arrays and objects) outlive every scope around it, though it is not returned. Returns it. */
export function keep<T>(value: T): T {
  current?.kept.push(value);
  return value;
}

/** Puts a fresh buffer into the current scope. */
export function own(storage: Storage): void {
  if (current === null) throw new BackendError('[scope] an operation allocated outside every scope; wrap its body in inScope().');
  current.owned.add(storage);
}

/** Copies a host storage to the backend until the current scope ends. */
export function upload(storage: Storage): void {
  if (current === null) throw new BackendError('[scope] an operation read its input outside every scope; wrap its body in inScope().');
  const values = storage.read();
  storage.buffer = storage.backend.allocate(storage.dtype, storage.length);
  storage.backend.write(storage.buffer, values);
  current.uploaded.push(storage);
}

/** Frees a scoped tensor before its scope ends. For temporaries, gradients and saved activations that no user can hold. */
export function releaseEarly(storage: Storage): void {
  if (current?.owned.delete(storage)) storage.release();
}

function leave(inner: Scope, outer: Scope | null, result: unknown): void {
  for (const storage of inner.uploaded) storage.release();
  if (outer !== null) for (const value of inner.kept) outer.kept.push(value);
  if (inner.owned.size === 0) return;
  const leaving = storagesIn([result, ...inner.kept], inner.firstNode);
  for (const storage of inner.owned) {
    if (!leaving.has(storage)) storage.release();
    else if (outer === null) storage.moveToHost();
    else outer.owned.add(storage);
  }
}

/** Every storage reachable from the values: their tensors', and through the tape what gradients need; nodes before `firstNode` are left out. */
function storagesIn(values: unknown[], firstNode: number): Set<Storage> {
  const storages = new Set<Storage>();
  const seen = new Set<object>();
  const pending = values;
  while (pending.length > 0) {
    const next = pending.pop();
    if (typeof next !== 'object' || next === null || seen.has(next) || ArrayBuffer.isView(next)) continue;
    seen.add(next);
    if (next instanceof Tensor) {
      storages.add(next.storage);
      const { node } = next;
      if (node === null || node.id < firstNode || seen.has(node)) continue;
      seen.add(node);
      pending.push(...node.inputs, ...node.saved, ...node.outputs);
    } else for (const part of partsOf(next)) pending.push(part);
  }
  return storages;
}

function partsOf(value: object): Iterable<unknown> {
  if (Array.isArray(value) || value instanceof Set) return value;
  if (value instanceof Map) return value.values();
  return Object.getPrototypeOf(value) === Object.prototype ? Object.values(value) : [];
}
