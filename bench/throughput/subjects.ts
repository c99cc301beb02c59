/** Data made up for each task, with the sizes and layers of its quality run. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../../src/tensor/random.ts';

export interface Subject {
  readonly task: string;
  /** Writes data into a folder. */
  readonly write: (folder: string) => { readonly train: readonly string[]; readonly valid: readonly string[] };
  /** For `train`. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** Files of lines, so many for training and for validation. */
function files(folder: string, extension: string, line: (rng: Random, i: number) => string, count: number, validCount: number) {
  const rng = new Random(1);
  const write = (name: string, n: number): string => {
    const path = join(folder, `${name}.${extension}`);
    writeFileSync(path, `${Array.from({ length: n }, (_, i) => line(rng, i)).join('\n')}\n`);
    return path;
  };
  return { train: [write('train', count)], valid: [write('valid', validCount)] };
}

/** A word of Zipf's kind: the k-th as likely as 1/k, about. */
function word(rng: Random, vocabulary = 20_000): string {
  const rank = Math.floor(vocabulary ** rng.uniform());
  return rank.toString(26).replace(/[0-9]/g, (digit) => 'qrstuvwxyz'[Number(digit)]);
}

function sentence(rng: Random, length: number): string[] {
  return Array.from({ length }, () => word(rng));
}

const aminoAcids = 'ALGVESIKRDTPNQFYMHCW';

/** FASTA of proteins of 250 residues on average, or of their structures. */
function fasta(folder: string, name: string, count: number): string[] {
  const rng = new Random(2);
  const letters = (n: number, of: string): string => Array.from({ length: n }, () => of[Math.floor(rng.uniform() * of.length)]).join('');
  const lengths = Array.from({ length: count }, () => 60 + Math.floor(rng.uniform() * 380));
  return (['sequences', aminoAcids, 'structures', 'HEC'] as const).flatMap((what, i, all) => {
    if (i % 2 === 1) return [];
    const path = join(folder, `${name}-${what}.fasta`);
    writeFileSync(path, lengths.map((n, k) => `>p${k}\n${letters(n, all[i + 1])}\n`).join(''));
    return [path];
  });
}

/** Hours of seven series with days and weeks in them. */
function hours(folder: string, name: string, count: number): string[] {
  const rng = new Random(3);
  const noise = rng.fillNormal(new Float32Array(count * 7));
  const row = (t: number): string => {
    const date = new Date(Date.UTC(2020, 0, 1) + t * 3_600_000).toISOString().slice(0, 19).replace('T', ' ');
    const values = Array.from(
      { length: 7 },
      (_, k) => Math.sin((t * Math.PI) / 12 + k) + Math.sin((t * Math.PI) / 84) + noise[t * 7 + k] / 3,
    );
    return [date, ...values.map((value) => value.toFixed(3))].join(',');
  };
  const path = join(folder, `${name}.csv`);
  writeFileSync(path, `date,a,b,c,d,e,f,g\n${Array.from({ length: count }, (_, t) => row(t)).join('\n')}\n`);
  return [path];
}

export const subjects: readonly Subject[] = [
  {
    task: 'language-model',
    write: (folder) => files(folder, 'txt', (rng) => sentence(rng, 12).join(' '), 20_000, 2000),
    options: { hiddenSize: 512, embeddingSize: 64, sequenceLength: 64, batchSize: 32, dropout: 0.4, sampleLength: 0 },
  },
  {
    task: 'text-classification',
    write: (folder) => {
      const line = (rng: Random): string =>
        `class${Math.floor(6 * rng.uniform())}\t${sentence(rng, 5 + Math.floor(10 * rng.uniform())).join(' ')}`;
      return files(folder, 'tsv', (rng, i) => (i === 0 ? 'label\ttext' : line(rng)), 5000, 500);
    },
    options: { hiddenSize: 192, batchSize: 32 },
  },
  {
    task: 'tagging',
    write: (folder) => {
      const line = (rng: Random): string =>
        sentence(rng, 4 + Math.floor(24 * rng.uniform()))
          .map((form) => `${form}\tT${form.length % 17}\n`)
          .join('');
      return files(folder, 'conll', line, 6000, 600);
    },
    options: { format: 'columns', columns: ['word', 'tag'], batchSize: 32 },
  },
  {
    task: 'protein-structure',
    write: (folder) => ({ train: fasta(folder, 'train', 3000), valid: fasta(folder, 'valid', 200) }),
    options: { batchSize: 32 },
  },
  {
    task: 'forecasting',
    write: (folder) => ({ train: hours(folder, 'train', 8640), valid: [] }),
    options: { horizon: 96, context: 336 },
  },
  {
    task: 'recommendation',
    write: (folder) => {
      const line = (rng: Random, i: number): string =>
        [`u${i}`, ...Array.from({ length: 5 + Math.floor(8 * rng.uniform()) }, () => Math.floor(12_000 ** rng.uniform()))].join(' ');
      return { ...files(folder, 'txt', line, 22_000, 1), valid: [] };
    },
    options: { format: 'lines', embeddingSize: 128, hiddenSize: 128 },
  },
];
