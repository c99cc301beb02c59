/** What stands beside every number: when, on what, with which versions, by which command. And where raw results are kept. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';

export interface Circumstances {
  readonly date: string;
  readonly cpu: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly command: string;
}

/** @param command as one types it in the repository's root */
export function circumstances(command: string, versions: Readonly<Record<string, string>> = {}): Circumstances {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${cpus().length} cores`,
    versions: { unrolled: version, node: process.version, ...versions },
    command,
  };
}

/** Writes bench/results/NAME.json and says so. */
export function keepResult(name: string, result: object): void {
  const file = new URL(`./results/${name}.json`, import.meta.url);
  mkdirSync(new URL('.', file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  console.log(`kept in bench/results/${name}.json`);
}

/** What bench/results/NAME.json holds; null: not measured yet. */
export function readResult<T>(name: string): T | null {
  const file = new URL(`./results/${name}.json`, import.meta.url);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T) : null;
}
