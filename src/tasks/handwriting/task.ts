/** Handwriting recognition as a task of the command line. */
import { writeAtomically } from '#files';
import { isImageName } from '../../data/images.ts';
import { textFile, textIn, textOf } from '../../data/text/text-source.ts';
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import type { ModelFile } from '../../training/model-file.ts';
import type { Evaluation, Facts, PredictInput, Prediction, PreparedTraining, Task, TaskOptions } from '../task.ts';
import { textSearch } from '../text-search.ts';
import type { HandwritingConfig } from './config.ts';
import { readLines } from './dataset.ts';
import { drawInk } from './draw.ts';
import { evaluateHandwriting } from './evaluate.ts';
import { cleanText, type Handwriting } from './ink.ts';
import type { HandwritingModel } from './model.ts';
import { observe } from './observe.ts';
import {
  evaluateSchema,
  type HandwritingOptions,
  predictSchema,
  type ReadingOptions,
  type RecognitionFlags,
  readingOf,
  trainSchema,
} from './options.ts';
import { type HandwritingSource, readHandwriting } from './read.ts';
import { type RecognizedLine, type RecognizeOptions, type Recognizer, recognize } from './recognize.ts';
import { handwritingFrom } from './saved.ts';
import { type HandwritingTraining, prepareHandwriting, resumeHandwriting } from './training.ts';

export const handwriting: Task = {
  name: 'handwriting',
  summary: 'learn to read handwriting: strokes of a pen, or images of lines',
  data: 'InkML, UNIPEN, JSON lines of strokes, SVG, or tables of images (image, text)',
  input: 'text',
  examples: {
    train: 'unrolled train handwriting notes.jsonl --out runs/notes',
    evaluate: 'unrolled evaluate runs/notes/model.safetensors test.jsonl',
    predict: 'unrolled predict runs/notes/model.safetensors --file note.inkml --svg note.svg',
  },
  trainOptions: trainSchema(),
  evaluateOptions: evaluateSchema(),
  predictOptions: predictSchema(),

  async prepare({ train, valid, out, options }) {
    return prepared(await prepareHandwriting({ train, valid }, options as HandwritingOptions, out));
  },

  async resume(out) {
    return prepared(await resumeHandwriting(out));
  },

  evaluate,
  predict,

  describe(file) {
    const { model, alphabet, config } = handwritingFrom(file);
    return [...architectureFacts(model), alphabetFact(alphabet.characters), ...inputFacts(config)];
  },

  async observe(file, input) {
    const recognizer = handwritingFrom(file);
    for await (const line of readHandwriting(await sourceOf(input), readingGiven(recognizer.config, {}))) return observe(recognizer, line);
    throw new FormatError('expected a line to look at the recogniser with, received none.', {});
  },
};

async function evaluate(file: ModelFile, data: readonly string[], options: TaskOptions): Promise<Evaluation> {
  if (data.length === 0)
    throw new ConfigError('expected at least one file to evaluate on, received none. Name a file of lines with their texts.');
  const { errors = 10, ...given } = options as { errors?: number } & ReadingOptions & RecognitionFlags;
  const recognizer = handwritingFrom(file);
  const lines = await readLines(data, readingGiven(recognizer.config, given));
  // Characters that the model does not know are errors, no reason to stop.
  const samples = lines.map((writing) => ({ writing, target: new Int32Array(0) }));
  const { metrics, characters, words, texts } = await evaluateHandwriting(recognizer, samples, await decodingOf(recognizer, given));
  const wrong = lines
    .map(({ text, file: name, line }, i) => ({ file: name, line, expected: text!, received: texts[i] }))
    .filter(({ expected, received }) => expected !== received)
    .slice(0, errors);
  const listed = wrong.map(({ line, expected, received }) => cut(`  line ${line}: ${expected} → ${received || '–'}`, 100));
  const list = listed.length === 0 ? '' : `\nLines with errors (expected → received)\n${listed.join('\n')}\n`;
  return {
    metrics,
    samples: lines.length,
    report: `${characters.report('characters')}\nWord error rate ${(100 * words.rate).toFixed(2)} % of ${words.length.toLocaleString('en-US')} words\n${list}`,
    details: { characters, words, errors: wrong },
  };
}

async function* predict(file: ModelFile, input: PredictInput, options: TaskOptions): AsyncGenerator<Prediction> {
  const { svg, ...given } = options as { svg?: string } & ReadingOptions & RecognitionFlags;
  const recognizer = handwritingFrom(file);
  const decoding = await decodingOf(recognizer, given);
  let isFirst = true;
  for await (const lines of batchesOf(readHandwriting(await sourceOf(input), readingGiven(recognizer.config, given)), 64)) {
    const read = await recognize(recognizer, lines, decoding);
    for (const [i, line] of read.entries()) {
      if (isFirst && svg !== undefined) await draw(svg, lines[i], line);
      isFirst = false;
      yield { text: `${line.text}\n`, value: { ...line, ...(lines[i].text === null ? {} : { expected: lines[i].text }) } };
    }
  }
}

