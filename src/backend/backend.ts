/**
 * What a backend is: kernels on flat, contiguous buffers, and nothing else. No shapes, no gradients, no layers: those
 * are written once, above. A backend does not check its arguments; the public border has done so.
 *
 * Laws, true for every kernel:
 *  - gradients of parameters ADD to what is there; gradients of inputs and all other outputs OVERWRITE;
 *  - sequences are time-major, [T, B, ·]; matrices are row-major;
 *  - results do not depend on timing, and a row of a batch gets the same bits whatever the number of threads;
 *  - an output may be the same buffer as an input only where it says "in place";
 *  - kernels are enqueued, in order; only `read` waits.
 *
 * Letters: B batch, T time, I input, H hidden, P projected hidden (H when there is no projection), G gates, M, N, K sizes
 * of a matrix product, R rows, C columns (of a chain of tags: tags).
 */
import type { RandomState } from '../tensor/random.ts';
import type { DType, TypedArray } from '../tensor/shape.ts';

/** `native`: the addon, in Node. `wasm`: WebAssembly, everywhere. `reference`: plain TypeScript in float64. */
export type BackendName = 'reference' | 'native' | 'wasm';

/** A block of a backend's memory, or a part of one (`slice`). Opaque outside its backend. */
export interface Buffer {
  readonly dtype: DType;
  /** In elements. */
  readonly length: number;
}

/** Elementwise functions of one argument. */
export type UnaryOp = 'neg' | 'exp' | 'log' | 'sqrt' | 'square' | 'abs' | 'sigmoid' | 'tanh' | 'relu';
/** Elementwise functions of two arguments. `maximum` gives `a` its gradient where equal. */
export type BinaryOp = 'add' | 'sub' | 'mul' | 'div' | 'maximum' | 'less';
/** σ of the Elman network. */
export type Activation = 'tanh' | 'relu' | 'sigmoid';
/** Elementwise losses against a target of the same size. `bce` takes logits. `huber` has a parameter delta. */
export type PointwiseLoss = 'mse' | 'mae' | 'huber' | 'bce';

/** One way to compute: memory, and the kernels on it. */
export interface Backend {
  readonly name: BackendName;
  /** dtype of every float buffer of this backend. */
  readonly float: 'float32' | 'float64';
  /** One line for people: "AVX2, 8 floats wide, 2 threads". */
  readonly description: string;
  readonly threads: number;

  // ---- memory -----------------------------------------------------------------------------------------------------
  /** Contents undefined. 64-byte aligned where that matters. float64 on every backend, for sums. @throws BackendError when memory runs out */
  allocate(dtype: DType, length: number): Buffer;
  /** Gives an allocated buffer (not a slice) back. */
  free(buffer: Buffer): void;
  /** Elements offset … offset+length-1 of a buffer, shared, not copied. */
  slice(buffer: Buffer, offset: number, length: number): Buffer;
  /** Host to backend; converts between float widths. `values.length` equals `buffer.length`. */
  write(buffer: Buffer, values: ArrayLike<number>): void;
  /** Backend to host: a fresh array of the buffer's dtype, or `into`, which is one of its length. */
  read(buffer: Buffer, into?: TypedArray): TypedArray;
  /** What is allocated now, and the most that ever was since `resetPeak`; workspaces of kernels included. */
  readonly memory: { readonly bytes: number; readonly peakBytes: number };
  /** Lets `peakBytes` begin again at what is allocated now. */
  resetPeak(): void;

  // ---- calls that come again and again --------------------------------------------------------------------------------
  /**
   * Makes none of the kernel calls in `body`, but notes them, and returns what makes them all, in order, as often as it is called:
   * at little cost besides the kernels' own. Buffers that they use must live as long; `read` and `write` are not noted. `body`
   * may run again when the number of threads changes.
   */
  prepare(body: () => void): () => void;

  // ---- moving data ------------------------------------------------------------------------------------------------
  /** x = value, any dtype. */
  fill(x: Buffer, value: number): void;
  /** y = x, any dtype. */
  copy(x: Buffer, y: Buffer): void;
  /** y[yOffset + Σ i·yStrides] = x[xOffset + Σ i·xStrides] for every index i of `shape` (at most 6 axes); strides may be 0 in x. Any dtype. */
  stridedCopy(copy: StridedCopy): void;

  // ---- elementwise (in place allowed everywhere) ------------------------------------------------------------------
  /** y = op(x) */
  unary(op: UnaryOp, x: Buffer, y: Buffer): void;
  /** dX = dY · op'(x); gets both x and y = op(x) and uses what is cheaper. */
  unaryBackward(op: UnaryOp, x: Buffer, y: Buffer, dY: Buffer, dX: Buffer): void;
  /** y[i] = op(a[i mod a.length], b[i mod b.length]); a.length and b.length divide y.length. `less` gives 1 or 0. */
  binary(op: BinaryOp, a: Buffer, b: Buffer, y: Buffer): void;
  /** y[i] = mask[i mod mask.length] ≠ 0 ? a[i mod a.length] : b[i mod b.length]; the lengths divide y.length. What is not chosen may be anything. */
  select(mask: Buffer, a: Buffer, b: Buffer, y: Buffer): void;
  /** y = scale · x + shift */
  affine(x: Buffer, scale: number, shift: number, y: Buffer): void;
  /** y += alpha · x */
  axpy(alpha: number, x: Buffer, y: Buffer): void;
  /** y[m, n] (+)= x[m, n] · w[m]: each of R rows of C columns by its own number. */
  scaleRows(x: Buffer, w: Buffer, y: Buffer, R: number, C: number, accumulate: boolean): void;

