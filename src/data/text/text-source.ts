/**
 * Texts of any size, read piece by piece: files (UTF-8), or strings at hand. What is not text is refused with file, line and
 * byte. Line ends are '\n' afterwards, whatever they were; a byte-order mark is dropped.
 */
import { FormatError } from '../../tensor/errors.ts';
import { fileBytes } from '../gzip.ts';

/** A text that can be read again and again, a piece at a time, cut between code points. */
export interface TextSource {
  /** For messages. */
  readonly name: string;
  /**
   * The text from its beginning, in pieces.
   *
   * @throws FormatError with file, line and byte where it is not text
   */
  chunks(): AsyncIterable<string>;
}

/** All of a source in one string. */
export async function textIn(source: TextSource): Promise<string> {
  let text = '';
  for await (const piece of source.chunks()) text += piece;
  return text;
}

/** Lines of a source, without their ends; the part after the last line end is a line if it is not empty. */
export async function* linesIn(source: TextSource): AsyncGenerator<string> {
  let rest = '';
  for await (const piece of source.chunks()) {
    // A line of many pieces is put together once, at its end.
    if (!piece.includes('\n')) {
      rest += piece;
      continue;
    }
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

/** A string as a source. */
export function textOf(text: string, name = 'text'): TextSource {
  return {
    name,
    async *chunks() {
      const normalized = text.replaceAll('\r\n', '\n');
      for (let start = 0; start < normalized.length; ) {
        let end = Math.min(start + chunkBytes, normalized.length);
        if (end < normalized.length && isHighSurrogate(normalized.charCodeAt(end - 1))) end++;
        yield normalized.slice(start, end);
        start = end;
      }
    },
  };
}

const chunkBytes = 1 << 20;

/**
 * A UTF-8 file as a source, compressed with gzip or not.
 *
 * @throws FileError (while reading) when the file is missing, a folder, or not allowed to be read
 * @throws FormatError (while reading) when it is binary or not UTF-8
 */
export function textFile(path: string): TextSource {
  return { name: path, chunks: () => decoded(fileBytes(path), path) };
}

/** UTF-8 that comes in pieces, as from standard input; to be read once. Errors as `textFile`'s. */
export function textStream(pieces: AsyncIterable<Uint8Array>, name: string): TextSource {
  return { name, chunks: () => decoded(pieces, name) };
}

async function* decoded(pieces: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<string> {
  const text = new Utf8Reader(name);
  for await (const bytes of pieces) {
    const piece = text.push(bytes);
    if (piece !== '') yield piece;
  }
  const rest = text.end();
  if (rest !== '') yield rest;
}

/** Decodes UTF-8 that comes in pieces; knows the line and byte of the first fault. */
class Utf8Reader {
  readonly #file: string;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  /** An incomplete character at the end of the last piece, at most 3 bytes. */
  #carry = new Uint8Array(0);
  /** Where #carry begins. */
  #byte = 0;
  #line = 1;
  #heldReturn = false;

  constructor(file: string) {
    this.#file = file;
  }

  push(bytes: Uint8Array): string {
    const all = new Uint8Array(this.#carry.length + bytes.length);
    all.set(this.#carry);
    all.set(bytes, this.#carry.length);
    const end = all.length - incompleteTail(all);
    return this.#decode(all.subarray(0, end), all.slice(end));
  }

  end(): string {
    const rest = this.#carry;
    const held = this.#heldReturn ? '\r' : '';
    this.#heldReturn = false;
    if (rest.length > 0) this.#fail(rest, 0);
    return held;
  }

  #decode(bytes: Uint8Array, carry: Uint8Array<ArrayBuffer>): string {
    const zero = bytes.indexOf(0);
    if (zero >= 0) {
      throw new FormatError('a NUL byte: this is a binary file, or UTF-16. Give plain text in UTF-8.', this.#place(bytes, zero));
    }
    let text: string;
    try {
      text = this.#decoder.decode(bytes, { stream: true });
    } catch {
      this.#fail(bytes, firstInvalid(bytes));
    }
    this.#line += countLines(bytes, bytes.length);
    this.#byte += bytes.length;
    this.#carry = carry;
    return this.#normalizeLines(text);
  }

  /** '\r\n' → '\n', also where a piece ends between the two. */
  #normalizeLines(text: string): string {
    let whole = this.#heldReturn ? `\r${text}` : text;
    this.#heldReturn = whole.endsWith('\r');
    if (this.#heldReturn) whole = whole.slice(0, -1);
    return whole.includes('\r') ? whole.replaceAll('\r\n', '\n') : whole;
  }

  #fail(bytes: Uint8Array, at: number): never {
    const byte = bytes[at].toString(16).padStart(2, '0').toUpperCase();
    throw new FormatError(
      `byte 0x${byte} is not valid UTF-8 here. If the file has another encoding, convert it, for example: iconv -f ISO-8859-1 -t UTF-8.`,
      this.#place(bytes, at),
    );
  }

  #place(bytes: Uint8Array, at: number): { file: string; line: number; byte: number } {
    return { file: this.#file, line: this.#line + countLines(bytes, at), byte: this.#byte + at };
  }
}

function countLines(bytes: Uint8Array, end: number): number {
  let lines = 0;
  for (let at = bytes.indexOf(10); at >= 0 && at < end; at = bytes.indexOf(10, at + 1)) lines++;
  return lines;
}

/** How many bytes at the end begin a character that may go on in the next piece. */
function incompleteTail(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back];
    if ((byte & 0xc0) === 0x80) continue;
    return sequenceLength(byte) > back ? back : 0;
  }
  return 0;
}

function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 1;
}

/** Where the first character begins that is not valid UTF-8 (Unicode 15, table 3-7). */
function firstInvalid(bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; ) {
    const lead = bytes[i];
    const length = sequenceLength(lead);
    if (length === 1 && lead >= 0x80) return i;
    for (let k = 1; k < length; k++) {
      const low = k > 1 ? 0x80 : lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
      const high = k > 1 ? 0xbf : lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
      if (!(bytes[i + k] >= low && bytes[i + k] <= high)) return i;
    }
    i += length;
  }
  return bytes.length - 1;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}
