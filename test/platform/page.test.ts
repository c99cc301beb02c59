/** The packed tarball in pages that Vite built, in Chromium: an LSTM trains there, on threads where the page may share memory. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import type { Browser, Page } from 'playwright';
import { build } from 'vite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launchChromium } from './chromium.ts';
import { learnsSine, pack, project } from './packed.ts';

const types: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

/** Large enough for threads, with a pause after each step, in which a page starts the workers it was asked for. */
const learnsOnThreads = `
import { Adam, getBackend, LSTM, mse, Random, setThreads, tensor } from 'unrolled';

setThreads(2);
const rng = new Random(1);
const lstm = new LSTM({ inputSize: 64, hiddenSize: 128, rng });
const draw = (length) => Float32Array.from({ length }, () => rng.uniform());
const x = tensor(draw(12 * 20 * 64), { shape: [12, 20, 64] });
const y = tensor(draw(12 * 20 * 128), { shape: [12, 20, 128] });
const optimizer = new Adam(lstm, { learningRate: 0.01 });
export const losses = [];
for (let step = 0; step < 20; step++) {
  losses.push(optimizer.step(() => mse(lstm.forward(x).output, y)).item());
  await new Promise((resolve) => setTimeout(resolve));
}
export const describe = () => getBackend().description;
`;

/** What a page does, by the name behind its #. */
const page = `
const tell = (report) => {
  document.querySelector('#report').textContent = JSON.stringify(report);
};
if (location.hash === '#sine') tell((await import('./sine.js')).report);
if (location.hash === '#threads') {
  const { losses, describe } = await import('./threads.js');
  tell({ losses });
  window.describe = describe;
}
if (location.hash === '#worker') {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }) => tell(data);
}
`;

const isolation = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };
let headers: Record<string, string> = {};
let server: Server;
let browser: Browser;

beforeAll(async () => {
  const folder = project(pack());
  const sources = {
    'index.html': '<!doctype html><title>Learn</title><p id="report"></p><script type="module" src="/src/page.js"></script>',
    'src/page.js': page,
    'src/sine.js': learnsSine.replace('const report', 'export const report'),
    'src/threads.js': learnsOnThreads,
    'src/worker.js': `import { describe, losses } from './threads.js';\npostMessage({ losses, description: describe() });`,
  };
  mkdirSync(join(folder, 'src'));
  for (const [file, source] of Object.entries(sources)) writeFileSync(join(folder, file), source);
  await build({ root: folder, logLevel: 'warn', build: { target: 'es2022' }, worker: { format: 'es' } });
  server = createServer((request, response) => {
    const path = request.url === '/' ? '/index.html' : request.url!;
    try {
      const body = readFileSync(join(folder, 'dist', path));
      response.writeHead(200, { 'content-type': types[extname(path)] ?? 'application/octet-stream', ...headers }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  server?.close();
});

/** What a page reports that is served with these headers; `look` sees it before it is closed. */
async function reportOf(
  name: 'sine' | 'threads' | 'worker',
  given: Record<string, string>,
  look: (page: Page) => Promise<void> = async () => {},
): Promise<{ backend: string; first: number; last: number; losses: readonly number[]; description: string }> {
  headers = given;
  const page = await browser.newPage();
  page.setDefaultTimeout(120_000);
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/#${name}`);
  await expect.poll(async () => errors.length > 0 || (await page.textContent('#report')) !== '', { timeout: 120_000 }).toBe(true);
  expect(errors).toEqual([]);
  const report = JSON.parse((await page.textContent('#report'))!);
  await look(page);
  await page.close();
  expect(errors).toEqual([]);
  return report;
}

const description = (page: Page): Promise<string> => page.evaluate(() => (window as unknown as { describe(): string }).describe());

test('an LSTM trains in a Vite page', async () => {
  const report = await reportOf('sine', {});
  expect(report.backend).toBe('wasm');
  expect(report.last).toBeLessThan(report.first / 10);
});

test('on two threads where the page is cross-origin isolated, on one elsewhere, with the same bits', async () => {
  const isolated = await reportOf('threads', isolation, async (page) => {
    expect(await description(page)).toMatch(/, 2 threads$/);
    expect(page.workers()).toHaveLength(1);
  });
  const alone = await reportOf('threads', {}, async (page) => {
    expect(await description(page)).toMatch(/, 1 thread \(this page is not cross-origin isolated\)$/);
    expect(page.workers()).toEqual([]);
  });
  expect(isolated.losses).toHaveLength(20);
  expect(isolated.losses).toEqual(alone.losses);
  const inWorker = await reportOf('worker', isolation);
  expect(inWorker.description).toMatch(/, 2 threads$/);
  expect(inWorker.losses).toEqual(alone.losses);
});

test('on one thread where the page forbids the workers that it needs', async () => {
  const policy = { ...isolation, 'content-security-policy': "script-src 'self' 'wasm-unsafe-eval'" };
  const { losses } = await reportOf('threads', policy, async (page) => {
    await expect.poll(() => description(page)).toMatch(/, 1 thread \(.*Content-Security-Policy.*\)$/);
  });
  expect(losses).toHaveLength(20);
});
