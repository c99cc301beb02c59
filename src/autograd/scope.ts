/**
 * Scopes: what is made inside ends with them, except what leaves them. A training step is a scope, so a long training
 * holds its memory flat without a `dispose` anywhere. Scopes are synchronous; nothing else can allocate into them.
 */
import { BackendError } from '../tensor/errors.ts';
import type { Storage } from './storage.ts';
import type { Tensor } from './tensor.ts';

interface Scope {
  /** Buffers made here. */
  readonly owned: Set<Storage>;
  /** Host storages that have a copy in the backend's memory until the end. */
  readonly uploaded: Storage[];
  readonly kept: Set<Storage>;
}

let current: Scope | null = null;

/**
 * Runs `body` and frees every tensor made in it, except those it returns (alone, or anywhere in arrays, plain objects or
 * maps), those given to `keep`, and what the gradients of both need. What leaves the outermost scope moves to JavaScript's
 * heap.
 *
 * @throws BackendError when `body` is asynchronous
 * @example const { output } = scope(() => lstm.forward(x));
 */
export function scope<T>(body: () => T): T {
  const outer = current;
  const inner: Scope = { owned: new Set(), uploaded: [], kept: new Set() };
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

/** Lets a tensor (or tensors in arrays and objects) outlive the current scope though it is not returned. Returns it. */
export function keep<T>(value: T): T {
  if (current !== null) collect(value, current.kept, new Set());
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

/** Frees a scoped tensor before its scope ends. For gradients and saved activations that no user can hold. */
export function releaseEarly(storage: Storage): void {
  if (current?.owned.delete(storage)) storage.release();
}

function leave(inner: Scope, outer: Scope | null, result: unknown): void {
  const leaving = inner.kept;
  if (inner.owned.size > 0) collect(result, leaving, new Set());
  for (const storage of inner.uploaded) storage.release();
  for (const storage of inner.owned) {
    if (!leaving.has(storage)) storage.release();
    else if (outer === null) storage.moveToHost();
    else outer.owned.add(storage);
  }
  if (outer !== null) for (const storage of inner.kept) outer.kept.add(storage);
}

function isTensor(value: object): value is Tensor {
  return 'storage' in value && 'strides' in value;
}

/** Every storage reachable from a value: its tensors, and through the tape what their gradients need. */
function collect(value: unknown, into: Set<Storage>, seen: Set<object>): void {
  const pending: unknown[] = [value];
  while (pending.length > 0) {
    const next = pending.pop();
    if (typeof next !== 'object' || next === null || seen.has(next) || ArrayBuffer.isView(next)) continue;
    seen.add(next);
    if (isTensor(next)) {
      into.add(next.storage);
      if (next.grad !== null) pending.push(next.grad);
      if (next.node !== null) pending.push(...next.node.inputs, ...next.node.saved);
    } else if (Array.isArray(next)) pending.push(...next);
    else if (next instanceof Map) pending.push(...next.values());
    else if (Object.getPrototypeOf(next) === Object.prototype) pending.push(...Object.values(next));
  }
}
