/** N-gram models in the ARPA format, which SRILM, KenLM and others read and write. */
import { FormatError } from '../../tensor/errors.ts';
import { NgramModel, NgramTable } from './ngram-model.ts';
import { linesIn, type TextSource } from './text-source.ts';

/** What stands for a space where words are characters. */
const space = '<space>';

/** Of log₁₀, which files have, to nats. */
const nats = Math.LN10;

/**
 * Reads a model, line by line, compressed with gzip or not. Words are words or characters, as in the file; `<space>` is a space.
 *
 *   \data\
 *   ngram 1=4
 *
 *   \1-grams:
 *   -0.6  the  -0.3        log₁₀ probability, words, log₁₀ of the back-off weight where there is one
 *
 *   \end\
 *
 * @throws FormatError with file, line and column where it is not such a model
 * @throws FileError when it cannot be read
 * @example const model = await readArpa(textFile('lm/3gram.arpa.gz'));
 */
export async function readArpa(source: TextSource): Promise<NgramModel> {
  const reader = new ArpaReader(source.name);
  for await (const line of linesIn(source)) reader.push(line);
  return reader.end();
}

/** What a section's lines are held against. */
interface Section {
  readonly order: number;
  read: number;
}

class ArpaReader {
  readonly #name: string;
  readonly #counts: number[] = [];
  readonly #words: string[] = [];
  readonly #ids = new Map<string, number>();
  #table = new NgramTable(0);
  #line = 0;
  #at: 'start' | 'counts' | 'sections' | 'end' = 'start';
  #section: Section | null = null;

  constructor(name: string) {
    this.#name = name;
  }

  push(text: string): void {
    this.#line++;
    const line = text.trim();
    if (line === '' || this.#at === 'end') return;
    if (this.#at === 'start') {
      // What stands before it is a comment.
      if (line === '\\data\\') this.#at = 'counts';
      return;
    }
    if (line.startsWith('\\') && (this.#at === 'counts' || this.#isHeading(line))) this.#heading(line);
    else if (this.#at === 'counts') this.#count(line);
    else this.#ngram(text);
  }

  end(): NgramModel {
    if (this.#at === 'start') {
      throw new FormatError('expected a line "\\data\\", as an ARPA file begins; there is none. Is this an n-gram model?', {
        file: this.#name,
        line: 1,
      });
    }
    if (this.#at !== 'end') {
      this.#line++;
      this.#fault('expected a line "\\end\\": the file ends early.', 1);
    }
    return new NgramModel(this.#words, this.#table.finish());
  }

  #count(line: string): void {
    const match = /^ngram +(\d+) *= *(\d+)$/.exec(line);
    if (match === null) this.#fault(`expected "ngram N=COUNT", received ${quoted(line)}.`, 1);
    const order = Number(match![1]);
    if (order !== this.#counts.length + 1) {
      this.#fault(`expected the number of ${this.#counts.length + 1}-grams here, received that of ${order}-grams.`, 1);
    }
    this.#counts.push(Number(match![2]));
  }

  /** A word may begin with a backslash; a number may not. */
  #isHeading(line: string): boolean {
    return /^\\(end\\|\d+-grams:)$/.test(line) || !/\s/.test(line);
  }

  #heading(line: string): void {
    if (this.#counts.length === 0) this.#fault(`expected "ngram 1=COUNT" after "\\data\\", received ${quoted(line)}.`, 1);
    if (this.#at === 'counts') {
      if (this.#counts[0] === 0) this.#fault('expected at least one 1-gram, "ngram 1=0" says there is none.', 1);
      this.#table = new NgramTable(this.#counts[0]);
      this.#at = 'sections';
    }
    const done = this.#section?.order ?? 0;
    const expected = done === this.#counts.length ? '\\end\\' : `\\${done + 1}-grams:`;
    if (this.#section !== null && this.#section.read < this.#counts[done - 1]) {
      this.#fault(
        `expected ${this.#counts[done - 1]} ${done}-grams, as "ngram ${done}=" says, received ${this.#section.read} before ${quoted(line)}.`,
        1,
      );
    }
    if (line !== expected) this.#fault(`expected ${JSON.stringify(expected).replaceAll('\\\\', '\\')}, received ${quoted(line)}.`, 1);
    if (expected === '\\end\\') this.#at = 'end';
    else this.#section = { order: done + 1, read: 0 };
  }

  #ngram(text: string): void {
    const section = this.#section!;
    const { order } = section;
    const fields = [...text.matchAll(/[^\s]+/g)].map((match) => ({ text: match[0], column: match.index + 1 }));
    if (fields.length !== order + 1 && fields.length !== order + 2) {
      const some = order === 1 ? 'a word' : `${order} words`;
      this.#fault(`expected a log-probability, ${some} and perhaps a back-off weight, received ${fields.length} fields.`, 1);
    }
    if (section.read === this.#counts[order - 1]) {
      this.#fault(`expected ${this.#counts[order - 1]} ${order}-grams, as "ngram ${order}=" says, received more.`, 1);
    }
    const logProbability = this.#number(fields[0], 'a log-probability');
    if (logProbability > 0) this.#fault(`expected a log-probability of at most 0, received ${fields[0].text}.`, fields[0].column);
    const backoff = fields.length === order + 2 ? this.#number(fields[order + 1], 'the logarithm of a back-off weight') : 0;
    const words = fields.slice(1, order + 1).map((word) => this.#word(word, order));
    const fault = this.#table.add({ words, logProbability: logProbability * nats, backoff: backoff * nats });
    const names = fields.slice(1, order + 1).map((field) => field.text);
    if (fault === 'twice') this.#fault(`"${names.join(' ')}" stands here for the second time.`, fields[1].column);
    if (fault === 'no context') {
      this.#fault(
        `"${names.join(' ')}" has no context: "${names.slice(0, -1).join(' ')}" is not among the ${order - 1}-grams.`,
        fields[1].column,
      );
    }
    section.read++;
  }

  #word({ text: written, column }: Field, order: number): number {
    const text = written === space ? ' ' : written;
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    if (order > 1) this.#fault(`"${written}" is not among the 1-grams.`, column);
    this.#ids.set(text, this.#words.length);
    return this.#words.push(text) - 1;
  }

  #number({ text, column }: Field, what: string): number {
    if (/^-inf(inity)?$/i.test(text)) return Number.NEGATIVE_INFINITY;
    const value = Number(text);
    if (!Number.isFinite(value)) this.#fault(`expected ${what}, received "${text}".`, column);
    return value;
  }