  // ---- reductions -------------------------------------------------------------------------------------------------
  /** y[outer, inner] (+)= Σ_n x[outer, n, inner]. Summed in a fixed order. */
  sumAxis(x: Buffer, y: Buffer, sizes: { outer: number; n: number; inner: number }, accumulate: boolean): void;
  /** y[r] = index of the largest of row r (the first of equals); y int32 [R]. */
  argmaxRows(x: Buffer, y: Buffer, R: number, C: number): void;
  /** y[r] = how many of row r are smaller than its element ids[r]; NaN is neither smaller nor larger. y, ids int32 [R]. Ids are in range (checked above). */
  countBelow(x: Buffer, ids: Buffer, y: Buffer, R: number, C: number): void;
  /** y[0] = Σ x²; accumulates in float64, in a fixed order. */
  sumSquares(x: Buffer, y: Buffer): void;

  // ---- matrix product ---------------------------------------------------------------------------------------------
  /** How many numbers `packWeights` writes. */
  packedLength(parts: number, N: number, K: number): number;
  /** `parts` weights [N, K], one after another, in the order in which this backend's products read each fastest. */
  packWeights(weights: Buffer, parts: number, N: number, K: number, packed: Buffer): void;
  /** C = op(A)·op(B) (+ bias per column) (+ C), where op transposes or not. */
  gemm(product: Gemm): void;

  // ---- rows -------------------------------------------------------------------------------------------------------
  /** Each of R rows of C columns. */
  softmax(x: Buffer, y: Buffer, R: number, C: number): void;
  /** y = x − log Σ exp x, of each of R rows of C columns. */
  logSoftmax(x: Buffer, y: Buffer, R: number, C: number): void;
  /** dX = y ⊙ (dY − Σ dY⊙y) */
  softmaxBackward(y: Buffer, dY: Buffer, dX: Buffer, R: number, C: number): void;
  /** dX = dY − exp(y)·Σ dY */
  logSoftmaxBackward(y: Buffer, dY: Buffer, dX: Buffer, R: number, C: number): void;
  /** y[r] = table[ids[r]], rows of C columns. Ids are in range (checked above). */
  gatherRows(table: Buffer, ids: Buffer, y: Buffer, R: number, C: number): void;
  /** dTable[ids[r]] += dY[r], in the order of r; rows with ids[r] == paddingIndex are left out (-1: none). */
  scatterAddRows(dY: Buffer, ids: Buffer, dTable: Buffer, R: number, C: number, paddingIndex: number): void;
  /** normalized = (x − mean) · rstd; y = normalized ⊙ weight + bias. weight, bias: [C] or null (1 and 0). rstd [R] and normalized [R, C] are saved. y may be null when only normalized is wanted. */
  layerNorm(
    x: Buffer,
    weight: Buffer | null,
    bias: Buffer | null,
    y: Buffer | null,
    normalized: Buffer,
    rstd: Buffer,
    R: number,
    C: number,
    epsilon: number,
  ): void;
  /** dX overwrites (in place with dY allowed); dWeight, dBias [C] add (null: not wanted). */
  layerNormBackward(
    dY: Buffer,
    weight: Buffer | null,
    normalized: Buffer,
    rstd: Buffer,
    dX: Buffer,
    dWeight: Buffer | null,
    dBias: Buffer | null,
    R: number,
    C: number,
  ): void;

  // ---- randomness -------------------------------------------------------------------------------------------------
  /** y[i] = 0 with probability p, else 1/(1−p). Element i uses word i mod 4 of Philox block counter + floor(i/4): dropped when (word >>> 8)·2⁻²⁴ < p. Bits are equal on every backend. */
  dropoutMask(y: Buffer, p: number, random: RandomState): void;

  // ---- losses -----------------------------------------------------------------------------------------------------
  /** losses[r] = weight-scaled cross entropy of row r, 0 where ignored; see CrossEntropy. */
  crossEntropy(loss: CrossEntropy): void;
  /** dLogits[r] = scale[0] · ∂losses[r]/∂logits[r] (in place with logits allowed). */
  crossEntropyBackward(loss: CrossEntropyBackward): void;
  /** y[i] = loss(x[i], target[i]). bce: x is a logit. huber: delta. As torch's with reduction 'none'. */
  pointwiseLoss(kind: PointwiseLoss, x: Buffer, target: Buffer, y: Buffer, delta: number): void;
  /** dX[i] = dY[i] · ∂loss/∂x. dY has length 1 (one scale for all) or the length of x. */
  pointwiseLossBackward(kind: PointwiseLoss, x: Buffer, target: Buffer, dY: Buffer, dX: Buffer, delta: number): void;

  // ---- linear chains of tags ----------------------------------------------------------------------------------------
  /** Minus the log-likelihood of a path of tags for each row, or log Z; see CrfForward. */
  crfForward(chain: CrfForward): void;
  /** Its gradients; see CrfBackward. */
  crfBackward(chain: CrfBackward): void;
  /** The best path of each row (Viterbi); see CrfDecode. */
  crfDecode(chain: CrfDecode): void;

