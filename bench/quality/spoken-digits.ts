/**
 * Spoken digits (Free Spoken Digit Dataset: 6 speakers, 8 kHz): single digits, and strings of 3 to 7 digits joined from one speaker's
 * recordings. A model learns from single recordings, joined anew in each epoch; of the official training part (index 5 and up) those of
 * index 5 to 7 are set aside, and strings of them choose the best weights; test strings are of test recordings only (index 0 to 4).
 *
 *   UNROLLED_THREADS=1 npx tsx bench/quality/spoken-digits.ts --data FOLDER [--seeds 1,2] [--folder runs/spoken-digits]
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { joined } from '../../src/data/audio/resample.ts';
import { formatWav, mixDown, parseWav } from '../../src/data/audio/wav.ts';
import { Random } from '../../src/tensor/random.ts';
import { dataFile, keepQuality, type QualityRun, trainAndEvaluate, unrolled } from './run.ts';

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    seeds: { type: 'string', default: '1' },
    folder: { type: 'string', default: 'runs/spoken-digits' },
    validate: { type: 'boolean', default: false },
  },
});
const recordings = resolve(dataFile(values.data, 'recordings', 'github.com/Jakobovski/free-spoken-digit-dataset'));
const folder = resolve(values.folder);

interface Recording {
  readonly path: string;
  readonly digit: string;
  readonly speaker: string;
  readonly index: number;
}

const all: Recording[] = readdirSync(recordings)
  .filter((name) => name.endsWith('.wav'))
  .map((name) => {
    const [digit, speaker, index] = name.slice(0, -4).split('_');
    return { path: join(recordings, name), digit, speaker, index: Number(index) };
  });
const speakers = [...new Set(all.map(({ speaker }) => speaker))].sort();
const test = all.filter(({ index }) => index < 5);
const valid = all.filter(({ index }) => index >= 5 && index < 8);
const train = all.filter(({ index }) => index >= 8);

/** Writes strings of 3 to 7 random recordings of each speaker, and returns lines of a manifest. */
async function strings(name: string, from: readonly Recording[], perSpeaker: number): Promise<string[]> {
  const rng = new Random(7).fork(name);
  mkdirSync(join(folder, name), { recursive: true });
  const lines: string[] = [];
  for (const speaker of speakers) {
    const own = from.filter((recording) => recording.speaker === speaker);
    for (let k = 0; k < perSpeaker; k++) {
      const chosen = Array.from({ length: 3 + rng.integer(5) }, () => own[rng.integer(own.length)]);
      const parts: Float32Array[] = [];
      for (const { path } of chosen) parts.push(mixDown(await parseWav(await readFile(path), path)));
      const path = join(folder, name, `${speaker}-${k}.wav`);
      writeFileSync(path, await formatWav(joined(parts), 8000));
      lines.push(`${path}\t${chosen.map(({ digit }) => digit).join(' ')}\t${speaker}`);
    }
  }
  return lines;
}

function manifest(name: string, lines: readonly string[]): string {
  const path = join(folder, `${name}.tsv`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, `${['path\ttranscript\tspeaker', ...lines].join('\n')}\n`);
  return path;
}

const singles = (recordings: readonly Recording[]): string[] =>
  recordings.map(({ path, digit, speaker }) => `${path}\t${digit}\t${speaker}`);
const files = {
  train: manifest('train', singles(train)),
  valid: manifest('valid', [...(await strings('valid', valid, 25)), ...singles(valid)]),
  strings: manifest('strings', await strings('test', test, 50)),
  singles: manifest('singles', singles(test)),
};

const config = {
  units: 'word',
  join: 7,
  numLayers: 2,
  hiddenSize: 96,
  factors: [3, 1],
  dropout: 0.35,
  speeds: [0.85, 0.9, 0.95, 1, 1.05, 1.1, 1.15],
  batchSize: 16,
  learningRate: 0.004,
  epochs: 140,
  averageDecay: 0.995,
};

const runs: QualityRun[] = values.seeds.split(',').map((seed) => {
  const out = join(folder, `seed-${seed}`);
  const request = {
    name: `seed ${seed}`,
    task: 'speech',
    train: [files.train],
    valid: [files.valid],
    out,
    config: { ...config, seed: Number(seed) },
  };
  if (values.validate) return trainAndEvaluate({ ...request, test: [files.valid] });
  const run = trainAndEvaluate({ ...request, test: [files.strings] });
  const model = join(out, 'model.safetensors');
  const { metrics } = JSON.parse(unrolled(['evaluate', model, files.singles, '--json'])) as { metrics: { wer: number }; details: unknown };
  return { ...run, metrics: { digitErrorRate: run.metrics.wer, singleDigits: 1 - metrics.wer } };
});
if (!values.validate) {
  keepQuality('spoken-digits', 'UNROLLED_THREADS=1 npx tsx bench/quality/spoken-digits.ts --data FOLDER', {
    data: `Free Spoken Digit Dataset, 6 speakers: ${train.length} recordings to learn from, ${valid.length} to choose the best weights by (alone and in 150 strings); test: 300 strings of 3 to 7 digits of the ${test.length} official test recordings, and these alone`,
    runs,
    hasMean: runs.length > 1,
    targets: [
      { metric: 'digitErrorRate', atMost: 0.03 },
      { metric: 'singleDigits', atLeast: 0.97 },
    ],
    published: [
      {
        system: 'bidirectional GRU with attention, isolated digits',
        metrics: { singleDigits: 0.8548 },
        source: 'notebook of eonu/torch-fsdd, 3 epochs',
      },
    ],
  });
}
