/**
 * Puts the raw results of bench/results into the tables of docs/performance.md, docs/results.md and docs/long-memory.md, and draws
 * the picture of the last: what stands between
 * `<!-- table: NAME -->` and `<!-- end -->` is generated, the rest is written by hand.
 *
 *   npx tsx bench/tables.ts
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BenchRecord } from '../src/cli/bench/records.ts';
import { median } from '../src/cli/bench/statistics.ts';
import { type Circumstances, readResult } from './circumstances.ts';
import type { Convolutions } from './convolution.ts';
import type { ExploreFrames } from './explore.ts';
import { writeLongMemoryFigure } from './quality/long-memory/figure.ts';
import { memoryTable, remedyTable } from './quality/long-memory/tables.ts';
import { qualityTable } from './quality-table.ts';
import type { ReservoirSpeed } from './reservoir.ts';
import { reservoirsTable } from './reservoirs-table.ts';
import { limits, type SpeedTarget, speedTargets } from './targets.ts';
import type { Throughput } from './throughput.ts';
import type { TranslationBench } from './translation.ts';
import type { WatchCost } from './watch.ts';

/** The pages whose tables are generated. */
export const pages = ['performance.md', 'results.md', 'long-memory.md'].map((name) =>
  fileURLToPath(new URL(`../docs/${name}`, import.meta.url)),
);

/** A page with its tables made anew. */
export function withTables(page: string): string {
  return page.replace(/(<!-- table: ([\w-]+) -->\n)[\s\S]*?(<!-- end -->)/g, (_, begin: string, name: string, end: string) => {
    const table = name.startsWith('quality-') ? () => qualityTable(name.slice('quality-'.length)) : tables[name];
    if (table === undefined) throw new Error(`unknown table "${name}". Known: ${Object.keys(tables).join(', ')}.`);
    return `${begin}\n${table()}\n\n${end}`;
  });
}

const tables: Record<string, () => string> = {
  summary,
  'train-native': () => speedTable((r) => r.id.startsWith('train') && r.backend === 'native' && isMainPeer(r)),
  'inference-native': () => speedTable((r) => !r.id.startsWith('train') && r.backend === 'native' && isMainPeer(r)),
  wasm: () => speedTable((r) => r.backend === 'wasm' && r.peer !== 'brain' && r.peer !== 'deepbox'),
  'wasm-relaxed': () => speedTable((r) => r.backend === 'wasm-relaxed'),
  'avx2-summary': () => processorSummary('speed-avx2'),
  avx2: () => speedTable((r) => r.backend === 'native', 'speed-avx2'),
  'avx2-wasm': () => speedTable((r) => r.backend !== 'native', 'speed-avx2'),
  javascript: () =>
    speedTable(
      (r) =>
        ['tfjs-cpu', 'tfjs-wasm', 'tfjs-wasm-cell', 'brain', 'deepbox'].includes(r.peer ?? '') &&
        (r.backend === 'native' || !r.peer!.startsWith('tfjs')),
    ),
  overhead,
  convolution,
  memory,
  size,
  soak,
  reservoir,
  reservoirs: reservoirsTable,
  throughput,
  ctc,
  translation,
  'tiny-shakespeare': tinyShakespeare,
  sotu,
  watch: watchTable,
  explore: exploreTable,
  'long-memory': memoryTable,
  'long-memory-remedies': remedyTable,
};

// ---- speed ------------------------------------------------------------------------------------------------------------

function speedRecords(name = 'speed'): BenchRecord[] {
  return readResult<BenchRecord[]>(name) ?? [];
}

function isMainPeer({ peer }: BenchRecord): boolean {
  return peer === null || peer === 'torch' || peer === 'ort';
}

/** @param name  of the file of raw results; another one is of another processor */
function speedTable(isIn: (record: BenchRecord) => boolean, name = 'speed'): string {
  const records = speedRecords(name).filter(isIn);
  if (records.length === 0) return notMeasured(`npx unrolled bench --out bench/results/${name}.json`);
  const rows = records.map((record) => {
    const { id, variant, threads, peer, medianMs, peerMedianMs, ratio, ratioQuartiles, gflops, spread, rounds, remark } = record;
    const found = targetsOf(record);
    return [
      id + (variant === 'folded' ? ', folded' : ''),
      threads,
      `${time(medianMs)} ± ${((spread / 2) * 100).toFixed(0)} %`,
      gflops.toFixed(1),
      peer === null ? '–' : `${peer}${remark === null ? '' : ` (${remark})`}`,
      peerMedianMs === null ? '–' : `${time(peerMedianMs)}${rounds < 3 ? ` (${rounds} only)` : ''}`,
      ratio === null ? '–' : `${ratioText(ratio)}${rounds < 3 ? '' : ` (${ratioQuartiles!.map((q) => q.toFixed(2)).join('–')})`}`,
      found.map(targetText).join(', ') || '–',
      found.map((target) => verdict(isMet(target, record))).join(', ') || '–',
    ];
  });
  const head = ['measured', 'threads', 'Unrolled', 'GFLOP/s', 'against', 'its time', 'ratio (quartiles)', 'target', 'met'];
  return `${aboveSpeed(records)}\n\n${table(head, rows)}`;
}

