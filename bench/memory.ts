/**
 * Peak memory of a training step against what it has to keep: weights, gradients, Adam's two moments, and the activations
 * that the backward reads. Counted by the backend, workspaces of its kernels included.
 *
 *   npx tsx bench/memory.ts
 */
import { getBackend, setBackend } from '../src/backend/select.ts';
import { batchOf, LanguageModel } from '../src/cli/bench/language-model.ts';
import { numbersOf, type Workload, workloads } from '../src/cli/bench/workloads.ts';
import { crossEntropy } from '../src/losses/cross-entropy.ts';
import { Adam } from '../src/optim/adam.ts';
import { circumstances, keepResult } from './circumstances.ts';

interface MemoryRecord {
  readonly id: string;
  readonly backend: string;
  /** The most that was ever allocated at once during a step after the first. */
  readonly peakBytes: number;
  readonly keptBytes: number;
  readonly kept: Readonly<Record<string, number>>;
  readonly ratio: number;
}

/** Numbers that a step has to keep for its backward, by what they are. */
function savedNumbers({ cell, layers, inputSize, hiddenSize: H, vocabulary: V, T, B }: Workload): Record<string, number> {
  const R = T * B;
  const slots = (T + 1) * B * H;
  const perLayer = {
    lstm: R * 4 * H + 2 * slots, // gates; h and c
    gru: R * 3 * H + slots + R * H, // gates; h; W_hn h + b_hn
    rnn: R * H + slots, // gates; h
  }[cell];
  return { embedded: R * inputSize, recurrent: layers * perLayer, logits: R * V, tokensAndTargets: 2 * R };
}

function measure(workload: Workload): MemoryRecord {
  const backend = getBackend();
  const before = backend.memory.bytes;
  const numbers = numbersOf(workload);
  const model = new LanguageModel(workload, false);
  const optimizer = new Adam(model, { learningRate: workload.learningRate, clipNorm: workload.clipNorm });
  const tokens = batchOf(numbers, 'tokens');
  const targets = batchOf(numbers, 'targets');
  const step = (): number => optimizer.step(() => crossEntropy(model.forward(tokens), targets)).item();
  step();
  backend.resetPeak();
  step();
  const peakBytes = backend.memory.peakBytes - before;
  const parameters = model.parameterCount;
  const kept = { weights: parameters, gradients: parameters, moments: 2 * parameters, ...savedNumbers(workload) };
  const keptBytes = 4 * Object.values(kept).reduce((sum, count) => sum + count, 0);
  return { id: workload.id, backend: backend.name, peakBytes, keptBytes, kept, ratio: peakBytes / keptBytes };
}

const records = (['native', 'wasm'] as const).flatMap((name) => {
  setBackend(name);
  return workloads.filter(({ kind }) => kind === 'train').map(measure);
});
for (const { id, backend, peakBytes, keptBytes, ratio } of records) {
  console.log(`${id}, ${backend}: peak ${(peakBytes / 1e6).toFixed(1)} MB, kept ${(keptBytes / 1e6).toFixed(1)} MB: ${ratio.toFixed(2)}x`);
}
keepResult('memory', { ...circumstances('npx tsx bench/memory.ts'), records });
