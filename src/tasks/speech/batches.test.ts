import { describe, expect, it } from 'vitest';
import { FrontEnd } from '../../data/audio/front-end.ts';
import { Random } from '../../tensor/random.ts';
import { type HeardUtterance, SpeechBatches } from './batches.ts';
import { resolveOptions, type SpeechOptions } from './options.ts';
import { SymbolTable } from './transcript.ts';

const frontEnd = new FrontEnd({ sampleRateHz: 8000, numMelBins: 8, normalization: 'none' });
const names = Array.from({ length: 14 }, (_, i) => `u${i}`);
const symbols = SymbolTable.of('word', names);

/** Fourteen utterances of two speakers, a tenth of a second each or longer. */
const utterances: HeardUtterance[] = names.map((transcript, i) => {
  const samples = new Random(i).fillNormal(new Float32Array(800 + 100 * i), 0, 0.1);
  return { samples: async () => samples, length: samples.length, transcript, speaker: i % 2 === 0 ? 'even' : 'odd' };
});

function batches(options: SpeechOptions): SpeechBatches {
  const complete = resolveOptions({ units: 'word', batchSize: 3, specAugment: false, speeds: [1], gain: 0, ...options });
  return new SpeechBatches(utterances, complete, { frontEnd, encode: (transcript) => symbols.encode(transcript) });
}

async function epoch(source: SpeechBatches): Promise<string[][]> {
  const said: string[][] = [];
  for (let i = 0; i < source.batchesPerEpoch; i++) {
    const { targets, lengths } = await source.next();
    expect(lengths.length).toBe(targets.length);
    said.push(...targets.map((target) => Array.from(target, (k) => symbols.symbol(k))));
  }
  return said;
}

describe('SpeechBatches', () => {
  it('gives every utterance once an epoch, in another order each time', async () => {
    const source = batches({});
    const [first, second] = [await epoch(source), await epoch(source)];
    expect(first.flat().sort()).toEqual([...names].sort());
    expect(second.flat().sort()).toEqual([...names].sort());
    expect(first).not.toEqual(second);
    expect(source.epoch).toBe(2);
  });

  it('joins utterances of one speaker, others in each epoch', async () => {
    const source = batches({ join: 4 });
    const [first, second] = [await epoch(source), await epoch(source)];
    for (const said of [first, second]) {
      expect(said.flat().sort()).toEqual([...names].sort());
      for (const group of said) {
        expect(group.length).toBeLessThanOrEqual(4);
        expect(new Set(group.map((name) => Number(name.slice(1)) % 2)).size).toBe(1);
      }
    }
    expect(Math.max(...first.map((group) => group.length))).toBeGreaterThan(1);
    expect(first).not.toEqual(second);
  });

  it('has features as long as what is joined, spoken faster', async () => {
    const source = batches({ join: 3, speeds: [2] });
    const { targets, lengths } = await source.next();
    targets.forEach((target, b) => {
      const samples = Array.from(target, (k) => utterances[names.indexOf(symbols.symbol(k))].length).reduce((sum, n) => sum + n, 0);
      const pauses = (target.length - 1) * 0.15 * 8000;
      expect(lengths[b]).toBeGreaterThanOrEqual(frontEnd.spectral.frameCount(samples / 2));
      expect(lengths[b]).toBeLessThanOrEqual(frontEnd.spectral.frameCount((samples + pauses) / 2 + 1));
    });
  });

  it('follows from its position alone: what augmentation draws too', async () => {
    const options: SpeechOptions = { join: 2, speeds: [0.9, 1, 1.1], gain: 6, noise: 10, specAugment: true, timeMaskShare: 0.5 };
    const source = batches(options);
    for (let i = 0; i < 4; i++) await source.next();
    const position = source.position();
    const expected = [await source.next(), await source.next()];
    const other = batches(options);
    other.seek(position);
    expect([await other.next(), await other.next()]).toEqual(expected);
    const plain = batches({ join: 2 });
    plain.seek(position);
    expect((await plain.next()).values).not.toEqual(expected[0].values);
  });
});
