/** What a model tells: a free run, the target of each row, or the class of each sequence. */
import { writeAtomically } from '#files';
import { select } from '../../autograd/ops/shape.ts';
import { scope } from '../../autograd/scope.ts';
import { tensor } from '../../autograd/tensor.ts';
import { type TextSource, textIn, textOf } from '../../data/text/text-source.ts';
import type { EchoState } from '../../reservoir/echo-state-network.ts';
import { drawRun } from '../../reservoir/run-plot.ts';
import { ConfigError } from '../../tensor/errors.ts';
import type { PredictInput, Prediction } from '../task.ts';
import { chosen, classify } from './evaluate.ts';
import type { PredictOptions } from './options.ts';
import { type NumberSequence, readSequences } from './read.ts';
import { rolesOf, type SavedReservoir } from './saved.ts';
import { scaled, unscaled } from './sequences.ts';

type Series = Extract<SavedReservoir, { head: 'series' }>;

/** Steps of a free run where none are asked for. */
const defaultSteps = 100;

/** One line of a prediction: what stands in its columns. */
export type PredictionRow = Readonly<Record<string, string | number>>;

/** A prediction as a table. */
export interface PredictionTable {
  /** In order: an object would put a column called 1 first. */
  readonly columns: readonly string[];
  readonly rows: readonly PredictionRow[];
}

/**
 * A prediction as a table.
 *
 * @param input  null: a free run from where the training ended
 * @throws FormatError with file, line and column; ConfigError where the input and the options do not go together
 */
export async function predictTable(saved: SavedReservoir, input: TextSource | null, options: PredictOptions): Promise<PredictionTable> {
  const { columns, labels, isSelf } = saved.config.data;
  const rows = await rowsOf(saved, input, options);
  // A free run from the training's end has no sequence's name.
  const sequence = columns.sequence === null || (isSelf && input === null) ? [] : [columns.sequence];
  return saved.head === 'classification'
    ? { columns: [columns.sequence ?? 'sequence', columns.label ?? 'label', ...labels.map(outputColumn)], rows }
    : { columns: [...sequence, 'step', ...columns.targets], rows };
}

function outputColumn(label: string): string {
  return `output ${label}`;
}

async function rowsOf(saved: SavedReservoir, input: TextSource | null, { steps }: PredictOptions): Promise<PredictionRow[]> {
  const { columns } = saved.config.data;
  const roles = rolesOf(saved.config);
  if (saved.head === 'classification') {
    if (input === null) throw new ConfigError('expected sequences to classify, received none. Name a table.');
    if (steps !== undefined) throw new ConfigError('steps: a classification has no free run. Leave it out.');
    const { sequences } = await readSequences([input], roles, { targets: false, label: false });
    return classRows(saved, sequences);
  }
  const { isSelf } = saved.config.data;
  if (input === null) {
    if (!isSelf)
      throw new ConfigError(`expected a table with the inputs ${columns.inputs.join(', ')}, which the model is driven by, received none.`);
    return freeRun(saved, saved.state, steps ?? defaultSteps);
  }
  const { sequences } = await readSequences([input], roles, { targets: false, label: false });
  if (isSelf && saved.config.data.ahead === 1) {
    return sequences.flatMap((sequence) => {
      const named = columns.sequence === null ? {} : { [columns.sequence]: sequence.name };
      return freeRun(saved, warmedUp(saved, sequence), steps ?? defaultSteps).map((row) => ({ ...named, ...row }));
    });
  }
  if (steps !== undefined)
    throw new ConfigError(
      isSelf
        ? `steps: a model that tells ${saved.config.data.ahead} steps ahead cannot feed itself. Leave it out.`
        : 'steps: a model that is driven by inputs goes as far as they do. Leave it out.',
    );
  return sequences.flatMap((sequence) => drivenRows(saved, sequence));
}

/** The state after the rows of a sequence, which are given as they are: y is the last of them. */
function warmedUp({ model, config }: Series, { inputs, length }: NumberSequence): EchoState {
  const { outputSize } = config.architecture;
  const rows = scaled(inputs, config.normalization.inputs);
  const at = (from: number, to: number) => tensor(rows.subarray(from * outputSize, to * outputSize), { shape: [1, to - from, outputSize] });
  if (length === 1) return [model.reservoir.initialState(1), select(at(0, 1), 1, 0)];
  return model.forward(at(0, length - 1), null, { teacher: at(1, length) }).state;
}

