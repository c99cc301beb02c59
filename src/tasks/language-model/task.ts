/** Language modelling as a task of the command line. */
import { readTokens } from '../../data/text/corpus.ts';
import { textIn } from '../../data/text/text-source.ts';
import { ConfigError } from '../../tensor/errors.ts';
import type { Metrics } from '../../training/events.ts';
import type { Facts, PreparedTraining, Task, TaskOptions } from '../task.ts';
import { evaluateTokens } from './evaluate.ts';
import { generate } from './generate.ts';
import type { LanguageModel } from './model.ts';
import { observe } from './observe.ts';
import { evaluateSchema, type GenerateOptions, type LanguageModelOptions, predictSchema, trainSchema } from './options.ts';
import { languageModelFrom } from './saved.ts';
import { type LanguageTraining, prepareLanguageModel, resumeLanguageModel } from './training.ts';

export const languageModel: Task = {
  name: 'language-model',
  summary: 'learn to write from text files: characters, words or byte pairs',
  data: 'UTF-8 text files',
  input: 'optional text',
  examples: {
    train: 'unrolled train language-model book.txt --out runs/book',
    evaluate: 'unrolled evaluate runs/book/model.safetensors other.txt',
    predict: 'unrolled predict runs/book/model.safetensors "It was" --length 300 --temperature 0.7',
  },
  trainOptions: trainSchema(),
  evaluateOptions: evaluateSchema(),
  predictOptions: predictSchema(),

  async prepare({ train, valid, out, options }) {
    return prepared(await prepareLanguageModel({ train, valid }, options as LanguageModelOptions, out));
  },

  async resume(out) {
    return prepared(await resumeLanguageModel(out));
  },

  async evaluate(file, data) {
    if (data.length === 0) throw new ConfigError('expected at least one text to evaluate on, received none. Name a UTF-8 text file.');
    const { model, tokenizer } = languageModelFrom(file);
    const text = await readTokens(data, tokenizer);
    return { metrics: await evaluateTokens(model, text), samples: text.ids.length };
  },

  async *predict(file, input, options: TaskOptions) {
    const { model, tokenizer } = languageModelFrom(file);
    const { prompt = '', ...others } = options as GenerateOptions;
    const given = await textIn(input);
    if (prompt !== '' && given !== '')
      throw new ConfigError('expected one text to go on from, received --prompt and an input. Leave one of them out.');
    for (const text of generate(model, tokenizer, { ...others, prompt: prompt + given })) yield { text };
  },

  async observe(file, input) {
    const { model, tokenizer } = languageModelFrom(file);
    return observe(model, tokenizer, await textIn(input));
  },

  describe(file) {
    const { model, tokenizer, config } = languageModelFrom(file);
    const { training = {} } = config;
    return [...architectureFacts(model, tokenizer.level), ...Object.entries(training).flatMap(([name, value]) => provenance(name, value))];
  },
};

function prepared({ model, tokenizer, corpus, streams, steps, options, run, evaluate, texts }: LanguageTraining): PreparedTraining {
  const { train, valid } = corpus;
  const noun = { char: 'character', word: 'word', bpe: 'token' }[tokenizer.level];
  const count = (n: number): string => n.toLocaleString('en-US');
  return {
    facts: [
      [
        'Text',
        `${count(train.ids.length)} ${noun}s to learn from, ${count(valid.ids.length)} to validate on, ${count(tokenizer.size)} different`,
      ],
      ...architectureFacts(model, null),
      [
        'Training',
        `${count(steps)} ${steps === 1 ? 'step' : 'steps'} of ${streams} × ${options.sequenceLength} ${noun}s, learning rate ${options.learningRate}`,
      ],
    ],
    steps,
    items: `${noun}s`,
    monitored: 'natsPerToken',
    heldOut: 'text',
    next: { label: 'Write with it', input: '"The "' },
    valid: texts.valid,
    run,
    evaluate,
    tell: ({ natsPerToken, bitsPerCharacter, perplexity }: Metrics) =>
      tokenizer.level === 'char'
        ? `${natsPerToken.toFixed(3)} nats (${bitsPerCharacter.toFixed(3)} bits) a character`
        : `perplexity ${perplexity.toFixed(1)} a ${noun}, ${bitsPerCharacter.toFixed(3)} bits a character`,
  };
}

function architectureFacts(model: LanguageModel, level: string | null): Facts {
  const { cell, numLayers, hiddenSize, embeddingSize, softmax, tieWeights, vocabularySize } = model.architecture;
  const layers = `${numLayers === 1 ? '' : `${numLayers} × `}${cell.toUpperCase()} of ${hiddenSize} units`;
  const output = tieWeights ? 'tied output' : softmax === 'full' ? null : `${softmax} softmax`;
  const facts: [string, string][] = [
    ['Model', [layers, output, `${model.parameterCount.toLocaleString('en-US')} parameters`].filter(Boolean).join(', ')],
  ];
  if (level !== null) facts.push(['Tokens', `${level} level, ${vocabularySize} different, embeddings of ${embeddingSize}`]);
  return facts;
}

function provenance(name: string, value: unknown): Facts {
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object') return [[name, String(value)]];
  const entries = Object.entries(value).map(([key, inner]) => `${key} ${typeof inner === 'number' ? Number(inner.toPrecision(5)) : inner}`);
  return [[name, entries.join(', ')]];
}
