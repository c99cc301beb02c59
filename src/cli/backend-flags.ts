/** `--backend` and `--threads`, which every command that computes takes. */
import { type Command, InvalidArgumentError } from 'commander';
import type { BackendName } from '../backend/backend.ts';
import { mostThreads, setBackend, setThreads } from '../backend/select.ts';

export interface BackendFlags {
  readonly backend?: string;
  readonly threads?: number;
}

export function addBackendFlags(command: Command): void {
  command.option('--backend <name>', 'native, wasm or reference (default: the fastest there is)');
  command.option('--threads <n>', 'threads that compute (default: all cores)', (text) => {
    const count = Number(text);
    if (Number.isInteger(count) && count >= 1 && count <= mostThreads) return count;
    throw new InvalidArgumentError(`expected a whole number in 1…${mostThreads}, received "${text}".`);
  });
}

/** @throws ConfigError, BackendError when it cannot be had */
export function useBackend({ backend, threads }: BackendFlags): void {
  if (threads !== undefined) setThreads(threads);
  if (backend !== undefined) setBackend(backend as BackendName);
}
