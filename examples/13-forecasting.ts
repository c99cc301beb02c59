// Forecast the next two days of hourly demand with intervals, draw them, and let a second model watch for what is unusual.
//   npx tsx examples/13-forecasting.ts [forecast.svg]
import { writeFileSync } from 'node:fs';
import { ForecastStream, forecast, plotForecast, prepareForecasting, Random, textOf } from 'unrolled';

const hour = 3_600_000;
const start = Date.UTC(2026, 0, 5);
const rng = new Random(8);
const noise = rng.fillNormal(new Float64Array(2 * 24 * 84));

// Twelve weeks of a town's demand in megawatts: two peaks a day, quiet weekends, and heating when it is cold outside.
const [weather, wobble] = [noise.subarray(0, 24 * 84), noise.subarray(24 * 84)];
const bump = (h: number, at: number, width: number): number => Math.exp(-(((h - at) / width) ** 2));
let [front, drift] = [0, 0];
const rows = Array.from({ length: 24 * 84 }, (_, t) => {
  const h = t % 24;
  front = 0.985 * front + 0.5 * weather[t];
  drift = 0.8 * drift + 5 * wobble[t];
  const temperature = 7 + 3 * Math.sin((2 * Math.PI * (h - 9)) / 24) + front;
  const shape = 300 + 85 * bump(h, 8.5, 2.5) + 115 * bump(h, 19, 3) - 60 * bump(h, 3, 3);
  const demand = shape * (Math.floor(t / 24) % 7 >= 5 ? 0.82 : 1) + 5 * Math.max(0, 14 - temperature) + drift;
  return { date: new Date(start + t * hour).toISOString().slice(0, 16), demand, temperature };
});
const table = (until: number) =>
  textOf(
    [
      'date,demand,temperature',
      // After `until` the temperature is known, from a weather forecast, and the demand is not.
      ...rows.map(({ date, demand, temperature }, t) => `${date},${t < until ? demand.toFixed(1) : ''},${temperature.toFixed(1)}`),
    ].join('\n'),
    'demand.csv',
  );

const horizon = 48;
const now = rows.length - horizon;
const options = { known: ['temperature'], horizon, hiddenSize: 48, learningRate: 0.005, seed: 1 };

const training = await prepareForecasting({ train: [table(now)] }, { ...options, context: 168, segmentLength: 12, maxSteps: 250 });
for await (const event of training.run())
  if (event.type === 'validation') console.log(`step ${event.step}: loss ${event.metrics.loss.toFixed(3)}`);
const { metrics, seasonalNaive } = await training.evaluate();
console.log(`mean error ${metrics.mae.toFixed(2)} deviations; the value of a day ago errs by ${seasonalNaive.mae.toFixed(2)}`);

const [{ name, instants, steps, history }] = await forecast({ model: training.model.eval(), config: training.config }, [table(now)]);
console.log(
  `in a day: ${steps[23].quantile(0.5).toFixed(0)} MW, 80 % between ${steps[23].quantile(0.1).toFixed(0)} and ${steps[23].quantile(0.9).toFixed(0)}`,
);
const svg = await plotForecast(
  [
    {
      name: `${name}, MW`,
      history: [...history.values].map((value, t) => ({ instant: history.instants[t], value })).slice(-6 * 24),
      forecast: steps.map((step, h) => ({
        instant: instants[h],
        median: step.quantile(0.5),
        interval50: [step.quantile(0.25), step.quantile(0.75)],
        interval80: [step.quantile(0.1), step.quantile(0.9)],
      })),
      actual: rows.slice(now).map(({ demand }, h) => ({ instant: instants[h], value: demand })),
    },
  ],
  { title: 'Two days of demand, forecast', timeLabel: 'steps of 1 hour, UTC' },
);
const out = process.argv[2] ?? 'forecast.svg';
writeFileSync(out, svg);
console.log(`drawn into ${out}`);

// An autoregressive model reads a stream, a value at a time, and says how likely each was before it saw it.
const watching = await prepareForecasting({ train: [table(now)] }, { ...options, model: 'autoregressive', context: 72, maxSteps: 120 });
for await (const _ of watching.run()) {
  // to the end
}
const stream = new ForecastStream({ model: watching.model.eval(), config: watching.config }, { start });
const scores = rows.map(({ demand, temperature }, t) => {
  const isBroken = t === now + 30; // a meter that sticks for an hour
  return { t, ...stream.push(isBroken ? 120 : demand, [temperature]) };
});
const worst = scores.filter(({ isWarm }) => isWarm).reduce((a, b) => (b.score > a.score ? b : a));
console.log(
  `most unusual: ${rows[worst.t].date}, ${worst.value} MW where ${worst.expected.quantile(0.5).toFixed(0)} was expected (score ${worst.score.toFixed(1)})`,
);
