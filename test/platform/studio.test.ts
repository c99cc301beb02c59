/** The studio in Chromium, as a user has it: `unrolled studio` serves it, clicks and keys go to it; and as files on any host. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { encode } from 'fast-png';
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchChromium } from './chromium.ts';
import { root } from './packed.ts';

const program = join(root, 'dist/cli/main.js');
const built = join(root, 'dist/studio');
const folder = mkdtempSync(join(tmpdir(), 'unrolled-studio-'));
const text = 'the cat sat on the mat. the dog sat on the log. '.repeat(40);

let browser: Browser;
let server: { readonly url: string; readonly port: number; readonly child: ChildProcess };
/** What the page complained of: nothing, at the end of each test. */
const complaints: string[] = [];

function unrolled(...args: string[]): string {
  return execFileSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: 'utf8',
    stdio: 'pipe', // what a training tells belongs to an error only
    env: { ...process.env, UNROLLED_THREADS: '1' },
  });
}

async function serve(port: number): Promise<typeof server> {
  const child = spawn(process.execPath, [program, 'studio', 'runs', '--no-open', '--json', '--port', String(port)], { cwd: folder });
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (part) => resolve(String(part)));
    child.once('exit', (code) => reject(new Error(`unrolled studio ended with ${code}`)));
  });
  return { ...(JSON.parse(line) as { url: string; port: number }), child };
}

function end({ child }: typeof server): Promise<void> {
  return new Promise((done) => {
    child.once('exit', () => done());
    child.kill('SIGTERM');
  });
}

async function open(path: string, options: Parameters<Browser['newPage']>[0] = {}): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce', ...options });
  page.setDefaultTimeout(120_000);
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(path.startsWith('http') ? path : `${server.url}${path}`);
  return page;
}

/** Nothing was complained of, and the page is closed. */
async function close(page: Page): Promise<void> {
  await page.close();
  expect(complaints.splice(0)).toEqual([]);
}

const step = (number: number): string =>
  `${JSON.stringify({ type: 'step', step: number, epoch: 0, loss: 2 / number, learningRate: 0.1, gradientNorm: 1, items: 8, itemsPerSecond: 80, seconds: number / 10 })}\n`;
const start = `${JSON.stringify({ type: 'start', step: 0, epoch: 0, resumedFrom: null, totalSteps: 200, parameterCount: 7, backend: 'wasm' })}\n`;

beforeAll(async () => {
  writeFileSync(join(folder, 'book.txt'), text);
  unrolled('train', 'language-model', 'book.txt', '--out', 'runs/book', '--hidden-size', '16', '--max-steps', '40', '--json');
  mkdirSync(join(folder, 'runs/live'));
  writeFileSync(join(folder, 'runs/live/config.json'), '{}');
  writeFileSync(join(folder, 'runs/live/events.jsonl'), start + step(1) + step(2));
  server = await serve(0);
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  if (server !== undefined) await end(server);
  rmSync(folder, { recursive: true, force: true });
});

describe('Explore', () => {
  test('moves through time by keys, shows another cell, reads what is typed, and keeps it all in its address', async () => {
    const page = await open('#/explore');
    const heading = page.locator('section[aria-label="The cell"] h2');
    await expect.poll(() => heading.textContent()).toContain('LSTM at step 1');
    await expect.poll(() => page.locator('.strip').count()).toBe(1);
    await page.locator('body').press('ArrowRight');
    await page.locator('body').press('ArrowRight');
    expect(await heading.textContent()).toContain('step 3');
    await page.getByRole('button', { name: 'GRU' }).click();
    await page.getByLabel('Type a sequence').fill('abcabcabc');
    await expect.poll(() => page.locator('.strip .token').allTextContents()).toContain('b');
    await page.locator('.strip canvas').click({ position: { x: 200, y: 60 } });
    await expect.poll(() => page.getByRole('img', { name: /^Unit \d+ through time$/ }).count()).toBe(1);
    const sentence = await page.locator('.sentence').textContent();
    expect(sentence).toMatch(/RNN: .*steps?\. GRU: .*steps?\. LSTM: .*steps?\./);
    await expect.poll(() => page.url()).toContain('text=abcabcabc');
    const address = page.url();
    const shown = await heading.textContent();
    await page.goto('about:blank');
    await page.goto(address);
    await expect.poll(() => heading.textContent()).toBe(shown);
    await expect.poll(() => page.locator('.sentence').textContent()).toBe(sentence);
    await close(page);
  });

  test('a forget bias decides how far back an LSTM reaches; a loss can be asked for at any step', async () => {
    const page = await open('#/explore?forget=-2');
    const sentence = page.locator('.sentence .strong');
    await expect.poll(() => sentence.textContent()).toMatch(/LSTM: influence falls to 1 % after [1-9] steps/);
    await page.getByLabel('Forget bias of the LSTM').fill('4');
    await expect.poll(() => sentence.textContent()).toMatch(/LSTM: still \d+ % after all 48 steps/);
    await page.getByRole('slider', { name: /Norm of the gradient/ }).press('ArrowLeft');
    await expect.poll(() => sentence.textContent()).toMatch(/after all 47 steps/);
    await close(page);
  });

  test('an LSTM learns to count brackets, in the page', async () => {
    const page = await open('#/explore');
    await page.getByRole('button', { name: 'An LSTM counts brackets' }).click();
    await expect.poll(() => page.locator('.says').textContent(), { timeout: 120_000 }).toContain('2 of 2');
    // It says about what is wanted: how many brackets are open.
    const said = await page.locator('.strip .token.output').allTextContents();
    const read = await page.evaluate(() => [...document.querySelectorAll('.strip .token:not(.output)')].map((token) => token.textContent));
    let depth = 0;
    const depths = read.map((bracket) => (depth += bracket === '(' ? 1 : -1));
    const last = Number(said.at(-1)!.replace('−', '-'));
    expect(Math.abs(last - depths.at(-1)!)).toBeLessThan(0.8);
    await page.getByRole('button', { name: 'Reset' }).click();
    await expect.poll(() => page.locator('section[aria-label="Training"] header').textContent()).toContain('step 0');
    await close(page);
  });
});

