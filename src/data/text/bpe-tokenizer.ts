/**
 * Byte-level byte-pair encoding (Sennrich et al. 2016, doi:10.18653/v1/P16-1162; on bytes and with the word pattern of GPT-2,
 * Radford et al. 2019). Any text can be written, so nothing is unknown. `toJSON().tokenizer` is a tokenizer.json as Hugging
 * Face's libraries read it, and theirs of this kind can be read here.
 */
import { FormatError } from '../../tensor/errors.ts';
import { pattern } from './pattern.ts';
import { PieceBuffer } from './piece-buffer.ts';
import type { TextSink, TokenDecoder, Tokenizer } from './tokenizer.ts';

/** What a model file keeps of a byte-pair tokenizer. */
export interface BpeTokenizerJson {
  readonly level: 'bpe';
  readonly tokenizer: HuggingFaceTokenizerJson;
}

/** What is used of a tokenizer.json. */
export interface HuggingFaceTokenizerJson {
  readonly model: {
    readonly type: 'BPE';
    readonly vocab: Readonly<Record<string, number>>;
    /** In the order of learning; older files join the pair with a space. */
    readonly merges: readonly (readonly [string, string] | string)[];
  };
  readonly [other: string]: unknown;
}

/** GPT-2's pieces: contractions, words, numbers and marks, each with the space before it; merges never cross pieces. */
const piecePattern = pattern('gu')`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/** A piece of more bytes is encoded in parts: merging takes quadratic time in the length of a piece. */
const longestPiece = 512;

/** The pieces of a text as UTF-8, one character a byte ("binary strings"). */
export function* bytePieces(text: string): Generator<string> {
  for (const piece of text.match(piecePattern()) ?? []) {
    const bytes = isAscii(piece) ? piece : binaryString(utf8.encode(piece));
    for (let i = 0; i < bytes.length; i += longestPiece) yield bytes.slice(i, i + longestPiece);
  }
}

const utf8 = new TextEncoder();

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

function binaryString(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** GPT-2's printable character for each byte, and in code-point order the ids of the 256 first tokens. */
const printable: readonly string[] = printableBytes();
const byteOfPrintable = new Map(printable.map((character, byte) => [character, byte]));
/** Bytes in the order of their printable characters: byteOrder[id] is the byte of token id. */
export const byteOrder: readonly number[] = Array.from({ length: 256 }, (_, byte) => byte).sort((a, b) =>
  printable[a] < printable[b] ? -1 : 1,
);

function printableBytes(): string[] {
  let next = 0x100;
  const isPrintable = (byte: number): boolean => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++));
}

/** Pieces whose tokens are remembered. */
const cacheSize = 1 << 16;

export class BpeTokenizer implements Tokenizer {
  readonly level = 'bpe';
  readonly size: number;
  readonly unknownId = null;
  /** Bytes of each token, as a binary string. */
  readonly #tokens: readonly string[];
  readonly #idOfByte = new Int32Array(256);
  /** By left · V + right: the merged token, and when it was learnt. */
  readonly #merges = new Map<number, { readonly id: number; readonly rank: number }>();
  readonly #cache = new Map<string, readonly number[]>();

  /**
   * @param tokens  bytes of each token as a binary string; all 256 single bytes are among them
   * @param merges  pairs of ids in the order of learning
   */
  constructor(tokens: readonly string[], merges: readonly (readonly [number, number])[]) {
    this.#tokens = tokens;
    this.size = tokens.length;
    const ids = new Map(tokens.map((token, id) => [token, id]));
    for (let byte = 0; byte < 256; byte++) {
      const id = ids.get(String.fromCharCode(byte));
      if (id === undefined) throw new FormatError(`[tokenizer] expected a token for each byte; byte ${byte} has none.`);
      this.#idOfByte[byte] = id;
    }
    merges.forEach(([left, right], rank) => {
      const id = ids.get(tokens[left] + tokens[right]);
      if (id === undefined) throw new FormatError(`[tokenizer] merge ${rank} makes a token that the vocabulary lacks.`);
      this.#merges.set(left * this.size + right, { id, rank });
    });
  }

  /**
   * The tokenizer that `toJSON` wrote.
   *
   * @throws FormatError when the vocabulary or a merge is malformed
   */
  static fromJson(json: BpeTokenizerJson): BpeTokenizer {
    return BpeTokenizer.fromHuggingFace(json.tokenizer);
  }

  /** A byte-level BPE out of a tokenizer.json, as those of GPT-2 and its kin. @throws FormatError when it is of another kind */
  static fromHuggingFace(json: HuggingFaceTokenizerJson): BpeTokenizer {
    const model = json?.model;
    if (model?.type !== 'BPE' || typeof model.vocab !== 'object' || !Array.isArray(model.merges)) {
      throw new FormatError('[tokenizer] expected a tokenizer.json whose model has the type "BPE", a vocab and merges.');
    }
    const entries = Object.entries(model.vocab);
    const tokens = new Array<string>(entries.length);
    for (const [token, id] of entries) {
      if (!Number.isInteger(id) || id < 0 || id >= entries.length || tokens[id] !== undefined) {
        throw new FormatError(`[tokenizer] expected ids 0…${entries.length - 1}, each once; ${JSON.stringify(token)} has ${id}.`);
      }
      tokens[id] = bytesOfToken(token);
    }
    const merges = model.merges.map((merge, rank): readonly [number, number] => {
      const [left, right] = typeof merge === 'string' ? merge.split(' ') : merge;
      const pair = [model.vocab[left], model.vocab[right]] as const;
      if (pair[0] === undefined || pair[1] === undefined)
        throw new FormatError(`[tokenizer] merge ${rank} joins a token that the vocabulary lacks.`);
      return pair;
    });
    return new BpeTokenizer(tokens, merges);
  }

  encode(text: string): Int32Array {
    const ids: number[] = [];
    this.#encodePieces(text, (id) => ids.push(id));
    return Int32Array.from(ids);
  }

  encoder(emit: (id: number) => void): TextSink {
    return new PieceBuffer((piece) => this.#encodePieces(piece, emit));
  }

  #encodePieces(text: string, emit: (id: number) => void): void {
    for (const piece of bytePieces(text)) {
      let ids = this.#cache.get(piece);
      if (ids === undefined) {
        ids = this.#merge(piece);
        if (this.#cache.size >= cacheSize) this.#cache.clear();
        this.#cache.set(piece, ids);
      }
      for (const id of ids) emit(id);
    }
  }

  /** Joins neighbours, the pair learnt first before all others, until no pair is known. */
  #merge(piece: string): number[] {
    const ids = Array.from(piece, (byte) => this.#idOfByte[byte.charCodeAt(0)]);
    for (;;) {
      let best: { readonly id: number; readonly rank: number } | undefined;
      let at = -1;
      for (let i = 0; i + 1 < ids.length; i++) {
        const merge = this.#merges.get(ids[i] * this.size + ids[i + 1]);
        if (merge !== undefined && (best === undefined || merge.rank < best.rank)) {
          best = merge;
          at = i;
        }
      }
      if (best === undefined) return ids;
      ids.splice(at, 2, best.id);
    }
  }

  decode(ids: Iterable<number>): string {
    const decoder = this.decoder();
    let text = '';
    for (const id of ids) text += decoder.push(id);
    return text + decoder.end();
  }

  decoder(): TokenDecoder {
    const bytes = new TextDecoder('utf-8', { ignoreBOM: true });
    return {
      push: (id) =>
        bytes.decode(
          Uint8Array.from(this.#tokens[id] ?? '', (byte) => byte.charCodeAt(0)),
          { stream: true },
        ),
      end: () => bytes.decode(),
    };
  }

  show(id: number): string {
    return JSON.stringify(this.decode([id]));
  }

  toJSON(): BpeTokenizerJson {
    const show = (token: string): string => Array.from(token, (byte) => printable[byte.charCodeAt(0)]).join('');
    const byRank = [...this.#merges].sort(([, a], [, b]) => a.rank - b.rank);
    const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
    return {
      level: 'bpe',
      tokenizer: {
        version: '1.0',
        truncation: null,
        padding: null,
        added_tokens: [],
        normalizer: null,
        pre_tokenizer: byteLevel,
        post_processor: null,
        decoder: byteLevel,
        model: {
          type: 'BPE',
          dropout: null,
          unk_token: null,
          continuing_subword_prefix: null,
          end_of_word_suffix: null,
          fuse_unk: false,
          byte_fallback: false,
          ignore_merges: false,
          vocab: Object.fromEntries(this.#tokens.map((token, id) => [show(token), id])),
          merges: byRank.map(([key]) => [show(this.#tokens[Math.floor(key / this.size)]), show(this.#tokens[key % this.size])] as const),
        },
      } as HuggingFaceTokenizerJson,
    };
  }
}

function bytesOfToken(token: string): string {
  let bytes = '';
  for (const character of token) {
    const byte = byteOfPrintable.get(character);
    // A special token such as <|endoftext|> may hold other characters; text never encodes to it, and it decodes to itself.
    bytes += byte === undefined ? binaryString(utf8.encode(character)) : String.fromCharCode(byte);
  }
  return bytes;
}
