/**
 * Time series from tables: a date column, and either a column for each series (wide) or a column that names the series of
 * each row (long). Rows come in any order; the steps between dates are found out and checked, and what is missing is NaN.
 */
import { columnOf, fieldFault, openTable, type TableHead, type TableRow } from '../../data/records/delimited.ts';
import { TimeColumn } from '../../data/records/time-column.ts';
import { dateOrders, isPlainNumber, parseTime, type TimeReading } from '../../data/records/times.ts';
import type { TextSource } from '../../data/text/text-source.ts';
import { ConfigError, FormatError, unknownName } from '../../tensor/errors.ts';
import { addSteps, describeFrequency, type Frequency, formatDate, inferFrequency, stepsBetween } from './steps.ts';

/** What the columns of a table are; the same for all tables of one model. */
export interface ColumnRoles extends TimeReading {
  /** Default: the first that is called date, time, timestamp, ds or the like, else the first one of dates. */
  readonly date?: string;
  /** Long tables: names the series of each row. */
  readonly series?: string;
  /** What is forecast; default: every column that is nothing else. */
  readonly targets?: readonly string[];
  /** Covariates that are known beforehand: holidays, prices, plans. */
  readonly known?: readonly string[];
  /** Covariates that are known afterwards, as the targets are. */
  readonly past?: readonly string[];
  /** Of a series, the same in all its rows: a region, a size. */
  readonly statics?: readonly string[];
  readonly frequency?: Frequency;
}

/** The roles as they were found: every column by its name. */
export interface FoundColumns {
  readonly date: string;
  readonly series: string | null;
  readonly targets: readonly string[];
  readonly known: readonly string[];
  readonly past: readonly string[];
  readonly statics: readonly string[];
}

/** One series at equal steps. Covariates are shared by the series of a wide table. */
export interface Series {
  readonly name: string;
  /** Instant of step 0, in milliseconds since 1970. */
  readonly start: number;
  /** Steps up to the last one with a target; what follows has covariates that are known beforehand. */
  readonly length: number;
  /** [≥ length]; NaN where missing. */
  readonly values: Float64Array;
  /** [T, known columns], T ≥ length */
  readonly known: Float32Array;
  /** [T, past columns] */
  readonly past: Float32Array;
  readonly statics: readonly string[];
}

/** All series of one table or several, on one grid of dates. */
export interface SeriesSet {
  readonly columns: FoundColumns;
  readonly frequency: Frequency;
  readonly series: readonly Series[];
  /** How the dates were written: for tables that go on from these. */
  readonly reading: TimeReading;
  /** Steps without a row, and rows without a target. */
  readonly gaps: { readonly steps: number; readonly places: number; readonly first: string | null; readonly missing: number };
}

/**
 * @param sources  tables of the same columns; rows of one series may be in several
 * @throws FormatError with file, line and column: a date or number that is none, a date twice, steps that do not fit, no rows
 * @throws ConfigError when a column is not there
 */
export async function readSeries(sources: readonly TextSource[], roles: ColumnRoles = {}): Promise<SeriesSet> {
  const tables = new TableRows(roles);
  for (const [file, source] of sources.entries()) await tables.read(source, file);
  return await tables.finish(sources);
}

/** Rows of one series, or of all that are columns of one table. */
interface Group {
  readonly name: string;
  readonly statics: readonly string[];
  /** Which of all rows they are. */
  readonly rows: number[];
  /** Row-major: targets, known, past. */
  readonly numbers: number[];
  readonly lines: number[];
  readonly files: number[];
}

class TableRows {
  readonly #roles: ColumnRoles;
  readonly #groups = new Map<string, Group>();
  #columns: FoundColumns | null = null;
  readonly #times: TimeColumn;

  constructor(roles: ColumnRoles) {
    this.#roles = roles;
    this.#times = new TimeColumn(roles);
  }