describe('Train', () => {
  async function train(page: Page): Promise<void> {
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await expect.poll(() => page.locator('.progress').textContent(), { timeout: 120_000 }).toMatch(/step [1-9]\d/);
    await page.getByRole('button', { name: 'Stop' }).click();
    await expect.poll(() => page.locator('.progress').textContent()).toContain('stopped');
  }

  async function save(page: Page): Promise<string> {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save the model' }).click()]);
    const file = join(folder, download.suggestedFilename());
    await download.saveAs(file);
    return file;
  }

  test('a text: the command line writes on with the model that the page saved', async () => {
    const page = await open('#/train');
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true); // so its training may have threads
    await page.getByLabel('Text', { exact: false }).first().fill(text);
    await train(page);
    await page.getByRole('button', { name: 'Write' }).click();
    await expect.poll(() => page.locator('section[aria-label="Write"] pre').textContent()).toMatch(/[a-z ]{50}/);
    const file = await save(page);
    expect(unrolled('predict', file, '--prompt', 'the ', '--length', '20', '--seed', '1')).toHaveLength(21);
    expect(unrolled('inspect', file)).toContain('language-model');
    await close(page);
  });

  test('a table: a forecast is drawn, and the command line makes it too', async () => {
    const page = await open('#/train?task=series');
    await train(page);
    await expect.poll(() => page.getByRole('img', { name: 'Forecast of value' }).count()).toBe(1);
    const table = await page.getByLabel('Table', { exact: false }).first().inputValue();
    writeFileSync(join(folder, 'table.csv'), table);
    expect(
      unrolled('predict', await save(page), 'table.csv')
        .trim()
        .split('\n').length,
    ).toBeGreaterThan(28);
    await close(page);
  });

  test('shapes: what is drawn is told apart while it is drawn', async () => {
    const page = await open('#/train?task=pen');
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await expect.poll(() => page.locator('.progress').textContent(), { timeout: 120_000 }).toContain('done');
    const pad = (await page.getByRole('img', { name: 'Draw here' }).boundingBox())!;
    const at = (x: number, y: number): [number, number] => [pad.x + x * pad.width, pad.y + y * pad.height];
    await page.mouse.move(...at(0.1, 0.35));
    await page.mouse.down();
    for (const [x, y] of [
      [0.3, 0.65],
      [0.48, 0.35],
      [0.66, 0.65],
      [0.86, 0.35],
    ] as const)
      await page.mouse.move(...at(x, y), { steps: 8 });
    await page.mouse.up();
    await expect.poll(() => page.locator('.thinks .best').textContent()).toBe('zigzag');
    await page.getByRole('button', { name: 'Try it' }).click();
    await expect.poll(() => page.locator('.task').textContent()).toBe('pen-shapes');
    await close(page);
  });
});

