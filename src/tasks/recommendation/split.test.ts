import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textOf } from '../../data/text/text-source.ts';
import { type Histories, historiesOf, vocabularyOf } from './catalogue.ts';
import { coreOf } from './core.ts';
import { type Interactions, readInteractions } from './interactions.ts';
import { leaveLastOut, splitByTime, targetsIn } from './split.ts';

function histories(lengths: readonly number[], times: readonly number[] | null = null): Histories {
  const starts = Int32Array.from([0, ...lengths.map((_, u) => lengths.slice(0, u + 1).reduce((a, b) => a + b, 0))]);
  const items = Int32Array.from({ length: starts[lengths.length] }, (_, n) => n);
  return { users: lengths.map((_, u) => `u${u}`), starts, items, times: times === null ? null : Float64Array.from(times) };
}

it('leave-last-out holds the last two events of each user with three', () => {
  const { trainEnds, valid, test } = leaveLastOut(histories([3, 2, 5, 1]));
  expect([...trainEnds]).toEqual([1, 5, 8, 11]);
  expect([...valid]).toEqual([1, 8]);
  expect([...test]).toEqual([2, 9]);
});

describe('a split by time', () => {
  it('cuts all users at the same instants', () => {
    // Sorted: 1 2 3 4 5 6 7 8 9 10; the last two tenths from 9 on, the two before them from 7 on.
    const given = histories([4, 3, 3], [1, 4, 7, 10, 2, 5, 8, 3, 6, 9]);
    const { trainEnds, valid, test, testFrom } = splitByTime(given, { valid: 0.2, test: 0.2 });
    expect(testFrom).toBe(9);
    expect([...trainEnds]).toEqual([2, 6, 9]);
    expect([...valid]).toEqual([2, 6]);
    expect([...test]).toEqual([3, 9]);
    expect([...targetsIn(given, { targets: 'all', from: testFrom })]).toEqual([...test]);
  });

  it('foretells nothing of a user of whom nothing is known', () => {
    const { valid, trainEnds } = splitByTime(histories([4, 2], [1, 2, 3, 8, 9, 10]), { valid: 0.5, test: 0 });
    expect([...trainEnds]).toEqual([3, 4]);
    expect([...valid]).toEqual([3, 5]);
  });

  it('says what does not go', () => {
    expect(() => splitByTime(histories([3]), { valid: 0.1, test: 0.1 })).toThrow('expected a column of times');
    expect(() => splitByTime(histories([3], [5, 5, 5]), { valid: 0.1, test: 0.1 })).toThrow('expected shares that part the times');
  });
});

it('targets in other data are each user’s last, or all but the first', () => {
  const given = histories([3, 1, 2], [1, 2, 3, 4, 5, 6]);
  expect([...targetsIn(given, { targets: 'last', from: null })]).toEqual([2, 5]);
  expect([...targetsIn(given, { targets: 'all', from: null })]).toEqual([1, 2, 5]);
  expect([...targetsIn(given, { targets: 'all', from: 3 })]).toEqual([2, 5]);
  expect([...targetsIn(given, { targets: 'last', from: null, minUserEvents: 3 })]).toEqual([2]);
});

describe('the k-core', () => {
  it('is what leaving out again and again comes to', () => {
    const events = fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 40 });
    fc.assert(
      fc.property(events, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), (pairs, minUserEvents, minItemEvents) => {
        const core = coreOf(interactionsOf(pairs), { minUserEvents, minItemEvents });
        expect(pairsOf(core)).toEqual(byUser(naiveCore(pairs, minUserEvents, minItemEvents)));
      }),
    );
  });

  it('keeps times beside their events', async () => {
    const table = 'user,item,time\n1,pen,1\n1,ink,2\n1,pen,3\n2,pen,4\n2,cap,5\n2,pen,6\n';
    const core = coreOf(await readInteractions([textOf(table)]), { minItemEvents: 2 });
    expect([...core.times!]).toEqual([1, 3, 4, 6]);
    expect(core.items).toEqual(['pen']);
  });
});

it('items get numbers by how often they were taken', async () => {
  const interactions = await readInteractions([textOf('1 b a c\n2 c a\n3 c\n')]);
  const vocabulary = vocabularyOf(interactions);
  expect(vocabulary.symbols).toEqual(['c', 'a', 'b']);
  expect([...historiesOf(interactions, vocabulary).items]).toEqual([2, 1, 0, 0, 1, 0]);
});

type Pair = readonly [user: number, item: number];

function interactionsOf(pairs: readonly Pair[]): Interactions {
  const sorted = byUser(pairs);
  const users = [...new Set(sorted.map(([user]) => user))];
  const starts = users.map((user) => sorted.findIndex(([other]) => other === user));
  const events = Int32Array.from(sorted, ([, item]) => item);
  const items = Array.from({ length: 8 }, (_, i) => String(i));
  return { users: users.map(String), items, starts: Int32Array.from([...starts, sorted.length]), events, times: null };
}

function pairsOf({ users, items, starts, events }: Interactions): Pair[] {
  return users.flatMap((user, u) =>
    [...events.subarray(starts[u], starts[u + 1])].map((item) => [Number(user), Number(items[item])] as const),
  );
}

function byUser(pairs: readonly Pair[]): Pair[] {
  return [...pairs].sort(([a], [b]) => a - b);
}

function naiveCore(pairs: readonly Pair[], minUser: number, minItem: number): readonly Pair[] {
  const kept = pairs.filter(
    ([user, item]) => pairs.filter(([u]) => u === user).length >= minUser && pairs.filter(([, i]) => i === item).length >= minItem,
  );
  return kept.length === pairs.length ? kept : naiveCore(kept, minUser, minItem);
}
