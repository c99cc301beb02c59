/** The table of one quality run: what was measured, what was to be reached, and what others published. */
import { readResult } from './circumstances.ts';
import type { Metrics, QualityResult, QualityTarget } from './quality/run.ts';

/** @param name of bench/results/quality-NAME.json */
export function qualityTable(name: string): string {
  const result = readResult<QualityResult>(`quality-${name}`);
  if (result === null) return `Not measured yet. \`npx tsx bench/quality/${name}.ts --data FOLDER\``;
  const { date, cpu, description, versions, command, data, runs, hasMean, targets, published } = result;
  const rows = [...runs.map(({ name, metrics, minutes }) => ({ name, metrics, minutes, source: 'measured' }))];
  if (hasMean && runs.length > 1) rows.push({ name: 'mean', metrics: meanOf(runs), minutes: Number.NaN, source: 'measured' });
  const metrics = [...new Set([...runs, ...published].flatMap((row) => Object.keys(row.metrics)))];
  const shown = metrics.filter(
    (metric) => published.some((p) => metric in p.metrics) || targets.some((t) => t.metric === metric) || metrics.length <= 6,
  );
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const head = ['', ...shown, 'minutes', 'source'];
  const named = Object.entries(versions).map(([program, version]) => `${program} ${version}`);
  return [
    `${[date, cpu, description, named.join('; '), `\`${command}\``].join(' · ')}`,
    '',
    data,
    '',
    line(head),
    line(head.map(() => '---')),
    ...rows.map((row) =>
      line([
        row.name,
        ...shown.map((metric) => number(row.metrics[metric])),
        Number.isNaN(row.minutes) ? '–' : row.minutes.toFixed(1),
        row.source,
      ]),
    ),
    ...published.map(({ system, metrics, source }) => line([system, ...shown.map((metric) => number(metrics[metric])), '–', source])),
    ...(targets.length === 0 ? [] : ['', ...targets.map((target) => `- ${verdict(target, runs)}`)]),
  ].join('\n');
}

function meanOf(runs: readonly { readonly metrics: Metrics }[]): Metrics {
  const names = Object.keys(runs[0].metrics);
  return Object.fromEntries(names.map((name) => [name, runs.reduce((sum, { metrics }) => sum + metrics[name], 0) / runs.length]));
}

function verdict(target: QualityTarget, runs: QualityResult['runs']): string {
  const { metric, run, atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = target;
  const judged = runs.filter(({ name, metrics }) => metric in metrics && (run === undefined || name === run));
  const wanted = [...(Number.isFinite(atLeast) ? [`≥ ${atLeast}`] : []), ...(Number.isFinite(atMost) ? [`≤ ${atMost}`] : [])].join(' and ');
  const what = `${metric}${run === undefined ? '' : `, ${run}`}: target ${wanted}`;
  if (judged.length === 0) return `${what}: not measured`;
  const value = meanOf(judged)[metric];
  return `${what}, is ${number(value)}: ${value >= atLeast && value <= atMost ? 'met' : '**not met**'}`;
}

function number(value: number | undefined): string {
  return value === undefined ? '–' : value.toPrecision(4);
}