function targetsOf(record: BenchRecord): SpeedTarget[] {
  return speedTargets.filter(
    ({ id, variant, backend, threads, peer }) =>
      id === record.id &&
      variant === record.variant &&
      backend === record.backend &&
      threads === record.threads &&
      (peer === 'any' || peer === record.peer),
  );
}

function isMet({ field, atLeast = -Infinity, atMost = Infinity }: SpeedTarget, record: BenchRecord): boolean {
  const value = record[field];
  return value !== null && value >= atLeast && value <= atMost;
}

function targetText({ field, atLeast, atMost }: SpeedTarget): string {
  if (field === 'medianMs') return `≤ ${time(atMost!)}`;
  return field === 'ratio' ? `≥ ${atLeast}x` : `≥ ${atLeast} GFLOP/s`;
}

/** Where Unrolled loses, the table says so in words. */
function ratioText(ratio: number): string {
  return ratio < 1 ? `**${ratio.toFixed(2)}x, slower**` : `${ratio.toFixed(ratio < 10 ? 2 : 0)}x`;
}

function aboveSpeed(records: readonly BenchRecord[]): string {
  const all = (of: (record: BenchRecord) => readonly string[]): string => [...new Set(records.flatMap(of))].join('; ');
  const versions = all(({ versions }) => Object.entries(versions).map(([name, version]) => `${name} ${version}`));
  const commands = all(({ command }) => [`\`${command}\``]);
  return `${all(({ date }) => [date])} · ${all(({ cpu }) => [cpu])} · ${all(({ description }) => [description])} · ${versions} · ${commands}`;
}

/** How many targets are met, and every one that is not. */
function summary(): string {
  const measured = speedVerdicts();
  const all = [...measured, ...otherVerdicts()];
  const missed = all.filter(({ met }) => !met);
  const missing = speedTargets.length - measured.length;
  const count = all.length === 0 ? 'Nothing is measured yet.' : `${all.length - missed.length} of ${all.length} measured targets are met.`;
  return [
    `${count}${missing === 0 || all.length === 0 ? '' : ` ${missing} more are not measured yet.`}`,
    ...(missed.length === 0 ? [] : ['', 'Missed:', '', ...missed.map(({ what, was }) => `- ${what}: ${was}`)]),
  ].join('\n');
}

/** Of another processor: all that it is held against is in the table. */
function processorSummary(name: string): string {
  const measured = speedVerdicts(name);
  return `${measured.filter(({ met }) => met).length} of ${measured.length} targets of speed are met on it.`;
}

function speedVerdicts(name?: string): { readonly what: string; readonly met: boolean; readonly was: string }[] {
  const records = speedRecords(name);
  return speedTargets.flatMap((target) => {
    const record = records.find((one) => targetsOf(one).includes(target));
    return record === undefined ? [] : [{ what: describe(target), met: isMet(target, record), was: wasText(target, record) }];
  });
}

function describe(target: SpeedTarget): string {
  const { id, variant, backend, threads, peer } = target;
  const against = peer === 'any' ? '' : ` against ${peer}`;
  return `${id}${variant === 'folded' ? ', folded' : ''}, ${backend}, ${threads} ${threads === 1 ? 'thread' : 'threads'}${against} ${targetText(target)}`;
}

function wasText({ field }: SpeedTarget, record: BenchRecord): string {
  if (field === 'medianMs') return time(record.medianMs);
  return field === 'ratio' ? `${record.ratio!.toFixed(2)}x` : `${record.gflops.toFixed(1)} GFLOP/s`;
}

// ---- memory, size, long runs --------------------------------------------------------------------------------------------

interface Overhead extends Circumstances {
  readonly description: string;
  readonly publicMs: number;
  readonly bareMs: number;
  readonly overhead: number;
  readonly overheadQuartiles: readonly [number, number];
}

