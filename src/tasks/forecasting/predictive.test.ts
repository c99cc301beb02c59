import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../tensor/random.ts';
import { JudgedSteps } from '../metrics/forecast.ts';
import {
  type Drawable,
  Empirical,
  gammaNumber,
  NegativeBinomial,
  Normal,
  Point,
  type Predictive,
  poissonNumber,
  QuantileLevels,
  Quantiles,
  StudentT,
} from './predictive.ts';

/** The definition: ∫ (F(x) − [y ≤ x])² dx, by trapezoids. */
function crpsByIntegration({ cdf }: { cdf: (x: number) => number }, y: number, low: number, high: number, n = 200_000): number {
  let sum = 0;
  const width = (high - low) / n;
  for (let i = 0; i < n; i++) {
    const x = low + (i + 0.5) * width;
    sum += (cdf(x) - (x >= y ? 1 : 0)) ** 2;
  }
  return sum * width;
}

const distributions: Record<string, Drawable> = {
  normal: new Normal(1, 2),
  'Student t': new StudentT(1, 2, 3.5),
  'negative binomial': new NegativeBinomial(7.5, 0.4),
};

describe('distributions', () => {
  it("Student t has SciPy's numbers", () => {
    const t = distributions['Student t'];
    [0.005275089495933888, 0.32342521966127546, 0.5, 0.8910909064923275].forEach((p, i) => {
      expect(t.cdf([-9, 0, 1, 4][i])).toBeCloseTo(p, 12);
    });
    [-15.631135209032234, -2.15315321027281, 1, 4.15315321027281].forEach((y, i) => {
      expect(t.quantile([0.001, 0.1, 0.5, 0.9][i])).toBeCloseTo(y, 9);
    });
    expect(new StudentT(0, 1, 2.01).quantile(1e-4)).toBeCloseTo(-69.44339984991808, 7);
    expect(t.crps(2.7)).toBeCloseTo(1.0378209085741, 10);
  });

  it("the negative binomial has SciPy's numbers", () => {
    const d = distributions['negative binomial'];
    [0.03125, 0.253265380859375, 0.971434747592927].forEach((p, i) => {
      expect(d.cdf([0, 3, 20][i])).toBeCloseTo(p, 12);
    });
    expect([0.05, 0.5, 0.9, 0.999].map((p) => d.quantile(p))).toEqual([1, 6, 15, 34]);
    // By 200 quantiles.
    expect(Math.abs(d.crps(11) - 2.626175234259899)).toBeLessThan(0.02);
  });

  it('the normal has its crps', () => {
    expect(distributions.normal.crps(2.7)).toBeCloseTo(1.0115077308113, 10);
  });

  it.each(Object.entries(distributions))('%s: draws are as its cdf says', (_, distribution) => {
    const rng = new Random(3);
    const n = 4000;
    const draws = Array.from({ length: n }, () => distribution.sample(rng));
    for (const p of [0.1, 0.25, 0.5, 0.75, 0.9]) {
      const y = distribution.quantile(p);
      const share = draws.filter((x) => x <= y).length / n;
      // Five standard errors.
      expect(Math.abs(share - distribution.cdf(y))).toBeLessThan(5 * Math.sqrt(0.25 / n));
    }
  });

  it('quantile and cdf undo one another', () => {
    const { normal, 'Student t': t } = distributions;
    const quantiles = new Quantiles(new QuantileLevels([0.1, 0.5, 0.7]), Float64Array.of(-1, 2, 2.5));
    fc.assert(
      fc.property(fc.constantFrom<Predictive>(normal, t, quantiles), fc.double({ min: 0.001, max: 0.999, noNaN: true }), (d, p) => {
        expect(d.cdf(d.quantile(p))).toBeCloseTo(p, 8);
      }),
    );
  });
});

