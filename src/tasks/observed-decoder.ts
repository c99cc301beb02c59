/** A decoder with attention at work, for pictures of its states and for gradients through them: what translation and captioning share. */
import { concat } from '../autograd/ops/concat.ts';
import { reshape, slice } from '../autograd/ops/shape.ts';
import { scope } from '../autograd/scope.ts';
import { noGrad } from '../autograd/tape.ts';
import { type Tensor, tensor, zeros } from '../autograd/tensor.ts';
import type { Looks, Observation, TracedLayers } from '../insight/figure/trace.ts';
import { crossEntropy } from '../losses/cross-entropy.ts';
import type { AttentionMemory } from '../nn/attention.ts';
import type { AttentionDecoder } from '../nn/attention-decoder.ts';
import { GRU } from '../nn/gru.ts';
import { LSTM } from '../nn/lstm.ts';

/** What a decoder said, and what it said it from. */
export interface Said {
  readonly memory: AttentionMemory;
  /** Before the first step: [h, c] or [h], with a context or without, [1, ·] each. */
  readonly state: readonly Tensor[];
  /** Vectors of the tokens that were read, [1, T, I]. */
  readonly words: Tensor;
  /** What was said after each, [T]. */
  readonly targets: Int32Array;
  /** Scores of what may be said, [1, T, V], from the states, what was looked at and `words`. */
  readonly logits: (output: Tensor, context: Tensor, words: Tensor) => Tensor;
}

/**
 * The decoder's cell, as layers that read [word, what was looked at]; its state begins where the encoder put it. The losses are those
 * of what it said itself. Gradients and memories are those along its states: what goes round by where it looked is taken as given.
 *
 * @param over  what the decoder looks at
 */
export function observeDecoder(
  decoder: AttentionDecoder,
  { memory, state, words, targets, logits }: Said,
  over: Looks['over'],
): Pick<Observation, 'layers' | 'x' | 'state' | 'looks' | 'losses' | 'part'> {
  const { stateSizes } = decoder;
  const first = stateSizes.map((_, i) => state[i] ?? null);
  const { x, context, rows } = scope(() =>
    noGrad(() => {
      const { context, weights } = decoder.forward(words, memory, first);
      const seen = decoder.options.attendFirst === true ? context : delayed(context, first.at(-1) ?? null);
      return { x: concat([words, seen], 2), context, rows: weights };
    }),
  );
  const [, T, S] = rows.shape;
  const values = rows.dataSync() as Float32Array;
  const { hiddenSize } = decoder.options;
  return {
    part: 'decoder',
    layers: cellAsLayers(decoder),
    x,
    state: stateSizes
      .slice(0, -1)
      .map((width, i) => reshape(first[i] ?? zeros([1, width], { backend: decoder.backend }), [1, 1, hiddenSize])),
    looks: { weights: Array.from({ length: T }, (_, t) => values.slice(t * S, (t + 1) * S)), over },
    losses: (output, from) => {
      const scores = logits(output, slice(context, 1, from), slice(words, 1, from));
      const expected = tensor(targets.slice(from), { shape: [1, T - from], dtype: 'int32', backend: decoder.backend });
      return reshape(crossEntropy(scores, expected, { reduction: 'none' }), [T - from]);
    },
  };
}

/** What the step before found; `first` before the first step. [1, T, M] */
function delayed(context: Tensor, first: Tensor | null): Tensor {
  const [, T, M] = context.shape;
  const before = first === null ? zeros([1, 1, M], { backend: context.backend }) : reshape(first, [1, 1, M]);
  return T === 1 ? before : concat([before, slice(context, 1, 0, T - 1)], 1);
}

/** A layer of the same numbers, whose input is [x, context]. */
function cellAsLayers(decoder: AttentionDecoder): TracedLayers {
  const { inputSize, hiddenSize, memorySize, cell = 'lstm', bias } = decoder.options;
  const options = { inputSize: inputSize + memorySize, hiddenSize, bias };
  const layers = cell === 'lstm' ? new LSTM(options) : new GRU(options);
  const given = decoder.namedParameters();
  const side = concat([given.get('weight_ih')!.detach(), given.get('weight_context')!.detach()], 1);
  for (const [name, parameter] of layers.namedParameters()) {
    parameter.assign((name === 'weight_ih_l0' ? side : given.get(name.replace('_l0', ''))!).dataSync());
  }
  return layers.eval();
}
