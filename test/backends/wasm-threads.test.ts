/**
 * Threads of WebAssembly in Node: workers compute what one thread does, to the bit, and nobody waits for one that does not come.
 * Pages: test/platform/page.test.ts.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterEach, expect, test, vi } from 'vitest';
import { tensor } from '../../src/autograd/tensor.ts';
import type { Backend } from '../../src/backend/backend.ts';
import { getBackend, setBackend } from '../../src/backend/select.ts';
import { createWasm, wasmVariant } from '../../src/backend/wasm.ts';
import { crossEntropy } from '../../src/losses/cross-entropy.ts';
import { Embedding } from '../../src/nn/embedding.ts';
import { Linear } from '../../src/nn/linear.ts';
import { LSTM } from '../../src/nn/lstm.ts';
import { Module } from '../../src/nn/module.ts';
import { Adam } from '../../src/optim/adam.ts';
import { Random } from '../../src/tensor/random.ts';

type StartThread = (program: string, data: object, fail: (reason: string) => void) => void;

/** What starts workers in place of the platform's own. */
let start: ((own: StartThread) => StartThread) | undefined;
vi.mock('#platform', async (importOriginal) => {
  const platform = await importOriginal<{ startThread: StartThread }>();
  return {
    ...platform,
    startThread: (...given: Parameters<StartThread>) => (start?.(platform.startThread) ?? platform.startThread)(...given),
  };
});

const chosen = getBackend();
afterEach(() => {
  start = undefined;
  setBackend(chosen);
});

const T = 20;
const B = 12;

