/**
 * Secondary structure of proteins from their sequences alone, three states: trained on the set of NetSurfP-2.0 as FLIP gives it,
 * tested on CB513, TS115 and NEW364. The files are put into the task's format here; a protein of the training set whose sequence
 * is in a test set as well is left out.
 *
 *   UNROLLED_THREADS=1 npx tsx bench/quality/cb513.ts --data FOLDER [--out runs/cb513] [--epochs 4]
 *
 * FOLDER holds sequences.fasta, sampled.fasta and mask.fasta of FLIP's secondary_structure split, and CB513_HHblits.csv and
 * TS115_HHblits.csv of the PS4 data set.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fastaRecords } from '../../src/data/fasta.ts';
import { readTable } from '../../src/data/records/delimited.ts';
import { textFile } from '../../src/data/text/text-source.ts';
import { dataFile, keepQuality, type Metrics, trainAndEvaluate, unrolled } from './run.ts';

const { values } = parseArgs({
  options: { data: { type: 'string' }, out: { type: 'string', default: 'runs/cb513' }, epochs: { type: 'string' } },
});
const { out } = values;

/** Chosen on the validation proteins, which FLIP names. */
const config = {
  window: 17,
  projectionSize: 128,
  cell: 'lstm',
  numLayers: 2,
  hiddenSize: 128,
  dropout: 0.3,
  batchSize: 16,
  learningRate: 0.002,
  averageDecay: 0.998,
  epochs: Number(values.epochs ?? 4),
  evaluateEvery: 607,
};

/** One record of FLIP's files, and which part it is in. */
interface Chain {
  readonly name: string;
  readonly sequence: string;
  readonly states: string;
  readonly mask: string;
  readonly part: 'train' | 'valid' | 'test';
}

const folder = join(out, 'data');
mkdirSync(folder, { recursive: true });
const chains = await flip();
const tests = { CB513: await ps4('CB513'), TS115: await ps4('TS115') };
const tested = new Set(Object.values(tests).flat());
for (const part of ['train', 'valid', 'test'] as const) {
  const kept = chains.filter((chain) => chain.part === part && (part === 'test' || !tested.has(chain.sequence)));
  writeFileSync(
    join(folder, `${part}.fasta`),
    kept.map(({ name, sequence, states, mask }) => [sequence, states, mask].map((letters) => `>${name}\n${letters}\n`).join('')).join(''),
  );
  console.log(`${part}: ${kept.length} proteins`);
}

const model = join(out, 'run', 'model.safetensors');
const run = trainAndEvaluate({
  name: 'CB513',
  task: 'protein-structure',
  train: [join(folder, 'train.fasta')],
  valid: [join(folder, 'valid.fasta')],
  test: [dataFile(values.data, 'CB513_HHblits.csv', 'PS4')],
  out: join(out, 'run'),
  config,
});
const cb513 = dataFile(values.data, 'CB513_HHblits.csv', 'PS4');
const others: readonly (readonly [name: string, file: string, ...flags: string[]])[] = [
  // The residues of CB513's own domains, as NetSurfP-2.0 counts.
  ['CB513, its own residues', cb513, '--mask-columns', 'disorder', 'cb513_mask'],
  ['TS115', dataFile(values.data, 'TS115_HHblits.csv', 'PS4')],
  ['NEW364', join(folder, 'test.fasta')],
  ['validation', join(folder, 'valid.fasta')],
];
const runs = others.map(([name, file, ...flags]) => {
  const { metrics, samples } = JSON.parse(unrolled(['evaluate', model, file, ...flags, '--json'])) as { metrics: Metrics; samples: number };
  console.log(name, metrics);
  return { ...run, name, metrics, samples };
});

keepQuality('cb513', 'UNROLLED_THREADS=1 npx tsx bench/quality/cb513.ts --data FOLDER', {
  data: 'Trained on 9,710 proteins of NetSurfP-2.0 (three states; 2 of 9,712 left out, whose sequences are in a test set); 1,079 to validate on. Tests: CB513 (511 proteins), TS115 (115), NEW364 (364). Sequences alone, one model.',
  runs: [run, ...runs],
  hasMean: false,
  targets: [{ metric: 'q3', run: 'CB513', atLeast: 0.71 }],
  published: [
    {
      system: 'TAPE: LSTM without pretraining, CB513',
      metrics: { q3: 0.71 },
      source: 'Rao et al. (2019), arXiv:1906.08230, table 2, as recalled',
    },
    { system: 'TAPE: one-hot baseline, CB513', metrics: { q3: 0.69 }, source: "leaderboard in TAPE's README" },
    { system: 'TAPE: LSTM pretrained on Pfam, CB513', metrics: { q3: 0.75 }, source: "leaderboard in TAPE's README" },
    { system: 'TAPE: with alignments, CB513', metrics: { q3: 0.8 }, source: "leaderboard in TAPE's README" },
  ],
});

async function flip(): Promise<Chain[]> {
  const read = async (name: string): Promise<Map<string, { letters: string; description: string }>> => {
    const records = new Map<string, { letters: string; description: string }>();
    const file = dataFile(values.data, name, 'FLIP, splits/secondary_structure');
    for await (const { name, description, sequence } of fastaRecords(textFile(file))) records.set(name, { letters: sequence, description });
    return records;
  };
  const [sequences, structures, masks] = [await read('sequences.fasta'), await read('sampled.fasta'), await read('mask.fasta')];
  return [...structures].map(([name, { letters, description }]) => {
    const isTest = description.includes('SET=test');
    const part = isTest ? 'test' : description.includes('VALIDATION=True') ? 'valid' : 'train';
    return { name, sequence: sequences.get(name)!.letters, states: letters, mask: masks.get(name)!.letters, part };
  });
}

/** The sequences of a test set. */
async function ps4(name: string): Promise<string[]> {
  const { columns, rows } = await readTable(textFile(dataFile(values.data, `${name}_HHblits.csv`, 'PS4')));
  return rows.map(({ fields }) => fields[columns.indexOf('input')].replaceAll(' ', ''));
}
