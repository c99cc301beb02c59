import * as v from 'valibot';
import { expect, it } from 'vitest';
import { ConfigError } from '../tensor/errors.ts';
import { above, choice, describeOptions, flag, parseOptions, requireChoice, requireOther, whole, within } from './schema.ts';

const schema = v.strictObject({
  hiddenSize: v.optional(whole('units', 1, 100), 32),
  learningRate: v.optional(above('rate', 0)),
  dropout: v.optional(within('share', 0, 1), 0),
  cell: v.optional(choice('cell', ['rnn', 'lstm']), 'lstm'),
  tieWeights: v.optional(flag('tie'), false),
});

it('fills in defaults and keeps what is given', () => {
  expect(parseOptions(schema, { dropout: 0.5 })).toEqual({ hiddenSize: 32, dropout: 0.5, cell: 'lstm', tieWeights: false });
});

it.each([
  [{ hiddenSize: 0 }, 'hiddenSize: expected at least 1, received 0.'],
  [{ hiddenSize: 101 }, 'hiddenSize: expected at most 100, received 101.'],
  [{ hiddenSize: 1.5 }, 'hiddenSize: expected a whole number, received 1.5.'],
  [{ hiddenSize: 'big' }, 'hiddenSize: expected number, received "big".'],
  [{ learningRate: 0 }, 'learningRate: expected more than 0, received 0.'],
  [{ dropout: 1 }, 'dropout: expected less than 1, received 1.'],
  [{ cell: 'lsmt' }, 'cell: unknown name "lsmt"; did you mean "lstm"? Known: rnn, lstm.'],
  [{ hidenSize: 3 }, 'unknown option "hidenSize"; did you mean "hiddenSize"?'],
  ['much', 'options: expected Object, received "much".'],
])('says of %j: %s', (given, message) => {
  expect(() => parseOptions(schema, given)).toThrow(ConfigError);
  expect(() => parseOptions(schema, given)).toThrow(message);
});

it('names the nearest of a list of names', () => {
  const list = v.strictObject({ features: v.optional(v.array(v.picklist(['shape', 'prefix'])), []) });
  expect(() => parseOptions(list, { features: ['shape', 'prefx'] })).toThrow('features: unknown name "prefx"; did you mean "prefix"?');
});

it('calls options as the caller does', () => {
  expect(() => parseOptions(schema, { hiddenSize: 0 }, (name) => `--${name}`)).toThrow('--hiddenSize: expected');
});

it('refuses what is given and has no effect with what another option chose', () => {
  const check = (options: object) => requireChoice(schema, options, ['cell', 'rnn'], { dropout: ['lstm'], learningRate: ['rnn'] });
  expect(() => check({ dropout: 0.5 })).toThrow(ConfigError);
  expect(() => check({ dropout: 0.5 })).toThrow('dropout: expected cell lstm, received rnn, which has no use for it. Leave it out.');
  const several = { hiddenSize: ['gru', 'lstm', 'none'] };
  expect(() => requireChoice(schema, { hiddenSize: 3 }, ['cell', 'rnn'], several)).toThrow('expected cell gru, lstm or none, received rnn');
  // As a command fills it in.
  for (const options of [{}, { learningRate: 1 }, { dropout: 0 }, parseOptions(schema, {})]) expect(() => check(options)).not.toThrow();
});

it('refuses what is given and has no effect without another option', () => {
  const check = (given: object) => requireOther(schema, parseOptions(schema, given), { dropout: 'tieWeights' });
  expect(() => check({ dropout: 0.5 })).toThrow(ConfigError);
  expect(() => check({ dropout: 0.5 })).toThrow(
    'dropout: expected tieWeights as well, without which it has no effect, received none. Add it, or leave dropout out.',
  );
  for (const given of [{}, { tieWeights: true }, { dropout: 0.5, tieWeights: true }]) expect(() => check(given)).not.toThrow();
});

it('describes each option for a command line', () => {
  expect(describeOptions(schema)).toEqual([
    { name: 'hiddenSize', kind: 'number', description: 'units', default: 32, choices: undefined },
    { name: 'learningRate', kind: 'number', description: 'rate', default: undefined, choices: undefined },
    { name: 'dropout', kind: 'number', description: 'share', default: 0, choices: undefined },
    { name: 'cell', kind: 'string', description: 'cell', default: 'lstm', choices: ['rnn', 'lstm'] },
    { name: 'tieWeights', kind: 'boolean', description: 'tie', default: false, choices: undefined },
  ]);
});