describe('Watch', () => {
  const facts = (page: Page) => page.locator('.run', { hasText: 'live' }).locator('.facts');

  test('a run is followed as it goes, through a server that is gone and back', async () => {
    const page = await open('#/watch?run=live');
    await expect.poll(() => facts(page).textContent()).toContain('step 2 of 200');
    appendFileSync(join(folder, 'runs/live/events.jsonl'), step(3));
    await expect.poll(() => facts(page).textContent()).toContain('step 3 of 200');
    expect(complaints).toEqual([]);
    await end(server);
    await expect.poll(() => page.locator('.state').first().textContent()).toContain('lost');
    appendFileSync(join(folder, 'runs/live/events.jsonl'), step(4));
    server = await serve(server.port);
    await expect.poll(() => facts(page).textContent(), { timeout: 120_000 }).toContain('step 4 of 200');
    // Each event once: time a step would be counted wrongly else.
    expect(await facts(page).textContent()).toContain('0 s, 20 s left');
    complaints.splice(0); // the browser tells of every connection that was refused
    await page.getByRole('button', { name: '+ book' }).click();
    await expect.poll(() => page.locator('.run', { hasText: 'book' }).textContent()).toContain('done');
    await expect.poll(() => page.getByRole('img', { name: 'Training loss' }).locator('canvas').count()).toBe(1);
    await expect.poll(() => page.getByRole('heading', { name: 'Gradient through time' }).count()).toBe(1);
    await close(page);
  });

  test('a log of a hundred thousand steps is read from a file', async () => {
    const file = join(folder, 'long.jsonl');
    writeFileSync(file, start + Array.from({ length: 100_000 }, (_, k) => step(k + 1)).join(''));
    const page = await open('#/watch?run=live');
    await page.getByLabel('Open events.jsonl').setInputFiles(file);
    await expect.poll(() => page.locator('.run', { hasText: 'long' }).textContent(), { timeout: 120_000 }).toContain('step 100,000');
    await close(page);
  });
});