interface Memory extends Circumstances {
  readonly records: readonly {
    readonly id: string;
    readonly backend: string;
    readonly peakBytes: number;
    readonly keptBytes: number;
    readonly ratio: number;
  }[];
}

interface Size extends Circumstances {
  readonly bundle: { readonly bytes: number; readonly gzipped: number };
  readonly importMs: number;
  readonly importQuartilesMs: readonly [number, number];
}

interface Soak extends Circumstances {
  readonly records: readonly {
    readonly backend: string;
    readonly what: string;
    readonly steps: number;
    readonly seconds: number;
    readonly residentBytes: readonly number[];
    readonly growth: number;
  }[];
}

interface Watch extends Circumstances {
  readonly description: string;
  readonly records: readonly WatchCost[];
}

interface Verdict {
  readonly what: string;
  readonly met: boolean;
  readonly was: string;
}

function otherVerdicts(): Verdict[] {
  const overhead = readResult<Overhead>('overhead');
  const size = readResult<Size>('size');
  return [
    ...(overhead === null
      ? []
      : [
          {
            what: `public face over bare kernels ≤ ${percent(limits.overhead)}`,
            met: overhead.overhead <= limits.overhead,
            was: percent(overhead.overhead),
          },
        ]),
    ...(readResult<Memory>('memory')?.records ?? []).map(({ id, backend, ratio }) => ({
      what: `memory of ${id}, ${backend} ≤ ${limits.memory}x`,
      met: ratio <= limits.memory,
      was: `${ratio.toFixed(2)}x`,
    })),
    ...(size === null
      ? []
      : [
          {
            what: 'browser bundle ≤ 300 kB gzipped',
            met: size.bundle.gzipped <= limits.bundleGzippedBytes,
            was: kilobytes(size.bundle.gzipped),
          },
          { what: `import ≤ ${limits.importMs} ms`, met: size.importMs <= limits.importMs, was: time(size.importMs) },
        ]),
    ...ctcVerdicts(),
    ...(readResult<Throughput>('throughput')?.records ?? []).map(({ task, what, share }) => ({
      what: `${task}, ${what}, throughput against the bare engine's ≥ ${percent(limits.taskThroughput)}`,
      met: share >= limits.taskThroughput,
      was: percent(share),
    })),
    ...(readResult<Watch>('watch')?.records ?? []).map(({ hiddenSize, batchSize, steps, share }) => ({
      what: `looks inside a training, ${watched({ hiddenSize, batchSize, steps })}, < ${percent(limits.watchShare)} of its time`,
      met: share < limits.watchShare,
      was: percent(share),
    })),
    ...(readResult<ReservoirSpeed>('reservoir')?.records ?? []).slice(0, 1).map(({ what, medianMs }) => ({
      what: `a sparse reservoir of 1,000 units ${what} ≤ ${limits.reservoirMs} ms`,
      met: medianMs <= limits.reservoirMs,
      was: time(medianMs),
    })),
    ...(readResult<Soak>('soak')?.records ?? []).map(({ backend, what, growth }) => ({
      what: `growth in ${what}, ${backend} < ${percent(limits.soakGrowth)}`,
      met: growth < limits.soakGrowth,
      was: percent(growth),
    })),
  ];
}

function overhead(): string {
  const result = readResult<Overhead>('overhead');
  if (result === null) return notMeasured('npx tsx bench/overhead.ts');
  const { publicMs, bareMs, overhead, overheadQuartiles } = result;
  const quartiles = overheadQuartiles.map(percent).join(' – ');
  const row = [
    time(publicMs),
    time(bareMs),
    `${percent(overhead)} (${quartiles})`,
    `≤ ${percent(limits.overhead)}`,
    verdict(overhead <= limits.overhead),
  ];
  return `${above(result, result.description)}\n\n${table(['public face', 'bare kernels', 'overhead (quartiles)', 'target', 'met'], [row])}`;
}

function convolution(): string {
  const result = readResult<Convolutions>('convolution');
  if (result === null) return notMeasured('npx tsx bench/convolution.ts');
  const rows = result.unrolled.map(({ block, ...ours }, i) => [
    block,
    ...(['convolution', 'forward', 'training'] as const).map((what) => {
      const theirs = result.theirs[i][what];
      return `${time(ours[what])} / ${time(theirs)} (${(theirs / ours[what]).toFixed(2)}x)`;
    }),
  ]);
  const head = ['block', 'convolution alone', 'block, forward', 'block, forward and backward'];
  return `${above(result, result.backend)}\n\n${table(head, rows)}`;
}