class LanguageModel extends Module {
  readonly #rng = new Random(3);
  readonly embedding = this.child('embedding', new Embedding({ vocabularySize: 40, embeddingSize: 64, rng: this.#rng }));
  readonly lstm = this.child('lstm', new LSTM({ inputSize: 64, hiddenSize: 128, batchFirst: false, rng: this.#rng }));
  readonly linear = this.child('linear', new Linear({ inputSize: 128, outputSize: 40, rng: this.#rng }));

  loss(tokens: Int32Array): ReturnType<typeof crossEntropy> {
    const x = tensor(tokens, { shape: [T, B], dtype: 'int32' });
    return crossEntropy(this.linear.forward(this.lstm.forward(this.embedding.forward(x)).output), x);
  }
}

/** Losses and weights of a few steps. */
function train(backend: Backend, beforeStep: (step: number) => void = () => {}): number[] {
  setBackend(backend);
  const rng = new Random(4);
  const model = new LanguageModel();
  const optimizer = new Adam(model, { learningRate: 0.01, clipNorm: 1 });
  const losses = Array.from({ length: 12 }, (_, step) => {
    beforeStep(step);
    const tokens = Int32Array.from({ length: T * B }, () => rng.integer(40));
    return optimizer.step(() => model.loss(tokens)).item();
  });
  return [...losses, ...model.parameters().flatMap((parameter) => [...parameter.dataSync()])];
}

function wasm(threads: number): ReturnType<typeof createWasm> {
  const backend = createWasm('simd');
  backend.setThreads(threads);
  return backend;
}

/** Starts workers, and lets the kernel that wanted the first one wait until it is there: it takes its parts from then on. */
const awaited =
  (own: StartThread): StartThread =>
  (program, data, fail) => {
    const isThere = new Int32Array(new SharedArrayBuffer(4));
    own(
      `(data) => { Atomics.store(data.isThere, 0, 1); Atomics.notify(data.isThere, 0); (${program})(data); }`,
      { ...data, isThere },
      fail,
    );
    expect(Atomics.wait(isThere, 0, 0, 60_000)).not.toBe('timed-out');
  };

test('a training gives the same bits on 1 and 2 threads, and when their number changes all the time', () => {
  const alone = train(wasm(1));
  const starts = vi.fn(awaited);
  start = starts;
  expect(train(wasm(2))).toEqual(alone);
  expect(starts).toHaveBeenCalledTimes(1);
  const changing = wasm(2);
  expect(train(changing, (step) => changing.setThreads([2, 3, 1, 4, 1, 2][step % 6]))).toEqual(alone);
  expect(changing.threads).toBe(2);
  expect(starts).toHaveBeenCalledTimes(1 + 3);
});

test('a worker that never comes is not waited for', () => {
  const alone = train(wasm(1));
  start = () => () => {};
  expect(train(wasm(2))).toEqual(alone);
});

test('where workers cannot be started, there is one thread, and the description says why', async () => {
  const alone = train(wasm(1));
  start = () => (_program, _data, fail) => fail('workers are forbidden');
  const backend = wasm(2);
  expect(train(backend)).toEqual(alone);
  await Promise.resolve();
  expect(backend.threads).toBe(1);
  expect(backend.description).toBe('WebAssembly SIMD, 4 floats wide, 1 thread (workers are forbidden)');
  backend.setThreads(2);
  expect(backend.threads).toBe(1);
});

test('a call whose part died with its worker fails, and the calls after it have one thread', async () => {
  const stop = new Int32Array(new SharedArrayBuffer(4));
  let tell: (reason: string) => void;
  const failure = new Promise<string>((resolve) => {
    tell = resolve;
  });
  // All of its parts die, and it with them when it is told so.
  const program = (own: string) =>
    own.replace('exports.serve(index)', "while (Atomics.load(stop, 0) === 0) exports.abandon(); throw new Error('it died')");
  start = (own) => (text, data, fail) =>
    awaited(own)(`(data) => { const { stop } = data; (${program(text)})(data); }`, { ...data, stop }, (reason) => {
      fail(reason);
      tell(reason);
    });
  const backend = wasm(2);
  expect(() => {
    for (let i = 0; i < 100_000; i++) train(backend);
  }).toThrow(WebAssembly.RuntimeError);
  Atomics.store(stop, 0, 1);
  expect(await failure).toBe('a worker ended: it died');
  expect(backend.threads).toBe(1);
  expect(train(backend)).toEqual(train(wasm(1)));
});

test('without SharedArrayBuffer there is one thread, and the same bits', () => {
  const alone = train(wasm(1));
  const own = globalThis.SharedArrayBuffer;
  try {
    Reflect.deleteProperty(globalThis, 'SharedArrayBuffer');
    const backend = wasm(2);
    expect(backend.description).toBe('WebAssembly SIMD, 4 floats wide, 1 thread (this engine has no SharedArrayBuffer)');
    expect(train(backend)).toEqual(alone);
  } finally {
    globalThis.SharedArrayBuffer = own;
  }
});

test('memory that grows while workers wait is theirs too', () => {
  start = awaited;
  const backend = wasm(3);
  const n = 2 ** 19;
  for (let i = 1; i <= 60; i++) {
    const [x, y] = [0, 0].map(() => backend.allocate('float32', n));
    backend.fill(x, i);
    backend.copy(x, y);
    backend.affine(y, 2, 1, y);
    expect(backend.read(y).every((value) => value === 2 * i + 1)).toBe(true);
  }
});

test('an engine without atomics is answered in a sentence', () => {
  const atomicsPrefix = 0xfe;
  const { validate } = WebAssembly;
  const old = vi
    .spyOn(WebAssembly, 'validate')
    .mockImplementation((module) => !(module as Uint8Array).includes(atomicsPrefix) && validate(module));
  try {
    expect(() => createWasm(wasmVariant())).toThrow('[wasm] this engine has no WebAssembly atomics (in browsers since 2021).');
  } finally {
    old.mockRestore();
  }
});

const host = new URL('./thread-host.ts', import.meta.url);
const tsx = new URL('../learning/tsx-in-worker.mjs', import.meta.url).href;

test("two of the user's own threads have a backend each, with threads of its own, and end", async () => {
  const answers = [0, 1].map(async () => {
    const worker = new Worker(host, { execArgv: ['--conditions=unrolled-source', '--import', tsx] });
    const [[sum], [code]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
    return { sum, code };
  });
  const [one, two] = await Promise.all(answers);
  expect(one).toEqual({ sum: expect.any(Number), code: 0 });
  expect(two).toEqual(one);
});

test.each([
  ['ends by itself', 'end', 0, null],
  ['exits', 'exit', 7, null],
  ['throws', 'throw', 1, null],
  ['is interrupted in a kernel', 'go on', null, 'SIGINT'],
])('a process with workers that %s ends', async (_, told, code, signal) => {
  const child = spawn(process.execPath, ['--conditions=unrolled-source', '--import', 'tsx', host.pathname, told], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
  child.stdout.once('data', () => {
    if (signal !== null) child.kill(signal as NodeJS.Signals);
  });
  expect(await once(child, 'exit')).toEqual([code, signal]);
  clearTimeout(timer);
});
