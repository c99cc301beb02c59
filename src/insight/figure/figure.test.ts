import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { initWasm, Resvg } from '@resvg/resvg-wasm';
import { beforeAll, describe, expect, test } from 'vitest';
import { exampleOf } from '../../../test/insight/layers-at-work.ts';
import { ConfigError } from '../../tensor/errors.ts';
import { type CellName, cellDrawings, cells } from './cells.ts';
import { drawFigure, type FigureOptions, figure, panels } from './figure.ts';
import { faces as hanzi } from './fonts/chinese.ts';
import { faces as latin } from './fonts/latin.ts';
import { formula } from './formula.ts';
import { labels, languages } from './languages.ts';
import { dark, light, type Palette, type Quantity, type Role, roleOf, roles } from './marks.ts';
import { themes } from './render.ts';
import { type Label, Scene } from './scene.ts';
import { widthOf } from './text.ts';
import type { Looks } from './trace.ts';

const every: FigureOptions[] = [
  ...panels.flatMap((panel) => languages.map((language) => ({ panel, language }))),
  ...cells.flatMap((cell) => themes.map((theme) => ({ cell, theme }))),
  ...cells.map((cell) => ({ activations: exampleOf(cell) })),
  { fonts: latin },
  { placedText: true },
];

beforeAll(async () => {
  await initWasm(readFileSync(createRequire(import.meta.url).resolve('@resvg/resvg-wasm/index_bg.wasm')));
});

describe('the SVG', () => {
  test.each(every.map((options) => [JSON.stringify(options).slice(0, 60), options]))(
    '%s is well-formed, and the same each time',
    (_, options) => {
      const svg = figure(options);
      expect(figure(options)).toBe(svg);
      expect(() => new Resvg(svg)).not.toThrow(); // a strict parser of XML
      expect(svg).not.toMatch(/<script|foreignObject|NaN|undefined|Infinity|\shref=|<image|\sid=/);
    },
  );

  test('is small: without fonts no more than a photograph’s thumbnail', () => {
    expect(figure().length).toBeLessThan(70_000);
  });

  test('says in words what it shows', () => {
    const svg = figure({ language: 'de' });
    expect(svg).toContain(`<title>${labels.de.title}</title>`);
    expect(svg).toContain('lang="de"');
  });

  test('auto is light, and dark for readers who ask for it', () => {
    const [before, media] = figure({ theme: 'auto' }).split('@media (prefers-color-scheme:dark){');
    expect(before).toContain(light.roles.h.line);
    expect(before).not.toContain(dark.roles.h.line);
    expect(media).toContain(dark.roles.h.line);
    expect(figure({ theme: 'light' })).not.toContain('@media');
    expect(figure({ theme: 'dark' })).toContain(`.unrolled-dark .paper{fill:${dark.paper}}`);
  });

  test('escapes the text of a model’s input', () => {
    expect(figure({ activations: exampleOf('lstm') })).toContain('&lt;&amp;&gt;');
  });

  test('says whether a model tells of the step or of the next one', () => {
    const words = (isForetold: boolean) => figure({ activations: { ...exampleOf('gru'), isForetold } });
    expect(words(true)).toContain('most probable next:');
    expect(words(false)).toContain('most probable:');
  });

  test('has the width that was asked for, in its proportions', () => {
    const { size } = drawFigure({});
    expect(figure({ width: 400 })).toContain(`width="400" height="${Math.round((size.height * 400 * 100) / size.width) / 100}"`);
  });
});

describe('a wrong request', () => {
  test.each<[FigureOptions, RegExp]>([
    [{ cell: 'lsmt' as CellName }, /unknown cell "lsmt"; did you mean "lstm"/],
    [{ steps: 9 }, /expected steps to be a whole number in 2…8, received 9/],
    [{ width: 3 }, /expected width in 100…10000 pixels, received 3/],
    [{ activations: { ...exampleOf('rnn'), at: 11 } }, /expected at to be a step of the input, 1…10, received 11/],
    [{ activations: { ...exampleOf('rnn'), tokens: ['a'] } }, /expected 10 tokens, one a step, received 1/],
  ])('%# is refused in a sentence', (options, message) => {
    expect(() => figure(options)).toThrow(ConfigError);
    expect(() => figure(options)).toThrow(message);
  });
});

