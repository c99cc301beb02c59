/** What a worker of `trainInWorker` runs in Node: the module that the job names. */
import { workerData } from 'node:worker_threads';
import { ConfigError } from '../tensor/errors.ts';
import { type CreateTrainer, serveTraining } from './train-in-worker.ts';

const { module, exportName } = workerData as { readonly module: string; readonly exportName: string };

async function load(): Promise<CreateTrainer<unknown>> {
  const create: unknown = (await import(module))[exportName];
  if (typeof create === 'function') return create as CreateTrainer<unknown>;
  throw new ConfigError(`[trainInWorker] expected ${module} to export a function "${exportName}", received ${typeof create}.`);
}

serveTraining(load());
