/** Recommenders in files. */
import { FormatError } from '../../tensor/errors.ts';
import { loadModel, type ModelFile, saveModel } from '../../training/model-file.ts';
import { parseWith } from '../../training/schema.ts';
import { Catalogue } from './catalogue.ts';
import { configSchema, type RecommendationConfig } from './config.ts';
import type { ItemFeature } from './item-features.ts';
import { Recommender } from './model.ts';

/** A recommender and what its integers stand for. */
export interface SavedRecommender {
  readonly model: Recommender;
  readonly catalogue: Catalogue;
  readonly features: readonly ItemFeature[];
  readonly config: RecommendationConfig;
}

/**
 * A model that was saved, ready to recommend and to be measured.
 *
 * @throws FileError, FormatError when the file cannot be read, is damaged, or is no recommender
 * @example const { model, catalogue } = await loadRecommender('runs/shop/model.safetensors');
 */
export async function loadRecommender(path: string): Promise<SavedRecommender> {
  return recommenderFrom(await loadModel(path, configSchema), path);
}

/** Writes a model as one file, whole or not at all. */
export async function saveRecommender(path: string, { model, config }: Pick<SavedRecommender, 'model' | 'config'>): Promise<void> {
  await saveModel(path, { config, tensors: model.stateDict() });
}

/** Builds the model that a file describes. @throws FormatError when its parts do not fit together */
export function recommenderFrom(file: ModelFile, path?: string): SavedRecommender {
  const refuse = (message: string): never => {
    throw new FormatError(`configuration: ${message}.`, { file: path });
  };
  const config = parseWith(configSchema, file.config, refuse);
  const { architecture } = config;
  const catalogue = Catalogue.fromJSON(config.vocabulary);
  const { features } = config.vocabulary;
  if (catalogue.size !== architecture.itemCount) {
    refuse(`expected a catalogue of ${architecture.itemCount} items, received ${catalogue.size}`);
  }
  features.forEach(({ name, classes, ofItem }, k) => {
    const fits = ofItem.length === catalogue.size && ofItem.every((id) => id <= classes.length);
    if (!fits || architecture.featureClasses[k] !== classes.length + 1) refuse(`the feature "${name}" does not fit the catalogue`);
  });
  const held = [...file.tensors.values()].reduce((sum, { values }) => sum + values.length, 0);
  // A lower bound, so that a file cannot make a model that is larger than itself.
  const built = architecture.itemCount * architecture.embeddingSize + architecture.hiddenSize ** 2 * architecture.numLayers;
  if (built > held) refuse(`the architecture has ${built} parameters or more, the file holds ${held}`);
  try {
    const model = new Recommender({ ...architecture, itemFeatures: features.map(({ ofItem }) => ofItem) });
    model.loadStateDict(file.tensors);
    return { model: model.eval(), catalogue, features, config };
  } catch (cause) {
    throw new FormatError((cause as Error).message, { file: path }, { cause });
  }
}
