import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatWav } from '../../data/audio/wav.ts';
import { padFeatures } from '../../data/sequence-batches.ts';
import { textOf } from '../../data/text/text-source.ts';
import { logSoftmaxRows } from '../../decode/log-probabilities.ts';
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import { loadModel } from '../../training/model-file.ts';
import { ErrorRate } from '../metrics/error-rate.ts';
import type { SpeechOptions } from './options.ts';
import { recognize } from './predict.ts';
import { loadSpeechRecognizer, type SpeechRecognizer, saveSpeechRecognizer, speechRecognizerFrom } from './saved.ts';
import { SpeechStream } from './stream.ts';
import { speech } from './task.ts';
import { prepareSpeech, resumeSpeech, type SpeechTraining } from './training.ts';

const folder = mkdtempSync(join(tmpdir(), 'unrolled-speech-'));
afterAll(() => rmSync(folder, { recursive: true }));
const rate = 8000;

/** Each letter is a tone of its own, a tenth of a second long or a little more, a blank too; around them is silence. */
const tones: Readonly<Record<string, number>> = { a: 500, b: 900, c: 1500, ' ': 250, _: 0 };

function say(text: string, rng: Random, sampleRateHz = rate): Float32Array {
  const parts: number[] = [];
  const ramp = 0.01 * sampleRateHz;
  for (const letter of `_${text}_`) {
    const length = Math.round((0.1 + (0.0375 * rng.integer(300)) / 300) * sampleRateHz);
    for (let i = 0; i < length; i++) {
      const envelope = Math.min(1, i / ramp, (length - i) / ramp);
      parts.push(0.3 * envelope * Math.sin((2 * Math.PI * tones[letter] * i) / sampleRateHz) + 0.004 * (rng.uniform() - 0.5));
    }
  }
  return Float32Array.from(parts);
}

async function* inOnePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function phrase(rng: Random): string {
  const word = (): string => ['a', 'b', 'c', 'ab', 'ba', 'ca', 'cab', 'bac', 'aba'][rng.integer(9)];
  return rng.integer(2) === 0 ? word() : `${word()} ${word()}`;
}

