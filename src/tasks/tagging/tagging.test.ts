import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { textFile, textOf } from '../../data/text/text-source.ts';
import { Random } from '../../tensor/random.ts';
import { parseModel, readModelConfig } from '../../training/model-file.ts';
import { saveLanguageModel } from '../language-model/saved.ts';
import { prepareLanguageModel } from '../language-model/training.ts';
import { evaluateTagger, reportOf } from './evaluate.ts';
import type { TaggingOptions, TagOptions } from './options.ts';
import { type SentenceTags, tagText, tokensOf } from './predict.ts';
import { loadTagger, type SavedTagger, saveTagger, taggerFrom } from './saved.ts';
import { tagging } from './task.ts';
import { prepareTagging, readTagged, resumeTagging, type TaggingTraining } from './training.ts';

const folder = mkdtempSync(join(tmpdir(), 'unrolled-tagging-'));
afterAll(() => rmSync(folder, { recursive: true }));

const first = ['Ada', 'Bo', 'Cy', 'Dot', 'Eve', 'Flo'];
const last = ['Lovelace', 'Burnham', 'Young', 'Parker'];
const cities = ['Paris', 'Oslo', 'Rome', 'Kyoto'];

/** Sentences of people who visit cities; "Paris" is a person before "sings", a city after "to". */
function visits(count: number, seed: number): { words: string[]; tags: string[]; classes: string[] }[] {
  const rng = new Random(seed);
  const pick = <T>(list: readonly T[]): T => list[rng.integer(list.length)];
  return Array.from({ length: count }, () => {
    const person = rng.integer(4) === 0 ? [pick(cities)] : rng.integer(2) === 0 ? [pick(first)] : [pick(first), pick(last)];
    const place = rng.integer(2) === 0 ? ['to', pick(cities)] : ['home'];
    const isSinger = person.length === 1 && cities.includes(person[0]);
    const rest = isSinger ? ['sings'] : ['goes', ...place];
    const words = [...person, ...rest, '.'];
    const tags = words.map((word, i) => {
      if (i < person.length) return i === 0 ? 'B-PER' : 'I-PER';
      return cities.includes(word) ? 'B-LOC' : 'O';
    });
    const classes = words.map((word, i) =>
      i < person.length || cities.includes(word)
        ? 'PROPN'
        : /^(sings|goes)$/.test(word)
          ? 'VERB'
          : word === '.'
            ? 'PUNCT'
            : word === 'to'
              ? 'ADP'
              : 'ADV',
    );
    return { words, tags, classes };
  });
}

const asColumns = (sentences: ReturnType<typeof visits>): string =>
  sentences.map(({ words, tags }) => words.map((word, i) => `${word}\t${tags[i]}\n`).join('')).join('\n');
const asConllu = (sentences: ReturnType<typeof visits>): string =>
  sentences
    .map(({ words, classes }) =>
      words.map((word, i) => `${i + 1}\t${word}\t${word.toLowerCase()}\t${classes[i]}\t_\t_\t_\t_\t_\t_\n`).join(''),
    )
    .join('\n');

const small: TaggingOptions = {
  embeddingSize: 8,
  characterEmbeddingSize: 6,
  characterHiddenSize: 6,
  featureEmbeddingSize: 4,
  features: ['capitals'],
  hiddenSize: 12,
  numLayers: 1,
  dropout: 0.1,
  learningRate: 0.02,
  batchSize: 16,
  averageDecay: 0,
  seed: 1,
};

async function run(training: TaggingTraining): Promise<TaggingTraining> {
  for await (const _ of training.run()) {
    // to the end
  }
  return training;
}

async function trained(text: string, options: TaggingOptions): Promise<SavedTagger> {
  const training = await run(await prepareTagging({ train: [textOf(text, 'data.txt')] }, { ...small, ...options }));
  const path = join(folder, 'some.safetensors');
  await saveTagger(path, training);
  return loadTagger(path);
}

