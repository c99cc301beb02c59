/**
 * Takes the pictures of docs/studio.md: trains two small language models, starts the studio on them, and photographs each page in
 * Chromium. `npx tsx scripts/studio-pictures.ts`, after `npm run build`; a minute. Names (`explore train watch try`) take those alone.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { decode, encode } from 'fast-png';
import { chromium, type Page } from 'playwright';

const root = resolve(import.meta.dirname, '..');
const program = join(root, 'dist/cli/main.js');
const folder = mkdtempSync(join(tmpdir(), 'unrolled-pictures-'));

interface Picture {
  readonly name: string;
  readonly address: string;
  readonly height: number;
  prepare?(page: Page): Promise<void>;
}

const pictures: readonly Picture[] = [
  {
    name: 'explore',
    address: '#/explore?t=20&L=40',
    height: 900,
    prepare: async (page) => {
      await page.getByRole('button', { name: 'Train', exact: true }).click();
      await page.getByText(/^step [2-9]\d\d$/).waitFor({ timeout: 120_000 });
      await page.getByRole('button', { name: 'Pause', exact: true }).click();
    },
  },
  {
    name: 'train',
    address: '#/train?task=series',
    height: 780,
    prepare: async (page) => {
      await page.getByRole('button', { name: 'Train', exact: true }).click();
      await page.getByText(/^done$/).waitFor({ timeout: 120_000 });
    },
  },
  { name: 'watch', address: '#/watch?run=lstm&run=gru', height: 1160, prepare: (page) => page.getByText('Gate saturation').waitFor() },
  {
    name: 'try',
    address: '#/try?model=lstm%2Fmodel.safetensors',
    height: 720,
    prepare: async (page) => {
      await page.locator('.tokens span').nth(14).hover();
      await page.locator('.guess').first().waitFor();
    },
  },
];

const text = ['README.md', 'docs/tour.md', 'docs/architecture.md', 'docs/performance.md']
  .map((file) => readFileSync(join(root, file), 'utf8'))
  .join('\n');
writeFileSync(join(folder, 'book.txt'), text);
for (const cell of ['gru', 'lstm']) {
  const options = ['--cell', cell, '--hidden-size', '96', '--max-steps', '300', '--evaluate-every', '30', '--out', `runs/${cell}`];
  execFileSync(process.execPath, [program, 'train', 'language-model', 'book.txt', ...options], { cwd: folder, stdio: 'ignore' });
}
const server = spawn(process.execPath, [program, 'studio', 'runs', '--no-open', '--json', '--port', '0'], { cwd: folder });
const { url } = JSON.parse(await new Promise<string>((done) => server.stdout.once('data', (part) => done(String(part))))) as {
  url: string;
};
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  const asked = process.argv.slice(2);
  for (const { name, address, height, prepare } of pictures.filter((one) => asked.length === 0 || asked.includes(one.name))) {
    const page = await browser.newPage({ viewport: { width: 1180, height }, reducedMotion: 'reduce' });
    await page.goto(url + address);
    await prepare?.(page);
    await page.waitForTimeout(1500);
    writeFileSync(join(root, `docs/images/studio-${name}.png`), smaller(await page.screenshot({ fullPage: name === 'explore' })));
    await page.close();
  }
} finally {
  await browser.close();
  server.kill();
  rmSync(folder, { recursive: true, force: true });
}

/** With colours rounded to 32 levels and no transparency: a third of the bytes, and no difference to see. */
function smaller(png: Uint8Array): Uint8Array {
  const { width, height, data, channels } = decode(png);
  const rgb = new Uint8Array(width * height * 3);
  for (let k = 0; k < width * height; k++) {
    for (let c = 0; c < 3; c++) rgb[3 * k + c] = Math.min(255, Math.round(data[k * channels + c] / 8) * 8);
  }
  return encode({ width, height, data: rgb, channels: 3, depth: 8 }, { zlib: { level: 9 } });
}
