import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { checkGradients } from '../../autograd/check-gradients.ts';
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { setBackend } from '../../backend/select.ts';
import { textOf } from '../../data/text/text-source.ts';
import { Random } from '../../tensor/random.ts';
import { formatModel, loadModel, parseModel } from '../../training/model-file.ts';
import type { Prediction } from '../task.ts';
import { attentionFigure } from './attention-figure.ts';
import type { TranslatorArchitecture } from './config.ts';
import { evaluateTranslator } from './evaluate.ts';
import { Translator } from './model.ts';
import { resolveOptions, type TranslationOptions } from './options.ts';
import { loadTranslator, saveTranslator, translatorFrom } from './saved.ts';
import { translation } from './task.ts';
import { prepareTranslation, resumeTranslation, type TranslationTraining } from './training.ts';
import { collatePairs, readTranslationData } from './training-pairs.ts';
import { translateSentences } from './translate.ts';
import { SentenceVocabulary } from './vocabulary.ts';

const folder = mkdtempSync(join(tmpdir(), 'unrolled-translation-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => setBackend('native'));

const words = { one: 'eins', two: 'zwei', three: 'drei', four: 'vier', five: 'fünf', six: 'sechs' } as const;

/** Numbers, and their translations from last to first: what a decoder says first it reads last. */
function numbers(count: number, seed: number): [source: string, target: string][] {
  const rng = new Random(seed);
  const known = Object.keys(words) as (keyof typeof words)[];
  return Array.from({ length: count }, () => {
    const own = Array.from({ length: 1 + rng.integer(5) }, () => known[rng.integer(known.length)]);
    return [own.join(' '), own.map((word) => words[word]).reverse().join(' ')]; // biome-ignore format: one after another
  });
}

const tsv = (pairs: readonly (readonly string[])[]) => pairs.map((pair) => `${pair.join('\t')}\n`).join('');
const small: TranslationOptions = {
  level: 'word',
  embeddingSize: 16,
  encoderSize: 16,
  decoderSize: 32,
  embeddingDropout: 0,
  dropout: 0.1,
  labelSmoothing: 0,
  learningRate: 0.01,
  batchSize: 32,
  jointVocabulary: false,
  bleuTokenizer: 'none',
};

async function trained(options: TranslationOptions, out?: string): Promise<TranslationTraining> {
  const files = { train: [textOf(tsv(numbers(600, 1)), 'train.tsv')], valid: [textOf(tsv(numbers(60, 2)), 'valid.tsv')] };
  const training = await prepareTranslation(files, options, out);
  for await (const _ of training.run()) {
    // to the end
  }
  return training;
}

test('learns to say numbers backwards in another language, looking at the right one', async () => {
  const training = await trained({ ...small, epochs: 14, seed: 3 });
  const { bleu, chrf } = await training.evaluate();
  expect(bleu).toBeGreaterThan(95);
  expect(chrf).toBeGreaterThan(97);

  const [sentence, blank] = await translateSentences(training.translator, ['one two three four', ' ', 'six'], { nBest: 3 });
  expect(sentence.translations).toHaveLength(3);
  const [best, second] = sentence.translations;
  expect(best.text).toBe('vier drei zwei eins');
  expect(best.score).toBeGreaterThan(second.score);
  expect(best.pieces.at(-1)).toBe('<end>');
  const looked = best.attention.slice(0, 4).map((row) => row.indexOf(Math.max(...row)));
  expect(looked.filter((at, t) => Math.abs(at - (3 - t)) <= 1).length).toBeGreaterThanOrEqual(3);
  expect(blank.translations).toEqual([{ text: '', score: 0, logProbability: 0, pieces: [], attention: [] }]);

  const { metrics, translated } = await evaluateTranslator(training.translator, [{ source: 'one two', target: 'zwei eins' }]);
  expect([metrics.chrf, translated[0].translations[0].text]).toEqual([100, 'zwei eins']);
});

describe('a training is exact', () => {
  test('interrupted and resumed it ends in the same weights, scheduled sampling included', async () => {
    const [train, valid] = [join(folder, 'train.tsv'), join(folder, 'valid.tsv')];
    writeFileSync(train, tsv(numbers(120, 4)));
    writeFileSync(valid, tsv(numbers(20, 5)));
    const options: TranslationOptions = {
      ...small,
      maxSteps: 12,
      evaluateEvery: 4,
      wordDropout: 0.1,
      recurrentDropout: 0.1,
      scheduledSampling: 0.5,
      scheduledSamplingEpochs: 1,
      averageDecay: 0.9,
    };
    const run = async (out: string, stopAt?: number): Promise<void> => {
      const training =
        stopAt === undefined
          ? await resumeTranslation(out).catch(() => prepareTranslation({ train: [train], valid: [valid] }, options, out))
          : await prepareTranslation({ train: [train], valid: [valid] }, options, out);
      const stop = new AbortController();
      for await (const event of training.run({ signal: stop.signal })) {
        if (event.type === 'step' && event.step === stopAt) stop.abort();
      }
    };
    const [whole, parts] = [join(folder, 'whole'), join(folder, 'parts')];
    await run(whole);
    await run(parts, 6);
    await run(parts);
    const tensors = async (out: string) => (await loadModel(join(out, 'model.safetensors'))).tensors;
    const [a, b] = [await tensors(whole), await tensors(parts)];
    for (const [name, { values }] of a) expect([...b.get(name)!.values], name).toEqual([...values]);

    writeFileSync(train, tsv(numbers(121, 4)));
    await expect(resumeTranslation(whole)).rejects.toThrow('have changed since it began');
  });
});

const architecture: TranslatorArchitecture = {
  sourceVocabularySize: 9,
  targetVocabularySize: 9,
  embeddingSize: 4,
  tied: 'all',
  cell: 'lstm',
  encoderSize: 3,
  encoderLayers: 2,
  decoderSize: 6,
  decoderLayers: 2,
  attention: 'general',
  attentionSize: 5,
  attendFirst: true,
  embeddingDropout: 0,
  dropout: 0,
  recurrentDropout: 0,
  wordDropout: 0,
};
const variants: readonly Partial<TranslatorArchitecture>[] = [
  {},
  { cell: 'gru', tied: 'none', attention: 'additive', decoderLayers: 1, attendFirst: false },
  { cell: 'gru', tied: 'output', attention: 'dot', encoderLayers: 1, decoderLayers: 3 },
];
const pairs = [
  { source: Int32Array.of(3, 4, 5, 6, 2), target: Int32Array.of(7, 8, 2) },
  { source: Int32Array.of(8, 2), target: Int32Array.of(3, 3, 4, 5, 2) },
];

describe.each(variants)('the model, %o', (variant) => {
  const built = () => new Translator({ ...architecture, ...variant, rng: new Random(3) });

  test('gradients equal differences', () => {
    setBackend('reference');
    const model = built();
    checkGradients(() => model.loss(collatePairs(pairs), { labelSmoothing: 0.1 }), model.parameters(), { maxElements: 5 });
  });

  test('searching says what the loss says: log P of a translation, step by step', () => {
    setBackend('reference');
    const model = built().eval();
    const batch = collatePairs(pairs);
    const searched = scope(() => {
      const search = model.searchable(batch.source);
      let state = search.start();
      let total = 0;
      for (let t = 0; t < batch.inputs.length; t++) {
        const tokens = Int32Array.from(pairs, (_, b) => batch.inputs.ids[b * batch.inputs.length + t]);
        // Rows may come in any order: here the second sentence's hypothesis is asked for first.
        const flip = t % 2 === 1;
        const order = flip ? [1, 0] : [0, 1];
        const answer = search.step({
          tokens: Int32Array.from(order, (b) => tokens[b]),
          parents: Int32Array.from(order, (b) => (t === 0 ? b : flip ? b : 1 - b)),
          sentences: Int32Array.from(order),
          state,
        });
        state = answer.state;
        order.forEach((b, row) => {
          if (t < pairs[b].target.length) total -= answer.logProbabilities[row * 9 + pairs[b].target[t]];
        });
      }
      return total;
    });
    const pieces = pairs.reduce((sum, { target }) => sum + target.length, 0);
    expect(searched / pieces).toBeCloseTo(noGrad(() => model.loss(batch)).item(), 10);
  });

  test('scheduled sampling: none at rate 0, the model’s own words at rate 1, never past an end', () => {
    const model = built();
    const batch = collatePairs(pairs);
    const rng = new Random(1);
    expect([...model.sampledInputs(batch, 0, rng).ids]).toEqual([...batch.inputs.ids]);
    const own = model.sampledInputs(batch, 1, rng);
    const greedy = scope(() => {
      const search = model.eval().searchable(batch.source);
      let state = search.start();
      let tokens = Int32Array.of(1, 1);
      const said = [tokens];
      for (let t = 0; t < 4; t++) {
        const rows = Int32Array.of(0, 1);
        const answer = search.step({ tokens, parents: rows, sentences: rows, state });
        state = answer.state;
        tokens = rows.map((row) => {
          const own = answer.logProbabilities.subarray(row * 9, row * 9 + 9);
          return own.indexOf(Math.max(...own));
        });
        said.push(tokens);
      }
      return said;
    });
    const T = own.length;
    expect([...own.ids.subarray(T, T + 5)]).toEqual(greedy.map((tokens) => tokens[1]));
    expect([...own.ids.subarray(0, 3)]).toEqual(greedy.slice(0, 3).map((tokens) => tokens[0]));
    expect([...own.ids.subarray(3, T)]).toEqual([0, 0]);
  });
});

describe('sentences and pieces', () => {
  const sentences = ['ein mann in einem hemd', 'ein hemd   und ein Mann', 'Größe'];

  test('byte-pair encoding gives every sentence back, the first word as any other', () => {
    const vocabulary = SentenceVocabulary.learn([...sentences, ...sentences], { level: 'bpe', size: 280, minCount: 1 });
    for (const sentence of [...sentences, 'naïve 日本 🙂']) {
      const ids = vocabulary.encode(sentence);
      expect(vocabulary.decode(ids)).toBe(sentence.replaceAll(/\s+/g, ' '));
      expect(ids.every((id) => id >= 3 && id < vocabulary.size)).toBe(true);
    }
    expect(vocabulary.encode('hemd')).toEqual(vocabulary.encode('ein hemd').subarray(-vocabulary.encode('hemd').length));
    expect(vocabulary.size).toBeLessThanOrEqual(280);
    const again = SentenceVocabulary.fromJSON(JSON.parse(JSON.stringify(vocabulary)));
    expect(again.encode(sentences[0])).toEqual(vocabulary.encode(sentences[0]));
    expect(vocabulary.show(vocabulary.encode('ein hemd')).join('')).toBe(' ein hemd');
  });

  test('words: the rare ones are unknown, and become what the decoder looked at', async () => {
    const vocabulary = SentenceVocabulary.learn(sentences, { level: 'word', size: 100, minCount: 2 });
    expect(vocabulary.decode(vocabulary.encode('ein mann Mann'))).toBe('ein <unknown> <unknown>');
    expect(vocabulary.unknownId).toBe(3);
    expect(SentenceVocabulary.fromJSON(JSON.parse(JSON.stringify(vocabulary))).size).toBe(vocabulary.size);
    expect(() => SentenceVocabulary.fromJSON({ level: 'wrod' } as never)).toThrow('unknown level "wrod"; did you mean "word"?');
  });
});

describe('options', () => {
  test.each<[TranslationOptions, string]>([
    [{ tied: 'all', jointVocabulary: false }, 'tied: "all" shares one table between both languages'],
    [{ attention: 'general', attentionSize: 64 }, 'attentionSize: expected attention "additive"'],
    [{ attention: 'dot', decoderSize: 300 }, 'decoderSize must be 512 (twice encoderSize), received 300'],
    [{ dropout: 1 }, 'dropout: expected less than 1, received 1'],
    [{ level: 'byte' as 'bpe' }, 'level: unknown name "byte"'],
    [{ vocabularySize: 200 }, ''],
  ])('%o', async (options, message) => {
    if (message === '') {
      const files = { train: [textOf(tsv(numbers(9, 1)), 'train.tsv')] };
      await expect(readTranslationData(files, resolveOptions(options))).rejects.toThrow(
        'byte-pair encoding needs a vocabulary of 256 or more',
      );
    } else expect(() => resolveOptions(options)).toThrow(message);
  });

  test('pairs that are too long are left out, and said so; when none are left it ends', async () => {
    const files = { train: [textOf('a b c\tx\na\ty\nb\tz\n', 'train.tsv')] };
    const data = await readTranslationData(files, resolveOptions({ level: 'word', minCount: 1, maxLength: 2, validFraction: 0.4 }));
    expect(data.train.length + data.tooLong).toBe(2);
    const long = { train: [textOf('a b\tx\nc d\ty\n', 'train.tsv')] };
    await expect(readTranslationData(long, resolveOptions({ level: 'word', maxLength: 1 }))).rejects.toThrow(
      'maxLength: expected a pair of at most 1 pieces',
    );
    await expect(readTranslationData({ train: [textOf('a\tx\n', 'train.tsv')] }, resolveOptions({}))).rejects.toThrow(
      'expected at least two pairs',
    );
  });
});

describe('files and the task', () => {
  test('saved, loaded and saved again gives the same bytes; what does not fit is refused', async () => {
    const training = await trained({ ...small, maxSteps: 2, evaluateEvery: 100 });
    const [first, second] = [join(folder, 'a.safetensors'), join(folder, 'b.safetensors')];
    await saveTranslator(first, training.translator);
    const loaded = await loadTranslator(first);
    await saveTranslator(second, loaded);
    expect(readFileSync(second).equals(readFileSync(first))).toBe(true);
    const sentences = ['one two', 'seven six'];
    expect(await translateSentences(loaded, sentences)).toEqual(await translateSentences(training.translator, sentences));

    const file = parseModel(readFileSync(first));
    const changed = (part: 'architecture' | 'vocabulary', change: object) => {
      const config = { ...file.config, [part]: { ...(file.config[part] as object), ...change } };
      return () => translatorFrom({ ...file, config });
    };
    expect(changed('architecture', { sourceVocabularySize: 5 })).toThrow('expected 5 pieces of sources, received 10');
    expect(changed('architecture', { decoderSize: 60_000 })).toThrow('parameters or more, the file holds');
    expect(changed('vocabulary', { source: { level: 'bpe' } })).toThrow('expected a tokenizer.json');
    expect(changed('architecture', { attention: 'none' })).toThrow('attention');
    const without = new Map([...file.tensors].filter(([name]) => name !== 'bridge.bias'));
    expect(() => translatorFrom({ ...file, tensors: without })).toThrow('missing tensor "bridge.bias"');
    expect(translation.describe(parseModel(formatModel(file)))[0]).toEqual([
      'Encoder',
      'bidirectional GRU of 16 units, vectors of 16, output tied',
    ]);
  });

  test('predictions of lines, of a table, of n best; the figure; evaluation with a report', async () => {
    const training = await trained({ ...small, epochs: 8 });
    const path = join(folder, 'used.safetensors');
    await saveTranslator(path, training.translator);
    const model = await loadModel(path);
    const predicted = async (input: { text: string; path?: string }, options = {}): Promise<Prediction[]> => {
      const parts: Prediction[] = [];
      const source = { ...textOf(input.text, input.path ?? 'input'), path: input.path ?? null };
      for await (const part of translation.predict(model, source, options)) parts.push(part);
      return parts;
    };
    const lines = await predicted({ text: 'one two\n\nsix\n' });
    expect(lines.map(({ text }) => text)[1]).toBe('\n');
    expect(lines[0].text).toBe('zwei eins\n');
    const best = await predicted({ text: 'one two' }, { nBest: 2, beamWidth: 3 });
    expect(best[0].text).toMatch(/^ {2}-\d\.\d{3} {2}zwei eins\n {2}-\d\.\d{3} {2}\S.*\n$/);
    const value = lines[0].value as { translations: { attention: number[][]; pieces: string[] }[] };
    expect(value.translations[0].attention.map((row) => row.length)).toEqual([3, 3, 3]);

    const table = join(folder, 'sources.tsv');
    writeFileSync(table, 'source\tid\none two\t1\nsix\t2\n');
    expect((await predicted({ text: '', path: table })).map(({ text }) => text)).toEqual(['zwei eins\n', 'sechs\n']);

    const figure = join(folder, 'attention.svg');
    await predicted({ text: 'one two' }, { figure });
    const svg = readFileSync(figure, 'utf8');
    for (const piece of ['>one<', '>two<', '>zwei<', '>eins<', '>(end)<']) expect(svg).toContain(piece);
    await expect(predicted({ text: 'one\ntwo' }, { figure })).rejects.toThrow('figure: expected one sentence to draw, received more');
    await expect(predicted({ text: 'one' }, { nBest: 9 })).rejects.toThrow('nBest: expected at most beamWidth, 5, received 9');
    await expect(predicted({ text: '' })).rejects.toThrow('expected a sentence to translate, received none');

    const test = join(folder, 'test.tsv');
    writeFileSync(test, tsv(numbers(20, 9)));
    const { metrics, samples, report, details } = await translation.evaluate(model, [test], { bleuTokenizer: 'none' });
    expect(samples).toBe(20);
    expect(metrics.bleu).toBeGreaterThan(50);
    expect(report).toContain('tokenizer none');
    expect((details as { sentences: unknown[] }).sentences).toHaveLength(20);
    await expect(translation.evaluate(model, [], {})).rejects.toThrow('expected files to evaluate on, received none');
  });
});

test('the figure: a column a piece, letters that fit, numbers where the decoder looked', () => {
  const pieces = [' a', ' long', 'est', ' word', '<end>'];
  const attention = [Float32Array.of(0.9, 0.05, 0.05, 0, 0), Float32Array.of(0.02, 0.5, 0.44, 0.04, 0), Float32Array.of(0, 0, 0, 0, 1)];
  const translated = [' ein', ' Donaudampfschifffahrtsgesellschaft', '<end>'];
  const sentence = {
    source: 'a longest word',
    pieces,
    translations: [{ text: 'x', score: 0, logProbability: 0, pieces: translated, attention }],
  };
  const svg = attentionFigure(sentence, { theme: 'light' });
  for (const shown of ['>·est<', '>90<', '>50<', '>44<', '>100<', '>attention<']) expect(svg).toContain(shown);
  expect(svg).not.toContain('>5<');
  expect(svg).not.toContain('gesellschaft<');
  expect(attentionFigure(sentence)).toContain('prefers-color-scheme:dark');
  expect(() => attentionFigure(sentence, { translation: 1 })).toThrow(
    'expected a translation with pieces as number 1, received 1 translations',
  );
});
