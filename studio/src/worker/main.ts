/**
 * What every worker of the studio runs; its name says which job it does. One entry for all of them, so that the kernels are in
 * one file that all share.
 */
import type { Job } from './job.ts';

const jobs: Readonly<Record<string, () => Promise<{ readonly job: Job }>>> = {
  explore: () => import('../explore/job.ts'),
  train: () => import('../train/job.ts'),
  try: () => import('../try/job.ts'),
};

const post = (message: unknown, transfer: Transferable[] = []): void => {
  (globalThis as unknown as Worker).postMessage(message, transfer);
};
const ready = jobs[self.name]().then(({ job }) => job(post));

globalThis.onmessage = ({ data }: MessageEvent): void => {
  ready.then(
    (receive) => receive(data),
    (error: unknown) => post({ kind: 'failed', message: error instanceof Error ? error.message : String(error) }),
  );
};
