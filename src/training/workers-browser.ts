/** What workers-node.ts is for Node: here the page makes the worker, so that its bundler sees the file. */
import { ConfigError } from '../tensor/errors.ts';
import type { Port, TrainingJob } from './train-in-worker.ts';

export function startWorker({ worker }: TrainingJob<unknown>): Port {
  if (worker === undefined) {
    throw new ConfigError(
      "[trainInWorker] expected a worker: new Worker(new URL('./my-training.js', import.meta.url), { type: 'module' }), whose file calls serveTraining().",
    );
  }
  return {
    post: (message) => worker.postMessage(message),
    listen: (onMessage, onFailure) => {
      worker.onmessage = ({ data }) => onMessage(data);
      worker.onerror = ({ message }) => onFailure(new Error(`[trainInWorker] ${message}`));
    },
    close: () => worker.terminate(),
  };
}

/** Of a dedicated worker's global scope, which has the face of a port. */
export function ownPort(): Port {
  const scope = globalThis as unknown as { postMessage(message: unknown): void; onmessage: ((event: { data: unknown }) => void) | null };
  return {
    post: (message) => scope.postMessage(message),
    listen: (onMessage) => {
      scope.onmessage = ({ data }) => onMessage(data);
    },
    close: () => {
      scope.onmessage = null;
    },
  };
}
