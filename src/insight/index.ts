export { type FlowFigureOptions, flowFigure } from './flow/flow-figure.ts';
export { type GradientFlow, gradientFlow } from './gradient-flow.ts';
export { type Inspection, inspectAt } from './inspection.ts';
export { type JacobianNorms, type JacobianOptions, jacobianNorms, memoryHorizon } from './jacobians.ts';
export { type LyapunovOptions, lyapunovExponents } from './lyapunov.ts';
export type { Stepping } from './trajectory.ts';
