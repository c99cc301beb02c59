import { expect, it } from 'vitest';
import { lineChart } from './chart.ts';

it('draws a falling line from the upper left to the lower right, with round numbers at its side', () => {
  const x = Array.from({ length: 50 }, (_, i) => i);
  const lines = lineChart([{ x, y: x.map((i) => 3 - i / 25), as: 'line' }], { width: 40, height: 6, xLabel: 'steps' });
  expect(lines).toHaveLength(8);
  expect(lines[0]).toMatch(/^3 ┤⠉/);
  expect(lines.map((line) => /^(\d)? ?/.exec(line)![1]).filter(Boolean)).toEqual(['3', '2']);
  expect(lines[5].trimEnd().length).toBe(40);
  expect(lines[7].trim()).toMatch(/^0 +49 steps$/);
});

it('marks points over lines, in their own colour', () => {
  const series = [
    { x: [0, 10], y: [0, 1], as: 'line' as const },
    { x: [5], y: [0.5], as: 'points' as const },
  ];
  const text = lineChart(series, { width: 30, height: 5, xLabel: '', paint: (i, part) => (i === 1 ? `<${part}>` : part) }).join('\n');
  expect(text.match(/<●>/g)).toHaveLength(1);
});

it('leaves out what is not finite, and has nothing to draw without a range or without room', () => {
  expect(lineChart([{ x: [1], y: [1], as: 'line' }], { width: 30, height: 5, xLabel: '' })).toEqual([]);
  for (const width of [-4, 0, 5]) {
    expect(lineChart([{ x: [1, 2], y: [1, 2], as: 'points' }], { width, height: 5, xLabel: '' })).toEqual([]);
  }
  const lines = lineChart([{ x: [0, 1, 2, 3], y: [1, Number.NaN, Number.POSITIVE_INFINITY, 2], as: 'line' }], {
    width: 30,
    height: 5,
    xLabel: '',
  });
  expect(lines.slice(0, 5).join('')).not.toMatch(/[\u2801-\u28ff]/);
  const flat = lineChart([{ x: [0, 1], y: [2, 2], as: 'line' }], { width: 30, height: 5, xLabel: '' });
  expect(flat.join('')).toMatch(/[\u2801-\u28ff]/);
});
