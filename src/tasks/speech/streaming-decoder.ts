/** Decoders of what an encoder gives while it comes, under one face: CTC's and the transducer's, greedy and with a beam. */
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { tensor } from '../../autograd/tensor.ts';
import { CtcBeamSearch } from '../../decode/ctc-beam-search.ts';
import { CtcGreedyDecoder } from '../../decode/ctc-greedy.ts';
import { TransducerBeamSearch, TransducerGreedyDecoder } from '../../decode/transducer.ts';
import type { Linear } from '../../nn/linear.ts';
import type { PredictionState, TransducerSteps } from '../../nn/transducer.ts';
import type { DecodingOptions } from './recognize.ts';

/** What was found. */
export interface Decoded {
  readonly symbols: readonly { readonly symbol: number; readonly start: number; readonly end: number }[];
  readonly score: number;
}

/** CTC: steps become logits, and these symbols. */
export class CtcDecoder {
  readonly #output: Linear;
  readonly #decoder: CtcGreedyDecoder | CtcBeamSearch;

  constructor(output: Linear, { beamWidth = 1, scorer = null, scorerWeight = 1, insertionBonus = 0 }: DecodingOptions) {
    this.#output = output;
    this.#decoder =
      beamWidth === 1 && scorer === null
        ? new CtcGreedyDecoder(output.outputSize)
        : new CtcBeamSearch(output.outputSize, { beamWidth, scorer, scorerWeight, insertionBonus });
  }

  push(steps: Float32Array | Float64Array): void {
    const { inputSize, backend } = this.#output;
    const x = tensor(steps, { shape: [steps.length / inputSize, inputSize], backend });
    this.#decoder.push(scope(() => noGrad(() => this.#output.forward(x).dataSync())));
  }

  /** Symbols that no later step takes back. */
  get stable(): readonly number[] {
    return this.#decoder instanceof CtcGreedyDecoder ? this.best : this.#decoder.stable;
  }

  /** The best symbols so far. */
  get best(): readonly number[] {
    if (this.#decoder instanceof CtcGreedyDecoder) return this.#decoder.result.symbols.map(({ symbol }) => symbol);
    return this.#decoder.best()[0].symbols;
  }

  /** If no step follows. */
  finish(): { readonly symbols: readonly number[] } {
    return { symbols: this.#decoder instanceof CtcGreedyDecoder ? this.best : (this.#decoder.finish()[0]?.symbols ?? []) };
  }
}

/** A transducer: steps go to its joint network one by one. */
export class TransducerDecoder {
  readonly #decoder: TransducerGreedyDecoder<PredictionState> | TransducerBeamSearch<PredictionState>;

  constructor(model: TransducerSteps, { beamWidth = 1, scorer = null, scorerWeight = 1, insertionBonus = 0 }: DecodingOptions) {
    this.#decoder =
      beamWidth === 1 && scorer === null
        ? new TransducerGreedyDecoder(model)
        : new TransducerBeamSearch(model, { beamWidth, scorer, scorerWeight, insertionBonus });
  }

  push(steps: Float32Array | Float64Array): void {
    this.#decoder.push(steps);
  }

  get stable(): readonly number[] {
    return this.#decoder instanceof TransducerGreedyDecoder ? this.best : this.#decoder.stable;
  }

  get best(): readonly number[] {
    if (this.#decoder instanceof TransducerGreedyDecoder) return this.#decoder.symbols.map(({ symbol }) => symbol);
    return this.#decoder.best()[0].symbols;
  }

  /** If no step follows. */
  finish(): { readonly symbols: readonly number[] } {
    return { symbols: this.timed().symbols.map(({ symbol }) => symbol) };
  }

  /** `finish` with the step in which each symbol was written. */
  timed(): Decoded {
    if (this.#decoder instanceof TransducerGreedyDecoder) {
      return { symbols: this.#decoder.symbols.map(({ symbol, frame }) => ({ symbol, start: frame, end: frame + 1 })), score: 0 };
    }
    const [found] = this.#decoder.finish();
    if (found === undefined) return { symbols: [], score: Number.NEGATIVE_INFINITY };
    const { symbols, frames, score } = found;
    return { symbols: symbols.map((symbol, i) => ({ symbol, start: frames[i], end: frames[i] + 1 })), score };
  }
}
