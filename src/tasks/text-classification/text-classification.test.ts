import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { checkGradients } from '../../autograd/check-gradients.ts';
import { setBackend } from '../../backend/select.ts';
import { textFile, textOf } from '../../data/text/text-source.ts';
import { Random } from '../../tensor/random.ts';
import { loadModel } from '../../training/model-file.ts';
import type { Prediction } from '../task.ts';
import { WordCounts, WordEncoder } from '../words/word-encoder.ts';
import { sizesOf } from '../words/word-features.ts';
import { classifyTexts } from './classify.ts';
import type { TextClassifierArchitecture } from './config.ts';
import { readClassifierData } from './dataset.ts';
import { classifierLoss } from './loss.ts';
import { TextClassifierModel } from './model.ts';
import { observe } from './observe.ts';
import { poolings, resolveOptions, type TextClassifierOptions } from './options.ts';
import { loadTextClassifier, saveTextClassifier, textClassifierFrom } from './saved.ts';
import { textClassification } from './task.ts';
import { prepareTextClassifier, resumeTextClassifier, type TextClassifierTraining } from './training.ts';

const folder = mkdtempSync(join(tmpdir(), 'unrolled-text-classification-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => setBackend('native'));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/**
 * What was said of dishes: good or bad by an adjective, turned round by "not" before it, whatever else is said. A bag of words
 * cannot tell "not good but salty" from "not salty but good".
 */
function reviews(count: number, seed: number): [label: string, text: string][] {
  const rng = new Random(seed);
  const pick = (words: readonly string[]): string => words[rng.integer(words.length)];
  return Array.from({ length: count }, () => {
    const isGood = rng.integer(2) === 1;
    const isTurned = rng.integer(2) === 1;
    const adjective = pick(isGood === isTurned ? ['awful', 'bland', 'bad'] : ['good', 'tasty', 'great']);
    const side = `${pick(['', 'not '])}${pick(['hot', 'salty', 'big'])}`;
    const [first, second] = [`${isTurned ? 'not ' : ''}${adjective}`, side];
    const [a, b] = rng.integer(2) === 1 ? [first, second] : [second, first];
    return [isGood ? 'good' : 'bad', `The ${pick(['soup', 'fish', 'cake'])} was ${a} but ${b}${pick(['.', '!'])}`];
  });
}

const tsv = (rows: readonly (readonly string[])[]) => rows.map((row) => `${row.join('\t')}\n`).join('');
const small: TextClassifierOptions = {
  features: ['shape', 'suffix2'],
  featureEmbeddingSize: 4,
  embeddingSize: 12,
  characterEmbeddingSize: 8,
  characterHiddenSize: 6,
  hiddenSize: 16,
  dropout: 0.1,
  seed: 5,
};

async function finished(training: TextClassifierTraining): Promise<TextClassifierTraining> {
  for await (const _ of training.run()) {
    // to the end
  }
  return training;
}

const sentences = [['The', 'soup', 'was', 'good'], ['Bad'], ['not', 'salty', '!']];

function encoderOf(): WordEncoder {
  const counts = new WordCounts({ lowercase: true });
  for (const words of sentences) counts.add(words);
  return WordEncoder.of(counts);
}

function modelOf(encoder: WordEncoder, changes: Partial<TextClassifierArchitecture>): TextClassifierModel {
  return new TextClassifierModel({
    words: sizesOf(encoder, { wordEmbeddingSize: 3, characterEmbeddingSize: 2, characterHiddenSize: 2, features: [] }),
    cell: 'lstm',
    hiddenSize: 4,
    numLayers: 1,
    bidirectional: true,
    pooling: 'max',
    classes: 3,
    isMultiLabel: false,
    dropout: 0,
    ...changes,
    rng: new Random(1),
  });
}

describe('the model', () => {
  test.each(poolings)('with %s pooling reads a text alike alone and among longer ones', (pooling) => {
    const encoder = encoderOf();
    const model = modelOf(encoder, { pooling, numLayers: 2, cell: 'gru' }).eval();
    const encoded = sentences.map((words) => encoder.encode(words));
    const together = model.forward(encoder.collate(encoded));
    encoded.forEach((words, b) => {
      const alone = model.forward(encoder.collate([words]));
      alone.logits.dataSync().forEach((value, k) => {
        expect(together.logits.dataSync()[b * 3 + k]).toBeCloseTo(value, 5);
      });
      alone.attention?.dataSync().forEach((weight, t) => {
        expect(together.attention!.dataSync()[b * 4 + t]).toBeCloseTo(weight, 5);
      });
    });
  });

  test.each([
    ['max', true, 'lstm'],
    ['max-mean', true, 'rnn'],
    ['attention', false, 'rnn'],
    ['last', true, 'gru'],
  ] as const)('with %s pooling has the gradients that differences say', (pooling, bidirectional, cell) => {
    setBackend('reference');
    const encoder = encoderOf();
    const model = modelOf(encoder, { pooling, bidirectional, cell });
    const batch = encoder.collate(sentences.map((words) => encoder.encode(words)));
    checkGradients(() => classifierLoss(model.forward(batch).logits, [[0], [2], [1]], { isMultiLabel: false }), model.parameters(), {
      maxElements: 7,
    });
  });

  test('has parameters of these names', () => {
    const names = [...modelOf(encoderOf(), { pooling: 'attention', bidirectional: false }).namedParameters().keys()];
    expect(names).toEqual([
      'words.words.weight',
      'words.characters.embedding.weight',
      ...['', '_reverse'].flatMap((d) =>
        ['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0'].map((n) => `words.characters.rnn.${n}${d}`),
      ),
      ...['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0'].map((name) => `rnn.${name}`),
      ...['projection.weight', 'projection.bias', 'score.weight'].map((name) => `attention.${name}`),
      'output.weight',
      'output.bias',
    ]);
  });
});

describe('what is set aside for validation', () => {
  const rows = Array.from({ length: 100 }, (_, i) => [i < 60 ? 'often' : i < 99 ? 'less' : 'once', `text ${i}`]);
  const read = (seed: number) => readClassifierData({ train: [textOf(tsv(rows), 'sorted.tsv')] }, resolveOptions({ seed }));

  test('has each label’s share, though the file is sorted', async () => {
    const { train, valid, labels, labelCounts } = await read(1);
    expect([train.length, valid.length]).toEqual([90, 10]);
    expect(labels).toEqual(['less', 'often', 'once']);
    expect([...labelCounts]).toEqual([35, 54, 1]);
  });

  test('is the same for the same seed, another for another', async () => {
    const fingerprints = await Promise.all([1, 1, 2].map(async (seed) => (await read(seed)).fingerprint));
    expect(fingerprints[0]).toBe(fingerprints[1]);
    expect(fingerprints[0]).not.toBe(fingerprints[2]);
  });

  test('brings no word into the vocabulary', async () => {
    const { encoder, train } = await read(1);
    expect(encoder.words.symbols.filter((word) => /^\d+$/.test(word))).toHaveLength(train.length);
  });

  test('numbers come by their size', async () => {
    const stars = tsv(['10', '9', '2', '10', '9', '2'].map((label, i) => [label, `text ${i}`]));
    const { labels } = await readClassifierData({ train: [textOf(stars, 'stars.tsv')] }, resolveOptions({ validFraction: 0.4 }));
    expect(labels).toEqual(['2', '9', '10']);
  });
});

describe('training', () => {
  test.each([
    ['max', { cell: 'lstm' }],
    ['attention', { cell: 'gru', labelSmoothing: 0.05, averageDecay: 0.9 }],
    ['last', { cell: 'lstm', classWeights: ['balanced'] }],
    ['max-mean', { cell: 'lstm', consistency: 1 }],
  ] as const)('learns what no bag of words can tell, with %s pooling', async (pooling, options) => {
    const files = { train: [textOf(tsv(reviews(400, 1)), 'train.tsv')], valid: [textOf(tsv(reviews(150, 2)), 'valid.tsv')] };
    const given = { ...small, dropout: 0, ...options, classWeights: 'classWeights' in options ? [...options.classWeights] : undefined };
    const { evaluate } = await finished(await prepareTextClassifier(files, { ...given, pooling, maxSteps: 160, learningRate: 0.02 }));
    // By its words alone a text is told with 75 %: where both or neither adjective is negated.
    expect((await evaluate()).accuracy).toBeGreaterThan(0.97);
  });

  test('learns several labels a text', async () => {
    const rows = Array.from({ length: 300 }, (_, i) => {
      const labels = ['soup', 'fish', 'cake'].filter((__, k) => (i >> k) % 2 === 1);
      return [labels.join('|'), `We had ${labels.join(' and ')} today`];
    });
    const data = { train: [textOf(tsv(rows), 'train.tsv')] };
    const { evaluate, classifier } = await finished(
      await prepareTextClassifier(data, { ...small, labelSeparator: '|', epochs: 8, learningRate: 0.02 }),
    );
    const metrics = await evaluate();
    expect([metrics.accuracy, metrics.f1Micro, metrics.f1Macro]).toEqual([1, 1, 1]);
    const [both, none] = await classifyTexts(classifier, ['We had cake and soup today', 'We had today'], { threshold: 0.5 });
    expect([[...both.labels].sort(), none.labels]).toEqual([['cake', 'soup'], []]);
  });

  test('begins with the vectors of a file, and leaves them as they are where asked to', async () => {
    const vectors = file('vectors.txt', 'good 1 2 3\nbad -1 -2 -3\nnever 9 9 9\n');
    const files = { train: [textOf(tsv(reviews(60, 1)), 'train.tsv')] };
    const vectorOf = async (freezeVectors: boolean) => {
      const options = { ...small, embeddingSize: undefined, wordVectors: vectors, freezeVectors, maxSteps: 3, weightDecay: 0.1 };
      const { classifier } = await finished(await prepareTextClassifier(files, options));
      const { model, encoder } = classifier;
      expect(model.architecture.words.wordEmbeddingSize).toBe(3);
      return [...model.words.words!.weight.dataSync().slice(3 * encoder.words.id('good'), 3 * encoder.words.id('good') + 3)];
    };
    expect(await vectorOf(true)).toEqual([1, 2, 3]);
    const learnt = await vectorOf(false);
    expect(learnt).not.toEqual([1, 2, 3]);
    expect(learnt[2]).toBeCloseTo(3, 1);
    await expect(prepareTextClassifier(files, { wordVectors: vectors, embeddingSize: 7 })).rejects.toThrow('embeddingSize: expected 3');
  });

  test('that is stopped and resumed ends in the same file, to the byte', async () => {
    const [whole, parts] = [join(folder, 'whole'), join(folder, 'parts')];
    const path = file('resumed.tsv', tsv(reviews(200, 3)));
    const options: TextClassifierOptions = {
      ...small,
      dropout: 0.3,
      averageDecay: 0.95,
      maxSteps: 24,
      evaluateEvery: 9,
      pooling: 'attention',
    };
    await finished(await prepareTextClassifier({ train: [path] }, options, whole));
    const interrupted = await prepareTextClassifier({ train: [path] }, options, parts);
    const controller = new AbortController();
    for await (const event of interrupted.run({ signal: controller.signal }))
      if (event.type === 'step' && event.step === 13) controller.abort();
    await finished(await resumeTextClassifier(parts));
    expect(readFileSync(join(parts, 'model.safetensors')).equals(readFileSync(join(whole, 'model.safetensors')))).toBe(true);

    writeFileSync(path, tsv(reviews(200, 4)));
    await expect(resumeTextClassifier(parts)).rejects.toThrow('have changed since it began');
  });

  test.each([
    [{ embeddingSize: 0, characterHiddenSize: 0 }, 'nothing would be read'],
    [{ freezeVectors: true }, 'freezeVectors: expected wordVectors'],
    [{ labelSmoothing: 0.1, labelSeparator: '|' }, 'labelSmoothing: expected texts with one label each'],
    [{ poolng: 'max' }, 'unknown option "poolng"; did you mean "pooling"?'],
    [{ classWeights: ['goood=2'] }, 'unknown label "goood"; did you mean "good"? Known: bad, good.'],
    [{ validFraction: 0.89, seed: 1 }, undefined],
  ])('with options %j', async (options, message) => {
    const prepare = prepareTextClassifier({ train: [textOf(tsv(reviews(20, 1)), 'train.tsv')] }, options as TextClassifierOptions);
    await (message === undefined ? expect(prepare).resolves.toBeDefined() : expect(prepare).rejects.toThrow(message));
  });

  test.each([
    ['pos\tone\npos\ttwo\npos\tthree\n', 'train.tsv, line 3: expected texts of at least two labels, received only "pos"'],
    ['pos\tone\nneg\ttwo\n', 'expected enough texts to set some aside for validation, received 2'],
    ['label\ttext\n', 'train.tsv, line 1, column 1: expected texts and labels, received none'],
  ])('with %j says what is missing', async (text, message) => {
    await expect(prepareTextClassifier({ train: [textOf(text, 'train.tsv')] })).rejects.toThrow(message);
  });

  test('names the line of a label that was never learnt', async () => {
    const files = { train: [textOf(tsv(reviews(20, 1)), 'train.tsv')], valid: [textOf('good\tfine\nbda\tawful\n', 'valid.tsv')] };
    await expect(prepareTextClassifier(files)).rejects.toThrow(
      'valid.tsv, line 2, column 1: unknown label "bda"; did you mean "bad"? Known: bad, good.',
    );
  });
});

describe('the task', () => {
  const run = join(folder, 'task');
  const path = join(run, 'model.safetensors');
  const ready = (async () => {
    const train = file(
      'task.csv',
      `stars,review\n${reviews(500, 6)
        .map(([label, text]) => `${label},"${text}"`)
        .join('\n')}\n`,
    );
    const options = {
      ...small,
      textColumn: 'review',
      labelColumn: 'stars',
      pooling: 'attention',
      epochs: 14,
      learningRate: 0.01,
      dropout: 0,
    };
    const prepared = await textClassification.prepare({ train: [train], valid: [], out: run, options });
    for await (const _ of prepared.run({})) {
      // to the end
    }
    return { prepared, model: await loadModel(path) };
  })();

  async function predictions(input: Parameters<typeof textClassification.predict>[1], options = {}): Promise<Prediction[]> {
    const all: Prediction[] = [];
    for await (const part of textClassification.predict((await ready).model, input, options)) all.push(part);
    return all;
  }

  test('says what it is about to do, and how it went', async () => {
    const { prepared } = await ready;
    expect(Object.fromEntries(prepared.facts)).toMatchObject({ Texts: '450 to learn from, 50 to validate on', Labels: '2: bad, good' });
    expect(prepared.tell({ accuracy: 0.915, f1Macro: 0.9 })).toBe('91.5 % right, mean F1 of the labels 0.900');
    const facts = Object.fromEntries(textClassification.describe((await ready).model));
    expect(facts.Model).toMatch(/^bidirectional LSTM of 16 units, attention pooling, one label a text, [\d,]+ parameters$/);
  });

  test('evaluates with the training’s column names, and shows the worst errors', async () => {
    const test = file(
      'test.csv',
      'review,stars\nThe soup was good but hot.,good\nThe fish was bad.,good\nThe cake was awful but not salty.,bad\n',
    );
    const { metrics, samples, report, details } = await textClassification.evaluate((await ready).model, [test], { errors: 5 });
    expect([metrics.accuracy, samples]).toEqual([2 / 3, 3]);
    expect(report).toContain('Worst errors (expected → predicted)\n  line 3: good → bad: The fish was bad.\n');
    expect(details).toMatchObject({
      matrix: [
        [1, 0],
        [1, 1],
      ],
      errors: [{ line: 3, text: 'The fish was bad.', expected: ['good'], predicted: ['bad'] }],
    });
    const both = await textClassification.evaluate((await ready).model, [test, test], { errors: 1 });
    expect(both.report).toContain(`\n  ${test}, line 3: good → bad`);
    await expect(textClassification.evaluate((await ready).model, [], {})).rejects.toThrow('expected at least one file');
  });

  test('evaluate names the place of a label that training did not have', async () => {
    const test = file('strange.csv', 'review,stars\nThe soup was good.,good\n"Fish, so\nso.",meh\n');
    await expect(textClassification.evaluate((await ready).model, [test], {})).rejects.toThrow(
      `${test}, line 4, column 6: unknown label "meh". Known: bad, good. The training data have no text with it.`,
    );
  });

  test('has no use for a threshold where each text has one label', async () => {
    const message = 'threshold: expected a model of texts with several labels, received 0.3 for one that gives each text';
    const input = { ...textOf('The soup was good.', 'the input'), path: null };
    await expect(predictions(input, { threshold: 0.3 })).rejects.toThrow(message);
    expect(await predictions(input, { threshold: 0.5 })).toHaveLength(1);
    const test = file('threshold.csv', 'review,stars\nThe soup was good.,good\n');
    await expect(textClassification.evaluate((await ready).model, [test], { threshold: 0.3 })).rejects.toThrow(message);
  });

  test('describes one text at length, and weighs its words', async () => {
    const input = { ...textOf('The soup was not good but hot.', 'the input'), path: null };
    const [{ text, value }] = await predictions(input);
    expect(text).toMatch(/^bad +\d+\.\d % {2}█+/);
    expect(text.split('\n\n')[1]).toMatch(/^The +\d+\.\d %/);
    const { label, probability, probabilities, attention } = value as {
      label: string;
      probability: number;
      probabilities: Record<string, number>;
      attention: { word: string; weight: number }[];
    };
    expect(label).toBe('bad');
    expect(probability).toBe(probabilities.bad);
    expect(probabilities.bad + probabilities.good).toBeCloseTo(1, 5);
    expect(attention.map(({ word }) => word)).toEqual(['The', 'soup', 'was', 'not', 'good', 'but', 'hot', '.']);
    expect(attention.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 5);
    const [{ text: coloured }] = await predictions({ ...input, colors: true });
    expect(coloured).toContain('\x1b[30;48;5;208m');
  });

  test('gives a line for each of many texts, the empty one too', async () => {
    const lines = 'The soup was good but hot.\n\nThe soup was bad but hot.\n';
    const parts = await predictions({ ...textOf(lines, 'standard input'), path: null });
    expect(parts.map(({ text }) => text.replace(/\d+\.\d/, 'p'))).toEqual([
      'good p %\tThe soup was good but hot.\n',
      expect.stringMatching(/^(good|bad) p %\t\n$/),
      'bad p %\tThe soup was bad but hot.\n',
    ]);
  });

  test('takes texts from tables, JSON lines and plain files', async () => {
    const contents = {
      'new.csv': 'id,review\n1,The soup was good but hot.\n2,"The soup was bad, but hot."\n',
      'new.jsonl': '{"review": "The soup was good but hot."}\n{"review": "The soup was bad, but hot."}\n',
      'new.txt': 'The soup was good but hot.\nThe soup was bad, but hot.\n',
    };
    for (const [name, content] of Object.entries(contents)) {
      const path = file(name, content);
      const parts = await predictions({ ...textFile(path), path });
      expect(parts.map(({ value }) => (value as { label: string }).label)).toEqual(['good', 'bad']);
    }
    const path = file('named.csv', 'body\nThe soup was good but hot.\n');
    expect((await predictions({ ...textFile(path), path }, { textColumn: 'body' }))[0].text).toMatch(/^good/);
    await expect(predictions({ ...textOf('', 'standard input'), path: null })).rejects.toThrow('expected a text to label, received none');
  });

  test('what its layers read of a text leads to its answer', async () => {
    await ready;
    const classifier = await loadTextClassifier(path);
    const text = 'The soup was not good but hot.';
    const [{ probabilities }] = await classifyTexts(classifier, [text]);
    const { layers, x, tokens, losses } = observe(classifier, text);
    expect(tokens.join(' ')).toBe('The soup was not good but hot .');
    expect(losses!(layers.forward(x).output, 0).item()).toBeCloseTo(-Math.log(Math.max(...probabilities.values())), 5);
    expect(() => observe(classifier, ' ')).toThrow('expected a text to look at the classifier with, received none.');
  });

  test('a model file gives the classifier back, and one that does not fit is refused', async () => {
    await ready;
    const classifier = await loadTextClassifier(path);
    const again = join(folder, 'again.safetensors');
    await saveTextClassifier(again, classifier);
    const texts = ['The soup was good but hot.', 'unseen words only'];
    expect(await classifyTexts(await loadTextClassifier(again), texts)).toEqual(await classifyTexts(classifier, texts));

    const { config, tensors } = await loadModel(path);
    const vocabulary = { ...(config.vocabulary as object), labels: ['a', 'b', 'c'] };
    expect(() => textClassifierFrom({ config: { ...config, vocabulary }, tensors }, 'x')).toThrow(
      'x: configuration: expected 2 labels, received 3.',
    );
    const architecture = { ...config.architecture, hiddenSize: 900_000 };
    expect(() => textClassifierFrom({ config: { ...config, architecture }, tensors }, 'x')).toThrow('the architecture has');
  });
});