function memory(): string {
  const result = readResult<Memory>('memory');
  if (result === null) return notMeasured('npx tsx bench/memory.ts');
  const rows = result.records.map(({ id, backend, peakBytes, keptBytes, ratio }) => [
    id,
    backend,
    megabytes(peakBytes),
    megabytes(keptBytes),
    `${ratio.toFixed(2)}x`,
    `≤ ${limits.memory}x`,
    verdict(ratio <= limits.memory),
  ]);
  return `${above(result)}\n\n${table(['training step', 'backend', 'peak', 'has to be kept', 'ratio', 'target', 'met'], rows)}`;
}

function size(): string {
  const result = readResult<Size>('size');
  if (result === null) return notMeasured('npx tsx bench/size.ts');
  const { bundle, importMs, importQuartilesMs } = result;
  const rows = [
    [
      'browser bundle with LSTM, training and WebAssembly, gzipped',
      kilobytes(bundle.gzipped),
      `≤ ${kilobytes(limits.bundleGzippedBytes)}`,
      verdict(bundle.gzipped <= limits.bundleGzippedBytes),
    ],
    ['the same, not gzipped', kilobytes(bundle.bytes), '–', '–'],
    [
      "`import 'unrolled'` in a fresh Node",
      `${time(importMs)} (${importQuartilesMs.map(time).join(' – ')})`,
      `≤ ${limits.importMs} ms`,
      verdict(importMs <= limits.importMs),
    ],
  ];
  return `${above(result)}\n\n${table(['measured', 'is', 'target', 'met'], rows)}`;
}

function soak(): string {
  const result = readResult<Soak>('soak');
  if (result === null) return notMeasured('npx tsx bench/soak.ts');
  const rows = result.records.map(({ backend, what, steps, seconds, residentBytes, growth }) => [
    `${steps.toLocaleString('en')} ${what} steps`,
    backend,
    `${seconds.toFixed(0)} s`,
    megabytes(median(residentBytes.slice(1, 4))),
    megabytes(median(residentBytes.slice(-3))),
    percent(growth),
    `< ${percent(limits.soakGrowth)}`,
    verdict(growth < limits.soakGrowth),
  ]);
  return `${above(result)}\n\n${table(['run', 'backend', 'took', 'after the warm-up', 'at the end', 'growth', 'target', 'met'], rows)}`;
}

function watchTable(): string {
  const result = readResult<Watch>('watch');
  if (result === null) return notMeasured('UNROLLED_THREADS=1 npx tsx bench/watch.ts');
  const rows = result.records.map(({ vocabularySize, plainMs, lookMs, every, share, bytes, ...sizes }) => [
    `${watched(sizes)}, ${vocabularySize.toLocaleString('en')} tokens`,
    time(plainMs),
    time(lookMs),
    `every ${every} steps`,
    `${(share * 100).toFixed(2)} %`,
    `${(bytes / 1000).toFixed(1)} kB`,
    `< ${percent(limits.watchShare)}`,
    verdict(share < limits.watchShare),
  ]);
  const head = ['training', 'a step', 'a look', 'looks', 'of the time', 'an event', 'target', 'met'];
  return `${above(result, result.description)}\n\n${table(head, rows)}`;
}

function watched({ hiddenSize, batchSize, steps }: Pick<WatchCost, 'hiddenSize' | 'batchSize' | 'steps'>): string {
  return `2 LSTM ${hiddenSize}, B ${batchSize}, T ${steps}`;
}

function exploreTable(): string {
  const result = readResult<ExploreFrames>('explore');
  if (result === null) return notMeasured('npx tsx bench/explore.ts');
  const rows = result.records.map((record) => [
    record.while,
    record.framesPerSecond.toFixed(0),
    ...[record.medianMs, record.most95Ms, record.longestMs].map((ms) => `${ms.toFixed(1)} ms`),
  ]);
  return `${above(result)}\n\n${table(['while', 'frames a second', 'between two, median', '95 % within', 'longest'], rows)}`;
}

