/** A forecaster on a table of dates and values. */
import { forecast, formatModel, prepareForecasting, type SeriesForecast, textOf } from 'unrolled';
import type { Lesson } from '../lesson.ts';

export interface SeriesData {
  readonly csv: string;
  readonly horizon: number;
  readonly hiddenSize: number;
  readonly minutes: number;
}

/** A forecast as it is drawn. */
export interface DrawnForecast {
  readonly name: string;
  /** The end of what is known. Instants in milliseconds since 1970. */
  readonly history: { readonly instants: readonly number[]; readonly values: readonly number[] };
  readonly instants: readonly number[];
  readonly median: readonly number[];
  /** Central intervals, from and to; empty where a forecast is a point. */
  readonly interval50: readonly (readonly [number, number])[];
  readonly interval80: readonly (readonly [number, number])[];
}

export const lesson: Lesson<SeriesData> = {
  async prepare({ csv, horizon, hiddenSize, minutes }) {
    const source = textOf(csv, 'the table');
    const training = await prepareForecasting(
      { train: [source] },
      { horizon, hiddenSize, maxMinutes: minutes, batchSize: 32, learningRate: 0.002, watchEvery: 20 },
    );
    const { model, config, data, windows } = training;
    return {
      name: 'series',
      facts: [
        ['series', `${data.series.length}, ${data.series.reduce((sum, { length }) => sum + length, 0).toLocaleString('en')} values`],
        ['windows', `${windows.train.toLocaleString('en')} to learn from, ${windows.valid.toLocaleString('en')} to validate on`],
        ['model', `${model.parameterCount.toLocaleString('en')} parameters`],
      ],
      run: (options) => training.run(options),
      view: async () => {
        const wasTraining = model.isTraining;
        model.eval();
        try {
          return (await forecast({ model, config } as never, [source])).slice(0, 4).map((one) => drawn(one));
        } finally {
          model.train(wasTraining);
        }
      },
      save: () => formatModel({ config, tensors: model.stateDict() }),
    };
  },
};

/** @param past steps of history, in horizons */
export function drawn({ name, history, instants, steps }: SeriesForecast, past = 4): DrawnForecast {
  const from = Math.max(0, history.values.length - past * steps.length);
  const interval = (low: number, high: number) => steps.map((step) => [step.quantile(low), step.quantile(high)] as const);
  return {
    name,
    history: { instants: [...history.instants.subarray(from)], values: [...history.values.subarray(from)] },
    instants: [...instants],
    median: steps.map((step) => step.quantile(0.5)),
    interval50: interval(0.25, 0.75),
    interval80: interval(0.1, 0.9),
  };
}
