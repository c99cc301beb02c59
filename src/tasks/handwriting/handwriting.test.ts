import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { encode } from 'fast-png';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { checkGradients } from '../../autograd/check-gradients.ts';
import { setBackend } from '../../backend/select.ts';
import { textFile, textOf } from '../../data/text/text-source.ts';
import { logSoftmaxRows } from '../../decode/log-probabilities.ts';
import { initialize } from '../../nn/initializers.ts';
import { Random } from '../../tensor/random.ts';
import { loadModel } from '../../training/model-file.ts';
import type { PredictInput, Prediction } from '../task.ts';
import { Alphabet } from './alphabet.ts';
import type { HandwritingArchitecture } from './config.ts';
import { drawInk } from './draw.ts';
import { FeatureExtractor, type FeatureSettings } from './features.ts';
import type { Ink } from './ink.ts';
import { HandwritingModel } from './model.ts';
import { type HandwritingOptions, resolveOptions } from './options.ts';
import { readHandwriting } from './read.ts';
import { type Recognizer, recognize } from './recognize.ts';
import { handwritingFrom, loadHandwriting, saveHandwriting } from './saved.ts';
import { InkStream, type InkStreamOptions } from './stream.ts';
import { handwriting } from './task.ts';
import { type HandwritingTraining, prepareHandwriting, resumeHandwriting } from './training.ts';

const folder = mkdtempSync(join(tmpdir(), 'unrolled-handwriting-'));
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => setBackend('native'));

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

type Pairs = readonly (readonly [x: number, y: number])[];
const arc = (from: number, to: number): Pairs =>
  Array.from({ length: 12 }, (_, i) => {
    const angle = from + ((to - from) * i) / 11;
    return [0.3 + 0.3 * Math.cos(angle), 0.5 + 0.5 * Math.sin(angle)] as const;
  });

/** Letters of one or two strokes; t and l differ by a stroke that comes second. */
const glyphs: Readonly<Record<string, readonly Pairs[]>> = {
  l: [[0, 0.5, 1].map((y) => [0.1, y] as const)],
  t: [[0, 0.5, 1].map((y) => [0.2, y] as const), [0, 0.2, 0.4].map((x) => [x, 0.3] as const)],
  o: [arc(-Math.PI / 2, 1.5 * Math.PI)],
  c: [arc(-0.3 * Math.PI, -1.7 * Math.PI)],
};

/** JSON lines of words of these letters, 100 units high, a little shaky. */
function words(count: number, seed: number): string {
  const rng = new Random(seed);
  const letters = Object.keys(glyphs);
  const lines = Array.from({ length: count }, () => {
    const text = Array.from({ length: 1 + rng.integer(4) }, () => letters[rng.integer(letters.length)]).join('');
    let left = 0;
    const strokes = [...text].flatMap((letter) => {
      const own = glyphs[letter].map((points) =>
        points.map(([x, y]) =>
          [x, y].map((value, axis) => Math.round(100 * (value + (axis === 0 ? left : 0) + 0.03 * (rng.uniform() - 0.5)))),
        ),
      );
      left += 0.8 + 0.2 * rng.uniform();
      return own;
    });
    return JSON.stringify({ text, strokes });
  });
  return `${lines.join('\n')}\n`;
}

const small = {
  hiddenSize: 24,
  numLayers: 1,
  spacing: 0.15,
  dropout: 0,
  learningRate: 0.02,
  batchSize: 16,
  validFraction: 0.2,
  seed: 1,
} satisfies HandwritingOptions;

async function finished(training: HandwritingTraining): Promise<HandwritingTraining> {
  for await (const _ of training.run()) {
    // to the end
  }
  return training;
}

async function inksIn(text: string): Promise<Ink[]> {
  const inks: Ink[] = [];
  for await (const ink of readHandwriting(textOf(text, 'words.jsonl'))) inks.push(ink as Ink);
  return inks;
}

