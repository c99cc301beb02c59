/**
 * Asterisk's English prompts (one professional speaker, 8 kHz): word error rate greedily, with a beam, and with a beam and language
 * models: characters by a model that Unrolled trains on the training transcripts, and n-grams of words of them. What the search weighs
 * is chosen on the validation part; the test part is looked at once. Then how fast a beam of width 10 decodes, on one thread.
 *
 *   UNROLLED_THREADS=1 npx tsx bench/quality/asterisk.ts --data FOLDER [--folder runs/asterisk] [--speed]
 *
 * Models that are in the folder already are not trained anew. With --speed, error rates stay as they were measured before.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { mixDown, readWav } from '../../src/data/audio/wav.ts';
import { formatArpa } from '../../src/data/text/arpa.ts';
import { estimateNgrams } from '../../src/data/text/kneser-ney.ts';
import { recognize } from '../../src/tasks/speech/predict.ts';
import { loadSpeechRecognizer } from '../../src/tasks/speech/saved.ts';
import { spell } from '../../src/tasks/speech/transcript.ts';
import { readResult } from '../circumstances.ts';
import { dataFile, keepQuality, type Metrics, minutesOf, type QualityResult, type QualityRun, unrolled } from './run.ts';

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    folder: { type: 'string', default: 'runs/asterisk' },
    speed: { type: 'boolean', default: false },
  },
});
const manifest = resolve(dataFile(values.data, 'transcripts.tsv', "Debian's asterisk-core-sounds-en-wav 1.6.1"));
const folder = resolve(values.folder);
mkdirSync(folder, { recursive: true });
const reading = ['--audio-folder', join(manifest, '..', 'wav')];

const config = {
  numLayers: 2,
  hiddenSize: 128,
  factors: [3, 1],
  dropout: 0.35,
  batchSize: 8,
  learningRate: 0.003,
  averageDecay: 0.995,
  speeds: [0.9, 0.95, 1, 1.05, 1.1],
  timeMaskSize: 15,
  epochs: 200,
  maxMinutes: 11,
  seed: 1,
};

const model = join(folder, 'recogniser', 'model.safetensors');
if (!existsSync(model)) {
  const flags = Object.entries(config).flatMap(([name, value]) => [
    `--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`,
    ...[value].flat().map(String),
  ]);
  unrolled(['train', 'speech', '--train', manifest, '--out', join(folder, 'recogniser'), ...reading, ...flags]);
}
const minutes = minutesOf(join(folder, 'recogniser'));

// The transcripts that the recogniser has learnt from, and no others.
const rows = readFileSync(manifest, 'utf8')
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => line.split('\t'));
const lines = rows.filter(([, , split]) => split === 'train').map(([, , , transcript]) => spell(transcript, 'plain'));
writeFileSync(join(folder, 'train.txt'), `${lines.join('\n')}\n`);
writeFileSync(
  join(folder, 'words.arpa'),
  formatArpa(
    estimateNgrams(
      lines.map((line) => line.split(' ')),
      { order: 3 },
    ),
  ),
);
const letters = join(folder, 'letters', 'model.safetensors');
if (!existsSync(letters)) {
  const options = [
    '--hidden-size',
    '128',
    '--layers',
    '1',
    '--sequence-length',
    '64',
    '--batch-size',
    '8',
    '--dropout',
    '0.4',
    '--epochs',
    '30',
    '--sample-length',
    '0',
  ];
  unrolled(['train', 'language-model', '--train', join(folder, 'train.txt'), '--out', join(folder, 'letters'), '--seed', '1', ...options]);
}

function judged(
  split: string,
  flags: readonly string[],
): { readonly metrics: Metrics; readonly samples: number; readonly seconds: number } {
  return JSON.parse(unrolled(['evaluate', model, manifest, '--split', split, ...reading, ...flags, '--json'])) as never;
}

/** The flags of the least word error rate on the validation part; of equal ones the least of characters. */
function chosen(candidates: readonly (readonly string[])[]): readonly string[] {
  const scored = candidates.map((flags) => ({ flags, metrics: judged('val', flags).metrics }));
  for (const { flags, metrics } of scored)
    console.log(`val: wer ${metrics.wer.toFixed(4)}, cer ${metrics.cer.toFixed(4)}: ${flags.join(' ')}`);
  scored.sort((a, b) => a.metrics.wer - b.metrics.wer || a.metrics.cer - b.metrics.cer);
  return scored[0].flags;
}

