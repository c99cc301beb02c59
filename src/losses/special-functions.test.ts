import { describe, expect, it } from 'vitest';
import { digamma, incompleteBeta, logGamma, logistic, normalCdf, normalQuantile, softplus } from './special-functions.ts';

/** To so many parts of the larger of 1 and the number; relative, where `floor` is 0. */
function expectNear(received: number, expected: number, tolerance: number, floor = 1): void {
  expect(Math.abs(received - expected), `${received} for ${expected}`).toBeLessThanOrEqual(tolerance * Math.max(floor, Math.abs(expected)));
}

// torch 1.13, float64
const points = [1e-6, 0.1, 0.5, 1, 1.5, 2, 3.7, 9.99, 10, 57.3, 1e5];

describe('special functions', () => {
  it("log Γ is PyTorch's", () => {
    const expected = [
      13.815509980749432, 2.252712651734206, 0.5723649429247001, 0, -0.12078223763524522, 0, 1.428072326665388, 12.779315214350193,
      12.801827480081469, 173.5638682796914, 1051287.7089736569,
    ];
    points.forEach((x, i) => {
      expectNear(logGamma(x), expected[i], 1e-13);
    });
  });

  it("ψ is PyTorch's, and the derivative of log Γ", () => {
    const expected = [
      -1000000.5772140202, -10.423754940411076, -1.9635100260214229, -0.5772156649015328, 0.036489973978576194, 0.422784335098467,
      1.1671535393615111, 2.2507003728312007, 2.251752589066721, 4.039549239957579, 11.512920464961896,
    ];
    points.forEach((x, i) => {
      expectNear(digamma(x), expected[i], 1e-13);
    });
    expectNear(digamma(2.3), (logGamma(2.3 + 1e-5) - logGamma(2.3 - 1e-5)) / 2e-5, 1e-9);
  });

  it("Φ is SciPy's, its small tails too", () => {
    const expected = [
      7.61985302416047e-24, 3.167124183311986e-5, 0.006209665325776132, 0.3820885778110474, 0.5, 0.8413447460685429, 0.9993128620620841,
    ];
    [-10, -4, -2.5, -0.3, 0, 1, 3.2].forEach((z, i) => {
      expectNear(normalCdf(z), expected[i], 1e-12, 0);
    });
  });

  it("Φ⁻¹ is SciPy's", () => {
    const expected = [
      -6.361340902404056, -3.090232306167813, -2.053748910631823, -1.2815515655446004, -0.5244005127080409, 0, 1.959963984540054,
    ];
    [1e-10, 0.001, 0.02, 0.1, 0.3, 0.5, 0.975].forEach((p, i) => {
      expectNear(normalQuantile(p), expected[i], 1e-12);
    });
    expect(normalQuantile(0)).toBe(Number.NEGATIVE_INFINITY);
    expect(normalQuantile(1)).toBe(Number.POSITIVE_INFINITY);
    expect(normalQuantile(-1)).toBeNaN();
  });

  it("the incomplete beta function is SciPy's", () => {
    const cases = [
      [0.3, 2, 5, 0.5798250000000003],
      [0.9, 0.5, 0.5, 0.7951672353008665],
      [0.01, 40, 3.5, 3.305858039965634e-77],
      [0.5, 1000, 1000, 0.4999999999999992],
      [0.999, 3, 200.5, 1],
      [0, 2, 3, 0],
      [1, 2, 3, 1],
    ];
    for (const [x, a, b, expected] of cases) expectNear(incompleteBeta(x, a, b), expected, 1e-11, 0);
  });

  it('softplus and its derivative bear any number', () => {
    expect(softplus(0)).toBe(Math.LN2);
    expect(softplus(1000)).toBe(1000);
    expect(softplus(-1000)).toBe(0);
    expectNear(softplus(-40), Math.exp(-40), 1e-15, 0);
    expect([logistic(-1000), logistic(0), logistic(1000)]).toEqual([0, 0.5, 1]);
  });
});
