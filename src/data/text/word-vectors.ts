/** Vectors of words that others have trained, in the text formats of GloVe and word2vec. */
import { FormatError } from '../../tensor/errors.ts';
import { linesIn, type TextSource } from './text-source.ts';

/** Vectors of one size, by word. */
export interface WordVectors {
  /** Numbers in a vector. */
  readonly size: number;
  readonly vectors: Map<string, Float32Array>;
}

/**
 * The vectors of the words that are wanted, of a file of any length: one word a line, its numbers behind it, spaces between;
 * word2vec's first line (how many words, how many numbers) may be there or not. A word may hold spaces, as some of GloVe's do.
 * Of equal words the first counts.
 *
 * @throws FormatError with file, line and column where a wanted line is not such a vector
 * @example const { vectors } = await readWordVectors(textFile('glove.6B.100d.txt'), (word) => vocabulary.has(word));
 */
export async function readWordVectors(source: TextSource, wanted: (word: string) => boolean): Promise<WordVectors> {
  const vectors = new Map<string, Float32Array>();
  let size = 0;
  let line = 0;
  let isEmpty = true;
  for await (const text of linesIn(source)) {
    line++;
    if (line === 1 && /^\d+ \d+ ?$/.test(text)) {
      size = Number(text.split(' ')[1]);
      continue;
    }
    if (text.trim() === '') continue;
    isEmpty = false;
    const fault = (message: string, at: number): never => {
      throw new FormatError(message, { file: source.name, line, column: [...text.slice(0, at)].length + 1 });
    };
    if (size === 0) size = countNumbers(text);
    if (size === 0) fault(`expected a word and its numbers with spaces between, as GloVe and word2vec write them, ${quoted(text)}.`, 0);
    // Cheap for the many lines that are not wanted: no word that is has another beginning.
    const end = text.indexOf(' ');
    if (!wanted(text.slice(0, end))) {
      if (end < 0) fault(`expected a word and ${size} numbers, ${quoted(text)}.`, text.length);
      if (!mayHoldSpaces(text, end)) continue;
    }
    const { word, numbers, start } = partsOf(text, size);
    if (numbers.length < size || word === '') {
      fault(`expected a word and ${size} numbers, received ${numbers.length}. All vectors of a file have one size.`, text.trimEnd().length);
    }
    if (!wanted(word) || vectors.has(word)) continue;
    const values = Float32Array.from(numbers, (number) => (number === '' ? Number.NaN : Number(number)));
    const wrong = values.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0)
      fault(`expected a number, received "${numbers[wrong]}".`, start + numbers.slice(0, wrong).join(' ').length + (wrong > 0 ? 1 : 0));
    vectors.set(word, values);
  }
  if (isEmpty) throw new FormatError('expected vectors of words, received none.', { file: source.name, line: line + 1, column: 1 });
  return { size, vectors };
}

/** Of the first line: what follows its first space. */
function countNumbers(text: string): number {
  const [, ...numbers] = text.trimEnd().split(' ');
  return numbers.every((number) => number !== '' && Number.isFinite(Number(number))) ? numbers.length : 0;
}

/** Whether what follows the first space is no number: then the word goes on behind it. */
function mayHoldSpaces(text: string, end: number): boolean {
  const code = text.charCodeAt(end + 1);
  const isNumber = (code >= 48 && code <= 57) || code === 45 || code === 46;
  return !isNumber || code === 46;
}

/** The last `size` fields are the numbers, everything before them is the word. */
function partsOf(text: string, size: number): { word: string; numbers: string[]; start: number } {
  const fields = text.trimEnd().split(' ');
  const numbers = fields.slice(Math.max(1, fields.length - size));
  const word = fields.slice(0, fields.length - numbers.length).join(' ');
  return { word, numbers, start: word.length + 1 };
}

function quoted(text: string): string {
  return `received ${JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)}`;
}
