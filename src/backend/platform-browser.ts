/** What platform-node.ts is for Node: browsers, workers and other engines have no addons, and no environment. */
import { inflateSync } from 'fflate';
import type { hardwareThreads as HardwareThreads, inflate as Inflate, NativeSearch } from './platform-node.ts';

export function loadNative(): NativeSearch {
  return { reason: 'native kernels need Node' };
}

export const inflate: typeof Inflate = (deflated, bytes) =>
  inflateSync(deflated, { out: new Uint8Array(bytes) }) as Uint8Array<ArrayBuffer>;

export const hardwareThreads: typeof HardwareThreads = () => globalThis.navigator?.hardwareConcurrency ?? 1;

export function environment(_name: string): string | undefined {
  return undefined;
}
