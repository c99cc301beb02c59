/**
 * Memory of the reference backend: JavaScript arrays that are watched. What is allocated holds NaN until it is written
 * and again once it is freed, and every argument of every kernel passes through `floats` or `integers`, which refuse
 * a buffer that is freed, foreign, of another dtype or of another length. A wrong call from above ends here.
 */
import { BackendError } from '../../tensor/errors.ts';
import type { DType, TypedArray } from '../../tensor/shape.ts';
import type { Buffer } from '../backend.ts';

/** What an int32 element holds before it is written: as telling as NaN. */
const undefinedInteger = -0x80000000;

/** One allocation; its slices share it. */
interface Block {
  readonly bytes: number;
  isFreed: boolean;
}

export class ReferenceBuffer implements Buffer {
  readonly dtype: 'float64' | 'int32';
  readonly length: number;
  readonly values: Float64Array | Int32Array;
  readonly block: Block;
  readonly isSlice: boolean;

  constructor(values: Float64Array | Int32Array, block: Block, isSlice: boolean) {
    this.dtype = values instanceof Float64Array ? 'float64' : 'int32';
    this.length = values.length;
    this.values = values;
    this.block = block;
    this.isSlice = isSlice;
  }
}

/** Allocates, frees and counts. */
export class ReferenceMemory {
  bytes = 0;
  peakBytes = 0;

  allocate(dtype: DType, length: number): ReferenceBuffer {
    if (dtype === 'float32')
      throw new BackendError('[reference.allocate] expected float64 or int32, received float32. Ask the backend for its float dtype.');
    if (!Number.isSafeInteger(length) || length < 0)
      throw new BackendError(`[reference.allocate] expected a length of 0 or more, received ${length}.`);
    const values = emptyArray(dtype, length);
    poison(values);
    this.bytes += values.byteLength;
    this.peakBytes = Math.max(this.peakBytes, this.bytes);
    return new ReferenceBuffer(values, { bytes: values.byteLength, isFreed: false }, false);
  }

  free(buffer: Buffer): void {
    const { values, block, isSlice } = live('free', 'buffer', buffer);
    if (isSlice)
      throw new BackendError('[reference.free] expected an allocated buffer, received a slice. Free the buffer it was cut from.');
    poison(values);
    block.isFreed = true;
    this.bytes -= block.bytes;
  }
}

export function slice(buffer: Buffer, offset: number, length: number): ReferenceBuffer {
  const { values, block } = live('slice', 'buffer', buffer);
  const isInside = Number.isInteger(offset) && Number.isInteger(length) && offset >= 0 && length >= 0 && offset + length <= values.length;
  if (!isInside)
    throw new BackendError(
      `[reference.slice] expected elements within 0…${values.length}, received offset ${offset} and length ${length}.`,
    );
  return new ReferenceBuffer(values.subarray(offset, offset + length), block, true);
}

export function write(buffer: Buffer, source: ArrayLike<number>): void {
  const { values } = live('write', 'buffer', buffer);
  if (source.length !== values.length)
    throw new BackendError(`[reference.write] expected ${values.length} values, received ${source.length}.`);
  values.set(source);
}

export function read(buffer: Buffer, into?: TypedArray): TypedArray {
  const { values } = live('read', 'buffer', buffer);
  if (into === undefined) return values.slice();
  into.set(values);
  return into;
}

/** Elements of a float argument; `length` undefined: any. @throws BackendError when freed, foreign, not float or of another length */
export function floats(kernel: string, name: string, buffer: Buffer, length?: number): Float64Array {
  const { values } = live(kernel, name, buffer);
  if (!(values instanceof Float64Array))
    throw new BackendError(`[reference.${kernel}] expected ${name} of float64, received ${buffer.dtype}.`);
  checkLength(kernel, name, values, length);
  return values;
}

/** As `floats`, for an argument that may be absent. */
export function floatsOrNull(kernel: string, name: string, buffer: Buffer | null | undefined, length?: number): Float64Array | null {
  return buffer === null || buffer === undefined ? null : floats(kernel, name, buffer, length);
}

