import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTime } from '../../data/records/times.ts';
import { calendarFeatures, resolveCalendar, writeCalendar } from './calendar.ts';
import { parseFrequency } from './series.ts';
import { addSteps, describeFrequency, type Frequency, formatDate, inferFrequency, seasonOf, stepsBetween } from './steps.ts';

describe('dates', () => {
  it('are written so that they are read again', () => {
    const hourly: Frequency = { unit: 'millisecond', count: 3_600_000 };
    expect(formatDate(Date.UTC(2016, 6, 1, 13), hourly)).toBe('2016-07-01 13:00:00');
    expect(formatDate(Date.UTC(2016, 6, 1), { unit: 'month', count: 1 })).toBe('2016-07-01');
    expect(formatDate(Date.UTC(2016, 6, 1, 0, 0, 0, 20), { unit: 'millisecond', count: 20 })).toBe('2016-07-01 00:00:00.020');
    fc.assert(
      fc.property(fc.integer({ min: -2e9, max: 4e9 }), (seconds) => {
        expect(parseTime(formatDate(seconds * 1000, { unit: 'millisecond', count: 1000 }))).toBe(seconds * 1000);
      }),
    );
  });
});

describe('steps', () => {
  const instants = (...dates: string[]): number[] => dates.map((date) => parseTime(date));

  it('are those that most dates are apart', () => {
    const hourly = instants('2016-07-01 00:00', '2016-07-01 01:00', '2016-07-01 04:00', '2016-07-01 05:00');
    expect(describeFrequency(inferFrequency([hourly])!)).toBe('1 hour');
    expect(describeFrequency(inferFrequency([instants('2016-07-01 00:00', '2016-07-01 00:15', '2016-07-01 00:30')])!)).toBe('15 minutes');
    expect(inferFrequency([[5], [7]])).toBeNull();
  });

  it('are months where days agree, or are the last of their month', () => {
    expect(inferFrequency([instants('2016-01-01', '2016-02-01', '2016-03-01')])).toEqual({ unit: 'month', count: 1 });
    expect(inferFrequency([instants('2015-11-30', '2015-12-31', '2016-01-31', '2016-02-29')])).toEqual({
      unit: 'month',
      count: 1,
      isMonthEnd: true,
    });
    expect(describeFrequency(inferFrequency([instants('2016Q1', '2016Q2', '2016Q4')])!)).toBe('3 months');
    expect(describeFrequency(inferFrequency([instants('2014', '2015', '2016')])!)).toBe('1 year');
    expect(inferFrequency([instants('2016-01-04', '2016-01-11', '2016-01-18')])).toEqual({ unit: 'millisecond', count: 604_800_000 });
  });

  it('go there and back', () => {
    const frequencies: Frequency[] = [
      { unit: 'millisecond', count: 900_000 },
      { unit: 'month', count: 1 },
      { unit: 'month', count: 3 },
      { unit: 'month', count: 1, isMonthEnd: true },
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...frequencies),
        fc.integer({ min: -500, max: 500 }),
        fc.integer({ min: 0, max: 200 }),
        (frequency, steps, month) => {
          const start = frequency.isMonthEnd ? Date.UTC(2000, month + 1, 0) : Date.UTC(2000, month, 1);
          expect(stepsBetween(frequency, start, addSteps(frequency, start, steps))).toBe(steps);
        },
      ),
    );
    expect(stepsBetween({ unit: 'month', count: 1 }, Date.UTC(2016, 0, 1), Date.UTC(2016, 1, 2))).toBeNaN();
    expect(stepsBetween({ unit: 'millisecond', count: 1000 }, 0, 1500)).toBeNaN();
  });

  it('of months keep the time of day, before 1970 too', () => {
    const noons = instants('1969-10-15 12:00', '1969-11-15 12:00', '1969-12-15 12:00', '1970-01-15 12:00', '1970-02-15 12:00');
    expect(inferFrequency([noons])).toEqual({ unit: 'month', count: 1 });
    noons.forEach((noon, step) => {
      expect(addSteps({ unit: 'month', count: 1 }, noons[0], step)).toBe(noon);
    });
  });

  it('have seasons', () => {
    const of = (text: string): number => seasonOf(parseFrequency(text));
    expect(['1 hour', '15 min', 'd', 'week', 'month', 'quarter', 'year', '10 s'].map(of)).toEqual([24, 96, 7, 52, 12, 4, 1, 360]);
    expect(() => parseFrequency('fortnight')).toThrow('unknown step "fortnight"');
  });
});

describe('the calendar', () => {
  it('puts each feature on a circle', () => {
    const at = (text: string): number[] => {
      const out = new Float32Array(2 * calendarFeatures.length);
      writeCalendar(parseTime(text), calendarFeatures, out, 0);
      return [...out].map((x) => Math.round(x * 1000) / 1000 + 0);
    };
    // Monday midnight on the first of a month in January: all angles 0.
    expect(at('2024-01-01')).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    // A quarter of an hour, of a day and of a week later than midnight on Monday.
    const [minute, , hour, , weekday] = at('2024-01-02 18:15');
    expect([minute, hour, weekday]).toEqual([1, -0.998, 1]);
    // Noon on the 15th, wherever zero is.
    expect(at('1960-01-15 12:00').slice(6, 8)).toEqual(at('2024-01-15 12:00').slice(6, 8));
  });

  it('is chosen by the steps', () => {
    const of = (text: string): string[] => resolveCalendar(['auto'], parseFrequency(text));
    expect(of('5 min')).toEqual(['minute', 'hour', 'weekday']);
    expect(of('hour')).toEqual(['hour', 'weekday']);
    expect(of('day')).toEqual(['weekday', 'month']);
    expect(of('month')).toEqual(['month']);
    expect(of('year')).toEqual([]);
    expect(resolveCalendar(['none'], parseFrequency('hour'))).toEqual([]);
    expect(() => resolveCalendar(['houer'], parseFrequency('hour'))).toThrow('did you mean "hour"?');
  });
});