/** A model with random weights: laws hold whatever they are. */
async function randomRecognizer(seed: number, over: Partial<HandwritingArchitecture> = {}): Promise<Recognizer> {
  const settings: FeatureSettings = {
    input: { kind: 'points', resample: 'space', spacing: 0.2, features: ['delta', 'pen', 'direction', 'position'] },
    normalize: 'training',
    slant: false,
    restSteps: 1,
  };
  const alphabet = new Alphabet(['a', 'b', 'c']);
  const own = { ...settings, ...over };
  const extractor = FeatureExtractor.fitted(own, await inksIn(words(12, 5)));
  const model = new HandwritingModel({
    ...own,
    inputSize: extractor.size,
    cell: 'lstm',
    hiddenSize: 7,
    factors: [1, 1],
    bidirectional: false,
    dropout: 0,
    classes: alphabet.classes,
    ...over,
    rng: new Random(seed),
  });
  // So that many characters come.
  const { weight, bias } = model.output;
  weight.storage.write(weight.dataSync().map((value) => 12 * value));
  initialize(bias!, (values) => values.fill(0));
  return { model: model.eval(), alphabet, extractor };
}

describe('the model', () => {
  test('has the gradients that differences say', async () => {
    setBackend('reference');
    const { model, extractor } = await randomRecognizer(1, { factors: [1, 2], bidirectional: true, hiddenSize: 3, cell: 'gru' });
    const [a, b] = await inksIn(words(2, 3));
    const batch = model.collate([extractor.extract(a).values, extractor.extract(b).values]);
    checkGradients(() => model.loss(batch, [Int32Array.of(1, 2), Int32Array.of(3)]), model.parameters(), { maxElements: 7 });
  });

  test('says at first that nearly every frame is blank, however long the line', async () => {
    const extractor = FeatureExtractor.fitted(
      {
        input: { kind: 'points', resample: 'space', spacing: 0.02, features: ['delta', 'pen'] },
        normalize: 'training',
        slant: false,
        restSteps: 1,
      },
      await inksIn(words(12, 5)),
    );
    const sizes = {
      inputSize: extractor.size,
      cell: 'lstm' as const,
      hiddenSize: 64,
      factors: [1],
      bidirectional: false,
      dropout: 0,
      classes: 11,
    };
    const model = new HandwritingModel({ ...extractor.settings, ...sizes, blankShare: 0.95, rng: new Random(1) });
    const inks = await inksIn(words(8, 6));
    const { logits, lengths } = model.forward(model.collate(inks.map((ink) => extractor.extract(ink).values)));
    const [, T, V] = logits.shape;
    const values = logits.dataSync();
    for (const [b, length] of lengths.entries()) {
      const logP = logSoftmaxRows(values.slice(b * T * V, (b * T + length) * V), V);
      for (let t = 0; t < length; t++) expect(Math.exp(logP[t * V])).toBeGreaterThan(0.8);
    }
  });

  test('reads a line alone as it reads it among others', async () => {
    const recognizer = await randomRecognizer(2, { bidirectional: true, normalize: 'ink' });
    const inks = await inksIn(words(9, 4));
    const together = await recognize(recognizer, inks);
    for (const [i, ink] of inks.entries()) {
      const [alone] = await recognize(recognizer, [ink]);
      expect(alone.text).toBe(together[i].text);
      expect(alone.logProbability).toBeCloseTo(together[i].logProbability, 3);
      expect(alone.characters.map(({ strokes }) => strokes)).toEqual(together[i].characters.map(({ strokes }) => strokes));
    }
  });
});