describe.each(cells)('the drawing of %s', (cell) => {
  const drawing = cellDrawings[cell];
  const scene = new Scene();
  drawing.draw(scene, {});
  const drawn = scene.marks.filter((mark): mark is Label => mark.kind === 'label').map(({ source }) => source);
  const text = drawing.equations.join(' ');

  test('has every quantity of its equations', () => {
    const symbols = new Set(text.match(/(?<![\w{}])[a-z]_(?:t|\{t−1\})/g)!.filter((symbol) => !symbol.startsWith('b')));
    expect(symbols.size).toBeGreaterThanOrEqual({ rnn: 2, gru: 6, lstm: 9 }[cell]);
    expect([...symbols].filter((symbol) => !drawn.includes(symbol))).toEqual([]);
  });

  test('has an operation for each in its equations', () => {
    const count = (sign: string): number => scene.marks.filter((mark) => mark.kind === 'operator' && mark.sign === sign).length;
    expect(count('×')).toBe(text.match(/⊙/g)?.length ?? 0);
    expect(count('+')).toBe(text.match(/⊙ [^+]*\+ [^+]*⊙/g)?.length ?? 0);
    expect(drawn.filter((label) => label === '1 −')).toHaveLength(text.match(/1 − /g)?.length ?? 0);
    expect(drawn.filter((label) => label === 'σ')).toHaveLength(text.match(/σ/g)?.length ?? 0);
    expect(drawn.filter((label) => label === 'tanh')).toHaveLength(text.match(/tanh/g)?.length ?? 0);
  });

  test('has both biases in its equations, and counts its parameters right', () => {
    const gates = { rnn: 'h', gru: 'rzn', lstm: 'figo' }[cell];
    for (const gate of gates) for (const from of 'xh') expect(text).toContain(`b_{${from}${gate}}`);
    expect(drawing.parameters).toBe(`${gates.length === 1 ? '' : `${gates.length} `}H (I + H + 2)`);
  });
});

test('in the GRU, r acts on the product, not on h', () => {
  const { marks } = drawFigure({ cell: 'gru' }).scene;
  const weights = marks.find((mark): mark is Label => mark.kind === 'label' && mark.source === 'W_{hn}')!.box;
  const product = marks
    .filter((mark) => mark.kind === 'operator')
    .find(({ center }) => Math.abs(center.x - weights.x - weights.width / 2) < 3)!;
  expect(product.sign).toBe('×');
  expect(product.center.y).toBeLessThan(weights.y); // data flows upwards: first the weights, then r
});

describe('text', () => {
  const widthTable = (text: string): number => widthOf(formula(text, 15));

  test('every letter of every label is in the fonts that travel along', () => {
    const drawnBy = (family: string): string =>
      latin
        .concat(hanzi)
        .filter((face) => face.family === family)
        .map(({ woff2 }) => woff2)
        .join();
    expect(drawnBy('Unrolled Sans').length).toBeGreaterThan(1000);
    for (const language of languages) {
      const runs = every
        .filter((options) => (options.language ?? 'en') === language)
        .flatMap((options) =>
          drawFigure(options)
            .scene.marks.filter((mark) => mark.kind === 'label' && options.activations === undefined)
            .flatMap((mark) => (mark as Label).runs),
        );
      for (const { text, face } of runs) {
        for (const letter of text) {
          if (/[\u3000-\u9fff\uff00-\uffef]/.test(letter)) expect(hasGlyph(letter, hanzi)).toBe(true);
          else expect(widthOf([{ text: letter, face, size: 1000 }]), `${letter} in ${face}`).not.toBe(700);
        }
      }
    }
  });

  test('is as wide as it is measured', () => {
    for (const text of ['h_t = σ(W_{hh} h_{t−1} + W_{xh} x_t + b_h)', 'n_t = tanh(W_{xn} x_t + b_{xn}']) {
      const scene = new Scene();
      scene.formula(text, 10, 20);
      const box = (scene.marks[0] as Label).box;
      expect(box.width).toBeCloseTo(widthTable(text));
    }
    const words = 'the state flows forward, truncated here';
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 90"><text x="10" y="50" font-family="Unrolled Sans" font-size="20">${words}</text></svg>`;
    const rendered = new Resvg(svg, { font: { fontBuffers: latin.map(({ woff2 }) => Buffer.from(woff2, 'base64')) } }).getBBox()!;
    expect(rendered.width / widthOf([{ text: words, face: 'sans', size: 20 }])).toBeGreaterThan(0.97);
    expect(rendered.width / widthOf([{ text: words, face: 'sans', size: 20 }])).toBeLessThan(1.01);
  });

  test.each(languages)('%s has every label, in words of its own', (language) => {
    for (const [key, label] of Object.entries(labels[language])) {
      expect(label.trim(), key).not.toBe('');
      expect(label.match(/\{\w+\}/g)?.sort(), key).toEqual(labels.en[key as keyof typeof labels.en].match(/\{\w+\}/g)?.sort());
      expect(label.split('$').length % 2, key).toBe(1);
    }
    if (language !== 'en') {
      const same = Object.keys(labels.en).filter(
        (key) => labels[language][key as keyof typeof labels.en] === labels.en[key as keyof typeof labels.en],
      );
      expect(same.filter((key) => key !== 'gru' && key !== 'lstm')).toEqual([]);
    }
  });
});

