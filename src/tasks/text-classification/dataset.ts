/** From labelled texts to what a classifier learns from: words and labels as numbers, and a part set aside for validation. */
import { type TextSource, textFile } from '../../data/text/text-source.ts';
import { readWordVectors } from '../../data/text/word-vectors.ts';
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import { Fingerprint } from '../fingerprint.ts';
import { TokenFeatures } from '../tagging/token-features.ts';
import { type EncodedWords, WordCounts, WordEncoder } from '../words/word-encoder.ts';
import { unknownRates } from '../words/word-features.ts';
import { type LabelledText, type LabelledTextFormat, labelledTexts } from './labelled-texts.ts';
import type { ResolvedOptions } from './options.ts';
import { splitWords } from './split-words.ts';

/** Files as a caller names them: paths, or sources. */
export type LabelledTextFiles = readonly (string | TextSource)[];

/** A text and its labels in numbers. */
export interface ClassifierExample {
  readonly words: EncodedWords;
  readonly labels: Int32Array;
}

/** What is learnt from, what it is validated on, and what the numbers stand for. */
export interface ClassifierData {
  readonly encoder: WordEncoder;
  /** What is known of words beside their letters. */
  readonly features: TokenFeatures;
  readonly labels: readonly string[];
  readonly isMultiLabel: boolean;
  readonly train: readonly ClassifierExample[];
  readonly valid: readonly ClassifierExample[];
  /** Texts of `train` with each label. */
  readonly labelCounts: Int32Array;
  /** How often each word is taken as unknown while training. */
  readonly unknownRates: Float32Array | null;
  /** Vectors to begin with, of words in the vocabulary; null: none were given. */
  readonly vectors: { readonly size: number; readonly vectors: ReadonlyMap<string, Float32Array> } | null;
  /** Of all that was read. */
  readonly fingerprint: string;
}

/**
 * Reads the files. Vocabularies are those of the texts that are learnt from; labels are those of all training files.
 *
 * @throws FormatError naming file, line and column, ConfigError when options do not fit the files
 */
export async function readClassifierData(
  files: { readonly train: LabelledTextFiles; readonly valid?: LabelledTextFiles },
  options: ResolvedOptions,
): Promise<ClassifierData> {
  const format = formatOf(options);
  const isMultiLabel = options.labelSeparator !== undefined;
  const given = await readAll(files.train, format);
  const labels = labelsOf(given, isMultiLabel);
  const apart = files.valid === undefined || files.valid.length === 0 ? null : await readAll(files.valid, format, labels);
  const [train, valid] = apart === null ? setAside(given, options) : [given, apart];

  const features = new TokenFeatures(options.features, []);
  const counts = new WordCounts({ lowercase: options.lowercase, features: features.names.length });
  const fingerprint = new Fingerprint();
  const split = (texts: readonly LabelledText[]) =>
    texts.map(({ text, labels: own }) => {
      fingerprint.text(text);
      for (const label of own) fingerprint.text(label);
      return splitWords(text, options.maxLength);
    });
  const [trainWords, validWords] = [split(train), split(valid)];
  for (const words of trainWords) counts.add(words, valuesOf(features, words));
  const encoder = WordEncoder.of(counts, { minCount: options.minCount });
  const vectors =
    options.wordVectors === undefined ? null : await readWordVectors(textFile(options.wordVectors), (word) => encoder.words.has(word));

  const numbers = numbersOf(labels);
  const encode = (texts: readonly LabelledText[], words: readonly string[][]): ClassifierExample[] =>
    texts.map((text, i) => ({ words: encoder.encode(words[i], valuesOf(features, words[i])), labels: labelIds(text, numbers) }));
  const data = { train: encode(train, trainWords), valid: encode(valid, validWords) };
  const labelCounts = new Int32Array(labels.length);
  for (const { labels: own } of data.train) for (const k of own) labelCounts[k]++;
  return {
    ...data,
    encoder,
    features,
    labels,
    isMultiLabel,
    labelCounts,
    unknownRates: unknownRates(encoder.words, counts.words, options.wordDropout),
    vectors,
    fingerprint: fingerprint.toString(),
  };
}

