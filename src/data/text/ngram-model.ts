/** N-gram language models with back-off: tables of log-probabilities, however they were estimated. `arpa.ts` reads and writes them. */
import { ConfigError } from '../../tensor/errors.ts';

/** One n-gram as a file has it. */
export interface Ngram {
  /** Its words, numbered as in the vocabulary. */
  readonly words: readonly number[];
  /** log P(last word | the others), in nats. */
  readonly logProbability: number;
  /** Logarithm of the weight of shorter contexts where this one has not been followed by a word; 0 when it has none. */
  readonly backoff: number;
}

const root = 0;

/**
 * P(w | w₁…wₖ) = what the table says of w₁…wₖ w where it has it, else backoff(w₁…wₖ) · P(w | w₂…wₖ).
 *
 * It is a scorer of sequences of words (`SequenceScorer` in decode): a state is the longest context that the table knows, as a number.
 * Words may be characters as well.
 *
 * @example
 * const model = await readArpa(textFile('3gram.arpa.gz'));
 * console.log(model.logProbabilityOf(['the', 'whale']), model.perplexity([['the', 'whale']]));
 * @see Katz (1987), doi:10.1109/TASSP.1987.1165125, for backing off
 */
export class NgramModel {
  /** The longest n-gram's number of words. */
  readonly order: number;
  /** Every word; its number is its place. `<s>`, `</s>` and `<unk>` among them where the model has them. */
  readonly words: readonly string[];
  readonly #ids: ReadonlyMap<string, number>;
  readonly #table: NgramTable;
  readonly #start: number;
  readonly #end: number;
  readonly #unknown: number;

  /**
   * @param words  every word once
   * @param table  filled
   */
  constructor(words: readonly string[], table: NgramTable) {
    this.words = words;
    this.#ids = new Map(words.map((word, id) => [word, id]));
    this.#table = table;
    this.order = table.order;
    this.#end = this.#ids.get('</s>') ?? -1;
    this.#unknown = this.#ids.get('<unk>') ?? this.#ids.get('<UNK>') ?? -1;
    this.#start = table.follow(root, this.#ids.get('<s>') ?? -1);
  }

  /** How many n-grams of 1, 2, … words there are. */
  get counts(): readonly number[] {
    return this.#table.counts;
  }

  /** The number of a word; of `<unk>` where it is not known, −1 where there is no `<unk>`. */
  idOf(word: string): number {
    return this.#ids.get(word) ?? this.#unknown;
  }

  /** Whether the model has the word itself. */
  has(word: string): boolean {
    return this.#ids.has(word);
  }

  /** After `<s>`, where the model has it. */
  start(): number {
    return this.#start;
  }

  /** log P(word | state), in nats; −∞ of what the model does not know. */
  score(state: number, word: number): number {
    return this.#table.score(state, word);
  }

  /** log P(`</s>` | state), in nats; 0 where the model knows no ends. */
  end(state: number): number {
    return this.#end < 0 ? 0 : this.#table.score(state, this.#end);
  }

  /** The states after one more word each. */
  advance(states: readonly number[], words: readonly number[]): number[] {
    return states.map((state, i) => this.#table.follow(state, words[i]));
  }

  /** log P of a sentence with its beginning and end, in nats. */
  logProbabilityOf(sentence: readonly string[]): number {
    let [state, total] = [this.start(), 0];
    for (const word of sentence) {
      const id = this.idOf(word);
      total += this.score(state, id);
      [state] = this.advance([state], [id]);
    }
    return total + this.end(state);
  }

  /** e to the mean of −log P of each word and end. */
  perplexity(sentences: readonly (readonly string[])[]): number {
    let [total, count] = [0, 0];
    for (const sentence of sentences) {
      total += this.logProbabilityOf(sentence);
      count += sentence.length + (this.#end < 0 ? 0 : 1);
    }
    return Math.exp(-total / count);
  }

  /** Every n-gram of that many words, in the order in which they were added. */
  ngrams(order: number): Ngram[] {
    if (!Number.isInteger(order) || order < 1 || order > this.order) {
      throw new ConfigError(`[NgramModel] expected an order in 1…${this.order}, received ${order}.`);
    }
    return this.#table.ngrams(order);
  }
}

/**
 * N-grams as a tree from their first word on, and from each a way to the longest end of it that the tree has: what Aho and Corasick
 * (1975) do for texts. Add shorter ones first, then `finish`.
 */
export class NgramTable {
  readonly #V: number;
  /** node · V + word → node */
  readonly #children = new Map<number, number>();
  readonly #parents: number[] = [-1];
  readonly #lastWords: number[] = [-1];
  readonly #orders: number[] = [0];
  readonly #logP: number[] = [0];
  readonly #backoffs: number[] = [0];
  readonly #suffixes: number[] = [root];
  readonly counts: number[] = [];

  /** @param V number of words */
  constructor(V: number) {
    this.#V = V;
  }

  get order(): number {
    return this.counts.length;
  }

  /** @returns what is wrong with it, or null when it is added */
  add({ words, logProbability, backoff }: Ngram): 'no context' | 'twice' | null {
    let node = root;
    for (const word of words.slice(0, -1)) {
      const next = this.#children.get(node * this.#V + word);
      if (next === undefined) return 'no context';
      node = next;
    }
    const last = words[words.length - 1];
    const key = node * this.#V + last;
    if (this.#children.has(key)) return 'twice';
    this.#children.set(key, this.#parents.length);
    this.#parents.push(node);
    this.#lastWords.push(last);
    this.#orders.push(words.length);
    this.#logP.push(logProbability);
    this.#backoffs.push(backoff);
    this.#suffixes.push(root);
    this.counts[words.length - 1] = (this.counts[words.length - 1] ?? 0) + 1;
    return null;
  }

  /** When all are added. */
  finish(): this {
    const { length } = this.#parents;
    for (let order = 2; order <= this.order; order++) {
      for (let node = 1; node < length; node++) {
        if (this.#orders[node] === order) this.#suffixes[node] = this.#find(this.#suffixes[this.#parents[node]], this.#lastWords[node]);
      }
    }
    return this;
  }

  /** log P(word | context), backing off; −∞ where not even the word itself is there. */
  score(node: number, word: number): number {
    if (!(word >= 0)) return Number.NEGATIVE_INFINITY;
    let total = 0;
    for (let at = node; ; at = this.#suffixes[at]) {
      const found = this.#children.get(at * this.#V + word);
      if (found !== undefined) return total + this.#logP[found];
      if (at === root) return Number.NEGATIVE_INFINITY;
      total += this.#backoffs[at];
    }
  }

  /** The longest context that is known after one more word; a longest n-gram is none. */
  follow(node: number, word: number): number {
    if (!(word >= 0)) return root;
    const found = this.#find(node, word);
    return this.#orders[found] === this.order && this.order > 1 ? this.#suffixes[found] : this.order === 1 ? root : found;
  }

  /** Every n-gram of that many words, in the order in which they were added. */
  ngrams(order: number): Ngram[] {
    return this.#orders.flatMap((of, node) => {
      if (of !== order) return [];
      const words: number[] = [];
      for (let at = node; at !== root; at = this.#parents[at]) words.push(this.#lastWords[at]);
      return [{ words: words.reverse(), logProbability: this.#logP[node], backoff: this.#backoffs[node] }];
    });
  }

  /** The node of the longest end of (node, word) that the tree has. */
  #find(node: number, word: number): number {
    for (let at = node; ; at = this.#suffixes[at]) {
      const found = this.#children.get(at * this.#V + word);
      if (found !== undefined || at === root) return found ?? root;
    }
  }
}
