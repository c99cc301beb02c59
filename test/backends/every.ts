/** Runs a suite once on every backend that this machine has; one that it has not is skipped with the reason. */
import { beforeEach, describe } from 'vitest';
import type { Backend, BackendName } from '../../src/backend/backend.ts';
import { explainBackends, getBackend, setBackend } from '../../src/backend/select.ts';

/** What modules and tensors are made on inside is the suite's backend. */
export function onEveryBackend(suite: (backend: Backend) => void): void {
  const names: readonly BackendName[] = ['reference', 'native', 'wasm'];
  const facts = explainBackends();
  for (const name of names) {
    const { isAvailable, reason } = facts.find((fact) => fact.name === name)!;
    if (!isAvailable) {
      describe.skip(`${name} (not here: ${reason})`, () => {});
      continue;
    }
    describe(name, () => {
      const backend = getBackend(name);
      beforeEach(() => {
        setBackend(backend);
      });
      suite(backend);
    });
  }
}
