/** What the user gave the studio to show: run folders and model files, found again each time they are asked for. */
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { fileInside } from './inside.ts';

/** A training run's folder. */
export interface RunEntry {
  /** Its name in addresses; unique. */
  readonly id: string;
  readonly folder: string;
  readonly hasModel: boolean;
  /** Bytes of events.jsonl. */
  readonly eventBytes: number;
  /** When something happened last, in milliseconds since 1970. */
  readonly changed: number;
}

/** A model file. */
export interface ModelEntry {
  readonly id: string;
  readonly folder: string;
  readonly file: string;
  readonly bytes: number;
  readonly changed: number;
}

/** How deep below a given folder runs are looked for: `runs/` and `runs/experiment/` have theirs. */
const depth = 3;
/** Folders without runs that are often large. */
const skipped = new Set(['node_modules', 'checkpoints']);

export class Library {
  readonly #paths: readonly string[];

  /** @param paths  run folders, folders of them, model files */
  constructor(paths: readonly string[]) {
    this.#paths = paths.map((path) => resolve(path));
  }

  async runs(): Promise<RunEntry[]> {
    const found = await Promise.all(this.#paths.map((path) => runsBelow(path, depth)));
    const folders = [...new Set(found.flat())];
    const entries = await Promise.all(folders.map((folder) => runEntry(folder, this.#nameOf(folder))));
    return distinct(entries.filter((entry) => entry !== null)).sort((a, b) => b.changed - a.changed);
  }

  async models(): Promise<ModelEntry[]> {
    const runs = await this.runs();
    const given = await Promise.all(this.#paths.map(modelsIn));
    const places = [...runs.filter(({ hasModel }) => hasModel).map(({ folder }) => join(folder, 'model.safetensors')), ...given.flat()];
    const entries = await Promise.all([...new Set(places)].map((file) => modelEntry(file, this.#nameOf(file))));
    return distinct(entries.filter((entry) => entry !== null)).sort((a, b) => b.changed - a.changed);
  }

  /** A file of a run; null where there is none. */
  async runFile(id: string, name: 'events.jsonl' | 'config.json'): Promise<string | null> {
    const run = (await this.runs()).find((entry) => entry.id === id);
    return run === undefined ? null : fileInside(run.folder, name);
  }

  async modelFile(id: string): Promise<string | null> {
    const model = (await this.models()).find((entry) => entry.id === id);
    return model === undefined ? null : fileInside(model.folder, model.file);
  }

  /** As seen from what was given: `moby-dick` in `runs/`. */
  #nameOf(path: string): string {
    const root = this.#paths.find((given) => path === given || path.startsWith(given + sep)) ?? dirname(path);
    const inner = relative(root, path).split(sep).join('/');
    return inner === '' ? basename(path) : this.#paths.length > 1 ? `${basename(root)}/${inner}` : inner;
  }
}

async function runsBelow(path: string, levels: number): Promise<string[]> {
  const names = await readdir(path, { withFileTypes: true }).catch(() => []);
  if (names.some((entry) => entry.isFile() && (entry.name === 'events.jsonl' || entry.name === 'config.json'))) return [path];
  if (levels === 0) return [];
  const folders = names.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !skipped.has(entry.name));
  return (await Promise.all(folders.map(({ name }) => runsBelow(join(path, name), levels - 1)))).flat();
}

/** null: it has no events that may be shown. */
async function runEntry(folder: string, id: string): Promise<RunEntry | null> {
  const [events, config, model] = await Promise.all(
    ['events.jsonl', 'config.json', 'model.safetensors'].map((name) => fileInside(folder, name)),
  );
  if (events === null) return null;
  const { size, mtimeMs } = await stat(events);
  // A folder of anything may hold an events.jsonl; a training's begins with its configuration, or its log says it all.
  if (config === null && size === 0) return null;
  return { id, folder, hasModel: model !== null, eventBytes: size, changed: mtimeMs };
}

/** Model files that were named (a link that was is what it leads to), or lie in a folder that was. */
async function modelsIn(path: string): Promise<string[]> {
  if (path.endsWith('.safetensors')) return [await realpath(path).catch(() => path)];
  const names = await readdir(path, { withFileTypes: true }).catch(() => []);
  return names.filter((entry) => entry.isFile() && entry.name.endsWith('.safetensors')).map(({ name }) => join(path, name));
}

async function modelEntry(path: string, id: string): Promise<ModelEntry | null> {
  const file = await fileInside(dirname(path), basename(path));
  if (file === null) return null;
  const { size, mtimeMs } = await stat(file);
  return { id, folder: dirname(path), file: basename(path), bytes: size, changed: mtimeMs };
}

function distinct<E extends { readonly id: string }>(entries: readonly E[]): E[] {
  const seen = new Map<string, number>();
  return entries.map((entry) => {
    const count = (seen.get(entry.id) ?? 0) + 1;
    seen.set(entry.id, count);
    return count === 1 ? entry : { ...entry, id: `${entry.id} (${count})` };
  });
}
