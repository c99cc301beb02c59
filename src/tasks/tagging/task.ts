/** Tagging as a task of the command line. */
import { textFile } from '../../data/text/text-source.ts';
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import type { Metrics } from '../../training/events.ts';
import type { Facts, PreparedTraining, Task, TaskOptions } from '../task.ts';
import type { TaggingConfig } from './config.ts';
import { evaluateTagger, reportOf, type TaggedSentence } from './evaluate.ts';
import type { Tagger } from './model.ts';
import { observe } from './observe.ts';
import { evaluateSchema, predictSchema, type TaggingOptions, type TagOptions, trainSchema } from './options.ts';
import { tagText } from './predict.ts';
import { taggerFrom } from './saved.ts';
import type { SentenceEncoder } from './sentence-encoder.ts';
import { prepareTagging, readTagged, resumeTagging, type TaggingTraining } from './training.ts';

export const tagging: Task = {
  name: 'tagging',
  summary: 'learn a tag for each word: parts of speech, features, named entities',
  data: 'CoNLL-U, or columns with one word a line',
  input: 'text',
  examples: {
    train: 'unrolled train tagging train.conllu --valid dev.conllu --target upos --out runs/upos',
    evaluate: 'unrolled evaluate runs/upos/model.safetensors test.conllu',
    predict: 'unrolled predict runs/upos/model.safetensors "Time flies like an arrow ."',
  },
  trainOptions: trainSchema(),
  evaluateOptions: evaluateSchema(),
  predictOptions: predictSchema(),

  async prepare({ train, valid, out, options }) {
    return prepared(await prepareTagging({ train, valid }, options as TaggingOptions, out));
  },

  async resume(out) {
    return prepared(await resumeTagging(out));
  },

  async evaluate(file, data) {
    if (data.length === 0) throw new ConfigError('expected at least one file to evaluate on, received none. Name a file with tags.');
    const { model, encoder } = taggerFrom(file);
    const sentences: TaggedSentence[] = [];
    for (const path of data) {
      const part = await readTagged(textFile(path), encoder.vocabulary);
      for (const sentence of part.sentences) sentences.push(sentence);
    }
    const result = await evaluateTagger(model, encoder, sentences);
    return {
      metrics: result.metrics,
      samples: result.words,
      report: reportOf(result),
      details: {
        unknownWords: result.unknownWords,
        ...(result.entities === null ? { confusion: result.confusion } : { entities: result.entities }),
      },
    };
  },

  async *predict(file, input, options: TaskOptions) {
    let count = 0;
    for await (const { text, sentence } of tagText(taggerFrom(file), input, options as TagOptions)) {
      if (sentence !== null) count++;
      yield sentence === null ? { text } : { text, value: sentence };
    }
    if (count === 0) throw new FormatError('expected a sentence to tag, received none.', { file: input.name });
  },

  async observe(file, input) {
    return observe(taggerFrom(file), input);
  },

  describe(file) {
    const { model, encoder, config } = taggerFrom(file);
    return [
      ...modelFacts(model, encoder),
      ['Words', `${encoder.words.words.size.toLocaleString('en-US')} in the vocabulary`],
      ...provenance(config),
    ];
  },
};

function prepared({ model, encoder, options, sentences, files, steps, run, evaluate }: TaggingTraining): PreparedTraining {
  const count = (n: number): string => n.toLocaleString('en-US');
  const { scheme } = encoder.vocabulary;
  return {
    facts: [
      [
        'Sentences',
        `${count(sentences.train)} to learn from, of ${count(sentences.words)} words; ${count(sentences.valid)} to validate on`,
      ],
      ...modelFacts(model, encoder),
      ['Training', `${count(steps)} steps of ${options.batchSize} sentences, learning rate ${options.learningRate}`],
    ],
    steps,
    items: 'words',
    monitored: scheme === null ? 'accuracy' : 'entityF1',
    heldOut: 'sentences',
    next: { label: 'Tag with it', input: '"Time flies like an arrow ."' },
    valid: files.valid,
    run,
    evaluate: async () => (await evaluate()).metrics,
    tell: ({ accuracy, entityF1 }: Metrics) =>
      scheme === null ? `${percent(accuracy)} of the tags right` : `entity F1 ${percent(entityF1)}, ${percent(accuracy)} of the tags right`,
  };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

function modelFacts(model: Tagger, { vocabulary, features, words }: SentenceEncoder): Facts {
  const { numLayers, hiddenSize, members, output, words: sizes, contexts } = model.architecture;
  const { target, tags, scheme, learntScheme } = vocabulary;
  const layers = `${numLayers === 1 ? '' : `${numLayers} × `}bidirectional LSTM of ${hiddenSize} units`;
  const inputs = [
    sizes.wordEmbeddingSize > 0 ? `${words.words.size.toLocaleString('en-US')} words` : null,
    sizes.characterHiddenSize > 0 ? `${words.characters.size} characters` : null,
    ...features.names,
    contexts.length > 0 ? `${contexts.length} language ${contexts.length === 1 ? 'model' : 'models'}` : null,
  ];
  const entities = scheme === null ? '' : `, entities in ${scheme}${learntScheme === scheme ? '' : `, learnt as ${learntScheme}`}`;
  return [
    ['Tags', `${target}: ${tags.length} different${entities}`],
    ['Inputs', inputs.filter((input) => input !== null).join(', ')],
    [
      'Model',
      `${members === 1 ? '' : `${members} members, each a `}${layers}, ${output === 'crf' ? 'linear-chain CRF' : 'softmax'}, ${model.parameterCount.toLocaleString('en-US')} parameters`,
    ],
  ];
}

function provenance({ training = {} }: TaggingConfig): Facts {
  const { sentences, words, step, epochs } = training;
  const facts: [string, string][] = [
    ['Learnt from', `${Number(sentences).toLocaleString('en-US')} sentences of ${Number(words).toLocaleString('en-US')} words`],
  ];
  if (step !== undefined) facts.push(['Training', `${step} steps; ${epochs} passes in all`]);
  return sentences === undefined ? [] : facts;
}
