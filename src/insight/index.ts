export { type GradientFlow, gradientFlow } from './gradient-flow.ts';
export { type JacobianNorms, type JacobianOptions, jacobianNorms, memoryHorizon } from './jacobians.ts';
export { type LyapunovOptions, lyapunovExponents } from './lyapunov.ts';
export type { Stepping } from './trajectory.ts';