  async read(source: TextSource, file: number): Promise<void> {
    const { rows, ...head } = await openTable(source);
    let at: Indices | null = null;
    for await (const row of rows) {
      this.#columns ??= findColumns(head, row, this.#roles);
      at ??= indicesOf(head, this.#columns);
      this.#add(head, row, at, file);
    }
  }

  #add(head: TableHead, row: TableRow, at: Indices, file: number): void {
    const { fields } = row;
    this.#times.add(head, row, at.date);
    const name = at.series === null ? '' : fields[at.series].trim();
    if (at.series !== null && name === '') throw fieldFault(head, row, at.series, "expected the series' name, received nothing.");
    const group = this.#groupOf(name, head, row, at);
    group.rows.push(this.#times.length - 1);
    group.lines.push(row.line);
    group.files.push(file);
    for (const index of at.numbers) group.numbers.push(numberIn(head, row, index));
  }

  #groupOf(name: string, head: TableHead, row: TableRow, at: Indices): Group {
    const known = this.#groups.get(name);
    if (known === undefined) {
      const statics = at.statics.map((index) => row.fields[index].trim());
      const group: Group = { name, statics, rows: [], numbers: [], lines: [], files: [] };
      this.#groups.set(name, group);
      return group;
    }
    at.statics.forEach((index, i) => {
      if (row.fields[index].trim() === known.statics[i]) return;
      const message = `expected ${quoted(known.statics[i])}, as in the other rows of series ${quoted(name)}, received ${quoted(row.fields[index])}. A static feature is the same in all rows.`;
      throw fieldFault(head, row, index, message);
    });
    return known;
  }

