/**
 * Memory of a kernel backend, given out in blocks of 64-byte granularity: two-level segregated fit (Masmano, Ripoll,
 * Crespo & Real 2004, doi:10.1109/EMRTS.2004.1311009). Allocating and freeing take constant time, and
 * neighbours that are free are one at once, so a training step that repeats the sizes of the last one fits where it did.
 *
 * The arena only counts; the bytes are its source's.
 */
import { BackendError } from '../tensor/errors.ts';

/** More memory: `bytes` from `pointer` on, both multiples of 64, in `slab`. What adjoins the same slab's last growth joins it. */
export interface Growth<S> {
  readonly slab: S;
  readonly pointer: number;
  readonly bytes: number;
}

/** Where an arena's memory comes from. A slab is whatever the source needs to know a piece of it by. */
export interface SlabSource<S> {
  /** `bytes` more, or somewhat more than that; null when there is no more. */
  grow(bytes: number): Growth<S> | null;
  /** Takes a wholly free slab back; false when it cannot. */
  drop(slab: S): boolean;
  /** For people who ran out: how much there can be, and what to do. */
  readonly advice: string;
}

export interface Block<S> {
  readonly pointer: number;
  readonly slab: S;
}

class Piece<S> implements Block<S> {
  pointer: number;
  bytes: number;
  slab: S;
  isFree = false;
  /** Neighbours in the address order of one slab. */
  before: Piece<S> | null = null;
  after: Piece<S> | null = null;
  /** Neighbours in the list of free pieces of about this size. */
  previous: Piece<S> | null = null;
  next: Piece<S> | null = null;
  /** `clock` of the arena when this piece became a whole free slab. */
  idleSince = 0;

  constructor(pointer: number, bytes: number, slab: S) {
    this.pointer = pointer;
    this.bytes = bytes;
    this.slab = slab;
  }
}

export const granularity = 64;
/** Each power of two is divided in 16 size classes. */
const classBits = 4;
const classesPerPower = 1 << classBits;
/** 2^48 bytes of 2^6. */
const powers = 44;
/** A slab that nothing used for so many allocations (hundreds of training steps) is given back. */
const idleAllocations = 1 << 16;

export class Arena<S> {
  /** Given out now. */
  bytes = 0;
  /** The most that was given out since `resetPeak`. */
  peakBytes = 0;
  /** Held from the source, in use or not. */
  heldBytes = 0;
  readonly #source: SlabSource<S>;
  readonly #free: (Piece<S> | null)[] = new Array<Piece<S> | null>(powers * classesPerPower).fill(null);
  /** Bit c of occupied[p]: free[p · classesPerPower + c] is not empty. */
  readonly #occupied = new Int32Array(powers);
  #last: Piece<S> | null = null;
  readonly #whole = new Set<Piece<S>>();
  #clock = 0;

  constructor(source: SlabSource<S>) {
    this.#source = source;
  }

  resetPeak(): void {
    this.peakBytes = this.bytes;
  }

