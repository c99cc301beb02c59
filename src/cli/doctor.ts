/** `unrolled doctor`: what computes here, and why nothing faster does. */
import { readFileSync } from 'node:fs';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import type { Command } from 'commander';
import { type BackendFacts, explainBackends, getBackend } from '../backend/select.ts';
import { bytes, openTerminal } from './terminal.ts';

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .summary('show the backend, its speed class, and why a faster one is not in use')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ unrolled doctor')
    .action(({ json }: { json?: boolean }) => {
      const facts = diagnose();
      if (json === true) process.stdout.write(`${JSON.stringify(facts, null, 2)}\n`);
      else process.stdout.write(`${report(facts).join('\n')}\n`);
    });
}

interface Diagnosis {
  readonly unrolled: string;
  readonly node: string;
  readonly v8: string;
  readonly system: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly backend: string;
  readonly threads: number;
  readonly backends: readonly BackendFacts[];
  readonly environment: Readonly<Record<string, string>>;
}

function diagnose(): Diagnosis {
  const chosen = getBackend();
  return {
    unrolled: version(),
    node: process.versions.node,
    v8: process.versions.v8,
    system: `${platform()} ${release()} ${arch()}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    backend: chosen.name,
    threads: chosen.threads,
    backends: explainBackends(),
    environment: Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('UNROLLED_'))) as Record<string, string>,
  };
}

function report(facts: Diagnosis): string[] {
  const { bold, dim, good, bad } = openTerminal();
  const row = (label: string, value: string): string => `  ${dim(label.padEnd(11))} ${value}`;
  const lines = [
    bold(`unrolled ${facts.unrolled}`),
    row('Node', `${facts.node} (V8 ${facts.v8})`),
    row('System', facts.system),
    row('Processor', `${facts.processor}, ${facts.cores} ${facts.cores === 1 ? 'core' : 'cores'}`),
    row('Memory', bytes(facts.memoryBytes)),
    '',
    bold('Backends'),
  ];
  for (const { name, isAvailable, isChosen, description, path, reason } of facts.backends) {
    const mark = isChosen ? good('●') : isAvailable ? '○' : bad('✗');
    lines.push(`  ${mark} ${name.padEnd(9)} ${isAvailable ? description : reason}${isChosen ? dim('  ← in use') : ''}`);
    if (path !== undefined) lines.push(`              ${dim(path)}`);
  }
  for (const [name, value] of Object.entries(facts.environment)) lines.push('', row(name, value));
  const fastest = facts.backends.find(({ name }) => name === 'native');
  if (fastest !== undefined && !fastest.isChosen) {
    lines.push(
      '',
      fastest.isAvailable
        ? `"native" is available and faster; "${facts.backend}" was asked for.`
        : '"native" is the fastest; what is missing stands beside it.',
    );
  }
  return lines;
}

/** The package's version. */
export function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  return version;
}
