/** Long streams of tokens: in memory, or in a file that is read in ranges and never held. */
import type { ByteSource } from '../interop/byte-source.ts';
import { ConfigError, FormatError } from '../tensor/errors.ts';

/** A long stream of tokens that is read in ranges. */
export interface TokenSource {
  /** In tokens. */
  readonly length: number;
  /** Tokens offset … offset+count-1. */
  read(offset: number, count: number): ArrayLike<number> | Promise<ArrayLike<number>>;
}

/** Tokens that are in memory. */
export function tokensOf(tokens: Uint8Array | Uint16Array | Int32Array): TokenSource {
  return { length: tokens.length, read: (offset, count) => tokens.subarray(offset, offset + count) };
}

const arrayOf = { uint8: Uint8Array, uint16: Uint16Array, int32: Int32Array } as const;

/**
 * Tokens in a file of bare little-endian numbers.
 *
 * @example new StreamBatches(tokenFile(await openFile('corpus.u16'), 'uint16'), { batchSize: 64, windowLength: 128 })
 */
export function tokenFile(source: ByteSource, dtype: keyof typeof arrayOf): TokenSource {
  const TokenArray = arrayOf[dtype];
  if (TokenArray === undefined) throw new ConfigError(`[tokenFile] expected uint8, uint16 or int32, received "${dtype}".`);
  const width = TokenArray.BYTES_PER_ELEMENT;
  if (source.size % width !== 0) {
    throw new FormatError(`expected whole ${dtype} numbers, received ${source.size} bytes.`, { file: source.name, byte: source.size });
  }
  return {
    length: source.size / width,
    async read(offset, count) {
      const bytes = await source.read(offset * width, count * width);
      return new TokenArray(new Uint8Array(bytes).buffer);
    },
  };
}
