/**
 * Files, as training and model files need them. `#files` is this module in Node and files-browser.ts elsewhere, so that
 * what imports it stays fit for browsers. Every failure is a FileError that says what to do.
 */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ByteSource } from '../interop/byte-source.ts';
import { FileError, FormatError } from '../tensor/errors.ts';

/** A file to be read in ranges. */
export interface OpenFile extends ByteSource {
  close(): Promise<void>;
}

/** A text file that grows line by line. */
export interface LogFile {
  /** In bytes; what `openLog` can cut it back to. */
  readonly size: number;
  append(text: string): void;
  /** To the disk, so that it outlives a power cut. */
  sync(): void;
  close(): void;
}

/** @throws FileError when it cannot be opened */
export async function openFile(path: string): Promise<OpenFile> {
  return failing('read', path, async () => {
    const handle = await open(path, 'r');
    const stats = await handle.stat();
    const { size } = stats;
    if (!stats.isFile() && !stats.isDirectory()) {
      await handle.close();
      const message = 'this is a pipe or a device, which can be read only once. Save what it gives to a file, and name that.';
      throw new FileError(message, { file: path, code: 'ESPIPE' });
    }
    return {
      name: path,
      size,
      read: async (offset, length) => {
        const bytes = new Uint8Array(length);
        const { bytesRead } = await failing('read', path, () => handle.read(bytes, 0, length, offset));
        if (bytesRead < length)
          throw new FormatError(`expected ${length} bytes here, received ${bytesRead}: the file became shorter.`, {
            file: path,
            byte: offset,
          });
        return bytes;
      },
      close: () => handle.close(),
    };
  });
}

export async function readBytes(path: string): Promise<Uint8Array> {
  return failing('read', path, () => readFile(path));
}

let writes = 0;

/**
 * Writes a file whole or not at all: to another name in the same folder, to the disk, then renamed. Whatever happens, `path`
 * holds the old content or the new. The folder is made when it is missing.
 *
 * @throws FileError when the disk is full or the place may not be written; the old file is as it was
 */
export async function writeAtomically(path: string, bytes: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${process.pid}-${writes++}.tmp`;
  await failing('write', path, async () => {
    await makeFolder(dirname(path));
    try {
      const handle = await open(temporary, 'w');
      try {
        await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await syncFolder(dirname(path));
  });
}

/**
 * A folder, and those that it is to be in. Node's own `recursive` never ends where a folder is missing and none can be made: in /proc,
 * or where the working directory has been removed.
 */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if ((await stat(path).catch(() => null))?.isDirectory()) return;
    const parent = dirname(path);
    if ((error as { code?: string }).code !== 'ENOENT' || parent === path) throw error;
    await makeFolder(parent);
    await mkdir(path).catch(async (again: unknown) => {
      // Another process may have been faster.
      if (!(await stat(path).catch(() => null))?.isDirectory()) throw again;
    });
  }
}

/** The names in a folder, sorted; none when there is no such folder. */
export async function listFolder(path: string): Promise<string[]> {
  return failing('read', path, async () => {
    try {
      return (await readdir(path)).sort();
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') return [];
      throw error;
    }
  });
}

/** A file that is not there is no failure. */
export async function removeFile(path: string): Promise<void> {
  await failing('remove', path, () => rm(path, { force: true }));
}

/** Opens a log to append to, after cutting it back to `size` bytes. */
export function openLog(path: string, size: number): LogFile {
  const attempt = <T>(body: () => T): T => {
    try {
      return body();
    } catch (error) {
      throw fileError('write', path, error);
    }
  };
  const descriptor = attempt(() => openSync(path, 'a'));
  let written = Math.min(
    size,
    attempt(() => fstatSync(descriptor).size),
  );
  attempt(() => ftruncateSync(descriptor, written));
  return {
    get size() {
      return written;
    },
    append: (text) => {
      const bytes = new TextEncoder().encode(text);
      attempt(() => {
        for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
      });
      written += bytes.length;
    },
    sync: () => attempt(() => fsyncSync(descriptor)),
    close: () => closeSync(descriptor),
  };
}

/** So that a rename outlives a power cut. Not every system lets a folder be opened; there the rename is as good as it gets. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r').catch(() => null);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

async function failing<T>(verb: Verb, path: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw error instanceof FileError || error instanceof FormatError ? error : fileError(verb, path, error);
  }
}

type Verb = 'read' | 'write' | 'remove';

/** What the system said, for people. */
export function fileError(verb: Verb, path: string, cause: unknown): FileError {
  const { code, message } = cause as { code?: string; message: string };
  const reasons: Readonly<Record<string, string>> = {
    ENOSPC: 'the disk is full. Nothing was lost: make room, then try again.',
    EDQUOT: 'the disk quota is used up. Nothing was lost: make room, then try again.',
    EACCES: `not allowed to ${verb} this. Check its permissions and those of its folder.`,
    EPERM: `not allowed to ${verb} this. Check its permissions and those of its folder.`,
    EROFS: 'this place is read-only. Choose another folder.',
    ENOENT:
      verb === 'write'
        ? 'there is no folder for this, and none can be made. Choose another place.'
        : 'there is no such file. Check the name, or that it was not moved.',
    ENOTDIR: 'a part of this path is a file, where a folder was expected. Choose another path.',
    EISDIR: 'this is a folder, where a file was expected.',
  };
  return new FileError(reasons[code ?? ''] ?? `could not ${verb} this: ${message}.`, { file: path, code }, { cause });
}
