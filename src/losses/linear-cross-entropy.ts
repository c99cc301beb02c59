/**
 * A linear layer and its cross entropy as one operation, for large vocabularies: the logits [R, V] never exist whole, only
 * a chunk of rows at a time, and each chunk's gradients are made while its logits are there.
 */
import { arrange, discard, emptyInOrder, packRows } from '../autograd/layout.ts';
import { div } from '../autograd/ops/binary.ts';
import { sum } from '../autograd/ops/reduce.ts';
import { inScope, releaseEarly } from '../autograd/scope.ts';
import { needsGrad, record } from '../autograd/tape.ts';
import { backendOf, bufferOf, contiguous, empty, type Tensor } from '../autograd/tensor.ts';
import { ShapeError } from '../tensor/errors.ts';
import { formatShape, sameShape, sizeOf } from '../tensor/shape.ts';
import { type CrossEntropyOptions, requireTargets, withDefaults } from './cross-entropy.ts';
import { requireReduction } from './reduction.ts';

/** As of `crossEntropy`, and how much is computed at a time. */
export interface LinearCrossEntropyOptions extends CrossEntropyOptions {
  /** Default 'mean', as crossEntropy's. */
  readonly reduction?: 'mean' | 'sum';
  /** How many logits exist at a time, at least a row's. Default 2²³: 32 MB of float32, 279 rows at V = 30,000. */
  readonly chunkElements?: number;
}

/**
 * crossEntropy(linear(hidden, weight, bias), targets, options) in little memory: one chunk of logits, and the gradients.
 *
 * @param hidden   [..., H]
 * @param weight   [V, H]
 * @param bias     [V], or null
 * @param targets  int32 [...], each in 0…V−1 or ignoreIndex
 * @returns        a scalar
 * @throws ShapeError when shapes do not fit, ConfigError on an option out of range
 */
export function linearCrossEntropy(
  hidden: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  targets: Tensor,
  options: LinearCrossEntropyOptions = {},
): Tensor {
  const name = 'linearCrossEntropy';
  const { reduction, ignoreIndex, labelSmoothing, classWeights } = withDefaults(name, options);
  const { chunkElements = 2 ** 23 } = options;
  requireReduction(name, reduction, ['mean', 'sum']);
  const [V, H] = requireProjection(name, hidden, weight, bias, targets);
  requireTargets(name, targets, V, ignoreIndex, classWeights);
  const backend = backendOf(name, [hidden, weight, bias, targets, classWeights]);
  return inScope(() => {
    const R = sizeOf(targets.shape);
    const { packed, order } = packRows(hidden);
    const copies = [packed, arrange(targets, order.slice(0, -1)), contiguous(weight)];
    const [x, y, w] = copies.map(bufferOf);
    const b = bias === null ? null : bufferOf(contiguous(bias));
    const c = classWeights === null ? null : bufferOf(contiguous(classWeights));
    const losses = empty(backend, [R]);
    const weights = empty(backend, [R]);

    const wants = (z: Tensor | null): z is Tensor => z !== null && needsGrad([z]);
    const dHidden = wants(hidden) ? emptyInOrder(backend, hidden.shape, order) : null;
    const dWeight = wants(weight) ? zeroed(empty(backend, weight.shape)) : null;
    const dBias = wants(bias) ? zeroed(empty(backend, bias.shape)) : null;

    const rows = Math.max(1, Math.min(R, Math.floor(chunkElements / V)));
    const chunk = empty(backend, [rows, V]);
    const logSumExp = empty(backend, [rows]);
    const one = empty(backend, [1]);
    backend.fill(bufferOf(one), 1);
    for (let first = 0; first < R; first += rows) {
      const n = Math.min(rows, R - first);
      const logits = backend.slice(bufferOf(chunk), 0, n * V); // [n, V]
      const part = backend.slice(x, first * H, n * H); // [n, H]
      const rowsOf = (z: Tensor) => backend.slice(bufferOf(z), first, n);
      const facts = {
        R: n,
        C: V,
        logits,
        targets: backend.slice(y, first, n),
        ignoreIndex,
        labelSmoothing,
        classWeights: c,
        logSumExp: backend.slice(bufferOf(logSumExp), 0, n),
      };
      backend.gemm({ M: n, N: V, K: H, a: part, b: w, transB: true, c: logits, bias: b });
      backend.crossEntropy({ ...facts, losses: rowsOf(losses), weights: rowsOf(weights) });
      if (dHidden === null && dWeight === null && dBias === null) continue;
      backend.crossEntropyBackward({ ...facts, scale: bufferOf(one), dLogits: logits });
      if (dHidden !== null) backend.gemm({ M: n, N: H, K: V, a: logits, b: w, c: backend.slice(bufferOf(dHidden), first * H, n * H) });
      if (dWeight !== null) {
        backend.gemm({ M: V, N: H, K: n, a: logits, transA: true, b: part, c: bufferOf(dWeight), accumulate: true });
      }
      if (dBias !== null) backend.sumAxis(logits, bufferOf(dBias), { outer: 1, n, inner: V }, true);
    }
    for (const temporary of [chunk, logSumExp, one]) releaseEarly(temporary.storage);
    discard(copies, [hidden, targets, weight]);

    const total = sum(weights);
    const loss = reduction === 'mean' ? div(sum(losses), total) : sum(losses);
    for (const temporary of [losses, weights]) releaseEarly(temporary.storage);
    const saved = [dHidden, dWeight, dBias].filter((z) => z !== null);
    record(
      name,
      [hidden, weight, bias],
      [loss],
      ([dLoss]) => {
        const scale = empty(backend, [1]);
        if (reduction === 'mean') backend.binary('div', bufferOf(dLoss!), bufferOf(total), bufferOf(scale));
        else backend.copy(bufferOf(dLoss!), bufferOf(scale));
        for (const gradient of saved) backend.binary('mul', bufferOf(gradient), bufferOf(scale), bufferOf(gradient));
        releaseEarly(scale.storage);
        return [dHidden, dWeight, dBias];
      },
      [...saved, total],
    );
    return loss;
  });
}

/** V and H. @throws ShapeError when hidden [..., H], weight [V, H], bias [V] and targets [...] do not fit */
export function requireProjection(
  operation: string,
  hidden: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  targets: Tensor,
): [number, number] {
  const [V, H] = weight.shape;
  const fits =
    weight.rank === 2 &&
    hidden.shape.at(-1) === H &&
    sameShape(hidden.shape.slice(0, -1), targets.shape) &&
    (bias === null || sameShape(bias.shape, [V]));
  if (fits) return [V, H];
  const received = [hidden, weight, ...(bias === null ? [] : [bias]), targets].map(({ shape }) => formatShape(shape)).join(', ');
  throw new ShapeError(`[${operation}] expected hidden [..., H], weight [V, H], bias [V] or null and targets [...], received ${received}.`);
}

function zeroed(x: Tensor): Tensor {
  x.backend.fill(bufferOf(x), 0);
  return x;
}
