/** Translators in files. */
import { FormatError } from '../../tensor/errors.ts';
import { loadModel, type ModelFile, saveModel } from '../../training/model-file.ts';
import { parseWith } from '../../training/schema.ts';
import { configSchema, type TranslationConfig, type TranslatorArchitecture } from './config.ts';
import { Translator } from './model.ts';
import { SentenceVocabulary } from './vocabulary.ts';

/** A translator, and what its numbers stand for. */
export interface SavedTranslator {
  readonly model: Translator;
  readonly source: SentenceVocabulary;
  /** The same as `source` where both languages share one. */
  readonly target: SentenceVocabulary;
  readonly config: TranslationConfig;
}

/**
 * A translator that was saved, ready to use.
 *
 * @throws FileError, FormatError when the file cannot be read, is damaged, or is no translator
 * @example const translator = await loadTranslator('runs/en-de/model.safetensors');
 */
export async function loadTranslator(path: string): Promise<SavedTranslator> {
  return translatorFrom(await loadModel(path, configSchema), path);
}

/** Writes a translator as one file, whole or not at all. */
export async function saveTranslator(path: string, { model, config }: SavedTranslator): Promise<void> {
  await saveModel(path, { config, tensors: model.stateDict() });
}

/** Builds the translator that a file describes. @throws FormatError when its parts do not fit together */
export function translatorFrom(file: ModelFile, path?: string): SavedTranslator {
  const refuse = (message: string): never => {
    throw new FormatError(`configuration: ${message}.`, { file: path });
  };
  const config = parseWith(configSchema, file.config, refuse);
  const { architecture, vocabulary } = config;
  const source = SentenceVocabulary.fromJSON(vocabulary.source);
  const target = vocabulary.target === null ? source : SentenceVocabulary.fromJSON(vocabulary.target);
  const expect = (what: string, expected: number, received: number) => {
    if (expected !== received) refuse(`expected ${expected} ${what}, received ${received}`);
  };
  expect('pieces of sources', architecture.sourceVocabularySize, source.size);
  expect('pieces of translations', architecture.targetVocabularySize, target.size);
  const held = [...file.tensors.values()].reduce((sum, { values }) => sum + values.length, 0);
  const built = parametersOf(architecture);
  if (built > held) refuse(`the architecture has ${built} parameters or more, the file holds ${held}`);
  if (architecture.tied === 'all' && source !== target) refuse('tied "all" expects one vocabulary for both languages');
  const model = new Translator(architecture);
  try {
    model.loadStateDict(file.tensors);
  } catch (cause) {
    throw new FormatError((cause as Error).message, { file: path }, { cause });
  }
  return { model: model.eval(), source, target, config };
}

/** A lower bound, so that a file cannot make a model that is larger than itself. */
function parametersOf({ targetVocabularySize, embeddingSize, encoderSize, decoderSize }: TranslatorArchitecture): number {
  return targetVocabularySize * embeddingSize + encoderSize ** 2 + decoderSize ** 2;
}
