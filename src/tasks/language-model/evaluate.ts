/** How well a language model predicts a text. */

import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { tensor } from '../../autograd/tensor.ts';
import type { TokenText } from '../../data/text/corpus.ts';
import { FormatError } from '../../tensor/errors.ts';
import { Breath } from '../../training/breath.ts';
import type { LanguageModel, LanguageState } from './model.ts';

/** How well a text is predicted; smaller is better. */
export interface LanguageMetrics extends Readonly<Record<string, number>> {
  /** Mean −ln p of a token. */
  readonly natsPerToken: number;
  /** −log₂ p of the whole text by its Unicode characters: what models of different tokens can be compared by. */
  readonly bitsPerCharacter: number;
  /** e^natsPerToken */
  readonly perplexity: number;
}

/** How much of a text is read, and how. */
export interface EvaluateOptions {
  /** Reads only so many tokens from the beginning; default: all. */
  readonly tokens?: number;
  /** The text is read at so many places side by side; default 16. */
  readonly batchSize?: number;
  /** Called between forwards: lets the host's other work run. */
  readonly pause?: () => Promise<void>;
}

/** Steps of one forward. */
const windowLength = 128;
/** Tokens that each part but the first reads before it counts, so that its state is as if it had read from the beginning. */
const leadIn = 256;

/**
 * Reads a text from its beginning to its end, the state carried all along, and reckons how surprising each token was. For
 * speed the text is read in parts side by side; each starts some hundred tokens early, by when a recurrent state has
 * forgotten that it began at zero (the test compares with reading in one).
 */
export async function evaluateTokens(model: LanguageModel, text: TokenText, options: EvaluateOptions = {}): Promise<LanguageMetrics> {
  const { ids } = text;
  const count = Math.min(ids.length, options.tokens ?? Number.POSITIVE_INFINITY) - 1;
  if (count < 1) throw new FormatError(`expected a text of two tokens or more to evaluate on, received ${ids.length}. Give a longer text.`);
  const wasTraining = model.isTraining;
  model.eval();
  try {
    const nats = await sumOfNats(model, ids.subarray(0, count + 1), options.batchSize ?? 16, options.pause ?? pauseNow());
    const characters = text.characters * (count / ids.length); // the first token is read, not predicted
    return { natsPerToken: nats / count, bitsPerCharacter: nats / Math.LN2 / characters, perplexity: Math.exp(nats / count) };
  } finally {
    model.train(wasTraining);
  }
}

async function sumOfNats(model: LanguageModel, ids: ArrayLike<number>, wanted: number, pause: () => Promise<void>): Promise<number> {
  const count = ids.length - 1;
  const batchSize = Math.max(1, Math.min(wanted, Math.floor(count / (4 * leadIn))));
  const partLength = Math.ceil(count / batchSize);
  const steps = partLength + (batchSize > 1 ? leadIn : 0);
  let state: LanguageState | null = null;
  let nats = 0;
  for (let begin = 0; begin < steps; begin += windowLength) {
    const T = Math.min(windowLength, steps - begin);
    const inputs = new Int32Array(batchSize * T);
    const targets = new Int32Array(batchSize * T).fill(notCounted);
    for (let b = 0; b < batchSize; b++) {
      const from = b * partLength;
      for (let t = 0; t < T; t++) {
        // The first part has nothing before it: it begins at once, and rests at its end while the others go on.
        const at = from + begin + t - (b === 0 ? 0 : leadIn);
        if (at < 0 || at >= count) continue;
        inputs[b * T + t] = ids[at];
        if (at >= from && at < from + partLength) targets[b * T + t] = ids[at + 1];
      }
    }
    const counted = targets.reduce((n, id) => (id === notCounted ? n : n + 1), 0);
    const given: LanguageState | null = state;
    const { loss, state: next } = scope(() =>
      noGrad(() => {
        const shape = [batchSize, T];
        const result = model.loss(
          tensor(inputs, { shape, dtype: 'int32', backend: model.backend }),
          tensor(targets, { shape, dtype: 'int32', backend: model.backend }),
          given,
        );
        return { loss: result.loss.item(), state: result.state };
      }),
    );
    state = next;
    if (counted > 0) nats += loss * counted;
    await pause();
  }
  return nats;
}

function pauseNow(): () => Promise<void> {
  const breath = new Breath();
  return () => breath.pause();
}

/** crossEntropy's ignoreIndex. */
const notCounted = -100;