/** Of each feature the words' values. */
export function valuesOf(features: TokenFeatures, words: readonly string[]): string[][] {
  return features.valuesOf({ words, fields: null });
}

/** What of the options says how files are written. */
export function formatOf({ textColumn, labelColumn, columns, delimiter, labelSeparator }: LabelledTextFormat): LabelledTextFormat {
  return { textColumn, labelColumn, columns, delimiter, labelSeparator };
}

/** All texts of the files. @param known see `labelledTexts`; @throws FormatError when a file has none, or has labels beside the known ones */
export async function readAll(files: LabelledTextFiles, format: LabelledTextFormat, known?: readonly string[]): Promise<LabelledText[]> {
  const texts: LabelledText[] = [];
  for (const file of files) {
    const source = typeof file === 'string' ? textFile(file) : file;
    const before = texts.length;
    for await (const text of labelledTexts(source, format, known)) texts.push(text);
    if (texts.length === before)
      throw new FormatError('expected texts and labels, received none.', { file: source.name, line: 1, column: 1 });
  }
  return texts;
}

/** Numbers of a text's labels, each of which has one, ascending. */
export function labelIds({ labels }: LabelledText, numbers: ReadonlyMap<string, number>): Int32Array {
  return Int32Array.from(labels, (label) => numbers.get(label)!).sort();
}

/** Of each label its number: where it stands among all. */
export function numbersOf(labels: readonly string[]): ReadonlyMap<string, number> {
  return new Map(labels.map((label, k) => [label, k]));
}

/** Every label of the texts: numbers by their size, before others by their code units. */
function labelsOf(texts: readonly LabelledText[], isMultiLabel: boolean): string[] {
  const labels = [...new Set(texts.flatMap((text) => text.labels))];
  if (labels.length < (isMultiLabel ? 1 : 2)) {
    const { file, line } = texts[texts.length - 1];
    throw new FormatError(
      `expected texts of at least two labels, received ${labels.length === 0 ? 'no label at all' : `only "${labels[0]}"`}.`,
      {
        file,
        line,
      },
    );
  }
  const rank = (label: string) => (Number.isFinite(Number(label)) ? Number(label) : Number.POSITIVE_INFINITY);
  return labels.sort((a, b) => (rank(a) === rank(b) ? (a < b ? -1 : 1) : rank(a) - rank(b)));
}

/**
 * A part of the texts for validation: chosen by chance, the same share of each label (the first one, where there are several),
 * for files are often sorted by label. A label's only text is never set aside.
 */
function setAside(
  texts: readonly LabelledText[],
  { validFraction, seed }: { readonly validFraction: number; readonly seed: number },
): [train: LabelledText[], valid: LabelledText[]] {
  const byLabel = new Map<string, number[]>();
  const order = new Random(seed).fork('validation').permutation(texts.length);
  for (const i of order) {
    const label = texts[i].labels[0] ?? '';
    const group = byLabel.get(label);
    if (group === undefined) byLabel.set(label, [i]);
    else group.push(i);
  }
  // Every so many of all groups in a row: each has its share, up to one.
  const candidates = [...byLabel.values()].filter((group) => group.length > 1).flat();
  const wanted = Math.max(1, Math.round(texts.length * validFraction));
  if (candidates.length < 2 || wanted >= texts.length) {
    throw new ConfigError(
      `expected enough texts to set some aside for validation, received ${texts.length}. Give more, or a validation file.`,
    );
  }
  const chosen = new Set(Array.from({ length: wanted }, (_, j) => candidates[Math.floor(((j + 0.5) * candidates.length) / wanted)]));
  return [texts.filter((_, i) => !chosen.has(i)), texts.filter((_, i) => chosen.has(i))];
}
