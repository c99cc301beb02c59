/** The picture of an inspection: what is drawn stands where its numbers say, and nothing overlaps. */
import { beforeAll, describe, expect, test } from 'vitest';
import { randomNormal } from '../../autograd/tensor.ts';
import { setBackend } from '../../backend/select.ts';
import { GRU } from '../../nn/gru.ts';
import { LSTM } from '../../nn/lstm.ts';
import { RNN } from '../../nn/rnn.ts';
import { Random } from '../../tensor/random.ts';
import type { Box, Label, Line } from '../figure/scene.ts';
import type { TracedLayers } from '../figure/trace.ts';
import { type Inspection, inspectAt } from '../inspection.ts';
import { drawFlow, flowFigure } from './flow-figure.ts';
import { decadesOf } from './log-chart.ts';

beforeAll(() => {
  setBackend('native');
});

const words = [...'It was the whale, the white whale, that swam away; and the old man saw it no more.'];
const inspected = (layers: TracedLayers, T: number, tokens = words): Inspection =>
  inspectAt({
    layers,
    x: randomNormal([1, T, 3], new Random(2)),
    tokens: Array.from({ length: T }, (_, t) => tokens[t % tokens.length]),
  });
const rng = () => new Random(1);
const sizes = { inputSize: 3, hiddenSize: 8 };
const cases: [string, () => Inspection][] = [
  ['one layer of an LSTM', () => inspected(new LSTM({ ...sizes, forgetBias: 1, rng: rng() }), 40)],
  ['two layers of a GRU, many steps', () => inspected(new GRU({ ...sizes, numLayers: 2, rng: rng() }), 200)],
  ['an RNN on words', () => inspected(new RNN({ ...sizes, rng: rng() }), 12, ['unmistakably', 'so', '␣'])],
  ['an LSTM, a long word last', () => inspected(new LSTM({ ...sizes, rng: rng() }), 6, ['a', 'dog', 'sees', 'a', 'cat', '<sentence end>'])],
  ['a GRU, two long words last', () => inspected(new GRU({ ...sizes, rng: rng() }), 9, [...'abcdefg', 'unmistakable', '<the end>'])],
  ['both directions', () => inspected(new LSTM({ ...sizes, numLayers: 2, bidirectional: true, rng: rng() }), 30)],
  ['two steps', () => inspected(new GRU({ ...sizes, rng: rng() }), 2)],
];

describe.each(cases)('%s', (_, make) => {
  const inspection = make();
  const { scene, size } = drawFlow(inspection);
  const labels = scene.marks.filter((mark): mark is Label => mark.kind === 'label');
  const lines = scene.marks.filter((mark): mark is Line => mark.kind === 'line');

  test('no two labels overlap, and all are within the page', () => {
    const pairs = labels.flatMap((a, k) => labels.slice(k + 1).map((b) => [a, b] as const));
    expect(pairs.filter(([a, b]) => doOverlap(a.box, b.box)).map(([a, b]) => `"${a.source}" and "${b.source}"`)).toEqual([]);
    expect(labels.filter(({ box }) => box.x < 0 || box.x + box.width > size.width || box.y + box.height > size.height)).toEqual([]);
    expect(labels.flatMap(({ runs }) => runs).filter((run) => run.size < 11)).toEqual([]);
  });

  test('gradients run from right to left, dashed and red, to the norms that were measured', () => {
    const gradients = lines.filter(({ role, isDashed, points }) => role === 'gradient' && isDashed && points.length > 2);
    const shown = inspection.ofLast.filter(({ gradientNorms }) => gradientNorms.filter((norm) => norm > 0).length > 2);
    expect(gradients.length).toBeGreaterThanOrEqual(shown.length);
    for (const { points, hasArrow } of gradients) {
      expect(hasArrow).toBe(true);
      expect(points[0].x).toBeGreaterThan(points.at(-1)!.x);
    }
  });

  test('is the same text each time', () => {
    expect(flowFigure(inspection)).toBe(flowFigure(inspection));
    expect(flowFigure(inspection, { theme: 'dark', width: 500 })).toContain('width="500"');
  });
});

test('a scale spans the decades of what it shows, twelve at most', () => {
  expect(decadesOf([{ y: [0.002, 0.5, 0] }])).toEqual([-3, 0]);
  expect(decadesOf([{ y: [1e-30, 1] }])).toEqual([-12, 0]);
  expect(decadesOf([{ y: [1] }])).toEqual([-1, 0]);
  expect(decadesOf([{ y: [0] }])).toEqual([-1, 0]);
});

describe('inspections', () => {
  test('of both directions have gradients, and no horizon: a reverse direction has no steps', () => {
    const { layers, jacobians, memoryHorizon, lyapunovExponents } = cases.find(([name]) => name === 'both directions')![1]();
    expect(layers.map(({ layer, direction }) => `${layer} ${direction}`)).toEqual(['0 forward', '0 reverse', '1 forward', '1 reverse']);
    expect([jacobians, memoryHorizon, lyapunovExponents]).toEqual([null, null, []]);
  });

  test('of a long input look at its last steps', () => {
    const gru = new GRU({ ...sizes, rng: rng() });
    const x = randomNormal([1, 30, 3], new Random(2));
    const { steps, tokens } = inspectAt({ layers: gru, x, tokens: words.slice(0, 30) }, 10);
    expect(steps).toBe(10);
    expect(tokens.join('')).toBe(words.slice(20, 30).join(''));
  });

  test('leave dropout as it was, and refuse what has no time', () => {
    const gru = new GRU({ ...sizes, numLayers: 2, dropout: 0.5, rng: rng() });
    inspected(gru, 3);
    expect(gru.isTraining).toBe(true);
    expect(() => inspected(gru, 1)).toThrow('expected an input of at least two steps, received 1');
  });
});

function doOverlap(a: Box, b: Box): boolean {
  return a.x + a.width > b.x + 1 && b.x + b.width > a.x + 1 && a.y + a.height > b.y + 1 && b.y + b.height > a.y + 1;
}
