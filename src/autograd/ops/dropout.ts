/** Dropout (Srivastava et al. 2014). */
import { ConfigError } from '../../tensor/errors.ts';
import type { Random } from '../../tensor/random.ts';
import { arrange, discard, emptyInOrder, pack } from '../layout.ts';
import { inScope, releaseEarly } from '../scope.ts';
import { needsGrad, record } from '../tape.ts';
import { bufferOf, type Tensor } from '../tensor.ts';

/**
 * Each element is 0 with probability p, otherwise x / (1 − p). The same rng state gives the same mask on every backend.
 *
 * @param p in [0, 1)
 * @throws ConfigError when p is out of range
 */
export function dropout(x: Tensor, p: number, rng: Random): Tensor {
  requireProbability('dropout', p);
  if (p === 0) return x;
  return inScope(() => {
    const { backend } = x;
    const { packed, order } = pack(x);
    const mask = emptyInOrder(backend, x.shape, order);
    const y = emptyInOrder(backend, x.shape, order);
    backend.dropoutMask(bufferOf(mask), p, rng.reserve(Math.ceil(x.size / 4)));
    backend.binary('mul', bufferOf(packed), bufferOf(mask), bufferOf(y));
    discard([packed], [x]);
    if (!needsGrad([x])) {
      releaseEarly(mask.storage);
      return y;
    }
    record(
      'dropout',
      [x],
      [y],
      ([gradient]) => {
        const dX = emptyInOrder(backend, x.shape, order);
        const dY = arrange(gradient!, order);
        backend.binary('mul', bufferOf(dY), bufferOf(mask), bufferOf(dX));
        discard([dY], [gradient!]);
        return [dX];
      },
      [mask],
    );
    return y;
  });
}

/** @throws ConfigError when p is not in [0, 1) */
export function requireProbability(operation: string, p: number): void {
  if (!(p >= 0 && p < 1)) throw new ConfigError(`[${operation}] expected a probability in [0, 1), received ${p}.`);
}
