/**
 * NumPy's array files, `.npy`: a header and numbers, read row by row, so that an array may be larger than memory. Reads
 * booleans, integers up to 32 bits and floats of 32 and 64 bits, of either byte order, in C order.
 *
 * Format: numpy/lib/format.py, versions 1 to 3. A reader of our own, since those on npm hold a whole array in memory, and the
 * arrays of protein structure have up to 2 GB.
 */
import { FormatError } from '../tensor/errors.ts';

/** An array's shape, and its numbers along the first axis. */
export interface NpyArray {
  readonly shape: readonly number[];
  /** As in the header: `<f4`. */
  readonly dtype: string;
  /** Each with the numbers of one row, shape[1]·shape[2]·…; to be read once. */
  readonly rows: AsyncGenerator<Float64Array>;
}

/**
 * @param pieces  the file's bytes, cut anywhere
 * @param name    what errors call it
 * @throws FormatError with the byte at fault: no array, another kind of numbers, Fortran order, fewer bytes than the shape says
 * @example const { shape, rows } = await openNpy(blob.stream(), 'cb513.npy'); // [514, 700, 57]
 */
export async function openNpy(pieces: AsyncIterable<Uint8Array>, name: string): Promise<NpyArray> {
  const bytes = new ByteReader(pieces, name);
  const { dtype, shape } = await readHeader(bytes, name);
  const kind = kinds[dtype.slice(1)];
  if (kind === undefined || !'<>|='.includes(dtype[0])) {
    throw new FormatError(
      `expected numbers of type ${Object.keys(kinds).join(', ')}, found ${dtype}. Convert the array, for example: array.astype("f4").`,
      {
        file: name,
        byte: 10,
      },
    );
  }
  return { shape, dtype, rows: readRows(bytes, name, shape, kind, dtype[0] !== '>') };
}

/** Bytes of a number, and how it is read. */
interface Kind {
  readonly size: number;
  readonly read: (view: DataView, at: number, isLittle: boolean) => number;
}

const kinds: Readonly<Record<string, Kind>> = {
  f4: { size: 4, read: (view, at, isLittle) => view.getFloat32(at, isLittle) },
  f8: { size: 8, read: (view, at, isLittle) => view.getFloat64(at, isLittle) },
  i1: { size: 1, read: (view, at) => view.getInt8(at) },
  i2: { size: 2, read: (view, at, isLittle) => view.getInt16(at, isLittle) },
  i4: { size: 4, read: (view, at, isLittle) => view.getInt32(at, isLittle) },
  u1: { size: 1, read: (view, at) => view.getUint8(at) },
  u2: { size: 2, read: (view, at, isLittle) => view.getUint16(at, isLittle) },
  u4: { size: 4, read: (view, at, isLittle) => view.getUint32(at, isLittle) },
  b1: { size: 1, read: (view, at) => view.getUint8(at) },
};

async function readHeader(bytes: ByteReader, name: string): Promise<{ dtype: string; shape: readonly number[] }> {
  const refuse = (message: string, byte: number): never => {
    throw new FormatError(message, { file: name, byte });
  };
  const magic = await bytes.take(8, 'the beginning of an array');
  if (magic.subarray(0, 6).some((byte, i) => byte !== npyMagic[i])) refuse('expected a NumPy array, which begins with 0x93 and NUMPY.', 0);
  const [major] = magic.subarray(6);
  if (major < 1 || major > 3) refuse(`expected format 1, 2 or 3, found ${major}. Save the array anew.`, 6);
  const sizeBytes = major === 1 ? 2 : 4;
  const size = await bytes.take(sizeBytes, "the header's length");
  const length = size.reduceRight((sum, byte) => sum * 256 + byte, 0);
  if (length > 1 << 20) refuse(`expected a header of less than a megabyte, found ${length} bytes.`, 8);
  const header = new TextDecoder().decode(await bytes.take(length, 'the header'));
  const begin = 8 + sizeBytes;
  const dtype =
    /'descr'\s*:\s*'([^']+)'/.exec(header)?.[1] ?? refuse("expected a header with one type of numbers, as in 'descr': '<f4'.", begin);
  if (/'fortran_order'\s*:\s*True/.test(header))
    refuse('expected C order, found Fortran order. Convert the array: np.ascontiguousarray(array).', begin);
  const axes =
    /'shape'\s*:\s*\(([\d,\s]*)\)/.exec(header)?.[1] ?? refuse("expected a header with a shape, as in 'shape': (514, 700, 57).", begin);
  const shape = axes
    .split(',')
    .filter((axis) => axis.trim() !== '')
    .map(Number);
  if (shape.length === 0) refuse('expected an array of at least one axis, found a single number.', begin);
  return { dtype, shape };
}

/** What every array file begins with. */
export const npyMagic = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59);

async function* readRows(
  bytes: ByteReader,
  name: string,
  shape: readonly number[],
  { size, read }: Kind,
  isLittle: boolean,
): AsyncGenerator<Float64Array> {
  const width = shape.slice(1).reduce((product, n) => product * n, 1);
  for (let row = 0; row < shape[0]; row++) {
    const part = await bytes.take(width * size, `row ${row + 1} of ${shape[0]}`);
    const view = new DataView(part.buffer, part.byteOffset, part.byteLength);
    const values = new Float64Array(width);
    for (let i = 0; i < width; i++) values[i] = read(view, i * size, isLittle);
    yield values;
  }
  if (!(await bytes.isAtEnd())) {
    throw new FormatError(`expected the end of the array here, after ${shape[0]} rows, found more bytes.`, {
      file: name,
      byte: bytes.offset,
    });
  }
}

/** Bytes in whatever pieces they come, taken in the pieces that are wanted. */
class ByteReader {
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #name: string;
  #piece: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** Bytes taken. */
  offset = 0;

  constructor(pieces: AsyncIterable<Uint8Array>, name: string) {
    this.#pieces = pieces[Symbol.asyncIterator]();
    this.#name = name;
  }

  /** @throws FormatError when there are fewer */
  async take(count: number, what: string): Promise<Uint8Array> {
    const taken = new Uint8Array(count);
    for (let filled = 0; filled < count; ) {
      if (await this.isAtEnd()) {
        throw new FormatError(
          `expected ${count} bytes for ${what}, found the end of the file after ${filled}. The file is not whole: get it anew.`,
          {
            file: this.#name,
            byte: this.offset + filled,
          },
        );
      }
      const part = this.#piece.subarray(this.#at, this.#at + count - filled);
      taken.set(part, filled);
      filled += part.length;
      this.#at += part.length;
    }
    this.offset += count;
    return taken;
  }

  async isAtEnd(): Promise<boolean> {
    while (this.#at === this.#piece.length) {
      const { value, done } = await this.#pieces.next();
      if (done) return true;
      this.#piece = value;
      this.#at = 0;
    }
    return false;
  }
}
