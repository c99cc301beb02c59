/** A language model as what a search asks (`SequenceScorer`): many texts side by side, one step a call. */
import { logSoftmax } from '../../autograd/ops/softmax.ts';
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { tensor } from '../../autograd/tensor.ts';
import type { Tokenizer } from '../../data/text/tokenizer.ts';
import type { WordModel } from '../../decode/word-scorer.ts';
import { AdaptiveSoftmax } from '../../losses/adaptive-softmax.ts';
import type { Floats, RecurrentStream, StreamState } from '../../nn/recurrent-stream.ts';
import type { LanguageModel } from './model.ts';

/** A text that a language model has read: its memory, and what it expects next. */
export interface LanguageScorerState {
  readonly memory: StreamState;
  /** log P of each token that may follow, [V], in nats. */
  readonly logProbabilities: Floats;
}

/**
 * Scores sequences of tokens. All states that a search asks for at a time are computed in one step of the recurrent layers.
 *
 * @example
 * const { model, tokenizer } = await loadLanguageModel('runs/letters/model.safetensors');
 * const letters = new LanguageModelScorer(model, tokenizer);
 * const scorer = withSymbols(letters, alphabet.map((character) => letters.idOf(character)));
 * const [[best]] = ctcBeamSearch(logits, { scorer, scorerWeight: 0.6, insertionBonus: 1 });
 */
export class LanguageModelScorer implements WordModel<LanguageScorerState> {
  readonly #model: LanguageModel;
  readonly #tokenizer: Tokenizer;
  readonly #boundary: number;
  readonly #start: LanguageScorerState;
  /** By how many texts they run side by side. */
  readonly #streams = new Map<number, RecurrentStream>();
  readonly #table: Floats;

  /**
   * @param model     put into `eval()`
   * @param boundary  what stands before a text and after it; default a new line, as between the lines of a text that a model was
   *                  trained on. A tokenizer that lacks it has no end: ending costs nothing.
   */
  constructor(model: LanguageModel, tokenizer: Tokenizer, boundary = '\n') {
    this.#model = model.eval();
    this.#tokenizer = tokenizer;
    this.#table = model.embedding.weight.dataSync() as Floats;
    const id = this.idOf(boundary);
    this.#boundary = id === tokenizer.unknownId ? -1 : id;
    const memory = this.#streamOf(1).state; // of zeros
    const nothing: LanguageScorerState = { memory, logProbabilities: new Float32Array(0) };
    [this.#start] = this.advance([nothing], [Math.max(0, this.#boundary)]);
  }

  /** The token of this text; that of unknown ones where it is not known, −1 where it is several. */
  idOf(text: string): number {
    const ids = this.#tokenizer.encode(text);
    return ids.length === 1 ? ids[0] : -1;
  }

  start(): LanguageScorerState {
    return this.#start;
  }

  score({ logProbabilities }: LanguageScorerState, token: number): number {
    return logProbabilities[token];
  }

  end({ logProbabilities }: LanguageScorerState): number {
    return this.#boundary < 0 ? 0 : logProbabilities[this.#boundary];
  }

  advance(states: readonly LanguageScorerState[], tokens: readonly number[]): LanguageScorerState[] {
    const n = states.length;
    if (n === 0) return [];
    const { numLayers, hiddenSize, vocabularySize: V, embeddingSize: E } = this.#model.architecture;
    const stream = this.#streamOf(n);
    // [L, n, H] from n times [L, H], and back.
    const part = (values: Floats, l: number, width = hiddenSize) => values.subarray(l * width, (l + 1) * width);
    stream.state = states[0].memory.map((_, k) => {
      const joined = floatsLike(states[0].memory[k], numLayers * n * hiddenSize);
      states.forEach(({ memory }, i) => {
        for (let l = 0; l < numLayers; l++) joined.set(part(memory[k], l), (l * n + i) * hiddenSize);
      });
      return joined;
    });
    const x = floatsLike(this.#table, n * E);
    tokens.forEach((token, i) => {
      x.set(part(this.#table, token, E), i * E);
    });
    const logP = this.#logProbabilities(stream.step(x), n);
    const after = stream.state;
    return states.map((_, i) => ({
      memory: after.map((values) => {
        const own = floatsLike(values, numLayers * hiddenSize);
        for (let l = 0; l < numLayers; l++) own.set(part(values, l * n + i), l * hiddenSize);
        return own;
      }),
      logProbabilities: logP.subarray(i * V, (i + 1) * V),
    }));
  }

  #logProbabilities(hidden: Floats, n: number): Floats {
    const { decoder, architecture } = this.#model;
    return scope(() =>
      noGrad(() => {
        const h = tensor(hidden, { shape: [n, architecture.hiddenSize], backend: decoder.backend });
        const logP = decoder instanceof AdaptiveSoftmax ? decoder.logProbabilities(h) : logSoftmax(decoder.forward(h));
        return logP.dataSync() as Floats;
      }),
    );
  }

  #streamOf(batch: number): RecurrentStream {
    const known = this.#streams.get(batch);
    if (known !== undefined) return known;
    const made = this.#model.rnn.stream({ batch });
    this.#streams.set(batch, made);
    return made;
  }
}

function floatsLike(values: Floats, length: number): Floats {
  return values instanceof Float64Array ? new Float64Array(length) : new Float32Array(length);
}
