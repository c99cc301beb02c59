/**
 * How long a sparse reservoir takes to learn: 1,000 units, a tenth of their weights not 0, driven for 10,000 steps, and the ridge
 * readout solved. Drawing the weights, which is done once, is measured beside it.
 *
 *   UNROLLED_THREADS=2 npx tsx bench/reservoir.ts
 */
import { loadavg } from 'node:os';
import { EchoStateNetwork, getBackend, mackeyGlass, Random, tensor } from '../src/index.ts';
import { type Circumstances, circumstances, keepResult } from './circumstances.ts';

/** bench/results/reservoir.json */
export interface ReservoirSpeed extends Circumstances {
  readonly description: string;
  readonly records: readonly {
    readonly what: string;
    readonly medianMs: number;
    readonly quartilesMs: readonly [number, number];
    /** Of all threads, in user and system: what it takes of an otherwise busy machine. */
    readonly cpuMs: number;
  }[];
  /** Processes that wanted to run in the minute before, 2 being all that the machine runs at once. */
  readonly load: number;
}

if (process.argv[1] === import.meta.filename) {
  const steps = 10_000;
  const series = mackeyGlass(steps + 1);
  const part = (from: number) => tensor(Float32Array.from(series.subarray(from, from + steps)), { shape: [1, steps, 1] });
  const [x, y] = [part(0), part(1)];
  const draw = (seed: number) =>
    new EchoStateNetwork({
      inputSize: 1,
      outputSize: 1,
      hiddenSize: 1000,
      density: 0.1,
      leakRate: 0.3,
      washout: 100,
      rng: new Random(seed),
    });
  const esn = draw(1);
  const timed = (repeats: number, body: (i: number) => void) => {
    const cpu = process.cpuUsage();
    const times = Array.from({ length: repeats }, (_, i) => {
      const since = performance.now();
      body(i);
      return performance.now() - since;
    }).sort((a, b) => a - b);
    const { user, system } = process.cpuUsage(cpu);
    const at = (share: number) => times[Math.round(share * (times.length - 1))];
    return { medianMs: at(0.5), quartilesMs: [at(0.25), at(0.75)] as [number, number], cpuMs: (user + system) / 1000 / repeats };
  };
  esn.fit(x, y);
  const records = [
    { what: 'driven for 10,000 steps, readout solved', ...timed(15, () => esn.fit(x, y)) },
    { what: 'weights drawn, spectral radius found', ...timed(5, (i) => draw(i + 2)) },
  ];
  for (const { what, medianMs, quartilesMs, cpuMs } of records)
    console.log(
      `${what}: ${medianMs.toFixed(0)} ms (${quartilesMs.map((ms) => ms.toFixed(0)).join(' … ')}), ${cpuMs.toFixed(0)} ms of processors`,
    );
  keepResult('reservoir', {
    ...circumstances('UNROLLED_THREADS=2 npx tsx bench/reservoir.ts'),
    description: getBackend().description,
    load: loadavg()[0],
    records,
  });
}
