/** Captioners in files. */
import { type Tokenizer, tokenizerFromJson } from '../../data/text/tokenizer.ts';
import { FormatError } from '../../tensor/errors.ts';
import { loadModel, type ModelFile, saveModel } from '../../training/model-file.ts';
import { parseWith } from '../../training/schema.ts';
import { type CaptionerArchitecture, type CaptionerConfig, configSchema } from './config.ts';
import { CaptioningModel, firstToken } from './model.ts';

/** A captioner, and what its numbers stand for. */
export interface SavedCaptioner {
  readonly model: CaptioningModel;
  readonly tokenizer: Tokenizer;
  readonly config: CaptionerConfig;
}

/**
 * A captioner that was saved, ready to use.
 *
 * @throws FileError, FormatError when the file cannot be read, is damaged, or is no captioner
 * @example const captioner = await loadCaptioner('runs/emoji/model.safetensors');
 */
export async function loadCaptioner(path: string): Promise<SavedCaptioner> {
  return captionerFrom(await loadModel(path, configSchema), path);
}

/** Writes a captioner as one file, whole or not at all. */
export async function saveCaptioner(path: string, { model, config }: SavedCaptioner): Promise<void> {
  await saveModel(path, { config, tensors: model.stateDict() });
}

/** Builds the captioner that a file describes. @throws FormatError when its parts do not fit together */
export function captionerFrom(file: ModelFile, path?: string): SavedCaptioner {
  const refuse = (message: string): never => {
    throw new FormatError(`configuration: ${message}.`, { file: path });
  };
  const config = parseWith(configSchema, file.config, refuse);
  const { architecture, vocabulary, normalization } = config;
  const tokenizer = tokenizerFromJson(vocabulary);
  if (tokenizer.size + firstToken !== architecture.vocabularySize) {
    refuse(`expected ${architecture.vocabularySize - firstToken} tokens, received ${tokenizer.size}`);
  }
  const isColoured = normalization !== null && normalization.mean.length === 3 && normalization.deviation.length === 3;
  if (architecture.input.kind === 'images' && !isColoured) refuse('expected mean and deviation of three colours');
  const held = [...file.tensors.values()].reduce((sum, { values }) => sum + values.length, 0);
  const built = parametersOf(architecture);
  if (built > held) refuse(`the architecture has ${built} parameters or more, the file holds ${held}`);
  const model = new CaptioningModel(architecture);
  try {
    model.loadStateDict(file.tensors);
  } catch (cause) {
    throw new FormatError((cause as Error).message, { file: path }, { cause });
  }
  return { model: model.eval(), tokenizer, config };
}

/** A lower bound, so that a file cannot make a model that is larger than itself. */
function parametersOf({ input, vocabularySize, embeddingSize, hiddenSize }: CaptionerArchitecture): number {
  const encoder =
    input.kind === 'images'
      ? input.channels.reduce((sum, width, i) => sum + 9 * width * (input.channels[i - 1] ?? 3), 0)
      : input.featureSize * input.memorySize;
  return encoder + vocabularySize * embeddingSize + 4 * hiddenSize * hiddenSize;
}