  // ---- alignments -----------------------------------------------------------------------------------------------------
  /** Minus the log-probability of a target without alignment, for each row; see CtcForward. */
  ctcForward(loss: CtcForward): void;
  /** Its gradient; see CtcBackward. */
  ctcBackward(loss: CtcBackward): void;
  /** Minus the log-probability of a target through a transducer's lattice, for each row; see TransducerForward. */
  transducerForward(loss: TransducerForward): void;
  /** Its gradient; see TransducerBackward. */
  transducerBackward(loss: TransducerBackward): void;

  // ---- planes, [B, C, height, width] ----------------------------------------------------------------------------------
  /** A convolution; see Conv2d. */
  conv2d(layer: Conv2d): void;
  /** Its gradients; see Conv2dBackward. */
  conv2dBackward(layer: Conv2dBackward): void;
  /** The largest of each window; see MaxPool2d. */
  maxPool2d(pool: MaxPool2d): void;
  /** dX = 0, then dX[indices] += dY within each of `planes` planes of in and out elements. */
  maxPool2dBackward(pool: MaxPool2dBackward): void;
  /** The mean of each window; see AvgPool2d. */
  avgPool2d(pool: AvgPool2d): void;
  /** Its gradient; see AvgPool2dBackward. */
  avgPool2dBackward(pool: AvgPool2dBackward): void;
  /** Normalises each channel over a batch; see BatchNorm2d. */
  batchNorm2d(norm: BatchNorm2d): void;
  /** Its gradients; see BatchNorm2dBackward. */
  batchNorm2dBackward(norm: BatchNorm2dBackward): void;
  // ---- reservoirs and their readouts --------------------------------------------------------------------------------
  /** The time loop of a reservoir; see ReservoirForward. */
  reservoirForward(layer: ReservoirForward): void;
  /** sums[i, j] += Σ_r x[r, i] · x[r, j] for j ≤ i: x [R, C], sums float64 [C, C], the lower half. Products are exact, sums are in float64. */
  gram(x: Buffer, sums: Buffer, R: number, C: number): void;
  /** Ridge regression out of such sums; see RidgeSolve. */
  ridgeSolve(ridge: RidgeSolve): void;

  // ---- recurrent layers, one direction of one layer, a whole sequence a call ----------------------------------------
  /** The time loop of an Elman layer; see RnnForward. */
  rnnForward(layer: RnnForward): void;
  /** Its gradients, from the last step to the first; see RnnBackward. */
  rnnBackward(layer: RnnBackward): void;
  /** The time loop of an LSTM layer; see LstmForward. */
  lstmForward(layer: LstmForward): void;
  /** Its gradients, from the last step to the first; see LstmBackward. */
  lstmBackward(layer: LstmBackward): void;
  /** The time loop of a GRU layer; see GruForward. */
  gruForward(layer: GruForward): void;
  /** Its gradients, from the last step to the first; see GruBackward. */
  gruBackward(layer: GruBackward): void;
  /** The time loop of a decoder that looks at a memory at every step; see AttentionForward. */
  attentionForward(layer: AttentionForward): void;
  /** Its gradients, from the last step to the first; see AttentionBackward. */
  attentionBackward(layer: AttentionBackward): void;

  // ---- optimisers, on whole flat buffers, in place ------------------------------------------------------------------
  /** norm[0] = ‖gradient‖₂; if it is finite and above maxNorm (>0), gradient *= maxNorm / (norm + 1e-6), as torch.nn.utils.clip_grad_norm_. maxNorm 0: measure only. */
  clipNorm(gradient: Buffer, maxNorm: number, norm: Buffer): void;
  /** Each element into [−limit, limit]. NaN stays. */
  clipValue(gradient: Buffer, limit: number): void;
  /** One update of stochastic gradient descent; see SgdStep. */
  sgd(step: SgdStep): void;
  /** One update of Adam or AdamW; see AdamStep. */
  adam(step: AdamStep): void;
  /** One update of RMSprop; see RmspropStep. */
  rmsprop(step: RmspropStep): void;
  /** One update of Adagrad; see AdagradStep. */
  adagrad(step: AdagradStep): void;
  /** y += weight · (x − y): a running average. */
  lerp(x: Buffer, y: Buffer, weight: number): void;
}

export interface StridedCopy {
  readonly shape: readonly number[];
  readonly x: Buffer;
  readonly xOffset: number;
  readonly xStrides: readonly number[];
  readonly y: Buffer;
  readonly yOffset: number;
  readonly yStrides: readonly number[];
  /** y += instead of y = (floats only). */
  readonly accumulate?: boolean;
}

/** C [M, N] = op(A) [M, K] · op(B) [K, N]. */
export interface Gemm {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly a: Buffer;
  /** A is stored [K, M]. Default false: [M, K]. */
  readonly transA?: boolean;
  /** Elements from one stored row of A to the next; default: no gap. */
  readonly lda?: number;
  readonly b: Buffer;
  /** B is stored [N, K] (as a weight is). Default false: [K, N]. */
  readonly transB?: boolean;
  /** B is a weight [N, K] that `packWeights` has packed, one part; then op(B) is its transpose, A is stored [M, K], and `transB` and `ldb` say nothing. */
  readonly isPacked?: boolean;
  readonly ldb?: number;
  readonly c: Buffer;
  readonly ldc?: number;
  /** [N], added to every row; null or absent: none. */
  readonly bias?: Buffer | null;
  /** C += instead of C =. Default false. */
  readonly accumulate?: boolean;
}

