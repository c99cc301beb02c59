/** What a date says beside its place in a series: the hour, the weekday, … each as a point on a circle, so that its end meets its beginning. */
import { ConfigError, unknownName } from '../../tensor/errors.ts';
import { type Frequency, timeOfDay } from './steps.ts';

const day = 86_400_000;

/** Where in its cycle an instant is, in [0, 1). */
const cycles = {
  minute: (instant: number) => (instant % (day / 24)) / (day / 24),
  hour: (instant: number) => (instant % day) / day,
  // 1970 began on a Thursday; the week begins on Monday.
  weekday: (instant: number) => ((instant / day + 3) % 7) / 7,
  day: (instant: number) => (new Date(instant).getUTCDate() - 1 + timeOfDay(instant) / day) / 31,
  month: (instant: number) => {
    const year = new Date(instant).getUTCFullYear();
    return (instant - Date.UTC(year, 0)) / (Date.UTC(year + 1, 0) - Date.UTC(year, 0));
  },
} as const;

/** `minute` of the hour, `hour` of the day, `weekday`, `day` of the month, `month`: the time of the year. */
export type CalendarFeature = keyof typeof cycles;

export const calendarFeatures = Object.keys(cycles) as readonly CalendarFeature[];

/**
 * The features that were asked for; `auto`: those that steps of this size go through several times in a season.
 *
 * @throws ConfigError naming the nearest
 */
export function resolveCalendar(given: readonly string[], frequency: Frequency): CalendarFeature[] {
  if (given.length === 1 && given[0] === 'none') return [];
  if (given.length === 1 && given[0] === 'auto') return automatic(frequency);
  return given.map((name) => {
    if (!calendarFeatures.includes(name as CalendarFeature)) {
      throw new ConfigError(unknownName('calendar feature', name, [...calendarFeatures, 'auto', 'none']));
    }
    return name as CalendarFeature;
  });
}

function automatic({ unit, count }: Frequency): CalendarFeature[] {
  if (unit === 'month') return count < 12 ? ['month'] : [];
  if (count < day / 24) return ['minute', 'hour', 'weekday'];
  if (count < day) return ['hour', 'weekday'];
  return count < 7 * day ? ['weekday', 'month'] : ['month'];
}

/** Sine and cosine of each feature into `out`, from `at` on. */
export function writeCalendar(instant: number, features: readonly CalendarFeature[], out: Float32Array, at: number): void {
  features.forEach((feature, i) => {
    // Instants before 1970 are negative.
    const angle = 2 * Math.PI * cycles[feature](instant);
    out[at + 2 * i] = Math.sin(angle);
    out[at + 2 * i + 1] = Math.cos(angle);
  });
}