function reservoir(): string {
  const result = readResult<ReservoirSpeed>('reservoir');
  if (result === null) return notMeasured('UNROLLED_THREADS=2 npx tsx bench/reservoir.ts');
  const rows = result.records.map(({ what, medianMs, quartilesMs, cpuMs }, i) => [
    what,
    `${time(medianMs)} (${quartilesMs.map(time).join(' – ')})`,
    time(cpuMs),
    i === 0 ? `≤ ${limits.reservoirMs} ms` : '–',
    i === 0 ? verdict(medianMs <= limits.reservoirMs) : '–',
  ]);
  const load = `load of the machine ${result.load.toFixed(1)}`;
  return `${above(result, result.description)} · ${load}\n\n${table(['1,000 units, a tenth of the weights', 'median (quartiles)', 'of processors', 'target', 'met'], rows)}`;
}

function translation(): string {
  const result = readResult<TranslationBench & Circumstances>('translation');
  if (result === null) return notMeasured('npx tsx bench/translation.ts');
  const rows = result.records.map(
    ({ beamWidth, sentences, tokensPerSecond, tokensPerSecondQuartiles, stepMs, rows, cellMs, peerCellMs }) => [
      beamWidth === 1 ? 'greedy' : `beam of ${beamWidth}`,
      sentences,
      `${tokensPerSecond.toFixed(0)} (${tokensPerSecondQuartiles.map((rate) => rate.toFixed(0)).join(' – ')})`,
      time(stepMs),
      rows,
      time(cellMs),
      time(peerCellMs),
      ratioText(peerCellMs / cellMs),
    ],
  );
  const head = [
    'search',
    'sentences at once',
    'pieces a second (quartiles)',
    'a step of it',
    'rows',
    'the cell alone',
    "onnxruntime's cell",
    'ratio',
  ];
  return `${above(result, result.description)}\n\n${table(head, rows)}`;
}

function throughput(): string {
  const result = readResult<Throughput & Circumstances>('throughput');
  if (result === null) return notMeasured('npx tsx bench/throughput.ts');
  const rows = result.records.map(({ task, what, ms, engineMs, share, threads }) => [
    `${task}, ${what}`,
    threads,
    time(ms),
    time(engineMs),
    percent(share),
    `≥ ${percent(limits.taskThroughput)}`,
    verdict(share >= limits.taskThroughput),
  ]);
  return `${above(result)}\n\n${table(['measured', 'threads', 'time', 'of it the bare engine', 'throughput against it', 'target', 'met'], rows)}`;
}

// ---- alignments ---------------------------------------------------------------------------------------------------------

interface Compared {
  readonly ms: number;
  readonly torchMs: number;
  readonly ratio: number;
  readonly ratioQuartiles: readonly number[];
}

interface Ctc extends Circumstances {
  readonly description: string;
  readonly loss: Compared & {
    readonly T: number;
    readonly B: number;
    readonly V: number;
    readonly U: number;
    /** The same in the processor's time. */
    readonly cpu: Compared;
  };
  readonly search: readonly { readonly what: string; readonly audioMs: number; readonly cpuMs: number; readonly timesRealTime: number }[];
}

function ctcVerdicts(): Verdict[] {
  const result = readResult<Ctc>('ctc');
  if (result === null) return [];
  return [
    {
      what: `CTC loss and gradient against torch ≥ ${limits.ctcRatio}x`,
      met: result.loss.ratio >= limits.ctcRatio,
      was: `${result.loss.ratio.toFixed(2)}x`,
    },
    ...result.search.map(({ what, timesRealTime }) => ({
      what: `CTC beam search, ${what}, against real time ≥ ${limits.searchTimesRealTime}x`,
      met: timesRealTime >= limits.searchTimesRealTime,
      was: `${timesRealTime.toFixed(0)}x`,
    })),
  ];
}

function ctc(): string {
  const result = readResult<Ctc>('ctc');
  if (result === null) return notMeasured('npx tsx bench/ctc.ts');
  const { T, B, V, U, cpu } = result.loss;
  const against = (what: string, { ms, torchMs, ratio, ratioQuartiles }: Compared): string[] => [
    what,
    time(ms),
    `PyTorch ${time(torchMs)}`,
    `${ratioText(ratio)} (${ratioQuartiles.map((q) => q.toFixed(2)).join('–')})`,
    `≥ ${limits.ctcRatio}x`,
    verdict(ratio >= limits.ctcRatio),
  ];
  const rows = [
    against(`CTC loss and gradient (T ${T}, B ${B}, V ${V}, U ${U})`, result.loss),
    against("the same in the processor's time", cpu),
    ...result.search.map(({ what, audioMs, cpuMs, timesRealTime }) => [
      `beam search of width 10, ${what}`,
      time(cpuMs),
      `${(audioMs / 1000).toFixed(0)} s of frames`,
      `${timesRealTime.toFixed(0)}x`,
      `≥ ${limits.searchTimesRealTime}x`,
      verdict(timesRealTime >= limits.searchTimesRealTime),
    ]),
  ];
  return `${above(result, result.description)}\n\n${table(['measured', 'Unrolled', 'against', 'ratio (quartiles)', 'target', 'met'], rows)}`;
}

