/** Speech recognition as a task of the command line. */
import { mixDown, parseWav } from '../../data/audio/wav.ts';
import { ConfigError } from '../../tensor/errors.ts';
import type { Metrics } from '../../training/events.ts';
import type { Facts, PredictInput, PreparedTraining, Task } from '../task.ts';
import { type SearchFlags, textSearch } from '../text-search.ts';
import { detailsOf, evaluateSpeech, reportOf } from './evaluate.ts';
import { observe } from './observe.ts';
import { evaluateSchema, predictSchema, type ReadingOptions, type SpeechOptions, trainSchema } from './options.ts';
import { recognizeStreaming, recognizeWav } from './predict.ts';
import type { DecodingOptions } from './recognize.ts';
import type { SpeechRecognizer } from './saved.ts';
import { speechRecognizerFrom } from './saved.ts';
import { Sounds } from './sounds.ts';
import { hear, partOf, partsIn, prepareSpeech, readAll, resumeSpeech, type SpeechTraining, secondsOf } from './training.ts';
import { spell } from './transcript.ts';

export const speech: Task = {
  name: 'speech',
  summary: 'recognise speech: WAV files to words, also as they come in',
  data: 'manifests of WAV files and transcripts (TSV, CSV, JSON lines), or folders of WAV and text files',
  input: 'file',
  examples: {
    train: 'unrolled train speech phrases/manifest.tsv --out runs/phrases',
    evaluate: 'unrolled evaluate runs/phrases/model.safetensors phrases/test.tsv',
    predict: 'unrolled predict runs/phrases/model.safetensors hello.wav',
  },
  trainOptions: trainSchema(),
  evaluateOptions: evaluateSchema(),
  predictOptions: predictSchema(),

  async prepare({ train, valid, out, options }) {
    return prepared(await prepareSpeech({ train, valid }, options as SpeechOptions, out));
  },

  async resume(out) {
    return prepared(await resumeSpeech(out));
  },

  async evaluate(file, data, options) {
    if (data.length === 0) throw new ConfigError('expected at least one manifest or folder to evaluate on, received none.');
    const recognizer = speechRecognizerFrom(file);
    const { split, ...given } = options as ReadingOptions & { readonly split?: string } & SearchFlags;
    const all = await readAll(data, given);
    const part = partOf(all, split, ['test']);
    if (split !== undefined && part === null) throw new ConfigError(`split: expected rows of the part "${split}", found ${partsIn(all)}.`);
    const sounds = new Sounds(recognizer.frontEnd.options.sampleRateHz);
    const utterances = await hear(part ?? all, sounds, recognizer.config.vocabulary, recognizer.frontEnd);
    const decoding = await searchOf(recognizer, given);
    const evaluation = await evaluateSpeech(recognizer, utterances, decoding);
    const unit = recognizer.symbols.unit === 'phoneme' ? 'phonemes' : 'words';
    return {
      metrics: evaluation.metrics,
      samples: evaluation.utterances,
      report: reportOf(evaluation, unit),
      details: detailsOf(evaluation),
    };
  },

  async *predict(file, input, options) {
    const recognizer = speechRecognizerFrom(file);
    const bytes = await bytesOf(input);
    const { stream, ...given } = options as SearchFlags & { readonly stream?: number };
    const decoding = await searchOf(recognizer, given);
    if (stream !== undefined) {
      let shown = '';
      for await (const { stable, partial, seconds } of recognizeStreaming(recognizer, bytes, input.name, stream, decoding)) {
        yield { text: stable.startsWith(shown) ? stable.slice(shown.length) : '', value: { seconds, stable, partial } };
        shown = stable;
      }
      yield { text: '\n' };
      return;
    }
    const recognition = await recognizeWav(recognizer, bytes, input.name, decoding);
    yield { text: `${recognition.text}\n`, value: recognition };
  },

  describe(file) {
    const recognizer = speechRecognizerFrom(file);
    const { utterances, seconds } = (recognizer.config.training ?? {}) as { utterances?: number; seconds?: number };
    const learnt = utterances === undefined ? [] : [['Trained on', `${count(utterances)} utterances, ${minutes(seconds ?? 0)}`] as const];
    return [...modelFacts(recognizer), ...learnt];
  },

  async observe(file, input) {
    const audio = await parseWav(await bytesOf(input), input.name);
    return observe(speechRecognizerFrom(file), mixDown(audio), audio.sampleRateHz);
  },
};

function searchOf({ symbols, config }: SpeechRecognizer, flags: SearchFlags): Promise<DecodingOptions> {
  const classes = { symbols: ['', ...symbols.symbols], areCharacters: symbols.unit === 'character' };
  return textSearch({ ...classes, spell: (text) => spell(text, config.vocabulary.spelling) }, flags);
}

/** All bytes of a file or of standard input. */
async function bytesOf(input: PredictInput): Promise<Uint8Array> {
  if (input.bytes === undefined) throw new ConfigError('expected a WAV file, as a path, with --file, or at standard input.');
  const parts: Uint8Array[] = [];
  for await (const part of input.bytes()) parts.push(part);
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function prepared({ recognizer, train, valid, tooShort, steps, options, run, evaluate, paths }: SpeechTraining): PreparedTraining {
  const { sampleRateHz } = recognizer.frontEnd.options;
  const short =
    tooShort === 0
      ? []
      : [['Too short', `${count(tooShort)} utterances have more symbols than steps: nothing is learnt from them`] as const];
  return {
    facts: [
      [
        'Utterances',
        `${count(train.length)} to learn from (${minutes(secondsOf(train, sampleRateHz))}), ${count(valid.length)} to validate on (${minutes(secondsOf(valid, sampleRateHz))})`,
      ],
      ...short,
      ...modelFacts(recognizer),
      ['Training', `${count(steps)} steps of ${options.batchSize} utterances, learning rate ${options.learningRate}`],
    ],
    steps,
    items: 'frames',
    monitored: options.units === 'character' ? 'cer' : 'wer',
    heldOut: 'utterances',
    next: { label: 'Recognise with it', input: 'hello.wav' },
    valid: paths.valid.length > 0 ? paths.valid : paths.train,
    run,
    evaluate,
    tell: ({ cer, wer }: Metrics) => `${percent(wer)} of the words wrong, ${percent(cer)} of the characters`,
  };
}

function modelFacts({ model, frontEnd, symbols }: SpeechRecognizer): Facts {
  const { cell, hiddenSize, factors, bidirectional, criterion } = model.architecture;
  const { kind = 'log-mel', sampleRateHz, normalization } = frontEnd.options;
  const layers = `${factors.length} × ${bidirectional ? 'bidirectional ' : ''}${cell.toUpperCase()} of ${hiddenSize} units, one step for ${model.encoder.factor} frames`;
  const unit = { character: 'characters', word: 'words', phoneme: 'phonemes' }[symbols.unit];
  return [
    ['Model', `${layers}, ${criterion.toUpperCase()}, ${count(model.parameterCount)} parameters`],
    ['Features', `${frontEnd.size} ${kind === 'mfcc' ? 'MFCC' : kind} at ${count(sampleRateHz)} Hz, normalised: ${normalization}`],
    ['Symbols', `${count(symbols.symbols.length)} ${unit}`],
  ];
}

function count(n: number): string {
  return n.toLocaleString('en-US');
}

function minutes(seconds: number): string {
  return seconds < 120 ? `${seconds.toFixed(0)} s` : `${(seconds / 60).toFixed(1)} min`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
