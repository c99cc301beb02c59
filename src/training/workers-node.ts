/** Workers in Node. `#workers` is this module there, and workers-browser.ts elsewhere. */
import { parentPort, Worker } from 'node:worker_threads';
import { ConfigError } from '../tensor/errors.ts';
import type { Port, TrainingJob } from './train-in-worker.ts';

export function startWorker({ module, exportName = 'createTrainer', execArgv }: TrainingJob<unknown>): Port {
  if (module === undefined) throw new ConfigError('[trainInWorker] expected a module that exports createTrainer, received none.');
  // The same beside the sources and beside what is built of them.
  const entry = new URL(import.meta.url.endsWith('.ts') ? './worker-main.ts' : './worker-main.js', import.meta.url);
  const worker = new Worker(entry, {
    workerData: { module: String(module), exportName },
    ...(execArgv === undefined ? {} : { execArgv: [...execArgv] }),
  });
  return {
    post: (message) => worker.postMessage(message),
    listen: (onMessage, onFailure) => {
      worker.on('message', onMessage);
      worker.on('error', onFailure);
      worker.on('exit', () => onFailure(new Error('[trainInWorker] the worker ended before its training did.')));
    },
    close: () => void worker.terminate(),
  };
}

export function ownPort(): Port {
  const port = parentPort;
  if (port === null) throw new ConfigError('[serveTraining] expected to run in a worker; this is the main thread.');
  return {
    post: (message) => port.postMessage(message),
    listen: (onMessage) => void port.on('message', onMessage),
    close: () => port.close(),
  };
}