  #fault(message: string, column: number): never {
    throw new FormatError(message, { file: this.#name, line: this.#line, column });
  }
}

interface Field {
  readonly text: string;
  readonly column: number;
}

/**
 * The model as an ARPA file has it; a word that is a space, as of characters, is written `<space>`.
 *
 * @example await writeFile('3gram.arpa', formatArpa(model));
 * @throws FormatError when another word is empty or holds a space: the format has blanks between words
 */
export function formatArpa(model: NgramModel): string {
  const names = model.words.map((word) => {
    if (word === ' ') return space;
    if (word !== '' && !/\s/.test(word)) return word;
    throw new FormatError(`expected words without spaces, as ARPA files have them, received ${JSON.stringify(word)}.`);
  });
  const lines = ['\\data\\', ...model.counts.map((count, i) => `ngram ${i + 1}=${count}`), ''];
  for (let order = 1; order <= model.order; order++) {
    lines.push(`\\${order}-grams:`);
    for (const { words, logProbability, backoff } of model.ngrams(order)) {
      const fields = [inLog10(logProbability), words.map((word) => names[word]).join(' ')];
      if (order < model.order && backoff !== 0) fields.push(inLog10(backoff));
      lines.push(fields.join('\t'));
    }
    lines.push('');
  }
  return `${[...lines, '\\end\\'].join('\n')}\n`;
}

function inLog10(x: number): string {
  return x === Number.NEGATIVE_INFINITY ? '-99' : String(Number((x / nats).toFixed(7)));
}

function quoted(text: string): string {
  return `"${text.length > 40 ? `${text.slice(0, 40)}…` : text}"`;
}
