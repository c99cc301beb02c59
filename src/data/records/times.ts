/**
 * Dates as people write them in tables. A date without a zone is taken as UTC; instants are milliseconds since 1970.
 */

export const dateOrders = ['day-first', 'month-first'] as const;
/** Of dates such as 03/04/2016. */
export type DateOrder = (typeof dateOrders)[number];

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

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
