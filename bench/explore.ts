/**
 * How smoothly the studio's Explore moves: frames while it stands, while it plays through time, and while a network trains in the
 * page. In a headless Chromium, which draws without a graphics card. On what `npm run build` has made.
 *
 *   npx tsx bench/explore.ts
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright';
import { quantile } from '../src/cli/bench/statistics.ts';
import { launchChromium } from '../test/platform/chromium.ts';
import { type Circumstances, circumstances, keepResult } from './circumstances.ts';

export interface ExploreFrames extends Circumstances {
  readonly records: readonly {
    readonly while: string;
    readonly framesPerSecond: number;
    /** Between two frames: the middle one, that which 95 % are below, the longest. */
    readonly medianMs: number;
    readonly most95Ms: number;
    readonly longestMs: number;
  }[];
}

const seconds = 5;

/** Milliseconds between the frames of so many seconds. */
function framesOf(page: Page): Promise<number[]> {
  return page.evaluate(async (ms) => {
    const between: number[] = [];
    const begun = performance.now();
    for (let last = begun; last - begun < ms; ) {
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      between.push(now - last);
      last = now;
    }
    return between;
  }, seconds * 1000);
}

const situations: readonly { readonly while: string; readonly begin: (page: Page) => Promise<void> }[] = [
  { while: 'it stands', begin: async () => {} },
  { while: 'it plays', begin: (page) => page.getByRole('button', { name: 'Play' }).click() },
  { while: 'a network trains', begin: (page) => page.getByRole('button', { name: 'Train', exact: true }).click() },
];

const program = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const server = spawn(process.execPath, [program, 'studio', '--no-open', '--json', '--port', '0']);
const { url } = await new Promise<{ url: string }>((resolve) => {
  server.stdout.once('data', (part) => resolve(JSON.parse(String(part))));
});
const browser = await launchChromium();
try {
  const records: ExploreFrames['records'][number][] = [];
  for (const situation of situations) {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    await page.goto(`${url}#/explore`);
    await page.locator('.strip').waitFor();
    await page.waitForTimeout(1000);
    await situation.begin(page);
    const between = await framesOf(page);
    await page.close();
    const rounded = (ms: number): number => Number(ms.toFixed(1));
    const record = {
      while: situation.while,
      framesPerSecond: rounded((1000 * between.length) / between.reduce((sum, ms) => sum + ms, 0)),
      medianMs: rounded(quantile(between, 0.5)),
      most95Ms: rounded(quantile(between, 0.95)),
      longestMs: rounded(Math.max(...between)),
    };
    console.log(`while ${record.while}: ${record.framesPerSecond} frames a second, 95 % within ${record.most95Ms} ms`);
    records.push(record);
  }
  keepResult('explore', { ...circumstances('npx tsx bench/explore.ts', { Chromium: browser.version() }), records } satisfies ExploreFrames);
} finally {
  await browser.close();
  server.kill('SIGTERM');
}