export interface CrossEntropy {
  readonly R: number;
  readonly C: number;
  readonly logits: Buffer; // [R, C]
  readonly targets: Buffer; // int32 [R]
  readonly ignoreIndex: number;
  /** In [0, 1): the target distribution is (1−s)·onehot + s/C, as torch.nn.CrossEntropyLoss (class weights apply to each class's part). */
  readonly labelSmoothing: number;
  readonly classWeights: Buffer | null; // [C]
  readonly losses: Buffer; // out [R]
  readonly logSumExp: Buffer; // out [R], saved
  /** out [R]: what the mean divides by: the target's class weight, 1 without class weights, 0 where ignored. */
  readonly weights: Buffer;
}

export interface CrossEntropyBackward extends Omit<CrossEntropy, 'losses' | 'weights'> {
  /** [1] (one for all rows) or [R]. */
  readonly scale: Buffer;
  readonly dLogits: Buffer; // out [R, C]
}

/**
 * A linear chain of tags over each row's sequence. With n = lengths[b], a path y scores
 *
 *   s(y) = start[y_0] + Σ_{t<n} emissions[t, b, y_t] + Σ_{0<t<n} transitions[y_{t−1}, y_t] + end[y_{n−1}]
 *
 * and Z is the sum of eˢ over all C^n paths. Any score may be −∞: what it touches is forbidden. A row of length 0 has one path,
 * the empty one, of score 0.
 *
 * @see Lafferty, McCallum & Pereira (2001), Conditional random fields
 */
export interface Crf {
  readonly T: number;
  readonly B: number;
  readonly C: number;
  readonly emissions: Buffer; // [T, B, C]
  readonly lengths: Buffer | null; // int32 [B]; null: all T
  readonly transitions: Buffer; // [C, C]: from, to
  readonly start: Buffer; // [C]
  readonly end: Buffer; // [C]
}

/**
 * losses[b] = log Z − s(tags). Saved for the backward are, up to each row's length, the scores of all beginnings that arrive at j
 * at step t, before its own emission and less their largest:
 *
 *   a_0 = start ;   a_t[j] = log Σ_i exp(alphas_{t−1}[i] + emissions_{t−1}[i] + transitions[i, j])
 *   shifts_t = max_j a_t[j] (0 where that is −∞) ;   alphas_t = a_t − shifts_t
 *
 * so that log Z = Σ_t shifts_t + log Σ_j exp(alphas_{n−1}[j] + emissions_{n−1}[j] + end[j]), and nothing grows with n.
 */
export interface CrfForward extends Crf {
  /** int32 [T, B], in 0…C−1 up to a row's length, anything past it. null: no path; losses is log Z, −∞ where every path is forbidden. */
  readonly tags: Buffer | null;
  readonly losses: Buffer; // out [B]
  readonly alphas: Buffer; // out [T, B, C], saved
  readonly shifts: Buffer; // out [T, B], saved
}

/**
 * Gradients of Σ_b scale_b · losses_b. With scale 1 and without tags, dEmissions is P(y_t = j): the marginals. A row of which every
 * path is forbidden has none.
 */
export interface CrfBackward extends Omit<CrfForward, 'losses'> {
  /** [1] (one for all rows) or [B]. */
  readonly scale: Buffer;
  readonly dEmissions: Buffer; // out [T, B, C], 0 past a row's length
  readonly dTransitions: Buffer; // [C, C] adds
  readonly dStart: Buffer; // [C] adds
  readonly dEnd: Buffer; // [C] adds
}

/** The path of the largest score; of equals the one that is first when read from its end. */
export interface CrfDecode extends Crf {
  readonly tags: Buffer; // int32 out [T, B], 0 past a row's length
  readonly scores: Buffer; // out [B]; −∞ where every path is forbidden, and the tags then mean nothing
}

/**
 * Connectionist temporal classification. A path of n = inputLengths[b] classes, one a frame, spells the target y that is left of it
 * when repeats are merged and then blanks are taken out. With softmax over the V classes of each frame,
 *
 *   P(y) = Σ over paths that spell y of Π_t softmax(logits_t)[path_t]
 *
 * A row that no path spells (fewer frames than symbols and the blanks between equal ones) has P(y) = 0.
 *
 * @see Graves, Fernández, Gomez & Schmidhuber (2006), doi:10.1145/1143844.1143891
 */
export interface Ctc {
  readonly T: number;
  readonly B: number;
  /** Classes, the blank among them. */
  readonly V: number;
  /** Symbols of the longest target; may be 0. */
  readonly U: number;
  readonly logits: Buffer; // [T, B, V]
  readonly inputLengths: Buffer | null; // int32 [B], in 0…T; null: all T
  readonly targets: Buffer; // int32 [B, U], never the blank; past a target's length anything
  readonly targetLengths: Buffer; // int32 [B], in 0…U
  readonly blank: number;
  /** A row that no path spells has loss 0 and gradient 0, instead of ∞ and NaN. */
  readonly zeroInfinity: boolean;
}

/**
 * losses[b] = −log P(y). Saved for the backward are logSumExp of each frame and the log-probabilities of all beginnings that have
 * spelt u symbols and stand on a blank (u = 0…U), or on symbol u itself (u = 1…U), up to each row's lengths. With
 * e_t = logits_t − max logits_t,
 *
 *   blanks_t[u]  = log(exp blanks_{t−1}[u] + exp symbols_{t−1}[u]) + e_t[blank] − shift_{t−1}
 *   symbols_t[u] = log(exp symbols_{t−1}[u] + exp blanks_{t−1}[u−1] + [y_u ≠ y_{u−1}] exp symbols_{t−1}[u−1]) + e_t[y_u] − shift_{t−1}
 *   shift_t = the largest of both (0 where that is −∞)
 *
 * from blanks_0[0] = e_0[blank], symbols_0[1] = e_0[y_1]; nothing grows with n.
 */
