/** Speech recognisers in files. */
import { FrontEnd } from '../../data/audio/front-end.ts';
import { FormatError } from '../../tensor/errors.ts';
import { loadModel, type ModelFile, saveModel } from '../../training/model-file.ts';
import { parseWith } from '../../training/schema.ts';
import { configSchema, type SpeechArchitecture, type SpeechConfig } from './config.ts';
import { SpeechModel } from './model.ts';
import { SymbolTable } from './transcript.ts';

/** A recogniser that is ready to hear. */
export interface SpeechRecognizer {
  readonly model: SpeechModel;
  readonly frontEnd: FrontEnd;
  readonly symbols: SymbolTable;
  readonly config: SpeechConfig;
}

/**
 * A recogniser that was saved, ready to evaluate and to recognise.
 *
 * @throws FileError, FormatError when the file cannot be read, is damaged, or is no speech recogniser
 * @example const recognizer = await loadSpeechRecognizer('runs/digits/model.safetensors');
 */
export async function loadSpeechRecognizer(path: string): Promise<SpeechRecognizer> {
  return speechRecognizerFrom(await loadModel(path, configSchema), path);
}

/** Writes a recogniser as one file, whole or not at all. */
export async function saveSpeechRecognizer(path: string, { model, config }: SpeechRecognizer): Promise<void> {
  await saveModel(path, { config, tensors: model.stateDict() });
}

/** Builds the recogniser that a file describes. @throws FormatError when its parts do not fit together */
export function speechRecognizerFrom(file: ModelFile, path?: string): SpeechRecognizer {
  const refuse = (message: string): never => {
    throw new FormatError(`configuration: ${message}.`, { file: path });
  };
  const config = parseWith(configSchema, file.config, refuse);
  const { architecture, vocabulary } = config;
  const symbols = new SymbolTable(vocabulary.unit, vocabulary.symbols);
  if (new Set(vocabulary.symbols).size < vocabulary.symbols.length) refuse('expected each symbol once');
  if (symbols.classes !== architecture.classes)
    refuse(`expected ${symbols.classes} classes for ${symbols.symbols.length} symbols, received ${architecture.classes}`);
  const frontEnd = frontEndOf(config, refuse);
  if (frontEnd.size !== architecture.inputSize)
    refuse(`expected an inputSize of ${frontEnd.size}, as the front end has, received ${architecture.inputSize}`);
  const held = [...file.tensors.values()].reduce((sum, { values }) => sum + values.length, 0);
  const built = parametersOf(architecture);
  if (built > held) refuse(`the architecture has ${built} parameters or more, the file holds ${held}`);
  const model = new SpeechModel(architecture);
  try {
    model.loadStateDict(file.tensors);
  } catch (cause) {
    throw new FormatError((cause as Error).message, { file: path }, { cause });
  }
  return { model: model.eval(), frontEnd, symbols, config };
}

function frontEndOf({ frontEnd }: SpeechConfig, refuse: (message: string) => never): FrontEnd {
  try {
    const built = new FrontEnd(frontEnd);
    built.stream();
    return built;
  } catch (error) {
    return refuse((error as Error).message.replace(/\.$/, ''));
  }
}

/** A lower bound, so that a file cannot make a model that is larger than itself. */
function parametersOf({ hiddenSize, factors, classes }: SpeechArchitecture): number {
  return (hiddenSize * hiddenSize * 3 + hiddenSize) * factors.length + hiddenSize * classes;
}