  /** @throws BackendError when the source has no more */
  allocate(bytes: number): Block<S> {
    const size = Math.max(granularity, Math.ceil(bytes / granularity) * granularity);
    if ((++this.#clock & 0xfff) === 0) this.#dropIdle(this.#clock - idleAllocations);
    const piece = this.#find(size) ?? this.#grow(size);
    this.#unlink(piece);
    if (piece.bytes > size) this.#split(piece, size);
    this.bytes += size;
    if (this.bytes > this.peakBytes) this.peakBytes = this.bytes;
    return piece;
  }

  release(block: Block<S>): void {
    let piece = block as Piece<S>;
    if (piece.isFree) throw new Error(`[Arena.release] the block at ${piece.pointer} is free already.`);
    this.bytes -= piece.bytes;
    if (piece.after?.isFree) {
      this.#unlink(piece.after);
      this.#join(piece, piece.after);
    }
    if (piece.before?.isFree) {
      const before = piece.before;
      this.#unlink(before);
      this.#join(before, piece);
      piece = before;
    }
    this.#link(piece);
  }

  /** A free piece of the request's own class, if one of the first few is large enough; else the first of the next class, where all are. */
  #find(size: number): Piece<S> | null {
    const own = classOf(size);
    let best: Piece<S> | null = null;
    let tries = 8;
    for (let piece = this.#free[own]; piece !== null && tries > 0; piece = piece.next, tries--) {
      if (piece.bytes >= size && (best === null || piece.bytes < best.bytes)) best = piece;
    }
    if (best !== null) return best;
    const index = own + 1;
    let power = index >> classBits;
    let classes = this.#occupied[power] & (-1 << (index & (classesPerPower - 1)));
    while (classes === 0) {
      if (++power === powers) return null;
      classes = this.#occupied[power];
    }
    return this.#free[(power << classBits) + lowestBit(classes)];
  }

  #grow(size: number): Piece<S> {
    // What is wholly free now was too small: rather one slab that is large enough than both.
    this.#dropIdle(Number.POSITIVE_INFINITY);
    const growth = this.#source.grow(size);
    if (growth === null) {
      throw new BackendError(
        `out of memory: ${megabytes(size)} asked for, ${megabytes(this.bytes)} in use (${megabytes(this.heldBytes)} held). ${this.#source.advice}`,
      );
    }
    this.heldBytes += growth.bytes;
    const piece = new Piece(growth.pointer, growth.bytes, growth.slab);
    const last = this.#last;
    this.#last = piece;
    if (last !== null && last.slab === growth.slab && last.pointer + last.bytes === growth.pointer) {
      last.after = piece;
      piece.before = last;
      if (last.isFree) {
        this.#unlink(last);
        this.#join(last, piece);
        this.#link(last);
        return last;
      }
    }
    this.#link(piece);
    return piece;
  }

  /** Gives wholly free slabs back that became so before `time`. */
  #dropIdle(time: number): void {
    for (const piece of this.#whole) {
      if (piece.idleSince > time || !this.#source.drop(piece.slab)) continue;
      this.#unlink(piece);
      this.heldBytes -= piece.bytes;
      if (this.#last === piece) this.#last = null;
    }
  }

  #split(piece: Piece<S>, size: number): void {
    const rest = new Piece(piece.pointer + size, piece.bytes - size, piece.slab);
    piece.bytes = size;
    rest.before = piece;
    rest.after = piece.after;
    if (piece.after !== null) piece.after.before = rest;
    piece.after = rest;
    if (this.#last === piece) this.#last = rest;
    this.#link(rest);
  }

  #join(piece: Piece<S>, after: Piece<S>): void {
    piece.bytes += after.bytes;
    piece.after = after.after;
    if (after.after !== null) after.after.before = piece;
    if (this.#last === after) this.#last = piece;
  }

  #link(piece: Piece<S>): void {
    const index = classOf(piece.bytes);
    const first = this.#free[index];
    piece.isFree = true;
    piece.previous = null;
    piece.next = first;
    if (first !== null) first.previous = piece;
    this.#free[index] = piece;
    this.#occupied[index >> classBits] |= 1 << (index & (classesPerPower - 1));
    if (piece.before === null && piece.after === null) {
      piece.idleSince = this.#clock;
      this.#whole.add(piece);
    }
  }

  #unlink(piece: Piece<S>): void {
    const index = classOf(piece.bytes);
    piece.isFree = false;
    if (piece.next !== null) piece.next.previous = piece.previous;
    if (piece.previous !== null) piece.previous.next = piece.next;
    else {
      this.#free[index] = piece.next;
      if (piece.next === null) this.#occupied[index >> classBits] &= ~(1 << (index & (classesPerPower - 1)));
    }
    piece.previous = null;
    piece.next = null;
    if (piece.before === null && piece.after === null) this.#whole.delete(piece);
  }
}

/** The class that a free piece of `bytes` is kept in: by its leading bits. The classes below 16 granules are exact. */
function classOf(bytes: number): number {
  const granules = bytes / granularity;
  if (granules < classesPerPower) return granules;
  // 53-bit numbers: the exponent by division, since shifts know 32 bits only.
  let power = granules < 0x80000000 ? 31 - Math.clz32(granules) : 31 + (31 - Math.clz32(granules / 0x80000000));
  const leading = granules < 0x80000000 ? granules >>> (power - classBits) : Math.floor(granules / 2 ** (power - classBits));
  power -= classBits - 1;
  return (power << classBits) + (leading - classesPerPower);
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MB`;
}
