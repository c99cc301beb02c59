/** Every drawing, in every language: nothing overlaps, nothing is cut off, nothing is too small. */
import { describe, expect, test } from 'vitest';
import { exampleOf } from '../../../test/insight/layers-at-work.ts';
import { type Drawn, drawFigure, type FigureOptions } from './figure.ts';
import { languages } from './languages.ts';
import type { Box, Label, Line, Mark } from './scene.ts';

const cases: [string, FigureOptions][] = languages.flatMap((language): [string, FigureOptions][] => [
  ...([2, 3, 4, 5, 6, 8] as const).map((steps): [string, FigureOptions] => [`all, ${steps} steps, ${language}`, { steps, language }]),
  ...([2, 4, 7, 8] as const).map((steps): [string, FigureOptions] => [
    `unrolled, ${steps} steps, ${language}`,
    { panel: 'unrolled', steps, language },
  ]),
  [`folded, ${language}`, { panel: 'folded', language }],
  [`cells, ${language}`, { panel: 'cells', language }],
  ...(['rnn', 'gru', 'lstm'] as const).flatMap((cell): [string, FigureOptions][] => [
    [`${cell}, ${language}`, { cell, language }],
    [`${cell} at work, ${language}`, { language, activations: exampleOf(cell) }],
    [`${cell} at work, few steps, ${language}`, { language, steps: 4, activations: { ...exampleOf(cell), at: 3 } }],
  ]),
]);

const ofKind = <K extends Mark['kind']>({ scene }: Drawn, kind: K) =>
  scene.marks.filter((mark): mark is Extract<Mark, { kind: K }> => mark.kind === kind);
const name = ({ source, box }: Label): string => `"${source}" at ${Math.round(box.x)}, ${Math.round(box.y)}`;

describe.each(cases)('%s', (_, options) => {
  const drawn = drawFigure(options);
  const labels = ofKind(drawn, 'label');
  const lines = ofKind(drawn, 'line');

  test('no two labels overlap', () => {
    const pairs = labels.flatMap((a, k) => labels.slice(k + 1).map((b) => [a, b] as const));
    expect(pairs.filter(([a, b]) => doOverlap(a.box, b.box, 1)).map(([a, b]) => `${name(a)} and ${name(b)}`)).toEqual([]);
  });

  test('no line goes through a label', () => {
    const crossings = lines.flatMap((line) =>
      labels.filter((label) => segments(line).some((segment) => doOverlap(segment, label.box, -0.5))).map(name),
    );
    expect(crossings).toEqual([]);
  });

  test('a label stands in its box, or outside of it, never across its edge', () => {
    const frames = ofKind(drawn, 'shape').filter(({ style }) => style !== 'paper' && style !== 'value');
    const circles = ofKind(drawn, 'operator').map(({ center, radius }) => ({
      x: center.x - radius,
      y: center.y - radius,
      width: 2 * radius,
      height: 2 * radius,
    }));
    const edges = [...frames.map(({ box }) => box), ...circles];
    const across = labels.flatMap((label) =>
      edges.filter((edge) => doOverlap(label.box, edge, -1) && !isInside(label.box, edge, 0)).map(() => name(label)),
    );
    expect(across).toEqual([]);
  });

  test('everything is inside of the picture', () => {
    const page = { x: 0, y: 0, ...drawn.size };
    const boxes = [...labels.map(({ box }) => box), ...lines.flatMap(segments), ...ofKind(drawn, 'shape').map(({ box }) => box)];
    expect(boxes.filter((box) => !isInside(box, page, 0))).toEqual([]);
    expect(labels.filter(({ box }) => !isInside(box, page, 8)).map(name)).toEqual([]);
  });

  test('no text is smaller than 11 pixels in a picture of 800', () => {
    expect(drawn.size.width).toBeLessThanOrEqual(800);
    expect(Math.min(...labels.flatMap(({ runs }) => runs.map(({ size }) => size)))).toBeGreaterThanOrEqual(11);
  });

  test('arrows end at something', () => {
    const targets = [
      ...ofKind(drawn, 'shape').map(({ box }) => box),
      ...ofKind(drawn, 'operator').map(({ center, radius }) => ({
        x: center.x - radius,
        y: center.y - radius,
        width: 2 * radius,
        height: 2 * radius,
      })),
      ...labels.map(({ box }) => box),
    ].filter(({ width, height }) => width < 90 && height < 200);
    const rails = (line: Line): boolean => line.role === 'h' || line.role === 'c' || line.points[0].y === line.points.at(-1)!.y; // to the next step, or in a legend
    const loose = lines.filter((line) => line.hasArrow && !rails(line) && !targets.some((box) => doOverlap(tip(line), box, 7)));
    expect(loose).toEqual([]);
  });
});

test('gradients run from right to left, dashed, below the states', () => {
  const drawn = drawFigure({ panel: 'unrolled' });
  const gradients = ofKind(drawn, 'line').filter(({ role }) => role === 'gradient');
  const rails = ofKind(drawn, 'line').filter(({ role, width }) => role === 'h' && width === 3);
  expect(gradients).toHaveLength(6); // 5 steps and the legend
  for (const { points, isDashed } of gradients) {
    expect(isDashed).toBe(true);
    expect(points[1].x).toBeLessThan(points[0].x);
  }
  for (const { points } of rails) expect(points.at(-1)!.x).toBeGreaterThan(points[0].x);
  expect(gradients[0].points[0].y).toBeGreaterThan(rails[0].points[0].y);
  expect(gradients.filter(({ isFaint }) => isFaint)).toHaveLength(2); // beyond the cut
});

/** Whether two boxes come nearer than `gap`; negative: overlap by more than that. */
function doOverlap(a: Box, b: Box, gap: number): boolean {
  return a.x < b.x + b.width + gap && b.x < a.x + a.width + gap && a.y < b.y + b.height + gap && b.y < a.y + a.height + gap;
}

function isInside(inner: Box, outer: Box, gap: number): boolean {
  return (
    inner.x >= outer.x + gap - 0.01 &&
    inner.y >= outer.y + gap - 0.01 &&
    inner.x + inner.width <= outer.x + outer.width - gap + 0.01 &&
    inner.y + inner.height <= outer.y + outer.height - gap + 0.01
  );
}

/** A line's straight pieces as boxes: all are horizontal or vertical, or short. */
function segments({ points, width }: Line): Box[] {
  return points.slice(1).map((b, k) => {
    const a = points[k];
    const r = width / 2;
    return {
      x: Math.min(a.x, b.x) - r,
      y: Math.min(a.y, b.y) - r,
      width: Math.abs(a.x - b.x) + width,
      height: Math.abs(a.y - b.y) + width,
    };
  });
}

function tip({ points }: Line): Box {
  return { ...points.at(-1)!, width: 0, height: 0 };
}