export interface CtcForward extends Ctc {
  readonly losses: Buffer; // out [B]
  readonly logSumExp: Buffer; // out [T, B], saved
  readonly alphas: Buffer; // out [T, B, 2U + 1], saved: blanks 0…U, then symbols 1…U
}

/**
 * Gradient of Σ_b scale_b · losses_b: dLogits_t[v] = scale_b · (softmax(logits_t)[v] − P(the path is on v at t | it spells y)). The
 * second term goes from the last frame to the first: each state's share of the paths is dealt out to the states that it can come
 * from, by their parts of what arrives at it.
 */
export interface CtcBackward extends Omit<CtcForward, 'losses'> {
  /** [1] (one for all rows) or [B]. */
  readonly scale: Buffer;
  readonly dLogits: Buffer; // out [T, B, V], 0 past a row's length
}

/**
 * A transducer's lattice. At node (t, u), in frame t with u symbols written, softmax(logits[t, u]) says whether to write the next
 * symbol, y_{u+1}, or, with a blank, to go on to the next frame. A way from (0, 0) to the blank of (n − 1, U_b) writes all of the
 * target; P(y) is the sum of all ways' probabilities.
 *
 * @see Graves (2012), arXiv:1211.3711
 */
export interface Transducer {
  readonly B: number;
  readonly T: number;
  /** Classes, the blank among them. */
  readonly V: number;
  /** Places for symbols; may be 0. */
  readonly U: number;
  readonly logits: Buffer; // [B, T, U + 1, V], not time-major
  readonly inputLengths: Buffer | null; // int32 [B], in 0…T; null: all T
  readonly targets: Buffer; // int32 [B, U], never the blank; past a target's length anything
  readonly targetLengths: Buffer; // int32 [B], in 0…U
  readonly blank: number;
}

/**
 * losses[b] = −log P(y); of a row without frames 0 where its target is empty, else ∞. Saved for the backward are logSumExp of each
 * node, and the log-probability of arriving there, less the largest of each diagonal before: with p_{t,u} = log softmax(logits[t, u]),
 * up to a row's lengths,
 *
 *   alphas[t, u] = log(exp(alphas[t − 1, u] + p_{t−1,u}[blank]) + exp(alphas[t, u − 1] + p_{t,u−1}[y_u])) − shift_{t+u−1}
 *   shift_d = the largest of alphas[t, u] with t + u = d (0 where that is −∞) ;   alphas[0, 0] = 0
 */
export interface TransducerForward extends Transducer {
  readonly losses: Buffer; // out [B]
  readonly logSumExp: Buffer; // out [B, T, U + 1], saved
  readonly alphas: Buffer; // out [B, T, U + 1], saved
}

/**
 * Gradient of Σ_b scale_b · losses_b. With the shares w and s of all ways that leave a node by its blank and by its symbol,
 *
 *   dLogits[t, u][v] = scale_b · ((w + s) · softmax(logits[t, u])[v] − [v = blank] w − [v = y_{u+1}] s)
 *
 * from the last diagonal to the first: the share of a node is dealt out to the two edges that lead to it, by their parts of what arrives.
 * NaN in a row that has no way.
 */
export interface TransducerBackward extends Omit<TransducerForward, 'losses'> {
  /** [1] (one for all rows) or [B]. */
  readonly scale: Buffer;
  readonly dLogits: Buffer; // out [B, T, U + 1, V], 0 past a row's lengths
}

/**
 * How windows lie over planes. A window at (r, v) covers, for i < kernelHeight and j < kernelWidth,
 *
 *   row r·strideY − paddingY + i·dilationY, column v·strideX − paddingX + j·dilationX
 *
 * and there are ⌊(height + 2·paddingY − (kernelHeight − 1)·dilationY − 1) / strideY⌋ + 1 of them along a column, along a row likewise.
 */
export interface Window2d {
  readonly B: number;
  readonly C: number;
  readonly height: number;
  readonly width: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly strideY: number;
  readonly strideX: number;
  readonly paddingY: number;
  readonly paddingX: number;
  readonly dilationY: number;
  readonly dilationX: number;
}

/** y[b, o, r, v] = bias[o] + Σ_{c, i, j} weight[o, c, i, j] · x[b, c] at (i, j) of the window at (r, v); 0 where that is padding. */
export interface Conv2d extends Window2d {
  /** Output channels. */
  readonly O: number;
  readonly x: Buffer; // [B, C, height, width]
  readonly weight: Buffer; // [O, C, kernelHeight, kernelWidth]
  readonly bias: Buffer | null; // [O]
  readonly y: Buffer; // out [B, O, output height, output width]
}

export interface Conv2dBackward extends Omit<Conv2d, 'bias' | 'y'> {
  readonly dY: Buffer; // [B, O, output height, output width]
  readonly dX: Buffer | null; // out, as x; null: not wanted
  readonly dWeight: Buffer | null; // adds
  readonly dBias: Buffer | null; // [O] adds
}

/** The largest of each window, the first of equals; padding is not among them, and NaN is the largest. */
export interface MaxPool2d extends Window2d {
  readonly x: Buffer; // [B, C, height, width]
  readonly y: Buffer; // out [B, C, output height, output width]
  readonly indices: Buffer; // int32 out, as y: row · width + column of the largest, saved
}