describe('a stream', () => {
  const write = (stream: InkStream, ink: Ink, each: (text: { stable: string; partial: string }) => void = () => undefined): string => {
    for (const { x, y } of ink.strokes) {
      for (let i = 0; i < x.length; i++) each(stream.point({ x: x[i], y: y[i] }));
      each(stream.penUp());
    }
    return stream.end();
  };

  test.each([
    ['points, greedily', {}, {}],
    ['points, by a beam', {}, { beamWidth: 6 }],
    ['fewer steps', { factors: [1, 2], restSteps: 3 }, {}],
    ['Bézier curves', { input: { kind: 'bezier', tolerance: 0.03 } }, {}],
    ['GRU, points as they come', { cell: 'gru', input: { kind: 'points', resample: 'none', spacing: 1, features: ['delta', 'pen'] } }, {}],
  ] as [string, Partial<HandwritingArchitecture>, InkStreamOptions][])(
    'ends in the text of the whole, and takes nothing back: %s',
    async (_, over, options) => {
      let letters = 0;
      for (const seed of [1, 2, 3]) {
        const recognizer = await randomRecognizer(seed, over);
        const stream = new InkStream(recognizer, options);
        for (const ink of await inksIn(words(4, 10 * seed))) {
          let stable = '';
          const text = write(stream, ink, (now) => {
            expect(now.stable.startsWith(stable)).toBe(true);
            stable = now.stable;
          });
          expect(text.startsWith(stable)).toBe(true);
          expect(text).toBe((await recognize(recognizer, [ink], options))[0].text);
          letters += text.length;
        }
      }
      expect(letters).toBeGreaterThan(5);
    },
  );

  test('does not depend on where the ink lies, nor on its size where the line height says it', async () => {
    const recognizer = await randomRecognizer(4);
    const [ink] = await inksIn(words(1, 3));
    const moved = { ...ink, strokes: ink.strokes.map((s) => ({ ...s, x: s.x.map((v) => 3 * v + 50), y: s.y.map((v) => 3 * v - 9) })) };
    const lineHeight = 3 * recognizer.extractor.normalization.lineHeight!;
    const text = write(new InkStream(recognizer), ink);
    expect(write(new InkStream(recognizer, { lineHeight }), moved)).toBe(text);
    expect((await recognize(recognizer, [moved], { lineHeight }))[0].text).toBe(text);
  });

  test('says where the pen was', async () => {
    const recognizer = await randomRecognizer(5);
    const [ink] = await inksIn(words(1, 3));
    const stream = new InkStream(recognizer);
    stream.point({ x: 0, y: 0 });
    write(stream, ink, () => {
      for (const { stroke, point } of stream.characters) expect([stroke >= 0, point >= 0]).toEqual([true, true]);
      expect(stream.characters.map(({ character }) => character).join('')).toBe(stream.text.stable);
    });
    expect(stream.characters).toEqual([]);
  });

  test('needs a model that reads ink as it is written, and whole points', async () => {
    const whole = await randomRecognizer(1, { bidirectional: true });
    expect(() => new InkStream(whole)).toThrow('received one that reads it from its end too. Train with bidirectional: false');
    const measured = await randomRecognizer(1, { normalize: 'ink' });
    expect(() => new InkStream(measured)).toThrow('received one that measures all of it first');
    const stream = new InkStream(await randomRecognizer(1));
    expect(() => stream.point({ x: Number.NaN, y: 1 })).toThrow(
      '[InkStream] expected x of every point, as the model needs it, received NaN.',
    );
  });
});

