import { expect, test } from 'vitest';
import { drawLooked } from './looked.ts';

const words = [
  { word: 'a <cat>', attention: [0.5, 0.25, 0.25, 0] },
  { word: 'sits', attention: Float32Array.of(0.1, 0.1, 0.1, 0.7) },
];
const svg = drawLooked({ href: 'data:image/png;base64,AAAA', words }, { title: 'cat.png: “a <cat> sits”', width: 600 });

test('one panel a word beside the image, each with its brightest place and share', () => {
  expect(svg.match(/<image /g)).toHaveLength(3);
  expect(svg.match(/class="peak"/g)).toHaveLength(2);
  expect(svg).toContain('>50 %</text>');
  expect(svg).toContain('>70 %</text>');
  expect(svg).toContain('a &lt;cat&gt;');
  expect(svg).not.toMatch(/<cat>|<script|http(?!:\/\/www\.w3\.org\/2000\/svg)/);
});

test('a place is veiled by how little it was looked at; the brightest is clear', () => {
  // 0.25 of 0.5: half of the darkest; 0: the darkest. Of the second word 0.1 of 0.7.
  expect([...svg.matchAll(/fill-opacity="([\d.]+)"/g)].map(([, opacity]) => Number(opacity))).toEqual([0.36, 0.36, 0.72, 0.62, 0.62, 0.62]);
});

test('many words go on in rows below; a grid need not be square', () => {
  const many = Array.from({ length: 9 }, (_, i) => ({ word: `word${i}`, attention: [0.2, 0.3, 0.1, 0.1, 0.1, 0.2] }));
  const tall = drawLooked({ href: 'data:,', words: many, grid: { rows: 2, columns: 3 } }, { across: 4 });
  const [, height] = /viewBox="0 0 920 ([\d.]+)"/.exec(tall)!;
  expect(Number(height)).toBeGreaterThan(3 * 200);
  const cells = [...tall.matchAll(/class="veil" x="[\d.]+" y="[\d.]+" width="([\d.]+)" height="([\d.]+)"/g)];
  expect(cells).toHaveLength(9 * 5);
  expect(Number(cells[0][2]) / Number(cells[0][1])).toBeCloseTo(1.5, 1);
});
