/** Weights packed for the length of a call. */
import type { Backend, Buffer } from '../../src/backend/backend.ts';

export function withPacked(backend: Backend, weights: Buffer, parts: number, N: number, K: number, body: (packed: Buffer) => void): void {
  const packed = backend.allocate(backend.float, backend.packedLength(parts, N, K));
  backend.packWeights(weights, parts, N, K, packed);
  body(packed);
  backend.free(packed);
}
