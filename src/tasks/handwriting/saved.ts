/** Handwriting recognisers in files. */
import { FormatError } from '../../tensor/errors.ts';
import { loadModel, type ModelFile, saveModel } from '../../training/model-file.ts';
import { parseWith } from '../../training/schema.ts';
import { Alphabet } from './alphabet.ts';
import { configSchema, type HandwritingArchitecture, type HandwritingConfig } from './config.ts';
import { FeatureExtractor, featureCount } from './features.ts';
import { HandwritingModel } from './model.ts';
import type { Recognizer } from './recognize.ts';

/** A recogniser, and what its file says. */
export interface SavedHandwriting extends Recognizer {
  readonly config: HandwritingConfig;
}

/**
 * A recogniser that was saved, ready to use.
 *
 * @throws FileError, FormatError when the file cannot be read, is damaged, or is no handwriting recogniser
 * @example const recognizer = await loadHandwriting('runs/notes/model.safetensors');
 */
export async function loadHandwriting(path: string): Promise<SavedHandwriting> {
  return handwritingFrom(await loadModel(path, configSchema), path);
}

/** Writes a recogniser as one file, whole or not at all. */
export async function saveHandwriting(path: string, { model, config }: SavedHandwriting): Promise<void> {
  await saveModel(path, { config, tensors: model.stateDict() });
}

/** Builds the recogniser that a file describes. @throws FormatError when its parts do not fit together */
export function handwritingFrom(file: ModelFile, path?: string): SavedHandwriting {
  const refuse = (message: string): never => {
    throw new FormatError(`configuration: ${message}.`, { file: path });
  };
  const config = parseWith(configSchema, file.config, refuse);
  const { architecture, vocabulary, normalization } = config;
  const expect = (what: string, expected: number, received: number) => {
    if (expected !== received) refuse(`expected ${expected} ${what}, received ${received}`);
  };
  const alphabet = new Alphabet(vocabulary.characters);
  expect('different characters', vocabulary.characters.length, new Set(vocabulary.characters).size);
  expect('characters', architecture.classes - 1, vocabulary.characters.length);
  expect('features of a step', architecture.inputSize, featureCount(architecture.input));
  expect('means', architecture.inputSize, normalization.mean.length);
  expect('deviations', architecture.inputSize, normalization.deviation.length);
  const held = [...file.tensors.values()].reduce((sum, { values }) => sum + values.length, 0);
  const built = parametersOf(architecture);
  if (built > held) refuse(`the architecture has ${built} parameters or more, the file holds ${held}`);
  const model = new HandwritingModel(architecture);
  try {
    model.loadStateDict(file.tensors);
  } catch (cause) {
    throw new FormatError((cause as Error).message, { file: path }, { cause });
  }
  return { model: model.eval(), alphabet, extractor: new FeatureExtractor(architecture, normalization), config };
}

/** A lower bound, so that a file cannot make a model that is larger than itself. */
function parametersOf({ hiddenSize, factors, classes, inputSize }: HandwritingArchitecture): number {
  return hiddenSize * hiddenSize * factors.length + (inputSize * factors[0] + classes) * hiddenSize;
}
