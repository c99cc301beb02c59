/** `inspect` on an input: gradients, memory and gates of a trained model, as text, JSON and a picture; and what it answers to a wrong request. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Inspection } from '../../src/insight/inspection.ts';
import type { TrainingEvent, WatchEvent } from '../../src/training/events.ts';
import { scratch, tale, tiny, unrolled } from './program.ts';

const { path: folder, remove } = scratch();
afterAll(remove);
const model = join(folder, 'book', 'model.safetensors');
const tagger = join(folder, 'tags', 'model.safetensors');

beforeAll(async () => {
  const [book, words] = [join(folder, 'book.txt'), join(folder, 'words.conllu')];
  writeFileSync(book, tale);
  const sentence = ['the\tDET', 'whale\tNOUN', 'swims\tVERB'].map((line, k) => {
    const [word, tag] = line.split('\t');
    return `${k + 1}\t${word}\t_\t${tag}\t_\t_\t_\t_\t_\t_\n`;
  });
  writeFileSync(words, `${sentence.join('')}\n`.repeat(12));
  const language = [
    'train',
    'language-model',
    book,
    ...tiny,
    '--max-steps',
    '6',
    '--watch-every',
    '3',
    '--out',
    join(folder, 'book'),
    '--json',
  ];
  const tags = [
    'train',
    'tagging',
    words,
    '--target',
    'upos',
    '--hidden-size',
    '6',
    '--layers',
    '1',
    '--max-steps',
    '3',
    '--out',
    join(folder, 'tags'),
    '--json',
  ];
  for (const { code, stderr } of await Promise.all([unrolled(language), unrolled(tags)])) expect(code, stderr).toBe(0);
}, 180_000);

describe('inspect, given an input', () => {
  it('tells and draws how gradients and memory go through it', async () => {
    const out = join(folder, 'whale.svg');
    const { code, stdout } = await unrolled(['inspect', model, 'the white whale, that swam away; and', '--out', out]);
    expect(code).toBe(0);
    for (const part of ['The gradient on its way back', 'How far the past reaches', 'Lyapunov exponents', 'LSTM layer 1']) {
      expect(stdout).toContain(part);
    }
    const svg = readFileSync(out, 'utf8');
    expect(svg).toContain('<title>Gradients through time</title>');
    expect(svg).toContain('stroke-dasharray');
  });

  it('prints the same as JSON, of the last steps of a longer input', async () => {
    const { code, stdout } = await unrolled(['inspect', model, 'the white whale', '--steps', '8', '--json']);
    expect(code).toBe(0);
    const { steps, tokens, loss, jacobians, layers } = JSON.parse(stdout) as Inspection;
    expect([steps, tokens.join('')]).toEqual([8, 'te whale']);
    expect(loss).toBeGreaterThan(0);
    expect(jacobians?.state).toHaveLength(8);
    expect(layers[0]).toMatchObject({ cell: 'LSTM', hiddenSize: 12, steps: 8 });
  });

  it('looks at a model that reads from both ends, and figure draws both', async () => {
    const { code, stdout } = await unrolled(['inspect', tagger, 'the whale swims', '--json']);
    expect(code).toBe(0);
    const { layers, jacobians, tokens } = JSON.parse(stdout) as Inspection;
    expect(layers.map(({ direction }) => direction)).toEqual(['forward', 'reverse']);
    expect([jacobians, tokens]).toEqual([null, ['the', 'whale', 'swims']]);
    const drawn = await unrolled(['figure', tagger, 'the whale swims', '--direction', 'reverse']);
    expect(drawn.code).toBe(0);
    expect(drawn.stdout).toContain('(reverse)');
  });

  it.each([
    [['--out', 'x.svg'], '--out belongs to an input'],
    [['the whale', '--out', 'x.gif'], '--out: expected a name that ends in .svg or .png, received "x.gif".'],
    [['the whale', '--steps', '1'], '--steps: expected at least 2, received 1.'],
    [['t'], 'expected an input of at least two steps, received 1'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await unrolled(['inspect', model, ...args]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});

it('a training leaves its looks in events.jsonl', () => {
  const lines = readFileSync(join(folder, 'book', 'events.jsonl'), 'utf8')
    .trim()
    .split('\n');
  const looks = lines.map((line) => JSON.parse(line) as TrainingEvent).filter((event): event is WatchEvent => event.type === 'watch');
  expect(looks.map(({ step }) => step)).toEqual([1, 3, 6]);
  expect(looks[0].layers[0]).toMatchObject({ module: 'rnn', layer: 0, cell: 'LSTM', steps: 8 });
  expect(looks[0].parameters.map(({ name }) => name)).toContain('rnn.weight_hh_l0');
});