describe('training', () => {
  test.each([
    ['points', {}],
    ['unidirectional', { bidirectional: false, factors: [3], restSteps: 6, maxSteps: 110 }],
    ['Bézier curves', { representation: 'bezier' }],
  ] as [string, HandwritingOptions][])('learns letters by their strokes: %s', async (_, options) => {
    const source = { train: [textOf(words(160, 1), 'train.jsonl')], valid: [textOf(words(40, 2), 'valid.jsonl')] };
    const { evaluate } = await finished(await prepareHandwriting(source, { ...small, maxSteps: 110, ...options }));
    expect((await evaluate()).cer).toBeLessThan(0.06);
  });

  test('learns from images of lines', async () => {
    // Bars and dots, 12 pixels high, 5 columns a letter.
    const shapes: Readonly<Record<string, string>> = { i: '.###.', u: '#...#', n: '..#..' };
    const rows = Array.from({ length: 60 }, (_, i) => {
      const text = Array.from({ length: 3 }, (__, k) => 'iun'[Math.floor(i / 3 ** k) % 3]).join('');
      const pattern = [...text].map((letter) => `..${shapes[letter]}`).join('');
      const data = Uint8Array.from({ length: 12 * pattern.length }, (__, p) => (pattern[p % pattern.length] === '#' ? 10 : 245));
      writeFileSync(join(folder, `${i}.png`), encode({ width: pattern.length, height: 12, channels: 1, depth: 8, data }));
      return `${i}.png,${text}`;
    });
    const table = file('lines.csv', `image,text\n${rows.join('\n')}\n`);
    const { evaluate, recognizer } = await finished(
      await prepareHandwriting({ train: [table] }, { ...small, imageHeight: 8, augmentScale: 0.02, maxSteps: 100 }),
    );
    expect((await evaluate()).cer).toBeLessThan(0.1);
    const lines = [];
    for await (const line of readHandwriting(join(folder, '5.png'))) lines.push(line);
    const [{ characters, text }] = await recognize(recognizer, lines);
    expect(characters.map(({ columns }) => columns![0])[0]).toBe(0);
    expect(characters.at(-1)!.columns![1]).toBe(20);
    expect(text).toHaveLength(3);
  });

  test('that is stopped and resumed ends in the same file, to the byte', async () => {
    const [whole, parts] = [join(folder, 'whole'), join(folder, 'parts')];
    const path = file('resumed.jsonl', words(60, 3));
    const options: HandwritingOptions = { ...small, dropout: 0.2, averageDecay: 0.9, maxSteps: 12, evaluateEvery: 5 };
    await finished(await prepareHandwriting({ train: [path] }, options, whole));
    const interrupted = await prepareHandwriting({ train: [path] }, options, parts);
    const controller = new AbortController();
    for await (const event of interrupted.run({ signal: controller.signal }))
      if (event.type === 'step' && event.step === 7) controller.abort();
    await finished(await resumeHandwriting(parts));
    expect(readFileSync(join(parts, 'model.safetensors')).equals(readFileSync(join(whole, 'model.safetensors')))).toBe(true);

    writeFileSync(path, words(60, 4));
    await expect(resumeHandwriting(parts)).rejects.toThrow('have changed since it began');
  });

  test.each([
    [{ factors: [1, 2, 2] }, 'factors: expected one number for each of the 2 layers, received 3: 1, 2, 2.'],
    [{ bidirectional: false, slant: true }, 'slant: expected normalize ink with it'],
    [{ featurs: ['delta'] }, 'unknown option "featurs"; did you mean "features"?'],
    [{ features: ['dleta'] }, 'features: unknown name "dleta"; did you mean "delta"?'],
    [{ spacing: 0 }, 'spacing: expected more than 0'],
  ])('refuses the options %j', (options, message) => {
    expect(() => resolveOptions(options as HandwritingOptions)).toThrow(message);
  });

  const dot = '{"text": "to", "strokes": [[[0, 0]]]}';
  const line = '{"text": "l", "strokes": [[[0, 0], [0, 9], [0, 20]]]}';
  test.each([
    [
      `${line}\n${line}\n{"strokes": [[[0, 1]]]}\n`,
      {},
      'f.jsonl, line 3: expected the text of this line, to learn or to judge by, found none.',
    ],
    [
      `${line}\n${line}\n${line}\n{"text": "tool", "strokes": [[[0, 0]]]}\n`,
      { factors: [2, 2], validFraction: 0.1, seed: 3 },
      'f.jsonl, line 4: expected at least 20 steps for "tool", received 2',
    ],
    [`${line}\n`, {}, 'expected enough lines to set some aside for validation, received 1.'],
    [`${line}\n${dot}\n${line}\n`, { resample: 'time' }, 'expected times of all points, which resample time needs'],
  ] as [string, HandwritingOptions, string][])('says what is wrong with the lines %j', async (text, options, message) => {
    await expect(prepareHandwriting({ train: [textOf(text, 'f.jsonl')] }, options)).rejects.toThrow(message);
  });

  test('names a character that was never learnt', async () => {
    const files = { train: [textOf(`${line}\n${line}\n`, 'train.jsonl')], valid: [textOf(dot, 'valid.jsonl')] };
    await expect(prepareHandwriting(files)).rejects.toThrow(
      'valid.jsonl, line 1: a character that the training data do not have: "t", in "to".',
    );
  });
});

