/**
 * Dates as people write them in tables, and the steps between them. A date without a zone is taken as UTC; instants are
 * milliseconds since 1970.
 */

export const dateOrders = ['day-first', 'month-first'] as const;
/** Of dates such as 03/04/2016. */
export type DateOrder = (typeof dateOrders)[number];

/** The time between two steps of a series: so many milliseconds, or so many months. */
export interface Frequency {
  readonly unit: 'millisecond' | 'month';
  readonly count: number;
  /** With months: every date is the last day of its month. */
  readonly isMonthEnd?: boolean;
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

const time = String.raw`(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?: ?([AP]M))?)?`;
const zone = String.raw`(?: ?(Z|UTC|[+-]\d{2}(?::?\d{2})?))?`;
const yearFirst = new RegExp(String.raw`^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})${time}${zone}$`, 'i');
const yearLast = new RegExp(String.raw`^(\d{1,2})([-/.])(\d{1,2})\2(\d{4})${time}${zone}$`, 'i');
const dayMonthName = new RegExp(String.raw`^(\d{1,2})[ -]([A-Za-z]{3,9})\.?[ -](\d{4})${time}${zone}$`, 'i');
const monthNameDay = new RegExp(String.raw`^([A-Za-z]{3,9})\.? (\d{1,2}),? (\d{4})${time}${zone}$`, 'i');
const monthNameYear = /^([A-Za-z]{3,9})\.?[ -](\d{4})$/;
const compact = /^((?:18|19|20|21)\d{2})(\d{2})(\d{2})$/;
const yearMonth = /^(\d{4})[-/](\d{1,2})$/;
const quarter = /^(\d{4})[- ]?Q([1-4])$/i;
const year = /^(?:1[5-9]|20|21)\d{2}$/;
const epoch = /^\d{9,13}(?:\.\d+)?$/;
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/**
 * The instant that a text names, NaN where it is none: ISO 8601, 2016/07/01, 01.07.2016 (day first), 01/07/2016 (by `order`),
 * each with a time, seconds, AM or PM, a zone; 1 July 2016, Jul 2016, 2016-07, 2016Q3, 20160701, 2016; seconds or milliseconds
 * since 1970.
 */
export function parseDate(given: string, order: DateOrder = 'month-first'): number {
  const text = given.trim();
  let match = yearFirst.exec(text);
  if (match !== null) return instant(match[1], match[3], match[4], match, 5);
  match = yearLast.exec(text);
  if (match !== null) {
    const isDayFirst = match[2] === '.' || order === 'day-first';
    return isDayFirst ? instant(match[4], match[3], match[1], match, 5) : instant(match[4], match[1], match[3], match, 5);
  }
  if (epoch.test(text)) return Number(text) * (text.split('.')[0].length > 10 ? 1 : second);
  match = compact.exec(text);
  if (match !== null) return instant(match[1], match[2], match[3]);
  if (year.test(text)) return instant(text, 1, 1);
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

function monthNamed(name: string): number {
  return months.indexOf(name.slice(0, 3).toLowerCase()) + 1;
}

/** @param rest hour, minute, second, fraction, AM/PM and zone from `at` on */
function instant(yearText: string, month: string | number, dayOfMonth: string | number, rest?: RegExpExecArray, at = 0): number {
  const [years, monthNumber, days] = [Number(yearText), Number(month), Number(dayOfMonth)];
  const midnight = Date.UTC(years, monthNumber - 1, days);
  const date = new Date(midnight);
  if (date.getUTCMonth() !== monthNumber - 1 || date.getUTCDate() !== days) return Number.NaN;
  if (rest?.[at] === undefined) return midnight - zoneOffset(rest?.[at + 5]);
  const half = rest[at + 4]?.toUpperCase();
  let hours = Number(rest[at]);
  if (half !== undefined && (hours < 1 || hours > 12)) return Number.NaN;
  if (half !== undefined) hours = (hours % 12) + (half === 'PM' ? 12 : 0);
  const minutes = Number(rest[at + 1]);
  const seconds = Number(rest[at + 2] ?? 0);
  if (hours > 23 || minutes > 59 || seconds > 59) return Number.NaN;
  const fraction = Math.round(Number(`0.${rest[at + 3] ?? 0}`) * second);
  return midnight + hours * hour + minutes * minute + seconds * second + fraction - zoneOffset(rest[at + 5]);
}

function zoneOffset(text: string | undefined): number {
  if (text === undefined || !/^[+-]/.test(text)) return 0;
  const [hours, minutes] = [Number(text.slice(1, 3)), Number(text.replace(':', '').slice(3) || 0)];
  return (text.startsWith('-') ? -1 : 1) * (hours * hour + minutes * minute);
}

/** As in ISO 8601, without what is zero at steps of this size: 2016-07, 2016-07-01, 2016-07-01 13:00, … */
export function formatDate(instantMs: number, frequency: Frequency): string {
  const iso = new Date(instantMs).toISOString();
  const [date, clock] = [iso.slice(0, 10), iso.slice(11, 23)];
  const isDaily = frequency.unit === 'month' || frequency.count % day === 0;
  if (isDaily && clock === '00:00:00.000') return date;
  if (frequency.unit === 'month' || frequency.count % second === 0) return `${date} ${clock.slice(0, 8)}`;
  return `${date} ${clock}`;
}

/** "1 hour", "15 minutes", "3 months". */
export function describeFrequency({ unit, count }: Frequency): string {
  const units: readonly (readonly [string, number])[] =
    unit === 'month'
      ? [
          ['year', 12],
          ['month', 1],
        ]
      : [
          ['week', 7 * day],
          ['day', day],
          ['hour', hour],
          ['minute', minute],
          ['second', second],
          ['millisecond', 1],
        ];
  const [name, size] = units.find(([, size]) => count % size === 0) ?? units[units.length - 1];
  return `${count / size} ${name}${count === size ? '' : 's'}`;
}

/** A whole number of steps after an instant. */
export function addSteps({ unit, count, isMonthEnd }: Frequency, from: number, steps: number): number {
  if (unit === 'millisecond') return from + steps * count;
  const date = new Date(from);
  const month = date.getUTCMonth() + steps * count;
  const last = new Date(Date.UTC(date.getUTCFullYear(), month + 1, 0)).getUTCDate();
  const dayOfMonth = isMonthEnd === true ? last : Math.min(date.getUTCDate(), last);
  return Date.UTC(date.getUTCFullYear(), month, dayOfMonth) + (from % day);
}

/** How many steps lie between two instants; NaN when it is no whole number. */
export function stepsBetween(frequency: Frequency, from: number, to: number): number {
  const { unit, count } = frequency;
  if (unit === 'millisecond') return (to - from) % count === 0 ? (to - from) / count : Number.NaN;
  const steps = (monthOf(to) - monthOf(from)) / count;
  return Number.isInteger(steps) && addSteps(frequency, from, steps) === to ? steps : Number.NaN;
}

function monthOf(instantMs: number): number {
  const date = new Date(instantMs);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

/**
 * The steps that most of these instants are apart. Months, where all fall on one day of the month, or on its last.
 *
 * @param instants ascending, of one series each
 * @returns null when no two follow one another
 */
export function inferFrequency(instants: readonly ArrayLike<number>[]): Frequency | null {
  return monthly(instants) ?? mostCommon(instants);
}

function mostCommon(instants: readonly ArrayLike<number>[]): Frequency | null {
  const counts = new Map<number, number>();
  for (const times of instants) {
    for (let t = 1; t < times.length; t++) counts.set(times[t] - times[t - 1], (counts.get(times[t] - times[t - 1]) ?? 0) + 1);
  }
  counts.delete(0);
  let best: readonly [gap: number, count: number] | null = null;
  for (const [gap, count] of counts) {
    if (best === null || count > best[1] || (count === best[1] && gap < best[0])) best = [gap, count];
  }
  return best === null ? null : { unit: 'millisecond', count: best[0] };
}

function monthly(instants: readonly ArrayLike<number>[]): Frequency | null {
  let step = 0;
  let isSameDay = true;
  let isMonthEnd = true;
  const anchor = instants[0]?.[0] ?? 0;
  for (const times of instants) {
    for (let t = 0; t < times.length; t++) {
      const date = new Date(times[t]);
      const isLast = new Date(times[t] + day).getUTCDate() === 1;
      isMonthEnd &&= isLast;
      isSameDay &&= date.getUTCDate() === new Date(anchor).getUTCDate();
      if ((!isMonthEnd && !isSameDay) || times[t] % day !== anchor % day) return null;
      if (t > 0) step = greatestCommonDivisor(step, monthOf(times[t]) - monthOf(times[t - 1]));
    }
  }
  if (step === 0) return null;
  return isMonthEnd ? { unit: 'month', count: step, isMonthEnd } : { unit: 'month', count: step };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** Steps after which a series is likely to repeat: a day of hours or minutes, a week of days, a year of weeks or months; 1 where there is none. */
export function seasonOf({ unit, count }: Frequency): number {
  if (unit === 'month') return count < 12 ? Math.max(1, Math.round(12 / count)) : 1;
  if (count < minute) return Math.max(1, Math.round(hour / count));
  if (count < day) return Math.max(1, Math.round(day / count));
  if (count < 7 * day) return Math.max(1, Math.round((7 * day) / count));
  return Math.max(1, Math.round((365.25 * day) / count));
}
