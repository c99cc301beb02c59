export { type Augmentation, type ColourScale, imageBatch } from './captioning/augment.ts';
export { type Caption, type CaptioningResult, captionPictures } from './captioning/caption-pictures.ts';
export type { CaptionerArchitecture, CaptionerConfig } from './captioning/config.ts';
export type { CaptionExample, CaptionerData, CaptionFiles } from './captioning/dataset.ts';
export {
  type CaptionerEvaluation,
  type CaptionMetrics,
  evaluateCaptioner,
  type JudgedCaption,
  scoreCaptions,
} from './captioning/evaluate.ts';
export { ImageEncoder, type ImageEncoderOptions } from './captioning/image-encoder.ts';
export { drawLooked, type LookedOptions, type LookedPicture } from './captioning/looked.ts';
export {
  type CaptionInputs,
  CaptioningModel,
  type CaptioningModelOptions,
  type CaptionLossOptions,
  type Encoded,
} from './captioning/model.ts';
export type { CaptionerOptions, CaptionOptions } from './captioning/options.ts';
export { type FeatureGrid, type Picture, type PicturePlaces, readPicture, readPictures } from './captioning/pictures.ts';
export { type CaptionedImage, type CaptionFormat, readCaptions } from './captioning/read-captions.ts';
export { captionerFrom, loadCaptioner, type SavedCaptioner, saveCaptioner } from './captioning/saved.ts';
export { type CaptionerFiles, type CaptionerTraining, prepareCaptioner, resumeCaptioner } from './captioning/training.ts';
export { type AnomalyRow, anomalyRow, type Scored, scoreValues } from './forecasting/anomalies.ts';
export { AutoregressiveForecaster } from './forecasting/autoregressive-forecaster.ts';
export type { ForecastingConfig } from './forecasting/config.ts';
export { EncoderForecaster } from './forecasting/encoder-forecaster.ts';
export { type Backtest, type BacktestOptions, backtest } from './forecasting/evaluate.ts';
export type { Forecaster, ForecasterOptions } from './forecasting/model.ts';
export type { ForecastingOptions } from './forecasting/options.ts';
export { type PlotBand, type PlotOptions, type PlotPoint, type PlotSeries, plotForecast } from './forecasting/plot.ts';
export {
  csvLines,
  type ForecastOptions,
  type ForecastRow,
  forecast,
  forecastRows,
  plotOf,
  type SeriesForecast,
} from './forecasting/predict.ts';
export type { Predictive } from './forecasting/predictive.ts';
export { forecasterFrom, loadForecaster, readFor, type SavedForecaster, saveForecaster } from './forecasting/saved.ts';
export { SegmentForecaster } from './forecasting/segment-forecaster.ts';
export { type ColumnRoles, readSeries, type Series, type SeriesSet } from './forecasting/series.ts';
export { ForecastStream, type ForecastStreamState, type StreamOptions, type Surprise } from './forecasting/stream.ts';

export {
  type ForecastingData,
  type ForecastingTraining,
  prepareForecasting,
  resumeForecasting,
  type Tables,
} from './forecasting/training.ts';
export { Alphabet } from './handwriting/alphabet.ts';
export type { RecognizedCharacter, StrokeSpan } from './handwriting/character-spans.ts';
export type { HandwritingArchitecture, HandwritingConfig, HandwritingNormalization, InputKind } from './handwriting/config.ts';
export type { HandwritingData, HandwritingSample, HandwritingSources } from './handwriting/dataset.ts';
export { type DrawInkOptions, drawInk } from './handwriting/draw.ts';
export { evaluateHandwriting, type HandwritingEvaluation, type HandwritingMetrics } from './handwriting/evaluate.ts';
export { FeatureExtractor, type FeatureSettings, type LineFeatures } from './handwriting/features.ts';
export type { Handwriting, Ink, LineImage, Stroke } from './handwriting/ink.ts';
export { HandwritingModel, type HandwritingModelOptions } from './handwriting/model.ts';
export type { HandwritingOptions, ReadingOptions as HandwritingReadingOptions } from './handwriting/options.ts';
export { type HandwritingSource, readHandwriting } from './handwriting/read.ts';
export {
  type HandwritingDecoding,
  type RecognizedLine,
  type RecognizeOptions,
  type Recognizer,
  recognize,
} from './handwriting/recognize.ts';
export { handwritingFrom, loadHandwriting, type SavedHandwriting, saveHandwriting } from './handwriting/saved.ts';
export { InkStream, type InkStreamOptions, type PartialText, type PenPoint, type StreamedCharacter } from './handwriting/stream.ts';
export {
  type HandwritingFiles,
  type HandwritingTraining,
  prepareHandwriting,
  resumeHandwriting,
} from './handwriting/training.ts';

