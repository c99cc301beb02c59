/**
 * One library in a process of its own, told what to run line by line, so that contenders take turns within one
 * measurement: what disturbs the machine disturbs all of them. The protocol, JSON lines on stdin and stdout:
 *
 *   {"setup": Setup}  →  {"ready": Ready} | {"unsupported": reason} | {"failed": message}
 *   {"run": true}     →  {"ms": milliseconds a call}
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Workload } from './workloads.ts';

export interface Setup {
  readonly workload: Workload;
  readonly threads: number;
  /** The workload's numbers, float32, one array after another. */
  readonly tensorFile: string;
  /** Where each begins in that file, in elements. */
  readonly tensors: Readonly<Record<string, { readonly shape: readonly number[]; readonly offset: number }>>;
  /** Where the contender writes what its first calls gave, float32. */
  readonly outputFile: string;
}

export interface Ready {
  readonly name: string;
  readonly version: string;
  /** How what it runs differs from what it is compared with. */
  readonly remark?: string;
}

/** How to start it. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

type Answer = { readonly ready: Ready } | { readonly ms: number } | { readonly unsupported: string } | { readonly failed: string };

export class Contender {
  readonly label: string;
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #complaints = '';

  constructor(label: string, { command, args, environment }: Launch) {
    this.label = label;
    this.#process = spawn(command, args, { env: { ...process.env, ...environment } });
    this.#process.stderr.on('data', (text: Buffer) => {
      this.#complaints = (this.#complaints + text.toString()).slice(-2000);
    });
    this.#process.on('error', (error) => {
      this.#complaints += error.message;
    });
    this.#process.stdin.on('error', () => {}); // It has died; the next answer says so.
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** What it is and what it computed, or why it cannot. */
  async setup(setup: Setup): Promise<{ readonly ready: Ready; readonly outputs: Float32Array } | { readonly unsupported: string }> {
    const answer = await this.#ask({ setup });
    if ('unsupported' in answer) return answer;
    if (!('ready' in answer)) throw this.#failure(`answered ${JSON.stringify(answer)} to its setup`);
    const bytes = readFileSync(setup.outputFile);
    return { ready: answer.ready, outputs: new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)) };
  }

  /** One sample, in milliseconds a call. */
  async run(): Promise<number> {
    const answer = await this.#ask({ run: true });
    if (!('ms' in answer)) throw this.#failure(`answered ${JSON.stringify(answer)} to a run`);
    return answer.ms;
  }

  stop(): void {
    this.#process.stdin.end();
    this.#process.kill();
  }

  async #ask(message: object): Promise<Answer> {
    this.#process.stdin.write(`${JSON.stringify(message)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw this.#failure('ended without an answer');
    const answer = JSON.parse(value) as Answer;
    if ('failed' in answer) throw this.#failure(answer.failed);
    return answer;
  }

  #failure(what: string): Error {
    return new Error(`[bench] ${this.label} ${what}${this.#complaints === '' ? '' : `\n${this.#complaints.trimEnd()}`}`);
  }
}
