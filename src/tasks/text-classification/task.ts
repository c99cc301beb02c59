/** Text classification as a task of the command line. */
import { linesIn, type TextSource, textFile, textIn } from '../../data/text/text-source.ts';
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import type { ModelFile } from '../../training/model-file.ts';
import type { Evaluation, Facts, PredictInput, Prediction, PreparedTraining, Task, TaskOptions } from '../task.ts';
import { classifyTexts } from './classify.ts';
import type { TextClassifierConfig } from './config.ts';
import { formatOf, labelIds, numbersOf, readAll, valuesOf } from './dataset.ts';
import { evaluateClassifier } from './evaluate.ts';
import { hasRecords, type LabelledTextFormat, unlabelledTexts } from './labelled-texts.ts';
import type { TextClassifierModel } from './model.ts';
import { observe } from './observe.ts';
import {
  type ClassifyOptions,
  defaultThreshold,
  evaluateSchema,
  predictSchema,
  type TextClassifierOptions,
  trainSchema,
} from './options.ts';
import { textClassifierFrom } from './saved.ts';
import { classificationJson, describeClassification, summarizeClassification } from './screen.ts';
import { splitWords } from './split-words.ts';
import { prepareTextClassifier, resumeTextClassifier, type TextClassifierTraining } from './training.ts';

export const textClassification: Task = {
  name: 'text-classification',
  summary: 'learn to label texts: topics, sentiments, intentions; one label a text, or several',
  data: 'CSV, TSV or JSON lines with the columns label and text',
  input: 'text',
  examples: {
    train: 'unrolled train text-classification reviews.csv --out runs/reviews',
    evaluate: 'unrolled evaluate runs/reviews/model.safetensors test.csv',
    predict: 'unrolled predict runs/reviews/model.safetensors "What a film!"',
  },
  trainOptions: trainSchema(),
  evaluateOptions: evaluateSchema(),
  predictOptions: predictSchema(),

  async prepare({ train, valid, out, options }) {
    return prepared(await prepareTextClassifier({ train, valid }, options as TextClassifierOptions, out));
  },

  async resume(out) {
    return prepared(await resumeTextClassifier(out));
  },

  evaluate,
  predict,

  async observe(file, input) {
    return observe(textClassifierFrom(file), await textIn(input));
  },

  describe(file) {
    const { model, labels, config } = textClassifierFrom(file);
    return [...architectureFacts(model), labelFacts(labels), ...Object.entries(config.training ?? {}).flatMap(provenance)];
  },
};

async function evaluate(file: ModelFile, data: readonly string[], options: TaskOptions): Promise<Evaluation> {
  if (data.length === 0)
    throw new ConfigError('expected at least one file to evaluate on, received none. Name a table of labels and texts.');
  const { threshold, errors = 10, ...given } = options as { threshold?: number; errors?: number };
  const classifier = textClassifierFrom(file);
  const { model, encoder, features, labels, config } = classifier;
  requireSeveralLabels(model, threshold);
  const texts = await readAll(data, formatGiven(config, given), labels);
  const numbers = numbersOf(labels);
  const examples = texts.map((text) => {
    const words = splitWords(text.text, config.vocabulary.maxLength);
    return { words: encoder.encode(words, valuesOf(features, words)), labels: labelIds(text, numbers) };
  });
  const { metrics, scores, judged } = await evaluateClassifier(model, classifier, examples, { threshold });
  const worst = judged
    .map((judgement, i) => ({ ...judgement, ...texts[i] }))
    .filter(({ isRight }) => !isRight)
    .sort((a, b) => b.surprise - a.surprise)
    .slice(0, errors)
    .map(({ file: name, line, text, labels: expected, predicted, surprise }) => ({
      file: name,
      line,
      text,
      expected,
      predicted: predicted.map((k) => labels[k]),
      surprise,
    }));
  const listed = worst.map(({ file: name, line, text, expected, predicted }) => {
    const [from, to] = [expected, predicted].map((names) => (names.length === 0 ? '–' : names.join(', ')));
    const place = data.length > 1 ? `${name}, line ${line}` : `line ${line}`;
    return cut(`  ${place}: ${from} → ${to}: ${text.replaceAll(/\s+/g, ' ').trim()}`, 100);
  });
  const errorList = worst.length === 0 ? '' : `\nWorst errors (expected → predicted)\n${listed.join('\n')}\n`;
  return { metrics, samples: texts.length, report: scores.report() + errorList, details: { ...scores.toJSON(), errors: worst } };
}

