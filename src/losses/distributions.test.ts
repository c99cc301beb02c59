import { describe, expect, it } from 'vitest';
import { expectClose } from '../../test/laws/close.ts';
import { layouts } from '../../test/laws/laid-out.ts';
import { checkGradients } from '../autograd/check-gradients.ts';
import { backward } from '../autograd/tape.ts';
import { randomNormal, type Tensor, tensor } from '../autograd/tensor.ts';
import { setBackend } from '../backend/select.ts';
import { Random } from '../tensor/random.ts';
import { gaussianLoss, negativeBinomialLoss, quantileLoss, studentTLoss } from './distributions.ts';

setBackend('reference');
const rng = new Random(31);

/** Values and gradients of torch.distributions (torch 1.13, float64), −log_prob of three values. */
const golden = {
  gaussian: {
    x: [
      [0.1, -0.4],
      [1.2, 0.7],
      [-3, 2.5],
    ],
    target: [0.3, -2, 5],
    loss: (x: Tensor, y: Tensor) => gaussianLoss(x, y, { reduction: 'none' }),
    losses: [0.3276463947290834, 5.223468272772054, 6.677506819571203],
    gradient: [-0.7596265702118802, 0.6632873122153229, 2.628897934849948, -4.489247450141243, -1.2027926349936124, -3.089685031370383],
  },
  'Student t': {
    x: [
      [0.1, -0.4, -1],
      [1.2, 0.7, 0.5],
      [-3, 2.5, 4],
    ],
    target: [0.3, -2, 5],
    loss: (x: Tensor, y: Tensor) => studentTLoss(x, y, { reduction: 'none' }),
    losses: [0.46228800335393394, 3.767471532033449, 5.259150672734172],
    gradient: [
      -1.020953627579001, 0.6224100346924236, -0.014976893752821345, 0.917524836928812, -1.1725559609561367, 0.09381291396536146,
      -0.539713173987615, -1.188849361537184, 0.10999133945085345,
    ],
  },
  'negative binomial': {
    x: [
      [0.1, -0.4],
      [1.2, 0.7],
      [0.4, -2],
    ],
    target: [0, 3, 120],
    loss: (x: Tensor, y: Tensor) => negativeBinomialLoss(x, y, { scale: tensor([1, 2.5, 40]), reduction: 'none' }),
    losses: [0.6304859848281014, 2.1176739426852196, 31.803854411345753],
    gradient: [0.3798982248127145, -0.07181614857572749, 0.09731204996978869, 0.2271069385598757, -31.58113497883012, -13.248094810998381],
  },
};

describe.each(Object.entries(golden))('%s', (_, { x, target, loss, losses, gradient }) => {
  it("is torch.distributions', with its gradients", () => {
    const leaf = tensor(x, { requiresGrad: true });
    const y = loss(leaf, tensor(target));
    expectClose(y, losses);
    backward(y, tensor(target.map(() => 1)));
    expectClose(leaf.grad!, gradient);
  });
});

const levels = [0.1, 0.5, 0.8];
const losses = {
  gaussianLoss: [2, gaussianLoss],
  studentTLoss: [3, studentTLoss],
  negativeBinomialLoss: [2, negativeBinomialLoss],
  quantileLoss: [3, (x: Tensor, y: Tensor, options: object) => quantileLoss(x, y, { levels, ...options })],
} as const;

describe.each(Object.entries(losses))('%s', (_, [P, loss]) => {
  it.each(Object.entries(layouts))('has the gradients of its differences, %s', (_layout, make) => {
    const { leaf, view } = make([3, 2, P], rng);
    // Away from the kinks of the quantile loss; whole numbers for the counts.
    const target = tensor([0, 7, 3, 11, 2, 5], { shape: [3, 2] });
    for (const reduction of ['mean', 'sum', 'none'] as const) checkGradients((x) => loss(view(x), target, { reduction }), [leaf]);
  });

  it('reduces as every loss', () => {
    const x = randomNormal([4, P], rng);
    const target = tensor([0, 1, 2, 3]);
    const each = [...loss(x, target, { reduction: 'none' }).dataSync()];
    const total = each.reduce((sum, one) => sum + one, 0);
    expectClose(loss(x, target, { reduction: 'sum' }), [total]);
    expectClose(loss(x, target, {}), [total / 4]);
  });

  it('refuses shapes that do not fit', () => {
    expect(() => loss(randomNormal([4, P + 1], rng), tensor([1, 2, 3, 4]), {})).toThrow(
      `expected x of shape [..., ${P}] for a target of shape [...], received [4, ${P + 1}] and [4].`,
    );
  });
});

describe('quantileLoss', () => {
  it('weighs what is above by the level and what is below by the rest', () => {
    const x = tensor([[1, 2, 5]]);
    // 0.1·2 + 0.5·1 + 0.2·2
    expectClose(quantileLoss(x, tensor([3]), { levels }), [0.2 + 0.5 + 0.4]);
  });

  it('is least at the quantile', () => {
    const values = Array.from({ length: 101 }, (_, i) => i);
    const lossAt = (q: number) => quantileLoss(tensor(values.map(() => [q])), tensor(values), { levels: [0.8] }).item();
    const best = values.reduce((a, b) => (lossAt(b) < lossAt(a) ? b : a));
    expect(best).toBe(80);
  });

  it('refuses levels that are none', () => {
    expect(() => quantileLoss(tensor([[1]]), tensor([1]), { levels: [1] })).toThrow('expected levels in (0, 1), received 1');
  });
});

describe('extremes stay finite', () => {
  it.each([
    ['gaussian', gaussianLoss, [0, -800]],
    ['Student t', studentTLoss, [0, -800, 800]],
    ['negative binomial', negativeBinomialLoss, [-800, -800]],
    ['negative binomial, large', negativeBinomialLoss, [800, 800]],
  ] as const)('%s', (_, loss, row) => {
    const x = tensor([[...row]], { requiresGrad: true });
    const y = loss(x, tensor([1000]));
    expect(Number.isFinite(y.item())).toBe(true);
    backward(y);
    expect([...x.grad!.dataSync()].every(Number.isFinite)).toBe(true);
  });
});
