/** A column of times: cells by times.ts, and what only all of them together can say. */
import type { FormatError } from '../../tensor/errors.ts';
import { fieldFault, type TableHead, type TableRow } from './delimited.ts';
import { type DateOrder, isPlainNumber, isWrittenAsDay, parseTime, type TimeReading } from './times.ts';

/** Cells that can be read with the day or with the month first. */
const eitherFirst = /^\s*\d{1,2}([-/])\d{1,2}\1\d{4}/;

/**
 * Reads a column of times row by row, over as many tables as it runs through.
 *
 * Whether days or months come first is told by a date that only one order can read: the whole column is read so. Plain numbers follow
 * the rule of `parseTime`. Where an order of events is enough (`allowsCounts`), a number that is no date by it, such as 17, shows that
 * the numbers of the column are counts: all of them are then seconds since 1970 (`since-1970`), those that look like years too.
 *
 * @throws FormatError from `add` and `finish`, with file, line and column
 * @example
 * const times = new TimeColumn();
 * for await (const row of rows) times.add(head, row, 0);
 * const { instants } = times.finish(); // milliseconds since 1970
 */
export class TimeColumn {
  readonly #given: TimeReading;
  readonly #allowsCounts: boolean;
  #length = 0;
  #instants = unread(1024);
  /** Rows that have been read with the month first, and could be read with the day first. */
  #undecided: [row: number, dayFirst: number][] = [];
  #undecidedFault: FormatError | null = null;
  #proof: { readonly order: DateOrder; readonly file: string; readonly line: number } | null = null;
  /** What numbers are as counts, from the first on that has been read as a year or a day; NaN: no number. null: there is none. */
  #counts: { readonly from: number; values: Float64Array<ArrayBuffer> } | null = null;
  #isCounting = false;

  constructor(given: TimeReading = {}, { allowsCounts = false }: { readonly allowsCounts?: boolean } = {}) {
    this.#given = given;
    this.#allowsCounts = allowsCounts && (given.timeUnit ?? 'auto') === 'auto';
  }

  /** How many rows there are. */
  get length(): number {
    return this.#length;
  }

  /** Reads the cell of one row. @throws FormatError when it is no time, or has days and months in another order than one before */
  add(table: TableHead, row: TableRow, column: number): void {
    const text = row.fields[column];
    const fault = (message: string): FormatError => fieldFault(table, row, column, message);
    const instant = isPlainNumber(text) ? this.#number(text, fault) : this.#date(text, { file: table.name, line: row.line }, fault);
    if (Number.isNaN(instant)) throw fault(`expected a date, such as 2016-07-01 13:00, received ${shown(text)}.${remedyFor(text)}`);
    this.#instants = withRoom(this.#instants, this.#length);
    this.#instants[this.#length++] = instant;
  }

  /**
   * @returns instants  milliseconds since 1970, of each row
   * @returns reading   how the column is to be read, for another one like it
   */
  finish(): { readonly instants: Float64Array; readonly reading: TimeReading } {
    if (this.#undecidedFault !== null) throw this.#undecidedFault;
    const { dateOrder = this.#proof?.order, timeUnit } = this.#given;
    return {
      instants: this.#instants.subarray(0, this.#length),
      reading: {
        ...(dateOrder === undefined ? {} : { dateOrder }),
        ...(this.#isCounting ? { timeUnit: 'since-1970' } : timeUnit === undefined ? {} : { timeUnit }),
      },
    };
  }

  #number(text: string, fault: (message: string) => FormatError): number {
    if (!this.#allowsCounts) return parseTime(text, this.#given);
    const count = parseTime(text, { timeUnit: 'since-1970' });
    if (this.#isCounting) return count;
    const dated = parseTime(text);
    if (Number.isNaN(dated)) {
      if (isWrittenAsDay(text) && this.#counts !== null) {
        throw fault(
          `expected a day, as the numbers before, received ${shown(text)}. If they are counts, say of what: timeUnit (--time-unit).`,
        );
      }
      this.#isCounting = !Number.isNaN(count);
      if (this.#isCounting) this.#recount();
      return count;
    }
    if (this.#counts === null && dated !== count) this.#counts = { from: this.#length, values: unread(1024) };
    if (this.#counts !== null) {
      const at = this.#length - this.#counts.from;
      this.#counts.values = withRoom(this.#counts.values, at);
      this.#counts.values[at] = count;
    }
    return dated;
  }

  /** All numbers were counts. */
  #recount(): void {
    if (this.#counts === null) return;
    const { from, values } = this.#counts;
    for (let row = from; row < this.#length; row++) {
      const count = values[row - from];
      if (!Number.isNaN(count)) this.#instants[row] = count;
    }
    this.#counts = null;
  }

  #date(text: string, place: { readonly file: string; readonly line: number }, fault: (message: string) => FormatError): number {
    if (this.#given.dateOrder !== undefined || !eitherFirst.test(text)) return parseTime(text, this.#given);
    const [monthFirst, dayFirst] = [parseTime(text, { dateOrder: 'month-first' }), parseTime(text, { dateOrder: 'day-first' })];
    if (Number.isNaN(monthFirst) && Number.isNaN(dayFirst)) return Number.NaN;
    if (Number.isNaN(dayFirst)) return this.#prove('month-first', monthFirst, text, place, fault);
    if (Number.isNaN(monthFirst)) return this.#prove('day-first', dayFirst, text, place, fault);
    if (this.#proof !== null || monthFirst === dayFirst) return this.#proof?.order === 'day-first' ? dayFirst : monthFirst;
    this.#undecided.push([this.#length, dayFirst]);
    this.#undecidedFault ??= fault(
      'expected dates that can be read in one way only: this may be day/month or month/day. Say which: dateOrder.',
    );
    return monthFirst;
  }

  #prove(
    order: DateOrder,
    instant: number,
    text: string,
    place: { readonly file: string; readonly line: number },
    fault: (message: string) => FormatError,
  ): number {
    if (this.#proof !== null && this.#proof.order !== order) {
      const { file, line } = this.#proof;
      const before = file === place.file ? `line ${line}` : `${file}, line ${line}`;
      throw fault(`expected dates in one order, received ${shown(text)}, which is ${order}; ${before} is ${this.#proof.order}.`);
    }
    this.#proof ??= { order, ...place };
    if (order === 'day-first') for (const [row, dayFirst] of this.#undecided) this.#instants[row] = dayFirst;
    this.#undecided = [];
    this.#undecidedFault = null;
    return instant;
  }
}

function remedyFor(text: string): string {
  return isPlainNumber(text) && !isWrittenAsDay(text) ? ' If it is a count, say of what: timeUnit (--time-unit).' : '';
}

function shown(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 39)}…` : text);
}

function unread(length: number): Float64Array<ArrayBuffer> {
  return new Float64Array(length).fill(Number.NaN);
}

/** An array that has an element at `at`: the same, or a larger one. */
function withRoom(values: Float64Array<ArrayBuffer>, at: number): Float64Array<ArrayBuffer> {
  if (at < values.length) return values;
  const larger = unread(2 * at);
  larger.set(values);
  return larger;
}