describe('Try', () => {
  test('a model that the command line trained reads a text and writes on', async () => {
    const page = await open('#/try');
    await page.getByLabel('Open a model file').setInputFiles(join(folder, 'runs/book/model.safetensors'));
    await expect.poll(() => page.locator('.task').textContent()).toBe('language-model');
    await page.getByLabel('Text to read').fill('the cat');
    await expect.poll(() => page.locator('.tokens span').allTextContents()).toEqual([...'the cat']);
    await page.locator('.tokens span').nth(2).hover();
    await expect.poll(() => page.locator('.guess').count()).toBe(5);
    await page.getByRole('button', { name: 'Write on' }).click();
    await expect.poll(() => page.locator('.tokens span').count()).toBeGreaterThan(100);
    await page.getByRole('spinbutton').fill('3');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.getByRole('heading', { name: /Unit 3 of h/ }).count()).toBe(1);
    await close(page);
  });

  /** A tiny model of each task, and what its page has to say: what the command line predicts with it. */
  describe('says what the command line says', () => {
    const each = (count: number, line: (k: number) => string): string => `${Array.from({ length: count }, (_, k) => line(k)).join('\n')}\n`;
    const tiny = ['--hidden-size', '8', '--embedding-size', '8', '--learning-rate', '0.02', '--epochs', '8'];
    const fill = (label: string, text: string) => (page: Page) => page.getByLabel(label).fill(text);
    const texts = (page: Page, selector: string) => page.locator(selector).allTextContents();
    const days = `date,value\n${each(200, (t) => `${new Date(86_400_000 * (18_262 + t)).toISOString().slice(0, 10)},${Math.sin(0.9 * t).toFixed(4)}`)}`;
    const savedRows = async (page: Page): Promise<string[]> => {
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save as CSV' }).click()]);
      return readFileSync(await download.path(), 'utf8')
        .trim()
        .split('\n')
        .slice(1);
    };
    const colours = [
      [214, 40, 40],
      [38, 84, 214],
    ];

    interface Trial {
      readonly task: string;
      readonly data: string;
      readonly options: readonly string[];
      /** For `unrolled predict`. */
      readonly input: readonly string[];
      readonly ask: (page: Page) => Promise<unknown>;
      readonly read: (page: Page) => Promise<unknown>;
      readonly expected: (predictions: readonly Prediction[]) => unknown;
    }

    /** What of each task's prediction is compared. */
    interface Prediction {
      readonly probabilities: Readonly<Record<string, number>>;
      readonly words: readonly string[];
      readonly tags: readonly string[];
      readonly structure: string;
      readonly items: readonly { readonly item: string }[];
      readonly translations: readonly { readonly text: string }[];
      readonly date: string;
      readonly 1: number;
      readonly caption: string;
    }

    const trials: readonly Trial[] = [
      {
        task: 'text-classification',
        data: each(60, (k) => `${['blame', 'praise'][k % 2]}\tThe ${['soup', 'fish', 'cake'][k % 3]} was ${['stale', 'good'][k % 2]}.`),
        options: tiny,
        input: ['The fish was stale.'],
        ask: fill('Text to classify', 'The fish was stale.'),
        read: async (page) => (await texts(page, '.layout .bar')).map((text) => text.replace(/\s/g, '')),
        expected: ([{ probabilities }]) =>
          Object.entries(probabilities)
            .sort(([, a], [, b]) => b - a)
            .map(([label, probability]) => `${label}${(100 * probability).toFixed(1)}%`),
      },
      {
        task: 'tagging',
        data: each(60, (k) => `${['Ada', 'Bo'][k % 2]}\tB-PER\nflies\tO\nto\tO\n${['Oslo', 'Rome', 'Bonn'][k % 3]}\tB-LOC\n.\tO\n`),
        options: [...tiny, '--character-hidden-size', '4'],
        input: ['Bo flies to Rome .'],
        ask: fill('Text to tag', 'Bo flies to Rome .'),
        read: (page) => texts(page, '.word'),
        expected: ([{ words, tags }]) => words.map((word, k) => word + tags[k]),
      },
      {
        task: 'protein-structure',
        data: each(40, (k) => `>p${k}\n${'LEEL'.repeat(3 + (k % 3))}GPGPVTVKVT\n>p${k}\n${'HHHH'.repeat(3 + (k % 3))}CCCCEEEEEE`),
        options: ['--hidden-size', '8', '--num-layers', '1', '--learning-rate', '0.02', '--epochs', '6'],
        input: ['LEELLEELGPGPVTVKVT'],
        ask: fill('Protein sequence', '>mine\nLEELLEEL\nGPGPVTVKVT'),
        read: async (page) => (await texts(page, '.residue em')).join(''),
        expected: ([{ structure }]) => structure,
      },
      {
        task: 'recommendation',
        data: `user,item,timestamp\n${each(60, (u) => each(5, (n) => `u${u},book${(u + n) % 9},${1_700_000_000 + u + 3600 * n}`).trim())}`,
        options: tiny,
        input: ['book4 book5 book3'],
        ask: async (page) => {
          await expect.poll(() => texts(page, '.items button')).toHaveLength(2);
          await page.locator('.items button').first().click();
          await page.locator('.items button').first().click();
          for (const item of ['book4', 'book5', 'book3']) {
            await page.getByLabel('Add an item').fill(item);
            await page.keyboard.press('Enter');
          }
        },
        read: (page) => texts(page, 'ol button'),
        expected: ([{ items }]) => items.map(({ item }) => item),
      },
      {
        task: 'translation',
        data: each(
          60,
          (k) =>
            `${['one', 'two', 'three'][k % 3]} ${['cat', 'dog'][k % 2]}\t${['eine', 'zwei', 'drei'][k % 3]} ${['Katze', 'Hund'][k % 2]}`,
        ),
        options: [
          '--encoder-size',
          '16',
          '--decoder-size',
          '16',
          '--embedding-size',
          '8',
          '--batch-size',
          '16',
          '--learning-rate',
          '0.02',
          '--epochs',
          '30',
        ],
        input: ['two dog'],
        ask: fill('Text to translate', 'two dog'),
        read: (page) => texts(page, '.translation'),
        expected: ([{ translations }]) => [translations[0].text],
      },
      {
        task: 'forecasting',
        data: days,
        options: ['--horizon', '7', '--hidden-size', '8', '--max-steps', '20'],
        input: ['forecasting/data.tsv'],
        ask: fill('Table with dates and values', days),
        read: async (page) => {
          await page.getByRole('img', { name: 'Forecast of value' }).waitFor();
          return (await savedRows(page)).map((row) => row.slice(0, '2020-01-01'.length));
        },
        expected: (rows) => rows.map(({ date }) => date),
      },
      {
        task: 'reservoir',
        data: each(400, (t) => String(Math.sin(0.2 * t) + 0.5 * Math.sin(0.31 * t))),
        options: ['--hidden-size', '40'],
        input: ['--steps', '12'],
        ask: fill('steps', '12'),
        read: async (page) => {
          await page.getByRole('img', { name: 'Free run: column 1' }).locator('canvas').waitFor();
          return (await savedRows(page)).map((row) => Number(row.split(',')[1]).toFixed(3));
        },
        expected: (rows) => rows.map((row) => row[1].toFixed(3)),
      },
      {
        task: 'captioning',
        data: `image\tsplit\tcaption\n${each(24, (k) => `${k}.png\t${k < 20 ? 'train' : 'val'}\tall ${['red', 'blue'][k % 2]}`)}`,
        options: [
          '--image-size',
          '16',
          '--grid-size',
          '4',
          '--channels',
          '4',
          '--hidden-size',
          '16',
          '--embedding-size',
          '8',
          '--attention-size',
          '8',
          '--learning-rate',
          '0.02',
          '--epochs',
          '100',
        ],
        input: ['captioning/1.png'],
        ask: (page) => page.getByLabel('Open a picture').setInputFiles(join(folder, 'captioning/1.png')),
        read: async (page) => (await texts(page, '.caption button')).join(' '),
        expected: ([{ caption }]) => caption,
      },
    ];

    test.for(trials)('$task', async ({ task, data, options, input, ask, read, expected }) => {
      mkdirSync(join(folder, task));
      writeFileSync(join(folder, task, 'data.tsv'), data);
      if (task === 'captioning') {
        for (let k = 0; k < 24; k++) {
          const pixels = Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => colours[k % 2][i % 3] + (k % 7));
          writeFileSync(join(folder, task, `${k}.png`), encode({ width: 16, height: 16, channels: 3, depth: 8, data: pixels }));
        }
      }
      unrolled('train', task, `${task}/data.tsv`, '--out', `tried/${task}`, ...options, '--json');
      const model = join(folder, 'tried', task, 'model.safetensors');
      const { predictions } = JSON.parse(unrolled('predict', model, ...input, '--json'));
      const page = await open('#/try');
      await page.getByLabel('Open a model file').setInputFiles(model);
      await expect.poll(() => page.locator('.task').textContent()).toBe(task);
      await ask(page);
      await expect.poll(() => read(page)).toEqual(expected(predictions));
      expect(await page.getByRole('alert').count()).toBe(0);
      await close(page);
    });
  });

  test('a link to a model that is not here, and a model that is cut off, are answered in a sentence', async () => {
    const page = await open('#/try?model=gone');
    await expect.poll(() => page.getByRole('alert').textContent()).toContain('no model “gone” here');
    const bytes = readFileSync(join(folder, 'runs/book/model.safetensors'));
    const cut = { name: 'cut.safetensors', mimeType: 'application/octet-stream', buffer: bytes.subarray(0, bytes.length / 2) };
    await page.getByLabel('Open a model file').setInputFiles(cut);
    await expect.poll(() => page.getByRole('alert').textContent()).toMatch(/^cut\.safetensors.*cut off/);
    await close(page);
  });

  test('what is no model is refused in a sentence', async () => {
    const page = await open('#/try');
    await page.getByLabel('Open a model file').setInputFiles(join(folder, 'book.txt'));
    await expect.poll(() => page.getByRole('alert').textContent()).toContain('book.txt');
    await close(page);
  });
});

