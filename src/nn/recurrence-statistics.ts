/**
 * What a run of a recurrent layer showed, in numbers that fit a line of a log: the gradient's norm through time, how far open its
 * gates stood, which of its units do anything. Gates and states are looked at where the kernels keep them, at so many steps and
 * rows that it costs next to nothing.
 */
import { type Parameter, Tensor } from '../autograd/tensor.ts';
import type { WatchedRun } from './recurrence-watch.ts';

/** A gate, by its letter in the equations. */
export type GateName = 'i' | 'f' | 'o' | 'r' | 'z';

/** Where a gate's values lay, over units, steps and sequences. */
export interface GateStatistics {
  readonly mean: number;
  /** Share below 0.1: shut. @see Karpathy, Johnson & Fei-Fei (2015), arXiv:1506.02078, whose bounds these are */
  readonly shut: number;
  /** Share above 0.9: open. */
  readonly open: number;
}

/** One direction of one recurrent layer. */
export interface RecurrenceStatistics {
  /** The module's name in the model, such as "encoder.rnn"; empty where the model is the layer. */
  readonly module: string;
  /** From 0. */
  readonly layer: number;
  readonly direction: 'forward' | 'reverse';
  /** "LSTM", "GRU", "RNN"; of a cell of one's own its class. */
  readonly cell: string;
  /** H */
  readonly hiddenSize: number;
  /** T: steps of the batch's longest sequence. */
  readonly steps: number;
  /** Steps from 0 at which `gradientNorms` stand; the first and the last are among them. Empty where no gradient came by, or none is told (AttentionDecoder). */
  readonly times: readonly number[];
  /** ‖∂L/∂h_t‖ over the whole batch at these times: before clipping. 0: less than float32 can square. */
  readonly gradientNorms: readonly number[];
  /**
   * By what factor the gradient grew on its way back from the last step that has one to the first step read: the median over
   * sequences of ‖∂L/∂h_first‖ / ‖∂L/∂h_last‖. 0: nothing arrived. null: nothing set out, or from the first step only.
   */
  readonly growth: number | null;
  /** Empty for cells that keep none. */
  readonly gates: Readonly<Partial<Record<GateName, GateStatistics>>>;
  /** Share of units that hardly move: over steps and sequences by less than a thousandth of what the liveliest does. null: too few to say. */
  readonly deadUnits: number | null;
  /** Share of states with |h| > 0.99: a tanh there lets a fiftieth of a gradient through. null: the states have no such bound. */
  readonly saturatedStates: number | null;
}

/** How closely runs are looked at. */
export interface Closeness {
  /** Steps whose gradient norms are told, at most. */
  readonly times: number;
  /** Numbers of gates, and of states, that are read at most; the rest is left out evenly over time. */
  readonly numbers: number;
}

/** For a training's log: 48 norms are a curve, and of 2¹⁴ gates a share is right to a hundredth; to read them takes 0.1 ms. */
export const glance: Closeness = { times: 48, numbers: 1 << 14 };
/** Everything. */
export const scrutiny: Closeness = { times: Infinity, numbers: Infinity };

/** Collects what its runs show; `read` once the backward is done. */
export class RecurrenceRecorder {
  readonly #closeness: Closeness;
  readonly #runs: SeenRun[] = [];

  constructor(closeness: Closeness = scrutiny) {
    this.#closeness = closeness;
  }

