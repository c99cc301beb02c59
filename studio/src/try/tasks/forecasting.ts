/** What comes after a table. */
import { forecast, forecasterFrom, textOf } from 'unrolled';
import { type DrawnForecast, drawn } from '../../train/lessons/series.ts';
import { factsOf, type OpenModel, type TryTask } from '../contract.ts';

export interface Question {
  readonly csv: string;
  readonly horizon: number;
}

export interface About {
  readonly date: string;
  readonly columns: readonly string[];
  readonly horizon: number;
  /** Whether it goes on beyond the horizon it was trained with. */
  readonly isDrawn: boolean;
  /** Steps between rows, in milliseconds; null: months. */
  readonly stepMs: number | null;
}

export const task: TryTask<Question, DrawnForecast[]> = {
  open(file): OpenModel<Question, DrawnForecast[]> {
    const saved = forecasterFrom(file);
    const { architecture, data } = saved.config;
    const { columns, frequency } = data;
    const about: About = {
      date: columns.date,
      columns: [
        ...(columns.series === null ? [] : [columns.series]),
        ...columns.targets,
        ...columns.known,
        ...columns.past,
        ...columns.statics,
      ],
      horizon: architecture.horizon,
      isDrawn: architecture.model === 'autoregressive',
      stepMs: frequency.unit === 'millisecond' ? frequency.count : null,
    };
    return {
      about,
      facts: [...factsOf(file), ['reads', [about.date, ...about.columns].join(', ')], ['horizon', `${architecture.horizon} steps`]],
      async ask({ csv, horizon }) {
        return (await forecast(saved, [textOf(csv, 'the table')], { horizon, samples: 100 })).slice(0, 8).map((one) => drawn(one));
      },
    };
  },
};
