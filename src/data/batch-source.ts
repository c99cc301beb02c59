/** Where a training's batches come from: endless, and at a position that a checkpoint can hold. */
export interface BatchSource<Batch> {
  /** Epochs completed. */
  readonly epoch: number;
  readonly batchesPerEpoch: number;
  /** The next batch; after an epoch's last one the next epoch begins. */
  next(): Batch | Promise<Batch>;
  /** Where the next batch is: plain JSON. Together with the source's own seed it decides all batches to come. */
  position(): BatchPosition;
  /**
   * Goes to a position that `position` has given.
   *
   * @throws RangeError when there is no such position
   */
  seek(position: BatchPosition): void;
}

/** Where a source is: what a checkpoint keeps of it. */
export interface BatchPosition {
  readonly epoch: number;
  /** Batches of this epoch that are done. */
  readonly index: number;
}

/** Counts batches and epochs for a source. */
export class BatchCounter {
  epoch = 0;
  index = 0;
  readonly batchesPerEpoch: number;

  constructor(batchesPerEpoch: number) {
    this.batchesPerEpoch = batchesPerEpoch;
  }

  /** The batch to make now, as (epoch, index); moves on. */
  take(): BatchPosition {
    const position = this.position();
    this.index++;
    if (this.index === this.batchesPerEpoch) {
      this.epoch++;
      this.index = 0;
    }
    return position;
  }

  position(): BatchPosition {
    return { epoch: this.epoch, index: this.index };
  }

  seek({ epoch, index }: BatchPosition): void {
    if (!Number.isInteger(epoch) || !Number.isInteger(index) || epoch < 0 || index < 0 || index >= this.batchesPerEpoch) {
      throw new RangeError(`[seek] expected an epoch ≥ 0 and an index in 0…${this.batchesPerEpoch - 1}, received ${epoch} and ${index}.`);
    }
    this.epoch = epoch;
    this.index = index;
  }
}
