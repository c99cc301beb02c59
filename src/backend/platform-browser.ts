/** What platform-node.ts is for Node: browsers, workers and other engines have no addons, and no environment. */
import { inflateSync } from 'fflate';
import type { hardwareThreads as HardwareThreads, inflate as Inflate, NativeSearch, startThread as StartThread } from './platform-node.ts';

export function loadNative(): NativeSearch {
  return { reason: 'native kernels need Node' };
}

export const inflate: typeof Inflate = (deflated, bytes) =>
  inflateSync(deflated, { out: new Uint8Array(bytes) }) as Uint8Array<ArrayBuffer>;

/** Of the data: or blob: addresses, only the latter's workers belong to the page and may share its memory. */
export const startThread: typeof StartThread = (program, data, fail) => {
  try {
    const source = new Blob([`onmessage = ({ data }) => (${program})(data);`], { type: 'text/javascript' });
    const worker = new Worker(URL.createObjectURL(source));
    worker.onerror = (event) => {
      event.preventDefault?.(); // it is told below
      fail(`a worker ended: ${event.message || "the page's Content-Security-Policy may not allow blob: for worker-src"}`);
    };
    worker.postMessage(data);
  } catch (error) {
    fail(`workers cannot be started: ${(error as Error).message}`);
  }
};

/**
 * Processors, but no more than 4: a kernel cuts its work in equal parts, so the slowest thread sets the time, and a browser counts
 * slow cores, and fast ones twice. Each worker also costs some megabytes, and `setThreads` can ask for more.
 */
export const hardwareThreads: typeof HardwareThreads = () => Math.min(globalThis.navigator?.hardwareConcurrency ?? 1, 4);

export function environment(_name: string): string | undefined {
  return undefined;
}
