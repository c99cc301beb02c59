/** Recognition while speech comes in: samples in pieces, as a microphone gives them; words that will stay, and those that may change. */
import type { FeatureStage } from '../../data/audio/spectral-features.ts';
import type { PyramidalStream } from '../../nn/pyramidal-encoder.ts';
import type { Floats } from '../../nn/recurrent-stream.ts';
import { ConfigError } from '../../tensor/errors.ts';
import type { DecodingOptions } from './recognize.ts';
import type { SpeechRecognizer } from './saved.ts';
import { CtcDecoder, TransducerDecoder } from './streaming-decoder.ts';

/** What has been said so far. */
export interface PartialResult {
  /** Will not be taken back: what comes later only adds to it. */
  readonly stable: string;
  /** What follows it as it looks now; it may change. */
  readonly partial: string;
}

/** How a stream listens. */
export interface SpeechStreamOptions extends DecodingOptions {
  /** Of the samples; default: the recogniser's own. */
  readonly sampleRateHz?: number;
}

/**
 * Listens. The text at the end is that of the whole sound in one go, however it was cut into pieces.
 *
 * @example
 * const stream = new SpeechStream(await loadSpeechRecognizer('runs/phone/model.safetensors'), { sampleRateHz: 48_000 });
 * for await (const samples of microphone) {
 *   const { stable, partial } = stream.push(samples);
 *   show(`${stable}${partial}`);
 * }
 * console.log(stream.end());
 */
export class SpeechStream {
  readonly #recognizer: SpeechRecognizer;
  readonly #features: FeatureStage;
  readonly #encoder: PyramidalStream;
  readonly #options: SpeechStreamOptions;
  #decoder: CtcDecoder | TransducerDecoder;

  /** @throws ConfigError when the recogniser reads from the end too, looks at all of it, or measures features by the whole utterance */
  constructor(recognizer: SpeechRecognizer, options: SpeechStreamOptions = {}) {
    const { model, frontEnd } = recognizer;
    if (model.architecture.bidirectional) {
      throw new ConfigError(
        '[SpeechStream] expected a recogniser that is not bidirectional: this one needs the whole utterance. Train with bidirectional: false.',
      );
    }
    if (model.speller !== null) {
      throw new ConfigError(
        '[SpeechStream] expected a recogniser with CTC or a transducer, received one with attention, which looks at the whole utterance.',
      );
    }
    if (!frontEnd.isStreaming) {
      throw new ConfigError(
        '[SpeechStream] expected features that are known as speech comes in, received normalization "utterance". Train with running or global.',
      );
    }
    model.eval();
    this.#recognizer = recognizer;
    this.#options = options;
    this.#features = frontEnd.stream(options.sampleRateHz);
    this.#encoder = model.encoder.stream();
    this.#decoder = this.#newDecoder();
  }

  /** Hears more. @param samples of one channel in [−1, 1), as many as there are; none are fine */
  push(samples: Float32Array): PartialResult {
    this.#read(this.#features.push(samples));
    return this.#result();
  }

  /** No more samples: what has been said. The stream can begin anew then. */
  end(): string {
    this.#read(this.#features.end());
    this.#decode(this.#encoder.end());
    const text = this.#text(this.#decoder.finish().symbols).trim();
    this.#decoder = this.#newDecoder();
    return text;
  }

  #newDecoder(): CtcDecoder | TransducerDecoder {
    const { output, transducer } = this.#recognizer.model;
    return transducer === null ? new CtcDecoder(output, this.#options) : new TransducerDecoder(transducer.decoder(), this.#options);
  }

  #read(frames: Float32Array): void {
    const { size } = this.#features;
    const steps: Floats[] = [];
    for (let at = 0; at < frames.length; at += size) {
      const step = this.#encoder.step(frames.subarray(at, at + size));
      if (step !== null) steps.push(step);
    }
    this.#decode(steps);
  }

  #decode(steps: readonly Floats[]): void {
    if (steps.length === 0) return;
    const width = steps[0].length;
    const values = new Float32Array(steps.length * width);
    for (const [t, step] of steps.entries()) values.set(step, t * width);
    this.#decoder.push(values);
  }

  #result(): PartialResult {
    const stable = this.#text(this.#decoder.stable).trimStart();
    const whole = this.#text(this.#decoder.best).trimStart();
    return { stable, partial: whole.slice(stable.length) };
  }

  #text(symbols: readonly number[]): string {
    return this.#recognizer.symbols.decode(symbols);
  }
}
