/** The part of interactions where every user and every item has enough of them: the k-core. */
import type { Interactions } from './interactions.ts';

/** How many interactions users and items must have. */
export interface CoreOptions {
  /** Default 1. */
  readonly minUserEvents?: number;
  /** Default 1. */
  readonly minItemEvents?: number;
}

/**
 * Leaves out users and items with too few interactions, and again where that took some from others, until all have enough.
 * Time and memory grow as the number of interactions does.
 */
export function coreOf(interactions: Interactions, { minUserEvents = 1, minItemEvents = 1 }: CoreOptions): Interactions {
  const { users, items, starts, events, times } = interactions;
  if (minUserEvents <= 1 && minItemEvents <= 1) return interactions;
  const ofUser = new Int32Array(users.length);
  const ofItem = new Int32Array(items.length);
  const userOf = new Int32Array(events.length);
  for (let u = 0; u < users.length; u++) {
    ofUser[u] = starts[u + 1] - starts[u];
    userOf.fill(u, starts[u], starts[u + 1]);
  }
  for (const item of events) ofItem[item]++;
  const { at, from } = eventsByItem(events, ofItem);

  const isOut = new Uint8Array(events.length);
  const remove = (event: number): void => {
    if (isOut[event] === 1) return;
    isOut[event] = 1;
    if (ofUser[userOf[event]]-- === minUserEvents) poor.push(userOf[event]);
    if (ofItem[events[event]]-- === minItemEvents) poor.push(-1 - events[event]);
  };
  /** Users as their number u, items as −1 − i. */
  const poor: number[] = [];
  ofUser.forEach((n, u) => {
    if (n < minUserEvents) poor.push(u);
  });
  ofItem.forEach((n, i) => {
    if (n < minItemEvents) poor.push(-1 - i);
  });
  while (poor.length > 0) {
    const next = poor.pop()!;
    if (next >= 0) for (let event = starts[next]; event < starts[next + 1]; event++) remove(event);
    else for (let k = from[-1 - next]; k < from[-next]; k++) remove(at[k]);
  }
  return kept(interactions, isOut, times);
}

/** Events of each item: at[from[i]] … at[from[i + 1] − 1]. */
function eventsByItem(events: Int32Array, counts: Int32Array): { at: Int32Array; from: Int32Array } {
  const from = new Int32Array(counts.length + 1);
  for (let i = 0; i < counts.length; i++) from[i + 1] = from[i] + counts[i];
  const next = from.slice();
  const at = new Int32Array(events.length);
  events.forEach((item, event) => {
    at[next[item]++] = event;
  });
  return { at, from };
}

/** The events that are not out, and the users and items that have some. */
function kept({ users, items, starts, events }: Interactions, isOut: Uint8Array, times: Float64Array | null): Interactions {
  const newItem = new Int32Array(items.length).fill(-1);
  const names: string[] = [];
  const userNames: string[] = [];
  const count = isOut.reduce((n, out) => n - out, events.length);
  const newEvents = new Int32Array(count);
  const newTimes = times === null ? null : new Float64Array(count);
  const newStarts = [0];
  let n = 0;
  for (let u = 0; u < users.length; u++) {
    const begin = n;
    for (let event = starts[u]; event < starts[u + 1]; event++) {
      if (isOut[event] === 1) continue;
      const item = events[event];
      if (newItem[item] < 0) newItem[item] = names.push(items[item]) - 1;
      newEvents[n] = newItem[item];
      if (newTimes !== null) newTimes[n] = times![event];
      n++;
    }
    if (n === begin) continue;
    userNames.push(users[u]);
    newStarts.push(n);
  }
  return { users: userNames, items: names, starts: Int32Array.from(newStarts), events: newEvents, times: newTimes };
}
