/** How a command ends: 0 done, 1 the work failed, 2 the request was wrong. Expected errors are told in a sentence, without a stack. */
import { CommanderError } from 'commander';
import { BackendError, ConfigError, DivergenceError, FileError, FormatError, ShapeError } from '../tensor/errors.ts';
import type { Terminal } from './terminal.ts';

export type ExitCode = 0 | 1 | 2;

/** The work was stopped by its user and can be taken up again. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** Says what went wrong, and how to end. */
export function explain(error: unknown, terminal: Terminal, json: boolean): ExitCode {
  if (error instanceof CommanderError) {
    // What it says, it has said.
    if (json && error.exitCode !== 0) writeJson('ConfigError', error.message.replace(/^error: /, ''));
    return error.exitCode === 0 ? 0 : 2;
  }
  const { message, code, isExpected } = judge(error);
  if (json) writeJson(nameOf(error), message);
  if (error instanceof Interrupted) terminal.line(`  ${message}`);
  else terminal.line(`${terminal.bad('error:')} ${message}`);
  if (!isExpected && error instanceof Error) {
    terminal.line(terminal.dim(error.stack?.split('\n').slice(1).join('\n') ?? ''));
    terminal.line('This should not happen. Please report it with the command and the lines above.');
  }
  return code;
}

function writeJson(name: string, message: string): void {
  process.stdout.write(`${JSON.stringify({ error: { name, message } })}\n`);
}

/** A path that the user should look at again; other codes, such as ENOSPC, are the machine's. */
const wrongPlace = new Set(['ENOENT', 'EISDIR', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS', 'ESPIPE']);

function judge(error: unknown): { message: string; code: ExitCode; isExpected: boolean } {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ConfigError || error instanceof FormatError) return { message, code: 2, isExpected: true };
  if (error instanceof BackendError || error instanceof DivergenceError || error instanceof Interrupted)
    return { message, code: 1, isExpected: true };
  if (error instanceof FileError) return { message, code: wrongPlace.has(error.code ?? '') ? 2 : 1, isExpected: true };
  if (error instanceof RangeError && /allocation|Invalid (typed )?array length/i.test(message)) {
    return { message: `not enough memory: ${message}. Take a smaller model, batch or vocabulary.`, code: 1, isExpected: true };
  }
  return { message, code: 1, isExpected: error instanceof ShapeError };
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'Error';
}
