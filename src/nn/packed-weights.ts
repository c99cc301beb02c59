/**
 * Weights in the order in which a backend's products read them fastest, for passes from which nothing will be learnt: packed once,
 * and again only after weights have changed. They take the weights' memory a second time, for as long as the weights live.
 */
import { freeWhenCollected, weightsEpoch } from '../autograd/storage.ts';
import { bufferOf, type Parameter } from '../autograd/tensor.ts';
import type { Buffer } from '../backend/backend.ts';

class Packed {
  readonly buffer: Buffer;
  #epoch = -1;
  readonly #parts: number;
  readonly #N: number;

  constructor(weight: Parameter, parts: number) {
    const { backend, shape } = weight;
    this.#parts = parts;
    this.#N = shape[0] / parts;
    this.buffer = backend.allocate(backend.float, backend.packedLength(parts, this.#N, shape[1]));
    freeWhenCollected(this, backend, this.buffer);
  }

  refresh(weight: Parameter): void {
    if (this.#epoch === weightsEpoch()) return;
    weight.backend.packWeights(bufferOf(weight), this.#parts, this.#N, weight.shape[1], this.buffer);
    this.#epoch = weightsEpoch();
  }
}

const known = new WeakMap<Parameter, Packed>();

/**
 * `weight` [parts · N, K], packed part by part, as it is now. The buffer is the same each time; its numbers are good until weights
 * change: ask again before each use.
 */
export function packed(weight: Parameter, parts: number): Buffer {
  let own = known.get(weight);
  if (own === undefined) {
    own = new Packed(weight, parts);
    known.set(weight, own);
  }
  own.refresh(weight);
  return own.buffer;
}