describe('the page', () => {
  test('fits a phone, light and dark', async () => {
    const page = await open('#/explore', { viewport: { width: 390, height: 844 }, colorScheme: 'dark' });
    for (const theme of ['dark', 'light']) {
      for (const name of ['Explore', 'Train', 'Watch', 'Try']) {
        await page.getByRole('link', { name, exact: true }).click();
        await expect.poll(() => page.title()).toContain(name);
        await expect.poll(() => page.locator('h1').count()).toBe(1);
        expect(await page.evaluate(() => document.documentElement.scrollWidth), name).toBeLessThanOrEqual(390);
        expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe(theme);
      }
      await page.getByRole('button', { name: /theme$/ }).click();
    }
    await close(page);
  });

  test('works as files below any address, without a server; Explore is below 500 kB gzipped, letters of formulas left out', async () => {
    const types: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
    const sent = new Map<string, number>();
    const host = createServer((request, response) => {
      try {
        const path = new URL(request.url!, 'http://host').pathname.replace(/^\/some\/place\//, '') || 'index.html';
        const file = readFileSync(join(built, path));
        if (!path.includes('latin')) sent.set(path, gzipSync(file, { level: 9 }).length);
        response.writeHead(200, { 'content-type': types[extname(path)] ?? 'application/octet-stream' }).end(file);
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((done) => host.listen(0, '127.0.0.1', done));
    const page = await open(`http://127.0.0.1:${(host.address() as AddressInfo).port}/some/place/`);
    await expect.poll(() => page.locator('.sentence').textContent()).toContain('LSTM:');
    expect([...sent.keys()].some((path) => path.includes('job'))).toBe(true); // the worker's files are counted too
    expect([...sent.values()].reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(500_000);
    await page.getByRole('link', { name: 'Watch' }).click();
    await expect.poll(() => page.locator('.lead').textContent()).toContain('events.jsonl');
    await close(page);
    host.close();
  });
});
