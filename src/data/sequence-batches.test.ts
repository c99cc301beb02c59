import { describe, expect, it } from 'vitest';
import { Random } from '../tensor/random.ts';
import { padFeatures, padSequences, SequenceBatches } from './sequence-batches.ts';

const rng = new Random(3);
const lengths = Int32Array.from({ length: 203 }, () => 1 + rng.integer(50));
const indices = (options: { poolSize?: number; shuffle?: boolean; seed?: number } = {}) =>
  new SequenceBatches(lengths, { batchSize: 10, seed: 7, ...options }, (batch) => batch);
const epoch = async (batches: SequenceBatches<readonly number[]>) => {
  const all: (readonly number[])[] = [];
  for (let i = 0; i < batches.batchesPerEpoch; i++) all.push(await batches.next());
  return all;
};
const padded = (all: readonly (readonly number[])[]) =>
  all.reduce((sum, batch) => sum + batch.length * Math.max(...batch.map((i) => lengths[i])), 0);

describe('SequenceBatches', () => {
  it('holds every sequence once an epoch, in another order each time', async () => {
    const batches = indices();
    expect(batches.batchesPerEpoch).toBe(21);
    const first = await epoch(batches);
    const second = await epoch(batches);
    for (const all of [first, second]) expect(all.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 203 }, (_, i) => i));
    expect(second).not.toEqual(first);
    expect(batches.epoch).toBe(2);
  });

  it('pads little: 5 % here, where unsorted batches pad by more than half', async () => {
    const steps = lengths.reduce((a, b) => a + b);
    expect(padded(await epoch(indices())) / steps).toBeLessThan(1.1);
    expect(padded(await epoch(indices({ poolSize: 1 }))) / steps).toBeGreaterThan(1.5);
  });

  it('depends on seed and epoch alone: a saved position goes on with the same batches', async () => {
    const batches = indices();
    for (let i = 0; i < 50; i++) await batches.next();
    const again = indices();
    again.seek(JSON.parse(JSON.stringify(batches.position())));
    expect([await again.next(), await again.next()]).toEqual([await batches.next(), await batches.next()]);
    expect(await epoch(indices({ seed: 8 }))).not.toEqual(await epoch(indices()));
  });

  it('keeps the given order when asked to', async () => {
    expect((await epoch(indices({ shuffle: false, poolSize: 1 }))).flat()).toEqual(Array.from({ length: 203 }, (_, i) => i));
  });

  it('refuses what gives no batch', () => {
    expect(() => new SequenceBatches([], { batchSize: 1, seed: 0 }, (batch) => batch)).toThrow('at least one sequence');
    expect(() => new SequenceBatches([1], { batchSize: 1.5, seed: 0 }, (batch) => batch)).toThrow(
      'batchSize to be a whole number ≥ 1, received 1.5',
    );
  });
});

it('padding stands after each sequence', () => {
  expect(padSequences([[5, 6, 7], [], [8]], 9)).toEqual({
    ids: Int32Array.of(5, 6, 7, 9, 9, 9, 8, 9, 9),
    lengths: Int32Array.of(3, 0, 1),
    batchSize: 3,
    length: 3,
  });
  expect(
    padFeatures(
      [
        [1, 2],
        [3, 4, 5, 6],
      ],
      2,
    ),
  ).toEqual({
    values: Float32Array.of(1, 2, 0, 0, 3, 4, 5, 6),
    lengths: Int32Array.of(1, 2),
    batchSize: 2,
    length: 2,
  });
  expect(() => padFeatures([[1, 2, 3]], 2)).toThrow('whole steps of 2 numbers, received 3 numbers in sequence 0');
});
