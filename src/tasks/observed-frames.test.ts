/** What the last layer is seen to read leads to what CTC says. */
import { beforeEach, expect, it } from 'vitest';
import { sum } from '../autograd/ops/reduce.ts';
import { tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { padFeatures } from '../data/sequence-batches.ts';
import { crossEntropy } from '../losses/cross-entropy.ts';
import { Random } from '../tensor/random.ts';
import { blankShown, observeFrames } from './observed-frames.ts';
import { SpeechModel } from './speech/model.ts';

beforeEach(() => {
  setBackend('reference');
});

it.each(['lstm', 'gru'] as const)('frames of a pyramid of %s', (cell) => {
  const rng = new Random(2);
  const model = new SpeechModel({
    criterion: 'ctc',
    cell,
    inputSize: 5,
    hiddenSize: 4,
    factors: [2, 3],
    bidirectional: true,
    dropout: 0.5,
    decoderSize: 0,
    classes: 4,
    blankShare: 0.3,
    rng,
  }).eval();
  const batch = padFeatures([rng.fillNormal(new Float32Array(35 * 5)).map((value) => 3 * value)], 5);
  const { layers, x, tokens, outputs, losses } = observeFrames(
    model,
    () => model.forward(batch).logits,
    (symbol) => 'abc'[symbol - 1],
    (t) => `frame ${t}`,
  );
  expect(tokens).toEqual(['frame 0', 'frame 1', 'frame 2', 'frame 3', 'frame 4', 'frame 5']);
  expect(x.shape).toEqual([1, 6, 3 * 8]);
  const { logits } = model.forward(batch);
  const values = [...logits.dataSync()];
  const ids = tokens.map((_, t) => {
    const scores = values.slice(4 * t, 4 * t + 4);
    return scores.indexOf(Math.max(...scores));
  });
  expect(new Set(ids).size).toBeGreaterThan(1);
  expect(outputs).toEqual(ids.map((id) => `${blankShown}abc`[id]));
  const targets = tensor(ids, { shape: [1, 6], dtype: 'int32' });
  const own = losses!(layers.forward(x).output, 0);
  expect(own.shape).toEqual([6]);
  expect(sum(own).item()).toBeCloseTo(crossEntropy(logits, targets, { reduction: 'sum' }).item(), 9);
});
