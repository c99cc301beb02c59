/**
 * FASTA files: records of a header, `>name description`, and one or more lines of letters. What the letters may be is the
 * reader's business; a record knows on which line and in which column each of them stands.
 *
 * Format: Pearson & Lipman (1988), doi:10.1073/pnas.85.8.2444. Blank lines and comments (`;`) are left out, as are blanks
 * between letters.
 */
import { FormatError } from '../tensor/errors.ts';
import type { TextSource } from './text/text-source.ts';

/** A name and the letters under it. */
export class FastaRecord {
  /** The header's first word. */
  readonly name: string;
  /** The rest of the header. */
  readonly description: string;
  /** All lines joined, without blanks. */
  readonly sequence: string;
  readonly #file: string;
  /** Of the header. */
  readonly #line: number;
  readonly #lines: readonly Line[];

  constructor(file: string, header: Line, lines: readonly Line[]) {
    const [name, ...description] = header.text.slice(1).trim().split(/\s+/);
    this.#file = file;
    this.#line = header.number;
    this.#lines = lines;
    this.name = name;
    this.description = description.join(' ');
    this.sequence = lines.map(({ text }) => text.replaceAll(/\s+/g, '')).join('');
  }

  /** What is wrong with the record as a whole, or with one of its letters: file, line and column. */
  fault(message: string, letter?: number, cause?: ErrorOptions): FormatError {
    const place = letter === undefined ? { line: this.#line, column: 1 } : this.#placeOf(letter);
    return new FormatError(message, { file: this.#file, ...place }, cause);
  }

  #placeOf(letter: number): { line: number; column: number } {
    let seen = 0;
    for (const { text, number } of this.#lines) {
      for (let column = 0; column < text.length; column++) {
        if (/\s/.test(text[column])) continue;
        if (seen === letter) return { line: number, column: column + 1 };
        seen++;
      }
    }
    return { line: this.#line, column: 1 };
  }
}

interface Line {
  readonly text: string;
  /** 1-based. */
  readonly number: number;
}

/**
 * The records of a file, one by one; memory holds the one at hand.
 *
 * @throws FormatError with file, line and column: nothing in the file, letters before the first header, a header without a
 *   name, a record without letters
 * @example for await (const { name, sequence } of fastaRecords(textFile('uniprot.fasta'))) console.log(name, sequence.length);
 */
export async function* fastaRecords(source: TextSource): AsyncGenerator<FastaRecord> {
  let header: Line | null = null;
  let lines: Line[] = [];
  const finished = (end: Line): FastaRecord => {
    if (lines.length > 0) return new FastaRecord(source.name, end, lines);
    const name = end.text.slice(1).trim();
    throw new FormatError(`expected a sequence under ">${shown(name)}", found none. Give it one, or take the header out.`, {
      file: source.name,
      line: end.number,
      column: end.text.length + 1,
    });
  };
  for await (const line of numberedLines(source)) {
    const { text, number } = line;
    if (text.startsWith(';') || text.trim() === '') continue;
    if (text.startsWith('>')) {
      if (header !== null) yield finished(header);
      if (text.slice(1).trim() === '') {
        throw new FormatError('expected a name after ">", found none. Name each record: >1abc.', {
          file: source.name,
          line: number,
          column: 2,
        });
      }
      if (text.includes('\r')) {
        throw new FormatError('lines end in a carriage return alone. Convert the file, for example: tr "\\r" "\\n".', {
          file: source.name,
          line: number,
          column: text.indexOf('\r') + 1,
        });
      }
      header = line;
      lines = [];
    } else if (header === null) {
      throw new FormatError(`expected a header, such as ">1abc", before the first sequence, found "${shown(text)}". Is this FASTA?`, {
        file: source.name,
        line: number,
        column: 1,
      });
    } else lines.push(line);
  }
  if (header === null) {
    throw new FormatError('expected at least one record, such as ">1abc" and its sequence below, found none.', {
      file: source.name,
      line: 1,
      column: 1,
    });
  }
  yield finished(header);
}

/** Lines with their numbers. A line may be as long as it likes: its pieces are joined once. */
async function* numberedLines(source: TextSource): AsyncGenerator<Line> {
  let pieces: string[] = [];
  let number = 0;
  const line = (end: string): Line => {
    const text = pieces.length === 0 ? end : [...pieces, end].join('');
    pieces = [];
    number++;
    return { text: number === 1 ? text.replace(/^\ufeff/, '') : text, number };
  };
  for await (const piece of source.chunks()) {
    let start = 0;
    for (let end = piece.indexOf('\n'); end >= 0; end = piece.indexOf('\n', start)) {
      yield line(piece.slice(start, end));
      start = end + 1;
    }
    if (start < piece.length) pieces.push(piece.slice(start));
  }
  if (pieces.length > 0) yield line('');
}

/** The beginning of a text, for a message. */
function shown(text: string): string {
  return text.length <= 24 ? text : `${text.slice(0, 23)}…`;
}
