/** Files that may be compressed with gzip, read in pieces. */
import { openFile } from '#files';
import type { ByteSource } from '../interop/byte-source.ts';
import { FormatError } from '../tensor/errors.ts';

const chunkBytes = 1 << 20;

/** A file's bytes from its beginning, uncompressed where it is compressed. Errors as `unpacked`'s. */
export async function* fileBytes(path: string): AsyncGenerator<Uint8Array> {
  const file = await openFile(path);
  try {
    yield* unpacked(file);
  } finally {
    await file.close();
  }
}

/**
 * The bytes of a source, uncompressed where they begin as gzip's do.
 *
 * @throws FormatError when the compressed bytes are damaged or end early
 */
export async function* unpacked(source: ByteSource): AsyncGenerator<Uint8Array> {
  const start = await source.read(0, Math.min(2, source.size));
  if (start[0] === 0x1f && start[1] === 0x8b) yield* gunzip(bytesOf(source), source.name);
  else yield* bytesOf(source);
}

async function* bytesOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < source.size; offset += chunkBytes)
    yield await source.read(offset, Math.min(chunkBytes, source.size - offset));
}

async function* gunzip(pieces: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const { readable, writable } = new DecompressionStream('gzip');
  const writer = writable.getWriter();
  // A fault shows on both sides of the stream; it is reported where it is read.
  const written = feed(pieces, writer).catch(() => undefined);
  const reader = readable.getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (cause) {
    throw new FormatError('the compressed data are damaged or end early. Get the file anew.', { file: name }, { cause });
  } finally {
    await reader.cancel().catch(() => undefined);
    await written;
  }
}

async function feed(pieces: AsyncIterable<Uint8Array>, writer: WritableStreamDefaultWriter<BufferSource>): Promise<void> {
  for await (const piece of pieces) await writer.write(piece as Uint8Array<ArrayBuffer>);
  await writer.close();
}
