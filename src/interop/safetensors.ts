/**
 * The safetensors format: 8 bytes of header length, a JSON header, and the tensors' bytes, one after another without gaps.
 * Reading never trusts a number of the file: nothing larger than the file is allocated, and a fault is a FormatError with
 * file, byte and tensor. Writing gives the same bytes for the same content. Bytes are little-endian, as every processor
 * that runs JavaScript today.
 *
 * @see https://huggingface.co/docs/safetensors
 */
import type { StateDict } from '../nn/module.ts';
import { FormatError, ShapeError } from '../tensor/errors.ts';
import { formatShape, type Shape, sizeOf, type TypedArray } from '../tensor/shape.ts';
import type { ByteSource } from './byte-source.ts';
import { parseHeader, type SafetensorsHeader, type TensorEntry } from './safetensors-header.ts';

/** Free text beside the tensors. */
export type Metadata = Readonly<Record<string, string>>;

/** What a safetensors file holds. */
export interface SafetensorsFile {
  readonly metadata: Metadata;
  /** `values` decodes on each access: F32, F16, BF16 as Float32Array, F64 as Float64Array, I32, U8, BOOL as Int32Array. */
  readonly tensors: StateDict;
}

/** A file of which only the header has been read. */
export interface SafetensorsReader {
  readonly metadata: Metadata;
  /** In the order of the file. */
  readonly names: readonly string[];
  readonly shapes: ReadonlyMap<string, Shape>;
  /** Reads one tensor. @throws FormatError when there is none of this name */
  tensor(name: string): Promise<{ readonly shape: Shape; readonly values: TypedArray }>;
}

/**
 * @param file  what errors call it
 * @throws FormatError  for anything that is not a well-formed file
 */
export function parseSafetensors(bytes: Uint8Array, file?: string): SafetensorsFile {
  const headerLength = headerLengthOf(bytes.subarray(0, 8), bytes.length, file);
  const dataBegin = 8 + headerLength;
  const header = parseHeader(bytes.subarray(8, dataBegin), bytes.length, file);
  const tensors = new Map<string, { readonly shape: Shape; readonly values: TypedArray }>();
  for (const entry of header.entries) {
    const part = bytes.subarray(dataBegin + entry.begin, dataBegin + entry.end);
    tensors.set(entry.name, {
      shape: entry.shape,
      get values() {
        return decode(entry, part, dataBegin + entry.begin, file);
      },
    });
  }
  return { metadata: header.metadata, tensors };
}

/**
 * Reads the header alone; tensors follow one by one when asked for.
 *
 * @example const file = await openSafetensors(await openFile('model.safetensors'));
 *          const { shape, values } = await file.tensor('lstm.weight_ih_l0');
 */
export async function openSafetensors(source: ByteSource): Promise<SafetensorsReader> {
  const { name: file, size } = source;
  const headerLength = headerLengthOf(await source.read(0, Math.min(8, size)), size, file);
  const dataBegin = 8 + headerLength;
  const header: SafetensorsHeader = parseHeader(await source.read(8, headerLength), size, file);
  const entries = new Map(header.entries.map((entry) => [entry.name, entry]));
  return {
    metadata: header.metadata,
    names: [...entries.keys()],
    shapes: new Map(header.entries.map(({ name, shape }) => [name, shape])),
    async tensor(name) {
      const entry = entries.get(name);
      if (entry === undefined) throw new FormatError('there is no tensor of this name.', { file, tensor: name });
      const part = await source.read(dataBegin + entry.begin, entry.end - entry.begin);
      return { shape: entry.shape, values: decode(entry, part, dataBegin + entry.begin, file) };
    },
  };
}

const dtypeOf = (values: TypedArray) => (values instanceof Float64Array ? 'F64' : values instanceof Float32Array ? 'F32' : 'I32');

/**
 * @param tensors  float32 as F32, float64 as F64, int32 as I32
 * @returns        the same bytes for the same content, whatever its order: tensors by width, then name; metadata by key;
 *                 each tensor aligned to its element's size, the first to 8 bytes
 */
