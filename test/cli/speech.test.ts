/** Speech recognition on the way from a manifest to words, as a user types it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatWav } from '../../src/data/audio/wav.ts';
import { Random } from '../../src/tensor/random.ts';
import { outcome, scratch, start, unrolled } from './program.ts';

const { path: folder, remove } = scratch();
afterAll(remove);

const model = join(folder, 'run', 'model.safetensors');
const manifest = join(folder, 'manifest.tsv');
const rng = new Random(1);

/** Two words, a low and a high tone of a fifth of a second, silence around each; a model that listens takes its time to be sure, so the end is long. */
function say(words: readonly string[]): Float32Array {
  const sound: number[] = [];
  for (const word of ['', ...words.flatMap((said) => [said, '']), '', '']) {
    const hz = { yes: 500, no: 1500 }[word] ?? 0;
    for (let i = 0; i < 1600; i++) {
      sound.push(0.3 * Math.min(1, i / 200, (1600 - i) / 200) * Math.sin((2 * Math.PI * hz * i) / 8000) + 0.01 * (rng.uniform() - 0.5));
    }
  }
  return Float32Array.from(sound);
}

beforeAll(async () => {
  const lines = ['wav\ttranscript\tsplit'];
  for (let i = 0; i < 40; i++) {
    const words = Array.from({ length: 1 + rng.integer(3) }, () => ['yes', 'no'][rng.integer(2)]);
    writeFileSync(join(folder, `${i}.wav`), await formatWav(say(words), 8000));
    lines.push(`${i}.wav\t${words.join(' ')}.\t${i < 32 ? 'train' : i < 36 ? 'dev' : 'test'}`);
  }
  writeFileSync(manifest, `${lines.join('\n')}\n`);
  const options = '--units word --layers 1 --hidden-size 24 --factors 3 --mel-bins 12 --no-bidirectional --no-spec-augment --speeds 1';
  const learning = '--learning-rate 0.02 --batch-size 4 --epochs 30 --dropout 0 --json';
  const flags = `${options} ${learning}`.split(' ');
  const { code, stdout, stderr } = await unrolled(['train', 'speech', manifest, ...flags, '--out', join(folder, 'run')]);
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/Utterances +32 to learn from \(\d+ s\), 4 to validate on/);
  expect(stderr).toMatch(/Features +12 log-mel at 8,000 Hz, normalised: global/);
  expect(JSON.parse(stdout), stderr).toMatchObject({ task: 'speech', metrics: { wer: 0, cer: 0 } });
});

test('evaluate judges the test part, and says what was confused', async () => {
  const shown = await unrolled(['evaluate', model, manifest]);
  expect(shown.stdout).toMatch(/^cer +0\.0+\nwer +0\.0+\n/);
  expect(shown.stdout).toContain('0.00 % of');
  const { stdout } = await unrolled(['evaluate', model, manifest, '--split', 'train', '--beam-width', '4', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ task: 'speech', samples: 32, metrics: { wer: 0 }, details: { words: { sequences: 32 } } });
});

test('predict takes a file or what comes through a pipe, with times, in one go or in pieces', async () => {
  const bytes = await formatWav(say(['no', 'yes', 'yes']), 8000);
  const file = join(folder, 'said.wav');
  writeFileSync(file, bytes);
  expect((await unrolled(['predict', model, file])).stdout).toBe('no yes yes\n');
  const child = start(['predict', model, '-', '--json']);
  child.stdin!.end(bytes);
  const { stdout, code, stderr } = await outcome(child);
  expect(code, stderr).toBe(0);
  const [{ text, words }] = JSON.parse(stdout).predictions;
  expect(text).toBe('no yes yes');
  expect(words.map((word: { text: string }) => word.text)).toEqual(['no', 'yes', 'yes']);
  // No word before it begins, and each within a second of it.
  [0.2, 0.6, 1].forEach((begins, i) => {
    expect(words[i].start).toBeGreaterThanOrEqual(begins - 0.05);
    expect(words[i].start).toBeLessThan(begins + 1);
  });
  expect((await unrolled(['predict', model, file, '--stream', '0.1'])).stdout).toBe('no yes yes\n');
});

test('what is no WAV, or not there, is refused with its place', async () => {
  const broken = join(folder, 'broken.wav');
  writeFileSync(broken, readFileSync(join(folder, '0.wav')).subarray(0, 500));
  const cut = await unrolled(['predict', model, broken]);
  expect(cut.code).toBe(2);
  expect(cut.stderr).toContain('broken.wav, byte 500: expected');
  const text = await unrolled(['predict', model, manifest]);
  expect(text.code).toBe(2);
  expect(text.stderr).toContain('expected a WAV file, which begins with "RIFF", found "wav\\t".');
  const split = await unrolled(['evaluate', model, manifest, '--split', 'tset']);
  expect(split.code).toBe(2);
  expect(split.stderr).toContain('split: expected rows of the part "tset", found "train", "dev", "test".');
});
