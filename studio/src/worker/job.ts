/** The two ends of a worker. */

/** What a worker does: takes a way to answer, gives what receives messages. */
export type Job = (post: (message: unknown, transfer?: Transferable[]) => void) => (message: unknown) => void;

/** Starts a worker for a job. */
export function startJob(name: string, onMessage: (message: never) => void): Worker {
  const worker = new Worker(new URL('./main.ts', import.meta.url), { type: 'module', name });
  worker.onmessage = ({ data }) => onMessage(data as never);
  worker.onerror = ({ message }) => onMessage({ kind: 'failed', message: message || 'the worker could not be started' } as never);
  return worker;
}
