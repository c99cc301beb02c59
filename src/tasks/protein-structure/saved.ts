/** Models of protein structure in files. */
import { FormatError } from '../../tensor/errors.ts';
import { loadModel, type ModelFile, saveModel } from '../../training/model-file.ts';
import { parseWith } from '../../training/schema.ts';
import { symbolCount } from './alphabet.ts';
import { type Architecture, configSchema, type ProteinStructureConfig } from './config.ts';
import { ProteinStructureModel } from './model.ts';

/** A model with what its file says about it. */
export interface SavedProteinStructureModel {
  readonly model: ProteinStructureModel;
  readonly config: ProteinStructureConfig;
}

/**
 * A model that was saved, ready to evaluate and to predict.
 *
 * @throws FileError, FormatError when the file cannot be read, is damaged, or is no model of protein structure
 * @example const { model } = await loadProteinStructureModel('runs/protein/model.safetensors');
 */
export async function loadProteinStructureModel(path: string): Promise<SavedProteinStructureModel> {
  return proteinStructureModelFrom(await loadModel(path, configSchema), path);
}

/** Writes a model as one file, whole or not at all. */
export async function saveProteinStructureModel(path: string, model: ProteinStructureModel): Promise<void> {
  const config: ProteinStructureConfig = { task: 'protein-structure', architecture: model.architecture };
  await saveModel(path, { config, tensors: model.stateDict() });
}

/** Builds the model that a file describes. @throws FormatError when its parts do not fit together */
export function proteinStructureModelFrom(file: ModelFile, path?: string): SavedProteinStructureModel {
  const refuse = (message: string): never => {
    throw new FormatError(`configuration: ${message}.`, { file: path });
  };
  const config = parseWith(configSchema, file.config, refuse);
  const { architecture } = config;
  if (architecture.features.includes('profile') !== architecture.profileSize > 0) {
    refuse(`expected a profileSize above 0 with the feature "profile", and only then, received ${architecture.profileSize}`);
  }
  if (architecture.window % 2 === 0) refuse(`expected an odd window, received ${architecture.window}`);
  const held = [...file.tensors.values()].reduce((sum, { values }) => sum + values.length, 0);
  const built = parametersOf(architecture);
  if (built > held) refuse(`the architecture has ${built} parameters or more, the file holds ${held}`);
  const model = new ProteinStructureModel(architecture);
  try {
    model.loadStateDict(file.tensors);
  } catch (cause) {
    throw new FormatError((cause as Error).message, { file: path }, { cause });
  }
  return { model: model.eval(), config };
}

/** A lower bound, so that a file cannot make a model that is larger than itself. */
function parametersOf({ features, embeddingSize, projectionSize, hiddenSize, numLayers }: Architecture): number {
  return (features.includes('embedding') ? symbolCount * embeddingSize : 0) + projectionSize + 2 * hiddenSize * hiddenSize * numLayers;
}