  async finish(sources: readonly TextSource[]): Promise<SeriesSet> {
    const columns = this.#columns;
    if (columns === null) {
      throw new FormatError('expected rows below the names of the columns, received none.', { file: sources[0]?.name, line: 2 });
    }
    const fault = async (group: Group, row: number, message: string): Promise<never> => {
      throw await dateFault(sources[group.files[row]], group.lines[row], columns.date, message);
    };
    const groups = [...this.#groups.values()];
    const { instants, reading } = this.#times.finish();
    // A frequency is in whole milliseconds.
    const sorted = groups.map((group) =>
      sortedByTime(
        group,
        group.rows.map((row) => Math.round(instants[row])),
      ),
    );
    const frequency = this.#roles.frequency ?? inferFrequency(sorted.map(({ times }) => times));
    if (frequency === null) {
      const [{ files, lines }] = groups;
      throw await dateFault(
        sources[files[0]],
        lines[0],
        columns.date,
        'expected at least two dates of a series, received one. Give more rows, or say how far apart they are: frequency.',
      );
    }
    const gaps = { steps: 0, places: 0, first: null as string | null, missing: 0 };
    const series: Series[] = [];
    for (const rows of sorted) series.push(...(await onGrid(rows, columns, frequency, gaps, fault)));
    return { columns, frequency, series, reading, gaps };
  }
}

type Fault = (group: Group, row: number, message: string) => Promise<never>;

// ---- columns ----------------------------------------------------------------------------------------------------------

interface Indices {
  readonly date: number;
  readonly series: number | null;
  readonly statics: readonly number[];
  /** Targets, known, past. */
  readonly numbers: readonly number[];
}

function indicesOf(head: TableHead, { date, series, targets, known, past, statics }: FoundColumns): Indices {
  const places = new Map(head.columns.map((name, i) => [name, i]));
  // A name that is not there: columnOf says so.
  const index = (name: string): number => places.get(name) ?? columnOf(head, name);
  return {
    date: index(date),
    series: series === null ? null : index(series),
    statics: statics.map(index),
    numbers: [...targets, ...known, ...past].map(index),
  };
}

function findColumns(head: TableHead, first: TableRow, roles: ColumnRoles): FoundColumns {
  const { known = [], past = [], statics = [], series = null } = roles;
  const others = [...known, ...past, ...statics, ...(series === null ? [] : [series])];
  const date = roles.date ?? dateColumnOf(head, first, others);
  const taken = new Set([date, ...others]);
  const targets = roles.targets ?? head.columns.filter((name) => !taken.has(name));
  const seen = new Set<string>();
  for (const name of [date, ...others, ...targets]) {
    if (seen.has(name)) throw new ConfigError(`expected each column to have one role, received "${name}" for two.`);
    seen.add(name);
  }
  if (targets.length === 0)
    throw new ConfigError(`${head.name}: expected a column to forecast, received ${head.columns.join(', ')} alone.`);
  if (statics.length > 0 && series === null) {
    throw new ConfigError('static features belong to series that are named in a column. Name it: seriesColumn.');
  }
  return { date, series, targets, known, past, statics };
}

const dateName = /^(date|datetime|date.?time|time|timestamp|ds|day|week|month|quarter|year|period|index)$/i;

function dateColumnOf(head: TableHead, first: TableRow, others: readonly string[]): string {
  const free = head.columns.filter((name) => !others.includes(name));
  const found = free.find((name) => dateName.test(name.trim())) ?? free.find((name) => isDate(first.fields[head.columns.indexOf(name)]));
  if (found !== undefined) return found;
  throw new FormatError(`expected a column of dates, received ${head.columns.join(', ')}. Name it: dateColumn.`, {
    file: head.name,
    line: 1,
    column: 1,
  });
}

/** With the day or the month first: which, the other rows say. Longer numbers are names of something more often than they are times. */
function isDate(text: string): boolean {
  if (isPlainNumber(text) && !/^\d{4,13}(?:\.\d+)?$/.test(text.trim())) return false;
  return dateOrders.some((dateOrder) => !Number.isNaN(parseTime(text, { dateOrder })));
}

const missing = new Set(['', 'na', 'n/a', 'nan', 'null', 'none', '-', '?', '.']);

function numberIn(head: TableHead, row: TableRow, index: number): number {
  const text = row.fields[index].trim();
  if (missing.has(text.toLowerCase())) return Number.NaN;
  const value = Number(head.delimiter === ';' ? text.replace(',', '.') : text);
  if (Number.isFinite(value)) return value;
  const asBoolean = ['false', 'true'].indexOf(text.toLowerCase());
  if (asBoolean >= 0) return asBoolean;
  const message = `expected a number in column ${quoted(head.columns[index])}, received ${quoted(text)}. Leave it empty where it is missing; name the columns to forecast with targets, what else is known with known and past.`;
  throw fieldFault(head, row, index, message);
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 39)}…` : text);
}

/** The fault of a row that was read before: the table is read once more, for its place. */
async function dateFault(source: TextSource, line: number, column: string, message: string): Promise<FormatError> {
  const { rows, ...head } = await openTable(source);
  for await (const row of rows) if (row.line === line) return fieldFault(head, row, columnOf(head, column), message);
  return new FormatError(message, { file: source.name, line });
}

// ---- steps ------------------------------------------------------------------------------------------------------------

interface SortedRows {
  readonly group: Group;
  /** Ascending. */
  readonly times: Float64Array;
  /** Index of each row as it was read. */
  readonly order: Int32Array;
}

function sortedByTime(group: Group, times: readonly number[]): SortedRows {
  const order = Int32Array.from(times, (_, i) => i);
  if (times.some((time, i) => i > 0 && time < times[i - 1])) order.sort((a, b) => times[a] - times[b] || a - b);
  return { group, times: Float64Array.from(order, (row) => times[row]), order };
}

/** So many steps a row are believed; more is a slip in a date. */
const mostStepsPerRow = 100;

async function onGrid(
  { group, times, order }: SortedRows,
  columns: FoundColumns,
  frequency: Frequency,
  gaps: { steps: number; places: number; first: string | null; missing: number },
  fault: Fault,
): Promise<Series[]> {
  const [start] = times;
  const steps = new Int32Array(times.length);
  for (let i = 1; i < times.length; i++) {
    if (times[i] === times[i - 1]) {
      const before = group.lines[order[i - 1]];
      const which = group.name === '' ? '' : ` of series ${quoted(group.name)}`;
      const message = `expected each date once, received ${formatDate(times[i], frequency)}${which} again; it is in line ${before} too. Local times come twice when clocks are put back: use UTC. If rows belong to several series, name their column: seriesColumn.`;
      await fault(group, order[i], message);
    }
    const step = stepsBetween(frequency, start, times[i]);
    const before = formatDate(times[i - 1], frequency);
    if (Number.isNaN(step)) {
      const apart = describeFrequency({ unit: 'millisecond', count: times[i] - times[i - 1] });
      const message = `expected steps of ${describeFrequency(frequency)}, received ${apart} after ${before}. Bring the rows to equal steps, or say how far apart they are: frequency.`;
      await fault(group, order[i], message);
    }
    if (step > 1000 + mostStepsPerRow * times.length) {
      const message = `expected steps of ${describeFrequency(frequency)}, received ${(step - steps[i - 1]).toLocaleString('en-US')} of them after ${before}. Is the date right?`;
      await fault(group, order[i], message);
    }
    steps[i] = step;
    if (step > steps[i - 1] + 1) {
      gaps.steps += step - steps[i - 1] - 1;
      gaps.places++;
      gaps.first ??= formatDate(addSteps(frequency, start, steps[i - 1] + 1), frequency);
    }
  }
  const { targets, known, past } = columns;
  const T = steps[steps.length - 1] + 1;
  const width = targets.length + known.length + past.length;
  const column = (index: number): Float64Array => {
    const values = new Float64Array(T).fill(Number.NaN);
    for (let i = 0; i < steps.length; i++) values[steps[i]] = group.numbers[order[i] * width + index];
    return values;
  };
  const values = targets.map((_, i) => column(i));
  const lengths = values.map((of) => of.findLastIndex((value) => !Number.isNaN(value)) + 1);
  const length = Math.max(...lengths);
  const shared = {
    start,
    length,
    known: interleaved(
      known.map((_, i) => column(targets.length + i)),
      T,
    ),
    past: interleaved(
      past.map((_, i) => column(targets.length + known.length + i)),
      T,
    ),
    statics: group.statics,
  };
  return targets.map((target, i) => {
    for (let t = 0; t < length; t++) if (Number.isNaN(values[i][t])) gaps.missing++;
    const name = group.name === '' ? target : targets.length === 1 ? group.name : `${group.name}/${target}`;
    return { name, values: values[i], ...shared };
  });
}

/** [T, columns] row-major. */
function interleaved(columns: readonly Float64Array[], T: number): Float32Array {
  const all = new Float32Array(T * columns.length);
  columns.forEach((values, c) => {
    for (let t = 0; t < T; t++) all[t * columns.length + c] = values[t];
  });
  return all;
}

/** "1 hour", "15 min", "2 d", "month": how far apart rows are. @throws ConfigError */
export function parseFrequency(text: string): Frequency {
  const match = /^(\d*)\s*([a-z]+)$/i.exec(text.trim());
  const units: Readonly<Record<string, Frequency>> = {
    ms: { unit: 'millisecond', count: 1 },
    second: { unit: 'millisecond', count: 1000 },
    minute: { unit: 'millisecond', count: 60_000 },
    hour: { unit: 'millisecond', count: 3_600_000 },
    day: { unit: 'millisecond', count: 86_400_000 },
    week: { unit: 'millisecond', count: 604_800_000 },
    month: { unit: 'month', count: 1 },
    quarter: { unit: 'month', count: 3 },
    year: { unit: 'month', count: 12 },
  };
  const short: Readonly<Record<string, string>> = { s: 'second', min: 'minute', h: 'hour', d: 'day', w: 'week' };
  const given = match?.[2].toLowerCase() ?? '';
  const name = short[given] ?? (given === 'ms' ? given : given.replace(/s$/, ''));
  const unit = Object.hasOwn(units, name) ? units[name] : undefined;
  const count = Number(match?.[1] || 1);
  if (unit === undefined || count < 1) {
    throw new ConfigError(`frequency: ${unknownName('step', text, [...Object.keys(units), '15 minutes'])}`);
  }
  return { ...unit, count: unit.count * count };
}