async function predict(
  tagger: SavedTagger,
  text: string,
  options?: TagOptions,
  name = 'input',
): Promise<{ text: string; sentences: SentenceTags[] }> {
  const parts = [];
  for await (const part of tagText(tagger, textOf(text, name), options)) parts.push(part);
  return {
    text: parts.map((part) => part.text).join(''),
    sentences: parts.flatMap(({ sentence }) => (sentence === null ? [] : [sentence])),
  };
}

const entityText = asColumns(visits(160, 1));
const classText = asConllu(visits(160, 2));

describe('training', () => {
  it('finds entities with a CRF', async () => {
    const { evaluate, model, encoder } = await run(await prepareTagging({ train: [textOf(entityText)] }, { ...small, maxSteps: 60 }));
    expect(model.crf).not.toBeNull();
    expect(encoder.vocabulary).toMatchObject({ scheme: 'BIO', learntScheme: 'BIOES', target: 'tag', format: 'columns' });
    expect(encoder.vocabulary.tags.toSorted()).toEqual(['B-PER', 'E-PER', 'O', 'S-LOC', 'S-PER']);
    const { metrics, entities } = await evaluate();
    expect(metrics.entityF1).toBeGreaterThan(0.97);
    expect(metrics.entityF1).toBe(entities!.overall.f1);
  });

  it('finds entities without types, in the scheme of the files', async () => {
    const untyped = entityText.replace(/\t([BI])-\w+$/gm, '\t$1');
    const options = { ...small, maxSteps: 60, mentionCopies: 1, entityBias: 0.1 };
    const training = await run(await prepareTagging({ train: [textOf(untyped)] }, options));
    const { evaluate, model, encoder } = training;
    expect(model.crf).not.toBeNull();
    expect(encoder.vocabulary).toMatchObject({ scheme: 'BIO', learntScheme: 'BIOES' });
    expect(encoder.vocabulary.tags.toSorted()).toEqual(['B', 'E', 'O', 'S']);
    expect(model.architecture.beginnings.map((id) => encoder.vocabulary.tags[id]).toSorted()).toEqual(['B', 'S']);
    const result = await evaluate();
    expect(result.metrics.entityF1).toBeGreaterThan(0.97);
    expect([...result.entities!.byType.keys()]).toEqual(['']);
    expect(reportOf(result)).toContain('(no type)');
    const path = join(folder, 'untyped.safetensors');
    await saveTagger(path, training);
    const { sentences } = await predict(await loadTagger(path), 'Ada Young goes to Paris .');
    expect(sentences[0].tags).toEqual(['B', 'I', 'O', 'O', 'B', 'O']);
    expect(sentences[0].entities).toEqual([
      { start: 0, end: 2, type: '', text: 'Ada Young' },
      { start: 4, end: 5, type: '', text: 'Paris' },
    ]);
  });

  it.each([
    ['a softmax for entities', entityText, { output: 'softmax', maxSteps: 100 }, 'entityF1'],
    ['entities in the places of others', entityText, { mentionCopies: 2 }, 'entityF1'],
    ['two members', entityText, { members: 2 }, 'entityF1'],
    ['readings made to agree', entityText, { consistency: 1 }, 'entityF1'],
    ['a CRF for classes', classText, { output: 'crf' }, 'accuracy'],
    ['two layers, averaged weights', classText, { numLayers: 2, averageDecay: 0.9 }, 'accuracy'],
    ['no words, only characters', classText, { embeddingSize: 0, features: [] }, 'accuracy'],
    ['no characters, but a lemma', classText, { characterHiddenSize: 0, features: ['lemma', 'suffix1', 'shape'] }, 'accuracy'],
  ] as const)('learns with %s', async (_, text, options, metric) => {
    const { evaluate } = await run(
      await prepareTagging({ train: [textOf(text)] }, { ...small, maxSteps: 50, ...(options as TaggingOptions) }),
    );
    expect((await evaluate()).metrics[metric]).toBeGreaterThan(0.9);
  });

  it('begins with the vectors of a file, and leaves them as they are where asked to, those of words that training has not too', async () => {
    const vectors = join(folder, 'vectors.txt');
    writeFileSync(vectors, 'goes 1 2 3\nada -1 -2 -3\nnever 9 8 7\n');
    const files = { train: [textOf(entityText)] };
    const vectorsOf = async (freezeVectors: boolean, word: string): Promise<number[][]> => {
      const options = { ...small, embeddingSize: undefined, wordVectors: vectors, freezeVectors, members: 2, maxSteps: 3 };
      const { model, encoder } = await run(await prepareTagging(files, options));
      const at = 3 * encoder.words.words.id(word);
      return [model, ...model.others].map(({ words }) => [...words.words!.weight.dataSync().slice(at, at + 3)]);
    };
    const given = [1, 2, 3];
    expect(await vectorsOf(true, 'goes')).toEqual([given, given]);
    expect(await vectorsOf(true, 'never')).toEqual([
      [9, 8, 7],
      [9, 8, 7],
    ]);
    const [learnt] = await vectorsOf(false, 'goes');
    expect(learnt).not.toEqual(given);
    expect(learnt[2]).toBeCloseTo(3, 0);
    expect(await vectorsOf(false, 'never')).toEqual(await vectorsOf(false, 'unheard of'));
    await expect(prepareTagging(files, { wordVectors: vectors, embeddingSize: 7 })).rejects.toThrow('embeddingSize: expected 3');
    await expect(prepareTagging(files, { freezeVectors: true })).rejects.toThrow('freezeVectors: expected wordVectors');
  });

  it('holds every n-th sentence out', async () => {
    const { sentences } = await prepareTagging({ train: [textOf(classText)] }, { ...small, maxSteps: 1, validFraction: 0.25 });
    expect(sentences).toMatchObject({ train: 120, valid: 40 });
    const given = { ...small, epochs: 1, batchSize: 1, validFraction: 0.25 };
    const files = { train: [textOf(entityText)] };
    // Each sentence names a person: all are copied, none that is held out.
    expect((await prepareTagging(files, { ...given, mentionCopies: 2 })).steps).toBe(360);
  });

  it.each([
    { output: 'crf', members: 2 },
    { output: 'softmax', numLayers: 2, consistency: 1 },
  ] as const)('that is stopped and resumed ends in the same file, to the byte: $output', async (options) => {
    const data = join(folder, `${options.output}.txt`);
    writeFileSync(data, entityText);
    const [whole, parts] = [join(folder, `${options.output}-whole`), join(folder, `${options.output}-parts`)];
    const given: TaggingOptions = { ...small, ...options, dropout: 0.3, averageDecay: 0.9, maxSteps: 20, evaluateEvery: 6 };
    await run(await prepareTagging({ train: [data] }, given, whole));
    const interrupted = await prepareTagging({ train: [data] }, given, parts);
    const controller = new AbortController();
    for await (const event of interrupted.run({ signal: controller.signal }))
      if (event.type === 'step' && event.step === 11) controller.abort();
    await run(await resumeTagging(parts));
    expect(readFileSync(join(parts, 'model.safetensors')).equals(readFileSync(join(whole, 'model.safetensors')))).toBe(true);
    writeFileSync(data, entityText.replace('goes', 'went'));
    await expect(resumeTagging(parts)).rejects.toThrow('have changed since it began');
  });

  it('says what will not do', async () => {
    const prepare = (text: string, options: TaggingOptions) =>
      prepareTagging({ train: [textOf(text, 'data.txt')] }, { ...small, maxSteps: 1, ...options });
    await expect(prepare(classText, { target: 'pos' })).rejects.toThrow('unknown column "pos"; did you mean "upos"?');
    await expect(prepare(classText, { target: 'form' })).rejects.toThrow('which holds the words');
    await expect(prepare(classText, { features: ['upos'] })).rejects.toThrow('which is what is to be predicted');
    await expect(prepare(classText, { features: ['shap'] })).rejects.toThrow('did you mean "shape"?');
    await expect(prepare(classText, { target: 'xpos' })).rejects.toThrow('expected at least two tags in the column xpos, found _ alone');
    await expect(prepare(classText, { scheme: 'BIO' })).rejects.toThrow('expected entity tags');
    await expect(prepare(classText, { mentionCopies: 1 })).rejects.toThrow('mentionCopies: expected entity tags');
    await expect(prepare(classText, { entityBias: 1 })).rejects.toThrow('entityBias: expected entity tags');
    await expect(prepare(entityText, { entityBias: 1, scheme: 'IOB1' })).rejects.toThrow(
      'received the scheme IOB1. Learn another: --scheme BIOES.',
    );
    await expect(prepare(classText, { gazetteers: [], features: ['gazetteer'] })).rejects.toThrow('--gazetteers');
    await expect(prepare('a\tX\n\nb\tY\n', {})).rejects.toThrow('data.txt: expected at least 10 sentences');
    await expect(prepare(classText, { numLayers: 0 })).rejects.toThrow('numLayers: expected at least 1, received 0.');
  });
});

