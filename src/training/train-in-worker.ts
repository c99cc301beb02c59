/** Training beside the host's own thread: for steps that would block it for longer than it can bear. */
import { ownPort, startWorker } from '#workers';
import { BackendError, ConfigError, DivergenceError, FileError, FormatError, ShapeError } from '../tensor/errors.ts';
import type { TrainingEvent } from './events.ts';
import type { Trainer } from './trainer.ts';

/** One end of a worker's line to its host. */
export interface Port {
  post(message: unknown): void;
  listen(onMessage: (message: unknown) => void, onFailure: (error: Error) => void): void;
  close(): void;
}

/** Builds a training from options that can be sent to a worker (structured clone). */
export type CreateTrainer<O> = (options: O) => Trainer<unknown> | Promise<Trainer<unknown>>;

/** What a worker trains, and where its program comes from. */
export interface TrainingJob<O> {
  /** What `create` gets in the worker. */
  readonly options: O;
  /** Node: the module to import in a worker, as a URL or package name. */
  readonly module?: string | URL;
  /** Which of its exports builds the trainer; default `createTrainer`. */
  readonly exportName?: string;
  /** Elsewhere: a worker whose code has called `serveTraining`. */
  readonly worker?: Worker;
  /** Node: options of the interpreter in the worker. Default: those of this process. */
  readonly execArgv?: readonly string[];
}

type ToWorker = { readonly kind: 'start'; readonly options: unknown } | { readonly kind: 'abort' };
type FromWorker =
  | { readonly kind: 'event'; readonly event: TrainingEvent }
  | { readonly kind: 'error'; readonly error: SentError }
  | { readonly kind: 'end' };

/**
 * Runs a training in a worker, with the events of `Trainer.run`. The host's event loop stays free however long a step takes.
 *
 * @param signal  as of `Trainer.run`; leaving the loop early ends the worker at once
 * @example
 * // train.js exports createTrainer(options), which returns a Trainer
 * for await (const event of trainInWorker({ module: new URL('./train.js', import.meta.url), options: { hiddenSize: 512 } })) …
 */
export async function* trainInWorker<O>(
  job: TrainingJob<O>,
  { signal }: { signal?: AbortSignal } = {},
): AsyncGenerator<TrainingEvent, void, void> {
  const port = startWorker(job);
  const queue: FromWorker[] = [];
  let wake = () => {};
  let failure: Error | null = null;
  port.listen(
    (message) => {
      queue.push(message as FromWorker);
      wake();
    },
    (error) => {
      failure = error;
      wake();
    },
  );
  const abort = () => port.post({ kind: 'abort' } satisfies ToWorker);
  signal?.addEventListener('abort', abort);
  try {
    port.post({ kind: 'start', options: job.options } satisfies ToWorker);
    if (signal?.aborted) abort();
    for (;;) {
      const message = queue.shift();
      if (message === undefined) {
        if (failure !== null) throw failure;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      if (message.kind === 'end') return;
      if (message.kind === 'error') throw receiveError(message.error);
      yield message.event;
    }
  } finally {
    signal?.removeEventListener('abort', abort);
    port.close();
  }
}

/**
 * Makes this worker answer `trainInWorker`. In Node it does so by itself for a job's `module`.
 *
 * @example serveTraining(createTrainer); // the whole of a browser's worker file
 */
export function serveTraining<O>(create: CreateTrainer<O> | Promise<CreateTrainer<O>>): void {
  const port = ownPort();
  const abort = new AbortController();
  Promise.resolve(create).catch(() => undefined); // train() says so once there is a host to hear it
  const send = (message: FromWorker) => port.post(message);
  const train = async (options: O) => {
    try {
      const trainer = await (await create)(options);
      for await (const event of trainer.run({ signal: abort.signal })) send({ kind: 'event', event });
      send({ kind: 'end' });
    } catch (error) {
      send({ kind: 'error', error: sendError(error) });
    }
  };
  port.listen(
    (message) => {
      const received = message as ToWorker;
      if (received.kind === 'abort') abort.abort();
      else void train(received.options as O);
    },
    () => {},
  );
}

interface SentError {
  readonly message: string;
  readonly stack: string | undefined;
  /** `name`, and the facts that Unrolled's errors carry. */
  readonly fields: Readonly<Record<string, unknown>>;
}

const errorClasses: Readonly<Record<string, { readonly prototype: Error }>> = {
  ShapeError,
  ConfigError,
  FormatError,
  BackendError,
  DivergenceError,
  FileError,
};

/** Structured clone would lose an error's class and fields. */
function sendError(error: unknown): SentError {
  if (!(error instanceof Error)) return { message: String(error), stack: undefined, fields: {} };
  const { cause: _, ...fields } = { ...error, name: error.name };
  return { message: error.message, stack: error.stack, fields };
}

function receiveError({ message, stack, fields }: SentError): Error {
  const error = new Error(message);
  const Known = errorClasses[String(fields.name)];
  if (Known !== undefined) Object.setPrototypeOf(error, Known.prototype);
  return Object.assign(error, fields, stack === undefined ? {} : { stack });
}
