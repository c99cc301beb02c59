import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { setBackend } from '../backend/select.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { logSoftmaxRows } from './log-probabilities.ts';
import type { SequenceScorer } from './sequence-scorer.ts';
import { TransducerBeamSearch, TransducerGreedyDecoder, type TransducerModel } from './transducer.ts';

beforeAll(() => {
  setBackend('reference');
});

/** Logits that are any function of the frame and of all symbols before. A frame is one number. Counts its calls. */
function modelOf(V: number, blank: number): TransducerModel<string> & { advances: number; joints: number; most: number } {
  const logits = (frame: number, state: string) => {
    let hash = Math.round(frame * 1000) >>> 0;
    for (const character of state) hash = (Math.imul(hash ^ character.charCodeAt(0), 2654435761) + 12345) >>> 0;
    return new Random(hash).fillNormal(new Float64Array(V), 0, 1.5);
  };
  return {
    vocabularySize: V,
    blank,
    frameSize: 1,
    advances: 0,
    joints: 0,
    most: 0,
    start: () => '',
    advance(states, symbols) {
      this.advances++;
      return states.map((state, i) => `${state}${symbols[i]}`);
    },
    joint(frame, states) {
      this.joints++;
      this.most = Math.max(this.most, states.length);
      return states.flatMap((state) => [...logits(frame[0], state)]);
    },
  };
}

/** log P of every sequence with at most `maxSymbols` symbols a frame, over all alignments. */
function everySequence(model: TransducerModel<string>, frames: readonly number[], maxSymbols: number): Map<string, number> {
  const { vocabularySize: V, blank } = model;
  const found = new Map<string, number>();
  const walk = (t: number, written: number, state: string, p: number): void => {
    if (t === frames.length) {
      found.set(state, (found.get(state) ?? 0) + p);
      return;
    }
    const logP = logSoftmaxRows(model.joint([frames[t]], [state]), V);
    for (let v = 0; v < V; v++) {
      const next = p * Math.exp(logP[v]);
      if (v === blank) walk(t + 1, 0, state, next);
      else if (written < maxSymbols) walk(t, written + 1, `${state}${v}`, next);
    }
  };
  walk(0, 0, '', 1);
  return new Map([...found].map(([symbols, p]) => [symbols, Math.log(p)]));
}

/** Prefers alternation. */
const scorer: SequenceScorer<number> = {
  start: () => -1,
  score: (last, symbol) => (last === symbol ? -2 : -0.3),
  end: (last) => (last < 0 ? -1.5 : -0.2),
  advance: (_, symbols) => [...symbols],
};

describe('with room for everything the search finds every sequence with its probability', () => {
  const drawn = fc.record({
    frames: fc.array(fc.double({ min: 0, max: 9, noNaN: true }), { maxLength: 3 }),
    maxSymbols: fc.integer({ min: 1, max: 2 }),
    blank: fc.integer({ min: 0, max: 2 }),
  });
  const wide = { beamWidth: 5000, beamThreshold: 1e9 };

  it('alone', () => {
    fc.assert(
      fc.property(drawn, ({ frames, maxSymbols, blank }) => {
        const model = modelOf(3, blank);
        const search = new TransducerBeamSearch(model, { ...wide, maxSymbols });
        search.push(frames);
        const expected = everySequence(model, frames, maxSymbols);
        const found = search.finish(10_000);
        expect(found).toHaveLength(expected.size);
        for (const { symbols, logProbability, score } of found) {
          expect(logProbability).toBeCloseTo(expected.get(symbols.join(''))!, 9);
          expect(score).toBe(logProbability);
        }
      }),
      { numRuns: 25, seed: 1 },
    );
  });

  it('with a scorer, its weight and a bonus', () => {
    fc.assert(
      fc.property(drawn, ({ frames, maxSymbols, blank }) => {
        const model = modelOf(3, blank);
        const search = new TransducerBeamSearch(model, { ...wide, maxSymbols, scorer, scorerWeight: 0.6, insertionBonus: 0.3 });
        search.push(frames);
        const expected = everySequence(model, frames, maxSymbols);
        const found = search.finish(10_000);
        expect(found).toHaveLength(expected.size);
        for (const { symbols, score } of found) {
          const scores = symbols.map((symbol, i) => scorer.score(symbols[i - 1] ?? -1, symbol));
          const said = scores.reduce((total, x) => total + x, scorer.end(symbols.at(-1) ?? -1));
          expect(score).toBeCloseTo(expected.get(symbols.join(''))! + 0.6 * said + 0.3 * symbols.length, 9);
        }
      }),
      { numRuns: 25, seed: 2 },
    );
  });
});

