import type { Conv2d, Window2d } from '../../../src/backend/backend.ts';
import { outputSize } from '../../../src/backend/reference/convolution.ts';
import { ReferenceBackend } from '../../../src/backend/reference/reference.ts';
import type { Random } from '../../../src/tensor/random.ts';
import { aligned, execute, inout, input, integerOutput, type KernelCase, normal, output, uniform } from '../kernel-case.ts';

/** A sum of n products of float32 numbers: 6e-8 · √n of the largest terms, n up to some thousands. */
const tolerance = 5e-6;

type Pair = readonly [number, number];

interface Plane {
  readonly sizes: readonly [B: number, C: number, O: number, height: number, width: number];
  readonly kernel: Pair;
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
  readonly bias?: boolean;
}

const convolutions: Plane[] = [
  { sizes: [1, 1, 1, 1, 1], kernel: [1, 1] },
  { sizes: [2, 3, 5, 7, 6], kernel: [3, 3], padding: [1, 1], bias: true },
  { sizes: [3, 2, 4, 9, 5], kernel: [3, 2], stride: [2, 1], bias: true },
  { sizes: [2, 2, 3, 8, 11], kernel: [2, 5], stride: [1, 3], padding: [1, 2] },
  { sizes: [1, 3, 2, 10, 9], kernel: [3, 3], dilation: [2, 3], padding: [2, 1], bias: true },
  { sizes: [2, 1, 3, 6, 7], kernel: [3, 3], stride: [2, 2], padding: [1, 1], dilation: [1, 2] },
  { sizes: [2, 4, 7, 5, 5], kernel: [1, 1], bias: true },
  { sizes: [1, 2, 2, 3, 4], kernel: [3, 4] },
  // Padding beyond the kernel's reach: windows that see padding alone.
  { sizes: [2, 2, 3, 4, 3], kernel: [2, 2], padding: [3, 4], bias: true },
  // Rows of whole vectors, and more than one block of depth; several strips of rows; rows too long for one block.
  { sizes: [2, 30, 7, 16, 16], kernel: [3, 3], padding: [1, 1], bias: true },
  { sizes: [9, 2, 13, 32, 32], kernel: [3, 3], padding: [1, 1], bias: true },
  { sizes: [1, 2, 3, 5, 600], kernel: [3, 3], padding: [1, 1] },
  { sizes: [11, 2, 5, 30, 21], kernel: [5, 5], stride: [2, 2], padding: [2, 2], bias: true },
  { sizes: [3, 40, 18, 8, 8], kernel: [3, 3], padding: [1, 1], bias: true },
];

export function planeCases(rng: Random): KernelCase[] {
  return [...convolutions.flatMap((plane) => convolutionCases(rng, plane)), ...poolingCases(rng), ...batchNormCases(rng)];
}

function windowOf({ sizes: [B, C, , height, width], kernel, stride = [1, 1], padding = [0, 0], dilation = [1, 1] }: Plane): Window2d {
  const [[kernelHeight, kernelWidth], [strideY, strideX], [paddingY, paddingX], [dilationY, dilationX]] = [
    kernel,
    stride,
    padding,
    dilation,
  ];
  return { B, C, height, width, kernelHeight, kernelWidth, strideY, strideX, paddingY, paddingX, dilationY, dilationX };
}

function labelOf({ sizes, kernel, stride, padding, dilation }: Plane): string {
  const more = Object.entries({ stride, padding, dilation }).flatMap(([name, pair]) => (pair ? [`${name} ${pair.join('x')}`] : []));
  return [`[${sizes.join(', ')}]`, `kernel ${kernel.join('x')}`, ...more].join(', ');
}

