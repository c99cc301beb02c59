/** Forecasters in files. */
import { ConfigError, FormatError } from '../../tensor/errors.ts';
import { loadModel, type ModelFile, saveModel } from '../../training/model-file.ts';
import { parseWith } from '../../training/schema.ts';
import { configSchema, type ForecastingConfig } from './config.ts';
import { createForecaster } from './forecast.ts';
import type { Forecaster } from './model.ts';
import { type Normalization, scaleOf } from './normalization.ts';
import { readSeries, type Series, type SeriesSet } from './series.ts';
import { describeFrequency, type Frequency } from './steps.ts';
import { sourcesOf, type Tables } from './training.ts';
import { type ModelSeries, viewSeries } from './windows.ts';

/** A forecaster, and what its data have to be. */
export interface SavedForecaster {
  readonly model: Forecaster;
  readonly config: ForecastingConfig;
}

/**
 * A model that was saved, ready to forecast.
 *
 * @throws FileError, FormatError when the file cannot be read, is damaged, or is no forecaster
 * @example const { model, config } = await loadForecaster('runs/sales/model.safetensors');
 */
export async function loadForecaster(path: string): Promise<SavedForecaster> {
  return forecasterFrom(await loadModel(path, configSchema), path);
}

/** Writes a model as one file, whole or not at all. */
export async function saveForecaster(path: string, { model, config }: SavedForecaster): Promise<void> {
  await saveModel(path, { config: { ...config, architecture: model.architecture }, tensors: model.stateDict() });
}

/** Builds the model that a file describes. @throws FormatError when its parts do not fit together */
export function forecasterFrom(file: ModelFile, path?: string): SavedForecaster {
  const refuse = (message: string): never => {
    throw new FormatError(`configuration: ${message}.`, { file: path });
  };
  const config = parseWith(configSchema, file.config, refuse);
  const { architecture } = config;
  if (architecture.seriesCount > 0 && architecture.seriesCount !== config.normalization.series.length) {
    refuse(`expected scales of ${architecture.seriesCount} series, received ${config.normalization.series.length}`);
  }
  const held = [...file.tensors.values()].reduce((sum, { values }) => sum + values.length, 0);
  // A lower bound, so that a file cannot make a model that is larger than itself.
  const built = architecture.hiddenSize * architecture.hiddenSize * architecture.numLayers;
  if (built > held) refuse(`the architecture has ${built} parameters or more, the file holds ${held}`);
  const model = createForecaster(architecture);
  try {
    model.loadStateDict(file.tensors);
  } catch (cause) {
    throw new FormatError((cause as Error).message, { file: path }, { cause });
  }
  return { model: model.eval(), config };
}

/** Tables as a model reads them. */
export interface ModelTables {
  readonly data: SeriesSet;
  readonly series: readonly ModelSeries[];
}

/**
 * Reads tables for a model: the columns and steps that it was trained with.
 *
 * @param horizon  steps that are to be forecast
 * @throws FormatError with file, line and column; ConfigError when columns or steps are others, or a series is not known
 */
export async function readFor({ config }: SavedForecaster, tables: Tables, horizon: number): Promise<ModelTables> {
  const { columns, dateOrder, timeUnit, frequency, calendar, season, scaling } = config.data;
  const { series, ...others } = columns;
  const given = { ...others, ...(series === null ? {} : { series }), dateOrder, timeUnit, frequency };
  const data = await readSeries(sourcesOf(tables), given);
  const places = placesOf(config.normalization);
  const place = (one: Series) => {
    const known = places.get(one.name);
    if (known !== undefined) return known;
    if (config.architecture.seriesCount > 0) {
      throw new ConfigError(
        `expected a series of the training, received "${one.name}" (steps of ${describeFrequency(frequency)}). A model that is trained with seriesEmbedding: false takes others too.`,
      );
    }
    return { index: 0, scale: scaleOf(one, scaling, season) };
  };
  requireSteps(data, frequency);
  const withValues = { ...data, series: data.series.filter(({ values }) => values.some((value) => !Number.isNaN(value))) };
  if (withValues.series.length === 0) throw new ConfigError('expected values to forecast from, received none.');
  const view = { normalization: config.normalization, calendar, horizon, place };
  return { data: withValues, series: viewSeries(withValues, view) };
}

/** Days read as hours fit, with nearly all of them missing; nothing good comes of that. */
function requireSteps({ series, gaps }: SeriesSet, frequency: Frequency): void {
  const hasNeighbours = series.some(({ values }) => values.some((value, t) => t > 0 && !Number.isNaN(value + values[t - 1])));
  if (gaps.places < leastGaps || hasNeighbours) return;
  throw new ConfigError(
    `expected rows ${describeFrequency(frequency)} apart, as in the training, received none that are; the first step without a row is ${gaps.first}. Give rows at such steps, or train a model on these.`,
  );
}

/** Fewer may be chance. */
const leastGaps = 3;

function placesOf({ series }: Normalization) {
  return new Map(series.map((scale, index) => [scale.name, { index, scale }]));
}
