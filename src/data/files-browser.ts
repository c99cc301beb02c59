/** What files-node.ts is where there are no files: each function says so. Models travel as bytes there (`formatModel`, `parseModel`). */
import { FileError } from '../tensor/errors.ts';
import type * as Node from './files-node.ts';

function none(path: string): never {
  throw new FileError('there are no files here. Use bytes: formatModel() and parseModel(), with fetch, a Blob or a download.', {
    file: path,
  });
}

export const openFile: typeof Node.openFile = async (path) => none(path);
export const readBytes: typeof Node.readBytes = async (path) => none(path);
export const writeAtomically: typeof Node.writeAtomically = async (path) => none(path);
export const listFolder: typeof Node.listFolder = async (path) => none(path);
export const removeFile: typeof Node.removeFile = async (path) => none(path);
export const openLog: typeof Node.openLog = (path) => none(path);
