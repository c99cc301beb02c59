import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { Progress } from './progress.ts';
import { bytes, compact, duration, grouped, type Terminal } from './terminal.ts';

const plain = (text: string): string => text;
const state = { step: 25, steps: 100, fraction: 0.25, loss: 1.23456, itemsPerSecond: 12_345, items: 'texts', secondsLeft: 75 };

function terminal(isInteractive: boolean, width = 120): { terminal: Terminal; written: () => string } {
  let written = '';
  const write = (text: string): void => {
    written += text;
  };
  const line = (text = ''): void => write(`${text}\n`);
  return {
    terminal: { isInteractive, width, bold: plain, dim: plain, accent: plain, good: plain, bad: plain, write, line },
    written: () => written,
  };
}

it('redraws one line where somebody watches, hides the cursor meanwhile, and leaves nothing behind', () => {
  const { terminal: screen, written } = terminal(true);
  const progress = new Progress(screen);
  progress.show(state);
  expect(written()).toBe(`\x1b[?25l\r  ${'━'.repeat(28)}  25%  step 25/100  loss 1.235  12.3k texts/s  1 min 15 s left\x1b[K`);
  progress.show({ ...state, step: 26 });
  expect(written()).not.toContain('26/100'); // too soon to be seen
  progress.print('a sample');
  expect(written().endsWith('\r\x1b[K\x1b[?25ha sample\n')).toBe(true);
});

it('never breaks the line of a narrow terminal', () => {
  const { terminal: screen, written } = terminal(true, 50);
  new Progress(screen).show(state);
  expect(stripVTControlCharacters(written()).replaceAll('\r', '').length).toBeLessThan(50);
});

it('writes a plain line in a log, and not every time', () => {
  const { terminal: screen, written } = terminal(false);
  const progress = new Progress(screen);
  progress.show(state);
  progress.show(state);
  expect(written()).toBe('step 25/100  loss 1.235  12.3k texts/s  1 min 15 s left\n');
});

it('says numbers as people do', () => {
  expect([0.4, 59.6, 61, 3725].map(duration)).toEqual(['0 s', '1 min 00 s', '1 min 01 s', '1 h 02 min']);
  expect([950, 12_345, 4_560_000, 1.2e9].map(compact)).toEqual(['950', '12.3k', '4.56M', '1.20G']);
  expect(grouped(1234567)).toBe('1,234,567');
  expect([512, 3_400_000].map(bytes)).toEqual(['512 B', '3.4 MB']);
});
