/**
 * Log-mel energies and mel-frequency cepstral coefficients of sound, frame by frame, as Kaldi computes them (and torchaudio's
 * `compliance.kaldi`): each frame is worked on alone, so that a stream gives the very numbers of a whole file. The Fourier transform is
 * fft.js's.
 */
import FFT from 'fft.js';
import { ConfigError } from '../../tensor/errors.ts';
import { joined } from './resample.ts';

export const featureKinds = ['log-mel', 'mfcc'] as const;
export const windows = ['povey', 'hann', 'hamming', 'rectangular'] as const;

/** What is computed of each frame. Defaults are Kaldi's, but for 40 bins. */
export interface SpectralFeaturesOptions {
  readonly sampleRateHz: number;
  /** Default 'log-mel'. */
  readonly kind?: (typeof featureKinds)[number];
  /** Default 25. */
  readonly frameLengthMs?: number;
  /** Default 10. */
  readonly frameShiftMs?: number;
  /** Default 'povey': hann to the power 0.85. */
  readonly window?: (typeof windows)[number];
  /** x_t − p · x_{t−1}, in [0, 1]. Default 0.97. */
  readonly preemphasis?: number;
  /** Whether each frame's mean is taken off first. Default true. */
  readonly removeDcOffset?: boolean;
  /** M: triangular filters on the mel scale. Default 40. */
  readonly numMelBins?: number;
  /** Where the first filter begins. Default 20. */
  readonly lowFrequencyHz?: number;
  /** Where the last one ends; 0 and below: counted from half the sample rate. Default 0. */
  readonly highFrequencyHz?: number;
  /** C: coefficients of 'mfcc', at most M. Default 13, or M where that is less. */
  readonly numCeps?: number;
  /** L of 1 + L/2 · sin(π i / L), which scales coefficient i; 0: none. Default 22. */
  readonly cepstralLifter?: number;
}

/** Below this an energy counts as this: float32's smallest step from 1, as in Kaldi. */
const leastEnergy = 2 ** -23;

/**
 * Features of sound, frame by frame.
 *
 *   frame:    x − mean(x);  x_t − p · x_{t−1};  · window;  zeros up to a power of two
 *   log-mel:  ln max(Σ_k w_mk |FFT(x)_k|², 2⁻²³)
 *   mfcc:     (1 + L/2 sin(π i / L)) · Σ_m c_im log-mel_m,  c the orthonormal cosine transform (DCT-II)
 *
 * @example const features = new SpectralFeatures({ sampleRateHz: 16_000, numMelBins: 80 }).forward(samples); // [T, 80]
 * @see Davis & Mermelstein (1980), doi:10.1109/TASSP.1980.1163420. Numbers as torchaudio.compliance.kaldi's fbank and mfcc, without
 *      dither, on samples in [−1, 1).
 */
export class SpectralFeatures {
  /** Numbers of a frame: M, or C. */
  readonly size: number;
  /** Samples of a frame, and from one to the next. */
  readonly frameLength: number;
  readonly frameShift: number;
  readonly #options: Required<SpectralFeaturesOptions>;
  readonly #window: Float64Array;
  readonly #filters: readonly MelFilter[];
  readonly #cosines: readonly Float64Array[];
  readonly #fft: Fft;
  readonly #padded: number[];
  readonly #spectrum: number[];

  /** @throws ConfigError when an option is out of range */
  constructor(given: SpectralFeaturesOptions) {
    const options = complete(given);
    const { sampleRateHz, frameLengthMs, frameShiftMs, numMelBins, numCeps, cepstralLifter, kind, window } = options;
    this.#options = options;
    this.frameLength = Math.floor((sampleRateHz * frameLengthMs) / 1000);
    this.frameShift = Math.floor((sampleRateHz * frameShiftMs) / 1000);
    if (this.frameLength < 2 || this.frameShift < 1) {
      throw new ConfigError(
        `[SpectralFeatures] expected frames of two samples or more at ${sampleRateHz} Hz, received ${frameLengthMs} ms.`,
      );
    }
    const size = 2 ** Math.ceil(Math.log2(this.frameLength));
    this.#window = windowOf(window, this.frameLength);
    this.#filters = melFilters(options, size);
    this.#cosines = kind === 'mfcc' ? cepstralMatrix(numMelBins, numCeps, cepstralLifter) : [];
    this.size = kind === 'mfcc' ? numCeps : numMelBins;
    this.#fft = new FFT(size) as unknown as Fft;
    this.#padded = new Array<number>(size).fill(0);
    this.#spectrum = this.#fft.createComplexArray();
  }

