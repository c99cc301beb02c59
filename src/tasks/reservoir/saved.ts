/** Reservoirs with their readouts, in files. */
import * as v from 'valibot';
import { type Tensor, tensor } from '../../autograd/tensor.ts';
import type { StateDict } from '../../nn/module.ts';
import { EchoStateClassifier } from '../../reservoir/echo-state-classifier.ts';
import { type EchoState, EchoStateNetwork } from '../../reservoir/echo-state-network.ts';
import { FormatError } from '../../tensor/errors.ts';
import { Random } from '../../tensor/random.ts';
import { loadModel, type ModelFile, saveModel } from '../../training/model-file.ts';
import { parseWith } from '../../training/schema.ts';
import { type Architecture, configSchema, type ReservoirConfig } from './config.ts';
import type { ColumnRoles } from './read.ts';

/** A network or a classifier, what its data have to be, and where the training's last sequence ended. */
export type SavedReservoir = { readonly config: ReservoirConfig } & (
  | {
      readonly head: 'series';
      readonly model: EchoStateNetwork;
      /** After the last row of the training: a free run goes on from here. */
      readonly state: EchoState;
    }
  | { readonly head: 'classification'; readonly model: EchoStateClassifier }
);

/** What the columns of a table have to be for a model. */
export function rolesOf({ data: { columns, isSelf } }: ReservoirConfig): ColumnRoles {
  const { inputs, targets, sequence, label } = columns;
  return {
    ...(isSelf ? {} : { inputs }),
    ...(label === null ? { targets } : { label }),
    ...(sequence === null ? {} : { sequence }),
  };
}

/** A network of an architecture, its weights drawn from `rng`. */
export function createNetwork(architecture: Architecture, rng: Random): EchoStateNetwork {
  const { head: _, pooling: __, ...options } = architecture;
  return new EchoStateNetwork({ ...options, rng });
}

/** A classifier of an architecture, its weights drawn from `rng`. */
export function createClassifier(architecture: Architecture, rng: Random): EchoStateClassifier {
  const { outputSize, inputSize, hiddenSize, numLayers, arrangement, spectralRadius, leakRate, inputScaling, biasScaling } = architecture;
  const { density, pooling, ridge } = architecture;
  return new EchoStateClassifier({
    ...{ inputSize, hiddenSize, numLayers, arrangement, spectralRadius, leakRate, inputScaling, biasScaling, density, pooling, ridge },
    numClasses: outputSize,
    rng,
  });
}

/**
 * A model that was saved.
 *
 * @throws FileError, FormatError when the file cannot be read, is damaged, or is no reservoir
 * @example const { model, config } = await loadReservoir('runs/laser/model.safetensors');
 */
export async function loadReservoir(path: string): Promise<SavedReservoir> {
  return reservoirFrom(await loadModel(path, configSchema), path);
}

/** Writes a model as one file, whole or not at all. */
export async function saveReservoir(path: string, saved: SavedReservoir): Promise<void> {
  await saveModel(path, reservoirFile(saved));
}

/** A model in pieces. */
export function reservoirFile(saved: SavedReservoir): ModelFile<ReservoirConfig> {
  const weights = saved.model.stateDict();
  const config = v.parse(configSchema, saved.config); // entries in the schema's order: the same bytes each time
  if (saved.head === 'classification') return { config, tensors: weights };
  const values = (x: Tensor) => ({ shape: x.shape, values: x.dataSync() });
  const [h, y] = saved.state;
  return { config, tensors: new Map([...weights, ['state.h', values(h)], ['state.y', values(y)]]) };
}

/** Builds the model that a file describes. @throws FormatError when its parts do not fit together */
export function reservoirFrom(file: ModelFile, path?: string): SavedReservoir {
  const refuse = (message: string): never => {
    throw new FormatError(`configuration: ${message}.`, { file: path });
  };
  const config = parseWith(configSchema, file.config, refuse);
  const { architecture, data, normalization } = config;
  const { head, hiddenSize: H, numLayers, inputSize, outputSize } = architecture;
  const held = [...file.tensors.values()].reduce((sum, { values }) => sum + values.length, 0);
  // A lower bound, so that a file cannot make a model that is larger than itself.
  const built = numLayers * H * (inputSize > 1 ? 2 : 1) + outputSize * H;
  if (built > held) refuse(`the architecture has ${built} weights or more, the file holds ${held}`);
  const widths = [
    ['columns of inputs', data.columns.inputs.length, inputSize],
    ['scales of inputs', normalization.inputs.mean.length, inputSize],
    ['deviations of inputs', normalization.inputs.deviation.length, inputSize],
    [head === 'series' ? 'columns of targets' : 'labels', (head === 'series' ? data.columns.targets : data.labels).length, outputSize],
    ...(head === 'series' ? ([['scales of targets', normalization.targets.mean.length, outputSize]] as const) : []),
  ] as const;
  for (const [what, count, expected] of widths) if (count !== expected) refuse(`expected ${expected} ${what}, received ${count}`);
  try {
    // Drawn small and cheap: every weight is in the file.
    const drawn = { ...architecture, spectralRadius: 0, density: 1 / H };
    if (head === 'classification') {
      const model = createClassifier(drawn, new Random(0));
      model.loadStateDict(file.tensors);
      return { head, model, config };
    }
    const model = createNetwork(drawn, new Random(0));
    const weights = new Map([...file.tensors].filter(([name]) => !name.startsWith('state.')));
    model.loadStateDict(weights);
    return {
      head,
      model,
      state: [stateIn(file.tensors, 'state.h', [numLayers, 1, H]), stateIn(file.tensors, 'state.y', [1, outputSize])],
      config,
    };
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new FormatError((cause as Error).message, { file: path }, { cause });
  }
}

function stateIn(tensors: StateDict, name: string, shape: readonly number[]): Tensor {
  const entry = tensors.get(name);
  if (entry === undefined) throw new FormatError('expected the state at the end of the training, received none.', { tensor: name });
  return tensor(Float32Array.from(entry.values), { shape });
}
