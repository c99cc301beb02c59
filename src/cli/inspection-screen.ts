/** An inspection as lines for a terminal: the gradient through time as a chart, then numbers, then what to do. */
import { nameOf, sentences } from '../insight/flow/flow-figure.ts';
import type { Inspection } from '../insight/inspection.ts';
import type { RecurrenceStatistics } from '../nn/recurrence-statistics.ts';
import { type ChartSeries, lineChart } from './chart.ts';
import type { Terminal } from './terminal.ts';

export function inspectionLines(inspection: Inspection, terminal: Terminal): string[] {
  const { bold, dim, accent, bad } = terminal;
  const { ofLast, layers, jacobians, steps, loss, advice, lyapunovExponents } = inspection;
  const width = Math.min(terminal.width - 4, 92);
  const chart = (series: readonly ChartSeries[], xLabel: string): string[] =>
    lineChart(series, {
      width,
      height: 10,
      xLabel,
      logarithmic: true,
      paint: (index, text) => (index % 2 === 0 ? bad(text) : accent(text)),
    });
  const what = loss === null ? 'output' : 'loss';
  const lines = [
    bold('The gradient on its way back'),
    `‖∂L/∂h‖ of the ${what} at the last step, by layer and step t ${dim(`(${steps} steps; right to left)`)}`,
    ...chart(
      ofLast.map(({ times, gradientNorms }) => ({ x: times, y: gradientNorms, as: 'line' })),
      'step t',
    ),
    '',
  ];
  if (jacobians !== null) {
    const lags = jacobians.input.map((_, k) => k);
    lines.push(
      bold('How far the past reaches'),
      `${bad('⣿')} of the input ‖∂h/∂x‖   ${accent('⣿')} of the state ‖∂s/∂s‖, so many steps back ${dim(jacobians.probes === 0 ? '(exact)' : `(estimated, ${jacobians.probes} probes)`)}`,
      ...chart(
        [
          { x: lags, y: jacobians.input, as: 'line' },
          { x: lags, y: jacobians.state, as: 'line' },
        ],
        'steps back',
      ),
      '',
      ...sentences(inspection),
      '',
    );
  }
  lines.push(...table(ofLast, layers, lyapunovExponents, terminal));
  for (const message of advice) lines.push('', `${bad('warning:')} ${message}`);
  return lines;
}

/** Layer by layer: growth, units, gates. */
function table(
  ofLast: readonly RecurrenceStatistics[],
  layers: readonly RecurrenceStatistics[],
  exponents: readonly number[],
  { dim }: Terminal,
): string[] {
  const gates = [...new Set(layers.flatMap(({ gates }) => Object.keys(gates)))] as (keyof RecurrenceStatistics['gates'])[];
  const head = ['', 'first/last', 'dead', 'saturated', ...gates.map((gate) => `${gate} shut·open`)];
  const rows = layers.map((layer, k) => [
    `${layer.cell} ${nameOf(layer)}`,
    ofLast[k]?.growth == null ? '–' : power(ofLast[k].growth),
    share(layer.deadUnits),
    share(layer.saturatedStates),
    ...gates.map((gate) => {
      const seen = layer.gates[gate];
      return seen === undefined ? '–' : `${share(seen.shut)}·${share(seen.open)}`;
    }),
  ]);
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column].length)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, k) => (k === 0 ? cell.padEnd(widths[k]) : cell.padStart(widths[k]))).join('  ');
  return [
    dim(line(head)),
    ...rows.map(line),
    ...(exponents.length === 0
      ? []
      : ['', `Lyapunov exponents, in nats a step: ${exponents.map((value) => value.toFixed(3).replace('-', '−')).join(', ')}`]),
  ];
}

const share = (value: number | null): string => (value === null ? '–' : `${(value * 100).toFixed(0)} %`);
const power = (value: number): string => (value >= 0.01 && value < 100 ? value.toFixed(2) : value.toExponential(0).replace('e+', 'e'));
