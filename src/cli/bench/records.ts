/** What is kept of a measurement: one flat record for each variant of Unrolled and each peer, raw samples included. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { version } from '../doctor.ts';
import type { Measured, Measurement } from './measure.ts';
import { median, quantile, spread } from './statistics.ts';
import { flopsOf, type Workload } from './workloads.ts';

export interface BenchRecord {
  readonly id: string;
  /** `folded`: an embedding's V rows are projected instead of the T·B steps; exact up to rounding. */
  readonly variant: 'plain' | 'folded';
  readonly backend: string;
  readonly threads: number;
  /** null: measured alone. */
  readonly peer: string | null;
  /** Of one training step, one sequence or batch, or one instant. */
  readonly medianMs: number;
  readonly peerMedianMs: number | null;
  /** Median over rounds of peer's time / Unrolled's time in the same round: above 1, Unrolled is faster. */
  readonly ratio: number | null;
  /** First and third quartile of the same. */
  readonly ratioQuartiles: readonly [number, number] | null;
  /** Arithmetic that was done, in matrix products alone, over medianMs. */
  readonly gflops: number;
  /** Interquartile range over median of Unrolled's samples. */
  readonly spread: number;
  readonly rounds: number;
  /** Between the outputs; null where they cannot be compared. */
  readonly largestDifference: number | null;
  /** How the peer's work differs. */
  readonly remark: string | null;
  /** What computed: vector width, threads. */
  readonly description: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly date: string;
  readonly cpu: string;
  readonly command: string;
  readonly samplesMs: readonly number[];
  readonly peerSamplesMs: readonly number[] | null;
}

interface Circumstances {
  readonly workload: Workload;
  readonly backend: string;
  readonly threads: number;
  readonly command: string;
}

const variants = ['plain', 'folded'] as const;

export function recordsOf({ workload, backend, threads, command }: Circumstances, { measured }: Measurement): BenchRecord[] {
  const isOwn = ({ label }: Measured): boolean => (variants as readonly string[]).includes(label);
  const peers = measured.filter((one) => !isOwn(one));
  const [first] = cpus();
  return measured.filter(isOwn).flatMap((own) => {
    const variant = own.label as BenchRecord['variant'];
    const medianMs = median(own.samplesMs);
    return (peers.length === 0 ? [null] : peers).map((peer): BenchRecord => {
      const ratios = peer?.samplesMs.map((ms, round) => ms / own.samplesMs[round]) ?? null;
      return {
        id: workload.id,
        variant,
        backend,
        threads,
        peer: peer?.label ?? null,
        medianMs: rounded(medianMs),
        peerMedianMs: peer && rounded(median(peer.samplesMs)),
        ratio: ratios && rounded(median(ratios)),
        ratioQuartiles: ratios && [rounded(quantile(ratios, 0.25)), rounded(quantile(ratios, 0.75))],
        gflops: rounded(flopsOf(workload, variant === 'folded') / medianMs / 1e6),
        spread: rounded(spread(own.samplesMs)),
        rounds: ratios?.length ?? own.samplesMs.length,
        largestDifference: peer?.largestDifference ?? null,
        remark: peer?.ready.remark ?? null,
        description: own.ready.remark ?? '',
        versions: { unrolled: version(), node: process.version, ...(peer && { [peer.ready.name]: peer.ready.version }) },
        date: new Date().toISOString().slice(0, 10),
        cpu: `${first?.model.trim() ?? 'unknown'}, ${cpus().length} cores`,
        command,
        samplesMs: own.samplesMs.map(rounded),
        peerSamplesMs: peer?.samplesMs.map(rounded) ?? null,
      };
    });
  });
}

/** Puts records into a file, in place of those of the same measurement. */
export function mergeRecords(file: string, fresh: readonly BenchRecord[]): void {
  const keyOf = ({ id, variant, backend, threads, peer }: BenchRecord): string => JSON.stringify([id, variant, backend, threads, peer]);
  const replaced = new Set(fresh.map(keyOf));
  const known = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as BenchRecord[]) : [];
  const records = [...known.filter((record) => !replaced.has(keyOf(record))), ...fresh];
  writeFileSync(file, `[\n${records.map((record) => JSON.stringify(record)).join(',\n')}\n]\n`);
}

/** Four figures: more than the noise allows. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
