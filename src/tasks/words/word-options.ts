/** Options of every task that reads words. */
import * as v from 'valibot';
import { flag, whole } from '../schema.ts';

/** Entries for a task's `trainSchema`: which words have a vector of their own, and how the vector of the unknown is learnt. */
export const wordEntries = () => ({
  lowercase: v.optional(flag('look words up lower-cased; their characters keep their case'), true),
  minCount: v.optional(whole('words seen less often have no vector of their own', 1), 1),
  wordDropout: v.optional(
    v.pipe(
      v.number(),
      v.minValue(0),
      v.maxValue(1000),
      v.description('d: a word seen n times is taken as unknown with probability d / (d + n) while training'),
    ),
    0.5,
  ),
});
