/** Times of events, as files write them. */

const isoForm = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|UTC|[+-]\d{2}(?::?\d{2})?)?)?$/i;
const numberForm = /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i;

/**
 * Seconds since 1970 of an ISO date (2024-03-01), a date and time (2024-03-01 12:30, 2024-03-01T12:30:00.5+01:00; UTC where no
 * zone is named), or a number since 1970: seconds, and from 10¹¹ on (the year 5138) milli-, from 10¹⁴ on micro-, from 10¹⁷ on
 * nanoseconds. null when it is none of these.
 */
export function secondsOf(text: string): number | null {
  const trimmed = text.trim();
  if (numberForm.test(trimmed)) return secondsSince1970(Number(trimmed));
  const parts = isoForm.exec(trimmed);
  if (parts === null) return null;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((part) => Number(part ?? 0));
  const milliseconds = Date.UTC(year, month - 1, day, hour, minute, second);
  const date = new Date(milliseconds);
  // Date.UTC makes the 2nd of March of a 30th of February.
  const isDate = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  if (!isDate) return null;
  const fraction = parts[7] === undefined ? 0 : Number(`0.${parts[7]}`);
  return milliseconds / 1000 + fraction - zoneSeconds(parts[8]);
}

function secondsSince1970(value: number): number | null {
  if (!Number.isFinite(value)) return null;
  const size = Math.abs(value);
  if (size < 1e11) return value;
  if (size < 1e14) return value / 1e3;
  return size < 1e17 ? value / 1e6 : value / 1e9;
}

function zoneSeconds(zone: string | undefined): number {
  const parts = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone ?? '');
  if (parts === null) return 0;
  return (parts[1] === '-' ? -1 : 1) * (Number(parts[2]) * 3600 + Number(parts[3] ?? 0) * 60);
}
