import { describe, expect, it } from 'vitest';
import { bytesSource } from '../interop/byte-source.ts';
import { ConfigError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { StreamBatches } from './stream-batches.ts';
import { tokenFile } from './token-source.ts';

const count = (n: number) => Int32Array.from({ length: n }, (_, i) => i);

describe('StreamBatches', () => {
  it('cuts the stream into parallel parts and walks each of them window by window', async () => {
    // 12 tokens, 2 parts of ⌊11/2⌋ = 5 steps: 0…4 and 5…9, with targets one further; windows of 3 and 2.
    const batches = new StreamBatches(count(12), { batchSize: 2, windowLength: 3 });
    expect(batches.batchesPerEpoch).toBe(2);
    expect(batches.tokensPerEpoch).toBe(10);
    const first = {
      inputs: Int32Array.of(0, 1, 2, 5, 6, 7),
      targets: Int32Array.of(1, 2, 3, 6, 7, 8),
      batchSize: 2,
      length: 3,
      isFirst: true,
    };
    expect(await batches.next()).toEqual(first);
    expect(await batches.next()).toEqual({
      inputs: Int32Array.of(3, 4, 8, 9),
      targets: Int32Array.of(4, 5, 9, 10),
      batchSize: 2,
      length: 2,
      isFirst: false,
    });
    expect(batches.epoch).toBe(1);
    expect(await batches.next()).toEqual(first);
  });

  it('sees every token of each part once an epoch, the next token as its target', async () => {
    const rng = new Random(5);
    for (let trial = 0; trial < 50; trial++) {
      const batchSize = 1 + rng.integer(5);
      const windowLength = 1 + rng.integer(9);
      const tokens = count(batchSize + 1 + rng.integer(60));
      const batches = new StreamBatches(tokens, { batchSize, windowLength });
      const seen: number[][] = Array.from({ length: batchSize }, () => []);
      for (let i = 0; i < batches.batchesPerEpoch; i++) {
        const { inputs, targets, length } = await batches.next();
        targets.forEach((target, at) => {
          expect(target).toBe(inputs[at] + 1);
        });
        seen.forEach((part, b) => {
          part.push(...inputs.subarray(b * length, (b + 1) * length));
        });
      }
      expect(seen.flat()).toEqual([...tokens.subarray(0, batches.tokensPerEpoch)]);
    }
  });

  it('goes on from a saved position', async () => {
    const batches = new StreamBatches(count(100), { batchSize: 3, windowLength: 7 });
    for (let i = 0; i < 8; i++) await batches.next();
    const again = new StreamBatches(count(100), { batchSize: 3, windowLength: 7 });
    again.seek(JSON.parse(JSON.stringify(batches.position())));
    expect(await again.next()).toEqual(await batches.next());
    expect(() => again.seek({ epoch: 0, index: 5 })).toThrow('index in 0…4, received 0 and 5');
  });

  it.each(['uint8', 'uint16', 'int32'] as const)('reads %s tokens from a file in large pieces', async (dtype) => {
    const tokens = new { uint8: Uint8Array, uint16: Uint16Array, int32: Int32Array }[dtype](100_000);
    for (let i = 0; i < tokens.length; i++) tokens[i] = (i * 37) % 251;
    const bytes = bytesSource(new Uint8Array(tokens.buffer));
    let reads = 0;
    const counted = {
      ...bytes,
      read: (offset: number, length: number) => {
        reads++;
        return bytes.read(offset, length);
      },
    };
    const file = new StreamBatches(tokenFile(counted, dtype), { batchSize: 2, windowLength: 100 });
    const memory = new StreamBatches(tokens, { batchSize: 2, windowLength: 100 });
    for (let i = 0; i < file.batchesPerEpoch + 3; i++) expect(await file.next()).toEqual(await memory.next());
    expect(reads).toBeLessThanOrEqual(2 * 5);
  });

  it('refuses what gives no batch', () => {
    expect(() => new StreamBatches(count(4), { batchSize: 4, windowLength: 2 })).toThrow(
      'expected at least 5 tokens for a batchSize of 4, received 4',
    );
    expect(() => new StreamBatches(count(9), { batchSize: 0, windowLength: 2 })).toThrow(ConfigError);
    expect(() => tokenFile(bytesSource(new Uint8Array(5), 'corpus.u16'), 'uint16')).toThrow(
      'corpus.u16, byte 5: expected whole uint16 numbers, received 5 bytes',
    );
  });
});