const frames = Array.from(new Random(3).fillUniform(new Float64Array(40), 0, 9));

it('is the same in pieces as in one go, and never takes back what is stable', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }), (lengths) => {
      const options = { beamWidth: 4, scorer, scorerWeight: 0.5 };
      const search = new TransducerBeamSearch(modelOf(4, 0), options);
      const greedy = new TransducerGreedyDecoder(modelOf(4, 0));
      let stable: number[] = [];
      const written: unknown[] = [];
      for (const length of lengths) {
        const piece = frames.slice(search.frames, search.frames + length);
        search.push(piece);
        written.push(...greedy.push(piece));
        expect(search.stable.slice(0, stable.length)).toEqual(stable);
        stable = search.stable;
      }
      const read = frames.slice(0, search.frames);
      const [whole, wholeGreedy] = [new TransducerBeamSearch(modelOf(4, 0), options), new TransducerGreedyDecoder(modelOf(4, 0))];
      whole.push(read);
      wholeGreedy.push(read);
      expect(search.finish(4)).toEqual(whole.finish(4));
      expect(search.best(4)).toEqual(whole.best(4));
      expect(greedy.symbols).toEqual(wholeGreedy.symbols);
      expect(written).toEqual(wholeGreedy.symbols);
    }),
    { numRuns: 15, seed: 4 },
  );
});

it('writes greedily the best class until it is a blank', () => {
  const model = modelOf(4, 2);
  const decoder = new TransducerGreedyDecoder(model, { maxSymbols: 3 });
  decoder.push(frames);
  let state = '';
  const expected: unknown[] = [];
  frames.forEach((x, frame) => {
    for (let k = 0; k < 3; k++) {
      const logits = [...(model.joint([x], [state]) as number[])];
      const symbol = logits.indexOf(Math.max(...logits));
      if (symbol === 2) break;
      expected.push({ symbol, frame });
      state += symbol;
    }
  });
  expect(decoder.symbols).toEqual(expected);
  expect(expected.length).toBeGreaterThan(5);
});

it('asks the networks for all prefixes at a time, and again only for what is new', () => {
  const model = modelOf(5, 0);
  const search = new TransducerBeamSearch(model, { beamWidth: 6, maxSymbols: 3 });
  search.push(frames);
  expect(model.joints).toBeLessThanOrEqual(4 * frames.length);
  expect(model.advances).toBeLessThanOrEqual(3 * frames.length);
  expect(model.most).toBeLessThanOrEqual(6);
});

it('gives each symbol the frame in which it is written', () => {
  // Writes 1 in frame 2 and 2 in frame 4; blanks elsewhere.
  const model: TransducerModel<number> = {
    vocabularySize: 3,
    blank: 0,
    frameSize: 1,
    start: () => 0,
    advance: (states) => states.map((written) => written + 1),
    joint: ({ 0: t }, states) => states.flatMap((written) => [5, t === 2 && written === 0 ? 9 : 0, t === 4 && written === 1 ? 9 : 0]),
  };
  const search = new TransducerBeamSearch(model);
  search.push([0, 1, 2, 3, 4, 5]);
  const [{ symbols, frames: when }] = search.finish();
  expect({ symbols, when }).toEqual({ symbols: [1, 2], when: [2, 4] });
});

it('refuses what cannot be', () => {
  const model = { ...modelOf(3, 0), frameSize: 2 };
  expect(() => new TransducerGreedyDecoder(model, { maxSymbols: 0 })).toThrow(ConfigError);
  expect(() => new TransducerBeamSearch(model, { beamWidth: 1.5 })).toThrow(/beamWidth to be an integer of at least 1, received 1.5/);
  expect(() => new TransducerBeamSearch(model, { scorerWeight: -1 })).toThrow(/received 15, -1 and 0/);
  expect(() => new TransducerBeamSearch(model).push([1, 2, 3])).toThrow(ShapeError);
  expect(() => new TransducerGreedyDecoder(model).push([1])).toThrow(/frames of 2 numbers \(the encoder's\), received 1/);
});
