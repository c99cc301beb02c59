export {
  type EchoForwardOptions,
  type EchoState,
  EchoStateNetwork,
  type EchoStateNetworkOptions,
  type FitResult,
} from './echo-state-network.ts';
export { Reservoir, type ReservoirForwardOptions, type ReservoirOptions } from './reservoir.ts';
export { RidgeRegression, type RidgeSolution } from './ridge.ts';
export type { SquareMatrix } from './sparse-matrix.ts';
export { spectralRadius } from './spectral-radius.ts';
