/** From a line of handwriting to the numbers that a model reads, and back to where in the line they come from. */
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import type { Random } from '../../tensor/random.ts';
import { BezierTracer } from './bezier-tracer.ts';
import { columnsOf } from './column-features.ts';
import type { HandwritingArchitecture, HandwritingNormalization, InputKind } from './config.ts';
import { type Augmentation, augmentInk, lineHeightOf, normalizeInk, randomAffine, transformed } from './geometry.ts';
import type { Handwriting, Ink, LineImage, Stroke } from './ink.ts';
import { PointTracer } from './point-tracer.ts';
import { type Tracer, traceInk } from './tracer.ts';

/** Features of a line, and where each step comes from. */
export interface LineFeatures {
  /** T */
  readonly steps: number;
  /** [T, F] row-major, scaled. */
  readonly values: Float32Array;
  /** [T] of ink the stroke, from 0; of an image 0. */
  readonly strokes: Int32Array;
  /** [T] the last point of the stroke that the step tells of, or the column of pixels, from 0. */
  readonly points: Int32Array;
}

/** A random change of what is learnt from. */
export interface Augmenting {
  readonly augmentation: Augmentation;
  readonly rng: Random;
}

/** What makes features: settings of a model, and how its features are scaled. */
export type FeatureSettings = Pick<HandwritingArchitecture, 'input' | 'normalize' | 'slant' | 'restSteps'>;

/** @returns what follows the pen; of settings for ink */
export function tracerOf(input: InputKind): Tracer {
  switch (input.kind) {
    case 'points':
      return new PointTracer(input);
    case 'bezier':
      return new BezierTracer(input);
    case 'columns':
      throw new ConfigError('a model of images cannot follow a pen. Give it images, or train one on ink.');
    default:
      throw new Error(`unreachable: ${input satisfies never}`);
  }
}

/** F: numbers of a step. */
export function featureCount(input: InputKind): number {
  return input.kind === 'columns' ? input.height : tracerOf(input).columns.length;
}

/** Features before they are scaled. @param lineHeight the usual height, for the normalisation `training` */
export function rawFeatures(
  writing: Handwriting,
  settings: FeatureSettings,
  lineHeight: number | null,
  augmenting?: Augmenting,
): LineFeatures {
  if ((writing.kind === 'image') !== (settings.input.kind === 'columns')) {
    throw new FormatError(
      `expected ${settings.input.kind === 'columns' ? 'images, as' : 'ink, as'} the model was trained on, received ${writing.kind === 'image' ? 'an image' : 'ink'}.`,
      { file: writing.file, line: writing.line },
    );
  }
  return writing.kind === 'image' ? imageFeatures(writing, settings, augmenting) : inkFeatures(writing, settings, lineHeight, augmenting);
}

function inkFeatures(ink: Ink, settings: FeatureSettings, lineHeight: number | null, augmenting?: Augmenting): LineFeatures {
  requireChannels(ink, settings.input);
  const sized = settings.normalize === 'ink' ? normalizeInk(ink.strokes, settings) : fromFirstPoint(ink.strokes, lineHeight ?? 1);
  const strokes = augmenting === undefined ? sized : augmentInk(sized, augmenting.augmentation, augmenting.rng);
  const tracer = tracerOf(settings.input);
  const rows = traceInk(tracer, strokes, settings.restSteps);
  const values = new Float32Array(rows.length * tracer.columns.length);
  rows.forEach((row, t) => {
    values.set(row.values, t * tracer.columns.length);
  });
  return {
    steps: rows.length,
    values,
    strokes: Int32Array.from(rows, ({ stroke }) => stroke),
    points: Int32Array.from(rows, ({ point }) => point),
  };
}

function imageFeatures(image: LineImage, { input }: FeatureSettings, augmenting?: Augmenting): LineFeatures {
  const { height } = input as Extract<InputKind, { kind: 'columns' }>;
  const shape = augmenting && randomAffine(augmenting.augmentation, augmenting.rng);
  const { values, columns } = columnsOf(image, height, shape);
  const noise = augmenting?.augmentation.jitter ?? 0;
  if (noise > 0) {
    const drawn = augmenting!.rng.fillNormal(new Float32Array(values.length), 0, noise);
    for (let i = 0; i < values.length; i++) values[i] += drawn[i];
  }
  return { steps: columns.length, values, strokes: new Int32Array(columns.length), points: columns };
}