  /** @returns [T, size] row-major, T = 1 + ⌊(samples − frameLength) / frameShift⌋, or none */
  forward(samples: ArrayLike<number>): Float32Array {
    const T = this.frameCount(samples.length);
    const features = new Float32Array(T * this.size);
    for (let t = 0; t < T; t++) this.#frame(samples, t * this.frameShift, features, t * this.size);
    return features;
  }

  /** Frames of so many samples: those that lie in them as a whole. */
  frameCount(samples: number): number {
    return samples < this.frameLength ? 0 : 1 + Math.floor((samples - this.frameLength) / this.frameShift);
  }

  /** The features of samples that come in pieces; the same numbers. */
  stream(): FeatureStage {
    let held = new Float32Array(0);
    // Where the next frame begins behind what is held: only where a shift is longer than a frame.
    let skip = 0;
    return {
      size: this.size,
      push: (samples) => {
        held = joined([held, samples.subarray(Math.min(skip, samples.length))]);
        skip = Math.max(0, skip - samples.length);
        const features = this.forward(held);
        const passed = (features.length / this.size) * this.frameShift;
        skip = Math.max(skip, passed - held.length);
        held = held.slice(Math.min(passed, held.length));
        return features;
      },
      end: () => {
        held = new Float32Array(0);
        skip = 0;
        return new Float32Array(0);
      },
    };
  }

  #frame(samples: ArrayLike<number>, begin: number, out: Float32Array, at: number): void {
    const { preemphasis, removeDcOffset } = this.#options;
    const n = this.frameLength;
    const x = this.#padded;
    let mean = 0;
    if (removeDcOffset) for (let i = 0; i < n; i++) mean += samples[begin + i];
    mean /= n;
    // From the end, so that each still finds the one before it unchanged; the first is its own predecessor.
    for (let i = 0; i < n; i++) x[i] = samples[begin + i] - mean;
    for (let i = n - 1; i > 0; i--) x[i] = (x[i] - preemphasis * x[i - 1]) * this.#window[i];
    x[0] = (x[0] - preemphasis * x[0]) * this.#window[0];
    this.#fft.realTransform(this.#spectrum, x);
    const energies = this.#cosines.length === 0 ? out : this.#energies;
    const offset = this.#cosines.length === 0 ? at : 0;
    this.#filters.forEach(({ first, weights }, m) => {
      let energy = 0;
      for (let k = 0; k < weights.length; k++) {
        const [re, im] = [this.#spectrum[2 * (first + k)], this.#spectrum[2 * (first + k) + 1]];
        energy += weights[k] * (re * re + im * im);
      }
      energies[offset + m] = Math.log(Math.max(energy, leastEnergy));
    });
    this.#cosines.forEach((row, i) => {
      let sum = 0;
      for (let m = 0; m < row.length; m++) sum += row[m] * energies[m];
      out[at + i] = sum;
    });
  }

  get #energies(): Float64Array {
    this.#scratch ??= new Float64Array(this.#filters.length);
    return this.#scratch;
  }

  #scratch: Float64Array | null = null;
}

/** A part of a front end: what comes in pieces goes out in pieces. */
export interface FeatureStage {
  /** Numbers of a frame that goes out. */
  readonly size: number;
  /** Takes what comes, and gives what is known then, fresh. */
  push(values: Float32Array): Float32Array;
  /** What was still waiting; it can begin anew then. */
  end(): Float32Array;
}

/** fft.js, whose own types say nothing. */
interface Fft {
  createComplexArray(): number[];
  /** Fills the first half of `out`: re, im, re, im, … */
  realTransform(out: number[], data: number[]): void;
}