describe('evaluation', () => {
  it('counts words, words that are new, and what is taken for what', async () => {
    const { model, encoder } = await trained(classText, { maxSteps: 50 });
    const { sentences } = await readTagged(
      textOf('1\tZoe\tzoe\tPROPN\t_\t_\t_\t_\t_\t_\n2\tgoes\tgo\tVERB\t_\t_\t_\t_\t_\t_\n3\thome\thome\tODD\t_\t_\t_\t_\t_\t_\n'),
      encoder.vocabulary,
    );
    const result = await evaluateTagger(model, encoder, sentences);
    expect(result).toMatchObject({ words: 3, unknownWords: 1, entities: null });
    expect(result.metrics).toEqual({ accuracy: 2 / 3, unknownAccuracy: 1 });
    expect(result.confusion.total).toBe(3);
    expect(reportOf(result)).toContain('1 of 3 words are not in the training data; 100.00 % of them are right.');
    expect(
      reportOf(result)
        .split('\n')
        .every((line) => line.length <= 100),
    ).toBe(true);
  });
});

describe('tagging', () => {
  it('writes a text as columns, and finds what a word is by its place', async () => {
    const tagger = await trained(entityText, { maxSteps: 60 });
    const { text, sentences } = await predict(tagger, 'Paris sings .\nDot Young goes to Paris .\n');
    expect(text).toBe('Paris\tB-PER\nsings\tO\n.\tO\n\nDot\tB-PER\nYoung\tI-PER\ngoes\tO\nto\tO\nParis\tB-LOC\n.\tO\n\n');
    expect(sentences[1].entities).toEqual([
      { start: 0, end: 2, type: 'PER', text: 'Dot Young' },
      { start: 4, end: 5, type: 'LOC', text: 'Paris' },
    ]);
    expect(sentences[1].probabilities.every((p) => p > 0.5 && p <= 1)).toBe(true);
  });

  it('fills a file of columns in, and leaves the rest as it was', async () => {
    const tagger = await trained(entityText, { maxSteps: 60 });
    const { text } = await predict(tagger, '-DOCSTART-\tO\n\nEve\tX\ngoes\tX\nhome\tX\n\n\nRome\nsings\n', { probabilities: true });
    expect(text.replaceAll(/\t0\.\d+$|\t1\.0+$/gm, '\tP')).toBe(
      '-DOCSTART-\tO\n\nEve\tB-PER\tP\ngoes\tO\tP\nhome\tO\tP\n\n\nRome\tB-PER\tP\nsings\tO\tP\n',
    );
    const blanks = await predict(tagger, 'Eve  X\ngoes X\nhome', { inputFormat: 'columns' });
    expect(blanks.text).toBe('Eve  B-PER\ngoes O\nhome O\n');
  });

  it('writes CoNLL-U back with the column filled in', async () => {
    const tagger = await trained(classText, { maxSteps: 50 });
    const file =
      '# sent_id = 1\n1-2\tevegoes\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No\n1\tEve\teve\t_\t_\t_\t2\tnsubj\t_\t_\n2\tgoes\tgo\t_\t_\t_\t0\troot\t_\tA=b\n2.1\tthen\t_\t_\t_\t_\t_\t_\t_\t_\n3\thome\thome\t_\t_\t_\t2\tobl\t_\t_\n\n# the end\n';
    const expected = file.replace('eve\t_', 'eve\tPROPN').replace('\tgo\t_', '\tgo\tVERB').replace('home\thome\t_', 'home\thome\tADV');
    expect((await predict(tagger, file)).text).toBe(expected);
    const sure = await predict(tagger, file, { probabilities: true });
    expect(sure.text).toMatch(/\t_\tProbability=[01]\.\d{4}\n2\tgoes.*\tA=b\|Probability=[01]\.\d{4}\n2\.1\tthen(\t_){8}\n/);
    expect((await predict(tagger, 'Eve goes home')).text).toBe(
      '# text = Eve goes home\n1\tEve\t_\tPROPN\t_\t_\t_\t_\t_\t_\n2\tgoes\t_\tVERB\t_\t_\t_\t_\t_\t_\n3\thome\t_\tADV\t_\t_\t_\t_\t_\t_\n\n',
    );
  });

  it.each([
    ['crf', entityText],
    ['softmax', entityText],
  ] as const)('shows the next best, whose probabilities are those of all: %s', async (output, text) => {
    const tagger = await trained(text, { output, maxSteps: 8 });
    const numTags = tagger.encoder.vocabulary.tags.length;
    // All taggings of two words: by a softmax numTags² of them; the constraints leave fewer.
    const { sentences } = await predict(tagger, 'Eve sings', { nBest: numTags ** 2 });
    const { nBest, tags, probabilities } = sentences[0];
    expect(nBest![0].tags).toEqual(tags);
    expect(nBest!.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 4);
    expect(nBest!.every(({ probability }, i) => i === 0 || probability <= nBest![i - 1].probability)).toBe(true);
    if (output === 'softmax') expect(nBest).toHaveLength(numTags ** 2);
    // A word's probability is that of all taggings with its tag.
    tags.forEach((tag, t) => {
      const same = nBest!.filter((path) => path.tags[t] === tag).reduce((sum, { probability }) => sum + probability, 0);
      if (output === 'softmax') expect(same).toBeCloseTo(probabilities[t], 4);
      else expect(same).toBeGreaterThan(probabilities[t] - 1e-4);
    });
  });

  it('writes the next best into columns of their own, of a text and of a file', async () => {
    const tagger = await trained(entityText, { maxSteps: 8 });
    const columns = (text: string) => text.split('\n').map((line) => line.split(/[\t ]/));
    const ofText = await predict(tagger, 'Eve sings', { nBest: 3 });
    const [{ nBest }] = ofText.sentences;
    const further = ['Eve', 'sings'].map((word, t) => [word, ...nBest!.map(({ tags }) => tags[t])]);
    expect(columns(ofText.text)).toEqual([...further, [''], ['']]);
    expect(columns((await predict(tagger, 'Eve\tX\nsings\tX\n', { nBest: 3 })).text)).toEqual([...further, ['']]);
    const sure = await predict(tagger, 'Eve X\nsings X\n', { nBest: 3, probabilities: true, inputFormat: 'columns' });
    expect(columns(sure.text)[0]).toEqual(['Eve', further[0][1], expect.stringMatching(/^[01]\.\d{4}$/), ...further[0].slice(2)]);
  });

  it('gives a sentence the same tags alone and among others', async () => {
    const tagger = await trained(entityText, { maxSteps: 20 });
    const lines = visits(40, 9).map(({ words }) => words.join(' '));
    const together = await predict(tagger, lines.join('\n'));
    for (const [i, line] of lines.slice(0, 5).entries()) {
      const [alone] = (await predict(tagger, line)).sentences;
      expect(alone.tags).toEqual(together.sentences[i].tags);
      alone.probabilities.forEach((p, t) => {
        expect(p).toBeCloseTo(together.sentences[i].probabilities[t], 4);
      });
    }
  });

  it('asks a user for a sentence where there is none', async () => {
    await trained(entityText, { maxSteps: 3 });
    const file = parseModel(readFileSync(join(folder, 'some.safetensors')));
    const predictions = async (text: string) => {
      const all = [];
      for await (const part of tagging.predict(file, { ...textOf(text, 'the input'), path: null }, {})) all.push(part.value);
      return all;
    };
    for (const text of ['', ' \n\n'])
      await expect(predictions(text)).rejects.toThrow('the input: expected a sentence to tag, received none.');
    expect(await predictions('Eve goes home')).toMatchObject([{ words: ['Eve', 'goes', 'home'] }]);
  });

  it('needs the columns that the model reads', async () => {
    const tagger = await trained(classText, { maxSteps: 5, features: ['lemma'] });
    await expect(predict(tagger, 'Eve goes home')).rejects.toThrow('the model reads the column lemma, which plain text does not have');
  });

  it('cuts words from punctuation where asked to', async () => {
    expect(tokensOf('Don’t pay $3.50, @eve… "ok"...')).toEqual(['Don’t', 'pay', '$', '3.50', ',', '@eve', '…', '"', 'ok', '"', '...']);
    const tagger = await trained(entityText, { maxSteps: 5 });
    expect((await predict(tagger, 'Eve goes home.', { tokenize: true })).sentences[0].words).toEqual(['Eve', 'goes', 'home', '.']);
    expect((await predict(tagger, 'Eve goes home.')).sentences[0].words).toEqual(['Eve', 'goes', 'home.']);
  });
});