describe('the task', () => {
  const run = join(folder, 'task');
  const path = join(run, 'model.safetensors');
  const ready = (async () => {
    const options = { ...small, maxSteps: 150 };
    const prepared = await handwriting.prepare({ train: [file('task.jsonl', words(200, 6))], valid: [], out: run, options });
    for await (const _ of prepared.run({})) {
      // to the end
    }
    return { prepared, model: await loadModel(path) };
  })();

  async function predictions(input: PredictInput, options = {}): Promise<Prediction[]> {
    const all: Prediction[] = [];
    for await (const part of handwriting.predict((await ready).model, input, options)) all.push(part);
    return all;
  }

  test('says what it is about to do, and how it went', async () => {
    const { prepared, model } = await ready;
    expect(Object.fromEntries(prepared.facts)).toMatchObject({
      Characters: '4: c l o t',
      Ink: 'points every 0.15 line heights: delta, pen, direction, curvature, position; each of height 1',
    });
    expect(prepared.tell({ cer: 0.0125, wer: 0.05, exact: 0.95 })).toBe(
      '1.25 % of the characters wrong, 5.00 % of the words; 95.0 % of the lines right',
    );
    expect(Object.fromEntries(handwriting.describe(model)).Model).toMatch(/^bidirectional LSTM of 24 units, CTC, [\d,]+ parameters$/);
  });

  test('evaluates, and shows what is confused; letters that it does not know are errors', async () => {
    const { model } = await ready;
    const test = file('test.jsonl', words(50, 7));
    const { metrics, samples, report } = await handwriting.evaluate(model, [test], {});
    expect([metrics.cer < 0.05, samples, metrics.exact > 0.85]).toEqual([true, 50, true]);
    expect(report).toContain('characters wrong');
    const strange = file('strange.jsonl', words(1, 7).replace(/"text":"./, '"text":"#'));
    const judged = await handwriting.evaluate(model, [strange], { beamWidth: 4 });
    expect(judged.report).toContain('Most frequent errors in characters (expected → received)\n  #  →');
    expect(judged.details).toMatchObject({ errors: [{ line: 1 }] });
    await expect(handwriting.evaluate(model, [], {})).rejects.toThrow('expected at least one file');
  });

  test('reads JSON on the command line, a file by its name, and standard input', async () => {
    const [first, second] = words(2, 8).trim().split('\n');
    const texts = [first, second].map((line) => JSON.parse(line).text);
    const given = await predictions({ ...textOf(first, 'the input'), path: null });
    expect(given.map(({ text }) => text)).toEqual([`${texts[0]}\n`]);
    const named = file('two.jsonl', `${first}\n${second}\n`);
    for (const input of [
      { ...textOf(named, 'the input'), path: null },
      { ...textFile(named), path: named },
      { ...textOf(`${first}\n${second}\n`, 'standard input'), path: null },
    ]) {
      expect((await predictions(input)).map(({ text }) => text.trim())).toEqual(texts);
    }
  });

  test('is seen at work: what the last layer reads, frame by frame, and says', async () => {
    const { model } = await ready;
    const [line] = words(1, 8).trim().split('\n');
    const { layers, x, tokens, outputs } = await handwriting.observe!(model, { ...textOf(line, 'the input'), path: null });
    expect(x.shape).toEqual([1, tokens.length, layers.options.inputSize]);
    const said = outputs!.filter((output, t) => output !== '·' && output !== outputs![t - 1]);
    expect(said.join('')).toBe(JSON.parse(line).text);
    expect(tokens[0]).toBe('1.1');
    expect(tokens.every((token) => /^\d+\.\d+$/.test(token))).toBe(true);
    await expect(handwriting.observe!(model, { ...textOf('', 'the input'), path: null })).rejects.toThrow('found nothing');
  });

  test('reads only the words of a lexicon, and as a language model prefers', async () => {
    const test = file('searched.jsonl', words(40, 12));
    const texts = new Set((await inksIn(words(40, 12))).map(({ text }) => text));
    const lexicon = file('words.txt', ['lol', 'tool', 'coco', 'cot'].join('\n'));
    const input = { ...textFile(test), path: test };
    const found = await predictions(input, { lexicon });
    for (const { text } of found) expect(['lol', 'tool', 'coco', 'cot', '']).toContain(text.trim());
    // All the words that there are: nothing is worse than without.
    const all = file('all.txt', [...texts].join('\n'));
    const { model } = await ready;
    const [plain, searched] = [await handwriting.evaluate(model, [test], {}), await handwriting.evaluate(model, [test], { lexicon: all })];
    expect(searched.metrics.cer).toBeLessThanOrEqual(plain.metrics.cer);

    // A model of characters that knows nothing but o.
    const arpa = file('o.arpa', '\\data\\\nngram 1=6\n\n\\1-grams:\n-99 <s>\n-1 </s>\n-0.01 o\n-9 c\n-9 l\n-9 t\n\n\\end\\\n');
    const preferring = await predictions(input, { languageModel: arpa, lmWeight: 5, insertionBonus: 1 });
    expect(preferring.map(({ text }) => text.trim()).join('')).toMatch(/^o+$/);
    await expect(predictions(input, { lmWeight: 2 })).rejects.toThrow('lmWeight: expected a languageModel with it');
  });

  test('tells which points are which character, and draws them', async () => {
    const text = JSON.stringify({
      text: 'tl',
      strokes: [...glyphs.t, ...glyphs.l.map((points) => points.map(([x, y]) => [x + 0.9, y] as const))].map((points) =>
        points.map(([x, y]) => [100 * x, 100 * y]),
      ),
    });
    const svg = join(folder, 'tl.svg');
    const [{ value }] = await predictions({ ...textOf(text, 'the input'), path: null }, { svg });
    expect(value).toMatchObject({
      text: 'tl',
      expected: 'tl',
      characters: [
        {
          character: 't',
          strokes: [
            { stroke: 0, first: 0, last: 2 },
            { stroke: 1, first: 0, last: 2 },
          ],
        },
        { character: 'l', strokes: [{ stroke: 2, first: 0, last: 2 }] },
      ],
    });
    const drawing = readFileSync(svg, 'utf8');
    expect(drawing.match(/class="c0">|class="c1">/g)).toHaveLength(2);
    expect(drawing).toContain('aria-label="Ink that reads: tl"');
  });

  test('a model file gives the recogniser back, and one that does not fit is refused', async () => {
    await ready;
    const recognizer = await loadHandwriting(path);
    const again = join(folder, 'again.safetensors');
    await saveHandwriting(again, recognizer);
    const inks = await inksIn(words(3, 9));
    expect(await recognize(await loadHandwriting(again), inks)).toEqual(await recognize(recognizer, inks));

    const { config, tensors } = await loadModel(path);
    const vocabulary = { characters: ['a', 'b'] };
    expect(() => handwritingFrom({ config: { ...config, vocabulary }, tensors }, 'x')).toThrow(
      'x: configuration: expected 4 characters, received 2.',
    );
    const architecture = { ...config.architecture, hiddenSize: 900_000 };
    expect(() => handwritingFrom({ config: { ...config, architecture }, tensors }, 'x')).toThrow('the architecture has');
    const wider = { ...config.architecture, inputSize: 3 };
    expect(() => handwritingFrom({ config: { ...config, architecture: wider }, tensors }, 'x')).toThrow(
      'x: configuration: expected 3 features of a step',
    );
  });
});

test('a drawing escapes what it writes, and shows ink that no character holds', async () => {
  const [ink] = await inksIn('{"strokes": [[[0, 0], [1, 1]], [[5, 5]]]}');
  const svg = drawInk(ink, [{ character: '<', probability: 0.5, strokes: [{ stroke: 0, first: 0, last: 1 }] }], { title: 'a & b' });
  expect(svg).toContain('a &amp; b');
  expect(svg).toContain('<title>&lt;, 50 %</title>');
  expect(svg).toContain('<g class="rest"><path d="M ');
  fc.assert(
    fc.property(fc.integer({ min: 200, max: 1200 }), (width) => {
      expect(drawInk(ink, [], { width })).toContain(`width="${width}"`);
    }),
    { numRuns: 5 },
  );
});