export interface MaxPool2dBackward {
  readonly planes: number;
  readonly dY: Buffer; // [planes, ·]
  readonly indices: Buffer; // int32, as dY
  readonly dX: Buffer; // out [planes, ·]
}

/** The mean of each window: over all of it, or, without countPadding, over what is no padding. No dilation. */
export interface AvgPool2d extends Omit<Window2d, 'dilationY' | 'dilationX'> {
  readonly countPadding: boolean;
  readonly x: Buffer; // [B, C, height, width]
  readonly y: Buffer; // out [B, C, output height, output width]
}

export interface AvgPool2dBackward extends Omit<AvgPool2d, 'x' | 'y'> {
  readonly dY: Buffer; // as y
  readonly dX: Buffer; // out, as x
}

/**
 * y = (x − mean) · rstd · weight + bias, each of C channels over B planes of S elements; rstd = 1/√(variance + ε).
 *
 * In training mean and variance (divided by B·S) are the batch's own, and the running ones move towards them, the variance divided by
 * B·S − 1 (as it is where that is 0): running += momentum · (own − running). Otherwise they are the running ones.
 */
export interface BatchNorm2d {
  readonly B: number;
  readonly C: number;
  readonly S: number;
  readonly isTraining: boolean;
  readonly x: Buffer; // [B, C, S]
  readonly weight: Buffer | null; // [C]; null: 1
  readonly bias: Buffer | null; // [C]; null: 0
  readonly epsilon: number;
  readonly momentum: number;
  /** [C], in and (in training) out. null, in training only: none are kept. */
  readonly runningMean: Buffer | null;
  readonly runningVariance: Buffer | null;
  readonly mean: Buffer; // out [C], saved
  readonly rstd: Buffer; // out [C], saved
  readonly y: Buffer; // out [B, C, S]
}

/** In training the gradient flows through mean and variance too. */
export interface BatchNorm2dBackward extends Omit<BatchNorm2d, 'bias' | 'epsilon' | 'momentum' | 'runningMean' | 'runningVariance' | 'y'> {
  readonly dY: Buffer; // [B, C, S]
  readonly dX: Buffer | null; // out, as x; in place with dY allowed
  readonly dWeight: Buffer | null; // [C] adds
  readonly dBias: Buffer | null; // [C] adds
}

/**
 * What the recurrent kernels share.
 *
 * Slots. `h` (and `c`) hold T+1 states. Forward direction: the initial state is slot 0 and the state after step t is slot
 * t+1. Reverse: the initial state is slot T and the state after step t is slot t. The caller has written the initial
 * state. Lengths. At steps t ≥ lengths[b] row b is inactive: its state is carried (copied to the next slot), its gates are
 * ignored and its dGates are 0. So the slots hold states; the op above zeroes padded outputs.
 */
export interface RecurrentLayer {
  readonly T: number;
  readonly B: number;
  readonly H: number;
  readonly reverse: boolean;
  readonly lengths: Buffer | null; // int32 [B]; null: all T
  /** [G·H, P], PyTorch's layout and gate order. */
  readonly weightHh: Buffer;
  /** Forwards only: weightHh, of G parts, and weightHr, of one, come from `packWeights`. Default false. */
  readonly isPacked?: boolean;
  /** Recurrent dropout: [B, P] multiplies h_{t−1} wherever the recurrent product uses it; null: ones. */
  readonly mask: Buffer | null;
  /** Layer normalisation of the recurrent product; null: none. */
  readonly norm: RecurrentNorm | null;
}

/** The recurrent product q = W_hh (h_{t−1} ⊙ mask) becomes normalized(q) ⊙ weight, over all G·H features of a row. */
export interface RecurrentNorm {
  readonly weight: Buffer; // [G·H]
  readonly epsilon: number;
  readonly normalized: Buffer; // [T, B, G·H] saved
  readonly rstd: Buffer; // [T, B] saved
}

/** h_t = σ(gates_t + W_hh h_{t−1}); gates come in as W_ih x_t + b_ih + b_hh. */
export interface RnnForward extends RecurrentLayer {
  readonly activation: Activation;
  readonly gates: Buffer; // [T, B, H] in: projections; out: scratch that the backward overwrites
  readonly h: Buffer; // [T+1, B, H] slots
}

/** Fields that every backward has beside its forward's. */
export interface RecurrentGradients {
  /** ∂L/∂output [T, B, P]; null: none of it. Ignored where a row is inactive. */
  readonly dY: Buffer | null;
  /** [B, P] in: ∂L/∂(last state); out: ∂L/∂(initial state). */
  readonly dH: Buffer;
  /** With `norm` only, [T, B, G·H] out: gradient of the raw recurrent product q (without norm it is the gates' own). */
  readonly dQ: Buffer | null;
  /** With `norm` only, [G·H], adds. */
  readonly dNormWeight: Buffer | null;
  /** out [T, B]: ‖∂L/∂h_t‖² of each row, h_t's whole gradient (through output and future); 0 where inactive. null: not wanted. */
  readonly dHSquares: Buffer | null;
}

/** `gates` out: gradient of the pre-activations. */
export interface RnnBackward extends RnnForward, RecurrentGradients {}