export function formatSafetensors(tensors: StateDict, metadata: Metadata = {}): Uint8Array<ArrayBuffer> {
  const sorted = [...tensors].map(([name, { shape, values }]) => {
    if (sizeOf(shape) !== values.length) {
      throw new ShapeError(
        `[formatSafetensors] expected ${sizeOf(shape)} values for "${name}" of shape ${formatShape(shape)}, received ${values.length}.`,
      );
    }
    if (name === '__metadata__') throw new ShapeError('[formatSafetensors] "__metadata__" cannot be the name of a tensor.');
    return { name, shape, values };
  });
  sorted.sort((a, b) => b.values.BYTES_PER_ELEMENT - a.values.BYTES_PER_ELEMENT || (a.name < b.name ? -1 : 1));

  const keys = Object.keys(metadata).sort();
  const members =
    keys.length > 0 ? [`"__metadata__":{${keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(metadata[key])}`).join(',')}}`] : [];
  let end = 0;
  for (const { name, shape, values } of sorted) {
    const begin = end;
    end += values.byteLength;
    members.push(`${JSON.stringify(name)}:{"dtype":"${dtypeOf(values)}","shape":[${shape.join(',')}],"data_offsets":[${begin},${end}]}`);
  }
  const json = new TextEncoder().encode(`{${members.join(',')}}`);
  const headerLength = Math.ceil(json.length / 8) * 8;

  const bytes = new Uint8Array(8 + headerLength + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.set(json, 8);
  bytes.fill(0x20, 8 + json.length, 8 + headerLength);
  let at = 8 + headerLength;
  for (const { values } of sorted) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    at += values.byteLength;
  }
  return bytes;
}

/** The format's own limit, 100 MB, and the file's end. */
const longestHeader = 100_000_000;

function headerLengthOf(first: Uint8Array, size: number, file: string | undefined): number {
  if (size < 8)
    throw new FormatError(`expected a safetensors file, received ${size} bytes, fewer than the 8 that it begins with.`, {
      file,
      byte: size,
    });
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(size - 8) || length > BigInt(longestHeader)) {
    throw new FormatError(
      `expected a header that ends within the file of ${size} bytes, received a header of ${length} bytes. The file is cut off, or not safetensors.`,
      {
        file,
        byte: 0,
      },
    );
  }
  return Number(length);
}

function decode(entry: TensorEntry, bytes: Uint8Array, byte: number, file: string | undefined): TypedArray {
  const { buffer } = new Uint8Array(bytes); // a copy: aligned, and not the caller's (a Node Buffer's slice() would share)
  switch (entry.dtype) {
    case 'F64':
      return new Float64Array(buffer);
    case 'F32':
      return new Float32Array(buffer);
    case 'I32':
      return new Int32Array(buffer);
    case 'F16':
      return Float32Array.from(new Uint16Array(buffer), fromFloat16);
    case 'BF16':
      return fromBfloat16(new Uint16Array(buffer));
    case 'I64':
      return fromInt64(new BigInt64Array(buffer), entry.name, byte, file);
    case 'U8':
    case 'BOOL':
      return Int32Array.from(bytes);
    default:
      return entry.dtype satisfies never;
  }
}

/** IEEE 754 half precision: 1 sign, 5 exponent, 10 fraction bits. */
function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The upper half of a float32. */
function fromBfloat16(halves: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
}

/** int32 where all fit, otherwise float64. */
function fromInt64(values: BigInt64Array, tensor: string, byte: number, file: string | undefined): TypedArray {
  const exact = Float64Array.from(values, Number);
  const at = exact.findIndex((value) => !Number.isSafeInteger(value));
  if (at >= 0) {
    throw new FormatError(`expected integers within ±2^53, received ${values[at]} at element ${at}.`, {
      file,
      byte: byte + 8 * at,
      tensor,
    });
  }
  return exact.every((value) => value === (value | 0)) ? Int32Array.from(exact) : exact;
}
