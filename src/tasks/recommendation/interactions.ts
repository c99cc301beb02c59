/**
 * Who took which item, and when: read from tables or from lines of items, a piece at a time, into columns of numbers. Ten
 * million events take some 160 MB.
 */
import { columnOf, fieldFault, openTable, type TableHead, type TableRow } from '../../data/records/delimited.ts';
import { TimeColumn } from '../../data/records/time-column.ts';
import type { TimeReading } from '../../data/records/times.ts';
import { linesIn, type TextSource } from '../../data/text/text-source.ts';
import { ConfigError, FormatError } from '../../tensor/errors.ts';

/** Events of users (or sessions, which are the same here), each user's in the order of time. */
export interface Interactions {
  /** Names of users, as they first appear. */
  readonly users: readonly string[];
  /** Names of items, as they first appear. */
  readonly items: readonly string[];
  /** [U + 1], user u has the events starts[u] … starts[u + 1] − 1. */
  readonly starts: Int32Array;
  /** [N], the item of each event, an index into `items`. */
  readonly events: Int32Array;
  /** [N], seconds since 1970; null where the data has no times. */
  readonly times: Float64Array | null;
  /** How the times were written: for files that go on from these. */
  readonly reading?: TimeReading;
}

export const interactionFormats = ['auto', 'table', 'lines'] as const;

/** How interactions are written down. */
export interface ReadingOptions extends TimeReading {
  /**
   * `table`: a row an event, with the names of the columns above. `lines`: a line a user, `user item item …` in the order of time.
   * Default: a table where the first line has a tab, comma or semicolon.
   */
  readonly format?: (typeof interactionFormats)[number];
  /** Of a table; by default each column is found by its usual names. */
  readonly userColumn?: string;
  readonly itemColumn?: string;
  /** Without one, events are in the order of rows. */
  readonly timeColumn?: string;
  readonly ratingColumn?: string;
  /** Leaves out events that are rated lower; without it ratings are not read. */
  readonly minRating?: number;
}

/** Names by which columns are known, lower case, without `_`, `-` and blanks; the first that a table has is taken. */
const usualNames = {
  user: ['user', 'userid', 'customer', 'customerid', 'visitor', 'visitorid', 'reviewerid', 'uid', 'session', 'sessionid', 'u'],
  item: ['item', 'itemid', 'product', 'productid', 'article', 'articleid', 'movie', 'movieid', 'track', 'trackid', 'asin', 'sku', 'i'],
  time: ['timestamp', 'time', 'date', 'datetime', 'eventtime', 'createdat', 'unixreviewtime', 't'],
  rating: ['rating', 'score', 'stars', 'overall'],
} as const;

/**
 * Reads interactions; several sources are one, in their order. Events of a user at the same time stay in the order in which
 * they are read.
 *
 * @throws FormatError with file, line and column of what is malformed, ConfigError when a column is not there
 * @example const interactions = await readInteractions([textFile('clicks.csv')]);
 */
export async function readInteractions(sources: readonly TextSource[], options: ReadingOptions = {}): Promise<Interactions> {
  const log = new EventLog(options);
  for (const source of sources) {
    const before = log.length;
    const { first, whole } = await firstLine(source);
    if (first === null) throw new FormatError('expected interactions, received an empty file.', { file: source.name, line: 1, column: 1 });
    if (isTable(first, options)) await readRows(whole, options, log);
    else await readLines(whole, log);
    if (log.length === before) {
      const remedy = options.minRating === undefined ? '' : ` Is minRating ${options.minRating} above every rating?`;
      throw new FormatError(`expected at least one interaction, received none.${remedy}`, { file: source.name });
    }
  }
  return log.finish();
}

/** Whether a text is a table by its first line. */
export function isTable(first: string, { format = 'auto' }: ReadingOptions = {}): boolean {
  return format === 'auto' ? /[\t,;]/.test(first) : format === 'table';
}

/** Whether a first line is that of a table with a column of items. */
export function namesItems(first: string, { itemColumn }: ReadingOptions = {}): boolean {
  const columns = first.split(/[\t,;]/).map((name) => name.trim().replace(/^"(.*)"$/, '$1'));
  if (columns.length < 2) return false;
  return itemColumn === undefined ? usualColumn(columns, 'item') !== null : columns.includes(itemColumn);
}

/** The first line that is not blank, and the source again from its beginning, once; the given one may be read only once itself. */
export async function firstLine(source: TextSource): Promise<{ readonly first: string | null; readonly whole: TextSource }> {
  const pieces = source.chunks()[Symbol.asyncIterator]();
  let begin = '';
  let line: RegExpExecArray | null = null;
  let isDone = false;
  while (line === null && !isDone) {
    const { value, done } = await pieces.next();
    isDone = done === true;
    if (!isDone) begin += value;
    line = isDone || value.includes('\n') ? /^.*\S.*$/m.exec(begin) : null;
    if (line !== null && !isDone && line.index + line[0].length === begin.length) line = null;
  }
  async function* chunks(): AsyncGenerator<string> {
    if (begin !== '') yield begin;
    yield* { [Symbol.asyncIterator]: () => pieces };
  }
  return { first: line?.[0] ?? null, whole: { name: source.name, chunks } };
}

