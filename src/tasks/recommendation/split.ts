/** What of the interactions is learnt from, and which events are to be foretold. */
import { ConfigError } from '../../tensor/errors.ts';
import type { Histories } from './catalogue.ts';

export const splits = ['last', 'time'] as const;
export const targetKinds = ['last', 'all'] as const;

/** Positions of events in `Histories.items`. Whatever a user did before an event may be used to foretell it. */
export interface Split {
  /** [U], of user u the events before trainEnds[u] are learnt from. */
  readonly trainEnds: Int32Array;
  /** Events to choose weights by. */
  readonly valid: Int32Array;
  /** Events that nothing of the training looks at. */
  readonly test: Int32Array;
  /** Seconds at which the test part begins, of a split by time. */
  readonly testFrom: number | null;
}

/** Events of a user of whom leaving the last ones out leaves something. */
export const leastToLeaveOut = 3;

/**
 * Of each user the last event is for the test, the one before it for validation. Users with fewer than three events are
 * learnt from as they are.
 */
export function leaveLastOut({ starts }: Histories): Split {
  const U = starts.length - 1;
  const trainEnds = new Int32Array(U);
  const last: number[] = [];
  for (let u = 0; u < U; u++) {
    const isLong = starts[u + 1] - starts[u] >= leastToLeaveOut;
    trainEnds[u] = starts[u + 1] - (isLong ? 2 : 0);
    if (isLong) last.push(starts[u + 1] - 1);
  }
  const test = Int32Array.from(last);
  return { trainEnds, valid: test.map((event) => event - 1), test, testFrom: null };
}

/**
 * The newest events, a share of all, are for the test, and those before them for validation; an event can be foretold when
 * its user has one before it.
 *
 * @throws ConfigError when there are no times, or a part would be empty
 */
export function splitByTime({ starts, times }: Histories, shares: { readonly valid: number; readonly test: number }): Split {
  if (times === null) throw new ConfigError('split time: expected a column of times, received data without. Choose split last.');
  const sorted = times.slice().sort();
  const timeAt = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  const testFrom = shares.test > 0 ? timeAt(1 - shares.test) : Number.POSITIVE_INFINITY;
  const validFrom = timeAt(1 - shares.test - shares.valid);
  if (!(sorted[0] < validFrom && validFrom < testFrom)) {
    throw new ConfigError(
      `split time: expected shares that part the times, received validFraction ${shares.valid} and testFraction ${shares.test} with ${times.length} events. Choose others, or split last.`,
    );
  }
  const U = starts.length - 1;
  const trainEnds = new Int32Array(U);
  const valid: number[] = [];
  const test: number[] = [];
  for (let u = 0; u < U; u++) {
    let end = starts[u + 1];
    while (end > starts[u] && times[end - 1] >= validFrom) end--;
    trainEnds[u] = end;
    for (let event = Math.max(end, starts[u] + 1); event < starts[u + 1]; event++) (times[event] < testFrom ? valid : test).push(event);
  }
  if (valid.length === 0) throw new ConfigError('split time: no user of the training part comes again in the validation part.');
  return { trainEnds, valid: Int32Array.from(valid), test: Int32Array.from(test), testFrom: shares.test > 0 ? testFrom : null };
}

/** Which events are to be foretold. */
export interface Targets {
  readonly targets: (typeof targetKinds)[number];
  /** Seconds since 1970; null: from the beginning on. */
  readonly from: number | null;
  /** Users with fewer events are left out. Default 2: one event to foretell the other from. */
  readonly minUserEvents?: number;
}

/** The events to foretell in data that is not learnt from: each user's last, or all but the first, from a time on. */
export function targetsIn({ starts, times }: Histories, { targets, from, minUserEvents = 2 }: Targets): Int32Array {
  if (from !== null && times === null) throw new ConfigError('from: expected data with a column of times, received data without.');
  const found: number[] = [];
  for (let u = 0; u < starts.length - 1; u++) {
    if (starts[u + 1] - starts[u] < minUserEvents) continue;
    const first = targets === 'last' ? Math.max(starts[u] + 1, starts[u + 1] - 1) : starts[u] + 1;
    for (let event = first; event < starts[u + 1]; event++) if (from === null || times![event] >= from) found.push(event);
  }
  return Int32Array.from(found);
}
