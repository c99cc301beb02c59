import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type PlotSeries, plotForecast } from './plot.ts';

const day = 86_400_000;
const start = Date.UTC(2024, 0, 1);

const one: PlotSeries = {
  name: 'sales & <more>',
  history: [10, 20, Number.NaN, 30].map((value, t) => ({ instant: start + t * day, value })),
  forecast: [
    { instant: start + 4 * day, median: 35, interval50: [30, 40], interval80: [20, 50] },
    { instant: start + 5 * day, median: 40, interval50: [35, 45], interval80: [25, 55] },
  ],
};

/** Points of the path of a class. */
function points(svg: string, className: string): [number, number][] {
  const path = new RegExp(`class="${className}" d="(M[^"]*,[^"]*L[^"]*)"`).exec(svg)![1];
  return [...path.matchAll(/(-?[\d.]+),(-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)]);
}

describe('a plot of a forecast', async () => {
  const svg = await plotForecast([one], { timeLabel: 'steps of 1 day, UTC', title: 'Title' });

  it('puts instants and values where its axes say', () => {
    // Five days on 920 − 64 − 20 pixels; values 10 to 55 on nice ticks from 10 to 60, 320 pixels high.
    const [x, y] = [(t: number) => 64 + (836 * t) / 5, (value: number) => 390 - (320 * (value - 10)) / 50];
    const expectAt = (received: [number, number][], expected: [number, number][]): void => {
      expect(received).toHaveLength(expected.length);
      expected.forEach(([t, value], i) => {
        expect(Math.abs(received[i][0] - x(t))).toBeLessThan(0.11);
        expect(Math.abs(received[i][1] - y(value))).toBeLessThan(0.11);
      });
    };
    expectAt(points(svg, 'median'), [
      [3, 30],
      [4, 35],
      [5, 40],
    ]);
    // Forth along the upper bound, back along the lower.
    expectAt(points(svg, 'wide'), [
      [3, 30],
      [4, 50],
      [5, 55],
      [5, 25],
      [4, 20],
      [3, 30],
    ]);
    expect(/class="history" d="(M[^"]*L[^"]*)"/.exec(svg)![1].match(/M/g)).toHaveLength(2);
  });

  it('names its axes, series and marks, and suits light and dark', () => {
    for (const text of [
      'Title',
      'sales &amp; &lt;more&gt;',
      'steps of 1 day, UTC',
      'history',
      'median',
      '50 %',
      '80 %',
      'prefers-color-scheme: dark',
    ]) {
      expect(svg).toContain(text);
    }
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('of points has a line and no bands', async () => {
    const bare = await plotForecast([{ ...one, forecast: one.forecast.map(({ instant, median }) => ({ instant, median })) }], {
      timeLabel: 'days',
    });
    expect(bare).not.toContain('class="wide"');
    expect(bare).not.toContain('80 %');
  });

  it('grows by a panel for each series, and bears one that stands still', async () => {
    const still: PlotSeries = { name: 'still', history: [{ instant: start, value: 5 }], forecast: [{ instant: start + day, median: 5 }] };
    const both = await plotForecast([one, still], { timeLabel: 'days', panelHeight: 100 });
    expect(both).toContain('viewBox="0 0 920 352"');
    expect(both).not.toMatch(/NaN|undefined|Infinity/);
  });
});

/** The picture in docs/ has what a plot of today has: examples/13-forecasting.ts makes it again. */
it('docs/images/forecast.svg is what plotForecast draws', async () => {
  const path = new URL('../../../docs/images/forecast.svg', import.meta.url);
  expect(existsSync(path)).toBe(true);
  const kept = readFileSync(path, 'utf8');
  const again = await plotForecast([{ ...one, name: 'demand, MW', actual: [{ instant: start + 4 * day, value: 30 }] }], {
    title: 'Two days of demand, forecast',
    timeLabel: 'steps of 1 hour, UTC',
  });
  const withoutData = (svg: string): string =>
    svg
      .replaceAll(/<(line|path|text)[^>]*>(?:[^<]*<\/text>)?/g, (mark) => /class="[^"]*"/.exec(mark)?.[0] ?? '')
      .replaceAll(/(class="grid")+/g, '')
      .replace(/aria-label="[^"]*"/, '')
      .replaceAll(/\s+/g, ' ');
  expect(withoutData(kept)).toBe(withoutData(again));
});
