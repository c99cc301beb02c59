/** Tags for sentences that have none: of a text, or of a file of columns, which is written back with them. */
import { pattern } from '../../data/text/pattern.ts';
import { linesIn, type TextSource } from '../../data/text/text-source.ts';
import { type Entity, entitiesIn } from '../metrics/entities.ts';
import { parseOptions } from '../schema.ts';
import { type ColumnFile, type ColumnSentence, openColumns, withField, wordColumn } from './column-file.ts';
import type { SentenceBatch, Tagger } from './model.ts';
import { predictSchema, type TagOptions } from './options.ts';
import type { TrainedTagger } from './saved.ts';
import type { FeatureTokens } from './token-features.ts';

/** A sentence as the tagger sees it. */
export interface SentenceTags {
  readonly words: readonly string[];
  readonly tags: readonly string[];
  /** Of each word's tag, in [0, 1]. */
  readonly probabilities: readonly number[];
  /** Where the tags are entities; the type of those without one is empty. */
  readonly entities?: readonly (Entity & { readonly text: string })[];
  /** The most probable taggings, the best first, where more than one was asked for. */
  readonly nBest?: readonly { readonly tags: readonly string[]; readonly probability: number }[];
}

/** A sentence's tags, and its lines with them. */
export interface TaggedLines {
  readonly text: string;
  /** null: comments at a file's end. */
  readonly sentence: SentenceTags | null;
}

/** Sentences of one forward. */
const batchSize = 32;

/**
 * Tags a text, a sentence a line, or a file of columns. What comes is written in the format of the training data: a column
 * file with its target column filled in and all else as it was.
 *
 * @throws ConfigError when the model reads a column that the input does not have, FormatError naming file, line and column
 * @example
 * const tagger = await loadTagger('runs/upos/model.safetensors');
 * for await (const { sentence } of tagText(tagger, textOf('Time flies like an arrow'))) console.log(sentence?.tags);
 */
export async function* tagText(tagger: TrainedTagger, source: TextSource, given: TagOptions = {}): AsyncGenerator<TaggedLines> {
  const options = parseOptions(predictSchema(), given);
  const { format, columns, target } = tagger.encoder.vocabulary;
  const { isColumns, source: whole } = await inputOf(source, options.inputFormat);
  if (isColumns) {
    const file = await openColumns(whole, { format, columns, mayLack: target });
    yield* tagged(tagger, sentencesOf(file), options, (sentence, result, paths) =>
      filledIn(sentence, file, target, result, options, paths),
    );
    return;
  }
  const isConllu = format === 'conllu';
  yield* tagged(tagger, textSentences(whole, options.tokenize), options, ({ words }, result, paths) =>
    isConllu ? conlluLines(words, columns.indexOf(target), result, options, paths) : columnLines(words, result, options),
  );
}

interface Input extends FeatureTokens {
  /** null: plain text. */
  readonly sentence: ColumnSentence | null;
}

type Options = ReturnType<typeof parseOptions<ReturnType<typeof predictSchema>>>;
type Format = (input: Input, tags: SentenceTags | null, paths: readonly string[]) => string;

async function* tagged(
  { model, encoder }: TrainedTagger,
  inputs: AsyncIterable<Input>,
  options: Options,
  format: Format,
): AsyncGenerator<TaggedLines> {
  const isEntities = encoder.vocabulary.scheme !== null;
  const numTags = encoder.vocabulary.tags.length;
  for await (const batch of inGroups(inputs, batchSize)) {
    const full = batch.filter(({ words }) => words.length > 0);
    const results = full.length === 0 ? [] : explored(model, encoder.collate(encoder.encode(full)), options.nBest);
    let next = 0;
    for (const input of batch) {
      if (input.words.length === 0) {
        yield { text: format(input, null, []), sentence: null };
        continue;
      }
      const { taggings, probabilities } = results[next++];
      const paths = taggings.map(({ tags, probability }) => ({ tags: encoder.decodeTags(tags), probability }));
      const [{ tags }] = paths;
      const sentence: SentenceTags = {
        words: input.words,
        tags,
        probabilities: Array.from(taggings[0].tags, (id, t) => rounded(probabilities[t * numTags + id])),
        ...(isEntities
          ? { entities: entitiesIn(tags).map((entity) => ({ ...entity, text: input.words.slice(entity.start, entity.end).join(' ') })) }
          : {}),
        ...(options.nBest > 1
          ? { nBest: paths.map(({ tags: ofPath, probability }) => ({ tags: ofPath, probability: rounded(probability) })) }
          : {}),
      };
      const comments =
        options.nBest > 1 ? paths.map((path, rank) => `${rank + 1} (${path.probability.toFixed(4)}): ${path.tags.join(' ')}`) : [];
      yield { text: format(input, sentence, comments), sentence };
    }
  }
}

/** In evaluation mode, whatever mode the model is in. */
function explored(model: Tagger, batch: SentenceBatch, nBest: number): ReturnType<Tagger['explore']> {
  const wasTraining = model.isTraining;
  try {
    return model.eval().explore(batch, nBest);
  } finally {
    model.train(wasTraining);
  }
}

function rounded(probability: number): number {
  return Math.round(probability * 1e6) / 1e6;
}

async function* inGroups<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let group: T[] = [];
  for await (const item of items) {
    group.push(item);
    if (group.length === size) {
      yield group;
      group = [];
    }
  }
  if (group.length > 0) yield group;
}

