/** A speech recogniser at work on a sound, for pictures of its states and for gradients through them. */
import { padFeatures } from '../../data/sequence-batches.ts';
import type { Observation } from '../../insight/figure/trace.ts';
import { ConfigError } from '../../tensor/errors.ts';
import { observeFrames } from '../observed-frames.ts';
import type { SpeechRecognizer } from './saved.ts';

/**
 * What the last layer of its encoder reads of a sound, the second at which each frame begins, and what CTC says of it.
 *
 * @param samples  of one channel, in [−1, 1)
 * @throws ConfigError when the recogniser has another criterion than CTC, or the sound is shorter than a frame
 */
export function observe({ model, frontEnd, symbols }: SpeechRecognizer, samples: Float32Array, sampleRateHz: number): Observation {
  const { criterion, inputSize } = model.architecture;
  if (criterion !== 'ctc') throw new ConfigError(`expected a recogniser with CTC to look at, received one with ${criterion}.`);
  model.eval();
  const features = frontEnd.forward(samples, sampleRateHz);
  if (features.length === 0) throw new ConfigError('expected a sound of at least one frame to look at the recogniser with.');
  const batch = padFeatures([features], inputSize);
  const seconds = frontEnd.frameShiftSeconds * model.encoder.factor;
  return observeFrames(
    model,
    () => model.forward(batch).logits,
    (symbol) => symbols.symbol(symbol),
    (t) => (t * seconds).toFixed(2),
  );
}
