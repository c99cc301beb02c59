/** The tables of docs/long-memory.md. */
import { readResult } from '../../circumstances.ts';
import { distances, type LongMemory, type MemoryRun, type MemorySummary, remedyDistance, seeds, summaryOf } from './results.ts';

const command = 'UNROLLED_THREADS=1 npx tsx bench/quality/long-memory.ts';
const problemNames = { adding: 'adding', copy: 'copy memory' } as const;

/** Each network at each distance. */
export function memoryTable(): string {
  return withResult(({ runs, date, cpu, description, versions, setting }) => {
    const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
    const { hiddenSize, batchSize, maxSteps } = setting;
    const seconds = runs.reduce((sum, run) => sum + run.seconds, 0);
    const above = [date, cpu, description, named.join('; '), `\`${command}\``].join(' · ');
    const how = `${hiddenSize} units (ESN: 500), Adam, ${batchSize} new sequences a step, at most ${maxSteps.toLocaleString('en')} steps, seeds ${seeds.join(', ')}; ${(seconds / 60).toFixed(0)} minutes of a processor in all`;
    const networks = [...new Map(runs.filter(({ T }) => T !== remedyDistance).map((run) => [run.network, run.label]))];
    const rows = (['adding', 'copy'] as const).flatMap((problem) =>
      networks.map(([network, label]) => [
        problemNames[problem],
        label,
        ...distances.map((T) => {
          const of = runs.filter((one) => one.problem === problem && one.network === network && one.T === T);
          return result(summaryOf(of));
        }),
      ]),
    );
    return [above, '', how, '', ...table(['problem', 'network', ...distances.map((T) => `T = ${T}`)], rows)].join('\n');
  });
}

/** At one distance: what helps, and what is missed where it is taken away, with the gradient's growth on its way back. */
export function remedyTable(): string {
  return withResult(({ runs }) => {
    const at = runs.filter(({ T }) => T === remedyDistance);
    const networks = [...new Map(at.map((run) => [run.network, run.label]))].sort(([a], [b]) => order(a) - order(b));
    const rows = networks.map(([network, label]) => {
      const of = (problem: MemoryRun['problem']) => summaryOf(at.filter((run) => run.problem === problem && run.network === network));
      const cells = [of('adding'), of('copy')].map((found) => [result(found), growth(found?.growth.before), growth(found?.growth.after)]);
      return [label, ...cells.flat()];
    });
    return table(['network', 'adding', 'growth before', 'after', 'copy memory', 'growth before', 'after'], rows).join('\n');
  });
}

/** A network before what is made of it. */
const order = (network: string): number => {
  const family = ['rnn', 'irnn', 'lstm', 'gru', 'esn'].indexOf(network.split('-')[0]);
  return family * 10 + (network.includes('-') ? 1 : 0);
};

function withResult(make: (result: LongMemory) => string): string {
  const found = readResult<LongMemory>('long-memory');
  return found === null ? `Not measured yet. \`${command}\`` : make(found);
}

function result(found: MemorySummary | null): string {
  if (found === null) return '–';
  return found.solved > 0 ? `**${found.text}**` : found.text;
}

/** Less than 1e-19 is less than float32 can square. */
function growth(factor: number | null | undefined): string {
  if (factor === null || factor === undefined) return '–';
  if (factor === 0) return '0';
  return factor >= 0.01 && factor < 100 ? factor.toPrecision(2) : factor.toExponential(0).replace('e+', 'e');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}
