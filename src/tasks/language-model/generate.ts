/** Text from a language model, token by token. */

import type { Tokenizer } from '../../data/text/tokenizer.ts';
import { type SamplingOptions, sample } from '../../decode/sampling.ts';
import { Random } from '../../tensor/random.ts';
import { parseOptions } from '../schema.ts';
import type { LanguageModel } from './model.ts';
import { type GenerateOptions, predictSchema } from './options.ts';

/**
 * Writes on from a prompt. Yields text as soon as it is certain; the parts joined are the whole, without the prompt.
 *
 * @throws ConfigError when an option is out of range
 * @example for (const text of generate(model, tokenizer, { prompt: 'Call me', temperature: 0.7 })) process.stdout.write(text);
 */
export function* generate(model: LanguageModel, tokenizer: Tokenizer, options: GenerateOptions = {}): Generator<string, void> {
  const { prompt, length, stop, seed, ...choice } = parseOptions(predictSchema(), options);
  const rng = seed === undefined ? Random.fromEntropy() : new Random(seed);
  const sampling: SamplingOptions = { ...choice, forbidden: tokenizer.unknownId === null ? [] : [tokenizer.unknownId] };
  const wasTraining = model.isTraining;
  const stream = model.eval().stream();
  model.train(wasTraining);

  const start = startOf(tokenizer, prompt);
  let scores = stream.step(start[0]);
  for (const token of start.subarray(1)) scores = stream.step(token);
  const decoder = tokenizer.decoder();
  if (prompt !== '') for (const token of start) decoder.push(token);
  const text = new StopWatch(stop);
  for (let i = 0; i < length && !text.hasStopped; i++) {
    const token = sample(scores, sampling, rng);
    const part = text.push(decoder.push(token));
    if (part !== '') yield part;
    if (i + 1 < length && !text.hasStopped) scores = stream.step(token);
  }
  const tail = text.push(decoder.end()) + text.end();
  if (tail !== '') yield tail;
}

/** Where to begin: the prompt, or without one a new line, so that a text begins as a line does. */
function startOf(tokenizer: Tokenizer, prompt: string): Int32Array {
  const ids = tokenizer.encode(prompt === '' ? '\n' : prompt);
  return ids.length > 0 ? ids : Int32Array.of(0);
}

/** Ends a text before `stop`; holds back what may become it. */
class StopWatch {
  readonly #stop: string | undefined;
  #held = '';
  hasStopped = false;

  constructor(stop: string | undefined) {
    this.#stop = stop === '' ? undefined : stop;
  }

  push(text: string): string {
    if (this.#stop === undefined || this.hasStopped) return this.hasStopped ? '' : text;
    const all = this.#held + text;
    const at = all.indexOf(this.#stop);
    if (at >= 0) {
      this.hasStopped = true;
      this.#held = '';
      return all.slice(0, at);
    }
    let keep = Math.min(this.#stop.length - 1, all.length);
    while (!this.#stop.startsWith(all.slice(all.length - keep))) keep--;
    this.#held = all.slice(all.length - keep);
    return all.slice(0, all.length - keep);
  }

  end(): string {
    const held = this.#held;
    this.#held = '';
    return held;
  }
}
