/** Words as a character language model sees them in their sentence: its states at the words' ends. */
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { tensor } from '../../autograd/tensor.ts';
import { padSequences } from '../../data/sequence-batches.ts';
import type { Tokenizer } from '../../data/text/tokenizer.ts';
import { Module } from '../../nn/module.ts';
import { ConfigError } from '../../tensor/errors.ts';
import type { LanguageModel } from '../language-model/model.ts';

/** Characters of one forward, padding included: bounds the memory. */
const mostCharacters = 16_384;

/**
 * A language model that learnt to write character by character, frozen: what it remembers after a word's last character stands
 * for the word in its context. One that learnt from reversed text is read from the sentence's end and remembers what follows.
 *
 * A sentence is read as a line: after a line end, words between single blanks. That is how the texts that the model learnt from
 * should be written.
 *
 * @see Akbik, Blythe & Vollgraf (2018), Contextual string embeddings for sequence labeling
 */
export class CharacterContext extends Module {
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
  readonly isReversed: boolean;

  /** @throws ConfigError when the model does not work on characters */
  constructor(model: LanguageModel, tokenizer: Tokenizer, isReversed: boolean) {
    super();
    if (tokenizer.level !== 'char') {
      throw new ConfigError(
        `languageModels: expected a model of characters, received one of level ${tokenizer.level}. Train one with --level char.`,
      );
    }
    this.model = this.child('model', model);
    this.tokenizer = tokenizer;
    this.isReversed = isReversed;
    for (const parameter of model.parameters()) parameter.requiresGrad = false;
  }

  /** H: numbers of a word's vector. */
  get size(): number {
    return this.model.architecture.hiddenSize;
  }

  /** @returns of each sentence [T, H] */
  vectorsOf(sentences: readonly (readonly string[])[]): Float32Array[] {
    const wasTraining = this.model.isTraining;
    this.model.eval();
    try {
      const spelled = sentences.map((words) => this.#spell(words));
      return batchesOf(spelled).flatMap((batch) => this.#read(batch));
    } finally {
      this.model.train(wasTraining);
    }
  }

  /** A sentence's characters, and where in them each word is at its end. */
  #spell(words: readonly string[]): Spelled {
    const characters = ['\n'];
    const order = this.isReversed ? words.toReversed() : words;
    const ends = order.map((word, i) => {
      if (i > 0) characters.push(' ');
      const letters = Array.from(word);
      for (const letter of this.isReversed ? letters.reverse() : letters) characters.push(letter);
      return characters.length - 1;
    });
    return { ids: this.tokenizer.encode(characters.join('')), ends: this.isReversed ? ends.reverse() : ends };
  }

  #read(sentences: readonly Spelled[]): Float32Array[] {
    const { ids, lengths, batchSize, length } = padSequences(sentences.map((sentence) => sentence.ids));
    const H = this.size;
    const states = scope(() =>
      noGrad(() => {
        const x = this.model.embedding.deferred(tensor(ids, { shape: [batchSize, length], dtype: 'int32', backend: this.backend }));
        return this.model.rnn.forward(x, null, { lengths }).output.dataSync(); // [B, L, H]
      }),
    );
    return sentences.map(({ ends }, b) => {
      const vectors = new Float32Array(ends.length * H);
      ends.forEach((end, t) => {
        const from = (b * length + end) * H;
        vectors.set(states.subarray(from, from + H), t * H);
      });
      return vectors;
    });
  }
}

interface Spelled {
  readonly ids: Int32Array;
  readonly ends: readonly number[];
}

/** Neighbours together, as many as fit. */
function batchesOf(sentences: readonly Spelled[]): Spelled[][] {
  const batches: Spelled[][] = [];
  let longest = 0;
  for (const sentence of sentences) {
    longest = Math.max(longest, sentence.ids.length);
    const batch = batches.at(-1);
    if (batch === undefined || longest * (batch.length + 1) > mostCharacters) {
      batches.push([sentence]);
      longest = sentence.ids.length;
    } else batch.push(sentence);
  }
  return batches;
}