describe('with language models', () => {
  it('learns from their states at word ends, and keeps them in its file', async () => {
    const text = visits(200, 3)
      .map(({ words }) => `${words.join(' ')}\n`)
      .join('');
    const paths = await Promise.all(
      [text, Array.from(text).reverse().join('')].map(async (written, i) => {
        const {
          model,
          tokenizer,
          run: learn,
        } = await prepareLanguageModel(
          { train: [textOf(written)] },
          { hiddenSize: 16 + i, embeddingSize: 8, sequenceLength: 16, batchSize: 8, maxSteps: 60, sampleLength: 0, seed: 1 },
        );
        for await (const _ of learn()) {
          // to the end
        }
        const path = join(folder, `language-${i}.safetensors`);
        await saveLanguageModel(path, model, tokenizer);
        return path;
      }),
    );
    const data = join(folder, 'with-language.txt');
    writeFileSync(data, entityText);
    const options: TaggingOptions = {
      ...small,
      embeddingSize: 0,
      characterHiddenSize: 0,
      languageModels: [paths[0]],
      reverseLanguageModels: [paths[1]],
      maxSteps: 60,
    };
    const out = join(folder, 'with-language');
    const { model, evaluate } = await run(await prepareTagging({ train: [data] }, options, out));
    expect(model.contexts.map(({ size, isReversed }) => [size, isReversed])).toEqual([
      [16, false],
      [17, true],
    ]);
    // Capitals and these states are all there is: without words and characters of its own.
    expect((await evaluate()).metrics.entityF1).toBeGreaterThan(0.9);
    // Frozen: to the bit as they were.
    const file = parseModel(readFileSync(join(out, 'model.safetensors')));
    const alone = parseModel(readFileSync(paths[0]));
    for (const [name, { values }] of alone.tensors) expect(file.tensors.get(`context.0.model.${name}`)!.values).toEqual(values);
    const again = taggerFrom(file);
    expect(
      (await evaluateTagger(again.model, again.encoder, (await readTagged(textFile(data), again.encoder.vocabulary)).sentences)).metrics
        .entityF1,
    ).toBeGreaterThan(0.9);
    expect((await readModelConfig(join(out, 'model.safetensors'))).task).toBe('tagging');
  });
});
