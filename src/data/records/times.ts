/**
 * Dates as people write them in tables, and numbers that stand for them. Instants are milliseconds since 1970; a date without a zone
 * is taken as UTC. A cell is read here; what only the rest of its column decides, in time-column.ts.
 *
 * **Plain numbers**, the one rule: 2016 is a year, 20160701 a day and 20160701130500 a second of one; any other number from 10⁸ on
 * counts since 1970, in seconds with up to ten digits before the point, in milliseconds with up to 13, in microseconds with up to
 * 16, else in nanoseconds, so that all of them reach from 1973 to 2286. A smaller number, such as 17, is no date. Whoever means
 * something else names the unit, as in pandas' `to_datetime(unit=…)`.
 */

export const dateOrders = ['day-first', 'month-first'] as const;
/** Of dates such as 03/04/2016. */
export type DateOrder = (typeof dateOrders)[number];

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** Milliseconds in one of what a plain number counts from 1970. */
const countedFrom1970 = {
  nanosecond: 1e-6,
  microsecond: 1e-3,
  millisecond: 1,
  second,
  minute,
  hour,
  day,
} as const;

export const timeUnits = [
  'auto',
  'since-1970',
  ...(Object.keys(countedFrom1970) as readonly (keyof typeof countedFrom1970)[]),
  'year',
  'excel-day',
] as const;
/**
 * What plain numbers are. `auto`: by the rule above. `since-1970`: seconds, milli-, micro- or nanoseconds by their digits, small ones
 * too. `second` and the like: so many of them since 1970. `year`: 2016. `excel-day`: the serial number of a spreadsheet, 42552.5.
 */
export type TimeUnit = (typeof timeUnits)[number];

/** How the times of a column are written, where that does not follow from the column. */
export interface TimeReading {
  readonly dateOrder?: DateOrder | undefined;
  readonly timeUnit?: TimeUnit | undefined;
}

const time = String.raw`(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?: ?([AP]M))?)?`;
const zone = String.raw`(?: *(Z|UTC|[+-]\d{2}(?::?\d{2})?))?`;
const yearFirst = new RegExp(String.raw`^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})${time}${zone}$`, 'i');
const yearLast = new RegExp(String.raw`^(\d{1,2})([-/.])(\d{1,2})\2(\d{4})${time}${zone}$`, 'i');
const dayMonthName = new RegExp(String.raw`^(\d{1,2})[ -]([A-Za-z]{3,9})\.?[ -](\d{4})${time}${zone}$`, 'i');
const monthNameDay = new RegExp(String.raw`^([A-Za-z]{3,9})\.? (\d{1,2}),? (\d{4})${time}${zone}$`, 'i');
const monthNameYear = /^([A-Za-z]{3,9})\.?[ -](\d{4})$/;
const yearMonth = /^(\d{4})[-/](\d{1,2})$/;
const quarter = /^(\d{4})[- ]?Q([1-4])$/i;
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

const plainNumber = /^[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i;
const year = /^(?:1[5-9]|20|21)\d{2}$/;
const compact = /^((?:18|19|20|21)\d{2})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2}))?$/;

/**
 * The instant that a text names, NaN where it is none: ISO 8601, 2016/07/01, 01.07.2016 (day first), 01/07/2016 (by `dateOrder`),
 * each with a time, seconds, AM or PM, a zone; 1 July 2016, Jul 2016, 2016-07, 2016Q3; plain numbers by `timeUnit`.
 *
 * @returns milliseconds since 1970; whole ones but for fractions of a second that are finer
 */
export function parseTime(given: string, { dateOrder = 'month-first', timeUnit = 'auto' }: TimeReading = {}): number {
  const text = given.trim();
  if (plainNumber.test(text)) return withinRange(numberAsTime(text, timeUnit));
  let match = yearFirst.exec(text);
  if (match !== null) return instant(match[1], match[3], match[4], match, 5);
  match = yearLast.exec(text);
  if (match !== null) {
    const isDayFirst = match[2] === '.' || dateOrder === 'day-first';
    return isDayFirst ? instant(match[4], match[3], match[1], match, 5) : instant(match[4], match[1], match[3], match, 5);
  }
  match = yearMonth.exec(text);
  if (match !== null) return instant(match[1], match[2], 1);
  match = quarter.exec(text);
  if (match !== null) return instant(match[1], 3 * Number(match[2]) - 2, 1);
  match = dayMonthName.exec(text);
  if (match !== null) return instant(match[3], monthNamed(match[2]), match[1], match, 4);
  match = monthNameDay.exec(text);
  if (match !== null) return instant(match[3], monthNamed(match[1]), match[2], match, 4);
  match = monthNameYear.exec(text);
  if (match !== null) return instant(match[2], monthNamed(match[1]), 1);
  return Number.NaN;
}

