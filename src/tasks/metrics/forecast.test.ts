import { describe, expect, it } from 'vitest';
import { ForecastMetrics, type Judged, JudgedSteps } from './forecast.ts';

const point = (actual: number, forecast: number, more: Partial<Judged> = {}): Judged => ({
  actual,
  mean: forecast,
  median: forecast,
  crps: Math.abs(actual - forecast),
  low80: Number.NaN,
  high80: Number.NaN,
  deviation: 1,
  naiveError: 1,
  ...more,
});

function metricsOf(...judged: Judged[]) {
  const all = new ForecastMetrics();
  for (const one of judged) all.add(one);
  return all.metrics;
}

describe('forecast metrics', () => {
  it('are what their definitions give by hand', () => {
    // Errors 2, −1, 0 of a series of deviation 2 and naive error 4.
    const { mse, mae, mase, smape, crps } = metricsOf(
      ...[point(10, 8), point(3, 4), point(5, 5)].map((one) => ({ ...one, deviation: 2, naiveError: 4 })),
    );
    expect(mse).toBeCloseTo((1 + 0.25 + 0) / 3, 12);
    expect(mae).toBeCloseTo((1 + 0.5 + 0) / 3, 12);
    expect(mase).toBeCloseTo((0.5 + 0.25 + 0) / 3, 12);
    expect(smape).toBeCloseTo((100 * ((2 * 2) / 18 + (2 * 1) / 7 + 0)) / 3, 12);
    expect(crps).toBeCloseTo(mae, 12);
  });

  it('square errors of the mean, and take absolute ones of the median', () => {
    const { mse, mae } = metricsOf(point(4, 0, { mean: 1, median: 2 }));
    expect([mse, mae]).toEqual([9, 2]);
  });

  it('count what lies within the interval, its ends included', () => {
    const { coverage80 } = metricsOf(...[0.9, 1, 2, 3, 3.1].map((actual) => point(actual, 2, { low80: 1, high80: 3 })));
    expect(coverage80).toBe(3 / 5);
    expect(metricsOf(point(1, 1))).not.toHaveProperty('coverage80');
  });

  it('leave missing values out, and take a right zero for right', () => {
    const all = new ForecastMetrics();
    all.add(point(Number.NaN, 3));
    all.add(point(0, 0));
    expect(all.count).toBe(1);
    expect(all.metrics.smape).toBe(0);
    expect(metricsOf(point(0, 5)).smape).toBe(200);
  });

  it('are the same of many steps at once', () => {
    const scale = { deviation: 2, naiveError: 4 };
    const each = [point(10, 8, { mean: 7, crps: 1.5, low80: 6, high80: 9 }), point(0, 0, { low80: -1, high80: 1 }), point(5, 6)].map(
      (one) => ({
        ...one,
        ...scale,
      }),
    );
    const steps = new JudgedSteps(4);
    steps.count = 3;
    for (const [i, one] of each.entries()) {
      for (const name of ['actual', 'mean', 'median', 'crps', 'low80', 'high80'] as const) steps[name][i] = one[name];
    }
    const all = new ForecastMetrics();
    all.addSteps(steps, scale);
    expect(all.count).toBe(3);
    const expected = metricsOf(...each);
    for (const [name, value] of Object.entries(expected)) expect(all.metrics[name]).toBeCloseTo(value, 12);

    const points = new ForecastMetrics();
    points.addPoints(steps, Float64Array.of(8, 1, 5, Number.NaN), scale);
    const one = metricsOf(...[point(10, 8), point(0, 1), point(5, 5)].map((judged) => ({ ...judged, ...scale })));
    expect(points.metrics).toEqual(Object.fromEntries(Object.entries(one).map(([name, value]) => [name, expect.closeTo(value, 12)])));
  });
});