describe('quantiles', () => {
  it('of a normal distribution are that distribution', () => {
    const normal = new Normal(3, 0.5);
    const levels = [0.1, 0.3, 0.6, 0.9];
    const curve = new Quantiles(
      new QuantileLevels(levels),
      Float64Array.from(levels, (p) => normal.quantile(p)),
    );
    for (const p of [0.01, 0.05, 0.2, 0.5, 0.77, 0.99]) expect(curve.quantile(p)).toBeCloseTo(normal.quantile(p), 10);
    for (const y of [1.5, 3, 3.2]) expect(Math.abs(curve.crps(y) - normal.crps(y))).toBeLessThan(0.01 * normal.crps(y));
  });

  it('have the mean pinball loss of 40 levels as crps, in any units', () => {
    const levels = new QuantileLevels([0.1, 0.3, 0.6, 0.9]);
    // Whole numbers too, of which some are equal.
    const value = fc.oneof(fc.double({ min: -5, max: 5, noNaN: true }), fc.integer({ min: -2, max: 2 }));
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 5, maxLength: 5 }),
        value,
        fc.double({ min: 0.1, max: 9, noNaN: true }),
        (values, y, scale) => {
          const curve = new Quantiles(levels, Float64Array.from(values), 1, 2, scale);
          let sum = 0;
          for (let i = 0; i < 40; i++) {
            const p = (i + 0.5) / 40;
            const error = y - curve.quantile(p);
            sum += Math.max(p * error, (p - 1) * error);
          }
          expect(curve.crps(y)).toBeCloseTo((2 * sum) / 40, 9);
        },
      ),
    );
  });

  it.each([[[0.5]], [[0.25, 0.75]], [[0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]]])('of levels %j are judged as they answer', (levels) => {
    const L = levels.length;
    const places = new QuantileLevels(levels);
    const value = fc.double({ min: -5, max: 5, noNaN: true });
    fc.assert(
      fc.property(fc.array(value, { minLength: 3 * L + 1, maxLength: 3 * L + 1 }), value, (values, y) => {
        const steps = new JudgedSteps(3);
        // Steps 0 and 2: the value of step 1 is missing.
        steps.count = 2;
        steps.ahead.set([0, 2]);
        steps.actual.set([y, values[1]]);
        places.judge(Float64Array.from(values), 1, 3, 2, steps);
        [0, 2].forEach((h, i) => {
          const one = new Quantiles(places, Float64Array.from(values), 1 + h * L, 3, 2);
          const { mean, median, crps, low80, high80, actual } = steps;
          expect([mean[i], median[i], low80[i], high80[i]]).toEqual([one.mean, one.quantile(0.5), one.quantile(0.1), one.quantile(0.9)]);
          expect(crps[i]).toBe(one.crps(actual[i]));
        });
      }),
    );
  });

  it('that cross are sorted, and may be one', () => {
    expect(new Quantiles(new QuantileLevels([0.1, 0.5, 0.9]), Float64Array.of(5, 3, 4)).quantile(0.5)).toBe(4);
    expect(new Quantiles(new QuantileLevels([0.5]), Float64Array.of(3)).quantile(0.9)).toBe(3);
    expect(new Quantiles(new QuantileLevels([0.25, 0.75]), Float64Array.of(2, 2)).cdf(2)).toBeGreaterThan(0);
  });
});

describe('what was drawn', () => {
  it("has NumPy's quantiles, and its own mean", () => {
    const drawn = new Empirical(Float64Array.of(3, 1, 2, 10));
    expect(drawn.mean).toBe(4);
    // numpy.quantile([3, 1, 2, 10], [0.1, 0.5, 0.9])
    expect([0.1, 0.5, 0.9].map((p) => drawn.quantile(p))).toEqual([1.3, 2.5, 7.9].map((x) => expect.closeTo(x, 12)));
    expect([drawn.cdf(0), drawn.cdf(2), drawn.rank(2)]).toEqual([0, 0.5, 0.375]);
  });

  it('has the crps of the definition', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 1, maxLength: 6 }),
        fc.double({ min: -6, max: 6, noNaN: true }),
        (xs, y) => {
          const drawn = new Empirical(Float64Array.from(xs));
          // E|X − y| − ½ E|X − X'| over all pairs.
          const toValue = xs.reduce((sum, x) => sum + Math.abs(x - y), 0) / xs.length;
          const apart = xs.flatMap((a) => xs.map((b) => Math.abs(a - b))).reduce((sum, x) => sum + x, 0) / xs.length ** 2;
          expect(drawn.crps(y)).toBeCloseTo(toValue - apart / 2, 9);
        },
      ),
    );
    const drawn = new Empirical(Float64Array.of(0, 1, 4));
    expect(drawn.crps(2)).toBeCloseTo(crpsByIntegration({ cdf: (x) => drawn.cdf(x) }, 2, -1, 5), 4);
  });

  it('a point has the absolute error, and an interval of nothing', () => {
    const point = new Point(3);
    expect([point.crps(5), point.quantile(), point.rank(3), point.rank(2), point.rank(4)]).toEqual([2, 3, 0.5, 0, 1]);
  });
});

describe('random numbers', () => {
  const moments = (draw: (rng: Random) => number, n = 5000): [number, number] => {
    const rng = new Random(7);
    const draws = Array.from({ length: n }, () => draw(rng));
    const mean = draws.reduce((sum, x) => sum + x, 0) / n;
    return [mean, draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / n];
  };

  it.each([0.3, 1, 7.5])('Γ(%f) has its mean and variance', (shape) => {
    const [mean, variance] = moments((rng) => gammaNumber(shape, rng));
    expect(Math.abs(mean / shape - 1)).toBeLessThan(0.15);
    expect(Math.abs(variance / shape - 1)).toBeLessThan(0.25);
  });

  it.each([0.5, 20, 400])('Poisson(%f) has its mean and variance', (rate) => {
    const [mean, variance] = moments((rng) => poissonNumber(rate, rng));
    expect(Math.abs(mean / rate - 1)).toBeLessThan(0.1);
    expect(Math.abs(variance / rate - 1)).toBeLessThan(0.15);
  });
});
