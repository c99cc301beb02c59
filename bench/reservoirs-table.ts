/** The table of echo state networks' benchmarks, made of bench/results/quality-reservoirs.json. */
import { type Circumstances, readResult } from './circumstances.ts';

/** One benchmark: what networks of ten seeds reached, and others. */
export interface ReservoirBenchmark {
  readonly name: string;
  readonly protocol: string;
  readonly measure: string;
  readonly isHigherBetter: boolean;
  readonly options: Readonly<Record<string, number | boolean>>;
  /** By seed. */
  readonly values: readonly number[];
  readonly secondsPerSeed: number;
  /** The same series, options and number of seeds; null: not measured. */
  readonly reservoirpy: { readonly version: string; readonly values: readonly number[] } | null;
  readonly published: readonly {
    readonly system: string;
    readonly value: number;
    readonly source: string;
    readonly isFromMemory: boolean;
  }[];
}

/** bench/results/quality-reservoirs.json */
export interface ReservoirsResult extends Circumstances {
  readonly description: string;
  readonly benchmarks: readonly ReservoirBenchmark[];
}

export function reservoirsTable(): string {
  const result = readResult<ReservoirsResult>('quality-reservoirs');
  if (result === null) return 'Not measured yet. `UNROLLED_THREADS=1 npx tsx bench/quality/reservoirs.ts --data FOLDER`';
  const { date, cpu, description, versions, command, benchmarks } = result;
  const named = Object.entries(versions).map(([program, version]) => `${program} ${version}`);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const head = ['benchmark', 'measure', 'median of 10 seeds', 'best … worst', 'ReservoirPy, the same', 'published', 's a seed'];
  return [
    [date, cpu, description, named.join('; '), `\`${command}\``].join(' · '),
    '',
    line(head),
    line(head.map(() => '---')),
    ...benchmarks.map(({ name, measure, isHigherBetter, values, reservoirpy, published, secondsPerSeed }) => {
      const sorted = [...values].sort((a, b) => (isHigherBetter ? b - a : a - b));
      const others = published.map(
        ({ system, value, source, isFromMemory }) => `${number(value)}: ${system} (${source}${isFromMemory ? '; from memory' : ''})`,
      );
      return line([
        name,
        `${measure} ${isHigherBetter ? '↑' : '↓'}`,
        `**${number(median(values))}**`,
        `${number(sorted[0])} … ${number(sorted[sorted.length - 1])}`,
        reservoirpy === null ? '–' : `${number(median(reservoirpy.values))} (${reservoirpy.version})`,
        others.length === 0 ? '–' : others.join('<br>'),
        secondsPerSeed.toFixed(2),
      ]);
    }),
    '',
    ...benchmarks.map(({ name, protocol, options }) => `- ${name}: ${protocol}. ${optionsInWords(options)}.`),
  ].join('\n');
}

function optionsInWords(options: ReservoirBenchmark['options']): string {
  return Object.entries(options)
    .filter(([name]) => !['inputSize', 'outputSize', 'hiddenSize', 'washout'].includes(name))
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
}

function number(value: number): string {
  return value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(2) : value.toPrecision(3);
}
