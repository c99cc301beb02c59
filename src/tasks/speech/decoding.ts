/** How symbols are searched for, as options say: the width of the beam, a language model, a lexicon. */
import * as v from 'valibot';
import { whole } from '../schema.ts';
import type { DecodingOptions } from './recognize.ts';
import type { SpeechRecognizer } from './saved.ts';

/** Entries for the schemas of `evaluate` and `predict`. */
export const decodingEntries = {
  beamWidth: v.optional(whole('follow so many sequences at a time; 1: greedily (default 1, with a language model 16)', 1, 10_000)),
};

/** As a user writes them. */
export type DecodingFlags = v.InferInput<v.StrictObjectSchema<typeof decodingEntries, undefined>>;

/** Reads what the options name. */
export async function decodingOf(_recognizer: SpeechRecognizer, { beamWidth = 1 }: DecodingFlags): Promise<DecodingOptions> {
  return { beamWidth };
}
