/**
 * What a training learns of its series before it begins: how each is scaled, how covariates are, and what the errors of its
 * forecasts are measured against. It is kept in the model file.
 */
import * as v from 'valibot';
import { ConfigError, unknownName } from '../../tensor/errors.ts';
import type { Series, SeriesSet } from './series.ts';

export const scalings = ['standard', 'mean', 'none'] as const;
/**
 * How a series is scaled by its training part: `standard` to mean 0 and deviation 1; `mean` by the mean of its absolute
 * values, so that zero stays zero (for counts).
 */
export type Scaling = (typeof scalings)[number];

const finite = v.pipe(v.number(), v.finite());
const positive = v.pipe(finite, v.gtValue(0));
const affineSchema = v.object({ shift: finite, scale: positive });

export const normalizationSchema = v.lazy(() =>
  v.object({
    series: v.array(
      v.object({
        name: v.string(),
        // (value − shift) / scale is what the model sees
        ...affineSchema.entries,
        // of the training part: what errors are measured in
        deviation: positive,
        // mean |yₜ − yₜ₋ₛ| over the training part, with season s
        naiveError: positive,
      }),
    ),
    known: v.array(affineSchema),
    past: v.array(affineSchema),
    statics: v.array(v.union([affineSchema, v.object({ categories: v.array(v.string()) })])),
  }),
);

/** How values become what a model sees. */
export type Normalization = v.InferOutput<typeof normalizationSchema>;
export type SeriesScale = Normalization['series'][number];
type Affine = v.InferOutput<typeof affineSchema>;

/**
 * @param season  of the seasonal naive forecast that errors are compared with
 * @throws ConfigError when a series has no values
 */
export function fitNormalization({ series }: SeriesSet, scaling: Scaling, season: number): Normalization {
  const empty = series.find(({ length }) => length === 0);
  if (empty !== undefined)
    throw new ConfigError(`series "${empty.name}" has no values. Leave it out, or name the columns to forecast: targets.`);
  return {
    series: series.map((one) => scaleOf(one, scaling, season)),
    known: columnsOf(series, 'known').map((values) => standard(values)),
    past: columnsOf(series, 'past').map((values) => standard(values)),
    statics: (series[0]?.statics ?? []).map((_, i) => fitStatic(series.map(({ statics }) => statics[i]))),
  };
}

/** Of a series that the training has not seen: by its own values. */
export function scaleOf({ name, values, length }: Series, scaling: Scaling, season: number): SeriesScale {
  const part = values.subarray(0, length);
  const { shift, scale: deviation } = standard(part);
  const affine: Affine =
    scaling === 'standard' ? { shift, scale: deviation } : { shift: 0, scale: scaling === 'mean' ? meanAbsolute(part) : 1 };
  return { name, ...affine, deviation, naiveError: seasonalError(part, season) };
}

function standard(values: Iterable<number>): Affine {
  let [count, sum] = [0, 0];
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    count++;
    sum += value;
  }
  if (count === 0) return { shift: 0, scale: 1 };
  const mean = sum / count;
  let squares = 0;
  for (const value of values) if (!Number.isNaN(value)) squares += (value - mean) ** 2;
  return { shift: mean, scale: Math.sqrt(squares / count) || 1 };
}

function meanAbsolute(values: Float64Array): number {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.reduce((sum, value) => sum + Math.abs(value), 0) / known.length || 1;
}

/** Mean |yₜ − yₜ₋ₛ|; with less than a season, or a series that repeats exactly, its deviation, so that it divides. */
function seasonalError(values: Float64Array, season: number): number {
  let [count, sum] = [0, 0];
  for (let t = season; t < values.length; t++) {
    const error = Math.abs(values[t] - values[t - season]);
    if (Number.isNaN(error)) continue;
    count++;
    sum += error;
  }
  return sum / count || standard(values).scale;
}

/** All values of each covariate; series of one wide table share theirs. */
function columnsOf(series: readonly Series[], kind: 'known' | 'past'): Float64Array[] {
  const tables = [...new Map(series.map((one) => [one[kind], one])).values()];
  const widths = tables.map((one) => one[kind].length / one.values.length);
  return Array.from({ length: widths[0] || 0 }, (_, c) => {
    const column = new Float64Array(tables.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    tables.forEach((one, i) => {
      for (let t = 0; t < one.length; t++) column[at++] = one[kind][t * widths[i] + c];
    });
    return column;
  });
}

/** Numbers where all are numbers, otherwise categories. */
function fitStatic(texts: readonly string[]): Normalization['statics'][number] {
  const isNumeric = texts.every((text) => text !== '' && Number.isFinite(Number(text)));
  if (isNumeric) return standard(texts.map(Number));
  return { categories: [...new Set(texts)].sort() };
}

/** How many numbers the static features of a series are. */
export function staticSize({ statics }: Normalization): number {
  return statics.reduce((sum, one) => sum + ('categories' in one ? one.categories.length : 1), 0);
}

/** Static features as a model sees them: scaled numbers, and one-hot categories. @throws ConfigError on an unknown category */
export function encodeStatics(texts: readonly string[], { statics }: Normalization, names: readonly string[]): Float32Array {
  return Float32Array.from(
    statics.flatMap((how, i) => {
      const text = texts[i] ?? '';
      if (!('categories' in how)) {
        if (text === '' || !Number.isFinite(Number(text))) {
          throw new ConfigError(`static feature ${names[i]}: expected a number, as in training, received "${text}".`);
        }
        return [(Number(text) - how.shift) / how.scale];
      }
      if (!how.categories.includes(text))
        throw new ConfigError(`static feature ${names[i]}: ${unknownName('value', text, how.categories)}`);
      return how.categories.map((category) => (category === text ? 1 : 0));
    }),
  );
}
