/** Events of a run as they come from the server: whole again after a lost connection, a server that was started anew, a log that was cut back. */
import type { RunLog } from '../charts/run-log.ts';

export type FeedState = 'connecting' | 'live' | 'lost' | 'over';

export interface FeedTarget {
  /** A new, empty log: what was there before is no longer true. */
  reset(): RunLog;
  log(): RunLog;
  /** Something came, or the connection changed. */
  changed(state: FeedState): void;
}

export interface Feed {
  end(): void;
  /** The log has so many bytes now: a run that was over may have been taken up again. */
  noticed(bytes: number): void;
}

/** After a connection was refused for good, in milliseconds. */
const patience = 2000;

export function followRun(id: string, target: FeedTarget): Feed {
  let offset = 0;
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isEnded = false;

  const connect = (): void => {
    source = new EventSource(`./api/events?run=${encodeURIComponent(id)}&from=${offset}`);
    source.onopen = () => target.changed('live');
    source.addEventListener('lines', (event) => {
      const { data, lastEventId } = event as MessageEvent<string>;
      offset = Number(lastEventId) || offset;
      target.log().pushLines(data);
      // A browser has six connections to a server: one that nothing comes from any more is given back.
      if (target.log().done === null) target.changed('live');
      else rest();
    });
    source.addEventListener('reset', () => {
      offset = 0;
      target.reset();
      target.changed('live');
    });
    source.onerror = () => {
      target.changed('lost');
      // The browser tries again by itself, from where it was, unless the answer was an error.
      if (source?.readyState !== EventSource.CLOSED || isEnded) return;
      timer = setTimeout(connect, patience);
    };
  };
  const rest = (): void => {
    source?.close();
    source = null;
    target.changed('over');
  };
  connect();
  return {
    end: () => {
      isEnded = true;
      clearTimeout(timer);
      source?.close();
    },
    noticed: (bytes) => {
      if (source === null && !isEnded && bytes !== offset) connect();
    },
  };
}

/** Reads an events.jsonl that was dropped on the page, part by part, so that the page stays alive. */
export async function readEvents(file: Blob, log: RunLog, changed: () => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  for (let at = 0; at < file.size; at += 1 << 20) {
    const bytes = await file.slice(at, at + (1 << 20)).arrayBuffer();
    const text = rest + decoder.decode(bytes, { stream: true });
    const end = text.lastIndexOf('\n');
    log.pushLines(text.slice(0, end + 1));
    rest = text.slice(end + 1);
    changed();
    await new Promise((resolve) => setTimeout(resolve));
  }
  if (rest !== '') log.pushLines(rest);
  changed();
}
