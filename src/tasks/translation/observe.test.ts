/** What layers are seen to read leads to what the translator says. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sum } from '../../autograd/ops/reduce.ts';
import { scope } from '../../autograd/scope.ts';
import { backward } from '../../autograd/tape.ts';
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import { setBackend } from '../../backend/select.ts';
import { padSequences } from '../../data/sequence-batches.ts';
import { type Observation, traceLayers } from '../../insight/figure/trace.ts';
import { inspectAt } from '../../insight/inspection.ts';
import { Adam } from '../../optim/adam.ts';
import { Random } from '../../tensor/random.ts';
import { Translator } from './model.ts';
import { observe } from './observe.ts';
import type { SavedTranslator } from './saved.ts';
import { encodeSentence, translateSentences } from './translate.ts';
import { endId, SentenceVocabulary, startId } from './vocabulary.ts';

beforeEach(() => {
  setBackend('reference');
});
afterEach(() => setBackend('native'));

function translator(options: Partial<Translator['architecture']>): SavedTranslator {
  const source = SentenceVocabulary.learn(['one two three four'], { level: 'word', size: 100, minCount: 1 });
  const target = SentenceVocabulary.learn(['eins zwei drei vier'], { level: 'word', size: 100, minCount: 1 });
  const model = new Translator({
    sourceVocabularySize: source.size,
    targetVocabularySize: target.size,
    embeddingSize: 5,
    encoderSize: 3,
    encoderLayers: 2,
    decoderSize: 6,
    decoderLayers: 1,
    cell: 'gru',
    attention: 'additive',
    attentionSize: 4,
    attendFirst: true,
    tied: 'none',
    dropout: 0.5,
    embeddingDropout: 0.5,
    wordDropout: 0,
    recurrentDropout: 0,
    ...options,
    rng: new Random(4),
  });
  // A sentence learnt by heart, so that several words are said.
  const said = [...target.encode('vier eins zwei')];
  const batch = {
    source: padSequences([encodeSentence(source, 'two four one')]),
    inputs: padSequences([[startId, ...said]]),
    targets: Int32Array.of(...said, endId),
  };
  model.eval();
  const optimizer = new Adam(model, { learningRate: 0.03 });
  for (let step = 0; step < 30; step++) optimizer.step(() => model.loss(batch));
  return { model, source, target, config: { vocabulary: { lowercase: true } } as SavedTranslator['config'] };
}

/** States of the layers, as the observation has them run. */
function outputOf({ layers, x, state }: Observation): Tensor {
  const first = state === undefined ? null : state.length === 2 ? state : state[0];
  return (layers.forward as (x: Tensor, state: unknown) => { output: Tensor })(x, first).output;
}

it.each([
  ['a GRU that looks first', {}],
  ['an LSTM that looks first', { cell: 'lstm' }],
  ['a GRU that looks with its new state, under a second layer', { attendFirst: false, decoderLayers: 2 }],
  ['an LSTM that looks with its new state, under two more', { cell: 'lstm', attendFirst: false, attention: 'general', decoderLayers: 3 }],
] as const)('%s', async (_, options) => {
  const saved = translator(options);
  const { model, source, target } = saved;
  const sentence = 'two Four one';
  const decoder = observe(saved, sentence);
  const [encoder] = decoder.before!;
  const [{ translations, pieces }] = await translateSentences(saved, [sentence]);
  const [best] = translations;
  expect(best.pieces).toEqual(['vier', 'eins', 'zwei', '<end>']);

  expect(decoder.outputs).toEqual(best.pieces);
  expect(decoder.tokens).toEqual(['<start>', ...best.pieces.slice(0, -1)]);
  expect(decoder.looks!.over).toEqual(pieces);
  decoder.looks!.weights.forEach((row, t) => {
    Array.from(row).forEach((weight, s) => {
      expect(weight).toBeCloseTo(best.attention[t][s], 6);
    });
  });

  // The same states as the decoder's own.
  const read = padSequences([encodeSentence(source, sentence.toLowerCase())]);
  const { memory, state } = model.encode(read);
  const ids = [startId, ...[...target.encode(best.pieces.slice(0, -1).join(' '))]].slice(0, best.pieces.length);
  const expected = model.decoder.forward(model.words(padSequences([ids])), memory, state).output.dataSync();
  const output = outputOf(decoder);
  Array.from(output.dataSync()).forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i], 10);
  });
  const { steps } = traceLayers(decoder.layers, decoder.x, decoder.state)[0];
  const last = steps.at(-1)!.values.h!;
  last.forEach((value, k) => {
    expect(value).toBeCloseTo(expected[(best.pieces.length - 1) * 6 + k], 10);
  });

  // Both parts' losses are those of the translation.
  expect(encoder.tokens).toEqual(pieces);
  expect(sum(decoder.losses!(output, 0)).item()).toBeCloseTo(-best.logProbability, 5);
  expect(sum(encoder.losses!(outputOf(encoder), 0)).item()).toBeCloseTo(-best.logProbability, 5);
  expect(decoder.losses!(output, 0).shape).toEqual([best.pieces.length]);
});

it('is looked at part by part', () => {
  const decoder = observe(translator({}), 'two four one');
  const looked = inspectAt(decoder);
  expect(looked.loss).toBeCloseTo(sum(decoder.losses!(outputOf(decoder), 0)).item() / looked.steps, 9);
  expect(looked.jacobians!.hidden[0]).toHaveLength(looked.steps);
  const encoder = inspectAt(decoder.before![0]);
  expect(encoder.loss).toBeCloseTo(looked.loss!, 9);
  // Its own layers alone, though the decoder ran as well.
  expect(encoder.layers.map(({ layer, direction }) => `${layer} ${direction}`)).toEqual([
    '0 forward',
    '0 reverse',
    '1 forward',
    '1 reverse',
  ]);
  expect(encoder.layers.every(({ growth }) => growth !== null && growth > 0)).toBe(true);
});

it('the first state counts: the gradient at the first step is that of a difference', () => {
  const decoder = observe(translator({}), 'two four one');
  const loss = (x: Tensor): number => {
    const output = outputOf({ ...decoder, x });
    return sum(decoder.losses!(output, 0)).item();
  };
  const values = Float64Array.from(decoder.x.dataSync());
  const moved = (by: number): Tensor =>
    tensor(
      values.map((value, i) => (i === 2 ? value + by : value)),
      { shape: decoder.x.shape },
    );
  const x = tensor(values, { shape: decoder.x.shape, requiresGrad: true });
  scope(() => backward(sum(decoder.losses!(outputOf({ ...decoder, x }), 0))));
  expect(x.grad!.dataSync()[2]).toBeCloseTo((loss(moved(1e-5)) - loss(moved(-1e-5))) / 2e-5, 6);
});

it('a blank sentence is refused', () => {
  expect(() => observe(translator({}), '  ')).toThrow('expected a sentence to look at the translator with, received none.');
});
