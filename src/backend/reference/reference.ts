/**
 * The reference backend: every kernel in plain float64 TypeScript, written to be checked line by line against the
 * textbook. It is the oracle that the other backends are tested against, and where gradients are checked numerically. It
 * is strict where they are trusting: wrong buffers are refused with a BackendError (see memory.ts).
 */
import type { DType, TypedArray } from '../../tensor/shape.ts';
import type { Backend, Buffer } from '../backend.ts';
import { attentionBackward, attentionForward } from './attention.ts';
import { conv2d, conv2dBackward } from './convolution.ts';
import { crfBackward, crfDecode, crfForward } from './crf.ts';
import { ctcBackward, ctcForward } from './ctc.ts';
import { dropoutMask } from './dropout.ts';
import { affine, axpy, binary, copy, fill, lerp, scaleRows, select, stridedCopy, unary, unaryBackward } from './elementwise.ts';
import { gruBackward, gruForward } from './gru.ts';
import { crossEntropy, crossEntropyBackward, pointwiseLoss, pointwiseLossBackward } from './losses.ts';
import { lstmBackward, lstmForward } from './lstm.ts';
import { gemm, packedLength, packWeights } from './matrix-product.ts';
import { ReferenceMemory, read, slice, write } from './memory.ts';
import { adagrad, adam, clipNorm, clipValue, rmsprop, sgd } from './optimizers.ts';
import { avgPool2d, avgPool2dBackward, batchNorm2d, batchNorm2dBackward, maxPool2d, maxPool2dBackward } from './planes.ts';
import { argmaxRows, countBelow, sumAxis, sumSquares } from './reductions.ts';
import { gram, reservoirForward, ridgeSolve } from './reservoir.ts';
import { rnnBackward, rnnForward } from './rnn.ts';
import {
  gatherRows,
  layerNorm,
  layerNormBackward,
  logSoftmax,
  logSoftmaxBackward,
  scatterAddRows,
  softmax,
  softmaxBackward,
} from './rows.ts';
import { transducerBackward, transducerForward } from './transducer.ts';

export class ReferenceBackend implements Backend {
  readonly name = 'reference';
  readonly float = 'float64';
  readonly description = 'plain TypeScript, float64, 1 thread';
  readonly threads = 1;
  readonly #memory = new ReferenceMemory();

  allocate(dtype: DType, length: number): Buffer {
    return this.#memory.allocate(dtype, length);
  }

  free(buffer: Buffer): void {
    this.#memory.free(buffer);
  }

  get memory(): { readonly bytes: number; readonly peakBytes: number } {
    return { bytes: this.#memory.bytes, peakBytes: this.#memory.peakBytes };
  }

  resetPeak(): void {
    this.#memory.peakBytes = this.#memory.bytes;
  }

  readonly slice: (buffer: Buffer, offset: number, length: number) => Buffer = slice;
  readonly write: (buffer: Buffer, values: ArrayLike<number>) => void = write;
  readonly read: (buffer: Buffer, into?: TypedArray) => TypedArray = read;

  prepare(body: () => void): () => void {
    return body;
  }

  readonly fill = fill;
  readonly copy = copy;
  readonly stridedCopy = stridedCopy;

  readonly unary = unary;
  readonly unaryBackward = unaryBackward;
  readonly binary = binary;
  readonly select = select;
  readonly affine = affine;
  readonly axpy = axpy;
  readonly scaleRows = scaleRows;

  readonly sumAxis = sumAxis;
  readonly argmaxRows = argmaxRows;
  readonly countBelow = countBelow;
  readonly sumSquares = sumSquares;

  readonly packedLength = packedLength;
  readonly packWeights = packWeights;
  readonly gemm = gemm;

  readonly softmax = softmax;
  readonly logSoftmax = logSoftmax;
  readonly softmaxBackward = softmaxBackward;
  readonly logSoftmaxBackward = logSoftmaxBackward;
  readonly gatherRows = gatherRows;
  readonly scatterAddRows = scatterAddRows;
  readonly layerNorm = layerNorm;
  readonly layerNormBackward = layerNormBackward;

  readonly dropoutMask = dropoutMask;

  readonly crossEntropy = crossEntropy;
  readonly crossEntropyBackward = crossEntropyBackward;
  readonly pointwiseLoss = pointwiseLoss;
  readonly pointwiseLossBackward = pointwiseLossBackward;

  readonly crfForward = crfForward;
  readonly crfBackward = crfBackward;
  readonly crfDecode = crfDecode;

  readonly ctcForward = ctcForward;
  readonly ctcBackward = ctcBackward;
  readonly transducerForward = transducerForward;
  readonly transducerBackward = transducerBackward;
  readonly conv2d = conv2d;
  readonly conv2dBackward = conv2dBackward;
  readonly maxPool2d = maxPool2d;
  readonly maxPool2dBackward = maxPool2dBackward;
  readonly avgPool2d = avgPool2d;
  readonly avgPool2dBackward = avgPool2dBackward;
  readonly batchNorm2d = batchNorm2d;
  readonly batchNorm2dBackward = batchNorm2dBackward;
  readonly reservoirForward = reservoirForward;
  readonly gram = gram;
  readonly ridgeSolve = ridgeSolve;

  readonly rnnForward = rnnForward;
  readonly rnnBackward = rnnBackward;
  readonly lstmForward = lstmForward;
  readonly lstmBackward = lstmBackward;
  readonly gruForward = gruForward;
  readonly gruBackward = gruBackward;
  readonly attentionForward = attentionForward;
  readonly attentionBackward = attentionBackward;

  readonly clipNorm = clipNorm;
  readonly clipValue = clipValue;
  readonly sgd = sgd;
  readonly adam = adam;
  readonly rmsprop = rmsprop;
  readonly adagrad = adagrad;
  readonly lerp = lerp;
}
