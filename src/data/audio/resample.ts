/**
 * Other sample rates, by band-limited interpolation: a sinc under a window of cos² (torchaudio's `sinc_interp_hann`), which leaves out
 * what the lower of the two rates cannot hold. In one go or in pieces: the same numbers.
 */
import { ConfigError } from '../../tensor/errors.ts';

/** How sharp the filter is. */
export interface ResampleOptions {
  /** Zero crossings of the sinc to each side; more is sharper, and slower. Default 6. */
  readonly filterWidth?: number;
  /** Of the lower Nyquist frequency: where the filter's band ends. Default 0.99. */
  readonly rolloff?: number;
}

/**
 * Samples at another rate.
 *
 * @param from  hertz, or any number in proportion to `to`
 * @returns ⌈length · to / from⌉ samples
 * @throws ConfigError when a rate is no positive integer
 * @example const samples = resample(mixDown(audio), audio.sampleRateHz, 16_000);
 * @see Smith (2020), Digital Audio Resampling. Numbers as torchaudio.functional.resample.
 */
export function resample(samples: Float32Array, from: number, to: number, options: ResampleOptions = {}): Float32Array {
  if (from === to) return samples;
  const resampler = new Resampler(from, to, options);
  const begin = resampler.push(samples);
  return joined([begin, resampler.end()]);
}

/** `resample` of samples that come in pieces. */
export class Resampler {
  readonly #from: number;
  readonly #to: number;
  /** For each place of an output between two inputs. */
  readonly #phases: readonly Phase[];
  /** Inputs from `#start` on that outputs still need. */
  #held = new Float32Array(0);
  #start = 0;
  #received = 0;
  #written = 0;

  constructor(from: number, to: number, { filterWidth = 6, rolloff = 0.99 }: ResampleOptions = {}) {
    if (![from, to].every((rate) => Number.isInteger(rate) && rate > 0)) {
      throw new ConfigError(`[Resampler] expected rates that are positive integers, received ${from} and ${to}.`);
    }
    if (!(filterWidth > 0 && rolloff > 0 && rolloff <= 1)) {
      throw new ConfigError(`[Resampler] expected filterWidth > 0 and rolloff in (0, 1], received ${filterWidth} and ${rolloff}.`);
    }
    const divisor = greatestCommonDivisor(from, to);
    this.#from = from / divisor;
    this.#to = to / divisor;
    this.#phases = Array.from({ length: this.#to }, (_, phase) => phaseOf(phase, this.#from, this.#to, filterWidth, rolloff));
  }

  /** @returns what is known once these have come, fresh */
  push(samples: Float32Array): Float32Array {
    if (this.#from === this.#to) return samples.slice();
    this.#held = joined([this.#held, samples]);
    this.#received += samples.length;
    return this.#outputs(Number.POSITIVE_INFINITY);
  }

  /** The rest: beyond the last sample there is silence. It can begin anew then. */
  end(): Float32Array {
    const rest = this.#from === this.#to ? new Float32Array(0) : this.#outputs(Math.ceil((this.#received * this.#to) / this.#from));
    this.#held = new Float32Array(0);
    this.#start = 0;
    this.#received = 0;
    this.#written = 0;
    return rest;
  }

  /** Up to output `until`; as far as inputs are there, where it is infinite. */
  #outputs(until: number): Float32Array {
    const out: number[] = [];
    for (; this.#written < until; this.#written++) {
      const { first, weights } = this.#phases[this.#written % this.#to];
      const begin = Math.floor(this.#written / this.#to) * this.#from + first;
      if (until === Number.POSITIVE_INFINITY && begin + weights.length > this.#received) break;
      let sum = 0;
      const least = Math.max(0, this.#start - begin);
      const most = Math.min(weights.length, this.#received - begin);
      for (let k = least; k < most; k++) sum += weights[k] * this.#held[begin + k - this.#start];
      out.push(sum);
    }
    const { first } = this.#phases[this.#written % this.#to];
    const needed = Math.max(this.#start, Math.floor(this.#written / this.#to) * this.#from + first);
    this.#held = this.#held.slice(Math.min(this.#held.length, needed - this.#start));
    this.#start = this.#received - this.#held.length;
    return Float32Array.from(out);
  }
}

/** Weights of the inputs around one output; the first one counted from the input at which its block begins. */
interface Phase {
  readonly first: number;
  readonly weights: Float64Array;
}

function phaseOf(phase: number, from: number, to: number, filterWidth: number, rolloff: number): Phase {
  const band = Math.min(from, to) * rolloff;
  const center = (phase * from) / to;
  const reach = (filterWidth * from) / band;
  const first = Math.ceil(center - reach);
  const last = Math.floor(center + reach);
  const weights = Float64Array.from({ length: last - first + 1 }, (_, k) => {
    const t = ((first + k - center) / from) * band;
    const window = Math.cos((t * Math.PI) / filterWidth / 2) ** 2;
    return (sinc(t) * window * band) / from;
  });
  return { first, weights };
}

function sinc(t: number): number {
  return t === 0 ? 1 : Math.sin(Math.PI * t) / (Math.PI * t);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** Arrays one after another. */
export function joined(parts: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const all = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
