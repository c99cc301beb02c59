/** `unrolled bench`: how fast this machine trains and runs recurrent networks, beside the libraries that one would use instead. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { getBackend } from '../backend/select.ts';
import { ConfigError, unknownName } from '../tensor/errors.ts';
import type { Launch } from './bench/contender.ts';
import { type Entrant, measure } from './bench/measure.ts';
import { entrantsOf, type PeerName, peerNames, whyMissing } from './bench/peers.ts';
import { type BenchRecord, mergeRecords, recordsOf } from './bench/records.ts';
import { type Workload, workloads } from './bench/workloads.ts';
import { openTerminal, type Terminal } from './terminal.ts';

/** `wasm` is held to fixed-width SIMD; `wasm-relaxed` switches relaxed SIMD on where the engine has it behind a flag. */
export const benchBackends = ['native', 'wasm', 'wasm-relaxed'] as const;
export type BenchBackend = (typeof benchBackends)[number];

interface BenchOptions {
  readonly only?: readonly string[];
  readonly peers?: readonly string[];
  readonly threads?: readonly number[];
  readonly backend?: readonly string[];
  readonly rounds: number;
  readonly json?: boolean;
  readonly out?: string;
}

export function addBench(program: Command): void {
  const ids = workloads.map(({ id }) => id);
  program
    .command('bench')
    .description('measure speed, alone or against other libraries')
    .option('--only <id,...>', `measure only these: ${ids.join(', ')}`, list)
    .option('--peers <name,...>', `compare with these: ${peerNames.join(', ')}, or none (default: those that are installed)`, list)
    .option('--threads <n,...>', 'numbers of threads, each measured (default: 1 and all of the machine)', listOfCounts)
    .option('--backend <name,...>', `backends, each measured: ${benchBackends.join(', ')} (default: the one in use)`, list)
    .addOption(new Option('--rounds <n>', 'samples of each contender, taken in turns').default(15).argParser(count))
    .option('--out <file>', 'keep the records in this JSON file, in place of earlier ones of the same measurement')
    .option('--json', 'print the records as JSON, and nothing else on stdout')
    .addHelpText('after', '\nExample:\n  $ unrolled bench --only train-lstm-128x2 --peers torch --threads 1')
    .action(async (options: BenchOptions) => {
      await bench(options);
    });
}

/** Measures what was asked, one workload after another, and gives the records. */
export async function bench(options: BenchOptions): Promise<BenchRecord[]> {
  const chosen = chosenFrom('benchmark', options.only, workloads, ({ id }) => id);
  const backends = chosenFrom('backend', options.backend ?? [defaultBackend()], benchBackends, (name) => name);
  const terminal = openTerminal();
  const peers = choosePeers(options.peers, terminal);
  const command = `unrolled bench ${process.argv.slice(3).join(' ')}`.trim();
  const records: BenchRecord[] = [];
  for (const backend of backends) {
    for (const threads of threadsFor(backend, options.threads)) {
      for (const workload of chosen) {
        terminal.line(terminal.bold(`${workload.id}, ${backend}, ${threads === 1 ? '1 thread' : `${threads} threads`}`));
        const entrants = [...subjects(workload, backend), ...peers.flatMap((peer) => entrantsOf(peer, threads, workload))];
        const measurement = await measure(workload, threads, entrants, options.rounds);
        const found = recordsOf({ workload, backend, threads, command }, measurement);
        for (const record of found) terminal.line(sentence(record));
        for (const { label, reason } of measurement.unsupported) terminal.line(terminal.dim(`  ${label}: not compared: ${reason}`));
        records.push(...found);
        if (options.out !== undefined) mergeRecords(options.out, found);
      }
    }
  }
  if (options.json === true) process.stdout.write(`${JSON.stringify(records, null, 1)}\n`);
  return records;
}

/** Unrolled itself: plain; when training also folded; and relaxed SIMD beside plain SIMD. */
function subjects({ kind }: Workload, backend: BenchBackend): Entrant[] {
  const variants = kind === 'train' ? ['plain', 'folded'] : ['plain'];
  const own: Entrant[] = variants.map((variant) => ({ label: variant, launches: [subject(backend, variant)] }));
  return backend === 'wasm-relaxed' ? [...own, { label: 'unrolled-wasm', launches: [subject('wasm', 'plain')] }] : own;
}

/** This very program's subject.js, or subject.ts under the loader that runs this file. */
function subject(backend: BenchBackend, variant: string): Launch {
  const here = import.meta.url;
  const file = new URL(`./bench/subject.${here.endsWith('.ts') ? 'ts' : 'js'}`, here).pathname;
  return { command: process.execPath, args: [...process.execArgv, file, backend, variant] };
}

function sentence({ variant, peer, medianMs, peerMedianMs, ratio, gflops, spread }: BenchRecord): string {
  const own = `${milliseconds(medianMs)} (±${((spread / 2) * 100).toFixed(0)} %), ${gflops.toFixed(1)} GFLOP/s`;
  if (peer === null) return `  ${variant}: ${own}`;
  return `  ${variant}: ${own}; ${peer} ${milliseconds(peerMedianMs!)}: ${ratio!.toFixed(2)}x`;
}

function milliseconds(ms: number): string {
  if (ms < 1) return `${(ms * 1000).toPrecision(3)} µs`;
  return ms < 1000 ? `${ms.toPrecision(3)} ms` : `${ms.toFixed(0)} ms`;
}

function defaultBackend(): BenchBackend {
  const { name } = getBackend();
  if (name === 'reference') throw new ConfigError('[bench] expected a fast backend; unset UNROLLED_BACKEND, or name one with --backend.');
  return name;
}

function threadsFor(backend: BenchBackend, asked: readonly number[] | undefined): readonly number[] {
  const all = getBackend(backend === 'native' ? 'native' : 'wasm').threads;
  return asked ?? (all === 1 ? [1] : [1, all]);
}

function choosePeers(asked: readonly string[] | undefined, terminal: Terminal): PeerName[] {
  if (asked?.length === 1 && asked[0] === 'none') return [];
  const peers = chosenFrom('peer', asked, peerNames, (name) => name);
  return peers.filter((peer) => {
    const reason = whyMissing(peer);
    if (reason === null) return true;
    if (asked !== undefined) throw new ConfigError(`[bench] ${peer} cannot be measured: ${reason}.`);
    terminal.line(terminal.dim(`without ${peer}: ${reason}`));
    return false;
  });
}

function chosenFrom<T>(kind: string, asked: readonly string[] | undefined, all: readonly T[], nameOf: (item: T) => string): readonly T[] {
  if (asked === undefined) return all;
  const names = all.map(nameOf);
  return asked.map((name) => {
    const at = names.indexOf(name);
    if (at < 0) throw new ConfigError(`[bench] ${unknownName(kind, name, names)}`);
    return all[at];
  });
}

function list(text: string, previous: readonly string[] = []): string[] {
  return [...previous, ...text.split(',').filter((part) => part !== '')];
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError(`expected an integer of at least 1, received "${text}".`);
  return value;
}

function listOfCounts(text: string): number[] {
  return text.split(',').map(count);
}