function complete(given: SpectralFeaturesOptions): Required<SpectralFeaturesOptions> {
  const options = {
    kind: 'log-mel',
    frameLengthMs: 25,
    frameShiftMs: 10,
    window: 'povey',
    preemphasis: 0.97,
    removeDcOffset: true,
    numMelBins: 40,
    lowFrequencyHz: 20,
    highFrequencyHz: 0,
    numCeps: Math.min(13, given.numMelBins ?? 40),
    cepstralLifter: 22,
    ...given,
  } as const;
  const { sampleRateHz, preemphasis, numMelBins, lowFrequencyHz, numCeps } = options;
  const nyquist = sampleRateHz / 2;
  const highFrequencyHz = options.highFrequencyHz > 0 ? options.highFrequencyHz : nyquist + options.highFrequencyHz;
  const refuse = (message: string): never => {
    throw new ConfigError(`[SpectralFeatures] ${message}`);
  };
  if (!(sampleRateHz > 0)) refuse(`expected sampleRateHz > 0, received ${sampleRateHz}.`);
  if (!(preemphasis >= 0 && preemphasis <= 1)) refuse(`expected preemphasis in [0, 1], received ${preemphasis}.`);
  if (!(Number.isInteger(numMelBins) && numMelBins >= 3))
    refuse(`expected numMelBins to be an integer of at least 3, received ${numMelBins}.`);
  if (!(lowFrequencyHz >= 0 && lowFrequencyHz < highFrequencyHz && highFrequencyHz <= nyquist)) {
    refuse(
      `expected 0 ≤ lowFrequencyHz < highFrequencyHz ≤ ${nyquist} (half the sample rate), received ${lowFrequencyHz} and ${highFrequencyHz}.`,
    );
  }
  if (!(Number.isInteger(numCeps) && numCeps >= 1 && numCeps <= numMelBins)) {
    refuse(`expected numCeps from 1 to ${numMelBins} (numMelBins), received ${numCeps}.`);
  }
  return { ...options, highFrequencyHz };
}

function windowOf(name: (typeof windows)[number], length: number): Float64Array {
  const hann = (i: number): number => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (length - 1));
  const shapes = {
    povey: (i: number) => hann(i) ** 0.85,
    hann,
    hamming: (i: number) => 0.54 - 0.46 * Math.cos((2 * Math.PI * i) / (length - 1)),
    rectangular: () => 1,
  };
  return Float64Array.from({ length }, (_, i) => shapes[name](i));
}

/** A triangle on the mel scale, as weights of the spectrum's lines from `first` on. */
interface MelFilter {
  readonly first: number;
  readonly weights: Float64Array;
}

function mel(hz: number): number {
  return 1127 * Math.log(1 + hz / 700);
}

function melFilters(
  { sampleRateHz, numMelBins, lowFrequencyHz, highFrequencyHz }: Required<SpectralFeaturesOptions>,
  size: number,
): MelFilter[] {
  const low = mel(lowFrequencyHz);
  const step = (mel(highFrequencyHz) - low) / (numMelBins + 1);
  const lines = size / 2; // the one at half the sample rate is left out
  return Array.from({ length: numMelBins }, (_, m) => {
    const left = low + m * step;
    const weights = Float64Array.from({ length: lines }, (_, k) => {
      const at = (mel((k * sampleRateHz) / size) - left) / step;
      return Math.max(0, Math.min(at, 2 - at));
    });
    const first = weights.findIndex((weight) => weight > 0);
    if (first < 0) {
      throw new ConfigError(
        `[SpectralFeatures] expected filters that each see a line of the spectrum; filter ${m} of ${numMelBins} sees none at ${sampleRateHz} Hz. Use fewer mel bins or longer frames.`,
      );
    }
    return { first, weights: weights.slice(first, weights.findLastIndex((weight) => weight > 0) + 1) };
  });
}

/** [C][M] rows of the orthonormal DCT-II, liftered. */
function cepstralMatrix(M: number, C: number, lifter: number): Float64Array[] {
  return Array.from({ length: C }, (_, i) => {
    const scale = Math.sqrt((i === 0 ? 1 : 2) / M) * (lifter === 0 ? 1 : 1 + (lifter / 2) * Math.sin((Math.PI * i) / lifter));
    return Float64Array.from({ length: M }, (_, m) => scale * Math.cos((Math.PI / M) * (m + 0.5) * i));
  });
}
