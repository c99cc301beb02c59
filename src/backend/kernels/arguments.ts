/** Buffers and options as the kernels' positions take them: in the order of native/recurrent_abi.h and of the kernels themselves. */
import { BackendError } from '../../tensor/errors.ts';
import { bytesPer, type DType } from '../../tensor/shape.ts';
import type {
  Activation,
  AttentionForward,
  Buffer,
  Crf,
  Ctc,
  GruBackward,
  GruForward,
  LstmBackward,
  LstmForward,
  RecurrentNorm,
  RnnBackward,
  RnnForward,
  Transducer,
  Window2d,
} from '../backend.ts';
import { bytesPerElement, type KernelBuffer } from './kernel-memory.ts';

/** As the enumeration in native/recurrent_abi.h. */
const activationCode: Readonly<Record<Activation, number>> = { tanh: 0, relu: 1, sigmoid: 2 };

/**
 * The address of a kernel's floats; 0 where there are none. A kernel reads whatever bits it finds: integers would be taken for tiny
 * numbers without a word.
 *
 * @throws BackendError when they are of another type
 */
export function at(buffer: Buffer | null | undefined): number {
  return buffer ? place(buffer, 'float32') : 0;
}

/** As `at`, of int32: ids, lengths. */
export function integersAt(buffer: Buffer | null | undefined): number {
  return buffer ? place(buffer, 'int32') : 0;
}

/** As `at`, of float64: sums. */
export function doublesAt(buffer: Buffer): number {
  return place(buffer, 'float64');
}

/** Of any type, for kernels that only move what is there. */
export function anyAt(buffer: Buffer): number {
  return (buffer as KernelBuffer).pointer;
}

/** @throws BackendError  when what is moved would become another type on the way */
export function requireSameType(x: Buffer, y: Buffer): void {
  if (x.dtype !== y.dtype) throw new BackendError(`expected two tensors of one type, received one of ${x.dtype} and one of ${y.dtype}.`);
}

function place(buffer: Buffer, dtype: DType): number {
  if (buffer.dtype !== dtype) {
    throw new BackendError(
      `expected a tensor of ${dtype}, received one of ${buffer.dtype}. Make it with tensor(values, { dtype: '${dtype === 'int32' ? 'int32' : 'float'}' }).`,
    );
  }
  return (buffer as KernelBuffer).pointer;
}

/** Of 32 bits. */
export function words({ dtype, length }: Buffer): number {
  return (length * bytesPer[dtype]) / bytesPerElement;
}

export function flag(value: boolean | undefined): number {
  return value ? 1 : 0;
}

/** Between the elements of a buffer that may hold one for all. */
export function stride(buffer: Buffer): number {
  return buffer.length === 1 ? 0 : 1;
}

export function crfArguments({ T, B, C, emissions, lengths, transitions, start, end, tags }: Crf & { readonly tags: Buffer | null }) {
  return [T, B, C, at(emissions), integersAt(lengths), at(transitions), at(start), at(end), integersAt(tags)] as const;
}

export function ctcArguments({ T, B, V, U, logits, inputLengths, targets, targetLengths, blank, zeroInfinity }: Ctc) {
  return [
    T,
    B,
    V,
    U,
    at(logits),
    integersAt(inputLengths),
    integersAt(targets),
    integersAt(targetLengths),
    blank,
    flag(zeroInfinity),
  ] as const;
}

export function transducerArguments({ B, T, V, U, logits, inputLengths, targets, targetLengths, blank }: Transducer) {
  return [B, T, V, U, at(logits), integersAt(inputLengths), integersAt(targets), integersAt(targetLengths), blank] as const;
}

export function plainWindow(w: Omit<Window2d, 'dilationY' | 'dilationX'>) {
  const { B, C, height, width, kernelHeight, kernelWidth, strideY, strideX, paddingY, paddingX } = w;
  return [B, C, height, width, kernelHeight, kernelWidth, strideY, strideX, paddingY, paddingX] as const;
}

export function dilatedWindow(w: Window2d) {
  return [...plainWindow(w), w.dilationY, w.dilationX] as const;
}

export function normArguments(norm: RecurrentNorm | null) {
  return [at(norm?.weight), norm?.epsilon ?? 0, at(norm?.normalized), at(norm?.rstd)] as const;
}

export function recurrentArguments({ reverse, lengths, weightHh, mask, norm }: RnnForward | LstmForward | GruForward) {
  return [flag(reverse), integersAt(lengths), at(weightHh), at(mask), ...normArguments(norm)] as const;
}

export function gradientArguments({ dY, dH, dQ, dNormWeight, dHSquares }: RnnBackward | LstmBackward | GruBackward) {
  return [at(dY), at(dH), at(dQ), at(dNormWeight), at(dHSquares)] as const;
}

export function rnnSizes({ T, B, H, mask, norm }: RnnForward) {
  return [T, B, H, flag(mask !== null), flag(norm !== null)] as const;
}

export function rnnArguments(layer: RnnForward) {
  const { T, B, H, activation, gates, h } = layer;
  return [T, B, H, ...recurrentArguments(layer), activationCode[activation], at(gates), at(h)] as const;
}

export function lstmSizes({ T, B, H, P, mask, norm, peephole, weightHr, cellNorm }: LstmForward) {
  const has = (part: unknown) => flag(part !== null);
  return [T, B, H, P, has(mask), has(norm), has(peephole), has(weightHr), has(cellNorm)] as const;
}

export function lstmArguments(layer: LstmForward) {
  const { T, B, H, P, gates, h, c, peephole, weightHr, m, cellNorm } = layer;
  return [
    T,
    B,
    H,
    P,
    ...recurrentArguments(layer),
    at(gates),
    at(h),
    at(c),
    at(peephole),
    at(weightHr),
    at(m),
    at(cellNorm?.weight),
    at(cellNorm?.bias),
    cellNorm?.epsilon ?? 0,
    at(cellNorm?.normalized),
    at(cellNorm?.rstd),
  ] as const;
}

export function gruSizes({ T, B, H, mask, norm, resetAfter }: GruForward) {
  return [T, B, H, flag(mask !== null), flag(norm !== null), flag(resetAfter)] as const;
}

export function gruArguments(layer: GruForward) {
  const { T, B, H, resetAfter, biasHn, gates, h, hn } = layer;
  return [T, B, H, ...recurrentArguments(layer), flag(resetAfter), at(biasHn), at(gates), at(h), at(hn)] as const;
}

export function attentionSizes({ T, B, H, S, A, M, cell, weightQuery, mask }: AttentionForward) {
  return [T, B, H, S, A, M, flag(cell.kind === 'lstm'), flag(weightQuery !== null), flag(mask !== null)] as const;
}

export function attentionArguments(layer: AttentionForward) {
  const { T, B, H, S, A, M, cell } = layer;
  const [c, hn, biasHn] = cell.kind === 'lstm' ? [cell.c, null, null] : [null, cell.hn, cell.biasHn];
  return [
    T,
    B,
    H,
    S,
    A,
    M,
    integersAt(layer.lengths),
    at(layer.weightHh),
    at(layer.mask),
    flag(layer.attendFirst),
    integersAt(layer.memoryLengths),
    integersAt(layer.memoryRows),
    at(layer.weightQuery),
    at(layer.scoreVector),
    layer.scale,
    at(layer.keys),
    at(layer.memory),
    at(layer.weightContext),
    at(biasHn),
    at(layer.gates),
    at(layer.h),
    at(c),
    at(hn),
    at(layer.query),
    at(layer.context),
    at(layer.weights),
  ] as const;
}
