/** A language model as what a search asks (`SequenceScorer`): many texts side by side, one step a call. */
import { logSoftmax } from '../../autograd/ops/softmax.ts';
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { tensor } from '../../autograd/tensor.ts';
import type { Tokenizer } from '../../data/text/tokenizer.ts';
import type { WordModel } from '../../decode/word-scorer.ts';
import { AdaptiveSoftmax } from '../../losses/adaptive-softmax.ts';
import type { Floats, StreamState } from '../../nn/recurrent-stream.ts';
import { floatsLike, SideBySide } from '../../nn/side-by-side.ts';
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
  readonly #rnn: SideBySide;
  readonly #table: Floats; // [V, E]

  /**
   * @param model     put into `eval()`
   * @param boundary  what stands before a text and after it; default a new line, as between the lines of a text that a model was
   *                  trained on. A tokenizer that lacks it has no end: ending costs nothing.
   */
  constructor(model: LanguageModel, tokenizer: Tokenizer, boundary = '\n') {
    this.#model = model.eval();
    this.#tokenizer = tokenizer;
    this.#table = model.embedding.weight.dataSync() as Floats;
    this.#rnn = new SideBySide(model.rnn);
    const id = this.idOf(boundary);
    this.#boundary = id === tokenizer.unknownId ? -1 : id;
    const nothing: LanguageScorerState = { memory: this.#rnn.zeros, logProbabilities: floatsLike(this.#table, 0) };
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
    const { vocabularySize: V, embeddingSize: E } = this.#model.architecture;
    const x = floatsLike(this.#table, n * E);
    tokens.forEach((token, i) => {
      x.set(this.#table.subarray(token * E, (token + 1) * E), i * E);
    });
    const { output, states: memories } = this.#rnn.step(
      states.map(({ memory }) => memory),
      x,
    );
    const logP = this.#logProbabilities(output, n);
    return memories.map((memory, i) => ({ memory, logProbabilities: logP.subarray(i * V, (i + 1) * V) }));
  }

  #logProbabilities(hidden: Floats, n: number): Floats {
    const { decoder } = this.#model;
    return scope(() =>
      noGrad(() => {
        const h = tensor(hidden, { shape: [n, hidden.length / n], backend: decoder.backend });
        const logP = decoder instanceof AdaptiveSoftmax ? decoder.logProbabilities(h) : logSoftmax(decoder.forward(h));
        return logP.dataSync() as Floats;
      }),
    );
  }
}