/** Whether `timeUnit` says what a text is. */
export function isPlainNumber(text: string): boolean {
  return plainNumber.test(text.trim());
}

/** Whether a number has the digits of a day, though there may be no such day: 20160732. */
export function isWrittenAsDay(text: string): boolean {
  return compact.test(text.trim());
}

function numberAsTime(text: string, unit: TimeUnit): number {
  const value = Number(text);
  if (unit === 'since-1970') return since1970(value);
  if (unit === 'year') return Number.isInteger(value) && value >= 100 && value <= 9999 ? Date.UTC(value) : Number.NaN;
  // Day 1 is 1900-01-01, and there is a 1900-02-29, which never was: right from March 1900 on.
  if (unit === 'excel-day') return value >= 61 ? Math.round((value - 25_569) * day) : Number.NaN;
  if (unit === 'nanosecond') return ofNanoseconds(value);
  if (unit !== 'auto') return value * countedFrom1970[unit];
  if (year.test(text)) return instant(text, 1, 1);
  const match = compact.exec(text);
  if (match !== null)
    return match[4] === undefined ? instant(match[1], match[2], match[3]) : instant(match[1], match[2], match[3], match, 4);
  return Math.abs(value) >= 1e8 ? since1970(value) : Number.NaN;
}

function since1970(value: number): number {
  const size = Math.abs(value);
  if (size < 1e10) return value * second;
  if (size < 1e13) return value;
  return size < 1e16 ? value / 1e3 : ofNanoseconds(value);
}

/** Of so many a number holds no more than every 256th: what is finer than microseconds is of no meaning. */
function ofNanoseconds(value: number): number {
  return Number.isSafeInteger(value) ? value / 1e6 : Math.round(value / 1e3) / 1e3;
}

/** What JavaScript has a date for: 271,821 years before, and 273,790 after 1970. */
function withinRange(instantMs: number): number {
  return Math.abs(instantMs) <= 8.64e15 ? instantMs : Number.NaN;
}

function monthNamed(name: string): number {
  return months.indexOf(name.slice(0, 3).toLowerCase()) + 1;
}

/** @param rest hour, minute, second, fraction, AM/PM and zone from `at` on */
function instant(yearText: string, month: string | number, dayOfMonth: string | number, rest?: RegExpExecArray, at = 0): number {
  const [years, monthNumber, days] = [Number(yearText), Number(month), Number(dayOfMonth)];
  const midnight = Date.UTC(years, monthNumber - 1, days);
  const date = new Date(midnight);
  // Date.UTC makes the 2nd of March of a 30th of February, and 1950 of the year 50.
  if (date.getUTCFullYear() !== years || date.getUTCMonth() !== monthNumber - 1 || date.getUTCDate() !== days) return Number.NaN;
  if (rest?.[at] === undefined) return midnight - zoneOffset(rest?.[at + 5]);
  const half = rest[at + 4]?.toUpperCase();
  let hours = Number(rest[at]);
  if (half !== undefined && (hours < 1 || hours > 12)) return Number.NaN;
  if (half !== undefined) hours = (hours % 12) + (half === 'PM' ? 12 : 0);
  const minutes = Number(rest[at + 1]);
  const seconds = Number(rest[at + 2] ?? 0);
  if (hours > 23 || minutes > 59 || seconds > 59) return Number.NaN;
  const fraction = Number(`0.${rest[at + 3] ?? 0}`) * second;
  return midnight + hours * hour + minutes * minute + seconds * second + fraction - zoneOffset(rest[at + 5]);
}

function zoneOffset(text: string | undefined): number {
  if (text === undefined || !/^[+-]/.test(text)) return 0;
  const [hours, minutes] = [Number(text.slice(1, 3)), Number(text.replace(':', '').slice(3) || 0)];
  return (text.startsWith('-') ? -1 : 1) * (hours * hour + minutes * minute);
}
