/** A fingerprint of what was read, to notice data that changed between a training and its resumption. */

/** FNV-1a over numbers and strings, as they come. */
export class Fingerprint {
  #hash = 0x811c9dc5;
  #count = 0;

  numbers(values: ArrayLike<number>): this {
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (Number.isInteger(value)) this.#add(value);
      else this.text(String(value));
    }
    return this;
  }

  text(text: string): this {
    for (let i = 0; i < text.length; i++) this.#add(text.charCodeAt(i));
    // So that "ab", "c" differs from "a", "bc".
    this.#add(-1);
    return this;
  }

  /** The same for the same data in the same order. */
  toString(): string {
    return `${this.#count}-${(this.#hash >>> 0).toString(16)}`;
  }

  #add(value: number): void {
    this.#hash = Math.imul(this.#hash ^ value, 0x01000193);
    this.#count++;
  }
}