/**
 *   i, f, o = σ(·), g = tanh(·) of gates_t + W_hh h_{t−1}   (peepholes: i, f + p ⊙ c_{t−1}, o + p ⊙ c_t)
 *   c_t = f ⊙ c_{t−1} + i ⊙ g ;   m_t = o ⊙ tanh(c̃_t) ;   h_t = m_t, or W_hr m_t
 * where c̃ is c_t, or its layer normalisation. Gate order i, f, g, o.
 */
export interface LstmForward extends RecurrentLayer {
  readonly P: number;
  readonly gates: Buffer; // [T, B, 4H] in: projections; out: activated i, f, g, o
  readonly h: Buffer; // [T+1, B, P] slots
  readonly c: Buffer; // [T+1, B, H] slots
  readonly peephole: Buffer | null; // [3H]: p_i, p_f, p_o
  readonly weightHr: Buffer | null; // [P, H]; null: P = H
  /** With weightHr only, [T, B, H] out, saved: m_t. */
  readonly m: Buffer | null;
  readonly cellNorm: CellNorm | null;
}

/** c̃ = normalized(c) ⊙ weight + bias, over the H features of a row. */
export interface CellNorm {
  readonly weight: Buffer; // [H]
  readonly bias: Buffer; // [H]
  readonly epsilon: number;
  readonly normalized: Buffer; // [T, B, H] saved
  readonly rstd: Buffer; // [T, B] saved
}

/** `gates` out: gradient of the pre-activations, in place. */
export interface LstmBackward extends LstmForward, RecurrentGradients {
  readonly dC: Buffer; // [B, H] in: ∂L/∂(last c); out: ∂L/∂(initial c)
  readonly dPeephole: Buffer | null; // [3H] adds
  /** With weightHr only, [T, B, P] out: the whole ∂L/∂h_t, for dW_hr; 0 where inactive. */
  readonly dProjection: Buffer | null;
  readonly dCellNormWeight: Buffer | null; // [H] adds
  readonly dCellNormBias: Buffer | null; // [H] adds
}

/**
 *   r, z = σ(gates_t + W_hh h_{t−1});   h_t = (1 − z) ⊙ n + z ⊙ h_{t−1}
 *   reset after  (PyTorch): n = tanh(gates_n + r ⊙ (W_hn h_{t−1} + b_hn))
 *   reset before (Cho et al. 2014): n = tanh(gates_n + W_hn (r ⊙ h_{t−1}) + b_hn)
 * gates come in as W_ih x_t + b_ih (+ b_hr, b_hz for r and z; b_hn comes apart). Order r, z, n. `norm` needs reset after.
 * With mask, h_{t−1} ⊙ mask stands in the products and the plain h_{t−1} in the interpolation.
 */
export interface GruForward extends RecurrentLayer {
  readonly resetAfter: boolean;
  readonly biasHn: Buffer | null; // [H]
  readonly gates: Buffer; // [T, B, 3H] in: projections; out: activated r, z, n
  readonly h: Buffer; // [T+1, B, H] slots
  /** [T, B, H] out, saved. Reset after: W_hn h + b_hn. Reset before: r ⊙ h_{t−1} ⊙ mask. */
  readonly hn: Buffer;
}

/** `gates` out: gradients of the pre-activations r, z, n. `hn` out, reset after: gradient of (W_hn h + b_hn) = dn ⊙ r; reset before: unchanged. */
export interface GruBackward extends GruForward, RecurrentGradients {}

/**
 * A recurrent layer that looks at a memory of S positions at every step. For each row of the batch,
 *
 *   attend(h):  q = W_q h ;   e_s = v · tanh(q + keys_s), or scale · q · keys_s without v
 *               α = softmax of e over the row's memory ;   context = Σ_s α_s memory_s   (an empty memory gives zeros)
 *
 *   attendFirst (Bahdanau et al. 2015):  context_t = attend(h_{t−1}) ;  h_t = cell(gates_t + W_c context_t, h_{t−1})
 *   else (Luong et al. 2015, the context fed to the next step):
 *                                        h_t = cell(gates_t + W_c context_{t−1}, h_{t−1}) ;  context_t = attend(h_t)
 *
 * where the cell is LstmForward's or GruForward's (reset after) with W_hh (h ⊙ mask). States and contexts lie in slots as
 * RecurrentLayer's (forward direction): context_t is in slot t+1, the initial one, which the caller has written, in slot 0. At
 * steps t ≥ lengths[b] state and context are carried and the weights are 0.
 */
export interface AttentionForward {
  readonly T: number;
  readonly B: number;
  readonly H: number;
  /** Positions, key size and width of the memory. */
  readonly S: number;
  readonly A: number;
  readonly M: number;
  readonly attendFirst: boolean;
  readonly lengths: Buffer | null; // int32 [B]; null: all T
  readonly weightHh: Buffer; // [G·H, H]
  readonly mask: Buffer | null; // [B, H]
  readonly weightContext: Buffer; // [G·H, M]
  /** Forwards only: weightHh, of G parts, weightContext and weightQuery, of one, come from `packWeights`. Default false. */
  readonly isPacked?: boolean;
  /** null: q is h itself, and A = H. */
  readonly weightQuery: Buffer | null; // [A, H]
  /** v. null: products. */
  readonly scoreVector: Buffer | null; // [A]
  /** Of products. */
  readonly scale: number;
  readonly keys: Buffer; // [rows of memory, S, A]
  readonly memory: Buffer; // [rows of memory, S, M]; may be the keys
  readonly memoryLengths: Buffer | null; // int32 [rows of memory]; null: all S
  /** int32 [B]: the row of keys and memory that each row looks at. null: its own, of B. */
  readonly memoryRows: Buffer | null;
  readonly cell: LstmState | GruState;
  readonly gates: Buffer; // [T, B, G·H] in: projections; out: activated
  readonly h: Buffer; // [T+1, B, H] slots
  readonly context: Buffer; // [T+1, B, M] slots
  readonly query: Buffer; // [T, B, A] out, saved: q; 0 where inactive
  readonly weights: Buffer; // [T, B, S] out, saved: α; 0 where inactive and past the row's memory
}

