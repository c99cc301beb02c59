/** Windows into series: some steps of history, and the steps after them that are to be forecast, side by side in a batch. */
import { ConfigError } from '../../tensor/errors.ts';
import { type CalendarFeature, writeCalendar } from './calendar.ts';
import { encodeStatics, type Normalization, type SeriesScale } from './normalization.ts';
import type { Series, SeriesSet } from './series.ts';
import { addSteps, type Frequency } from './steps.ts';

export const windowNorms = ['last', 'standard', 'none'] as const;
/**
 * What is taken out of each window and put back into its forecast: `last`, its last value (SegRNN); `standard`, its mean and
 * deviation (reversible instance normalisation, Kim et al. 2022).
 */
export type WindowNorm = (typeof windowNorms)[number];

/** A series as a model sees it. */
export interface ModelSeries {
  readonly name: string;
  /** Its row in the model's table of series. */
  readonly index: number;
  readonly start: number;
  readonly length: number;
  /** As they were read; NaN where missing. */
  readonly original: Float64Array;
  /** [length] scaled; the value before where one is missing. */
  readonly values: Float32Array;
  /** [length] 1, or 0 where missing. */
  readonly observed: Float32Array;
  /** [length + horizon, K], calendar, then covariates known beforehand; NaN where they are not. */
  readonly known: Float32Array;
  /** [length, P] */
  readonly past: Float32Array;
  readonly statics: Float32Array;
  readonly scale: SeriesScale;
}

/** How series become what a model sees. */
export interface SeriesView {
  readonly normalization: Normalization;
  readonly calendar: readonly CalendarFeature[];
  readonly horizon: number;
  /** Of each series: its scale, and its row in the model's table. */
  readonly place: (series: Series) => { readonly index: number; readonly scale: SeriesScale };
}

export function viewSeries({ series, frequency, columns }: SeriesSet, view: SeriesView): ModelSeries[] {
  const { normalization, calendar, horizon } = view;
  const shared = new Map<Float32Array, { known: Float32Array; past: Float32Array }>();
  return series.map((one) => {
    const { name, start, length, values: original } = one;
    let covariates = shared.get(one.known);
    if (covariates === undefined || columns.series !== null) {
      covariates = {
        known: knownOf(one, frequency, calendar, normalization.known, length + horizon),
        past: filled(one.past, normalization.past, original.length).subarray(0, length * normalization.past.length),
      };
      shared.set(one.known, covariates);
    }
    const { index, scale } = view.place(one);
    const statics = encodeStatics(one.statics, normalization, columns.statics);
    return { name, index, start, length, original, ...scaled(original, length, scale), ...covariates, statics, scale };
  });
}

function scaled(original: Float64Array, length: number, { shift, scale }: SeriesScale): { values: Float32Array; observed: Float32Array } {
  const values = new Float32Array(length);
  const observed = new Float32Array(length);
  let last = 0;
  for (let t = 0; t < length; t++) {
    observed[t] = Number.isNaN(original[t]) ? 0 : 1;
    if (observed[t] === 1) last = (original[t] - shift) / scale;
    values[t] = last;
  }
  return { values, observed };
}

type Affine = { readonly shift: number; readonly scale: number };

function knownOf(
  one: Series,
  frequency: Frequency,
  calendar: readonly CalendarFeature[],
  how: readonly Affine[],
  steps: number,
): Float32Array {
  const K = 2 * calendar.length + how.length;
  const known = new Float32Array(steps * K);
  const rows = one.values.length;
  const covariates = filled(one.known, how, Math.min(rows, one.length));
  for (let t = 0; t < steps; t++) {
    writeCalendar(addSteps(frequency, one.start, t), calendar, known, t * K);
    for (let c = 0; c < how.length; c++) {
      const ahead = t < rows ? (one.known[t * how.length + c] - how[c].shift) / how[c].scale : Number.NaN;
      known[t * K + 2 * calendar.length + c] = t < one.length ? covariates[t * how.length + c] : ahead;
    }
  }
  return known;
}

