/**
 * A growing log of lines as server-sent events. Each message holds whole lines and has as its id the byte behind them, so that a
 * browser that lost the connection, or whose server was started anew, goes on exactly there (`Last-Event-ID`).
 */
import { open, stat } from 'node:fs/promises';

/** What becomes an event of the stream. */
export interface LogMessage {
  /** `lines`, or `reset`: the log was cut back or replaced, and begins anew. */
  readonly event: 'lines' | 'reset' | 'ping';
  readonly data: string;
  /** Where the next message begins, in bytes. */
  readonly id: string;
}

/** Bytes of one message at most: a long log arrives in parts, each quickly parsed. */
const partBytes = 1 << 18;
const lineEnd = 10;

/**
 * Follows a log until the signal ends it.
 *
 * @param from  the byte to begin at
 * @param wait  between two looks, in milliseconds
 */
export async function* followLog(file: string, from: number, signal: AbortSignal, wait = 250): AsyncGenerator<LogMessage> {
  let offset = from;
  let identity: number | null = null;
  let quiet = 0;
  while (!signal.aborted) {
    const facts = await stat(file).catch(() => null);
    const isOther = identity !== null && facts !== null && facts.ino !== identity;
    if (facts !== null) identity = facts.ino;
    if (facts === null ? offset > 0 : isOther || facts.size < offset) {
      offset = 0;
      yield { event: 'reset', data: '', id: '0' };
    }
    const lines = facts === null ? null : await readLines(file, offset, facts.size);
    if (lines !== null) {
      offset = lines.end;
      quiet = 0;
      yield { event: 'lines', data: lines.text, id: String(offset) };
      continue;
    }
    // Says that it is still there; a connection that is gone is noticed by writing.
    if (++quiet * wait >= 15_000) {
      quiet = 0;
      yield { event: 'ping', data: '', id: String(offset) };
    }
    await pause(wait, signal);
  }
}

/** Whole lines from `offset` on; null where there is none yet. */
async function readLines(path: string, offset: number, size: number): Promise<{ text: string; end: number } | null> {
  if (size <= offset) return null;
  const file = await open(path);
  try {
    for (let length = partBytes; ; length *= 2) {
      const wanted = Math.min(length, size - offset);
      const { bytesRead, buffer } = await file.read(Buffer.alloc(wanted), 0, wanted, offset);
      const end = buffer.subarray(0, bytesRead).lastIndexOf(lineEnd);
      if (end >= 0) return { text: buffer.toString('utf8', 0, end), end: offset + end + 1 };
      if (bytesRead < wanted || wanted === size - offset) return null;
    }
  } finally {
    await file.close();
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