export interface LstmState {
  readonly kind: 'lstm';
  readonly c: Buffer; // [T+1, B, H] slots
}

export interface GruState {
  readonly kind: 'gru';
  readonly biasHn: Buffer | null; // [H]
  readonly hn: Buffer; // [T, B, H] out, saved
}

/** `gates`, `cell.hn` and `query` out: gradients of the pre-activations (as GruBackward's) and of q. `memoryRows` must be null. */
export interface AttentionBackward extends AttentionForward {
  // Of the outputs; null: none of it. Ignored where a row is inactive, and dWeights past a row's memory.
  readonly dY: Buffer | null; // [T, B, H]
  readonly dContext: Buffer | null; // [T, B, M]
  readonly dWeights: Buffer | null; // [T, B, S]
  // in: of the last state; out: of the initial one.
  readonly dH: Buffer; // [B, H]
  readonly dC: Buffer | null; // [B, H], LSTM only
  readonly dContextState: Buffer; // [B, M]
  readonly dKeys: Buffer; // [B, S, A] out
  readonly dMemory: Buffer; // [B, S, M] out
  readonly dScoreVector: Buffer | null; // [A] adds; with scoreVector only
}

/**
 * A reservoir of leaky integrators (the weights stay as they were drawn, so there is no backward):
 *
 *   h_t = (1 − a) ⊙ h_{t−1} + a ⊙ tanh(drive_t + W h_{t−1})
 *
 * @see Jaeger, Lukoševičius, Popovici & Siewert (2007), doi:10.1016/j.neunet.2007.04.016
 */
export interface ReservoirForward {
  readonly T: number;
  readonly B: number;
  readonly H: number;
  /** int32 [B]; null: all T. A row that has ended carries its state through the remaining slots. */
  readonly lengths: Buffer | null;
  /** [T, B, H]: all of the argument of tanh that does not hang on h: projected inputs and feedback, bias, noise. */
  readonly drive: Buffer;
  readonly weightHh: ReservoirMatrix;
  readonly leakRate: Buffer; // [H]: a, in (0, 1]
  readonly h: Buffer; // [T+1, B, H] slots: the first is the initial state (in), the others are out
}

/** W [H, H]: all of it, row-major, or its entries in compressed sparse rows (as torch.sparse_csr). */
export type ReservoirMatrix =
  | { readonly kind: 'dense'; readonly values: Buffer }
  | {
      readonly kind: 'sparse';
      readonly rowStarts: Buffer; // int32 [H+1]: row i has entries rowStarts[i] … rowStarts[i+1]−1
      readonly columns: Buffer; // int32 [entries]
      readonly values: Buffer; // [entries]
    };

/**
 * The weights that minimise Σ_r ‖W z_r − y_r‖² + Σ_i penalty_i ‖W_i‖² over F features z and O targets y, by a Cholesky
 * factorisation in float64: (ZᵀZ + diag(penalty)) Wᵀ = ZᵀY.
 */
export interface RidgeSolve {
  readonly F: number;
  readonly O: number;
  /** float64 [F+O, F+O]: what `gram` makes of rows [z; y]. */
  readonly sums: Buffer;
  readonly penalty: Buffer; // [F], each ≥ 0
  readonly weight: Buffer; // out [O, F]; undefined when there is no solution
  /** out [1]: 0; or i+1 when the i-th pivot was not positive beyond rounding (at most 2⁻⁵² of its diagonal element). */
  readonly failure: Buffer;
}

/** torch.optim.SGD. velocity null: no momentum. First step: velocity = gradient (the caller starts it at 0 and passes isFirst). */
export interface SgdStep {
  readonly parameters: Buffer;
  readonly gradient: Buffer;
  readonly velocity: Buffer | null;
  readonly isFirst: boolean;
  readonly learningRate: number;
  readonly momentum: number;
  readonly dampening: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
}

/** torch.optim.Adam, or AdamW when decoupled. `step` counts from 1. */
export interface AdamStep {
  readonly parameters: Buffer;
  readonly gradient: Buffer;
  readonly m: Buffer;
  readonly v: Buffer;
  /** AMSGrad's running maximum of v; null: plain. */
  readonly vMax: Buffer | null;
  readonly step: number;
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly decoupled: boolean;
}

/** torch.optim.RMSprop. */
export interface RmspropStep {
  readonly parameters: Buffer;
  readonly gradient: Buffer;
  readonly squareAverage: Buffer;
  readonly gradientAverage: Buffer | null; // centred
  readonly momentumBuffer: Buffer | null;
  readonly learningRate: number;
  readonly alpha: number;
  readonly epsilon: number;
  readonly momentum: number;
  readonly weightDecay: number;
}

/** torch.optim.Adagrad; learningRate already decayed by the caller. */
export interface AdagradStep {
  readonly parameters: Buffer;
  readonly gradient: Buffer;
  readonly sum: Buffer;
  readonly learningRate: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}
