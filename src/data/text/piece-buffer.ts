/** Cuts a text that comes in chunks where no token can cross: before white space that follows something else. */
import type { TextSink } from './tokenizer.ts';

/** A run without white space longer than this is cut anyway, so that memory stays bounded. */
const longestRun = 1 << 16;

export class PieceBuffer implements TextSink {
  readonly #take: (piece: string) => void;
  #held = '';

  /** @param take is given pieces that joined are the text */
  constructor(take: (piece: string) => void) {
    this.#take = take;
  }

  push(text: string): void {
    this.#held += text;
    const cut = lastBoundary(this.#held);
    if (cut === 0) return;
    this.#take(this.#held.slice(0, cut));
    this.#held = this.#held.slice(cut);
  }

  end(): void {
    if (this.#held !== '') this.#take(this.#held);
    this.#held = '';
  }
}

function lastBoundary(text: string): number {
  for (let i = text.length - 1; i > 0; i--) {
    if (isSpace(text, i) && !isSpace(text, i - 1)) return i;
  }
  if (text.length <= longestRun) return 0;
  const isLow = (text.charCodeAt(text.length - 1) & 0xfc00) === 0xdc00;
  return text.length - (isLow ? 2 : 1);
}

function isSpace(text: string, i: number): boolean {
  return /\s/.test(text[i]);
}
