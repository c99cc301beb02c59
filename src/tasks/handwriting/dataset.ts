/** From files to what a recogniser learns from. */
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import { Fingerprint } from '../fingerprint.ts';
import { Alphabet } from './alphabet.ts';
import type { HandwritingArchitecture, InputKind } from './config.ts';
import { FeatureExtractor } from './features.ts';
import type { Handwriting } from './ink.ts';
import { type ReadingOptions, type ResolvedOptions, readingOf } from './options.ts';
import { type HandwritingSource, readHandwriting } from './read.ts';

/** Files as a caller names them: paths, or sources. */
export type HandwritingSources = readonly HandwritingSource[];

/** A line, and the classes of its characters. */
export interface HandwritingSample {
  readonly writing: Handwriting;
  readonly target: Int32Array;
}

/** What is learnt from, what it is validated on, and what the numbers stand for. */
export interface HandwritingData {
  readonly alphabet: Alphabet;
  readonly extractor: FeatureExtractor;
  readonly train: readonly HandwritingSample[];
  readonly valid: readonly HandwritingSample[];
  /** Steps of each of `train`, before any augmentation. */
  readonly lengths: Int32Array;
  readonly fingerprint: string;
}

/**
 * Reads the files. The alphabet is that of the lines that are learnt from.
 *
 * @throws FormatError naming file and line, ConfigError when options do not fit the files
 */
export async function readHandwritingData(
  sources: { readonly train: HandwritingSources; readonly valid?: HandwritingSources },
  options: ResolvedOptions,
): Promise<HandwritingData> {
  const given = await readLines(sources.train, readingOf(options));
  const apart = (sources.valid ?? []).length === 0 ? null : await readLines(sources.valid!, readingOf(options));
  const [train, valid] = apart === null ? setAside(given, options) : [given, apart];
  const alphabet = Alphabet.of(given.map(({ text }) => text ?? ''));
  const samplesOf = (lines: readonly Handwriting[]): HandwritingSample[] =>
    lines.map((writing) => ({ writing, target: alphabet.encode(writing) }));
  const samples = { train: samplesOf(train), valid: samplesOf(valid) };
  const extractor = FeatureExtractor.fitted(
    { input: inputOf(options, train), normalize: options.normalize, slant: options.slant, restSteps: options.restSteps },
    train,
  );
  const factor = options.factors.reduce((product, each) => product * each, 1);
  const lengths = Int32Array.from(samples.train, ({ writing, target }) => {
    const { steps } = extractor.extract(writing);
    requireSteps(writing, target, steps, factor);
    return steps;
  });
  return { ...samples, alphabet, extractor, lengths, fingerprint: fingerprintOf([...train, ...valid]) };
}

/** All lines of the files, with their texts. @throws FormatError when a file has none */
export async function readLines(sources: HandwritingSources, options: ReadingOptions): Promise<Handwriting[]> {
  const lines: Handwriting[] = [];
  for (const source of sources) {
    for await (const line of readHandwriting(source, options)) {
      if (line.text === null) {
        throw new FormatError(
          'expected the text of this line, to learn or to judge by, found none. InkML: an annotation "truth"; SVG: <title>; UNIPEN: .SEGMENT; JSON: "text"; images: a table.',
          { file: line.file, line: line.line },
        );
      }
      lines.push(line);
    }
  }
  if (lines.length === 0) throw new ConfigError('expected at least one line of handwriting, received none.');
  return lines;
}

function inputOf(options: ResolvedOptions, lines: readonly Handwriting[]): InputKind {
  const images = lines.filter(({ kind }) => kind === 'image').length;
  if (images > 0 && images < lines.length) {
    throw new ConfigError(`expected either ink or images, received ${lines.length - images} lines of ink and ${images} images.`);
  }
  if (images > 0) return { kind: 'columns', height: options.imageHeight };
  const { representation, resample, spacing, features, tolerance } = options;
  return representation === 'bezier' ? { kind: 'bezier', tolerance } : { kind: 'points', resample, spacing, features };
}

/** CTC spells a text only where there are as many frames as it has characters, and one more between equal ones. */
function requireSteps({ text, file, line }: Handwriting, target: Int32Array, steps: number, factor: number): void {
  const needed = target.length + target.filter((k, i) => i > 0 && k === target[i - 1]).length;
  if (Math.ceil(steps / factor) >= needed) return;
  throw new FormatError(
    `expected at least ${needed * factor} steps for "${text}", received ${steps}: too little ink for so much text. Make spacing, tolerance or factors smaller, or leave the line out.`,
    { file, line },
  );
}

function setAside(
  lines: readonly Handwriting[],
  { validFraction, seed }: { readonly validFraction: number; readonly seed: number },
): [train: Handwriting[], valid: Handwriting[]] {
  const count = Math.max(1, Math.round(lines.length * validFraction));
  if (count >= lines.length) {
    throw new ConfigError(
      `expected enough lines to set some aside for validation, received ${lines.length}. Give more, or a file of them with valid.`,
    );
  }
  const isAside = new Set(new Random(seed).fork('validation').permutation(lines.length).subarray(0, count));
  return [lines.filter((_, i) => !isAside.has(i)), lines.filter((_, i) => isAside.has(i))];
}

function fingerprintOf(lines: readonly Handwriting[]): string {
  const fingerprint = new Fingerprint();
  for (const line of lines) {
    fingerprint.text(line.text ?? '');
    if (line.kind === 'image') fingerprint.numbers([line.width, line.height]).numbers(line.pixels.map((value) => Math.round(255 * value)));
    else
      for (const { x, y, t } of line.strokes)
        fingerprint
          .numbers(x)
          .numbers(y)
          .numbers(t ?? []);
  }
  return fingerprint.toString();
}

/** Of a model that is built anew. */
export function architectureOf(
  { cell, hiddenSize, factors, bidirectional, dropout }: ResolvedOptions,
  { alphabet, extractor }: HandwritingData,
): HandwritingArchitecture {
  const { size: inputSize, settings } = extractor;
  return { ...settings, inputSize, cell, hiddenSize, factors, bidirectional, dropout, classes: alphabet.classes };
}
