import { describe, expect, it } from 'vitest';
import { expectClose } from '../../test/laws/close.ts';
import { layouts } from '../../test/laws/laid-out.ts';
import { checkGradients } from '../autograd/check-gradients.ts';
import { scope } from '../autograd/scope.ts';
import { backward } from '../autograd/tape.ts';
import { tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { ConfigError, ShapeError } from '../tensor/errors.ts';
import { Random } from '../tensor/random.ts';
import { bprMax, type RankingLossOptions, top1Max } from './ranking.ts';

setBackend('reference');
const targets = tensor([2, 0, 3], { dtype: 'int32' });
const excluded = tensor([
  [0, 0, 0, 0],
  [0, 0, 0, 1],
  [0, 1, 0, 0],
]);
const half = { regularization: 0.5 };

/** PyTorch 1.13 in float64: the formulas row by row over the negatives alone, gradients of the mean by its autograd. */
const golden = [
  {
    name: 'bprMax, λ = 0.5',
    loss: (s: ReturnType<typeof scores>, o: RankingLossOptions) => bprMax(s, targets, { ...half, ...o }),
    options: {},
    losses: [0.318453774573, 2.911141880573, 1.98543740043],
    gradient: [
      0.114026410645, -0.021995021845, -0.052006849921, 0.047646631632, -0.168165208774, -0.0845718539, -0.065754153391, 0.926407844361,
      -0.02459261426, 0.383255962037, 0.067486234658, -0.257765973191,
    ],
  },
  {
    name: 'bprMax, λ = 0.5, with candidates left out',
    loss: (s: ReturnType<typeof scores>, o: RankingLossOptions) => bprMax(s, targets, { ...half, ...o }),
    options: { excluded },
    losses: [0.318453774573, 0.222364152702, 1.400834818394],
    gradient: [
      0.114026410645, -0.021995021845, -0.052006849921, 0.047646631632, -0.056984066331, 0.061057768749, -0.033663813884, 0,
      -0.013526851529, 0, 0.228448291594, -0.234969922611,
    ],
  },
  {
    name: 'top1Max',
    loss: (s: ReturnType<typeof scores>, o: RankingLossOptions) => top1Max(s, targets, o),
    options: {},
    losses: [0.726330463017, 1.500644237957, 1.449805809414],
    gradient: [
      0.068876644083, -0.006472530305, -0.043794380939, 0.031488228513, -0.069509179333, -0.02018017761, -0.018953573836, 0.115776236985,
      -0.01270133847, 0.120041211602, 0.01113795732, -0.046527018775,
    ],
  },
  {
    name: 'top1Max, with candidates left out',
    loss: (s: ReturnType<typeof scores>, o: RankingLossOptions) => top1Max(s, targets, o),
    options: { excluded },
    losses: [0.726330463017, 0.688879352426, 1.273565327519],
    gradient: [
      0.068876644083, -0.006472530305, -0.043794380939, 0.031488228513, -0.047168348648, 0.045671996022, -0.01313856325, 0, -0.013904746446,
      0, 0.068849936564, -0.063033041715,
    ],
  },
];

describe.each(golden)('$name', ({ loss, options, losses, gradient }) => {
  it('gives the numbers of the formula, and of its derivative', () => {
    expectClose(loss(scores(), { ...options, reduction: 'none' }), losses);
    const s = scores();
    scope(() => backward(loss(s, options)));
    expectClose(s.grad!, gradient);
  });

  it.each(Object.entries(layouts))('has its gradients for scores lying %s', (_, make) => {
    const { leaf, view } = make([3, 4], new Random(6));
    for (const reduction of ['mean', 'sum', 'none'] as const) checkGradients((x) => loss(view(x), { ...options, reduction }), [leaf]);
  });
});

it('large scores stay finite', () => {
  const s = tensor([[-80, 60, 3]], { requiresGrad: true });
  const right = tensor([0], { dtype: 'int32' });
  // p = σ(−140) is far below 1e−24, which takes its place.
  expectClose(bprMax(s, right, { regularization: 0 }), [-Math.log(1e-24)], 6);
  scope(() => backward(bprMax(s, right)));
  expect([...s.grad!.dataSync()].every(Number.isFinite)).toBe(true);
});

it('says what does not fit', () => {
  expect(() => top1Max(scores(), tensor([0, 1], { dtype: 'int32' }))).toThrow(ShapeError);
  expect(() => top1Max(scores(), tensor([0, 1, 4], { dtype: 'int32' }))).toThrow('[top1Max] expected indices in 0…3, received 4');
  expect(() => bprMax(scores(), targets, { excluded: tensor([1, 0]) })).toThrow('[bprMax] expected scores [R, N]');
  expect(() => bprMax(scores(), targets, { regularization: -1 })).toThrow(ConfigError);
});

function scores() {
  const values = [
    [0.5, -1.2, 2.0, 0.3],
    [1.5, 0.1, -0.4, 2.2],
    [-0.7, 0.9, 0.2, -1.1],
  ];
  return tensor(values, { requiresGrad: true });
}