// ---- quality ------------------------------------------------------------------------------------------------------------

interface TinyShakespeare extends Circumstances {
  readonly description: string;
  readonly minutes: number;
  readonly characters: { readonly train: number; readonly valid: number };
  readonly config: Readonly<Record<string, unknown>>;
  readonly report: { readonly metrics: Readonly<Record<string, number>> };
}

interface Sotu extends Circumstances {
  readonly description: string;
  readonly pytorchThreads: string;
  readonly words: { readonly train: number; readonly test: number };
  readonly config: Readonly<Record<string, number>>;
  readonly unrolled: { readonly perplexity: number; readonly trainingSeconds: number };
  readonly pytorch: { readonly perplexity: number; readonly trainingSeconds: number };
}

function tinyShakespeare(): string {
  const result = readResult<TinyShakespeare>('tiny-shakespeare');
  if (result === null) return notMeasured('npx tsx bench/quality/tiny-shakespeare.ts --data FOLDER');
  const { minutes, config, report } = result;
  const { natsPerToken, bitsPerCharacter } = report.metrics;
  const rows = [
    [
      'nats a character, last 10 %',
      natsPerToken.toFixed(4),
      `≤ ${limits.tinyShakespeareNats}`,
      verdict(natsPerToken <= limits.tinyShakespeareNats),
    ],
    ['bits a character', bitsPerCharacter.toFixed(4), '–', '–'],
    ['minutes', minutes.toFixed(1), `≤ ${limits.tinyShakespeareMinutes}`, verdict(minutes <= limits.tinyShakespeareMinutes)],
  ];
  const options = Object.entries(config).map(([name, value]) => `${name} ${value}`);
  return `${above(result, result.description)}\n\n${options.join(', ')}\n\n${table(['measured', 'is', 'target', 'met'], rows)}`;
}

function sotu(): string {
  const result = readResult<Sotu>('sotu');
  if (result === null) return notMeasured('npx tsx bench/quality/sotu.ts');
  const { unrolled, pytorch, words, config } = result;
  const difference = unrolled.perplexity / pytorch.perplexity - 1;
  const rows = [
    [
      'test perplexity',
      unrolled.perplexity.toFixed(2),
      pytorch.perplexity.toFixed(2),
      `${difference < 0 ? '' : '+'}${percent(difference)}`,
      `within ${percent(limits.sotuPerplexity)}`,
      verdict(Math.abs(difference) <= limits.sotuPerplexity),
    ],
    [
      'training',
      `${unrolled.trainingSeconds.toFixed(0)} s`,
      `${pytorch.trainingSeconds.toFixed(0)} s`,
      ratioText(pytorch.trainingSeconds / unrolled.trainingSeconds),
      'in less time',
      verdict(unrolled.trainingSeconds < pytorch.trainingSeconds),
    ],
  ];
  const { vocabularySize, embeddingSize, hiddenSize, B, T, steps, parameters } = config;
  const model = `${vocabularySize} words, embedding ${embeddingSize}, LSTM ${hiddenSize}, full softmax, ${parameters} parameters; ${words.train} words to train on, ${words.test} to test; B ${B}, T ${T}, ${steps} steps`;
  return `${above(result, result.description)} · ${result.pytorchThreads}\n\n${model}\n\n${table(['measured', 'Unrolled', 'PyTorch', 'compared', 'target', 'met'], rows)}`;
}

// ---- text ---------------------------------------------------------------------------------------------------------------

function above({ date, cpu, versions, command }: Circumstances, description?: string): string {
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [date, cpu, ...(description === undefined ? [] : [description]), named.join('; '), `\`${command}\``].join(' · ');
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function notMeasured(command: string): string {
  return `Not measured yet. \`${command}\``;
}

function verdict(isMet: boolean): string {
  return isMet ? 'yes' : '**no**';
}

function time(ms: number): string {
  if (ms < 1) return `${(ms * 1000).toPrecision(3)} µs`;
  if (ms < 1000) return `${ms.toPrecision(3)} ms`;
  return ms < 10_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(0)} kB`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const file of pages) writeFileSync(file, withTables(readFileSync(file, 'utf8')));
  writeLongMemoryFigure();
}
