/** Captions by beam search, of images side by side; several views of an image may be averaged. */
import { gather } from '../../autograd/ops/gather.ts';
import { logSoftmax } from '../../autograd/ops/softmax.ts';
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import { type BeamModel, beamSearch } from '../../decode/beam-search.ts';
import { type CaptionInputs, type CaptioningModel, type Encoded, endToken, startToken } from './model.ts';

/** How captions are searched. */
export interface CaptionSearch {
  /** Hypotheses kept; 1 is greedy. */
  readonly beamWidth: number;
  readonly nBest: number;
  /** α of the division by ((5 + length) / 6)^α. */
  readonly lengthPenalty: number;
  /** Most tokens, the end included. */
  readonly maxLength: number;
  /** Tokens that are never said. */
  readonly forbidden: readonly number[];
}

/** A caption as tokens. */
export interface TokenCaption {
  readonly tokens: Int32Array;
  /** Of all its tokens and its end, in nats. */
  readonly logProbability: number;
  readonly score: number;
  /** Where each token, and then the end, looked: S numbers that sum to 1, of the first view. */
  readonly attention: readonly Float32Array[];
}

/**
 * The likeliest captions of each image, best first.
 *
 * @param views  of the same images: the probabilities of a word are averaged over them
 */
export function searchCaptions(model: CaptioningModel, views: readonly CaptionInputs[], search: CaptionSearch): TokenCaption[][] {
  return scope(() =>
    noGrad(() => {
      const encoded = views.map((view) => model.encode(view));
      const beam = viewsModel(model, encoded);
      const found = beamSearch(beam, {
        sentences: views[0].values.shape[0],
        startToken,
        endToken,
        width: search.beamWidth,
        nBest: search.nBest,
        lengthPenalty: search.lengthPenalty,
        maxLength: search.maxLength,
        forbidden: [startToken, ...search.forbidden],
      });
      return found.map((hypotheses) =>
        hypotheses.map(({ tokens, logProbability, score, attention }) => ({
          tokens,
          logProbability,
          score,
          attention: (attention ?? []).map((weights) => Float32Array.from(weights)),
        })),
      );
    }),
  );
}

/** One state for each view; each has a row for each hypothesis. */
type States = readonly (readonly Tensor[])[];

function viewsModel(model: CaptioningModel, encoded: readonly Encoded[]): BeamModel<States> {
  const { backend } = model;
  return {
    start: () => encoded.map(({ state }) => state),
    step: ({ tokens, parents, sentences, state }) => {
      const R = tokens.length;
      const rows = tensor(parents, { dtype: 'int32', backend });
      const words = model.embedding.forward(tensor(tokens, { dtype: 'int32', backend }));
      const answers = encoded.map(({ memory }, view) => {
        const before = state[view].map((part) => gather(part, rows));
        // The context is looked for anew at each step: none stands before the first.
        const full = before.length < model.decoder.stateSizes.length ? [...before, null] : before;
        const { output, context, weights, state: next } = model.decoder.step(words, memory, full, { rows: sentences });
        return { logits: logSoftmax(model.logits(output, context, words)).dataSync() as Float32Array, weights, next };
      });
      return {
        logProbabilities: answers.length === 1 ? answers[0].logits : logMean(answers.map(({ logits }) => logits)),
        state: answers.map(({ next }) => next),
        attention: answers[0].weights.dataSync().slice(0, R * answers[0].weights.shape[1]) as Float32Array,
      };
    },
  };
}

/** log of the mean of probabilities. */
function logMean(logs: readonly Float32Array[]): Float32Array {
  return logs[0].map((_, i) => {
    let total = 0;
    for (const log of logs) total += Math.exp(log[i]);
    return Math.log(total / logs.length);
  });
}
