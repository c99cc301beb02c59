/** Translation as a task of the command line. */
import { writeAtomically } from '#files';
import { linesIn, textFile } from '../../data/text/text-source.ts';
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import type { ModelFile } from '../../training/model-file.ts';
import type { BleuScore, BleuTokenizer } from '../metrics/bleu.ts';
import type { Evaluation, Facts, PredictInput, Prediction, PreparedTraining, Task, TaskOptions } from '../task.ts';
import { attentionFigure } from './attention-figure.ts';
import { evaluateTranslator } from './evaluate.ts';
import type { Translator } from './model.ts';
import { observe } from './observe.ts';
import { evaluateSchema, predictSchema, type TranslateOptions, type TranslationOptions, trainSchema } from './options.ts';
import { type SavedTranslator, translatorFrom } from './saved.ts';
import { isTable, openSources, type PairFormat, readPairs } from './sentence-pairs.ts';
import { prepareTranslation, resumeTranslation, type TranslationTraining } from './training.ts';
import { type TranslatedSentence, type TranslationSearch, translateSentences } from './translate.ts';

export const translation: Task = {
  name: 'translation',
  summary: 'learn to translate sentences, or to rewrite texts as others: an encoder, a decoder with attention',
  data: 'two text files, line for line (sources, then translations), or TSV/CSV with the columns source and target',
  input: 'text',
  examples: {
    train: 'unrolled train translation train.en train.de --valid valid.en valid.de --out runs/en-de',
    evaluate: 'unrolled evaluate runs/en-de/model.safetensors test.en test.de',
    predict: 'unrolled predict runs/en-de/model.safetensors "A man rides a bike."',
  },
  trainOptions: trainSchema(),
  evaluateOptions: evaluateSchema(),
  predictOptions: predictSchema(),

  async prepare({ train, valid, out, options }) {
    return prepared(await prepareTranslation({ train, valid }, options as TranslationOptions, out));
  },

  async resume(out) {
    return prepared(await resumeTranslation(out));
  },

  evaluate,
  predict,

  async observe(file, input) {
    const translator = translatorFrom(file);
    for await (const sentence of sentencesIn(input, formatGiven(translator, {}))) {
      if (sentence.trim() !== '') return observe(translator, sentence);
    }
    throw new FormatError('expected a sentence to look at the translator with, received none.', { file: input.name });
  },

  describe(file) {
    const { model, source, target, config } = translatorFrom(file);
    const vocabulary = vocabularyFacts(source.size, target.size, source === target, source.level);
    return [...architectureFacts(model), ...vocabulary, ...Object.entries(config.training ?? {}).flatMap(provenance)];
  },
};

async function evaluate(file: ModelFile, data: readonly string[], options: TaskOptions): Promise<Evaluation> {
  if (data.length === 0) {
    throw new ConfigError('expected files to evaluate on, received none. Name sources and translations, or a table of both.');
  }
  const { bleuTokenizer, ...given } = options as PairFormat & TranslateOptions & { bleuTokenizer?: BleuTokenizer };
  const translator = translatorFrom(file);
  const pairs = await readPairs(data, formatGiven(translator, given));
  const { metrics, bleu, translated } = await evaluateTranslator(translator, pairs, { ...searchOf(given), bleuTokenizer });
  const cut = bleuTokenizer ?? translator.config.format.bleuTokenizer;
  const details = pairs.map(({ file: name, line, source, target }, i) => {
    const { text, score } = translated[i].translations[0];
    return { file: name, line, source, target, translation: text, score };
  });
  return {
    metrics,
    samples: pairs.length,
    report: reportOf(bleu, cut, metrics.chrf, details.slice(0, 5)),
    details: { bleu, bleuTokenizer: cut, sentences: details },
  };
}

async function* predict(file: ModelFile, input: PredictInput, options: TaskOptions): AsyncGenerator<Prediction> {
  const given = options as TranslateOptions;
  const { nBest = 1, beamWidth = 5, batchSize = 32, figure } = given;
  if (nBest > beamWidth) throw new ConfigError(`nBest: expected at most beamWidth, ${beamWidth}, received ${nBest}.`);
  const translator = translatorFrom(file);
  let count = 0;
  for await (const { sentences, isLast } of batchesOf(sentencesIn(input, formatGiven(translator, given)), batchSize)) {
    const isAlone = isLast && count + sentences.length === 1;
    if (figure !== undefined && !isAlone) {
      throw new ConfigError(`figure: expected one sentence to draw, received more. Give it as a text, or leave figure out.`);
    }
    count += sentences.length;
    for (const sentence of await translateSentences(translator, sentences, { ...searchOf(given), nBest })) {
      if (figure !== undefined) await writeAtomically(figure, attentionFigure(sentence));
      yield { text: textOf(sentence, nBest), value: jsonOf(sentence) };
    }
  }
  if (count === 0) throw new FormatError('expected a sentence to translate, received none.', { file: input.name });
}

function searchOf({ beamWidth, lengthPenalty, coveragePenalty, batchSize }: TranslateOptions): TranslationSearch {
  return { beamWidth, lengthPenalty, coveragePenalty, batchSize };
}