/** Reads the language model and the lexicon that the options name. */
async function decodingOf({ alphabet }: Recognizer, { lineHeight, ...flags }: RecognitionFlags): Promise<RecognizeOptions> {
  const symbols = ['', ...alphabet.characters];
  // Where all lines are single words, a lexicon still wants to know what would part them: a class that no frame has.
  if (flags.lexicon !== undefined && !symbols.includes(' ')) symbols.push(' ');
  const search = await textSearch({ symbols, areCharacters: true, spell: cleanText }, flags);
  return { ...search, lineHeight };
}

/** A file, or what was given on the command line: ink itself, or the name of a file. */
async function sourceOf(input: PredictInput): Promise<HandwritingSource> {
  if (input.path !== null) return isImageName(input.path) ? input.path : textFile(input.path);
  const text = await textIn(input);
  const trimmed = text.trim();
  if (trimmed !== '' && !trimmed.includes('\n') && !/^([{[<]|\.[A-Za-z])/.test(trimmed)) return trimmed;
  return textOf(text, input.name);
}

async function draw(path: string, line: Handwriting, { characters }: RecognizedLine): Promise<void> {
  if (line.kind !== 'ink') throw new FormatError('expected ink to draw, received an image. Leave svg out.', { file: line.file });
  await writeAtomically(path, drawInk(line, characters));
}

/** The training's way of reading, but for what is given now. */
function readingGiven({ reading }: HandwritingConfig, given: ReadingOptions): ReadingOptions {
  const changed = Object.fromEntries(Object.entries(readingOf(given)).filter(([, value]) => value !== undefined));
  return { ...reading, ...changed };
}

async function* batchesOf<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function prepared({ recognizer, data, options, files, steps, run, evaluate: measure }: HandwritingTraining): PreparedTraining {
  const { train, valid, alphabet, lengths } = data;
  const mean = lengths.reduce((sum, n) => sum + n, 0) / lengths.length;
  return {
    facts: [
      ['Lines', `${count(train.length)} to learn from, ${count(valid.length)} to validate on; ${mean.toFixed(0)} steps each on average`],
      alphabetFact(alphabet.characters),
      ...inputFacts(recognizer.config),
      ...architectureFacts(recognizer.model),
      ['Training', `${count(steps)} steps of ${options.batchSize} lines, learning rate ${options.learningRate}`],
    ],
    steps,
    items: 'lines',
    monitored: 'cer',
    heldOut: 'lines',
    next: { label: 'Read ink', input: files.valid[0] ?? files.train[0] ?? 'note.inkml' },
    valid: files.valid,
    run,
    evaluate: measure,
    tell: ({ cer, wer, exact }) =>
      `${(100 * cer).toFixed(2)} % of the characters wrong, ${(100 * wer).toFixed(2)} % of the words; ${(100 * exact).toFixed(1)} % of the lines right`,
  };
}

function alphabetFact(characters: readonly string[]): readonly [string, string] {
  return ['Characters', cut(`${characters.length}: ${characters.map((c) => (c === ' ' ? '␣' : c)).join(' ')}`, 80)];
}

function inputFacts({ architecture: { input, normalize, slant } }: HandwritingConfig): Facts {
  const sized = normalize === 'ink' ? 'each of height 1' : 'by the usual height of the training';
  switch (input.kind) {
    case 'points': {
      const distance = { space: `every ${input.spacing} line heights`, time: `every ${input.spacing} s`, none: 'as they come' }[
        input.resample
      ];
      return [['Ink', `points ${distance}: ${input.features.join(', ')}; ${sized}${slant ? ', upright' : ''}`]];
    }
    case 'bezier':
      return [['Ink', `Bézier curves within ${input.tolerance} line heights; ${sized}${slant ? ', upright' : ''}`]];
    case 'columns':
      return [['Images', `columns of ${input.height} pixels`]];
    default:
      throw new Error(`unreachable: ${input satisfies never}`);
  }
}

function architectureFacts(model: HandwritingModel): Facts {
  const { cell, factors, hiddenSize, bidirectional } = model.architecture;
  const layers = `${factors.length === 1 ? '' : `${factors.length} × `}${bidirectional ? 'bidirectional ' : ''}${cell.toUpperCase()} of ${hiddenSize} units`;
  const fewer = factors.some((factor) => factor > 1) ? `, steps by ${factors.join(' · ')}` : '';
  return [['Model', `${layers}${fewer}, CTC, ${count(model.parameterCount)} parameters`]];
}

function count(n: number): string {
  return n.toLocaleString('en-US');
}

function cut(text: string, most: number): string {
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}