async function readRows(source: TextSource, options: ReadingOptions, log: EventLog): Promise<void> {
  const { rows, ...table } = await openTable(source);
  const user = requiredColumn(table, 'user', options.userColumn);
  const item = requiredColumn(table, 'item', options.itemColumn);
  const time = columnIn(table, 'time', options.timeColumn);
  const rating = options.minRating === undefined ? null : requiredColumn(table, 'rating', options.ratingColumn);
  for await (const row of rows) {
    if (rating !== null && ratingIn(table, row, rating) < options.minRating!) continue;
    log.add(nameIn(table, row, user, 'user'), nameIn(table, row, item, 'item'));
    if (time !== null) log.times.add(table, row, time);
  }
}

function requiredColumn(table: TableHead, kind: keyof typeof usualNames, given: string | undefined): number {
  const index = columnIn(table, kind, given);
  if (index !== null) return index;
  const columns = table.columns.map((name) => JSON.stringify(name)).join(', ');
  throw new FormatError(
    `expected a column of ${kind}s, such as "${usualNames[kind][0]}", received the columns ${columns}. Name it with ${kind}Column (--${kind}-column); for lines of a user and items, give format lines.`,
    { file: table.name, line: 1, column: 1 },
  );
}

/** The column that was named, else the one with the most usual name; null where there is none. */
function columnIn(table: TableHead, kind: keyof typeof usualNames, given: string | undefined): number | null {
  if (given !== undefined) return columnOf(table, given);
  return usualColumn(table.columns, kind);
}

function usualColumn(columns: readonly string[], kind: keyof typeof usualNames): number | null {
  const plain = columns.map((name) => name.toLowerCase().replace(/[\s_-]/g, ''));
  const known = usualNames[kind].find((name) => plain.includes(name));
  return known === undefined ? null : plain.indexOf(known);
}

function nameIn(table: TableHead, row: TableRow, column: number, kind: string): string {
  const name = row.fields[column].trim();
  if (name === '')
    throw fieldFault(table, row, column, `expected the name of ${kind === 'item' ? 'an item' : 'a user'}, received nothing.`);
  return name;
}

function ratingIn(table: TableHead, row: TableRow, column: number): number {
  const text = row.fields[column].trim();
  const rating = text === '' ? Number.NaN : Number(text);
  if (Number.isFinite(rating)) return rating;
  throw fieldFault(table, row, column, `expected a rating, a number, received ${JSON.stringify(row.fields[column])}.`);
}

async function readLines(source: TextSource, log: EventLog): Promise<void> {
  let line = 0;
  for await (const text of linesIn(source)) {
    line++;
    const [user, ...items] = wordsOf(text);
    if (user === undefined) continue;
    if (items.length === 0) {
      throw new FormatError(`expected a user and items, as "user item item …", received "${user}" alone.`, {
        file: source.name,
        line,
        column: text.trimEnd().length + 1,
      });
    }
    for (const item of items) log.add(user, item);
  }
}

/** What blanks stand between. */
export function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

/** Events as they come, in columns that grow. */
class EventLog {
  length = 0;
  readonly #users = new Names();
  readonly #items = new Names();
  #user = new Int32Array(1024);
  #item = new Int32Array(1024);
  /** Of every event, or of none. */
  readonly times: TimeColumn;

  constructor(reading: TimeReading) {
    this.times = new TimeColumn(reading, { allowsCounts: true });
  }

  add(user: string, item: string): void {
    const n = this.length++;
    if (n === this.#user.length) {
      this.#user = grown(this.#user, 2 * n);
      this.#item = grown(this.#item, 2 * n);
    }
    this.#user[n] = this.#users.id(user);
    this.#item[n] = this.#items.id(item);
  }

  finish(): Interactions {
    if (this.times.length > 0 && this.times.length < this.length) {
      throw new ConfigError('expected times in all files or in none, received both kinds. Leave out the files without a column of times.');
    }
    const users = this.#users.list;
    const starts = new Int32Array(users.length + 1);
    for (let n = 0; n < this.length; n++) starts[this.#user[n] + 1]++;
    for (let u = 0; u < users.length; u++) starts[u + 1] += starts[u];
    const order = this.#byUser(starts);
    const { instants, reading } = this.times.finish();
    const times = instants.length === 0 ? null : instants;
    if (times !== null) for (let u = 0; u < users.length; u++) sortByTime(order.subarray(starts[u], starts[u + 1]), times);
    return {
      users,
      items: this.#items.list,
      starts,
      events: order.map((n) => this.#item[n]),
      times: times === null ? null : Float64Array.from(order, (n) => times[n] / 1000),
      reading,
    };
  }

  /** Events by their users, those of one user as they came. */
  #byUser(starts: Int32Array): Int32Array {
    const next = starts.slice();
    const order = new Int32Array(this.length);
    for (let n = 0; n < this.length; n++) order[next[this.#user[n]]++] = n;
    return order;
  }
}

/** Numbers for names, in the order in which they first come. */
class Names {
  readonly list: string[] = [];
  readonly #ids = new Map<string, number>();

  id(name: string): number {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    this.#ids.set(name, this.list.length);
    return this.list.push(name) - 1;
  }
}

/** Stable; most histories are in order already. */
function sortByTime(order: Int32Array, times: Float64Array): void {
  for (let i = 1; i < order.length; i++) {
    if (times[order[i]] >= times[order[i - 1]]) continue;
    order.sort((a, b) => times[a] - times[b] || a - b);
    return;
  }
}

function grown(values: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length);
  larger.set(values);
  return larger;
}
