import { execFileSync } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../tensor/errors.ts';
import type { BackendName } from './backend.ts';
import { explainBackends, getBackend, setBackend, setThreads } from './select.ts';

const chosen = getBackend();
afterEach(() => {
  setBackend(chosen);
});

/** What a fresh process with these variables prints. */
function inProcess(environment: Record<string, string>, code: string): string {
  const program = `import { getBackend, explainBackends } from ${JSON.stringify(new URL('./select.ts', import.meta.url).href)};
    try { console.log(${code}); } catch (error) { console.log(error.name + ': ' + error.message); }`;
  return execFileSync(process.execPath, ['--conditions=unrolled-source', '--import', 'tsx', '--input-type=module', '-e', program], {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
  }).trim();
}

describe('getBackend', () => {
  it('gives the same backend each time', () => {
    expect(getBackend()).toBe(getBackend());
    expect(getBackend('wasm')).toBe(getBackend('wasm'));
  });

  it('gives the fastest there is', () => {
    const fastest = explainBackends().find(({ isAvailable }) => isAvailable);
    expect(chosen.name).toBe(process.env.UNROLLED_BACKEND ?? fastest?.name);
  });

  it('refuses an unknown name and suggests one', () => {
    expect(() => getBackend('nativ' as BackendName)).toThrow(
      new ConfigError('[getBackend] unknown backend "nativ"; did you mean "native"? Known: native, wasm, reference.'),
    );
  });
});

describe('setBackend', () => {
  it('changes what new tensors live on, by name or by object', () => {
    expect(setBackend('reference').name).toBe('reference');
    expect(getBackend().name).toBe('reference');
    const wasm = getBackend('wasm');
    setBackend(wasm);
    expect(getBackend()).toBe(wasm);
  });
});

describe('setThreads', () => {
  it('refuses what is not a number of threads', () => {
    for (const count of [0, -1, 1.5, Number.NaN, 1025, 100_000]) {
      expect(() => setThreads(count)).toThrow(new ConfigError(`[setThreads] expected an integer in 1…1024, received ${count}.`));
    }
  });

  it('is heeded by native kernels and by WebAssembly, whenever it is called', () => {
    setThreads(3);
    expect(getBackend('wasm').threads).toBe(3);
    expect(getBackend('wasm').description).toMatch(/, 3 threads$/);
    if (explainBackends()[0].isAvailable) {
      expect(getBackend('native').threads).toBe(3);
      expect(getBackend('native').description).toMatch(/, 3 threads$/);
    }
    setThreads(2);
  });
});

describe('the environment', () => {
  it('chooses the backend', () => {
    expect(inProcess({ UNROLLED_BACKEND: 'reference' }, 'getBackend().name')).toBe('reference');
  });

  it('is refused, with a suggestion, when it names none', () => {
    expect(inProcess({ UNROLLED_BACKEND: 'wsm' }, 'getBackend().name')).toBe(
      'ConfigError: [UNROLLED_BACKEND] unknown backend "wsm"; did you mean "wasm"? Known: native, wasm, reference.',
    );
  });

  it('says where to look for native kernels, and WebAssembly follows where they are not', () => {
    const environment = { UNROLLED_NATIVE_PATH: '/nowhere/unrolled.node', UNROLLED_BACKEND: '' };
    expect(inProcess(environment, 'getBackend().name')).toBe('wasm');
    expect(inProcess(environment, 'explainBackends()[0].reason')).toMatch(
      /^\[native\] \/nowhere\/unrolled\.node cannot be loaded: .*\. Install the package for this platform, or a C\+\+ compiler and run "npm run build"\.$/,
    );
  });
});