function freeRun({ model, config }: Series, state: EchoState, steps: number): PredictionRow[] {
  const { columns, ahead } = config.data;
  if (ahead !== 1)
    throw new ConfigError(`a model that tells ${ahead} steps ahead cannot feed itself: a free run needs ahead 1. Name a table.`);
  const values = scope(() => model.generate(steps, state).output.dataSync());
  return told(unscaled(values, config.normalization.targets), columns.targets);
}

/** What is told at each row of a sequence. Targets that stand in the table are fed back, where there is feedback. */
function drivenRows({ model, config }: Series, { name, inputs, targets, length }: NumberSequence): PredictionRow[] {
  const { columns, ahead } = config.data;
  const { inputSize, outputSize } = config.architecture;
  const x = tensor(scaled(inputs, config.normalization.inputs), { shape: [1, length, inputSize] });
  // What is fed back at a row is what was told at the one before: known only where that is not still to come.
  const teacher =
    targets === null || ahead > 0 ? null : tensor(scaled(targets, config.normalization.targets), { shape: [1, length, outputSize] });
  const values = scope(() => model.forward(x, null, { teacher }).output.dataSync());
  const named = columns.sequence === null ? {} : { [columns.sequence]: name };
  return told(unscaled(values, config.normalization.targets), columns.targets).map((row) => ({ ...named, ...row }));
}

function told(values: Float64Array, targets: readonly string[]): PredictionRow[] {
  const O = targets.length;
  return Array.from({ length: values.length / O }, (_, t) =>
    Object.fromEntries([['step', t + 1], ...targets.map((name, o) => [name, values[t * O + o]] as const)]),
  );
}

function classRows(
  { model, config }: Extract<SavedReservoir, { head: 'classification' }>,
  sequences: readonly NumberSequence[],
): PredictionRow[] {
  const { labels, columns } = config.data;
  return classify(model, sequences, config.normalization.inputs).map((outputs, i) => ({
    [columns.sequence ?? 'sequence']: sequences[i].name,
    [columns.label ?? 'label']: labels[chosen(outputs)],
    ...Object.fromEntries(labels.map((label, k) => [outputColumn(label), outputs[k]])),
  }));
}

/** Rows as CSV: on the screen, or into a file, and then a word about it. */
export async function* predictReservoir(saved: SavedReservoir, input: PredictInput, options: PredictOptions): AsyncGenerator<Prediction> {
  const source = await sourceOf(input);
  const table = await predictTable(saved, source, options);
  const { rows } = table;
  const { out, plot } = options;
  if (plot !== undefined) await writeAtomically(plot, await plotOf(saved, source, table));
  const lines = csvLines(table);
  if (out === undefined) {
    for (const [i, row] of rows.entries()) yield { text: i === 0 ? lines[0] + lines[1] : lines[i + 1], value: row };
    return;
  }
  for (const row of rows) yield { text: '', value: row };
  await writeAtomically(out, lines.join(''));
  yield { text: `${rows.length.toLocaleString('en-US')} rows written to ${out}.\n` };
}

/** A free run after the last rows that were given. @throws ConfigError when it is no free run, or one of several sequences */
async function plotOf(saved: SavedReservoir, source: TextSource | null, { rows }: PredictionTable): Promise<string> {
  const { columns, isSelf } = saved.config.data;
  if (saved.head === 'classification' || !isSelf) throw new ConfigError('plot: expected a free run to draw. Leave it out.');
  const given = source === null ? [] : (await readSequences([source], rolesOf(saved.config))).sequences;
  if (given.length > 1) throw new ConfigError(`plot: expected one sequence to draw, received ${given.length}.`);
  const shown = 2 * rows.length;
  return drawRun(
    columns.targets.map((name, o) => ({
      name: /^\d+$/.test(name) ? `column ${name}` : name,
      before: given.flatMap(({ inputs }) => [...inputs.filter((_, i) => i % columns.targets.length === o)].slice(-shown)),
      told: rows.map((row) => row[name] as number),
    })),
  );
}

/** A file, or what came through a pipe; null: there is no input. */
async function sourceOf(input: PredictInput): Promise<TextSource | null> {
  if (input.path !== null) return input;
  const text = await textIn(input);
  return text.trim() === '' ? null : textOf(text, input.name);
}

/** The head, then a line a row. */
function csvLines({ columns, rows }: PredictionTable): string[] {
  const line = (fields: readonly (string | number)[]) =>
    `${fields.map((field) => (typeof field === 'number' ? numberText(field) : quotedField(field))).join(',')}\n`;
  return [line(columns), ...rows.map((row) => line(columns.map((name) => row[name])))];
}

/** As many digits as float32 has. */
function numberText(value: number): string {
  return String(Number(value.toPrecision(8)));
}

function quotedField(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
