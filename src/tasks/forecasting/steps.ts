/** The steps between dates of a series: how far apart they are, and dates so many of them later. Instants are milliseconds since 1970. */

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
  return Date.UTC(date.getUTCFullYear(), month, dayOfMonth) + timeOfDay(from);
}

/** How many steps lie between two instants; NaN when it is no whole number. */
export function stepsBetween(frequency: Frequency, from: number, to: number): number {
  const { unit, count } = frequency;
  if (unit === 'millisecond') return (to - from) % count === 0 ? (to - from) / count : Number.NaN;
  const steps = (monthOf(to) - monthOf(from)) / count;
  return Number.isInteger(steps) && addSteps(frequency, from, steps) === to ? steps : Number.NaN;
}

/** Milliseconds since midnight, of instants before 1970 too, which are negative. */
export function timeOfDay(instantMs: number): number {
  return ((instantMs % day) + day) % day;
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
      if ((!isMonthEnd && !isSameDay) || timeOfDay(times[t]) !== timeOfDay(anchor)) return null;
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
