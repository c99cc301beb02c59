/** The packed tarball in a page that Vite built, in Chromium: an LSTM trains there. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { build } from 'vite';
import { expect, test } from 'vitest';
import { launchChromium } from './chromium.ts';
import { learnsSine, pack, project } from './packed.ts';

const types: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

test('an LSTM trains in a Vite page', async () => {
  const folder = project(pack());
  mkdirSync(join(folder, 'src'));
  writeFileSync(
    join(folder, 'index.html'),
    '<!doctype html><title>Sine</title><p id="report"></p><script type="module" src="/src/main.js"></script>',
  );
  writeFileSync(join(folder, 'src/main.js'), `${learnsSine}\ndocument.querySelector('#report').textContent = JSON.stringify(report);`);
  await build({ root: folder, logLevel: 'warn' });

  const server = createServer((request, response) => {
    const path = request.url === '/' ? '/index.html' : request.url!;
    try {
      const body = readFileSync(join(folder, 'dist', path));
      response.writeHead(200, { 'content-type': types[extname(path)] ?? 'application/octet-stream' }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(120_000);
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(error.message));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction(() => document.querySelector('#report')?.textContent !== '', undefined, { timeout: 120_000 });
    const report = JSON.parse((await page.textContent('#report'))!);
    expect(errors).toEqual([]);
    expect(report.backend).toBe('wasm');
    expect(report.last).toBeLessThan(report.first / 10);
  } finally {
    await browser.close();
    server.close();
  }
});
