/** Protein secondary structure as a task of the command line. */
import { textIn } from '../../data/text/text-source.ts';
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import type { Metrics } from '../../training/events.ts';
import type { Facts, PredictInput, PreparedTraining, Task, TaskOptions } from '../task.ts';
import { detailsOf, evaluateStructure, reportOf } from './evaluate.ts';
import type { ProteinStructureModel } from './model.ts';
import { observe } from './observe.ts';
import {
  type DataOptions,
  evaluateSchema,
  type PredictOptions,
  type ProteinStructureOptions,
  predictSchema,
  trainSchema,
} from './options.ts';
import { predictStructures, proteinOf, type StructurePrediction } from './predict.ts';
import { countedResidues, type Protein } from './protein.ts';
import { readProteins, streamProteins } from './read.ts';
import { proteinStructureModelFrom } from './saved.ts';
import { alignment, table, tableHead } from './show.ts';
import { type ProteinStructureTraining, prepareProteinStructure, resumeProteinStructure } from './training.ts';

export const proteinStructure: Task = {
  name: 'protein-structure',
  summary: 'predict helices and strands from sequences of amino acids',
  data: 'FASTA with sequences, structures and masks; tables; arrays (.npy); profiles',
  input: 'text',
  examples: {
    train: 'unrolled train protein-structure sequences.fasta structures.fasta --out runs/protein',
    evaluate: 'unrolled evaluate runs/protein/model.safetensors cb513.npy.gz',
    predict: 'unrolled predict runs/protein/model.safetensors MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ',
  },
  trainOptions: trainSchema(),
  evaluateOptions: evaluateSchema(),
  predictOptions: predictSchema(),

  async prepare({ train, valid, out, options }) {
    return prepared(await prepareProteinStructure({ train, valid }, options as ProteinStructureOptions, out));
  },

  async resume(out) {
    return prepared(await resumeProteinStructure(out));
  },

  async evaluate(file, data, options) {
    if (data.length === 0) throw new ConfigError('expected at least one file of proteins to evaluate on, received none.');
    const { model } = proteinStructureModelFrom(file);
    const evaluation = await evaluateStructure(model, await readProteins(data, options as DataOptions));
    return { metrics: evaluation.metrics, samples: evaluation.residues, report: reportOf(evaluation), details: detailsOf(evaluation) };
  },

  async *predict(file, input, options: TaskOptions) {
    const { model } = proteinStructureModelFrom(file);
    const { probabilities: asTable = false, ...data } = options as PredictOptions;
    let isFirst = true;
    for await (const prediction of predictStructures(model, proteinsOf(input, data))) {
      const head = asTable && isFirst ? tableHead(prediction.states) : '';
      const between = asTable || isFirst ? '' : '\n';
      isFirst = false;
      yield { text: head + between + (asTable ? table(prediction) : alignment(prediction, input.colors)), value: rounded(prediction) };
    }
  },

  async observe(file, input) {
    const { model } = proteinStructureModelFrom(file);
    for await (const protein of proteinsOf(input, {} as DataOptions)) return observe(model, protein);
    throw new FormatError('expected a sequence of amino acids to look at the model with, received none.', {});
  },

  describe(file) {
    const { model, config } = proteinStructureModelFrom(file);
    const { proteins, residues } = (config.training ?? {}) as { proteins?: number; residues?: number };
    const learnt = proteins === undefined ? [] : [['Trained on', `${count(proteins)} proteins, ${count(residues ?? 0)} residues`] as const];
    return [...modelFacts(model), ...learnt];
  },
};

/** A file of any kind; FASTA, a profile or a bare sequence where it comes as text. */
async function* proteinsOf(input: PredictInput, options: DataOptions): AsyncGenerator<Protein> {
  if (input.path !== null) return yield* streamProteins(input.path, options);
  const text = await textIn(input);
  if (/^\s*[>;]/.test(text))
    return yield* streamProteins({
      ...input,
      async *chunks() {
        yield text;
      },
    });
  yield proteinOf(text, 'sequence');
}

function prepared({ model, train, valid, steps, options, run, evaluate, paths }: ProteinStructureTraining): PreparedTraining {
  return {
    facts: [
      [
        'Proteins',
        `${count(train.length)} to learn from (${count(countedResidues(train))} residues that count), ${count(valid.length)} to validate on`,
      ],
      ...modelFacts(model),
      ['Training', `${count(steps)} steps of ${options.batchSize} proteins, learning rate ${options.learningRate}`],
    ],
    steps,
    items: 'residues',
    monitored: 'q3',
    heldOut: 'proteins',
    next: { label: 'Predict with it', input: 'MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ' },
    valid: paths.valid,
    run,
    evaluate,
    tell: ({ q3, q8, sov }: Metrics) => `Q3 ${percent(q3)}${q8 === undefined ? '' : `, Q8 ${percent(q8)}`}, SOV ${percent(sov)}`,
  };
}

/** With probabilities of four decimals: more mean nothing, and would be most of the JSON. */
function rounded({ probabilities, ...prediction }: StructurePrediction): StructurePrediction {
  return { ...prediction, probabilities: probabilities.map((row) => row.map((p) => Math.round(p * 1e4) / 1e4)) };
}

function modelFacts(model: ProteinStructureModel): Facts {
  const { cell, numLayers, hiddenSize, features, window, states, profileSize } = model.architecture;
  const layers = `${numLayers === 1 ? '' : `${numLayers} × `}bidirectional ${cell.toUpperCase()} of ${hiddenSize} units`;
  const seen = features.map((feature) => (feature === 'profile' ? `profile of ${profileSize}` : feature)).join(', ');
  return [
    ['Model', `${layers}, ${states} states, ${count(model.parameterCount)} parameters`],
    ['Features', `${seen}${window > 1 ? `, of ${window} residues side by side` : ''}`],
  ];
}

function count(n: number): string {
  return n.toLocaleString('en-US');
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
