/** Small trainings with targets that are not aligned to their frames: they must reach a number. Seeds fixed. */
import { beforeEach, describe, expect, it } from 'vitest';
import { scope } from '../../src/autograd/scope.ts';
import { noGrad } from '../../src/autograd/tape.ts';
import { type Tensor, tensor } from '../../src/autograd/tensor.ts';
import { setBackend } from '../../src/backend/select.ts';
import { ctcAlign } from '../../src/decode/ctc-align.ts';
import { ctcBeamSearch } from '../../src/decode/ctc-beam-search.ts';
import { ctcGreedy } from '../../src/decode/ctc-greedy.ts';
import { TransducerBeamSearch, TransducerGreedyDecoder } from '../../src/decode/transducer.ts';
import { ctcLoss } from '../../src/losses/ctc.ts';
import { transducerLoss } from '../../src/losses/transducer.ts';
import { Linear } from '../../src/nn/linear.ts';
import { LSTM } from '../../src/nn/lstm.ts';
import { Module } from '../../src/nn/module.ts';
import { Transducer } from '../../src/nn/transducer.ts';
import { Adam } from '../../src/optim/adam.ts';
import { Random } from '../../src/tensor/random.ts';

const symbols = 4;
const T = 18;

/** Each symbol lights its own channel for two to four frames, silence of one to three between; noise on all. */
function drawn(rng: Random, B: number) {
  const x = rng.fillNormal(new Float32Array(B * T * symbols), 0, 0.3);
  const targets: number[][] = [];
  const starts: number[][] = [];
  for (let b = 0; b < B; b++) {
    const [target, start]: [number[], number[]] = [[], []];
    for (let t = 1 + rng.integer(3); t + 4 <= T; ) {
      const symbol = rng.integer(symbols);
      target.push(symbol + 1);
      start.push(t);
      for (let length = 2 + rng.integer(3); length > 0; length--, t++) x[(b * T + t) * symbols + symbol] += 2;
      t += 1 + rng.integer(3);
    }
    targets.push(target);
    starts.push(start);
  }
  return { x: tensor(x, { shape: [B, T, symbols] }), targets, starts };
}

/** How many of the targets are written as they are. */
function share(found: readonly (readonly number[])[], targets: readonly (readonly number[])[]): number {
  return found.filter((written, b) => written.join() === targets[b].join()).length / targets.length;
}

describe.each(['native', 'wasm'] as const)('%s learns what is in the frames, and where', (name) => {
  beforeEach(() => {
    setBackend(name);
  });

  it('by CTC: 9 of 10 sequences without fault', () => {
    const rng = new Random(1);
    const model = new (class extends Module {
      readonly lstm = this.child('lstm', new LSTM({ inputSize: symbols, hiddenSize: 24, bidirectional: true, rng }));
      readonly head = this.child('head', new Linear({ inputSize: 48, outputSize: symbols + 1, rng }));
      forward = (x: Tensor): Tensor => this.head.forward(this.lstm.forward(x).output);
    })();
    const optimizer = new Adam(model, { learningRate: 0.01, clipNorm: 5 });
    for (let step = 0; step < 150; step++) {
      const { x, targets } = drawn(rng, 16);
      optimizer.step(() => ctcLoss(model.forward(x), targets));
    }
    const { x, targets, starts } = drawn(rng, 100);
    const logits = tensor(
      scope(() => noGrad(() => model.forward(x).dataSync())),
      { shape: [100, T, symbols + 1] },
    );
    const greedy = ctcGreedy(logits).map((result) => result.symbols.map(({ symbol }) => symbol));
    expect(share(greedy, targets)).toBeGreaterThan(0.9);
    expect(
      share(
        ctcBeamSearch(logits).map(([best]) => best.symbols),
        targets,
      ),
    ).toBeGreaterThan(0.9);
    // CTC may spell a symbol on any frame near it; it does so within two of its own four frames.
    const near = ctcAlign(logits, targets).flatMap((alignment, b) =>
      alignment!.symbols.map(({ start }, u) => start >= starts[b][u] - 1 && start <= starts[b][u] + 4),
    );
    expect(near.filter(Boolean).length / near.length).toBeGreaterThan(0.9);
  });

  it('by a transducer: 8 of 10 sequences without fault, from left to right', () => {
    const rng = new Random(2);
    const model = new (class extends Module {
      readonly lstm = this.child('lstm', new LSTM({ inputSize: symbols, hiddenSize: 24, rng }));
      readonly transducer = this.child(
        'transducer',
        new Transducer({ encoderSize: 24, vocabularySize: symbols + 1, hiddenSize: 12, jointSize: 24, rng }),
      );
    })();
    const optimizer = new Adam(model, { learningRate: 0.02, clipNorm: 5 });
    for (let step = 0; step < 320; step++) {
      const { x, targets } = drawn(rng, 12);
      optimizer.step(() => transducerLoss(model.transducer.forward(model.lstm.forward(x).output, targets), targets));
    }
    const { x, targets } = drawn(rng, 50);
    const encoded = scope(() => noGrad(() => model.lstm.forward(x).output.dataSync()));
    const steps = model.eval().transducer.decoder();
    const decoded = (decode: (frames: ArrayLike<number>) => readonly number[]) =>
      targets.map((_, b) => decode(encoded.subarray(b * T * 24, (b + 1) * T * 24)));
    const greedy = decoded((frames) => new TransducerGreedyDecoder(steps).push(frames).map(({ symbol }) => symbol));
    const searched = decoded((frames) => {
      const search = new TransducerBeamSearch(steps, { beamWidth: 4 });
      search.push(frames);
      return search.finish()[0].symbols;
    });
    expect(share(greedy, targets)).toBeGreaterThan(0.8);
    expect(share(searched, targets)).toBeGreaterThanOrEqual(share(greedy, targets));
  });
});
