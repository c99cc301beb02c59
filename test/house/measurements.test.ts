/** Results of quality runs hold measurements, and nothing of the data sets that they were measured on. */
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readResult } from '../../bench/circumstances.ts';
import { keepQuality, type QualityResult, type QualityRun, requireMeasurements } from '../../bench/quality/run.ts';

const run: QualityRun = {
  name: 'BiLSTM-CRF with language models, seed 0',
  metrics: { f1: 0.5 },
  minutes: 3,
  samples: 100,
  config: { features: ['prefix3', 'shape'], languageModels: ['runs/forward/model.safetensors'], crf: true, dropout: 0.5 },
};
const sentence = 'the quick brown fox jumps over the lazy dog and goes on to the river';

const kept = readdirSync(new URL('../../bench/results/', import.meta.url))
  .filter((file) => file.startsWith('quality-'))
  .map((file) => file.slice(0, -'.json'.length));

test.each(kept)('%s holds measurements only', (name) => {
  const result = readResult<Partial<QualityResult>>(name)!;
  requireMeasurements(result.runs ?? []);
});

test.each<[string, object, string]>([
  ['a metric', { metrics: { f1: 'a dog' } }, 'runs[0], a metric: expected a finite number, received a text of 5 characters'],
  ['a metric that is no number', { metrics: { f1: Number.NaN } }, 'expected a finite number, received a value of type number'],
  ["a metric's name", { metrics: { [sentence]: 1 } }, "runs[0], a metric's name: expected numbers, switches and single words"],
  ['the minutes', { minutes: 'a dog' }, 'expected a finite number'],
  ['a name', { name: sentence }, 'runs[0].name: expected a name of at most 60 characters, received a text of 68 characters'],
  ['a fact', { worst: 'a dog' }, 'runs[0].worst: expected numbers, switches and single words'],
  ['examples', { examples: [{ said: ['a dog'] }] }, 'runs[0].examples.0.said.0: expected'],
  ['a key', { counts: { 'a dog': 3 } }, 'runs[0].counts, a key: expected'],
  ['an option', { config: { target: 'a dog' } }, 'runs[0].config.target: expected'],
  ['a text without spaces', { said: 'あ'.repeat(61) }, 'runs[0].said: expected'],
])('a sentence is refused as %s', (_, change, message) => {
  const runs = [{ ...run, ...change }] as QualityRun[];
  expect(() => requireMeasurements(runs)).toThrow(message);
  expect(() => requireMeasurements(runs)).not.toThrow(/dog/);
  expect(() => keepQuality('refused', '', { runs } as never)).toThrow('Nothing of a data set may be kept in a result.');
});

test('what runs measure is kept', () => {
  requireMeasurements([run, { ...run, name: 'beam 10, 3-grams of words', search: ['--beam-width', '10'], lengthPenalty: 0.6 }]);
});