function convolutionCases(rng: Random, plane: Plane): KernelCase[] {
  const window = windowOf(plane);
  const O = plane.sizes[2];
  const { outHeight, outWidth } = outputSize(window);
  const [inputs, outputs] = [window.B * window.C * window.height * window.width, window.B * O * outHeight * outWidth];
  const weights = O * window.C * window.kernelHeight * window.kernelWidth;
  const [x, weight] = [input(normal(rng, inputs)), input(normal(rng, weights))];
  const bias: Record<string, ReturnType<typeof input>> = plane.bias ? { bias: input(normal(rng, O)) } : {};
  const sizes: Window2d & Pick<Conv2d, 'O'> = { ...window, O };
  const label = labelOf(plane);
  const backward = (wants: { dX?: boolean; dWeight?: boolean; dBias?: boolean }): KernelCase => ({
    kernel: 'conv2dBackward',
    label: `${label}, ${Object.keys(wants).join(', ')}`,
    tolerance,
    operands: {
      x,
      weight,
      dY: input(normal(rng, outputs)),
      ...(wants.dX ? { dX: output(inputs, { magnitude: 1 }) } : {}),
      ...(wants.dWeight ? { dWeight: inout(normal(rng, weights), { magnitude: 1 }) } : {}),
      ...(wants.dBias ? { dBias: inout(normal(rng, O), { magnitude: Math.sqrt(outputs / O) }) } : {}),
    },
    run: (backend, at) =>
      backend.conv2dBackward({
        ...sizes,
        x: at('x'),
        weight: at('weight'),
        dY: at('dY'),
        dX: at.orNull('dX'),
        dWeight: at.orNull('dWeight'),
        dBias: at.orNull('dBias'),
      }),
  });
  return [
    {
      kernel: 'conv2d',
      label,
      tolerance,
      operands: { x, weight, ...bias, y: output(outputs, { magnitude: 1 }) },
      run: (backend, at) => backend.conv2d({ ...sizes, x: at('x'), weight: at('weight'), bias: at.orNull('bias'), y: at('y') }),
    },
    backward({ dX: true, dWeight: true, dBias: true }),
    backward({ dX: true }),
    backward({ dBias: true }),
  ];
}

const pools: (Plane & { readonly countPadding?: boolean })[] = [
  { sizes: [1, 1, 0, 1, 1], kernel: [1, 1] },
  { sizes: [2, 3, 0, 8, 70], kernel: [2, 2], stride: [2, 2] },
  { sizes: [2, 3, 0, 7, 5], kernel: [2, 2], stride: [2, 2] },
  { sizes: [1, 4, 0, 9, 9], kernel: [3, 3], stride: [2, 2], padding: [1, 1], countPadding: true },
  { sizes: [2, 2, 0, 6, 8], kernel: [3, 2], stride: [1, 2], padding: [1, 0] },
  { sizes: [3, 2, 0, 5, 7], kernel: [5, 7], stride: [5, 7] },
  { sizes: [10, 14, 0, 32, 32], kernel: [2, 2], stride: [2, 2] },
];

function poolingCases(rng: Random): KernelCase[] {
  return pools.flatMap(({ countPadding = false, ...plane }, i): KernelCase[] => {
    const window = windowOf(plane);
    const { outHeight, outWidth } = outputSize(window);
    const planes = window.B * window.C;
    const [inputs, outputs] = [planes * window.height * window.width, planes * outHeight * outWidth];
    // Ties, and once a NaN, which wins.
    const ties = normal(rng, inputs).map((value) => Math.round(value * 2) / 2);
    if (i === 1) for (let k = 5; k < inputs; k += 97) ties[k] = Number.NaN;
    const label = labelOf(plane);
    const largest: KernelCase = {
      kernel: 'maxPool2d',
      label,
      tolerance: 0,
      operands: { x: input(ties), y: output(outputs, { perElement: true }), indices: integerOutput(outputs) },
      run: (backend, at) => backend.maxPool2d({ ...window, x: at('x'), y: at('y'), indices: at('indices') }),
    };
    const { indices } = execute(new ReferenceBackend(), largest, aligned);
    return [
      largest,
      {
        kernel: 'maxPool2dBackward',
        label,
        tolerance,
        operands: { dY: input(normal(rng, outputs)), indices: input(indices as Int32Array), dX: output(inputs, { magnitude: 1 }) },
        run: (backend, at) => backend.maxPool2dBackward({ planes, dY: at('dY'), indices: at('indices'), dX: at('dX') }),
      },
      {
        kernel: 'avgPool2d',
        label,
        tolerance,
        operands: { x: input(normal(rng, inputs)), y: output(outputs, { magnitude: 1 }) },
        run: (backend, at) => backend.avgPool2d({ ...window, countPadding, x: at('x'), y: at('y') }),
      },
      {
        kernel: 'avgPool2dBackward',
        label,
        tolerance,
        operands: { dY: input(normal(rng, outputs)), dX: output(inputs, { magnitude: 1 }) },
        run: (backend, at) => backend.avgPool2dBackward({ ...window, countPadding, dY: at('dY'), dX: at('dX') }),
      },
    ];
  });
}