/** As `floats`, for an argument that must be there exactly when `isNeeded`: `reason` says when. */
export function floatsWhen(
  isNeeded: boolean,
  reason: string,
  kernel: string,
  name: string,
  buffer: Buffer | null,
  length: number,
): Float64Array | null {
  if ((buffer !== null) === isNeeded) return floatsOrNull(kernel, name, buffer, length);
  throw new BackendError(
    `[reference.${kernel}] expected ${name} exactly when ${reason}, received ${buffer === null ? 'null' : 'a buffer'}.`,
  );
}

/** Elements of an int32 argument, each in low…high. */
export function integers(kernel: string, name: string, buffer: Buffer, length: number): Int32Array {
  const { values } = live(kernel, name, buffer);
  if (!(values instanceof Int32Array)) throw new BackendError(`[reference.${kernel}] expected ${name} of int32, received ${buffer.dtype}.`);
  checkLength(kernel, name, values, length);
  return values;
}

/** Elements of an argument of any dtype. */
export function elements(kernel: string, name: string, buffer: Buffer, length?: number): Float64Array | Int32Array {
  const { values } = live(kernel, name, buffer);
  checkLength(kernel, name, values, length);
  return values;
}

/** Refuses an index outside low…high-1; `allowed` passes whatever the bounds. */
export function checkRange(kernel: string, name: string, values: Int32Array, low: number, high: number, allowed?: number): void {
  const index = values.findIndex((value) => value !== allowed && (value < low || value >= high));
  if (index >= 0)
    throw new BackendError(`[reference.${kernel}] expected ${name} in ${low}…${high - 1}, received ${values[index]} at element ${index}.`);
}

type Optional = TypedArray | null | undefined;

/** Refuses outputs that share memory with an input or with one another. Pairs that may be one buffer are left out by the caller. */
export function checkApart(kernel: string, outputs: readonly Optional[], inputs: readonly Optional[]): void {
  const all = [...outputs, ...inputs];
  outputs.forEach((output, i) => {
    if (!output) return;
    const other = all.findIndex((candidate, j) => j > i && candidate && overlap(output, candidate));
    if (other < 0) return;
    const role = other < outputs.length ? `output ${other}` : `input ${other - outputs.length}`;
    throw new BackendError(`[reference.${kernel}] expected buffers that are apart, received output ${i} on top of ${role}.`);
  });
}

function overlap(a: TypedArray, b: TypedArray): boolean {
  return a.buffer === b.buffer && a.byteOffset < b.byteOffset + b.byteLength && b.byteOffset < a.byteOffset + a.byteLength;
}

function live(kernel: string, name: string, buffer: Buffer): ReferenceBuffer {
  if (!(buffer instanceof ReferenceBuffer))
    throw new BackendError(`[reference.${kernel}] expected ${name} to be a buffer of this backend, received ${describe(buffer)}.`);
  if (buffer.block.isFreed) throw new BackendError(`[reference.${kernel}] expected ${name} to be alive, received a buffer that was freed.`);
  return buffer;
}

function describe(value: unknown): string {
  return value === null || value === undefined ? String(value) : `a ${(value as object).constructor?.name ?? typeof value}`;
}

function checkLength(kernel: string, name: string, values: TypedArray, length: number | undefined): void {
  if (length !== undefined && values.length !== length) {
    throw new BackendError(`[reference.${kernel}] expected ${name} of ${length} elements, received ${values.length}.`);
  }
}

function emptyArray(dtype: 'float64' | 'int32', length: number): Float64Array | Int32Array {
  try {
    return dtype === 'float64' ? new Float64Array(length) : new Int32Array(length);
  } catch (cause) {
    throw new BackendError(`[reference.allocate] out of memory: ${length} elements of ${dtype} could not be had.`, { cause });
  }
}

function poison(values: Float64Array | Int32Array): void {
  values.fill(values instanceof Float64Array ? Number.NaN : undefinedInteger);
}
