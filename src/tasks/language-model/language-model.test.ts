import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { scope } from '../../autograd/scope.ts';
import { noGrad } from '../../autograd/tape.ts';
import { tensor } from '../../autograd/tensor.ts';
import { CharTokenizer } from '../../data/text/char-tokenizer.ts';
import { readTokens } from '../../data/text/corpus.ts';
import { textOf } from '../../data/text/text-source.ts';
import { FormatError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import { saveModel } from '../../training/model-file.ts';
import type { Architecture } from './config.ts';
import { evaluateTokens } from './evaluate.ts';
import { generate } from './generate.ts';
import { LanguageModel } from './model.ts';
import type { LanguageModelOptions } from './options.ts';
import { loadLanguageModel, saveLanguageModel } from './saved.ts';
import { type LanguageTraining, prepareLanguageModel, resumeLanguageModel } from './training.ts';

const folder = mkdtempSync(join(tmpdir(), 'unrolled-language-model-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Sentences of a tiny grammar: hard enough to need a memory, easy enough for a second of training. */
function grammar(sentences: number): string {
  const rng = new Random(5);
  const pick = (words: readonly string[]): string => words[rng.integer(words.length)];
  const clause = (): string => {
    const animal = pick(['whale', 'shark', 'gull']);
    return `the ${pick(['white', 'old', 'swift'])} ${animal} ${{ whale: 'sings', shark: 'bites', gull: 'cries' }[animal]}`;
  };
  return Array.from({ length: sentences }, () => `${clause()}, and ${clause()}.\n`).join('');
}

const text = grammar(400);
const architecture: Architecture = {
  cell: 'lstm',
  vocabularySize: 12,
  embeddingSize: 5,
  hiddenSize: 7,
  numLayers: 2,
  dropout: 0,
  embeddingDropout: 0,
  tieWeights: false,
  softmax: 'full',
  samples: 4,
  cutoffs: [],
};
const small: LanguageModelOptions = {
  hiddenSize: 32,
  embeddingSize: 16,
  sequenceLength: 16,
  batchSize: 8,
  learningRate: 0.01,
  sampleLength: 0,
  seed: 3,
};

async function trained(options: LanguageModelOptions, out?: string): Promise<LanguageTraining> {
  const training = await prepareLanguageModel({ train: [textOf(text)] }, { ...small, ...options }, out);
  for await (const _ of training.run()) {
    // to the end
  }
  return training;
}

describe.each(['lstm', 'gru', 'rnn'] as const)('a language model with %s', (cell) => {
  it('gives the same numbers token by token and as a sequence', () => {
    const model = new LanguageModel({ ...architecture, cell, rng: new Random(1) }).eval();
    const ids = Int32Array.from([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]);
    const T = ids.length - 1;
    const stream = model.stream();
    const stepwise = Array.from({ length: T }, (_, t) => {
      const logits = stream.step(ids[t]);
      const top = Math.max(...logits);
      return Math.log([...logits].reduce((sum, x) => sum + Math.exp(x - top), 0)) + top - logits[ids[t + 1]];
    });
    const loss = scope(() =>
      noGrad(() => {
        const int = (values: Int32Array) => tensor(values, { shape: [1, T], dtype: 'int32' });
        return model.loss(int(ids.slice(0, T)), int(ids.slice(1))).loss.item();
      }),
    );
    expect(stepwise.reduce((sum, x) => sum + x, 0) / T).toBeCloseTo(loss, 5);
  });

  it('carries its state: a text in one piece is the text in two', () => {
    const model = new LanguageModel({ ...architecture, cell, rng: new Random(2) }).eval();
    const int = (values: number[]) => tensor(Int32Array.from(values), { shape: [1, values.length], dtype: 'int32' });
    const [whole, halves] = scope(() =>
      noGrad(() => {
        const first = model.loss(int([1, 2, 3]), int([2, 3, 4]));
        const second = model.loss(int([4, 5, 6]), int([5, 6, 7]), first.state);
        const all = model.loss(int([1, 2, 3, 4, 5, 6]), int([2, 3, 4, 5, 6, 7]));
        return [all.loss.item(), (first.loss.item() + second.loss.item()) / 2];
      }),
    );
    expect(halves).toBeCloseTo(whole, 5);
  });
});

describe('training', () => {
  it('learns a tiny grammar by characters', async () => {
    const { evaluate } = await trained({ maxSteps: 300 });
    // The grammar's own entropy is 0.133 nats a character (4 choices of 3 in 33 characters); a unigram model has 2.8.
    expect((await evaluate()).natsPerToken).toBeLessThan(0.2);
  });

  it.each([
    ['words, all of the softmax', { level: 'word', tieWeights: true, embeddingSize: 32 }],
    ['words, adaptive softmax', { level: 'word', softmax: 'adaptive' }],
    ['words, sampled softmax', { level: 'word', softmax: 'sampled', samples: 12 }],
    ['byte pairs', { level: 'bpe', vocabularySize: 300, cell: 'gru' }],
  ] as const)('learns by %s', async (_, options) => {
    const { evaluate } = await trained({ ...options, maxSteps: 250 });
    // The grammar's own entropy is 0.192 bits a character; a unigram model of words has 0.9.
    expect((await evaluate()).bitsPerCharacter).toBeLessThan(0.3);
  });

  it('with dropout, averaged weights and SGD goes down as well', async () => {
    const { evaluate } = await trained({ dropout: 0.1, averageDecay: 0.9, optimizer: 'sgd', learningRate: 2, maxSteps: 200, numLayers: 2 });
    expect((await evaluate()).natsPerToken).toBeLessThan(1.5);
  });

  it('that is stopped and resumed ends in the same file, to the byte', async () => {
    const [whole, parts] = [join(folder, 'whole'), join(folder, 'parts')];
    const path = join(folder, 'book.txt');
    writeFileSync(path, text);
    const options: LanguageModelOptions = { ...small, dropout: 0.2, averageDecay: 0.95, maxSteps: 40, evaluateEvery: 15 };
    const first = await prepareLanguageModel({ train: [path] }, options, whole);
    for await (const _ of first.run()) {
      // to the end
    }
    const interrupted = await prepareLanguageModel({ train: [path] }, options, parts);
    const controller = new AbortController();
    for await (const event of interrupted.run({ signal: controller.signal }))
      if (event.type === 'step' && event.step === 22) controller.abort();
    const resumed = await resumeLanguageModel(parts);
    for await (const _ of resumed.run()) {
      // to the end
    }
    expect(readFileSync(join(parts, 'model.safetensors')).equals(readFileSync(join(whole, 'model.safetensors')))).toBe(true);
  });

  it('refuses to resume on a text that has changed', async () => {
    const path = join(folder, 'changing.txt');
    const out = join(folder, 'changing');
    writeFileSync(path, text);
    await prepareLanguageModel({ train: [path] }, { ...small, maxSteps: 5 }, out);
    writeFileSync(path, text.replace('whale', 'shale'));
    await expect(resumeLanguageModel(out)).rejects.toThrow(/changing\.txt.*|have changed since it began/);
  });

  it('keeps to its minutes, though not by the clock', async () => {
    const maxMinutes = 0.02;
    const { steps, run } = await prepareLanguageModel({ train: [textOf(text)] }, { ...small, maxMinutes });
    const began: number[] = []; // when each step but the first one began, or a little before that
    let last = 0;
    for await (const event of run()) {
      if (event.type !== 'step') continue;
      last = event.step;
      began.push(event.seconds);
    }
    began.pop();
    expect(steps).toBeGreaterThan(1);
    expect(last).toBeGreaterThan(0);
    expect(last).toBeLessThanOrEqual(steps);
    // However slow the machine has become since its speed was measured, no step begins when half as long again has gone by.
    expect(Math.max(0, ...began)).toBeLessThan(1.5 * maxMinutes * 60);
  });

  it('says what does not go together', async () => {
    const prepare = (options: LanguageModelOptions) => prepareLanguageModel({ train: [textOf(text)] }, options);
    await expect(prepare({ tieWeights: true, embeddingSize: 10, hiddenSize: 20 })).rejects.toThrow(
      'expected embeddingSize equal to hiddenSize 20, received 10',
    );
    await expect(prepare({ tieWeights: true, softmax: 'adaptive' })).rejects.toThrow('expected softmax full');
    await expect(prepare({ hiddenSise: 3 } as never)).rejects.toThrow('unknown option "hiddenSise"; did you mean "hiddenSize"?');
    await expect(prepare({ dropout: 1 })).rejects.toThrow('dropout: expected less than 1, received 1.');
    await expect(prepareLanguageModel({ train: [textOf('a')] }, {})).rejects.toThrow('too short to learn from');
  });
});

describe('evaluation', () => {
  it('in parts side by side is reading in one, to a thousandth', async () => {
    const { model, tokenizer } = await trained({ maxSteps: 120 });
    const tokens = await readTokens([textOf(text)], tokenizer);
    const one = await evaluateTokens(model, tokens, { batchSize: 1 });
    const many = await evaluateTokens(model, tokens, { batchSize: 16 });
    expect(Math.abs(one.natsPerToken - many.natsPerToken)).toBeLessThan(0.001 * one.natsPerToken);
    // At this level a character is a token: the first of the text is read, and counts in neither.
    expect(one.bitsPerCharacter).toBeCloseTo(one.natsPerToken / Math.LN2, 10);
    const two = await evaluateTokens(model, await readTokens([textOf('th')], tokenizer));
    expect(two.bitsPerCharacter).toBeCloseTo(two.natsPerToken / Math.LN2, 10);
    expect(one.perplexity).toBeCloseTo(Math.exp(one.natsPerToken), 6);
  });
});

describe('writing', () => {
  const tokenizer = new CharTokenizer(Array.from('abcdefghijk'));
  const model = new LanguageModel({ ...architecture, rng: new Random(4) });
  const write = (options: Parameters<typeof generate>[2]): string => [...generate(model, tokenizer, options)].join('');

  it('is the same for the same seed, and never the unknown token', () => {
    const written = write({ length: 200, seed: 1, temperature: 1.5 });
    expect(written).toHaveLength(200);
    expect(written).not.toContain('\ufffd');
    expect(write({ length: 200, seed: 1, temperature: 1.5 })).toBe(written);
    expect(write({ length: 200, seed: 2, temperature: 1.5 })).not.toBe(written);
  });

  it('goes on from the prompt, and ends before the stop text', () => {
    const written = write({ length: 300, seed: 1, prompt: 'abc', temperature: 1 });
    const stop = written.slice(40, 43);
    expect(write({ length: 300, seed: 1, prompt: 'abc', temperature: 1, stop })).toBe(written.slice(0, written.indexOf(stop)));
  });

  it('leaves the model in the mode it was in', () => {
    model.train();
    write({ length: 1 });
    expect(model.isTraining).toBe(true);
  });
});

describe('a model file', () => {
  it('gives the model back', async () => {
    const { model, tokenizer } = await trained({ level: 'word', maxSteps: 20 });
    const path = join(folder, 'saved.safetensors');
    await saveLanguageModel(path, model, tokenizer);
    const again = await loadLanguageModel(path);
    const options = { prompt: 'the white', length: 30, seed: 9 };
    expect([...generate(again.model, again.tokenizer, options)]).toEqual([...generate(model, tokenizer, options)]);
  });

  it('is refused where its sizes do not fit each other', async () => {
    const { model, tokenizer } = await prepareLanguageModel({ train: [textOf(text)] }, { ...small, maxSteps: 1 });
    const path = join(folder, 'unfit.safetensors');
    const architecture = { ...model.architecture, tieWeights: true, embeddingSize: 8 };
    await saveModel(path, {
      config: { task: 'language-model', architecture, vocabulary: tokenizer.toJSON() },
      tensors: model.stateDict(),
    });
    await expect(loadLanguageModel(path)).rejects.toThrow(FormatError);
    await expect(loadLanguageModel(path)).rejects.toThrow(/unfit\.safetensors: .*expected "weight" of shape \[\d+, 32\]/);
  });
});
