/** Reads captions of images: tables (CSV, TSV), and JSON as Karpathy & Fei-Fei (2015) published their splits in. Every fault names its place. */
import { fieldFault, openTable, type TableHead, type TableRow } from '../../data/records/delimited.ts';
import { firstJsonFault } from '../../data/records/json-lines.ts';
import { type TextSource, textIn, textOf } from '../../data/text/text-source.ts';
import { FormatError, unknownName } from '../../tensor/errors.ts';

/** How a table is written. */
export interface CaptionFormat {
  /** Default `image`. */
  readonly imageColumn?: string;
  /** Default `caption`. */
  readonly captionColumn?: string;
  /** Default `split`; there need not be one. */
  readonly splitColumn?: string;
}

/** An image and what is said of it. */
export interface CaptionedImage {
  /** As it is named in the file. */
  readonly image: string;
  readonly captions: readonly string[];
  /** train, val, test, restval, …; null: the file does not say. */
  readonly split: string | null;
  readonly file: string;
  /** Of its first caption; null: the file has no lines. */
  readonly line: number | null;
}

/**
 * All images of a file, each once, with all of its captions, in the order in which they first occur. A file whose name ends in `.json` is
 * `{"images": [{"filename": …, "split": …, "sentences": [{"raw": …}]}]}`; any other is a table, a caption a row.
 *
 * @throws FormatError naming file, line and column, or the entry: a column or field that is missing, an empty caption or name, an image
 *         in two splits, no captions
 */
export async function readCaptions(source: TextSource, format: CaptionFormat = {}): Promise<CaptionedImage[]> {
  const images = /\.json$/i.test(source.name) ? fromJson(await textIn(source), source.name) : await fromTable(source, format);
  if (images.length === 0) throw new FormatError('expected images and their captions, received none.', { file: source.name });
  return images;
}

// ---- tables -----------------------------------------------------------------------------------------------------------

interface Collected {
  readonly captions: string[];
  readonly split: string | null;
  readonly line: number;
}

async function fromTable(source: TextSource, { imageColumn = 'image', captionColumn = 'caption', splitColumn }: CaptionFormat) {
  const { rows, ...head } = await openTable(textOf(await textIn(source), source.name));
  const place = (name: string, option: string): number => {
    const index = head.columns.indexOf(name);
    if (index >= 0) return index;
    const message = `${unknownName('column', name, head.columns)} The first row names the columns; say with ${option} which one it is.`;
    throw new FormatError(message, { file: head.name, line: 1, column: 1 });
  };
  const at = { image: place(imageColumn, 'imageColumn'), caption: place(captionColumn, 'captionColumn') };
  const split = splitColumn === undefined ? head.columns.indexOf('split') : place(splitColumn, 'splitColumn');
  const known = new Map<string, Collected>();
  for await (const row of rows) {
    const image = filled(head, row, at.image, 'the name of an image').trim();
    const caption = filled(head, row, at.caption, 'a caption').trim();
    const part = split < 0 ? null : filled(head, row, split, 'train, val or test').trim();
    const before = known.get(image);
    if (before === undefined) {
      known.set(image, { captions: [caption], split: part, line: row.line });
      continue;
    }
    if (before.split !== part) {
      throw fieldFault(
        head,
        row,
        split,
        `image "${image}" is in the split "${before.split}" in line ${before.line} and in "${part}" here. An image belongs to one: what is learnt from must not be tested on.`,
      );
    }
    before.captions.push(caption);
  }
  return [...known].map(([image, collected]): CaptionedImage => ({ image, ...collected, file: source.name }));
}

function filled(head: TableHead, row: TableRow, index: number, what: string): string {
  const value = row.fields[index];
  if (value.trim() === '')
    throw fieldFault(head, row, index, `expected ${what}, received an empty field. Fill it in, or leave the row out.`);
  return value;
}

// ---- JSON -------------------------------------------------------------------------------------------------------------

type Json = Readonly<Record<string, unknown>>;

function fromJson(text: string, file: string): CaptionedImage[] {
  const { images } = object(parsed(text, file), file, 'the file');
  if (!Array.isArray(images)) {
    throw new FormatError(
      `expected {"images": [{"filename": "…", "split": "…", "sentences": [{"raw": "…"}]}]}, found ${shown(images)} as "images".`,
      { file },
    );
  }
  const places = new Map<string, number>();
  return images.map((entry: unknown, i) => {
    const where = `images[${i}]`;
    const fields = object(entry, file, where);
    const name = fields.filename ?? fields.file_name ?? fields.image;
    if (typeof name !== 'string' || name.trim() === '') throw fault(file, `${where}: expected a name as "filename", found ${shown(name)}.`);
    const folder = typeof fields.filepath === 'string' && fields.filepath !== '' ? `${fields.filepath}/` : '';
    const image = folder + name;
    const before = places.get(image);
    if (before !== undefined)
      throw fault(file, `${where}: image "${image}" has been named already, as images[${before}]. Join their sentences.`);
    places.set(image, i);
    const split = fields.split ?? null;
    if (split !== null && typeof split !== 'string')
      throw fault(file, `${where} ("${image}"): expected a name as "split", found ${shown(split)}.`);
    if (!Array.isArray(fields.sentences) || fields.sentences.length === 0) {
      throw fault(file, `${where} ("${image}"): expected a list of captions as "sentences", found ${shown(fields.sentences)}.`);
    }
    const captions = fields.sentences.map((sentence: unknown, k) => sentenceOf(sentence, file, `${where}.sentences[${k}] ("${image}")`));
    return { image, captions, split, file, line: null };
  });
}

function sentenceOf(sentence: unknown, file: string, where: string): string {
  const fields = typeof sentence === 'string' ? { raw: sentence } : object(sentence, file, where);
  const { raw, tokens } = fields as Json;
  const isTokens = Array.isArray(tokens) && tokens.every((token) => typeof token === 'string');
  const caption = typeof raw === 'string' ? raw : isTokens ? tokens.join(' ') : undefined;
  if (caption === undefined) throw fault(file, `${where}: expected a caption as "raw", or its words as "tokens", found ${shown(raw)}.`);
  if (caption.trim() === '') throw fault(file, `${where}: expected a caption, found an empty one. Fill it in, or leave it out.`);
  return caption.trim();
}

function object(value: unknown, file: string, where: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw fault(file, `${where}: expected an object, found ${shown(value)}.`);
}

/** @throws FormatError with line and column of what is no JSON */
function parsed(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const at = firstJsonFault(text);
    const before = text.slice(0, at).split('\n');
    const found = at < text.length ? `found ${JSON.stringify(text.slice(at, at + 20))} where it cannot be` : 'the file ends before it does';
    const place = { file, line: before.length, column: [...before[before.length - 1]].length + 1 };
    throw new FormatError(`expected JSON; ${found}.`, place, { cause });
  }
}

function fault(file: string, message: string): FormatError {
  return new FormatError(message, { file });
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const json = JSON.stringify(value);
  return json.length > 40 ? `${json.slice(0, 40)}…` : json;
}
