/** Bytes that are read in ranges: a file (see data/files.ts), a Blob, an array. */
export interface ByteSource {
  /** What errors call it; a file's path. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Bytes offset … offset+length-1, all of them. @throws FormatError when the source has become shorter */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Bytes that are in memory. */
export function bytesSource(bytes: Uint8Array, name = 'bytes'): ByteSource {
  return { name, size: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length) };
}

/** A file that a user chose in a browser. */
export function blobSource(blob: Blob, name = 'blob'): ByteSource {
  return { name, size: blob.size, read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()) };
}
