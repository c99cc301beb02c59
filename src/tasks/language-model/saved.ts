/** Language models in files. */
import { type Tokenizer, tokenizerFromJson } from '../../data/text/tokenizer.ts';
import { FormatError } from '../../tensor/errors.ts';
import { loadModel, type ModelFile, saveModel } from '../../training/model-file.ts';
import { parseWith } from '../../training/schema.ts';
import { configSchema, type LanguageModelConfig } from './config.ts';
import { LanguageModel } from './model.ts';

/** A language model and what its integers stand for. */
export interface SavedLanguageModel {
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
  readonly config: LanguageModelConfig;
}

/**
 * A model that was saved, ready to evaluate and to write.
 *
 * @throws FileError, FormatError when the file cannot be read, is damaged, or is no language model
 * @example const { model, tokenizer } = await loadLanguageModel('runs/book/model.safetensors');
 */
export async function loadLanguageModel(path: string): Promise<SavedLanguageModel> {
  return languageModelFrom(await loadModel(path, configSchema), path);
}

/** Writes a model as one file, whole or not at all. */
export async function saveLanguageModel(path: string, model: LanguageModel, tokenizer: Tokenizer): Promise<void> {
  const config: LanguageModelConfig = { task: 'language-model', architecture: model.architecture, vocabulary: tokenizer.toJSON() };
  await saveModel(path, { config, tensors: model.stateDict() });
}

/** Builds the model that a file describes. @throws FormatError when its parts do not fit together */
export function languageModelFrom(file: ModelFile, path?: string): SavedLanguageModel {
  const refuse = (message: string): never => {
    throw new FormatError(`configuration: ${message}.`, { file: path });
  };
  const config = parseWith(configSchema, file.config, refuse);
  const tokenizer = tokenizerFromJson(config.vocabulary);
  const { architecture } = config;
  if (tokenizer.size !== architecture.vocabularySize) {
    refuse(`expected a vocabulary of ${architecture.vocabularySize} tokens, received ${tokenizer.size}`);
  }
  const held = [...file.tensors.values()].reduce((sum, { values }) => sum + values.length, 0);
  const built = parametersOf(architecture);
  if (built > held) refuse(`the architecture has ${built} parameters or more, the file holds ${held}`);
  try {
    const model = new LanguageModel(architecture);
    model.loadStateDict(file.tensors);
    return { model: model.eval(), tokenizer, config };
  } catch (cause) {
    throw new FormatError((cause as Error).message, { file: path }, { cause });
  }
}

/** A lower bound, so that a file cannot make a model that is larger than itself. */
function parametersOf({ vocabularySize, embeddingSize, hiddenSize, numLayers }: LanguageModelConfig['architecture']): number {
  return vocabularySize * embeddingSize + hiddenSize * hiddenSize * numLayers;
}