function batchNormCases(rng: Random): KernelCase[] {
  const sizes: [B: number, C: number, S: number][] = [
    [2, 1, 1],
    [3, 5, 7],
    [1, 3, 20],
    [40, 9, 64],
    [16, 20, 1000],
  ];
  return sizes.flatMap(([B, C, S]): KernelCase[] =>
    [
      { isTraining: true, affine: true, running: true },
      { isTraining: true, affine: false, running: false },
      { isTraining: false, affine: true, running: true },
    ].flatMap(({ isTraining, affine, running }): KernelCase[] => {
      const n = B * C * S;
      const x = normal(rng, n, 2).map((value) => Math.fround(value + 3));
      const weight: Record<string, ReturnType<typeof input>> = affine ? { weight: input(normal(rng, C)) } : {};
      const bias: Record<string, ReturnType<typeof input>> = affine ? { bias: input(normal(rng, C)) } : {};
      const kept = isTraining ? inout : input;
      const label = `[${B}, ${C}, ${S}], ${isTraining ? 'training' : 'evaluation'}${affine ? ', affine' : ''}`;
      const forward: KernelCase = {
        kernel: 'batchNorm2d',
        label,
        // Where two numbers are all that there is, they may be near one another: their difference is rounded as they are.
        tolerance: B * S < 10 ? 1e-4 : tolerance,
        operands: {
          x: input(x),
          ...weight,
          ...bias,
          ...(running ? { runningMean: kept(normal(rng, C)), runningVariance: kept(uniform(rng, C, 0.3, 3)) } : {}),
          mean: output(C, { magnitude: 3 }),
          rstd: output(C),
          y: output(n, { magnitude: 3 }),
        },
        run: (backend, at) =>
          backend.batchNorm2d({
            B,
            C,
            S,
            isTraining,
            epsilon: 1e-5,
            momentum: 0.125,
            x: at('x'),
            weight: at.orNull('weight'),
            bias: at.orNull('bias'),
            runningMean: at.orNull('runningMean'),
            runningVariance: at.orNull('runningVariance'),
            mean: at('mean'),
            rstd: at('rstd'),
            y: at('y'),
          }),
      };
      const backward = (inPlace: boolean): KernelCase => {
        const dY = normal(rng, n);
        return {
          kernel: 'batchNorm2dBackward',
          label: `${label}${inPlace ? ', in place' : ''}`,
          tolerance: 2 * tolerance,
          operands: {
            x: input(x),
            ...weight,
            mean: input(uniform(rng, C, 2.5, 3.5)),
            rstd: input(uniform(rng, C, 0.3, 0.7)),
            ...(inPlace ? { dX: inout(dY, { magnitude: 1 }) } : { dY: input(dY), dX: output(n, { magnitude: 1 }) }),
            dWeight: inout(normal(rng, C), { magnitude: Math.sqrt(B * S) }),
            dBias: inout(normal(rng, C), { magnitude: Math.sqrt(B * S) }),
          },
          run: (backend, at) =>
            backend.batchNorm2dBackward({
              B,
              C,
              S,
              isTraining,
              x: at('x'),
              weight: at.orNull('weight'),
              mean: at('mean'),
              rstd: at('rstd'),
              dY: at(inPlace ? 'dX' : 'dY'),
              dX: at('dX'),
              dWeight: at('dWeight'),
              dBias: at('dBias'),
            }),
        };
      };
      return [forward, backward(false), backward(true)];
    }),
  );
}