async function* predict(file: ModelFile, input: PredictInput, options: TaskOptions): AsyncGenerator<Prediction> {
  const { threshold, top = 5, ...given } = options as ClassifyOptions;
  const classifier = textClassifierFrom(file);
  const { isMultiLabel } = classifier.model.architecture;
  requireSeveralLabels(classifier.model, threshold);
  const { colors = false } = input;
  let isOnly = true;
  for await (const { texts, isLast } of batchesOf(textsIn(input, formatGiven(classifier.config, given)), 64)) {
    isOnly = isOnly && isLast && texts.length === 1;
    for (const result of await classifyTexts(classifier, texts, { threshold })) {
      const text = isOnly ? describeClassification(result, { top, colors }) : summarizeClassification(result, { colors });
      yield { text, value: classificationJson(result, isMultiLabel) };
    }
  }
}

/** @throws ConfigError where a threshold is given and has nothing to choose */
function requireSeveralLabels(model: TextClassifierModel, threshold = defaultThreshold): void {
  if (model.architecture.isMultiLabel || threshold === defaultThreshold) return;
  throw new ConfigError(
    `threshold: expected a model of texts with several labels, received ${threshold} for one that gives each text its most probable label. Leave it out.`,
  );
}

/** The training's format, but for what is given now. */
function formatGiven({ format }: TextClassifierConfig, given: LabelledTextFormat): LabelledTextFormat {
  const changed = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...formatOf(format), ...changed };
}

/** Records of a table, or lines: a text each, the empty ones too, so that answers and lines agree. */
async function* textsIn(input: PredictInput, format: LabelledTextFormat): AsyncGenerator<string> {
  const isTable = input.path !== null && hasRecords(input.path, format);
  let count = 0;
  for await (const text of isTable ? recordsIn(textFile(input.path!), format) : linesIn(input)) {
    count++;
    yield text;
  }
  if (count === 0) throw new FormatError('expected a text to label, received none.', { file: input.name });
}

async function* recordsIn(source: TextSource, format: LabelledTextFormat): AsyncGenerator<string> {
  for await (const { text } of unlabelledTexts(source, format)) yield text;
}

async function* batchesOf(texts: AsyncIterable<string>, size: number): AsyncGenerator<{ texts: string[]; isLast: boolean }> {
  let batch: string[] = [];
  for await (const text of texts) {
    if (batch.length === size) {
      yield { texts: batch, isLast: false };
      batch = [];
    }
    batch.push(text);
  }
  yield { texts: batch, isLast: true };
}

function prepared({
  classifier,
  data,
  options,
  files,
  steps,
  monitored,
  run,
  evaluate: measure,
}: TextClassifierTraining): PreparedTraining {
  const { train, valid, labels, isMultiLabel, encoder, vectors } = data;
  const count = (n: number): string => n.toLocaleString('en-US');
  const words = [`${count(encoder.words.symbols.length)} different`];
  if (vectors !== null)
    words.push(`${count(vectors.vectors.size)} with a vector of ${options.wordVectors}${options.freezeVectors ? ', frozen' : ''}`);
  return {
    facts: [
      ['Texts', `${count(train.length)} to learn from, ${count(valid.length)} to validate on`],
      labelFacts(labels),
      ['Words', words.join(', ')],
      ...architectureFacts(classifier.model),
      ['Training', `${count(steps)} steps of ${options.batchSize} texts, learning rate ${options.learningRate}`],
    ],
    steps,
    items: 'texts',
    monitored,
    heldOut: 'texts',
    next: { label: 'Label a text', input: '"A text."' },
    valid: files.valid,
    run,
    evaluate: measure,
    tell: ({ accuracy, f1Macro, f1Micro }) =>
      isMultiLabel
        ? `F1 ${f1Micro.toFixed(3)} of all labels, all labels right in ${(100 * accuracy).toFixed(1)} % of the texts`
        : `${(100 * accuracy).toFixed(1)} % right, mean F1 of the labels ${f1Macro.toFixed(3)}`,
  };
}

function labelFacts(labels: readonly string[]): readonly [string, string] {
  const named = labels.slice(0, 12).join(', ');
  return ['Labels', cut(`${labels.length}: ${named}${labels.length > 12 ? ', …' : ''}`, 80)];
}

function architectureFacts(model: TextClassifierModel): Facts {
  const { cell, numLayers, hiddenSize, bidirectional, pooling, isMultiLabel } = model.architecture;
  const layers = `${numLayers === 1 ? '' : `${numLayers} × `}${bidirectional ? 'bidirectional ' : ''}${cell.toUpperCase()} of ${hiddenSize} units`;
  const output = isMultiLabel ? 'any number of labels a text' : 'one label a text';
  return [['Model', `${layers}, ${pooling} pooling, ${output}, ${model.parameterCount.toLocaleString('en-US')} parameters`]];
}

function provenance([name, value]: [string, unknown]): Facts {
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object') return [[name, String(value)]];
  const entries = Object.entries(value).map(([key, inner]) => `${key} ${typeof inner === 'number' ? Number(inner.toPrecision(5)) : inner}`);
  return [[name, entries.join(', ')]];
}

function cut(text: string, most: number): string {
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}
