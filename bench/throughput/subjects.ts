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

export const subjects: readonly Subject[] = [
  {
    task: 'language-model',
    write: (folder) => files(folder, 'txt', (rng) => sentence(rng, 12).join(' '), 20_000, 2000),
    options: { hiddenSize: 512, embeddingSize: 64, sequenceLength: 64, batchSize: 32, dropout: 0.4, sampleLength: 0 },
  },
];