/** The first sentence of an input that `tagText` would tag; null when there is none. */
export async function firstSentence({ encoder }: TrainedTagger, source: TextSource): Promise<FeatureTokens | null> {
  const { tokenize, inputFormat } = parseOptions(predictSchema(), {});
  const { format, columns, target } = encoder.vocabulary;
  const { isColumns, source: whole } = await inputOf(source, inputFormat);
  const sentences = isColumns
    ? sentencesOf(await openColumns(whole, { format, columns, mayLack: target }))
    : textSentences(whole, tokenize);
  for await (const sentence of sentences) if (sentence.words.length > 0) return sentence;
  return null;
}

// ---- input --------------------------------------------------------------------------------------------------------------

/** Whether the input has columns: its name says so, or a tab in its first line that is no comment. */
async function inputOf(source: TextSource, asked: Options['inputFormat']): Promise<{ isColumns: boolean; source: TextSource }> {
  if (asked !== undefined) return { isColumns: asked === 'columns', source };
  if (/\.(conllu?|conllx|iob2?|bio|tsv)$/i.test(source.name)) return { isColumns: true, source };
  const pieces = source.chunks()[Symbol.asyncIterator]();
  const ahead: string[] = [];
  let first: string | undefined;
  // What was looked at is read again: standard input comes once.
  while (first === undefined) {
    const { value, done } = await pieces.next();
    if (done === true) break;
    ahead.push(value);
    first = /^(?!#)[^\n]*\S[^\n]*\n/m.exec(ahead.join(''))?.[0];
  }
  first ??= ahead.join('');
  const again: TextSource = {
    name: source.name,
    async *chunks() {
      yield* ahead;
      for (let piece = await pieces.next(); piece.done !== true; piece = await pieces.next()) yield piece.value;
    },
  };
  return { isColumns: first.includes('\t'), source: again };
}

async function* sentencesOf(file: ColumnFile): AsyncGenerator<Input> {
  const word = wordColumn(file.columns);
  for await (const sentence of file.sentences) {
    const fields = sentence.tokens.map((token) => token.fields);
    yield { words: fields.map((values) => values[word]), fields, sentence };
  }
}

async function* textSentences(source: TextSource, tokenize: boolean): AsyncGenerator<Input> {
  for await (const line of linesIn(source)) {
    const words = tokenize ? tokensOf(line) : line.split(/\s+/).filter((word) => word !== '');
    if (words.length > 0) yield { words, fields: null, sentence: null };
  }
}

const plainWords = pattern('gu')`[\p{L}\p{M}]+(?:['’-][\p{L}\p{M}]+)*|\p{N}+(?:[.,:]\p{N}+)*|[@#][\p{L}\p{N}_]+|\.{2,}|[^\s]`;

/** Words, numbers and marks of a line: "don't" is one word, "3.50" one number, each other mark its own. */
export function tokensOf(line: string): string[] {
  return line.match(plainWords()) ?? [];
}

// ---- output -------------------------------------------------------------------------------------------------------------

function filledIn(
  { sentence }: Input,
  { format, columns, separator }: ColumnFile,
  target: string,
  result: SentenceTags | null,
  options: Options,
  paths: readonly string[],
): string {
  const { tokens, lines } = sentence!;
  const filled = [...lines];
  tokens.forEach(({ place }, t) => {
    filled[place] = withField(lines[place], columns.indexOf(target), result!.tags[t], separator);
    if (options.probabilities) filled[place] = withProbability(filled[place], format === 'conllu', result!.probabilities[t], separator);
    if (format !== 'conllu') filled[place] = [filled[place], ...furtherTags(result!, t)].join(separator === 'tab' ? '\t' : ' ');
  });
  if (paths.length > 0 && format === 'conllu') filled.splice(tokens[0].place, 0, ...paths.map((path) => `# tagging ${path}`));
  return filled.map((line) => `${line}\n`).join('');
}

/** In CoNLL-U it goes to the last column, otherwise into one of its own. */
function withProbability(line: string, isConllu: boolean, probability: number, separator: 'tab' | 'blanks'): string {
  const shown = probability.toFixed(4);
  if (!isConllu) return `${line}${separator === 'tab' ? '\t' : ' '}${shown}`;
  const misc = line.slice(line.lastIndexOf('\t') + 1);
  return withField(line, 9, misc === '_' ? `Probability=${shown}` : `${misc}|Probability=${shown}`, 'tab');
}

function conlluLines(
  words: readonly string[],
  column: number,
  result: SentenceTags | null,
  options: Options,
  paths: readonly string[],
): string {
  const lines = words.map((word, t) => {
    const fields = [String(t + 1), word, ...new Array<string>(8).fill('_')];
    fields[column] = result!.tags[t];
    const line = fields.join('\t');
    return options.probabilities ? withProbability(line, true, result!.probabilities[t], 'tab') : line;
  });
  return `${[`# text = ${words.join(' ')}`, ...paths.map((path) => `# tagging ${path}`), ...lines].join('\n')}\n\n`;
}

function columnLines(words: readonly string[], result: SentenceTags | null, { probabilities }: Options): string {
  const lines = words.map((word, t) =>
    [word, result!.tags[t], ...(probabilities ? [result!.probabilities[t].toFixed(4)] : []), ...furtherTags(result!, t)].join('\t'),
  );
  return `${lines.join('\n')}\n\n`;
}

/** Of a token, in the second best tagging and those after it: a column each, where there is no line for them. */
function furtherTags({ nBest = [] }: SentenceTags, t: number): string[] {
  return nBest.slice(1).map(({ tags }) => tags[t]);
}
