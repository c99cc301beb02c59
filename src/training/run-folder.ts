/**
 * A training run is a folder: config.json (what was asked for), events.jsonl (what happened), checkpoints/ (where to go on
 * from), model.safetensors (the result). Every file but the log is written whole or not at all.
 */
import { type LogFile, listFolder, openLog, readBytes, removeFile, writeAtomically } from '#files';
import { ConfigError, FormatError } from '../tensor/errors.ts';
import { type Checkpoint, formatCheckpoint, parseCheckpoint } from './checkpoint.ts';
import type { TrainingEvent } from './events.ts';

/** The folder of one training run. */
export class RunFolder {
  readonly path: string;
  /** What config.json holds. */
  readonly config: unknown;
  /** Of each checkpoint there is, by step: the step of the best one it knows. */
  readonly #bestOf = new Map<number, number | null>();
  #log: LogFile | null = null;

  private constructor(path: string, config: unknown) {
    this.path = path;
    this.config = config;
  }

  /**
   * A new run.
   *
   * @param config  JSON; enough for whoever resumes the run to build the same training again
   * @throws ConfigError  when the folder already holds a run
   */
  static async create(path: string, config: unknown): Promise<RunFolder> {
    const names = await listFolder(path);
    if (names.includes('config.json')) {
      throw new ConfigError(`[training] ${path} already holds a training. Resume it, or choose another folder.`);
    }
    await writeAtomically(`${path}/config.json`, `${JSON.stringify(config, null, 2)}\n`);
    return new RunFolder(path, config);
  }

  /** A run that was begun; a training given this folder goes on from its last checkpoint. */
  static async open(path: string): Promise<RunFolder> {
    const file = `${path}/config.json`;
    if (!(await listFolder(path)).includes('config.json')) {
      throw new ConfigError(
        `[training] there is no training to resume in ${path}: it has no config.json. Start one there without resuming.`,
      );
    }
    try {
      return new RunFolder(path, JSON.parse(new TextDecoder().decode(await readBytes(file))));
    } catch (cause) {
      if (!(cause instanceof SyntaxError)) throw cause;
      throw new FormatError(`expected JSON: ${cause.message}.`, { file }, { cause });
    }
  }

  get configFile(): string {
    return `${this.path}/config.json`;
  }

  get modelFile(): string {
    return `${this.path}/model.safetensors`;
  }

  /** Where the checkpoint of this step is. */
  checkpointFile(step: number): string {
    return `${this.path}/checkpoints/step-${String(step).padStart(9, '0')}.safetensors`;
  }

  /**
   * The newest checkpoint that is whole; null when there is none at all. Files after it are removed, the log is cut back to
   * where it stood then.
   *
   * @param warn  told of each newer checkpoint that is damaged
   * @throws FormatError  when there are checkpoints and none is whole
   */
  async resume(warn: (message: string) => void): Promise<{ checkpoint: Checkpoint; file: string } | null> {
    await this.#removeHalfWritten();
    const steps = await this.#steps();
    let damage: unknown;
    let found: Checkpoint | null = null;
    for (const step of steps.reverse()) {
      if (found === null) {
        found = await this.readCheckpoint(step).catch((error: unknown) => {
          if (!(error instanceof FormatError)) throw error;
          damage ??= error;
          return null;
        });
        if (found !== null) continue;
        warn(`${this.checkpointFile(step)} is damaged; going back to the one before it.`);
      } else if (await this.#isWhole(step)) continue;
      await removeFile(this.checkpointFile(step));
    }
    if (found === null && damage !== undefined) {
      throw new FormatError(`no checkpoint in ${this.path} can be read. Start the training anew in another folder.`, {}, { cause: damage });
    }
    this.#openLog(found?.state.logBytes ?? 0);
    return found === null ? null : { checkpoint: found, file: this.checkpointFile(found.state.step) };
  }

  /** @throws FormatError when it is damaged */
  async readCheckpoint(step: number): Promise<Checkpoint> {
    const file = this.checkpointFile(step);
    const checkpoint = parseCheckpoint(await readBytes(file), file);
    this.#bestOf.set(step, checkpoint.state.best?.step ?? null);
    return checkpoint;
  }

  /** Writes one, then removes all but the last `keep` and the best that each of those knows. */
  async writeCheckpoint(checkpoint: Checkpoint, keep: number): Promise<string> {
    const { step, best } = checkpoint.state;
    const file = this.checkpointFile(step);
    this.#log?.sync();
    await writeAtomically(file, formatCheckpoint(checkpoint));
    this.#bestOf.set(step, best?.step ?? null);
    const last = [...this.#bestOf.keys()].sort((a, b) => b - a).slice(0, keep);
    const needed = new Set<number | null>([...last, ...last.map((kept) => this.#bestOf.get(kept) ?? null)]);
    for (const old of [...this.#bestOf.keys()]) {
      if (needed.has(old)) continue;
      await removeFile(this.checkpointFile(old));
      this.#bestOf.delete(old);
    }
    return file;
  }

  /** Bytes of events.jsonl. */
  get logBytes(): number {
    return this.#log?.size ?? 0;
  }

  /** Adds a line to events.jsonl. */
  record(event: TrainingEvent): void {
    this.#log?.append(`${JSON.stringify(event)}\n`);
  }

  /** Closes the log; what is written stays. */
  close(): void {
    this.#log?.close();
    this.#log = null;
  }

  #openLog(bytes: number): void {
    this.close();
    this.#log = openLog(`${this.path}/events.jsonl`, bytes);
  }

  async #isWhole(step: number): Promise<boolean> {
    return this.readCheckpoint(step).then(
      () => true,
      () => false,
    );
  }

  async #steps(): Promise<number[]> {
    const names = await listFolder(`${this.path}/checkpoints`);
    return names.map((name) => Number(/^step-(\d+)\.safetensors$/.exec(name)?.[1] ?? Number.NaN)).filter(Number.isInteger);
  }

  /** What a killed run was writing. */
  async #removeHalfWritten(): Promise<void> {
    for (const folder of [this.path, `${this.path}/checkpoints`]) {
      for (const name of await listFolder(folder)) if (/\.\d+-\d+\.tmp$/.test(name)) await removeFile(`${folder}/${name}`);
    }
  }
}
