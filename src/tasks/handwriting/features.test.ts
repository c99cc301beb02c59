import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../tensor/random.ts';
import { BezierTracer, curveAt, fitCurves } from './bezier-tracer.ts';
import { charactersToInk } from './character-spans.ts';
import { columnsOf } from './column-features.ts';
import { FeatureExtractor, type FeatureSettings } from './features.ts';
import { augmentInk, boxOf, lineHeightOf, normalizeInk, slantOf, transformed } from './geometry.ts';
import { type Ink, type LineImage, type Point, type Stroke, strokeOf } from './ink.ts';
import { PointTracer, type PointTracerOptions } from './point-tracer.ts';
import { type FeatureRow, traceInk } from './tracer.ts';

const stroke = (...points: readonly (readonly [number, number, number?])[]): Stroke =>
  strokeOf(points.map(([x, y, t]): Point => ({ x, y, t })));
const inkOf = (strokes: readonly Stroke[]): Ink => ({ kind: 'ink', text: null, strokes, file: 'test', line: 1 });

/** Strokes that wander, with rising times. */
const wandering = fc
  .array(
    fc.array(fc.tuple(fc.integer({ min: -40, max: 40 }), fc.integer({ min: -40, max: 40 }), fc.integer({ min: 1, max: 50 })), {
      minLength: 1,
      maxLength: 30,
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((strokes) => {
    const at = { x: 0, y: 0, t: 0 };
    return strokes.map((moves) =>
      strokeOf(
        moves.map(([dx, dy, dt]) => {
          at.x += dx / 100;
          at.y += dy / 100;
          at.t += dt / 1000;
          return { ...at };
        }),
      ),
    );
  });

const pointOptions = (over: Partial<PointTracerOptions> = {}): PointTracerOptions => ({
  resample: 'space',
  spacing: 0.1,
  features: ['delta', 'pen', 'direction', 'curvature', 'position', 'time'],
  ...over,
});

describe('points', () => {
  const rowsOf = (strokes: readonly Stroke[], over: Partial<PointTracerOptions> = {}): FeatureRow[] =>
    traceInk(new PointTracer(pointOptions(over)), strokes);
  const rounded = (rows: readonly FeatureRow[]): number[][] =>
    rows.map(({ values }) => values.map((value) => Math.round(value * 1e6) / 1e6 + 0));

  test('are equidistant along the line, and tell of lifts of the pen', () => {
    // To the right by 0.25, down by 0.25; then, 1 to the right, a dot.
    const ink = [stroke([0, 0], [0.25, 0], [0.25, 0.25]), stroke([1.25, 0.25])];
    const rows = rowsOf(ink, { features: ['delta', 'pen'] });
    expect(rounded(rows)).toEqual([
      [0, 0, 1],
      [0.1, 0, 0],
      [0.1, 0, 0],
      [0.05, 0.05, 0],
      [0, 0.1, 0],
      [0, 0.1, 0],
      // Nothing is left of the first stroke; the dot; the end.
      [1, 0, 1],
      [0, 0, 1],
    ]);
    expect(rows.map(({ stroke: s, point }) => [s, point])).toEqual([
      [0, 0],
      [0, 1],
      [0, 1],
      [0, 2],
      [0, 2],
      [0, 2],
      [1, 0],
      [1, 0],
    ]);
  });

  test('tell of directions, turns and height', () => {
    const ink = [stroke([0, 0], [0.1, 0], [0.1, 0.1])];
    expect(rounded(rowsOf(ink, { resample: 'none', features: ['direction', 'curvature', 'position'] }))).toEqual([
      [0, 0, 1, 0, 0],
      [1, 0, 1, 0, 0],
      [0, 1, 0, 1, 0.1],
      [0, 0, 1, 0, 0.1],
    ]);
  });

  test('are equidistant in time', () => {
    const ink = [stroke([0, 0, 0], [1, 0, 0.1], [3, 0, 0.2])];
    const rows = rowsOf(ink, { resample: 'time', spacing: 0.05, features: ['delta', 'time'] });
    expect(rounded(rows).map(([dx]) => dx)).toEqual([0, 0.5, 0.5, 1, 1, 0]);
    expect(rows[1].values[2]).toBeCloseTo(Math.log1p(0.05), 6);
  });

  test('keep their distance, and add up to the way of the pen', () => {
    fc.assert(
      fc.property(wandering, fc.constantFrom('space', 'none'), (strokes, resample) => {
        const rows = rowsOf(strokes, { resample, features: ['delta', 'pen'] });
        let isFirst = true;
        for (const { values } of rows) {
          if (resample === 'space' && values[2] === 0) expect(Math.hypot(values[0], values[1])).toBeLessThan(0.1 + 1e-9);
          isFirst = false;
        }
        expect(isFirst).toBe(false);
        const [first, last] = [strokes[0], strokes[strokes.length - 1]];
        const sum = rows.reduce((total, { values }) => total + values[0], 0);
        // Half a spacing of a stroke's end may be left out.
        expect(Math.abs(sum - (last.x[last.x.length - 1] - first.x[0]))).toBeLessThanOrEqual(0.05 + 1e-9);
      }),
    );
  });

  test.each(['space', 'time'] as const)('do not depend on points that are added in between: %s', (resample) => {
    fc.assert(
      fc.property(wandering, (strokes) => {
        const denser = strokes.map(({ x, y, t }) =>
          strokeOf(
            Array.from(x).flatMap((_, i) => {
              const now = { x: x[i], y: y[i], t: t![i] };
              if (i === 0) return [now];
              return [{ x: (x[i] + x[i - 1]) / 2, y: (y[i] + y[i - 1]) / 2, t: (t![i] + t![i - 1]) / 2 }, now];
            }),
          ),
        );
        const over = { resample, spacing: resample === 'time' ? 0.0173 : 0.0973, features: ['delta', 'pen', 'position', 'time'] } as const;
        const [a, b] = [rowsOf(strokes, over), rowsOf(denser, over)];
        // A point that lies on a multiple of the spacing up to rounding may fall to either side.
        if (a.length !== b.length) return;
        a.forEach(({ values }, i) => {
          values.forEach((value, f) => {
            expect(value).toBeCloseTo(b[i].values[f], 6);
          });
        });
      }),
    );
  });

  test('of a second ink are those of a first', () => {
    fc.assert(
      fc.property(wandering, wandering, (before, strokes) => {
        const tracer = new PointTracer(pointOptions());
        traceInk(tracer, before);
        expect(traceInk(tracer, strokes)).toEqual(rowsOf(strokes));
      }),
      { numRuns: 20 },
    );
  });
});

describe('Bézier curves', () => {
  const distanceTo = (curves: ReturnType<typeof fitCurves>, x: number, y: number): number =>
    Math.min(
      ...curves.flatMap(({ control }) =>
        Array.from({ length: 201 }, (_, i) => {
          const [cx, cy] = curveAt(control, i / 200);
          return Math.hypot(cx - x, cy - y);
        }),
      ),
    );

  test('follow every point within the tolerance, or cut strokes down to four points', () => {
    fc.assert(
      fc.property(wandering, (strokes) => {
        for (const { x, y } of strokes) {
          const points = Array.from(x, (_, i) => ({ x: x[i], y: y[i], t: Number.NaN }));
          const curves = fitCurves(points, 0.05);
          expect(curves[curves.length - 1].last).toBe(points.length - 1);
          let before = 0;
          for (const { control, last } of curves) {
            expect([control[0][0], control[3][0]]).toEqual([points[before].x, points[last].x]);
            if (last - before > 4) {
              for (let i = before; i <= last; i++) expect(distanceTo(curves, x[i], y[i])).toBeLessThan(0.06);
            }
            before = last;
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test('of points that turn back so often that all parameters move to the ends are numbers', () => {
    const x = [0, -0.05, 0.25, 0.1, 0.1, 0.16];
    const y = [0, 0.23, -0.12, -0.2, 0.16, -0.13];
    const points = x.map((at, i) => ({ x: at, y: y[i], t: Number.NaN }));
    const curves = fitCurves(points, 0.05);
    expect(curves.flatMap(({ control }) => control.flat()).every(Number.isFinite)).toBe(true);
    expect(curves[curves.length - 1].last).toBe(5);
  });

  test('give a curve back that they are shown, with its times', () => {
    const control = [
      [0, 0],
      [0.2, 0.9],
      [0.8, 0.9],
      [1, 0],
    ] as const;
    const points = Array.from({ length: 30 }, (_, i) => {
      const [x, y] = curveAt(control, i / 29);
      return { x, y, t: 2 + 0.3 * (i / 29) + 0.2 * (i / 29) ** 2 };
    });
    const [curve, ...others] = fitCurves(points, 0.02);
    expect(others).toEqual([]);
    curve.control.forEach((p, k) => {
      expect(p[0]).toBeCloseTo(control[k][0], 1);
      expect(p[1]).toBeCloseTo(control[k][1], 1);
    });
    expect(curve.time.reduce((sum, t) => sum + t, 0)).toBeCloseTo(0.5, 2);
  });

  test('of a straight line and a lifted pen are these rows', () => {
    const line = (x: number) => stroke([x, 0, x], [x + 0.5, 0, x + 0.5], [x + 1, 0, x + 1]);
    const rows = traceInk(new BezierTracer({ tolerance: 0.02 }), [line(0), line(3)]);
    expect(rows.map(({ stroke: s, point }) => [s, point])).toEqual([
      [0, 2],
      [1, 0],
      [1, 2],
      [1, 2],
    ]);
    // dx, dy, d1, d2, cos1, sin1, cos2, sin2, t1, t2, t3, pen
    const [ink, lift, , end] = rows.map(({ values }) => values);
    expect([ink[0], ink[1], ink[11]]).toEqual([1, 0, 1]);
    expect(ink.slice(4, 8).map((value) => Math.round(value * 1e6) / 1e6 + 0)).toEqual([1, 0, 1, 0]);
    expect(ink[8] + ink[9] + ink[10]).toBeCloseTo(1, 6);
    expect([lift[0], lift[11]]).toEqual([2, 0]);
    expect([end[0], end[1], end[11]]).toEqual([0, 0, 0]);
  });

  test('are finite, whatever the ink: dots, closed and doubled lines', () => {
    const ink = [stroke([0, 0]), stroke([0, 0], [0, 0]), stroke([0, 0], [1, 1], [0, 0]), stroke([0, 0], [1, 0], [1, 1], [0, 1], [0, 0])];
    for (const { values } of traceInk(new BezierTracer({ tolerance: 0.001 }), ink)) {
      expect(values.every(Number.isFinite)).toBe(true);
    }
  });
});

describe('ink', () => {
  test('is of height 1 around 0, wherever and however large it was', () => {
    fc.assert(
      fc.property(wandering, fc.integer({ min: -9, max: 9 }), fc.double({ min: 0.1, max: 20, noNaN: true }), (strokes, shift, scale) => {
        const moved = transformed(strokes, { a: scale, b: 0, c: 0, d: scale, e: shift, f: 3 * shift });
        const { left, right, top, bottom } = boxOf(normalizeInk(moved, { slant: false }));
        expect(left).toBeCloseTo(0, 5);
        expect(top).toBeCloseTo(-bottom, 5);
        const isFlat = right - left > 20 * (bottom - top) - 1e-6;
        if (!isFlat && strokes.some(({ x }) => x.length > 1) && lineHeightOf(strokes) !== 1) expect(bottom - top).toBeCloseTo(1, 5);
      }),
    );
  });

  test('that leans is set upright', () => {
    const upright = [stroke([0, 0], [0, 1], [0.3, 1], [0.3, 0])];
    const leaning = transformed(upright, { a: 1, b: 0, c: 0.4, d: 1, e: 0, f: 0 });
    expect(slantOf(upright)).toBeCloseTo(0, 9);
    expect(slantOf(leaning)).toBeCloseTo(0.4, 9);
    const [{ x }] = normalizeInk(leaning, { slant: true });
    expect(x[0]).toBeCloseTo(x[1], 9);
  });

  test('is changed by chance as told: not at all by 0, otherwise by about so much', () => {
    const none = { rotation: 0, scale: 0, shear: 0, jitter: 0, warp: 0, strokeDropout: 0 };
    const ink = [stroke([0, 0], [1, 0]), stroke([0, 1], [1, 1])];
    expect(augmentInk(ink, none, new Random(1))).toEqual(ink);
    const spread = (augmentation: Partial<typeof none>, of: (strokes: Stroke[]) => number): number => {
      const rng = new Random(1);
      const drawn = Array.from({ length: 400 }, () => of(augmentInk(ink, { ...none, ...augmentation }, rng)));
      const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
      return Math.sqrt(drawn.reduce((sum, value) => sum + (value - mean) ** 2, 0) / drawn.length);
    };
    expect(spread({ rotation: 5 }, ([{ x, y }]) => (Math.atan2(y[1] - y[0], x[1] - x[0]) * 180) / Math.PI)).toBeCloseTo(5, 0);
    expect(spread({ shear: 0.2 }, ([a, b]) => b.x[0] - a.x[0])).toBeCloseTo(0.2, 1);
    expect(spread({ jitter: 0.1 }, ([{ y }]) => y[0])).toBeCloseTo(0.1, 1);
    expect(spread({ warp: 0.1 }, ([{ y }]) => y[0])).toBeCloseTo(0.1, 1);
    const dropped = augmentInk(ink, { ...none, strokeDropout: 0.999 }, new Random(1));
    expect(dropped).toHaveLength(1);
  });
});

describe('an extractor', () => {
  const settings: FeatureSettings = {
    input: { kind: 'points', resample: 'space', spacing: 0.1, features: ['delta', 'pen'] },
    normalize: 'ink',
    slant: false,
    restSteps: 1,
  };

  test('scales features to mean 0 and deviation 1 over the training', () => {
    const lines = Array.from({ length: 20 }, (_, i) => inkOf([stroke([0, 0], [i + 1, 3], [2, -i])]));
    const extractor = FeatureExtractor.fitted(settings, lines);
    const all = lines.map((line) => extractor.extract(line).values);
    const column = all.flatMap((values) => Array.from(values).filter((_, k) => k % 3 === 1));
    const mean = column.reduce((sum, value) => sum + value, 0) / column.length;
    expect(mean).toBeCloseTo(0, 5);
    expect(column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / column.length).toBeCloseTo(1, 4);
  });

  test('refuses what it was not fitted to', () => {
    const image: LineImage = { kind: 'image', text: null, width: 1, height: 1, pixels: new Float32Array(1), file: 'a.png', line: 1 };
    const extractor = FeatureExtractor.fitted(settings, [inkOf([stroke([0, 0], [1, 1])])]);
    expect(() => extractor.extract(image)).toThrow('a.png, line 1: expected ink, as the model was trained on, received an image.');
    const timed = { ...settings, input: { kind: 'points', resample: 'time', spacing: 0.1, features: ['delta'] } } as FeatureSettings;
    expect(() => FeatureExtractor.fitted(timed, [inkOf([stroke([0, 0])])])).toThrow('test, line 1: expected times of all points');
    const forced = { ...settings, input: { kind: 'points', resample: 'none', spacing: 0.1, features: ['force'] } } as FeatureSettings;
    expect(() => FeatureExtractor.fitted(forced, [inkOf([stroke([0, 0])])])).toThrow(
      'expected forces of all points, which the feature force',
    );
  });
});

describe('columns of an image', () => {
  const image = (rows: readonly string[]): LineImage => ({
    kind: 'image',
    text: null,
    width: rows[0].length,
    height: rows.length,
    pixels: Float32Array.from(rows.join(''), (pixel) => Number(pixel === '#')),
    file: 'x.png',
    line: 1,
  });

  test('are cut to the ink, and brought to a height', () => {
    const { values, columns } = columnsOf(image(['........', '..####..', '..#.....', '..####..', '..#.....', '........']), 4);
    const shown = Array.from({ length: 4 }, (_, r) => Array.from(columns, (_c, t) => (values[t * 4 + r] > 0.5 ? '#' : '.')).join(''));
    expect(shown).toEqual(['####', '#...', '####', '#...']);
    expect([...columns]).toEqual([2, 3, 4, 5]);
  });

  test('keep the mean of what they stand for when they become fewer', () => {
    const { values, columns } = columnsOf(image(Array.from({ length: 16 }, () => '#.#.#.#.#.#.#.#.#.#.#.#.')), 4);
    // Above and below them there is paper.
    const middle = values.slice(4 * Math.floor(columns.length / 2) + 1, 4 * Math.floor(columns.length / 2) + 3);
    for (const value of middle) expect(value).toBeCloseTo(0.5, 1);
  });
});

describe('characters', () => {
  test('are cut where the pen was lifted, at the widest gap, else in the middle', () => {
    // Strokes 0 and 1 are the first character, 2 the second, whose dot (3) stands to its left.
    const strokes = [stroke([0, 0], [1, 1]), stroke([0, 1], [1, 0]), stroke([2, 0], [3, 0]), stroke([2.2, 1])];
    const features = {
      steps: 8,
      values: new Float32Array(8),
      strokes: Int32Array.of(0, 0, 1, 1, 2, 2, 3, 3),
      points: Int32Array.of(0, 1, 0, 1, 0, 1, 0, 0),
    };
    const character = (name: string, start: number, end: number) => ({ character: name, probability: 1, start, end });
    const spans = charactersToInk([character('x', 0, 1), character('i', 6, 7)], features, 1, inkOf(strokes));
    expect(spans.map(({ strokes: own }) => own!.map(({ stroke: s, first, last }) => [s, first, last]))).toEqual([
      [
        [0, 0, 1],
        [1, 0, 1],
      ],
      [
        [2, 0, 1],
        [3, 0, 0],
      ],
    ]);
    // Within one stroke of 9 points, a step a point.
    const long = [stroke(...Array.from({ length: 9 }, (_, i) => [i, 0] as const))];
    const steps = {
      steps: 9,
      values: new Float32Array(9),
      strokes: new Int32Array(9),
      points: Int32Array.from({ length: 9 }, (_, i) => i),
    };
    const parts = charactersToInk([character('l', 1, 2), character('l', 6, 7)], steps, 1, inkOf(long));
    expect(parts.map(({ strokes: own }) => own)).toEqual([[{ stroke: 0, first: 0, last: 3 }], [{ stroke: 0, first: 4, last: 8 }]]);
  });

  test('share out all points, each to one', () => {
    fc.assert(
      fc.property(
        wandering,
        fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 2 }),
        (strokes, gaps, factor) => {
          const rows = traceInk(new PointTracer(pointOptions()), strokes);
          const features = {
            steps: rows.length,
            values: new Float32Array(0),
            strokes: Int32Array.from(rows, (row) => row.stroke),
            points: Int32Array.from(rows, (row) => row.point),
          };
          let at = 0;
          const characters = gaps
            .map((gap) => {
              at += gap;
              return { character: 'a', probability: 1, start: at - 1, end: at };
            })
            .filter(({ end }) => end <= Math.ceil(rows.length / factor));
          if (characters.length === 0) return;
          const found = charactersToInk(characters, features, factor, inkOf(strokes)).flatMap(({ strokes: own }) => own!);
          const seen = found.flatMap(({ stroke: s, first, last }) =>
            Array.from({ length: last - first + 1 }, (_, i) => `${s} ${first + i}`),
          );
          expect(new Set(seen).size).toBe(seen.length);
          expect(seen.length).toBe(strokes.reduce((sum, { x }) => sum + x.length, 0));
        },
      ),
    );
  });
});
