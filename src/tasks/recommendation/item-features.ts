/**
 * What is known of items: a table with a column of items, each other column a feature. A feature is a class: texts stand for
 * themselves, and numbers, where there are many, are cut into classes of about equally many items.
 */
import { columnOf, fieldFault, openTable, type TableHead } from '../../data/records/delimited.ts';
import type { TextSource } from '../../data/text/text-source.ts';
import { Vocabulary } from '../../data/text/vocabulary.ts';
import { FormatError } from '../../tensor/errors.ts';

/** One feature of all items. */
export interface ItemFeature {
  /** Its column's. */
  readonly name: string;
  /** Names of classes 1, 2, …; class 0 is of items without one. */
  readonly classes: readonly string[];
  /** [V], the class of each item. */
  readonly ofItem: readonly number[];
}

/** From so many different numbers on, a column of numbers is cut into classes. */
const manyNumbers = 32;
/** Into so many. */
const numberClasses = 16;

/**
 * @param itemColumn  by default the first column
 * @throws FormatError with file, line and column: an item twice, or no features
 */
export async function readItemFeatures(
  source: TextSource,
  catalogue: { readonly size: number; id(name: string): number },
  itemColumn?: string,
): Promise<ItemFeature[]> {
  const { rows, ...table } = await openTable(source);
  const item = itemColumn !== undefined && table.columns.includes(itemColumn) ? columnOf(table, itemColumn) : 0;
  const columns = table.columns.flatMap((name, index) =>
    index === item ? [] : [{ name, index, values: new Array<string>(catalogue.size) }],
  );
  if (columns.length === 0) {
    throw new FormatError('expected a column of items and columns of features, received one column.', {
      file: source.name,
      line: 1,
      column: 1,
    });
  }
  const lineOf = new Map<string, number>();
  for await (const row of rows) {
    const name = row.fields[item].trim();
    if (name === '') throw fieldFault(table, row, item, 'expected the name of an item, received nothing.');
    const before = lineOf.get(name);
    if (before !== undefined) {
      throw fieldFault(
        table,
        row,
        item,
        `expected each item once, received "${name}" again, which stands in line ${before}. Leave one out.`,
      );
    }
    lineOf.set(name, row.line);
    const id = catalogue.id(name);
    if (id >= 0) for (const { index, values } of columns) values[id] = row.fields[index].trim();
  }
  return columns.map(({ name, values }) => featureOf(table, name, values));
}

function featureOf({ name: file }: TableHead, name: string, values: readonly (string | undefined)[]): ItemFeature {
  const present = values.filter((value) => value !== undefined && value !== '') as string[];
  if (present.length === 0) {
    throw new FormatError(
      `expected a feature of the items that there are interactions with, received none in "${name}". Are the items' names the same?`,
      {
        file,
      },
    );
  }
  const numbers = new Set(present.map(Number));
  const areNumbers = numbers.size > manyNumbers && !numbers.has(Number.NaN);
  return { name, ...(areNumbers ? byQuantiles(values, present.map(Number)) : byText(values, present)) };
}

function byText(values: readonly (string | undefined)[], present: readonly string[]): Omit<ItemFeature, 'name'> {
  const counts = new Map<string, number>();
  for (const value of present) counts.set(value, (counts.get(value) ?? 0) + 1);
  const vocabulary = Vocabulary.of(counts, { unknown: true });
  return { classes: vocabulary.symbols, ofItem: Array.from(values, (value) => vocabulary.id(value ?? '')) };
}

function byQuantiles(values: readonly (string | undefined)[], present: number[]): Omit<ItemFeature, 'name'> {
  present.sort((a, b) => a - b);
  const cuts = Array.from({ length: numberClasses - 1 }, (_, i) => present[Math.floor(((i + 1) * present.length) / numberClasses)]);
  const bounds = [...new Set(cuts)];
  const classOf = (value: number): number => 1 + bounds.filter((bound) => value >= bound).length;
  const classes = [
    `below ${bounds[0]}`,
    ...bounds.map((bound, i) => (i + 1 < bounds.length ? `${bound} to ${bounds[i + 1]}` : `from ${bound}`)),
  ];
  return { classes, ofItem: Array.from(values, (value) => (value === undefined || value === '' ? 0 : classOf(Number(value)))) };
}