/** Covariates scaled; where one is missing, the one before, and the mean at the beginning. */
function filled(given: Float32Array, how: readonly Affine[], steps: number): Float32Array {
  const C = how.length;
  const values = new Float32Array(steps * C);
  for (let c = 0; c < C; c++) {
    let last = 0;
    for (let t = 0; t < steps; t++) {
      if (!Number.isNaN(given[t * C + c])) last = (given[t * C + c] - how[c].shift) / how[c].scale;
      values[t * C + c] = last;
    }
  }
  return values;
}

/** Where windows are: which series, and the first step that is forecast. */
export interface Windows {
  readonly series: Int32Array;
  readonly origins: Int32Array;
}

/**
 * Every window whose forecast lies in a series, at each `stride`-th step.
 *
 * @param context  steps of history; a series that is shorter than history and horizon together has its beginning left open
 * @param from     the first step that may be forecast, by series; default: the first with a whole history
 */
export function windowsOf(
  series: readonly ModelSeries[],
  { context, horizon, stride = 1, from }: { context: number; horizon: number; stride?: number; from?: (series: ModelSeries) => number },
): Windows {
  const indices: number[] = [];
  const origins: number[] = [];
  series.forEach((one, i) => {
    const last = one.length - horizon;
    const first = Math.max(1, from?.(one) ?? Math.min(context, last));
    for (let origin = first; origin <= last; origin += stride) {
      indices.push(i);
      origins.push(origin);
    }
  });
  return { series: Int32Array.from(indices), origins: Int32Array.from(origins) };
}

/** About `count` of the windows, evenly spread. */
export function thinned({ series, origins }: Windows, count: number): Windows {
  const every = Math.max(1, Math.floor(series.length / count));
  const isTaken = (_: number, i: number) => i % every === 0;
  return { series: series.filter(isTaken), origins: origins.filter(isTaken) };
}

/** Windows side by side; all row-major. */
export interface WindowBatch {
  readonly size: number; // B
  readonly context: number; // L
  readonly horizon: number; // H
  /** [B, L] scaled, and normalised by window; zeros before a series' beginning. */
  readonly values: Float32Array;
  /** [B, L] 1, or 0 where a value is missing. */
  readonly observed: Float32Array;
  /** [B, L + H, K] */
  readonly known: Float32Array;
  /** [B, L, P] */
  readonly past: Float32Array;
  /** [B] */
  readonly series: Int32Array;
  /** [B, S] */
  readonly statics: Float32Array;
  /** [B, H] as `values`; 0 where missing, or not yet known. */
  readonly targets: Float32Array;
  /** [B, H] */
  readonly targetsObserved: Float32Array;
  /** [B] original = shift + scale · value */
  readonly shift: Float64Array;
  readonly scale: Float64Array;
  /** [B] the window's own part of `scale`. */
  readonly windowScale: Float64Array;
}

export interface WindowShape {
  readonly context: number;
  readonly horizon: number;
  readonly norm: WindowNorm;
}

/**
 * The windows at these places, as a batch.
 *
 * @param into  a batch of the same shape that is no longer in use, to write this one over
 */