/** The training's format, but for what is given now. */
function formatGiven({ config }: SavedTranslator, { columns, delimiter, ...given }: TranslateOptions & PairFormat): PairFormat {
  const { sourceColumn, targetColumn } = { ...config.format, ...defined(given) };
  return { ...config.format, sourceColumn, targetColumn, ...defined({ columns, delimiter }) };
}

function defined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** Of a table its sources; else a sentence each line, the blank ones too, so that answers and lines agree. */
function sentencesIn(input: PredictInput, format: PairFormat): AsyncIterable<string> {
  return input.path !== null && isTable(input.path) ? openSources(textFile(input.path), format) : linesIn(input);
}

async function* batchesOf(sentences: AsyncIterable<string>, size: number): AsyncGenerator<{ sentences: string[]; isLast: boolean }> {
  let batch: string[] = [];
  for await (const sentence of sentences) {
    if (batch.length === size) {
      yield { sentences: batch, isLast: false };
      batch = [];
    }
    batch.push(sentence);
  }
  if (batch.length > 0) yield { sentences: batch, isLast: true };
}

function textOf({ translations }: TranslatedSentence, nBest: number): string {
  if (nBest === 1) return `${translations[0].text}\n`;
  return `${translations.map(({ text, score }) => `${score.toFixed(3).padStart(8)}  ${text}`).join('\n')}\n`;
}

function jsonOf({ source, pieces, translations }: TranslatedSentence): object {
  return {
    source,
    pieces,
    translations: translations.map(({ attention, ...translation }) => ({ ...translation, attention: attention.map((row) => [...row]) })),
  };
}

interface Judged {
  readonly source: string;
  readonly target: string;
  readonly translation: string;
}

function reportOf(bleu: BleuScore, tokenizer: BleuTokenizer, chrf: number, examples: readonly Judged[]): string {
  const { score, precisions, brevityPenalty, hypothesisLength, referenceLength } = bleu;
  const shown = examples.flatMap(({ source, target, translation: said }) => [
    '',
    cut(`  source       ${source}`),
    cut(`  translation  ${said}`),
    cut(`  reference    ${target}`),
  ]);
  return [
    `BLEU ${score.toFixed(2)} = ${precisions.map((p) => p.toFixed(1)).join('/')}, brevity penalty ${brevityPenalty.toFixed(3)} (words: ${hypothesisLength} of ${referenceLength}), tokenizer ${tokenizer}`,
    `chrF2 ${chrf.toFixed(2)}`,
    ...shown,
    '',
  ].join('\n');
}

function prepared({ translator, data, options, files, steps, run, evaluate: measure }: TranslationTraining): PreparedTraining {
  const { train, valid, source, target, tooLong } = data;
  const left = tooLong === 0 ? '' : `; ${count(tooLong)} longer than ${options.maxLength} pieces left out`;
  return {
    facts: [
      ['Sentences', `${count(train.length)} pairs to learn from, ${count(valid.length)} to validate on${left}`],
      ...vocabularyFacts(source.size, target.size, source === target, source.level),
      ...architectureFacts(translator.model),
      ['Training', `${count(steps)} steps of ${options.batchSize} pairs, learning rate ${options.learningRate}`],
    ],
    steps,
    items: 'pieces',
    monitored: 'chrf',
    heldOut: 'sentences',
    next: { label: 'Translate', input: '"A sentence."' },
    valid: files.valid,
    run,
    evaluate: measure,
    tell: ({ bleu, chrf }) => `BLEU ${bleu.toFixed(2)}, chrF2 ${chrf.toFixed(2)}`,
  };
}

function vocabularyFacts(source: number, target: number, isJoint: boolean, level: string): Facts {
  const what = level === 'bpe' ? 'pieces' : 'words';
  return [['Vocabulary', isJoint ? `${count(source)} ${what} of both languages` : `${count(source)} and ${count(target)} ${what}`]];
}

function architectureFacts(model: Translator): Facts {
  const { cell, encoderLayers, encoderSize, decoderLayers, decoderSize, attention, embeddingSize, tied } = model.architecture;
  const times = (layers: number) => (layers === 1 ? '' : `${layers} × `);
  const name = cell.toUpperCase();
  const tables = { none: '', output: ', output tied', all: ', all tables tied' }[tied];
  return [
    ['Encoder', `${times(encoderLayers)}bidirectional ${name} of ${encoderSize} units, vectors of ${embeddingSize}${tables}`],
    [
      'Decoder',
      `${times(decoderLayers)}${name} of ${decoderSize} units, ${attention} attention; ${count(model.parameterCount)} parameters`,
    ],
  ];
}

function provenance([name, value]: [string, unknown]): Facts {
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object') return [[name, String(value)]];
  const entries = Object.entries(value).map(([key, inner]) => `${key} ${typeof inner === 'number' ? Number(inner.toPrecision(5)) : inner}`);
  return [[name, entries.join(', ')]];
}

function count(n: number): string {
  return n.toLocaleString('en-US');
}

function cut(line: string): string {
  const characters = [...line];
  return characters.length <= 100 ? line : `${characters.slice(0, 99).join('')}…`;
}
