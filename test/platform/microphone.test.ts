/** Speech in the studio: a sound from a file, and one that Chromium hears through its microphone, which plays a file here. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatWav } from '../../src/data/audio/wav.ts';
import { Random } from '../../src/tensor/random.ts';
import { launchChromium } from './chromium.ts';
import { root } from './packed.ts';

const program = join(root, 'dist/cli/main.js');
const folder = mkdtempSync(join(tmpdir(), 'unrolled-microphone-'));
const model = join(folder, 'run/model.safetensors');
const spoken = join(folder, 'spoken.wav');
const sampleRateHz = 8000;
const rng = new Random(1);

let browser: Browser;
let server: ChildProcess;
let url: string;

/** Two words, a low and a high tone of a fifth of a second, with silence around each. */
function say(words: readonly string[], loudness = 0.3): Float32Array {
  const length = sampleRateHz / 5;
  const sound: number[] = [];
  for (const word of ['', ...words.flatMap((said) => [said, '']), '', '']) {
    const hz = { yes: 500, no: 1500 }[word] ?? 0;
    for (let i = 0; i < length; i++) {
      const edge = Math.min(1, i / 200, (length - i) / 200);
      sound.push(loudness * edge * Math.sin((2 * Math.PI * hz * i) / sampleRateHz) + 0.01 * (rng.uniform() - 0.5));
    }
  }
  return Float32Array.from(sound);
}

beforeAll(async () => {
  const lines = ['wav\ttranscript\tsplit'];
  for (let i = 0; i < 60; i++) {
    const words = Array.from({ length: 1 + rng.integer(3) }, () => ['yes', 'no'][rng.integer(2)]);
    // A microphone is louder or softer than what was learnt from.
    writeFileSync(join(folder, `${i}.wav`), await formatWav(say(words, 0.1 + 0.5 * rng.uniform()), sampleRateHz));
    lines.push(`${i}.wav\t${words.join(' ')}\t${i < 52 ? 'train' : 'dev'}`);
  }
  writeFileSync(join(folder, 'manifest.tsv'), `${lines.join('\n')}\n`);
  writeFileSync(spoken, await formatWav(say(['no', 'yes', 'yes']), sampleRateHz));
  const options = '--units word --layers 1 --hidden-size 24 --factors 3 --mel-bins 12 --no-spec-augment --speeds 1';
  const learning = '--learning-rate 0.02 --batch-size 4 --epochs 20 --dropout 0 --json';
  execFileSync(process.execPath, [program, 'train', 'speech', 'manifest.tsv', ...`${options} ${learning}`.split(' '), '--out', 'run'], {
    cwd: folder,
    stdio: 'pipe',
    env: { ...process.env, UNROLLED_THREADS: '1' },
  });
  server = spawn(process.execPath, [program, 'studio', '--no-open', '--json', '--port', '0'], { cwd: folder });
  ({ url } = await new Promise<{ url: string }>((resolve, reject) => {
    server.stdout!.once('data', (part) => resolve(JSON.parse(String(part))));
    server.once('exit', (code) => reject(new Error(`unrolled studio ended with ${code}`)));
  }));
  browser = await launchChromium('--use-fake-device-for-media-stream', `--use-file-for-fake-audio-capture=${spoken}`);
});

afterAll(async () => {
  await browser?.close();
  server?.kill('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
});

async function open(permissions: readonly string[]): Promise<Page> {
  const context = await browser.newContext({ permissions: [...permissions] });
  const page = await context.newPage();
  page.setDefaultTimeout(120_000);
  await page.goto(`${url}#/try`);
  await page.getByLabel('Open a model file').setInputFiles(model);
  await expect.poll(() => page.locator('.task').textContent()).toBe('speech');
  return page;
}

const heard = (page: Page) => page.locator('section[aria-label="What is said"] .text').textContent();

test('a sound from a file is read as the command line reads it, with the place of each word', async () => {
  const said = execFileSync(process.execPath, [program, 'predict', model, spoken], { encoding: 'utf8' });
  expect(said).toBe('no yes yes\n');
  const page = await open([]);
  await page.getByLabel('Open a sound').setInputFiles(spoken);
  await expect.poll(() => heard(page)).toBe('no yes yes');
  expect(await page.locator('.time rect').count()).toBe(3);
  expect(await page.getByRole('alert').count()).toBe(0);
  await page.context().close();
});

test('what is said into the microphone is read', async () => {
  const page = await open(['microphone']);
  const speak = page.getByRole('button', { name: 'Speak' });
  // The file is played again and again, so that a recording begins anywhere in it; what a busy machine drops is said again.
  await expect
    .poll(
      async () => {
        await speak.click();
        await page.waitForTimeout(5000);
        await page.getByRole('button', { name: 'Stop' }).click();
        await expect.poll(() => speak.isEnabled()).toBe(true);
        return heard(page);
      },
      { timeout: 240_000 },
    )
    .toContain('no yes yes');
  expect(await page.getByRole('alert').count()).toBe(0);
  await page.context().close();
});

test('a microphone that may not be used is said in a sentence', async () => {
  const page = await open([]);
  await page.getByRole('button', { name: 'Speak' }).click();
  await expect.poll(() => page.getByRole('alert').textContent()).toContain('The microphone cannot be used');
  await page.context().close();
});
