/**
 * What a look inside a training costs (src/training/watch.ts): steps that are watched beside steps that are not, in turn, and the share of
 * a training's time that this is at the interval that tasks use. Times are a process's own: other programs do not count.
 *
 *   UNROLLED_THREADS=1 npx tsx bench/watch.ts
 */
import { tensor } from '../src/autograd/tensor.ts';
import { getBackend } from '../src/backend/select.ts';
import { Adam } from '../src/optim/adam.ts';
import { LanguageModel } from '../src/tasks/language-model/model.ts';
import { defaultWatchEvery } from '../src/tasks/training-options.ts';
import { Random } from '../src/tensor/random.ts';
import { StepWatch } from '../src/training/watch.ts';
import { circumstances, keepResult } from './circumstances.ts';

/** Language models of two LSTM layers: from one that learns in seconds to one that takes an hour. */
const sizes = [
  { hiddenSize: 32, batchSize: 16, steps: 20, vocabularySize: 50, rounds: 1500 },
  { hiddenSize: 128, batchSize: 32, steps: 64, vocabularySize: 65, rounds: 60 },
  { hiddenSize: 128, batchSize: 32, steps: 35, vocabularySize: 10_000, rounds: 20 },
  { hiddenSize: 512, batchSize: 32, steps: 64, vocabularySize: 65, rounds: 8 },
] as const;

export interface WatchCost {
  readonly hiddenSize: number;
  readonly batchSize: number;
  readonly steps: number;
  readonly vocabularySize: number;
  readonly plainMs: number;
  readonly lookMs: number;
  readonly every: number;
  /** Of a training's time. */
  readonly share: number;
  /** Of one event in events.jsonl. */
  readonly bytes: number;
}

function measured({ hiddenSize, batchSize, steps, vocabularySize, rounds }: (typeof sizes)[number]): WatchCost {
  const rng = new Random(1);
  const model = new LanguageModel({
    vocabularySize,
    embeddingSize: hiddenSize / 2,
    hiddenSize,
    cell: 'lstm',
    numLayers: 2,
    dropout: 0,
    embeddingDropout: 0,
    tieWeights: false,
    softmax: 'full',
    cutoffs: [],
    samples: 0,
    rng,
  });
  const optimizer = new Adam(model, { learningRate: 1e-3, clipNorm: 1 });
  const tokens = () =>
    tensor(
      Int32Array.from({ length: batchSize * steps }, () => rng.integer(vocabularySize)),
      { shape: [batchSize, steps], dtype: 'int32' },
    );
  const [x, y] = [tokens(), tokens()];
  const pass = () => optimizer.accumulate(() => model.loss(x, y));
  const plain = (): void => {
    optimizer.zeroGrad();
    pass();
    optimizer.apply();
  };
  let bytes = 0;
  const watched = (): void => {
    const watch = new StepWatch(model);
    optimizer.zeroGrad();
    watch.pass(pass, 1);
    watch.update(() => optimizer.apply());
    bytes = JSON.stringify(watch.event(1)).length;
  };
  const timeOf = (step: () => void): number => {
    const before = process.cpuUsage();
    step();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  for (let round = 0; round < rounds / 4; round++) [plain, watched].forEach((step) => void timeOf(step));
  let [plainMs, watchedMs] = [0, 0];
  for (let round = 0; round < rounds; round++) {
    plainMs += timeOf(plain) / rounds;
    watchedMs += timeOf(watched) / rounds;
  }
  const lookMs = Math.max(0, watchedMs - plainMs);
  const every = defaultWatchEvery;
  return { hiddenSize, batchSize, steps, vocabularySize, plainMs, lookMs, every, share: lookMs / every / plainMs, bytes };
}

const records = sizes.map(measured);
for (const { hiddenSize, plainMs, lookMs, share } of records) {
  console.log(`LSTM ${hiddenSize}: step ${plainMs.toFixed(2)} ms, look ${lookMs.toFixed(2)} ms, ${(100 * share).toFixed(2)} % of the time`);
}
keepResult('watch', { ...circumstances('UNROLLED_THREADS=1 npx tsx bench/watch.ts'), description: getBackend().description, records });