/** A manifest of so many phrases and their WAV files. */
async function spoken(name: string, count: number): Promise<string> {
  const rng = new Random(1).fork(name);
  mkdirSync(join(folder, name), { recursive: true });
  const lines = ['path\ttranscript'];
  for (let i = 0; i < count; i++) {
    const text = phrase(rng);
    writeFileSync(join(folder, name, `${i}.wav`), await formatWav(say(text, rng), rate));
    lines.push(`${i}.wav\t${text}`);
  }
  const path = join(folder, name, 'manifest.tsv');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

const small: SpeechOptions = {
  numLayers: 2,
  hiddenSize: 24,
  factors: [2, 2],
  melBins: 20,
  batchSize: 8,
  dropout: 0,
  speeds: [1],
  timeMaskSize: 6,
  frequencyMasks: 1,
  learningRate: 0.02,
  epochs: 14,
  seed: 3,
};

let manifest: string;
beforeAll(async () => {
  manifest = await spoken('train', 72);
});

async function trained(options: SpeechOptions, out?: string): Promise<SpeechTraining> {
  const training = await prepareSpeech({ train: [manifest] }, { ...small, ...options }, out);
  for await (const _ of training.run()) {
    // to the end
  }
  return training;
}

describe('a recogniser', () => {
  let training: SpeechTraining;
  const out = join(folder, 'run');
  const model = join(out, 'model.safetensors');
  beforeAll(async () => {
    training = await trained({}, out);
  });

  it('learns to spell tones', async () => {
    const { cer, wer } = await training.evaluate();
    expect(cer).toBeLessThan(0.05);
    expect(wer).toBeLessThan(0.15);
  });

  it('says what was said and when, from a file, at any rate', async () => {
    const recognizer = await loadSpeechRecognizer(model);
    const { text, words, symbols } = await recognize(recognizer, say('ab c', new Random(5)));
    expect(text).toBe('ab c');
    expect(words.map((word) => word.text)).toEqual(['ab', 'c']);
    expect(symbols.map((symbol) => symbol.text).join('')).toContain('ab c');
    // Silence, a, b, the blank, c: each about 0.12 s long.
    expect(Math.abs(words[0].start - 0.12)).toBeLessThan(0.12);
    expect(Math.abs(words[1].start - 0.48)).toBeLessThan(0.15);
    for (const [i, { start, end }] of symbols.entries()) {
      expect(end).toBeGreaterThan(start);
      if (i > 0) expect(start).toBeGreaterThanOrEqual(symbols[i - 1].end);
    }
    expect((await recognize(recognizer, say('b', new Random(6), 2 * rate), 2 * rate)).text).toBe('b');
    const { text: wide } = await recognize(recognizer, say('ab c', new Random(5)), rate, { beamWidth: 8 });
    expect(wide).toBe('ab c');
  });

  it('is the same after it was saved, loaded and saved', async () => {
    const again = join(folder, 'again.safetensors');
    const recognizer = await loadSpeechRecognizer(model);
    await saveSpeechRecognizer(again, recognizer);
    const sound = say('cab', new Random(8));
    expect(await recognize(await loadSpeechRecognizer(again), sound)).toEqual(await recognize(recognizer, sound));
    expect(recognizer.config.vocabulary).toEqual({ unit: 'character', symbols: [' ', 'a', 'b', 'c'], spelling: 'plain' });
  });

  it('refuses a file whose parts do not fit together', async () => {
    const file = await loadModel(model);
    const config = file.config as unknown as SpeechRecognizer['config'];
    const refused = (change: Partial<SpeechRecognizer['config']>, message: string) =>
      expect(() => speechRecognizerFrom({ ...file, config: { ...config, ...change } as never }, 'm.safetensors')).toThrow(message);
    refused(
      { vocabulary: { ...config.vocabulary, symbols: ['a', 'a', 'b', 'c'] } },
      'm.safetensors: configuration: expected each symbol once.',
    );
    refused({ vocabulary: { ...config.vocabulary, symbols: ['a'] } }, 'expected 2 classes for 1 symbols, received 5.');
    refused({ frontEnd: { ...config.frontEnd, numMelBins: 30 } }, 'expected statistics of 30 features for "global", received 20.');
    refused({ frontEnd: { ...config.frontEnd, deltas: 1, normalization: 'none' } }, 'expected an inputSize of 40');
    refused({ architecture: { ...config.architecture, hiddenSize: 4000 } }, 'the architecture has');
    refused(
      { architecture: { ...config.architecture, cell: 'gru' } },
      'm.safetensors: [loadStateDict] expected "encoder.layers.0.weight_ih_l0" of shape [72, 40]',
    );
  });

  it('is evaluated with its most frequent errors, and described', async () => {
    const test = await spoken('test', 12);
    const { metrics, samples, report, details } = await speech.evaluate(await loadModel(model), [test], {});
    expect(samples).toBe(12);
    expect(metrics.cer).toBeLessThan(0.1);
    expect(report).toContain('words wrong');
    expect(details).toMatchObject({ words: { sequences: 12 }, characters: { sequences: 12 } });
    expect(Object.fromEntries(speech.describe(await loadModel(model)))).toMatchObject({
      Symbols: '4 characters',
      Model: expect.stringContaining('2 × bidirectional LSTM of 24 units, one step for 4 frames, CTC'),
    });
  });

  it('is seen at work: what the last layer reads, frame by frame, and says', async () => {
    const wav = await formatWav(say('ab c', new Random(5)), rate);
    const input = { ...textOf('', 'a sound'), path: null, bytes: () => inOnePiece(wav) };
    const { layers, x, tokens, outputs } = await speech.observe!(await loadModel(model), input);
    expect(x.shape).toEqual([1, tokens.length, layers.options.inputSize]);
    expect(outputs!.filter((output, t) => output !== '·' && output !== outputs![t - 1]).join('')).toBe('ab c');
    expect(tokens.slice(0, 3)).toEqual(['0.00', '0.04', '0.08']);
    await expect(speech.observe!(await loadModel(model), { ...textOf('', 'nothing'), path: null })).rejects.toThrow('expected a WAV file');
  });

  it('goes on after an interruption to the very same weights', async () => {
    const [whole, broken] = [join(folder, 'whole'), join(folder, 'broken')];
    const options: SpeechOptions = {
      epochs: undefined,
      maxSteps: 6,
      checkpointEvery: 2,
      evaluateEvery: 3,
      speeds: [0.9, 1],
      noise: 20,
      join: 2,
      dropout: 0.1,
    };
    await trained(options, whole);
    const stop = new AbortController();
    const begun = await prepareSpeech({ train: [manifest] }, { ...small, ...options }, broken);
    for await (const event of begun.run({ signal: stop.signal })) if (event.type === 'step' && event.step === 4) stop.abort();
    for await (const _ of (await resumeSpeech(broken)).run()) {
      // to the end
    }
    const bytes = (run: string) => readFileSync(join(folder, run, 'model.safetensors'));
    expect(bytes('broken').equals(bytes('whole'))).toBe(true);
  });
});

describe('other criteria', () => {
  /** Characters wrong in forty phrases that were not learnt from: of one alone, the last bits of the weights would decide. */
  async function errorsOf(recognizer: SpeechRecognizer): Promise<number> {
    const rng = new Random(9);
    const errors = new ErrorRate();
    for (let i = 0; i < 40; i++) {
      const text = phrase(rng);
      errors.add([...text], [...(await recognize(recognizer, say(text, rng))).text]);
    }
    return errors.rate;
  }

  it('a transducer learns, listens, and says when', async () => {
    const { recognizer } = await trained({
      criterion: 'transducer',
      bidirectional: false,
      decoderSize: 16,
      epochs: 36,
      specAugment: false,
    });
    // With other seeds: 0.03 to 0.08.
    expect(await errorsOf(recognizer)).toBeLessThan(0.1);
    let pairs = 0;
    for (const [seed, said] of ['ab c', 'cab a', 'b ba'].entries()) {
      const sound = say(said, new Random(seed));
      const { words } = await recognize(recognizer, sound);
      for (let i = 1; i < words.length; i++, pairs++) expect(words[i].start).toBeGreaterThan(words[i - 1].end);
      for (const beamWidth of [1, 4]) {
        const stream = new SpeechStream(recognizer, { beamWidth });
        for (let at = 0; at < sound.length; at += 700) stream.push(sound.subarray(at, at + 700));
        expect(stream.end()).toBe((await recognize(recognizer, sound, rate, { beamWidth })).text);
      }
    }
    expect(pairs).toBeGreaterThan(0);
  });

  it('a decoder with attention learns, looks on from left to right, and is refused as a stream', async () => {
    const { recognizer } = await trained({ criterion: 'attention', decoderSize: 24, epochs: 40, specAugment: false });
    // With other seeds: 0.09 to 0.18.
    expect(await errorsOf(recognizer)).toBeLessThan(0.25);
    const { text, symbols } = await recognize(recognizer, say('cab', new Random(4)), rate, { beamWidth: 4 });
    expect(text).toBe('cab');
    const starts = symbols.map(({ start }) => start);
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
    const causal = await prepareSpeech({ train: [manifest] }, { ...small, criterion: 'attention', bidirectional: false });
    expect(() => new SpeechStream(causal.recognizer)).toThrow('received one with attention');
    const scorer = { start: () => 0, score: () => 0, end: () => 0, advance: (states: readonly unknown[]) => [...states] };
    await expect(recognize(recognizer, say('a', new Random(1)), rate, { scorer })).rejects.toThrow('for a language model or a lexicon');
  });
});

describe('a stream', () => {
  let recognizer: SpeechRecognizer;
  beforeAll(async () => {
    ({ recognizer } = await trained({ bidirectional: false, normalization: 'running', deltas: 1, epochs: 14 }));
  });

  it.each([{ beamWidth: 1 }, { beamWidth: 6 }])('hears the same in pieces as in one go, with $beamWidth', async (options) => {
    for (const [seed, from] of [
      [11, rate],
      [12, 11_025],
      [13, 16_000],
    ]) {
      const rng = new Random(seed);
      const sound = say(phrase(rng), rng);
      const stream = new SpeechStream(recognizer, { ...options, sampleRateHz: from });
      const { text } = await recognize(recognizer, sound, from, options);
      for (let round = 0; round < 2; round++) {
        let stable = '';
        for (let at = 0; at < sound.length; ) {
          const piece = sound.subarray(at, at + rng.integer(900));
          at += piece.length;
          const result = stream.push(piece);
          expect(result.stable.startsWith(stable)).toBe(true); // nothing is taken back
          ({ stable } = result);
        }
        const whole = stream.end();
        expect(whole).toBe(text);
        expect(whole.startsWith(stable.trim())).toBe(true);
      }
    }
  });

  it('knows words before the sound has ended', () => {
    const stream = new SpeechStream(recognizer);
    const { stable, partial } = stream.push(say('cab cab', new Random(2)).subarray(0, 5 * 950));
    expect(stable + partial).toMatch(/^cab ?$/);
  });

  it('is refused where the whole utterance is needed', async () => {
    const { recognizer: both } = await prepareSpeech({ train: [manifest] }, small);
    expect(() => new SpeechStream(both)).toThrow(ConfigError);
    expect(() => new SpeechStream(both)).toThrow('Train with bidirectional: false.');
    await expect(prepareSpeech({ train: [manifest] }, { ...small, bidirectional: false, normalization: 'utterance' })).rejects.toThrow(
      'Choose running or global.',
    );
  });
});

describe('a training', () => {
  it('says what is wrong with its data', async () => {
    const manifestOf = (name: string, rows: string): string => {
      const path = join(folder, name);
      writeFileSync(path, `path\ttranscript\tsplit\n${rows}`);
      return path;
    };
    const refused = async (path: string, message: string, kind: typeof ConfigError | typeof FormatError, options: SpeechOptions = {}) => {
      const failure = await prepareSpeech({ train: [path] }, { ...small, ...options }).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(kind);
      expect((failure as Error).message).toContain(message);
    };
    writeFileSync(join(folder, 'short.wav'), await formatWav(new Float32Array(60), rate));
    writeFileSync(join(folder, 'bad.wav'), 'RIFF');
    writeFileSync(join(folder, 'ok.wav'), await formatWav(new Float32Array(900), rate));
    const two = 'ok.wav\tb\ttrain\n';
    await refused(manifestOf('1.tsv', `${two}gone.wav\ta\ttrain\n`), '1.tsv, line 3: ', FormatError);
    await refused(manifestOf('2.tsv', `bad.wav\ta\ttrain\n${two}`), '2.tsv, line 2: ', FormatError);
    await refused(
      manifestOf('3.tsv', `${two}short.wav\ta\ttrain\n`),
      '3.tsv, line 3: expected at least a frame of sound (200 samples at 8000 Hz), found 60 samples',
      FormatError,
    );
    await refused(
      manifestOf('4.tsv', `${two}ok.wav\t...\ttrain\n`),
      '4.tsv, line 3: expected a transcript with letters or digits, received "..."',
      FormatError,
    );
    await refused(manifestOf('5.tsv', 'ok.wav\ta\ttest\n'), 'trainSplit: expected rows of the part "train", found "test".', ConfigError);
    await refused(manifestOf('6.tsv', two), 'expected at least two utterances', ConfigError);
    await refused(manifestOf('7.tsv', two + two), 'validSplit: expected rows of the part "dev", found "train".', ConfigError, {
      validSplit: 'dev',
    });
    await refused(
      manifestOf('8.tsv', 'ok.wav\tabababababababababab\ttrain\n'.repeat(2)),
      'with at least as many steps as symbols',
      ConfigError,
    );
    await refused(manifest, 'factors: expected one number for each of the 2 layers, received 1: 2.', ConfigError, { factors: [2] });
    await refused(manifest, 'unknown name "charcter"; did you mean "character"?', ConfigError, { units: 'charcter' as never });
  });

  it('begins with the blank as frequent as it is in the data', async () => {
    const { recognizer, train } = await prepareSpeech({ train: [manifest] }, small);
    const { model, frontEnd } = recognizer;
    const features = frontEnd.forward(await train[0].samples());
    const { logits } = model.eval().forward(padFeatures([features], frontEnd.size));
    const [, T, V] = logits.shape;
    const blank = Array.from({ length: T }, (_, t) => Math.exp(logSoftmaxRows(logits.dataSync(), V)[t * V]));
    const symbols = train.reduce((sum, { transcript }) => sum + transcript.length, 0);
    const frames = train.reduce((sum, { length }) => sum + Math.ceil(frontEnd.spectral.frameCount(length) / 4), 0);
    const mean = blank.reduce((sum, p) => sum + p / T, 0);
    expect(Math.abs(mean - (1 - symbols / frames))).toBeLessThan(0.03);
  });

  it('takes the parts that a manifest names', async () => {
    const path = join(folder, 'parts.tsv');
    const rows = ['train', 'train', 'dev', 'test'].map((part, i) => `train/${i}.wav\tab\t${part}`);
    writeFileSync(path, `path\ttranscript\tsplit\n${rows.join('\n')}\n`);
    const { train, valid } = await prepareSpeech({ train: [path] }, small);
    expect([train.length, valid.length]).toEqual([2, 1]);
  });
});
