/** Ink that is read while it is written: point by point; text that will stay, and text that may change. */
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { tensor } from '../../autograd/tensor.ts';
import { CtcBeamSearch } from '../../decode/ctc-beam-search.ts';
import { CtcGreedyDecoder } from '../../decode/ctc-greedy.ts';
import type { PyramidalStream } from '../../nn/pyramidal-encoder.ts';
import type { Floats } from '../../nn/recurrent-stream.ts';
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import { tracerOf } from './features.ts';
import type { HandwritingDecoding, Recognizer } from './recognize.ts';
import { endInk, type FeatureRow, type Tracer } from './tracer.ts';

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

/** What has been written so far. */
export interface PartialText {
  /** Will not be taken back: what comes later only adds to it. */
  readonly stable: string;
  /** What follows it as it looks now; it may change. Nothing with greedy decoding. */
  readonly partial: string;
}

/** A character, and where the pen was when it was read. */
export interface StreamedCharacter {
  readonly character: string;
  readonly stroke: number;
  readonly point: number;
}

/** How a stream reads. */
export interface InkStreamOptions extends HandwritingDecoding {
  /** Of a line of writing here, in the units of the points; default: as in the training's files. */
  readonly lineHeight?: number;
}

/**
 * Reads ink as it comes, with a unidirectional model (`bidirectional: false`). Once the ink ends the text is that of the whole ink:
 * of `recognize` on all strokes with the same options.
 *
 * @example
 * const stream = new InkStream(await loadHandwriting('runs/notes/model.safetensors'));
 * canvas.onpointermove = ({ offsetX: x, offsetY: y, buttons }) => buttons === 1 && show(stream.point({ x, y }));
 * canvas.onpointerup = () => show(stream.penUp());
 * doneButton.onclick = () => console.log(stream.end());
 */
export class InkStream {
  readonly #recognizer: Recognizer;
  readonly #options: InkStreamOptions;
  readonly #tracer: Tracer;
  readonly #encoder: PyramidalStream;
  readonly #scale: number;
  #decoder: CtcGreedyDecoder | CtcBeamSearch;
  #origin: { readonly x: number; readonly y: number } | null = null;
  /** Of each frame, the last step of features that it was made of. */
  #frames: FeatureRow[] = [];

  /** @throws ConfigError when the model needs the whole ink */
  constructor(recognizer: Recognizer, options: InkStreamOptions = {}) {
    const { model, extractor } = recognizer;
    const { bidirectional, normalize } = model.architecture;
    if (bidirectional || normalize !== 'training') {
      throw new ConfigError(
        `[InkStream] expected a model that reads ink while it is written, received one that ${bidirectional ? 'reads it from its end too' : 'measures all of it first'}. Train with bidirectional: false and normalize: 'training', or use recognize.`,
      );
    }
    this.#recognizer = recognizer;
    this.#options = options;
    this.#tracer = tracerOf(extractor.settings.input);
    model.eval();
    this.#encoder = model.encoder.stream();
    this.#scale = 1 / (options.lineHeight ?? extractor.normalization.lineHeight ?? 1);
    this.#decoder = this.#newDecoder();
  }

  /**
   * The pen moved on the paper.
   *
   * @throws FormatError when a number is missing that the model needs
   */
  point(point: PenPoint): PartialText {
    this.#require(point);
    const { x, y, t = Number.NaN, force = Number.NaN } = point;
    this.#origin ??= { x, y };
    this.#read(this.#tracer.point((x - this.#origin.x) * this.#scale, (y - this.#origin.y) * this.#scale, t, force));
    return this.text;
  }

  /** The pen was lifted. */
  penUp(): PartialText {
    this.#read(this.#tracer.penUp());
    return this.text;
  }

  /** Nothing more comes: what was written. The stream can begin anew then. */
  end(): string {
    this.#read(endInk(this.#tracer, this.#recognizer.extractor.settings.restSteps));
    const last = this.#frames.at(-1);
    if (last !== undefined) this.#decode(this.#encoder.end().map((frame) => [frame, last]));
    const symbols = this.#decoder instanceof CtcGreedyDecoder ? greedy(this.#decoder).symbols : (this.#decoder.finish()[0]?.symbols ?? []);
    this.#decoder = this.#newDecoder();
    this.#origin = null;
    this.#frames = [];
    return this.#recognizer.alphabet.decode(symbols);
  }

  /** What has been written so far. */
  get text(): PartialText {
    const { alphabet } = this.#recognizer;
    if (this.#decoder instanceof CtcGreedyDecoder) return { stable: alphabet.decode(greedy(this.#decoder).symbols), partial: '' };
    const { stable } = this.#decoder;
    return { stable: alphabet.decode(stable), partial: alphabet.decode(this.#decoder.best()[0].symbols.slice(stable.length)) };
  }

  /** The characters of `text`, those that may change among them. */
  get characters(): StreamedCharacter[] {
    const { symbols, frames } = this.#decoder instanceof CtcGreedyDecoder ? greedy(this.#decoder) : this.#decoder.best()[0];
    return symbols.map((symbol, i) => {
      const { stroke, point } = this.#frames[frames[i]];
      return { character: this.#recognizer.alphabet.decode([symbol]), stroke, point };
    });
  }

  #newDecoder(): CtcGreedyDecoder | CtcBeamSearch {
    const { lineHeight: _, scorer = null, beamWidth = scorer === null ? 1 : 16, ...rest } = this.#options;
    const { classes } = this.#recognizer.alphabet;
    return beamWidth === 1 && scorer === null ? new CtcGreedyDecoder(classes) : new CtcBeamSearch(classes, { beamWidth, scorer, ...rest });
  }

  #require({ x, y, t, force }: PenPoint): void {
    const { input } = this.#recognizer.extractor.settings;
    const needs: Record<string, number | undefined> = { x, y };
    if (input.kind === 'points') {
      if (input.resample === 'time' || input.features.includes('time')) needs.t = t;
      if (input.features.includes('force')) needs.force = force;
    }
    for (const [name, value] of Object.entries(needs)) {
      if (!Number.isFinite(value))
        throw new FormatError(`[InkStream] expected ${name} of every point, as the model needs it, received ${value}.`);
    }
  }

  #read(rows: readonly FeatureRow[]): void {
    const frames: [Floats, FeatureRow][] = [];
    for (const row of rows) {
      const x = Float32Array.from(row.values);
      this.#recognizer.extractor.scale(x);
      const frame = this.#encoder.step(x);
      if (frame !== null) frames.push([frame, row]);
    }
    this.#decode(frames);
  }

  #decode(frames: readonly (readonly [Floats, FeatureRow])[]): void {
    if (frames.length === 0) return;
    const { output } = this.#recognizer.model;
    const width = frames[0][0].length;
    const values = new Float32Array(frames.length * width);
    for (const [t, [frame, row]] of frames.entries()) {
      values.set(frame, t * width);
      this.#frames.push(row);
    }
    const x = tensor(values, { shape: [frames.length, width], backend: output.weight.backend });
    this.#decoder.push(scope(() => noGrad(() => output.forward(x).dataSync())));
  }
}

function greedy(decoder: CtcGreedyDecoder): { symbols: number[]; frames: number[] } {
  const { symbols } = decoder.result;
  return { symbols: symbols.map(({ symbol }) => symbol), frames: symbols.map(({ start }) => start) };
}
