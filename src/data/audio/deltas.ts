/** How features change: regression over the frames around each, beside the features themselves. */
import { ConfigError } from '../../tensor/errors.ts';
import { joined } from './resample.ts';
import type { FeatureStage } from './spectral-features.ts';

/** Frames to each side that the regression sees. */
const reach = 2;
/** 2 Σ n², n = 1 … reach */
const denominator = 10;

/**
 * Features with their deltas, and those of the deltas, side by side.
 *
 *   d_t = Σ_n n · (x_{t+n} − x_{t−n}) / (2 Σ_n n²),  n = 1, 2;  the first and last frame repeated beyond the ends
 *
 * @param features  [T, size] row-major
 * @param order     1: deltas; 2: and those of the deltas
 * @returns         [T, (order + 1) · size]
 * @see Furui (1986), doi:10.1109/TASSP.1986.1164788. Numbers as torchaudio.functional.compute_deltas, applied again for order 2.
 */
export function withDeltas(features: Float32Array, size: number, order: number): Float32Array {
  const stage = deltaStage(size, order);
  return joined([stage.push(features), stage.end()]);
}

/** `withDeltas` of frames that come in pieces; each waits for two frames an order. */
export function deltaStage(size: number, order: number): FeatureStage {
  if (!(Number.isInteger(order) && order >= 1 && order <= 2))
    throw new ConfigError(`[deltas] expected an order of 1 or 2, received ${order}.`);
  // A stage adds the deltas of the last `size` columns of what it gets.
  const stages = Array.from({ length: order }, (_, k) => oneOrder((k + 1) * size, size));
  return {
    size: (order + 1) * size,
    push: (frames) => stages.reduce((values, stage) => stage.push(values), frames),
    end: () => stages.reduce((rest, stage) => joined([stage.push(rest), stage.end()]), new Float32Array(0)),
  };
}

/** Frames of `width` in, of width + size out: with the deltas of the last `size`. */
function oneOrder(width: number, size: number): FeatureStage {
  /** Frames t − reach … t + reach of the next one out; the first ones repeat the sequence's first. */
  let held: Float32Array[] = [];
  let received = 0;
  const next = (): Float32Array => {
    const out = new Float32Array(width + size);
    out.set(held[reach]);
    for (let i = 0; i < size; i++) {
      const column = width - size + i;
      let sum = 0;
      for (let n = 1; n <= reach; n++) sum += n * (held[reach + n][column] - held[reach - n][column]);
      out[width + i] = sum / denominator;
    }
    held = held.slice(1);
    return out;
  };
  const add = (frame: Float32Array, out: Float32Array[]): void => {
    if (received++ === 0) held = new Array<Float32Array>(reach).fill(frame);
    held = [...held, frame];
    if (held.length === 2 * reach + 1) out.push(next());
  };
  return {
    size: width + size,
    push: (frames) => {
      const out: Float32Array[] = [];
      for (let at = 0; at < frames.length; at += width) add(frames.slice(at, at + width), out);
      return joined(out);
    },
    end: () => {
      const out: Float32Array[] = [];
      const last = held.at(-1);
      if (last !== undefined) for (let k = 0; k < reach; k++) add(last, out);
      held = [];
      received = 0;
      return joined(out);
    },
  };
}
