/** Ink that is read while it is written: point by point, and what has been read stays. */

import type { PyramidalStream } from '../../nn/pyramidal-encoder.ts';
import type { Floats } from '../../nn/recurrent-stream.ts';
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import { tracerOf } from './features.ts';
import type { Recognizer } from './recognize.ts';
import type { FeatureRow, Tracer } from './tracer.ts';

/** Where the pen is. */
export interface PenPoint {
  readonly x: number;
  /** Downwards. */
  readonly y: number;
  /** In seconds; only where the model's features need times. */
  readonly t?: number;
  /** Of the tip; only where the model's features need it. */
  readonly force?: number;
}

/** A character, and when it became certain. */
export interface StreamedCharacter {
  readonly character: string;
  /** That the model gave it in the frame that said so; in (0, 1]. */
  readonly probability: number;
  /** The stroke and its point that were being written, from 0. */
  readonly stroke: number;
  readonly point: number;
}

/**
 * Reads ink as it comes, with a unidirectional model (`bidirectional: false`): a character is said as soon as the model is sure, and
 * never taken back. Once the ink ends the text is that of the whole ink, `recognize` on all strokes.
 *
 * @example
 * const stream = new InkStream(await loadHandwriting('runs/notes/model.safetensors'));
 * canvas.onpointermove = ({ x, y }) => { label.textContent += stream.point({ x, y }); };
 * canvas.onpointerup = () => { label.textContent += stream.penUp(); };
 * // and when nothing more comes: stream.end()
 */
export class InkStream {
  readonly #recognizer: Recognizer;
  readonly #tracer: Tracer;
  readonly #encoder: PyramidalStream;
  readonly #head: { readonly weight: Floats; readonly bias: Floats };
  readonly #scale: number;
  #origin: { readonly x: number; readonly y: number } | null = null;
  #characters: StreamedCharacter[] = [];
  /** The class of the last frame: the same one again is no other character. */
  #before = 0;

  /**
   * @param lineHeight  of a line of writing here, in the units of the points; default: as in the training's files
   * @throws ConfigError when the model needs the whole ink
   */
  constructor(recognizer: Recognizer, { lineHeight }: { readonly lineHeight?: number } = {}) {
    const { model, extractor } = recognizer;
    const { bidirectional, normalize } = model.architecture;
    if (bidirectional || normalize !== 'training') {
      throw new ConfigError(
        `[InkStream] expected a model that reads ink while it is written, received one ${bidirectional ? 'that reads it from its end too' : 'that measures all of it first'}. Train with bidirectional: false and normalize: 'training', or use recognize.`,
      );
    }
    this.#recognizer = recognizer;
    this.#tracer = tracerOf(extractor.settings.input);
    model.eval();
    this.#encoder = model.encoder.stream();
    const { weight, bias } = model.output;
    this.#head = { weight: weight.dataSync() as Floats, bias: bias!.dataSync() as Floats };
    this.#scale = 1 / (lineHeight ?? extractor.normalization.lineHeight ?? 1);
  }

  /** What has been read so far; it only grows. */
  get text(): string {
    return this.#characters.map(({ character }) => character).join('');
  }

  get characters(): readonly StreamedCharacter[] {
    return this.#characters;
  }

  /**
   * The pen moved on the paper.
   *
   * @returns what became certain by it, mostly nothing
   * @throws FormatError when the model needs a time or force that is not given
   */
  point({ x, y, t = Number.NaN, force = Number.NaN }: PenPoint): string {
    if (!Number.isFinite(x) || !Number.isFinite(y)) throw new FormatError(`[InkStream] expected x and y, received ${x} and ${y}.`);
    const { input } = this.#recognizer.extractor.settings;
    if (input.kind === 'points') {
      const needsTime = input.resample === 'time' || input.features.includes('time');
      if (needsTime && Number.isNaN(t))
        throw new FormatError('[InkStream] expected a time t of each point, as the model needs, received none.');
      if (input.features.includes('force') && Number.isNaN(force)) {
        throw new FormatError('[InkStream] expected a force of each point, as the model needs, received none.');
      }
    }
    this.#origin ??= { x, y };
    return this.#read(this.#tracer.point((x - this.#origin.x) * this.#scale, (y - this.#origin.y) * this.#scale, t, force));
  }

  /** The pen was lifted. @returns what became certain by it */
  penUp(): string {
    return this.#read(this.#tracer.penUp());
  }

  /** Nothing more will come: the rest of the text. `text` and `characters` stay until `reset`. */
  end(): string {
    const rest = this.#read(this.#tracer.end());
    let last = '';
    for (const frame of this.#encoder.end()) last += this.#say(frame, this.#lastRow);
    this.#origin = null;
    this.#before = 0;
    return rest + last;
  }

  /** Begins a new line. */
  reset(): void {
    this.end();
    this.#characters = [];
  }

  #lastRow: FeatureRow | null = null;

  #read(rows: readonly FeatureRow[]): string {
    let said = '';
    for (const row of rows) {
      this.#lastRow = row;
      const x = Float32Array.from(row.values);
      this.#recognizer.extractor.scale(x);
      const frame = this.#encoder.step(x);
      if (frame !== null) said += this.#say(frame, row);
    }
    return said;
  }

  /** The best path, frame by frame: a class that is neither the blank nor the one before is a character. */
  #say(h: Floats, row: FeatureRow | null): string {
    const { weight, bias } = this.#head;
    const logits = Array.from(bias, (b, k) => {
      let sum = b;
      for (let i = 0; i < h.length; i++) sum += weight[k * h.length + i] * h[i];
      return sum;
    });
    const best = logits.reduce((highest, value, k) => (value > logits[highest] ? k : highest), 0);
    const isNew = best !== 0 && best !== this.#before;
    this.#before = best;
    if (!isNew) return '';
    const probability = 1 / logits.reduce((sum, value) => sum + Math.exp(value - logits[best]), 0);
    const character = this.#recognizer.alphabet.characters[best - 1];
    this.#characters.push({ character, probability, stroke: row?.stroke ?? 0, point: row?.point ?? 0 });
    return character;
  }
}
