import { describe, expect, it } from 'vitest';
import { SessionBatches, sequenceBatches, type TrainBatch } from './batches.ts';
import type { Histories } from './catalogue.ts';

const lengths = [5, 2, 9, 1, 4, 3, 7];
const starts = Int32Array.from([0, 5, 7, 16, 17, 21, 24, 31]);
/** The n-th event is of item n, a minute after the one before it. */
const histories: Histories = {
  users: lengths.map(String),
  starts,
  items: Int32Array.from({ length: 31 }, (_, n) => n),
  times: Float64Array.from({ length: 31 }, (_, n) => 60 * n),
};
const ends = starts.slice(1);
const options = { batchSize: 3, sequenceLength: 3, timeGaps: true, seed: 1 };

/** Every event that is followed by another of its user. */
const followed = Array.from({ length: 31 }, (_, n) => n).filter((n) => !ends.includes(n + 1));

/** Items that are read, with those that come next. */
function pairs({ items, at, targets, batchSize, length }: TrainBatch): [number, number][] {
  return Array.from(at, (place, i) => [items[(place % batchSize) * length + Math.floor(place / batchSize)], targets[i]]);
}

function epoch(batches: { next(): TrainBatch | Promise<TrainBatch>; readonly batchesPerEpoch: number }): TrainBatch[] {
  return Array.from({ length: batches.batchesPerEpoch }, () => batches.next() as TrainBatch);
}

describe('sequences side by side', () => {
  it('foretell each event from the one before it, once an epoch', () => {
    const all = epoch(sequenceBatches(histories, ends, options)).flatMap(pairs);
    expect(all.map(([read]) => read).sort((a, b) => a - b)).toEqual(followed.sort((a, b) => a - b));
    expect(all.every(([read, next]) => next === read + 1)).toBe(true);
  });

  it('are cut from their ends, and read gaps from their second step on', () => {
    const batches = sequenceBatches(histories, Int32Array.from([5, 5, 7, 16, 17, 21, 24]), { ...options, batchSize: 9 });
    const { items, gaps, lengths: read, length } = batches.next() as TrainBatch;
    expect(length).toBe(3);
    const rows = Array.from(read, (n, b) => [...items.subarray(3 * b, 3 * b + n)].join(' ')).sort();
    expect(rows).toEqual(['0', '1 2 3']);
    // 60 seconds are class 1 + ⌊log₂ 61⌋ = 6.
    expect([...gaps!.subarray(0, 3)].join() === '0,6,6' || [...gaps!.subarray(3, 6)].join() === '0,6,6').toBe(true);
  });
});

describe('sessions one after another', () => {
  const make = () => new SessionBatches(histories, ends, options);

  it('go on where the batch before ended, and begin where a session ended', () => {
    const batches = make();
    let before: TrainBatch | null = null;
    for (const batch of [...epoch(batches), ...epoch(batches)]) {
      for (let b = 0; b < 3; b++) {
        const first = batch.items[b * batch.length];
        if (batch.goesOn![b] === 1) {
          expect(first).toBe(before!.items[b * before!.length + before!.lengths[b] - 1] + 1);
          expect(batch.gaps![b * batch.length]).toBe(6);
        } else {
          expect(starts.includes(first)).toBe(true);
          expect(batch.gaps![b * batch.length]).toBe(0);
          if (before !== null) expect(ends).toContain(before.items[b * before.length + before.lengths[b] - 1] + 2);
        }
      }
      before = batch;
    }
  });

  it('foretell every event about once an epoch: in six epochs each five to seven times', () => {
    const batches = make();
    // 4 + 1 + 8 + 3 + 2 + 6 events to read, in pieces of three: 2 + 1 + 3 + 1 + 1 + 2 = 10 pieces, 10/3 batches.
    expect(batches.batchesPerEpoch).toBe(3);
    const counts = new Map<number, number>();
    for (let e = 0; e < 6; e++) {
      for (const [read, next] of epoch(batches).flatMap(pairs)) {
        expect(next).toBe(read + 1);
        counts.set(read, (counts.get(read) ?? 0) + 1);
      }
    }
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual(followed);
    expect(Math.min(...counts.values())).toBeGreaterThanOrEqual(4);
    expect(Math.max(...counts.values())).toBeLessThanOrEqual(7);
  });

  it('are the same from a position on', () => {
    const whole = make();
    for (let i = 0; i < 7; i++) whole.next();
    const resumed = make();
    resumed.seek(whole.position());
    for (let i = 0; i < 9; i++) expect(resumed.next()).toEqual(whole.next());
    expect(resumed.position()).toEqual(whole.position());
  });

  it('with one step a batch are GRU4Rec’s', () => {
    const batches = new SessionBatches(histories, ends, { ...options, sequenceLength: 1 });
    const { length, at } = batches.next();
    expect(length).toBe(1);
    expect([...at]).toEqual([0, 1, 2]);
  });
});
