/** Expected values: torch.nn.functional of PyTorch 1.13.0 in float64. */
import { expect, test } from 'vitest';
import type { Buffer } from '../backend.ts';
import { ReferenceBackend } from './reference.ts';

const backend = new ReferenceBackend();

function buffer(values: ArrayLike<number>): Buffer {
  const made = backend.allocate(values instanceof Int32Array ? 'int32' : 'float64', values.length);
  backend.write(made, values);
  return made;
}

/** float64 against float64; torch's own formula for bce is good to 1e-13 at a logit of −30. */
function expectClose(actual: Buffer, expected: number[]): void {
  const values = backend.read(actual);
  expect(values.length).toBe(expected.length);
  expected.forEach((value, i) => {
    expect(values[i]).toBeCloseTo(value, 12);
  });
}

const R = 3;
const C = 4;
const ignoreIndex = -100;

test.each([
  {
    labelSmoothing: 0,
    classWeights: null,
    losses: [0.9468333911106677, 0, 1.8008951874021537],
    mean: 1.3738642892564106,
    dLogits: [
      0.036047327855469026, -0.3060161889643419, 0.22216660899141674, 0.047802252117456125, 0, 0, 0, 0, -0.08284234181479087,
      -0.5390150535019206, -1.0478406427802882, 1.6696980380969995,
    ],
  },
  {
    labelSmoothing: 0,
    classWeights: [0.5, 2, 1, 1.5],
    losses: [1.8936667822213353, 0, 2.7013427811032305],
    mean: 1.3128598752355902,
    dLogits: [
      0.07209465571093805, -0.6120323779286838, 0.4443332179828335, 0.09560450423491225, 0, 0, 0, 0, -0.1242635127221863,
      -0.8085225802528808, -1.5717609641704322, 2.504547057145499,
    ],
  },
  {
    labelSmoothing: 0.1,
    classWeights: null,
    losses: [1.0205331670875748, 0, 1.794366492831255],
    mean: 1.4074498299594147,
    dLogits: [
      0.023547327855469025, -0.26851618896434193, 0.20966660899141673, 0.03530225211745612, 0, 0, 0, 0, -0.03284234181479087,
      -0.4890150535019206, -0.9978406427802882, 1.5196980380969995,
    ],
  },
  {
    labelSmoothing: 0.1,
    classWeights: [0.5, 2, 1, 1.5],
    losses: [1.8928260536634456, 0, 2.620259951587409],
    mean: 1.2894531443573871,
    dLogits: [
      0.06314110612177788, -0.5515811637563581, 0.41517072230847724, 0.07326933532610304, 0, 0, 0, 0, -0.09719245417681655,
      -0.6950472039153329, -1.4955649481009252, 2.287804606193075,
    ],
  },
])('cross entropy, label smoothing $labelSmoothing, class weights $classWeights', ({ labelSmoothing, classWeights, ...expected }) => {
  const shared = {
    R,
    C,
    logits: buffer(Float64Array.from({ length: R * C }, (_, i) => 2 * Math.sin(3 * Math.floor(i / C) + (i % C)))),
    targets: buffer(Int32Array.of(1, ignoreIndex, 3)),
    ignoreIndex,
    labelSmoothing,
    classWeights: classWeights && buffer(classWeights),
    logSumExp: buffer(new Float64Array(R)),
  };
  const losses = buffer(new Float64Array(R));
  const weights = buffer(new Float64Array(R));
  backend.crossEntropy({ ...shared, losses, weights });
  expectClose(losses, expected.losses);
  expectClose(weights, classWeights ? [classWeights[1], 0, classWeights[3]] : [1, 0, 1]);
  const sum = (x: Buffer) => [...backend.read(x)].reduce((a, b) => a + b, 0);
  expect(sum(losses) / sum(weights)).toBeCloseTo(expected.mean, 12);

  backend.crossEntropyBackward({ ...shared, scale: buffer([0.5, 3, -2]), dLogits: shared.logits });
  expectClose(shared.logits, expected.dLogits);
});

const x = [-30, -1.5, -0.2, 0.3, 0.8, 2.5, 40];
const target = [0, 1, 0.1, 0.9, 0.8, 1, 0.25];

test.each([
  { kind: 'mse', y: [900, 6.25, 0.09, 0.36, 0, 2.25, 1580.0625], dX: [-60, -5, -0.6, -1.2, 0, 3, 79.5] },
  { kind: 'mae', y: [30, 2.5, 0.3, 0.6, 0, 1.5, 39.75], dX: [-1, -1, -1, -1, 0, 1, 1] },
  { kind: 'huber', y: [20.755, 1.505, 0.045, 0.18, 0, 0.805, 27.58], dX: [-0.7, -0.7, -0.3, -0.6, 0, 0.7, 0.7] },
  {
    kind: 'bce',
    y: [9.348077867343381e-14, 1.7014132779827524, 0.6181388693815918, 0.584355244468527, 0.5311006659477777, 0.07888973429254957, 30],
    dX: [
      9.357622968839299e-14, -0.8175744761936437, 0.3501660026875222, -0.325557483188341, -0.11002551887238754, -0.07585818002124345, 0.75,
    ],
  },
] as const)('$kind (huber: delta 0.7)', ({ kind, y, dX }) => {
  const out = buffer(new Float64Array(x.length));
  backend.pointwiseLoss(kind, buffer(x), buffer(target), out, 0.7);
  expectClose(out, [...y]);
  backend.pointwiseLossBackward(kind, buffer(x), buffer(target), buffer([1]), out, 0.7);
  expectClose(out, [...dX]);
  backend.pointwiseLossBackward(kind, buffer(x), buffer(target), buffer(x.map((_, i) => i)), out, 0.7);
  expectClose(
    out,
    dX.map((d, i) => d * i),
  );
});