export type { Architecture, LanguageModelConfig } from './language-model/config.ts';
export { type EvaluateOptions as EvaluateTokensOptions, evaluateTokens, type LanguageMetrics } from './language-model/evaluate.ts';
export { generate } from './language-model/generate.ts';
export { LanguageModel, type LanguageModelOptions, type LanguageState, LanguageStream } from './language-model/model.ts';
export type { GenerateOptions, LanguageModelOptions as LanguageModelTrainingOptions } from './language-model/options.ts';
export { languageModelFrom, loadLanguageModel, type SavedLanguageModel, saveLanguageModel } from './language-model/saved.ts';
export { LanguageModelScorer, type LanguageScorerState } from './language-model/scorer.ts';
export { type LanguageTexts, type LanguageTraining, prepareLanguageModel, resumeLanguageModel } from './language-model/training.ts';
export { type BleuOptions, type BleuScore, type BleuTokenizer, corpusBleu } from './metrics/bleu.ts';
export { captionWords } from './metrics/caption-words.ts';
export { type ChrfOptions, corpusChrf } from './metrics/chrf.ts';
export { type CiderScore, cider } from './metrics/cider.ts';
export { type ClassScores, type Confusion, type ConfusionJson, ConfusionMatrix, MultiLabelScores } from './metrics/classification.ts';
export { type Entity, type EntityScore, EntityScores, entitiesIn, splitTag } from './metrics/entities.ts';
export {
  alignSequences,
  characterErrorRate,
  charactersOf,
  type Edit,
  ErrorRate,
  type ErrorRateJson,
  editDistance,
  type FrequentError,
  wordErrorRate,
  wordsOf,
} from './metrics/error-rate.ts';
export { ForecastMetrics, type Judged } from './metrics/forecast.ts';
export { type RankingMetrics, RankingScores, rankOf, topOf } from './metrics/ranking.ts';
export type { Sample as ProteinSample, StructureBatch } from './protein-structure/batches.ts';
export type { Architecture as ProteinStructureArchitecture, ProteinStructureConfig } from './protein-structure/config.ts';
export { evaluateStructure, type StructureEvaluation, type StructureMetrics } from './protein-structure/evaluate.ts';
export { ProteinStructureModel, type ProteinStructureModelOptions } from './protein-structure/model.ts';
export type { DataOptions as ProteinDataOptions, ProteinStructureOptions } from './protein-structure/options.ts';
export { predictStructure, predictStructures, type StructurePrediction } from './protein-structure/predict.ts';
export type { Protein } from './protein-structure/protein.ts';
export { type ProteinSource, readProteins, streamProteins } from './protein-structure/read.ts';
export {
  loadProteinStructureModel,
  proteinStructureModelFrom,
  type SavedProteinStructureModel,
  saveProteinStructureModel,
} from './protein-structure/saved.ts';
export { alignment as alignedStructure } from './protein-structure/show.ts';
export { sov } from './protein-structure/sov.ts';
export {
  type ProteinSources,
  type ProteinStructureTraining,
  prepareProteinStructure,
  resumeProteinStructure,
} from './protein-structure/training.ts';
export { Catalogue, type CatalogueJson, type Histories, historiesOf } from './recommendation/catalogue.ts';
export type { Architecture as RecommenderArchitecture, RecommendationConfig } from './recommendation/config.ts';
export { type RankOptions, type Ranks, rankEvents } from './recommendation/evaluate.ts';
export { type Interactions, type ReadingOptions, readInteractions } from './recommendation/interactions.ts';
export { type ItemFeature, readItemFeatures } from './recommendation/item-features.ts';
export { type HistoryBatch, Recommender, type RecommenderOptions, type RecommenderState } from './recommendation/model.ts';
export type { RecommendationOptions, RecommendOptions } from './recommendation/options.ts';
export { type RankedItem, type Recommended, recommend } from './recommendation/recommend.ts';
export { loadRecommender, recommenderFrom, type SavedRecommender, saveRecommender } from './recommendation/saved.ts';
export {
  leaveLastOut,
  type Split as InteractionSplit,
  splitByTime,
  type Targets as InteractionTargets,
  targetsIn,
} from './recommendation/split.ts';
export {
  type Recommendation,
  type RecommendationEvent,
  type RecommendationState,
  RecommendationStream,
} from './recommendation/stream.ts';
export {
  type InteractionData,
  prepareRecommendation,
  type RecommendationTraining,
  resumeRecommendation,
} from './recommendation/training.ts';
export type { Architecture as ReservoirArchitecture, ReservoirConfig, Scale as ColumnScale } from './reservoir/config.ts';
export type {
  PredictOptions as ReservoirPredictOptions,
  ReservoirTaskOptions,
  ResolvedOptions as ResolvedReservoirOptions,
} from './reservoir/options.ts';
export {
  type PredictionRow as ReservoirRow,
  type PredictionTable as ReservoirTable,
  predictTable as reservoirTable,
} from './reservoir/predict.ts';
export {
  type ColumnRoles as NumberColumnRoles,
  type Columns as NumberColumns,
  type NumberSequence,
  readSequences as readNumberSequences,
  type SequenceSet as NumberSequences,
} from './reservoir/read.ts';
export { loadReservoir, reservoirFrom, rolesOf as reservoirColumns, type SavedReservoir, saveReservoir } from './reservoir/saved.ts';
export { prepareReservoir, type ReservoirTraining } from './reservoir/training.ts';
export type { HeardUtterance, SpeechBatch } from './speech/batches.ts';
export type { FrontEndConfig, SpeechArchitecture, SpeechConfig } from './speech/config.ts';
export { evaluateSpeech, type SpeechEvaluation, type SpeechMetrics } from './speech/evaluate.ts';
export { readUtterances, type Utterance } from './speech/manifest.ts';
export { type Encoded as EncodedSpeech, SpeechModel, type SpeechModelOptions } from './speech/model.ts';
export type { ReadingOptions as UtteranceReadingOptions, SpeechOptions } from './speech/options.ts';
export { recognize as recognizeSpeech, recognizeStreaming, recognizeWav } from './speech/predict.ts';
export {
  type DecodingOptions as SpeechDecodingOptions,
  type Recognition,
  recognizeFeatures,
  type TimedText,
} from './speech/recognize.ts';
export { loadSpeechRecognizer, type SpeechRecognizer, saveSpeechRecognizer, speechRecognizerFrom } from './speech/saved.ts';
export { type PartialResult, SpeechStream, type SpeechStreamOptions } from './speech/stream.ts';
export { prepareSpeech, resumeSpeech, type SpeechData, type SpeechTraining } from './speech/training.ts';
export { type Spelling, SymbolTable, spell, type Unit as SpeechUnit } from './speech/transcript.ts';
export { CharacterContext } from './tagging/character-context.ts';
export { type ColumnFile, type ColumnFormat, type ColumnSentence, type ColumnToken, openColumns } from './tagging/column-file.ts';
export type { Architecture as TaggingArchitecture, TaggingConfig, TaggingVocabulary } from './tagging/config.ts';
export { convertTags, schemeOf } from './tagging/entity-schemes.ts';
export { evaluateTagger, type TaggedSentence, type TaggingMetrics, type TaggingResult, tagSentences } from './tagging/evaluate.ts';
export { type SentenceBatch, Tagger, type TaggerOptions, type Tagging } from './tagging/model.ts';
export type { TaggingOptions, TagOptions } from './tagging/options.ts';
export { type SentenceTags, type TaggedLines, tagText } from './tagging/predict.ts';
export { loadTagger, type SavedTagger, saveTagger, type TrainedTagger, taggerFrom } from './tagging/saved.ts';
export { type EncodedSentence, SentenceEncoder } from './tagging/sentence-encoder.ts';
export { type FeatureTokens, type Gazetteer, readGazetteer, TokenFeatures } from './tagging/token-features.ts';
export { prepareTagging, readTagged, resumeTagging, type TaggingFiles, type TaggingTraining } from './tagging/training.ts';
export { type ClassifyTextsOptions, classifyTexts, type TextClassification } from './text-classification/classify.ts';
export type { TextClassifierArchitecture, TextClassifierConfig } from './text-classification/config.ts';
export type { ClassifierData, ClassifierExample, LabelledTextFiles } from './text-classification/dataset.ts';
export {
  type ClassificationMetrics,
  type ClassifierEvaluation,
  type EvaluateClassifierOptions,
  evaluateClassifier,
} from './text-classification/evaluate.ts';
export { type LabelledText, type LabelledTextFormat, labelledTexts } from './text-classification/labelled-texts.ts';
export { type Classified, TextClassifierModel, type TextClassifierModelOptions } from './text-classification/model.ts';
export type { TextClassifierOptions } from './text-classification/options.ts';
export {
  loadTextClassifier,
  type SavedTextClassifier,
  saveTextClassifier,
  textClassifierFrom,
} from './text-classification/saved.ts';
export { splitWords } from './text-classification/split-words.ts';
export {
  type ClassifierFiles,
  prepareTextClassifier,
  resumeTextClassifier,
  type TextClassifierTraining,
} from './text-classification/training.ts';
export { type ClassTexts, type SearchFlags, type TextSearch, textSearch } from './text-search.ts';
export { type AttentionFigureOptions, attentionFigure } from './translation/attention-figure.ts';
export type { TranslationConfig, TranslatorArchitecture } from './translation/config.ts';
export {
  type EvaluateTranslatorOptions,
  evaluateTranslator,
  type TranslationEvaluation,
  type TranslationMetrics,
} from './translation/evaluate.ts';
export { type EncodedSentences, type TranslationBatch, Translator, type TranslatorOptions } from './translation/model.ts';
export type { TranslationOptions } from './translation/options.ts';
export { loadTranslator, type SavedTranslator, saveTranslator, translatorFrom } from './translation/saved.ts';
export { type PairFiles, type PairFormat, readPairs, type SentencePair } from './translation/sentence-pairs.ts';
export { prepareTranslation, resumeTranslation, type TranslationFiles, type TranslationTraining } from './translation/training.ts';
export type { EncodedPair, TranslationData } from './translation/training-pairs.ts';
export { type TranslatedSentence, type Translation, type TranslationSearch, translateSentences } from './translation/translate.ts';
export { SentenceVocabulary, type SentenceVocabularyJson, type TranslationLevel } from './translation/vocabulary.ts';
export {
  type EncodedWords,
  type WordBatch,
  WordCounts,
  WordEncoder,
  type WordEncoderJson,
  type WordVocabularies,
} from './words/word-encoder.ts';
export { sizesOf, unknownRates, WordFeatures, type WordFeaturesOptions, type WordFeaturesSizes } from './words/word-features.ts';
