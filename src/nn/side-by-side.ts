/** Many sequences through one recurrent layer, an instant at a time, each with a state of its own that is a value: as searches step. */
import type { Floats, RecurrentStream, StreamState } from './recurrent-stream.ts';

/** What can be fed instant by instant: LSTM, GRU, RNN. */
export interface Streamable {
  readonly options: { readonly numLayers?: number };
  /** A stream of that many sequences. */
  stream(options?: { readonly batch?: number }): RecurrentStream;
}

/**
 * Steps any number of states at a time. Streams are kept for each number, so that searches whose beams have few sizes prepare few.
 *
 * @example
 * const steps = new SideBySide(lstm.eval());
 * const { output, states } = steps.step([steps.zeros, steps.zeros], x); // x [2, I], output [2, P]
 */
export class SideBySide {
  readonly #layer: Streamable;
  readonly #streams = new Map<number, RecurrentStream>();
  /** The state before the first instant. */
  readonly zeros: StreamState;

  constructor(layer: Streamable) {
    this.#layer = layer;
    this.zeros = this.#streamOf(1).state;
  }

  /**
   * @param states  one for each sequence; they stay as they are
   * @param x       [n, I], row-major
   * @returns       output [n, P] and the states after it
   */
  step(states: readonly StreamState[], x: ArrayLike<number>): { output: Floats; states: StreamState[] } {
    const n = states.length;
    const L = this.#layer.options.numLayers ?? 1;
    const stream = this.#streamOf(n);
    // [L, n, P] from n times [L, P], and back.
    stream.state = this.zeros.map((zeros, k) => {
      const width = zeros.length / L;
      const joined = floatsLike(zeros, L * n * width);
      states.forEach((state, i) => {
        for (let l = 0; l < L; l++) joined.set(state[k].subarray(l * width, (l + 1) * width), (l * n + i) * width);
      });
      return joined;
    });
    const output = stream.step(x);
    const after = stream.state;
    return {
      output,
      states: states.map((_, i) =>
        after.map((values, k) => {
          const width = this.zeros[k].length / L;
          const own = floatsLike(values, L * width);
          for (let l = 0; l < L; l++) own.set(values.subarray((l * n + i) * width, (l * n + i + 1) * width), l * width);
          return own;
        }),
      ),
    };
  }

  #streamOf(batch: number): RecurrentStream {
    const known = this.#streams.get(batch);
    if (known !== undefined) return known;
    const made = this.#layer.stream({ batch });
    this.#streams.set(batch, made);
    return made;
  }
}

/** Of the same kind of numbers. */
export function floatsLike(values: Floats, length: number): Floats {
  return values instanceof Float64Array ? new Float64Array(length) : new Float32Array(length);
}
