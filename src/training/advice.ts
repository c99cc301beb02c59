/** What a look inside a training means, and what helps: warnings in words. Each is said once, when it has held for a while. */
import type { GateName, RecurrenceStatistics } from '../nn/recurrence-statistics.ts';
import type { ParameterStatistics, WatchEvent } from './events.ts';

/** Watched steps in a row that must agree: a single batch may be odd. */
const streak = 3;

/** Where numbers begin to say that something is wrong. Rules of thumb, wide enough that a healthy training meets none. */
const bounds = {
  /** Growth of a gradient through time that clipping can no longer repair: what is near drowns in what is far. */
  exploded: 1e3,
  /** Below, what the first steps could teach is less than float32's noise in what the last ones do. */
  vanished: 1e-4,
  /** Of units, states or gates. */
  most: { deadUnits: 0.5, saturatedStates: 0.5, gates: 0.95 },
  /** ‖Δw‖ / ‖w‖ of one update. */
  updateRatio: 0.1,
} as const;

/**
 * Turns looks into warnings.
 *
 * @example for (const message of adviser.seen(event)) console.warn(message);
 */
export class Adviser {
  readonly #streaks = new Map<string, number>();
  readonly #told = new Set<string>();

  /** What there is to say after one more look. */
  seen(event: WatchEvent): string[] {
    const findings = [...event.layers.flatMap(findingsOf), ...updateFindings(event.parameters)];
    const present = new Set(findings.map(({ key }) => key));
    for (const key of this.#streaks.keys()) if (!present.has(key)) this.#streaks.delete(key);
    return findings.flatMap(({ key, message }) => {
      const count = (this.#streaks.get(key) ?? 0) + 1;
      this.#streaks.set(key, count);
      if (count < streak || this.#told.has(key)) return [];
      this.#told.add(key);
      return [message];
    });
  }
}

export interface Finding {
  /** What it is, and of what. */
  readonly key: string;
  readonly message: string;
}

/** What is wrong with a layer, by one look. */
export function findingsOf(layer: RecurrenceStatistics): Finding[] {
  const name = nameOf(layer);
  const { growth, steps, cell, direction, gates, deadUnits, saturatedStates } = layer;
  const reached = layer.times.filter((_, k) => layer.gradientNorms[k] > 0);
  const [first, last] = direction === 'forward' ? [0, reached.at(-1) ?? steps - 1] : [steps - 1, reached[0] ?? 0];
  const findings: Finding[] = [];
  const find = (what: string, message: string): void => void findings.push({ key: `${what} ${name}`, message: `${name}: ${message}` });

  if (growth !== null && growth >= bounds.exploded) {
    find(
      'exploded',
      `gradient norm grew ${power(growth)}x between t=${last} and t=${first}: clip it (clipNorm), lower the learning rate, or begin with an orthogonal recurrence (recurrentInit: 'orthogonal').`,
    );
  }
  if (growth !== null && growth <= bounds.vanished) {
    const remedy = cell.startsWith('LSTM')
      ? 'begin with a higher bias of the forget gate (forgetBias), or shorten the sequences'
      : cell.startsWith('GRU')
        ? 'begin with a higher bias of the update gate z, or shorten the sequences'
        : "take an LSTM or a GRU, or begin with an orthogonal recurrence (recurrentInit: 'orthogonal')";
    find(
      'vanished',
      `gradient norm fell to ${growth === 0 ? 'nothing' : `${power(growth)} of itself`} between t=${last} and t=${first}: what lies that far back is not learnt; ${remedy}.`,
    );
  }
  for (const [gate, bound, meaning] of stuck) {
    const share = gates[gate]?.[bound];
    if (share === undefined || share <= bounds.most.gates) continue;
    find(
      `${gate} ${bound}`,
      `gate ${gate} is ${bound} in ${percent(share)} of all cases, so ${meaning}: lower the learning rate, or normalise (layerNorm).`,
    );
  }
  if (deadUnits !== null && deadUnits > bounds.most.deadUnits) {
    find('dead', `${percent(deadUnits)} of its ${layer.hiddenSize} units never move: lower the learning rate, or take fewer units.`);
  }
  if (saturatedStates !== null && saturatedStates > bounds.most.saturatedStates) {
    find(
      'saturated',
      `${percent(saturatedStates)} of its states are saturated (|h| > 0.99), and let no gradient through: scale the input, lower the learning rate, or normalise (layerNorm).`,
    );
  }
  return findings;
}

/** A gate that stays there does harm; a forget gate that stays open does not. */
const stuck: readonly (readonly [gate: GateName, bound: 'shut' | 'open', meaning: string])[] = [
  ['i', 'shut', 'nothing is written'],
  ['f', 'shut', 'nothing is remembered'],
  ['o', 'shut', 'nothing is shown'],
  ['z', 'shut', 'nothing is remembered'],
  ['z', 'open', 'nothing is written'],
];

/** Of weights: biases begin near 0, where a ratio says little. */
function updateFindings(parameters: readonly ParameterStatistics[]): Finding[] {
  const weights = parameters.filter(({ name }) => !name.includes('bias'));
  const fastest = weights.reduce<ParameterStatistics | null>(
    (most, p) => ((p.updateRatio ?? 0) > (most?.updateRatio ?? 0) ? p : most),
    null,
  );
  if (fastest?.updateRatio == null || fastest.updateRatio <= bounds.updateRatio) return [];
  const message = `${fastest.name}: a single update changed it by ${percent(fastest.updateRatio)}, where a tenth of a percent is usual: lower the learning rate.`;
  return [{ key: 'updates', message }];
}

/** "rnn, layer 2 (GRU)" */
function nameOf({ module, layer, direction, cell }: RecurrenceStatistics): string {
  return `${module === '' ? '' : `${module}, `}layer ${layer + 1} (${cell}${direction === 'reverse' ? ', reverse' : ''})`;
}

/** 1e4 · 3e-7 */
function power(value: number): string {
  return value.toExponential(0).replace('e+', 'e');
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}
