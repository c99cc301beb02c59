/** A model's parameters in one contiguous buffer, their gradients in another: an optimiser step is one kernel call. */
import { freeWhenCollected } from '../autograd/storage.ts';
import type { Parameter } from '../autograd/tensor.ts';
import type { Backend, Buffer } from '../backend/backend.ts';
import { ConfigError } from '../tensor/errors.ts';

/** In elements; 64 bytes of float32, so that each parameter begins on a cache line. The gaps hold zeros and stay so. */
const alignment = 16;

export class FlatParameters {
  readonly backend: Backend;
  readonly parameters: readonly Parameter[];
  /** Where each parameter begins. */
  readonly offsets: readonly number[];
  readonly values: Buffer;
  readonly gradients: Buffer;

  private constructor(parameters: readonly Parameter[]) {
    this.backend = parameters[0].backend;
    this.parameters = parameters;
    let length = 0;
    this.offsets = parameters.map((parameter) => {
      const offset = length;
      length += Math.ceil(parameter.size / alignment) * alignment;
      return offset;
    });
    this.values = this.allocateZeros(length);
    this.gradients = this.allocateZeros(length);
    parameters.forEach((parameter, i) => {
      const part = (buffer: Buffer) => this.backend.slice(buffer, this.offsets[i], parameter.size);
      parameter.moveTo(this, part(this.values), part(this.gradients));
      owners.set(parameter, this);
    });
  }

  /**
   * The flat buffers of these parameters; made on first use, the same ones from then on.
   *
   * @throws ConfigError when some of them are already part of another set
   */
  static of(parameters: readonly Parameter[]): FlatParameters {
    if (parameters.length === 0) throw new ConfigError('[optimizer] expected at least one parameter, received none.');
    const known = owners.get(parameters[0]);
    if (known !== undefined && known.parameters.length === parameters.length && parameters.every((p, i) => p === known.parameters[i]))
      return known;
    if (parameters.some((p) => owners.has(p))) {
      throw new ConfigError(
        '[optimizer] some of these parameters belong to an optimizer with another set of parameters; give both the same model.',
      );
    }
    return new FlatParameters(parameters);
  }

  /** A buffer as long as the values, zeroed, freed with this object: an optimiser's state. */
  allocateZeros(length: number = this.values.length): Buffer {
    const buffer = this.backend.allocate(this.backend.float, length);
    this.backend.fill(buffer, 0);
    freeWhenCollected(this, this.backend, buffer);
    return buffer;
  }

  zeroGradients(): void {
    this.backend.fill(this.gradients, 0);
  }
}

const owners = new WeakMap<Parameter, FlatParameters>();