export function collate(
  all: readonly ModelSeries[],
  windows: Windows,
  which: ArrayLike<number>,
  shape: WindowShape,
  into?: WindowBatch,
): WindowBatch {
  const { context: L, horizon: H, norm } = shape;
  const B = which.length;
  const batch = into?.size === B ? into : emptyBatch(B, shape, all[0]);
  const { values, observed, targets, targetsObserved } = batch;
  const [K, P, S] = [batch.known.length / (B * (L + H)), batch.past.length / (B * L), batch.statics.length / B];
  for (let b = 0; b < B; b++) {
    const one = all[windows.series[which[b]]];
    const origin = windows.origins[which[b]];
    const begin = Math.max(0, origin - L);
    // A series that is younger than the window stands at its end.
    const padding = L - (origin - begin);
    const end = Math.min(one.length, origin + H);
    const [first, last] = [b * L, (b + 1) * L];
    if (padding > 0) {
      values.fill(0, first, first + padding);
      observed.fill(0, first, first + padding);
      batch.known.fill(0, b * (L + H) * K, (b * (L + H) + padding) * K);
      batch.past.fill(0, first * P, (first + padding) * P);
    }
    if (end < origin + H) {
      targets.fill(0, b * H + end - origin, (b + 1) * H);
      targetsObserved.fill(0, b * H + end - origin, (b + 1) * H);
    }
    values.set(one.values.subarray(begin, origin), first + padding);
    observed.set(one.observed.subarray(begin, origin), first + padding);
    targets.set(one.values.subarray(origin, end), b * H);
    targetsObserved.set(one.observed.subarray(origin, end), b * H);
    if (K > 0) batch.known.set(one.known.subarray(begin * K, (origin + H) * K), (b * (L + H) + padding) * K);
    if (P > 0) batch.past.set(one.past.subarray(begin * P, origin * P), (first + padding) * P);
    batch.statics.set(one.statics, b * S);
    batch.series[b] = one.index;
    const { shift, scale } = windowAffine(values, observed, first, last, norm);
    if (norm !== 'none') {
      for (let i = first + padding; i < last; i++) values[i] = (values[i] - shift) / scale;
      for (let i = b * H; i < (b + 1) * H; i++) targets[i] = (targets[i] - shift) / scale;
    }
    batch.shift[b] = one.scale.shift + one.scale.scale * shift;
    batch.scale[b] = one.scale.scale * scale;
    batch.windowScale[b] = scale;
  }
  return batch;
}

/** Zeros, for windows of series such as this one. */
function emptyBatch(B: number, { context: L, horizon: H }: WindowShape, { known, past, statics, length }: ModelSeries): WindowBatch {
  const P = past.length / length || 0;
  const K = known.length / (length + H) || 0;
  return {
    size: B,
    context: L,
    horizon: H,
    values: new Float32Array(B * L),
    observed: new Float32Array(B * L),
    known: new Float32Array(B * (L + H) * K),
    past: new Float32Array(B * L * P),
    series: new Int32Array(B),
    statics: new Float32Array(B * statics.length),
    targets: new Float32Array(B * H),
    targetsObserved: new Float32Array(B * H),
    shift: new Float64Array(B),
    scale: new Float64Array(B),
    windowScale: new Float64Array(B),
  };
}

/** A window that hardly moves is not blown up beyond this. */
const leastDeviation = 0.01;

/** Of the values from `first` up to `last`. */
function windowAffine(
  values: Float32Array,
  observed: Float32Array,
  first: number,
  last: number,
  norm: WindowNorm,
): { shift: number; scale: number } {
  if (norm === 'none') return { shift: 0, scale: 1 };
  const end = { shift: values[last - 1], scale: 1 };
  if (norm === 'last') return end;
  let [count, sum, squares] = [0, 0, 0];
  for (let i = first; i < last; i++) {
    if (observed[i] === 0) continue;
    count++;
    sum += values[i];
    squares += values[i] * values[i];
  }
  if (count === 0) return end;
  const mean = sum / count;
  return { shift: mean, scale: Math.max(leastDeviation, Math.sqrt(Math.max(0, squares / count - mean * mean))) };
}

/** @throws ConfigError when covariates that a forecast needs are not there */
export function requireKnown(one: ModelSeries, origin: number, horizon: number, names: readonly string[]): void {
  const K = one.known.length / (one.length + horizon);
  for (let h = 0; h < horizon; h++) {
    for (let c = 0; c < names.length; c++) {
      if (!Number.isNaN(one.known[(origin + h) * K + K - names.length + c])) continue;
      throw new ConfigError(
        `the forecast needs "${names[c]}" for ${horizon} steps after the last value of series "${one.name}", received ${h}. Add rows with the known columns filled and the targets left empty.`,
      );
    }
  }
}
