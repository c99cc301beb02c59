/**
 * Counter-based random numbers: Philox 4x32-10 (Salmon, Moraes, Dror & Shaw 2011, doi:10.1145/2063384.2063405). A block
 * of four 32-bit numbers is a pure function of (seed, counter), so a kernel makes the very same dropout mask on every
 * backend, and a training's randomness is two numbers in its checkpoint.
 */

/** Everything there is to a stream of random numbers. */
export interface RandomState {
  /** 32-bit unsigned halves of the key. */
  readonly seed: readonly [number, number];
  /** Index of the next block of four numbers; an integer below 2^53. */
  readonly counter: number;
}

const multiplier0 = 0xd2511f53;
const multiplier1 = 0xcd9e8d57;
const weyl0 = 0x9e3779b9;
const weyl1 = 0xbb67ae85;

/** High 32 bits of the 64-bit product of two unsigned 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  const aHigh = a >>> 16;
  const aLow = a & 0xffff;
  const bHigh = b >>> 16;
  const bLow = b & 0xffff;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = (middle % 0x10000) + aLow * bHigh;
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}

/** Block `counter` of the stream `seed`: four unsigned 32-bit numbers into `out` at `offset`. */
export function philox(seed: readonly [number, number], counter: number, out: Uint32Array, offset: number): void {
  let x0 = counter >>> 0;
  let x1 = Math.floor(counter / 0x100000000) >>> 0;
  let x2 = 0;
  let x3 = 0;
  let key0 = seed[0] >>> 0;
  let key1 = seed[1] >>> 0;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(multiplier0, x0);
    const low0 = Math.imul(multiplier0, x0) >>> 0;
    const high1 = multiplyHigh(multiplier1, x2);
    const low1 = Math.imul(multiplier1, x2) >>> 0;
    x0 = (high1 ^ x1 ^ key0) >>> 0;
    x1 = low1;
    x2 = (high0 ^ x3 ^ key1) >>> 0;
    x3 = low0;
    key0 = (key0 + weyl0) >>> 0;
    key1 = (key1 + weyl1) >>> 0;
  }
  out[offset] = x0;
  out[offset + 1] = x1;
  out[offset + 2] = x2;
  out[offset + 3] = x3;
}

/**
 * A stream of random numbers. The same seed gives the same numbers on every machine; `state` saves and restores it.
 *
 * @example
 * const rng = new Random(42);
 * rng.uniform(); // in [0, 1)
 */
export class Random {
  #seed: readonly [number, number];
  #counter: number;
  readonly #block = new Uint32Array(4);

  /** @param seed a non-negative integer below 2^53, or a saved state */
  constructor(seed: number | RandomState) {
    if (typeof seed === 'number') {
      if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError(`[Random] expected a seed in 0…2^53-1, received ${seed}.`);
      this.#seed = [seed >>> 0, Math.floor(seed / 0x100000000) >>> 0];
      this.#counter = 0;
      return;
    }
    this.#seed = [seed.seed[0], seed.seed[1]];
    this.#counter = seed.counter;
  }

  /** A stream that is different each time; for when reproducibility does not matter. */
  static fromEntropy(): Random {
    const words = crypto.getRandomValues(new Uint32Array(2));
    return new Random({ seed: [words[0], words[1]], counter: 0 });
  }

  get state(): RandomState {
    return { seed: this.#seed, counter: this.#counter };
  }

  set state(state: RandomState) {
    this.#seed = [state.seed[0], state.seed[1]];
    this.#counter = state.counter;
  }

  /** Another stream, independent of this one and of forks with other labels; this stream does not move. */
  fork(label: string): Random {
    let hash0 = this.#seed[0] ^ 0x811c9dc5;
    let hash1 = this.#seed[1] ^ 0x01000193;
    for (let i = 0; i < label.length; i++) {
      hash0 = Math.imul(hash0 ^ label.charCodeAt(i), 0x01000193);
      hash1 = Math.imul(hash1 ^ label.charCodeAt(i), 0x85ebca6b) ^ (hash0 >>> 13);
    }
    return new Random({ seed: [hash0 >>> 0, hash1 >>> 0], counter: 0 });
  }

  /** Sets `blocks` blocks of four numbers aside for a kernel and returns where they begin. */
  reserve(blocks: number): RandomState {
    const state = this.state;
    this.#counter += blocks;
    return state;
  }

  /** An unsigned 32-bit integer. */
  bits(): number {
    philox(this.#seed, this.#counter++, this.#block, 0);
    return this.#block[0];
  }

  /** Uniform in [0, 1), 24 bits: the float32 numbers of a kernel's mask are made the same way. */
  uniform(): number {
    return (this.bits() >>> 8) * 2 ** -24;
  }

  /** Uniform integer in 0…below-1, without modulo bias. */
  integer(below: number): number {
    if (!Number.isInteger(below) || below < 1 || below > 2 ** 32)
      throw new RangeError(`[Random.integer] expected a bound in 1…2^32, received ${below}.`);
    const limit = 2 ** 32 - (2 ** 32 % below);
    for (;;) {
      const bits = this.bits();
      if (bits < limit) return bits % below;
    }
  }

  /** Fills with uniform numbers in [low, high). */
  fillUniform<A extends Float32Array | Float64Array>(out: A, low = 0, high = 1): A {
    const block = new Uint32Array(4);
    for (let i = 0; i < out.length; i += 4) {
      philox(this.#seed, this.#counter++, block, 0);
      for (let j = 0; j < 4 && i + j < out.length; j++) out[i + j] = low + (high - low) * ((block[j] >>> 8) * 2 ** -24);
    }
    return out;
  }

  /** Fills with normal numbers (Box–Muller). */
  fillNormal<A extends Float32Array | Float64Array>(out: A, mean = 0, deviation = 1): A {
    const block = new Uint32Array(4);
    for (let i = 0; i < out.length; i += 2) {
      philox(this.#seed, this.#counter++, block, 0);
      const radius = Math.sqrt(-2 * Math.log((block[0] + 1) * 2 ** -32));
      const angle = 2 * Math.PI * (block[1] * 2 ** -32);
      out[i] = mean + deviation * radius * Math.cos(angle);
      if (i + 1 < out.length) out[i + 1] = mean + deviation * radius * Math.sin(angle);
    }
    return out;
  }

  /** A random order of 0…n-1 (Fisher–Yates). */
  permutation(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const swap = order[i];
      order[i] = order[j];
      order[j] = swap;
    }
    return order;
  }
}
