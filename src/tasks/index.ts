export type { Architecture, LanguageModelConfig } from './language-model/config.ts';
export { type EvaluateOptions as EvaluateTokensOptions, evaluateTokens, type LanguageMetrics } from './language-model/evaluate.ts';
export { generate } from './language-model/generate.ts';
export { LanguageModel, type LanguageModelOptions, type LanguageState, LanguageStream } from './language-model/model.ts';
export type { GenerateOptions, LanguageModelOptions as LanguageModelTrainingOptions } from './language-model/options.ts';
export { languageModelFrom, loadLanguageModel, type SavedLanguageModel, saveLanguageModel } from './language-model/saved.ts';
export { type LanguageTexts, type LanguageTraining, prepareLanguageModel, resumeLanguageModel } from './language-model/training.ts';
export { type ClassScores, type Confusion, type ConfusionJson, ConfusionMatrix, MultiLabelScores } from './metrics/classification.ts';
export { type Entity, type EntityScore, EntityScores, entitiesIn, splitTag } from './metrics/entities.ts';
export {
  type EncodedWords,
  type WordBatch,
  WordCounts,
  WordEncoder,
  type WordEncoderJson,
  type WordVocabularies,
} from './words/word-encoder.ts';
export { sizesOf, unknownRates, WordFeatures, type WordFeaturesOptions, type WordFeaturesSizes } from './words/word-features.ts';