const beam = ['--beam-width', '10'];
const weights = ['0.2', '0.4', '0.6', '0.9'];
const ways = (): Readonly<Record<string, readonly string[]>> => ({
  greedy: [],
  'beam 10': beam,
  'beam 10, characters by Unrolled': chosen(
    weights.flatMap((weight) =>
      ['0', '0.6', '1.2'].map((bonus) => [...beam, '--language-model', letters, '--lm-weight', weight, '--insertion-bonus', bonus]),
    ),
  ),
  'beam 10, 3-grams of words': chosen(
    weights.flatMap((weight) =>
      ['0', '1', '2'].map((bonus) => [
        ...beam,
        '--language-model',
        join(folder, 'words.arpa'),
        '--lm-weight',
        weight,
        '--word-bonus',
        bonus,
      ]),
    ),
  ),
});

function measured(): QualityRun[] {
  return Object.entries(ways()).map(([name, flags]) => {
    const { metrics, samples } = judged('test', flags);
    console.log(`${name}: wer ${metrics.wer.toFixed(4)}, cer ${metrics.cer.toFixed(4)}`);
    const search = flags.map((flag) => flag.replace(`${folder}/`, ''));
    return { name, metrics, minutes, samples, config: name === 'greedy' ? config : {}, search };
  });
}

/**
 * How many times faster than the sound a beam of width 10 is, from samples to text: features, encoder and search. By the processor's time
 * of this one thread, so that other programs do not count; the median of five rounds after one to warm up.
 */
async function timesRealTime(): Promise<number> {
  const recognizer = await loadSpeechRecognizer(model);
  const sounds: { readonly samples: Float32Array; readonly sampleRateHz: number }[] = [];
  for (const [wav, , split] of rows) {
    if (split !== 'test') continue;
    const audio = await readWav(join(manifest, '..', 'wav', wav));
    sounds.push({ samples: mixDown(audio), sampleRateHz: audio.sampleRateHz });
  }
  const seconds = sounds.reduce((sum, { samples, sampleRateHz }) => sum + samples.length / sampleRateHz, 0);
  const rounds: number[] = [];
  for (let round = 0; round < 6; round++) {
    const begun = process.cpuUsage();
    for (const { samples, sampleRateHz } of sounds) await recognize(recognizer, samples, sampleRateHz, { beamWidth: 10 });
    const { user, system } = process.cpuUsage(begun);
    if (round > 0) rounds.push((seconds * 1e6) / (user + system));
  }
  rounds.sort((a, b) => a - b);
  console.log(`beam 10: ${rounds.map((times) => times.toFixed(0)).join(', ')} times faster than real time`);
  return rounds[2];
}

const runs = values.speed ? (readResult<QualityResult>('quality-asterisk')?.runs ?? []) : measured();
const speed = await timesRealTime();
keepQuality('asterisk', 'UNROLLED_THREADS=1 npx tsx bench/quality/asterisk.ts --data FOLDER', {
  data: 'English prompts of Asterisk, one speaker, 8 kHz: 407 phrases (11.7 minutes) to learn from, 46 to choose the best weights and the search by, 39 to test on; 77 % of the test words also occur in train. One recogniser; language models of the 407 transcripts',
  runs: runs.map((run) => (run.name === 'beam 10' ? { ...run, metrics: { ...run.metrics, timesRealTime: speed } } : run)),
  hasMean: false,
  targets: [{ metric: 'timesRealTime', run: 'beam 10', atLeast: 20 }],
  published: [],
});