  /** For `watchRecurrences`. */
  ran(run: WatchedRun): (squares: Float64Array) => void {
    const seen: SeenRun = {
      cell: run.cell,
      hiddenSize: run.hiddenSize,
      reverse: run.reverse,
      parameter: run.parameter,
      T: run.T,
      B: run.B,
      lengths: run.lengths,
      gates: gateStatistics(run, this.#closeness.numbers),
      units: unitStatistics(run, this.#closeness.numbers),
      squares: null,
    };
    this.#runs.push(seen);
    return (squares) => {
      seen.squares = squares;
    };
  }

  /** Whether anything ran. */
  get isEmpty(): boolean {
    return this.#runs.length === 0;
  }

  /**
   * @param names  state-dict names of the model's parameters: by them each layer is named
   * @param scale  the gradients that came by are this many times those of the loss
   */
  read(names: ReadonlyMap<string, Parameter>, scale = 1): RecurrenceStatistics[] {
    const nameOf = new Map([...names].map(([name, parameter]) => [parameter, name]));
    return sequencesOf(this.#runs).map((run) => {
      const { cell, hiddenSize, reverse, T } = run;
      const place = placeOf((run.parameter && nameOf.get(run.parameter)) ?? '');
      const times = run.squares === null ? [] : evenly(T, this.#closeness.times);
      const norms = normsOf(run, scale);
      return {
        ...place,
        direction: reverse ? 'reverse' : 'forward',
        cell,
        hiddenSize,
        steps: T,
        times,
        gradientNorms: times.map((t) => short(norms[t])),
        growth: growthOf(run),
        gates: run.gates,
        ...run.units,
      };
    });
  }

  /** ‖∂L/∂h_t‖² of each run as it came, [T, B]; for those who want every sequence by itself. */
  get squares(): readonly (Float64Array | null)[] {
    return this.#runs.map(({ squares }) => squares);
  }
}

interface SeenRun extends Omit<WatchedRun, 'gates' | 'input' | 'states'> {
  readonly gates: RecurrenceStatistics['gates'];
  readonly units: Pick<RecurrenceStatistics, 'deadUnits' | 'saturatedStates'>;
  squares: Float64Array | null;
}

/**
 * A cell that is called step after step (a decoder with attention, a library's cell in a loop) ran T times over one step: that is
 * one sequence. A layer that ran over several sequences counts with the longest of them.
 */
function sequencesOf(runs: readonly SeenRun[]): SeenRun[] {
  const byLayer = new Map<unknown, SeenRun[]>();
  for (const run of runs) {
    const key = run.parameter ?? run;
    byLayer.set(key, [...(byLayer.get(key) ?? []), run]);
  }
  return [...byLayer.values()].map((all) => {
    // What no gradient came through (the part before a truncation) says less.
    const learning = all.filter(({ squares }) => squares !== null);
    const same = learning.length > 0 ? learning : all;
    const longest = same.reduce((most, run) => (run.T > most.T ? run : most));
    const steps = same.filter(({ T, B }) => T === 1 && B === longest.B);
    if (steps.length < Math.max(2, longest.T)) return longest;
    const squares = new Float64Array(steps.length * longest.B);
    for (const [t, run] of steps.entries()) if (run.squares !== null) squares.set(run.squares, t * longest.B);
    const middle = steps[steps.length >> 1]; // its gates and units: neither the first nor the last step is typical
    return { ...middle, T: steps.length, lengths: longest.T > 1 ? longest.lengths : null, squares };
  });
}

/** "encoder.rnn.weight_hh_l1_reverse" is layer 1 of encoder.rnn; "decoder.cell.gate.weight" is of decoder. */
function placeOf(name: string): { readonly module: string; readonly layer: number } {
  const own = /^(?:(.*)\.)?weight_hh(?:_l(\d+))?(?:_reverse)?$/.exec(name);
  if (own !== null) return { module: own[1] ?? '', layer: Number(own[2] ?? 0) };
  const loop = /^(?:(.*)\.)?cell\./.exec(name);
  return { module: loop === null ? name.replace(/\.?[^.]*$/, '') : (loop[1] ?? ''), layer: 0 };
}

/** ‖∂L/∂h_t‖ over the batch at each step, [T]. */
function normsOf({ squares, T, B }: SeenRun, scale: number): Float64Array {
  return Float64Array.from({ length: T }, (_, t) => {
    let sum = 0;
    for (let b = 0; squares !== null && b < B; b++) sum += squares[t * B + b];
    return Math.sqrt(sum) / scale;
  });
}

function growthOf({ squares, T, B, lengths, reverse }: SeenRun): number | null {
  if (squares === null) return null;
  const factors: number[] = [];
  for (let b = 0; b < B; b++) {
    const end = (lengths?.[b] ?? T) - 1;
    const [first, towards] = reverse ? [end, 1] : [0, -1];
    let last = reverse ? 0 : end;
    while (last !== first && squares[last * B + b] === 0) last += towards;
    if (last !== first) factors.push(Math.sqrt(squares[first * B + b] / squares[last * B + b]));
  }
  factors.sort((a, b) => a - b);
  return factors.length === 0 ? null : short(factors[factors.length >> 1]);
}

/** Letters of the gates among what the kernels keep, in their order. */
const gateNames: Readonly<Record<string, readonly (GateName | null)[]>> = { LSTM: ['i', 'f', null, 'o'], GRU: ['r', 'z', null] };

/** As Karpathy et al. draw them. */
const [shut, open] = [0.1, 0.9];

function gateStatistics(run: WatchedRun, most: number): RecurrenceStatistics['gates'] {
  const names = gateNames[run.cell.replace(/Cell$/, '')];
  if (run.gates === null || names === undefined) return {};
  const H = run.gates.shape[2] / names.length;
  const sums = names.map(() => ({ count: 0, total: 0, shut: 0, open: 0 }));
  for (const row of sampledRows(run, run.gates, most)) {
    names.forEach((name, gate) => {
      if (name === null) return;
      const sum = sums[gate];
      for (let k = gate * H; k < (gate + 1) * H; k++) {
        const value = row[k];
        sum.total += value;
        if (value < shut) sum.shut++;
        else if (value > open) sum.open++;
      }
      sum.count += H;
    });
  }
  const entries = names.flatMap((name, gate) => {
    const { count, total, shut, open } = sums[gate];
    if (name === null || count === 0) return [];
    return [[name, { mean: short(total / count), shut: short(shut / count), open: short(open / count) }] as const];
  });
  return Object.fromEntries(entries);
}

/** A unit that moves by less than this share of the liveliest one's range is dead. */
const deadRange = 1e-3;
/** Steps and sequences without which nothing can be said of a unit's range. */
const fewestRows = 16;
/** |h| of a saturated state. */
const saturated = 0.99;

function unitStatistics(run: WatchedRun, most: number): Pick<RecurrenceStatistics, 'deadUnits' | 'saturatedStates'> {
  if (run.states === null) return { deadUnits: null, saturatedStates: null };
  const width = run.states.shape[2];
  const low = new Float64Array(width).fill(Infinity);
  const high = new Float64Array(width).fill(-Infinity);
  let [rows, full] = [0, 0];
  for (const row of sampledRows(run, run.states, most)) {
    rows++;
    for (let k = 0; k < width; k++) {
      const value = row[k];
      if (value < low[k]) low[k] = value;
      if (value > high[k]) high[k] = value;
      if (value > saturated || value < -saturated) full++;
    }
  }
  const ranges = high.map((top, k) => top - low[k]);
  const liveliest = Math.max(...ranges);
  const isBounded = rows > 0 && Math.max(...high) <= 1 && Math.min(...low) >= -1;
  return {
    deadUnits: rows < fewestRows ? null : short(ranges.filter((range) => range <= deadRange * liveliest).length / width),
    saturatedStates: isBounded ? short(full / (rows * width)) : null,
  };
}

/** Rows [width] of x [T, B, width]: of steps that lie evenly and of the first sequences, as far as these have such a step. */
function* sampledRows({ T, B, lengths }: WatchedRun, x: Tensor, most: number): Generator<ArrayLike<number>> {
  const width = x.shape[2];
  const times = evenly(T, most === Infinity ? T : 16);
  const R = Math.min(B, Math.max(1, Math.floor(most / (times.length * width))));
  for (const t of times) {
    const numbers = new Tensor(x.storage, [R, width], [x.strides[1], x.strides[2]], x.offset + t * x.strides[0]).dataSync();
    for (let b = 0; b < R; b++) if (lengths === null || t < lengths[b]) yield numbers.subarray(b * width, (b + 1) * width);
  }
}

/** `count` of 0…T−1 at most, at equal distances, the first and the last among them. */
function evenly(T: number, count: number): number[] {
  const n = Math.min(T, count);
  return Array.from({ length: n }, (_, k) => (n === 1 ? 0 : Math.round((k * (T - 1)) / (n - 1))));
}

/** Four digits: a log of a long training stays small. */
function short(value: number): number {
  return Number(value.toPrecision(4));
}
