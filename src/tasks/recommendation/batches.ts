/** Histories as batches: whole ones side by side, or one after another in each row of a batch, as GRU4Rec reads sessions. */
import { BatchCounter, type BatchPosition, type BatchSource } from '../../data/batch-source.ts';
import { SequenceBatches } from '../../data/sequence-batches.ts';
import { Random } from '../../tensor/random.ts';
import type { Histories } from './catalogue.ts';
import type { HistoryBatch } from './model.ts';
import { gapClass } from './time-gaps.ts';

/** Events with what came next. */
export interface TrainBatch extends HistoryBatch {
  /** Steps that have a next event, each as t · B + b. */
  readonly at: Int32Array;
  /** The items of those next events. */
  readonly targets: Int32Array;
  /** [B], 1 where the row goes on with the history of the batch before, 0 where it begins another; null: all begin. */
  readonly goesOn: Float32Array | null;
}

/** A run of events, each of which is read to foretell the one after it. */
interface Piece {
  /** Of the first event, in `Histories.items`. */
  readonly begin: number;
  /** Events to read. */
  readonly length: number;
}

/** How histories become batches. */
export interface BatchesOptions {
  readonly batchSize: number;
  /** T: the longest run of one batch. */
  readonly sequenceLength: number;
  readonly timeGaps: boolean;
  readonly seed: number;
}

/**
 * Histories side by side, padded; those longer than `sequenceLength` in pieces, of which each begins anew.
 *
 * @param ends [U]: of each user the events before this are read
 */
export function sequenceBatches(histories: Histories, ends: Int32Array, options: BatchesOptions): BatchSource<TrainBatch> {
  const { starts } = histories;
  const { batchSize, sequenceLength, seed } = options;
  const begins: number[] = [];
  const lengths: number[] = [];
  for (let u = 0; u < ends.length; u++) {
    const steps = ends[u] - starts[u] - 1;
    // From the end, so that it is the oldest piece that is short.
    for (let end = steps; end > 0; end -= sequenceLength) {
      const length = Math.min(end, sequenceLength);
      begins.push(starts[u] + end - length);
      lengths.push(length);
    }
  }
  const collate = (indices: readonly number[]): TrainBatch => {
    const pieces = indices.map((i) => ({ begin: begins[i], length: lengths[i] }));
    return batchOf(histories, pieces, options.timeGaps, null);
  };
  return new SequenceBatches(lengths, { batchSize, seed }, collate);
}

/**
 * Session-parallel batches: each row reads its session `sequenceLength` events at a time, states carried; where a session ends,
 * the next one begins in the next batch, from a state of zeros. Rows never wait for one another: after the last session of an
 * epoch those of the next follow, in another order.
 *
 * @see Hidasi et al. (2016), arXiv:1511.06939, section 3.1.1
 */
export class SessionBatches implements BatchSource<TrainBatch> {
  readonly #histories: Histories;
  readonly #options: BatchesOptions;
  /** Sessions that have a next event to foretell. */
  readonly #sessions: readonly Piece[];
  readonly #counter: BatchCounter;
  #rows: Row[] = [];
  #drawn = 0;
  #order: Int32Array = new Int32Array(0);

  constructor(histories: Histories, ends: Int32Array, options: BatchesOptions) {
    const { starts } = histories;
    const sessions: Piece[] = [];
    for (let u = 0; u < ends.length; u++) if (ends[u] - starts[u] > 1) sessions.push({ begin: starts[u], length: ends[u] - starts[u] - 1 });
    this.#histories = histories;
    this.#options = options;
    this.#sessions = sessions;
    // Every row of every batch reads one piece: so many batches hold an epoch's pieces, to within a batch.
    const pieces = sessions.reduce((count, { length }) => count + Math.ceil(length / options.sequenceLength), 0);
    this.#counter = new BatchCounter(Math.max(1, Math.round(pieces / options.batchSize)));
    this.#begin();
  }

  get epoch(): number {
    return this.#counter.epoch;
  }

  get batchesPerEpoch(): number {
    return this.#counter.batchesPerEpoch;
  }

  position(): BatchPosition {
    return this.#counter.position();
  }

  /** Draws the sessions once more up to there: some 10 million rows a second. */
  seek(position: BatchPosition): void {
    this.#counter.seek(position);
    this.#begin();
    const { epoch, index } = position;
    for (let batch = epoch * this.batchesPerEpoch + index; batch > 0; batch--) this.#advance();
  }

  next(): TrainBatch {
    this.#counter.take();
    const { sequenceLength, timeGaps } = this.#options;
    const pieces = this.#rows.map(({ session, done }) => {
      const { begin, length } = this.#sessions[session];
      return { begin: begin + done, length: Math.min(sequenceLength, length - done) };
    });
    const goesOn = Float32Array.from(this.#rows, ({ done }) => (done > 0 ? 1 : 0));
    this.#advance();
    return batchOf(this.#histories, pieces, timeGaps, goesOn);
  }

  #begin(): void {
    this.#drawn = 0;
    this.#rows = Array.from({ length: this.#options.batchSize }, () => ({ session: this.#draw(), done: 0 }));
  }

  #advance(): void {
    for (const row of this.#rows) {
      row.done += this.#options.sequenceLength;
      if (row.done < this.#sessions[row.session].length) continue;
      row.session = this.#draw();
      row.done = 0;
    }
  }

  /** The next session of an endless row of epochs. */
  #draw(): number {
    const n = this.#sessions.length;
    const at = this.#drawn++ % n;
    if (at === 0) this.#order = new Random(this.#options.seed).fork(`sessions ${Math.floor((this.#drawn - 1) / n)}`).permutation(n);
    return this.#order[at];
  }
}

/** Where a row of a batch is. */
interface Row {
  session: number;
  /** Events of it that are read. */
  done: number;
}

function batchOf(
  { items, starts: _, times }: Histories,
  pieces: readonly Piece[],
  timeGaps: boolean,
  goesOn: Float32Array | null,
): TrainBatch {
  const batchSize = pieces.length;
  const length = pieces.reduce((longest, piece) => Math.max(longest, piece.length), 0);
  const lengths = Int32Array.from(pieces, (piece) => piece.length);
  const read = new Int32Array(batchSize * length);
  const gaps = timeGaps && times !== null ? new Int32Array(batchSize * length) : null;
  const count = lengths.reduce((sum, n) => sum + n, 0);
  const at = new Int32Array(count);
  const targets = new Int32Array(count);
  let n = 0;
  for (let b = 0; b < batchSize; b++) {
    const { begin } = pieces[b];
    const isFirst = goesOn === null || goesOn[b] === 0;
    for (let t = 0; t < lengths[b]; t++) {
      read[b * length + t] = items[begin + t];
      // A piece of a long history begins anew, and so does its time.
      if (gaps !== null) gaps[b * length + t] = t === 0 && isFirst ? 0 : gapClass(times![begin + t] - times![begin + t - 1]);
      at[n] = t * batchSize + b;
      targets[n++] = items[begin + t + 1];
    }
  }
  return { items: read, gaps, lengths, batchSize, length, at, targets, goesOn };
}
