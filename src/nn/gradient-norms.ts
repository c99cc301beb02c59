/** How strongly each hidden state reaches the loss: what vanishes or explodes, seen from outside. */
import type { Tensor } from '../autograd/tensor.ts';
import { ConfigError } from '../tensor/errors.ts';

/**
 * ‖∂L/∂h_t‖ for each layer, direction and step, h_t's whole gradient: through its output and through the future. Give one
 * to a layer's `forward`; the backward fills it, in the pass that it makes anyway.
 *
 * @example
 * const gradientNorms = new GradientNorms();
 * const { output } = lstm.forward(x, undefined, { gradientNorms });
 * backward(loss(output));
 * const perStep = await gradientNorms.perStep(0); // [T]
 */
export class GradientNorms {
  readonly #squares = new Map<string, Tensor>();

  /** For the layers' backward: ‖∂L/∂h_t‖² of each row. [T, B] */
  set(layer: number, direction: number, squares: Tensor): void {
    this.#squares.set(key(layer, direction), squares);
  }

  /** Whether the backward has filled this layer and direction. */
  has(layer: number, direction = 0): boolean {
    return this.#squares.has(key(layer, direction));
  }

  /**
   * The norm over the whole batch at each step, [T]. Steps of the reverse direction stand in the order of the sequence too.
   *
   * @param direction  0 forward, 1 reverse
   */
  async perStep(layer: number, direction = 0): Promise<Float64Array> {
    const { squares, T, B } = await this.#read(layer, direction);
    return Float64Array.from({ length: T }, (_, t) => Math.sqrt(squares.subarray(t * B, (t + 1) * B).reduce((sum, x) => sum + x, 0)));
  }

  /** The norm of each sequence of the batch at each step, [T, B] row-major; 0 past a sequence's length. */
  async perSequence(layer: number, direction = 0): Promise<Float64Array> {
    const { squares } = await this.#read(layer, direction);
    return squares.map(Math.sqrt);
  }

  async #read(layer: number, direction: number): Promise<{ squares: Float64Array; T: number; B: number }> {
    const tensor = this.#squares.get(key(layer, direction));
    if (tensor === undefined) {
      throw new ConfigError(
        `[GradientNorms] layer ${layer}, direction ${direction} has none. Give this object to forward, call backward, then read; filled: ${[...this.#squares.keys()].join(', ') || 'nothing'}.`,
      );
    }
    return { squares: Float64Array.from(await tensor.data()), T: tensor.shape[0], B: tensor.shape[1] };
  }
}

function key(layer: number, direction: number): string {
  return `${layer}/${direction}`;
}
