/** The header of a safetensors file, checked to the last number: what parses here can be read without a further look. */
import { FormatError } from '../tensor/errors.ts';
import { formatShape, type Shape } from '../tensor/shape.ts';

const bytesPer = { F64: 8, I64: 8, F32: 4, I32: 4, F16: 2, BF16: 2, U8: 1, BOOL: 1 } as const;

export type SafetensorsDType = keyof typeof bytesPer;

export interface TensorEntry {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: Shape;
  /** In bytes, from the header's end. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  /** In the order of their bytes, which lie one after another without gaps. */
  readonly entries: readonly TensorEntry[];
}

/** Throws at a place in the header. */
type Refuse = (message: string, tensor?: string) => never;

/**
 * @param json  the header's bytes, as many as the file said
 * @param size  of the whole file
 * @throws FormatError  unless the tensors' bytes cover the rest of the file exactly, each as long as dtype and shape say
 */
export function parseHeader(json: Uint8Array, size: number, file: string | undefined): SafetensorsHeader {
  const text = decodeText(json, file);
  const refuse: Refuse = (message, tensor) => {
    const at = tensor === undefined ? 0 : text.indexOf(JSON.stringify(tensor));
    const byte = 8 + new TextEncoder().encode(text.slice(0, Math.max(at, 0))).length;
    throw new FormatError(message, { file, byte, tensor });
  };
  const header = parseObject(text, file, refuse);
  const metadata = parseMetadata(header, refuse);
  const entries = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => parseEntry(name, value, refuse));
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCover(entries, size - 8 - json.length, refuse);
  return { metadata, entries };
}

function decodeText(json: Uint8Array, file: string | undefined): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json);
  } catch (cause) {
    throw new FormatError(
      'expected a header in UTF-8, received other bytes. This is not a safetensors file.',
      { file, byte: 8 },
      { cause },
    );
  }
}

function parseObject(text: string, file: string | undefined, refuse: Refuse): object {
  checkKeys(text, file);
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    throw new FormatError(`expected a header of JSON: ${(cause as Error).message}.`, { file, byte: 8 }, { cause });
  }
  return isObject(header) ? header : refuse('expected a header that is a JSON object.');
}

/** Tensor, its fields, its shape: a header goes no deeper than this. */
const deepest = 3;

/** What JSON.parse lets pass: a key that comes twice, and depth that costs memory. Strings apart, no JSON is checked here. */
function checkKeys(text: string, file: string | undefined): void {
  const keysOf: Set<string>[] = [];
  let at = 0;
  const fault = (message: string): never => {
    throw new FormatError(message, { file, byte: 8 + new TextEncoder().encode(text.slice(0, at)).length });
  };
  while (at < text.length) {
    const c = text[at];
    if (c === '{' || c === '[') {
      keysOf.push(new Set());
      if (keysOf.length > deepest) fault(`expected a header at most ${deepest} levels deep.`);
    } else if (c === '}' || c === ']') keysOf.pop();
    else if (c === '"') {
      const end = endOfString(text, at);
      if (isFollowedByColon(text, end)) {
        const key = text.slice(at, end);
        const keys = keysOf.at(-1);
        const plain = key.includes('\\') ? unescapeKey(key) : key;
        if (keys?.has(plain)) fault(`expected each key once, received ${key.length > 200 ? 'a long key' : key} twice.`);
        keys?.add(plain);
      }
      at = end;
      continue;
    }
    at++;
  }
}

function endOfString(text: string, begin: number): number {
  let at = begin + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return Math.min(at + 1, text.length);
}

function isFollowedByColon(text: string, from: number): boolean {
  let at = from;
  while (at < text.length && text.charCodeAt(at) <= 0x20) at++;
  return text[at] === ':';
}

function unescapeKey(key: string): string {
  try {
    return `"${JSON.parse(key)}"`;
  } catch {
    return key; // JSON.parse of the whole header says what is wrong
  }
}

function parseMetadata(header: object, refuse: Refuse): Readonly<Record<string, string>> {
  const metadata: unknown = Object.entries(header).find(([name]) => name === '__metadata__')?.[1] ?? {};
  if (!isObject(metadata)) return refuse('expected "__metadata__" to be an object.', '__metadata__');
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string') refuse(`expected metadata "${key}" to be text, received ${typeof value}.`, '__metadata__');
  }
  return metadata as Record<string, string>;
}

function parseEntry(name: string, value: unknown, refuse: Refuse): TensorEntry {
  if (!isObject(value)) return refuse('expected an object with dtype, shape and data_offsets.', name);
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  if (typeof dtype !== 'string' || !Object.hasOwn(bytesPer, dtype)) {
    return refuse(
      `expected a dtype among ${Object.keys(bytesPer).join(', ')}, received ${brief(dtype)}. Convert the tensor where it was made.`,
      name,
    );
  }
  if (!isListOfSizes(shape)) return refuse(`expected a shape of whole numbers, received ${brief(shape)}.`, name);
  if (!isListOfSizes(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    return refuse(`expected data_offsets [begin, end], received ${brief(offsets)}.`, name);
  }
  const [begin, end] = offsets;
  let bytes: number = bytesPer[dtype as SafetensorsDType];
  for (const n of shape) {
    bytes *= n;
    if (!Number.isSafeInteger(bytes)) return refuse(`expected a shape whose size is below 2^53 bytes, received ${brief(shape)}.`, name);
  }
  if (bytes !== end - begin)
    return refuse(`expected ${bytes} bytes for ${dtype} ${formatShape(shape)}, received data_offsets of ${end - begin}.`, name);
  return { name, dtype: dtype as SafetensorsDType, shape, begin, end };
}

function checkCover(entries: readonly TensorEntry[], dataLength: number, refuse: Refuse): void {
  let at = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== at) refuse(`expected data that begins at ${at}, where the tensor before it ends, received ${begin}.`, name);
    if (end > dataLength)
      refuse(`expected data that ends within the file's ${dataLength} bytes of data, received ${end}. The file is cut off.`, name);
    at = end;
  }
  if (at !== dataLength) refuse(`expected ${at} bytes of data, as its tensors need, received ${dataLength}.`);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isListOfSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
