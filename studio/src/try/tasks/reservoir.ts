/** What an echo state network tells: its free run, what it tells row by row, or the class of each sequence. */
import { readNumberSequences, reservoirColumns, reservoirFrom, reservoirTable, textOf } from 'unrolled';
import { factsOf, type OpenModel, type TryTask } from '../contract.ts';

export interface Question {
  /** Empty: a free run from where the training ended. */
  readonly csv: string;
  /** Of a free run. */
  readonly steps: number;
}

export interface About {
  /** What a table has to hold, in the training's order; names are numbers where its files had none. */
  readonly columns: readonly string[];
  readonly targets: readonly string[];
  readonly labels: readonly string[];
  /** Whether it feeds itself: a free run. */
  readonly isFree: boolean;
  /** Rows at the beginning of a sequence that were not learnt from. */
  readonly washout: number;
}

/** One column of a sequence. Steps and values lie beside each other. */
export interface ToldColumn {
  readonly name: string;
  readonly given: { readonly steps: readonly number[]; readonly values: readonly number[] };
  readonly told: { readonly steps: readonly number[]; readonly values: readonly number[] };
}

export interface Answer {
  readonly runs: readonly { readonly name: string; readonly columns: readonly ToldColumn[] }[];
  readonly classes: readonly { readonly name: string; readonly label: string; readonly outputs: readonly number[] }[];
  readonly table: { readonly columns: readonly string[]; readonly rows: readonly (readonly (string | number)[])[] };
}

/** Sequences that are drawn. */
const shown = 8;

export const task: TryTask<Question, Answer> = {
  open(file): OpenModel<Question, Answer> {
    const saved = reservoirFrom(file);
    const { architecture, data } = saved.config;
    const { sequence, inputs, targets } = data.columns;
    const about: About = {
      columns: [...(sequence === null ? [] : [sequence]), ...inputs],
      targets,
      labels: data.labels,
      isFree: saved.head === 'series' && data.isSelf && data.ahead === 1,
      washout: architecture.washout,
    };
    const tells = saved.head === 'series' ? targets.map(columnName).join(', ') : data.labels.join(', ');
    return {
      about,
      facts: [
        ['reservoir', `${architecture.numLayers} × ${architecture.hiddenSize} units`],
        ...factsOf(file).filter(([label]) => label === 'parameters'),
        ['spectral radius', architecture.spectralRadius.toPrecision(3)],
        ['leak rate', architecture.leakRate.toPrecision(3)],
        [saved.head === 'series' ? 'tells' : 'classes', tells],
      ],
      async ask({ csv, steps }) {
        const source = csv.trim() === '' ? null : textOf(csv, 'the table');
        const { columns, rows } = await reservoirTable(saved, source, about.isFree ? { steps } : {});
        const table = { columns, rows: rows.map((row) => columns.map((name) => row[name])) };
        if (saved.head === 'classification') {
          const classes = table.rows.map(([name, label, ...outputs]) => ({
            name: String(name),
            label: String(label),
            outputs: outputs as number[],
          }));
          return { runs: [], classes, table };
        }
        const sequences =
          source === null
            ? [{ name: '', length: 0, targets: new Float64Array(0) }]
            : (await readNumberSequences([source], reservoirColumns(saved.config), { targets: false, label: false })).sequences;
        let begin = 0;
        const runs = sequences.map(({ name, length, targets: given }) => {
          const own = rows.slice(begin, begin + (about.isFree ? steps : length));
          begin += own.length;
          return {
            name: sequence === null ? '' : name,
            columns: targets.map((target, o): ToldColumn => {
              const known = given === null ? [] : Array.from({ length }, (_, t) => given[t * targets.length + o]);
              // Of a free run, step 0 is the last row that was given; else a row is told `ahead` of it.
              const from = about.isFree ? Math.max(0, length - 2 * steps) : 0;
              return {
                name: columnName(target),
                given: {
                  steps: known.slice(from).map((_, k) => (about.isFree ? from + k + 1 - length : k + 1)),
                  values: known.slice(from),
                },
                told: {
                  steps: own.map((_, k) => k + 1 + (about.isFree ? 0 : data.ahead)),
                  values: own.map((row) => row[target] as number),
                },
              };
            }),
          };
        });
        return { runs: runs.slice(0, shown), classes: [], table };
      },
    };
  },
};

/** A file of numbers alone has columns without names. */
function columnName(name: string): string {
  return /^\d+$/.test(name) ? `column ${name}` : name;
}