describe('a decoder', () => {
  const example = exampleOf('gru');
  const T = example.tokens.length;
  const weights = Array.from({ length: T }, (_, t) => [0.1, 0.2, 0.3].map((weight, s) => (s === t % 3 ? 1 - 0.6 + weight : weight)));
  const shadesAbove = (looks: Looks): string[] => {
    const plain = drawFigure({ activations: example }).scene.marks.length;
    const { scene } = drawFigure({ activations: { ...example, looks } });
    expect(scene.marks.length).toBeGreaterThan(plain);
    return scene.marks.flatMap((mark) => (mark.kind === 'label' ? mark.runs.map(({ text }) => text) : []));
  };

  test('is drawn with where it looked: the place that it looked at the most by its name, and the largest share', () => {
    const texts = shadesAbove({ weights, over: ['ein', 'alter', 'Wal'] });
    const shown = weights.slice(T - 8);
    for (const word of ['ein', 'alter', 'Wal']) {
      const most = shown.filter((row) => ['ein', 'alter', 'Wal'][row.indexOf(Math.max(...row))] === word).length;
      expect(texts.filter((text) => text === word)).toHaveLength(most);
    }
    expect(texts.join('')).toContain(`attention, 0 … ${Math.max(...shown.flat()).toFixed(2)}:`);
  });

  test('that looks at an image names no places', () => {
    const texts = shadesAbove({ weights: weights.map((row) => [...row, 0]), over: { columns: 2 } });
    expect(texts.join('')).toContain('attention');
    expect(texts).not.toContain('ein');
  });

  test('is called one', () => {
    expect(figure({ activations: { ...example, part: 'decoder' } })).toContain('GRU (decoder), layer 2 of 2');
  });
});

test('a forecast has dates below its steps, the time of day below the date, and a value only where there is one', () => {
  const { outputs: _, ...example } = exampleOf('lstm');
  const times = example.tokens.map((_, t) => `2024-01-0${t} 0${t}:00`);
  const outputs = example.tokens.map((_, t) => (t === 9 ? '338.4' : ''));
  const { scene } = drawFigure({ activations: { ...example, times, outputs, isForecast: true } });
  const texts = scene.marks.flatMap((mark) => (mark.kind === 'label' ? mark.runs.map(({ text }) => text) : []));
  expect(texts).toEqual(expect.arrayContaining(['forecast:', '2024-01-09', '09:00', '338.4', '2024-01-02', '02:00']));
  expect(texts).not.toContain('2024-01-01');
  const arrowsUp = scene.marks.filter(
    (mark) => mark.kind === 'line' && mark.role === 'h' && mark.points.length === 2 && mark.points[0].x === mark.points[1].x,
  );
  const plain = drawFigure({ activations: { ...example, times } }).scene.marks.filter(
    (mark) => mark.kind === 'line' && mark.role === 'h' && mark.points.length === 2 && mark.points[0].x === mark.points[1].x,
  );
  expect(arrowsUp.length - plain.length).toBe(1);
});

describe.each([
  ['light', light],
  ['dark', dark],
] as [string, Palette][])('colours on %s paper', (_, palette) => {
  test('text stands out: a contrast of 4.5 on paper, in a cell and in its own box', () => {
    for (const role of roles) {
      for (const ground of [palette.paper, palette.body, palette.roles[role].fill]) {
        expect(contrast(palette.roles[role].text, ground), `${role} on ${ground}`).toBeGreaterThanOrEqual(4.5);
      }
    }
  });

  test('gates of one cell can be told apart by every kind of colour vision', () => {
    const together: Quantity[][] = [
      ['f', 'i', 'g', 'o', 'c', 'h'],
      ['z', 'r', 'n', 'h'],
    ];
    for (const vision of visions) {
      for (const quantities of together) {
        const seen = quantities.map((quantity) => seenBy(vision, palette.roles[roleOf[quantity] as Role].line));
        seen.forEach((a, k) => {
          for (const b of seen.slice(k + 1)) expect(Math.hypot(...a.map((value, j) => value - b[j]))).toBeGreaterThan(25);
        });
      }
    }
  });
});

/** Whether a font draws something for it. */
function hasGlyph(letter: string, faces: typeof hanzi): boolean {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><text x="5" y="30" font-family="${faces[0].family}" font-size="20">${letter}</text></svg>`;
  return new Resvg(svg, { font: { fontBuffers: faces.map(({ woff2 }) => Buffer.from(woff2, 'base64')) } }).getBBox() !== undefined;
}

const channels = (color: string): number[] => [1, 3, 5].map((k) => Number.parseInt(color.slice(k, k + 2), 16));

/** WCAG 2.2, relative luminance and contrast ratio. */
function contrast(a: string, b: string): number {
  const luminance = (color: string): number => {
    const [r, g, blue] = channels(color).map((value) =>
      value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * blue;
  };
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

/** Machado, Oliveira & Fernandes (2009), severity 1: normal vision, protanopia, deuteranopia, tritanopia. */
const visions = [
  [1, 0, 0, 0, 1, 0, 0, 0, 1],
  [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
];

function seenBy(matrix: readonly number[], color: string): number[] {
  const [r, g, b] = channels(color);
  return [0, 1, 2].map((k) => Math.max(0, Math.min(255, matrix[3 * k] * r + matrix[3 * k + 1] * g + matrix[3 * k + 2] * b)));
}
