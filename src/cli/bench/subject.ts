/**
 * Unrolled's own side of the protocol in contender.ts; a program: `subject.js <backend> [folded]`. Everything it times
 * goes through the public face: modules, losses, an optimiser.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setFlagsFromString } from 'node:v8';
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { tensor } from '../../autograd/tensor.ts';
import type { Backend } from '../../backend/backend.ts';
import { setBackend, setThreads } from '../../backend/select.ts';
import { createWasm } from '../../backend/wasm.ts';
import { crossEntropy } from '../../losses/cross-entropy.ts';
import { Adam } from '../../optim/adam.ts';
import { sizeOf } from '../../tensor/shape.ts';
import type { BenchBackend } from '../bench.ts';
import { version } from '../doctor.ts';
import type { Ready, Setup } from './contender.ts';
import { batchOf, cells, LanguageModel } from './language-model.ts';
import type { NamedArrays, Workload } from './workloads.ts';

/** What is timed, and what its first calls gave. */
interface Prepared {
  readonly outputs: Float32Array;
  readonly call: () => unknown;
}

function prepareTrain(workload: Workload, arrays: NamedArrays, fold: boolean): Prepared {
  const model = new LanguageModel(workload, fold);
  model.loadStateDict(new Map([...arrays].filter(([name]) => name.includes('.'))));
  const tokens = batchOf(arrays, 'tokens');
  const targets = batchOf(arrays, 'targets');
  const optimizer = new Adam(model, { learningRate: workload.learningRate, clipNorm: workload.clipNorm });
  const call = (): number => optimizer.step(() => crossEntropy(model.forward(tokens), targets)).item();
  return { outputs: Float32Array.from({ length: workload.checkedSteps }, call), call };
}

function prepareForward(workload: Workload, arrays: NamedArrays): Prepared {
  const rnn = recurrentLayer(workload, arrays);
  const { shape, values } = arrays.get('x')!;
  const x = tensor(values, { shape });
  const call = (): Float32Array => scope(() => noGrad(() => rnn.forward(x).output).dataSync()) as Float32Array;
  return { outputs: call(), call };
}

function prepareStep(workload: Workload, arrays: NamedArrays): Prepared {
  const { T, inputSize } = workload;
  const stream = recurrentLayer(workload, arrays).stream();
  const { values } = arrays.get('x')!;
  const instants = Array.from({ length: T }, (_, t) => values.subarray(t * inputSize, (t + 1) * inputSize));
  const outputs = Float32Array.from(instants.flatMap((x) => [...stream.step(x)]));
  const output = stream.step(instants[0]);
  return { outputs, call: () => stream.step(instants[0], output) };
}

function recurrentLayer(
  { cell, layers, inputSize, hiddenSize }: Workload,
  arrays: NamedArrays,
): InstanceType<(typeof cells)[keyof typeof cells]> {
  const rnn = new cells[cell]({ inputSize, hiddenSize, numLayers: layers, batchFirst: false }).eval();
  rnn.loadStateDict(
    new Map([...arrays].filter(([name]) => name.startsWith('rnn.')).map(([name, array]) => [name.slice('rnn.'.length), array])),
  );
  return rnn;
}

function readArrays({ tensorFile, tensors }: Setup): NamedArrays {
  const bytes = readFileSync(tensorFile);
  const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return new Map(
    Object.entries(tensors).map(([name, { shape, offset }]) => [name, { shape, values: all.slice(offset, offset + sizeOf(shape)) }]),
  );
}

function chooseBackend(name: BenchBackend, threads: number): Backend {
  setThreads(threads);
  if (name === 'native') return setBackend(name);
  if (name === 'wasm-relaxed') setFlagsFromString('--experimental-wasm-relaxed-simd'); // Node 20 has it behind this flag
  const backend = createWasm(name === 'wasm' ? 'simd' : 'relaxed');
  backend.setThreads(threads);
  return setBackend(backend);
}

function prepare(setup: Setup, isFolded: boolean): Prepared {
  const arrays = readArrays(setup);
  switch (setup.workload.kind) {
    case 'train':
      return prepareTrain(setup.workload, arrays, isFolded);
    case 'forward':
      return prepareForward(setup.workload, arrays);
    case 'step':
      return prepareStep(setup.workload, arrays);
    default:
      throw new Error(`unreachable: ${setup.workload.kind satisfies never}`);
  }
}

const [name, variant] = process.argv.slice(2);
let run: () => number = () => Number.NaN;
for await (const line of createInterface({ input: process.stdin })) {
  const { setup } = JSON.parse(line) as { setup?: Setup };
  try {
    if (setup === undefined) {
      answer({ ms: run() });
      continue;
    }
    const backend = chooseBackend(name as BenchBackend, setup.threads);
    const { outputs, call } = prepare(setup, variant === 'folded');
    const { calls } = setup.workload;
    run = () => {
      const start = performance.now();
      for (let i = 0; i < calls; i++) call();
      return (performance.now() - start) / calls;
    };
    writeFileSync(setup.outputFile, new Uint8Array(outputs.buffer, outputs.byteOffset, outputs.byteLength));
    answer({ ready: { name: `Unrolled (${name})`, version: version(), remark: backend.description } satisfies Ready });
  } catch (error) {
    answer({ failed: (error as Error).stack ?? String(error) });
  }
}

function answer(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