/** Height 1 is the usual one, and the first point the origin: all that is known while a line is being written. */
function fromFirstPoint(strokes: readonly Stroke[], lineHeight: number): Stroke[] {
  const scale = 1 / lineHeight;
  const [{ x, y }] = strokes;
  return transformed(strokes, { a: scale, b: 0, c: 0, d: scale, e: -x[0] * scale, f: -y[0] * scale });
}

/** @throws FormatError when features are asked for that the ink has no numbers for */
function requireChannels({ strokes, file, line }: Ink, input: InputKind): void {
  if (input.kind !== 'points') return;
  const { features, resample } = input;
  const needs = (what: 'times' | 'forces', why: string, has: (stroke: Stroke) => boolean): void => {
    if (strokes.every(has)) return;
    throw new FormatError(`expected ${what} of all points, which ${why} needs; this ink has none. Leave it out.`, { file, line });
  };
  if (resample === 'time') needs('times', 'resample time', ({ t }) => t !== null);
  if (features.includes('time')) needs('times', 'the feature time', ({ t }) => t !== null);
  if (features.includes('force')) needs('forces', 'the feature force', ({ force }) => force !== null);
}

/** Makes a model's features of lines. */
export class FeatureExtractor {
  readonly settings: FeatureSettings;
  readonly normalization: HandwritingNormalization;
  /** F */
  readonly size: number;

  constructor(settings: FeatureSettings, normalization: HandwritingNormalization) {
    this.settings = settings;
    this.normalization = normalization;
    this.size = featureCount(settings.input);
  }

  /** Settings with the scale of the training's lines: features of mean 0 and deviation 1. */
  static fitted(settings: FeatureSettings, lines: readonly Handwriting[]): FeatureExtractor {
    const heights = lines.flatMap((line) => (line.kind === 'ink' ? lineHeightOf(line.strokes) : [])).sort((a, b) => a - b);
    const lineHeight = heights[Math.floor(heights.length / 2)] ?? null;
    const F = featureCount(settings.input);
    const [sums, squares] = [new Float64Array(F), new Float64Array(F)];
    let count = 0;
    // A part of many lines says as much.
    const every = Math.max(1, Math.floor(lines.length / mostFitted));
    for (let i = 0; i < lines.length; i += every) {
      const { values, steps } = rawFeatures(lines[i], settings, lineHeight);
      count += steps;
      for (let k = 0; k < values.length; k++) {
        sums[k % F] += values[k];
        squares[k % F] += values[k] ** 2;
      }
    }
    const isImage = settings.input.kind === 'columns';
    // All pixels alike: a row of the picture that is mostly empty is not to be blown up.
    const pooled = (values: Float64Array): number[] =>
      Array.from(values, (value) => (isImage ? values.reduce((sum, each) => sum + each, 0) / F : value) / count);
    const mean = pooled(sums);
    const deviation = pooled(squares).map((square, f) => Math.sqrt(Math.max(0, square - mean[f] ** 2)) || 1);
    return new FeatureExtractor(settings, { mean, deviation: deviation.map((d) => Math.max(d, 1e-3)), lineHeight });
  }

  /** @throws FormatError when the line is of another kind than the training's, or has no times where they are needed */
  extract(writing: Handwriting, options: { readonly augmenting?: Augmenting; readonly lineHeight?: number } = {}): LineFeatures {
    const raw = rawFeatures(writing, this.settings, options.lineHeight ?? this.normalization.lineHeight, options.augmenting);
    this.scale(raw.values);
    return raw;
  }

  /** Scales rows of features where they are. */
  scale(values: Float32Array | Float64Array): void {
    const { mean, deviation } = this.normalization;
    for (let i = 0; i < values.length; i++) values[i] = (values[i] - mean[i % this.size]) / deviation[i % this.size];
  }
}

const mostFitted = 2000;
