/** Where a recommender ranks well and where it does not, beside a ranking by popularity. */
import { type RankingMetrics, RankingScores, usualCutoffs } from '../metrics/ranking.ts';
import type { Catalogue } from './catalogue.ts';
import type { Ranks } from './evaluate.ts';

/** Targets of one kind. */
export interface TargetGroup {
  readonly name: string;
  readonly targets: number;
  readonly metrics: RankingMetrics;
  readonly popularity: RankingMetrics;
}

/** What `evaluate --json` gives as details. */
export interface RankingDetails {
  /** Of a ranking by popularity in the training data. */
  readonly popularity: RankingMetrics;
  /** Targets that the catalogue does not have; they count as missed. */
  readonly unknownTargets: number;
  /** Targets that are left out: no item before them is in the catalogue. */
  readonly withoutHistory: number;
  readonly byHistory: readonly TargetGroup[];
  readonly byPopularity: readonly TargetGroup[];
}

/** Metrics of ranks, those of popularity, and of groups of targets. */
export function rankingDetails(
  ranks: Ranks,
  { counts }: Catalogue,
  cutoffs = usualCutoffs,
): RankingDetails & { readonly metrics: RankingMetrics } {
  const { historyLengths, targets, withoutHistory } = ranks;
  const all = group('all', ranks, cutoffs, () => true);
  const groups = (bounds: readonly number[], kindOf: (place: number) => number): TargetGroup[] =>
    bounds
      .map((least, i) => {
        const below = bounds[i + 1] ?? Number.POSITIVE_INFINITY;
        return group(rangeName(least, below - 1), ranks, cutoffs, (place) => kindOf(place) >= least && kindOf(place) < below);
      })
      .filter(({ targets }) => targets > 0);
  return {
    metrics: all.metrics,
    popularity: all.popularity,
    unknownTargets: targets.reduce((n, item) => (item < 0 ? n + 1 : n), 0),
    withoutHistory,
    byHistory: groups([1, 2, 4, 8, 16, 32], (place) => historyLengths[place]),
    byPopularity: groups([0, 1, 10, 100, 1000], (place) => (targets[place] < 0 ? 0 : counts[targets[place]])),
  };
}

function group(name: string, ranks: Ranks, cutoffs: readonly number[], isIn: (place: number) => boolean): TargetGroup {
  const model = new RankingScores(cutoffs);
  const popularity = new RankingScores(cutoffs);
  ranks.model.forEach((rank, place) => {
    if (!isIn(place)) return;
    model.add(rank);
    popularity.add(ranks.popularity[place]);
  });
  return { name, targets: model.count, metrics: model.metrics(), popularity: popularity.metrics() };
}

function rangeName(least: number, most: number): string {
  if (most === least) return String(least);
  return Number.isFinite(most) ? `${least} to ${most}` : `${least} or more`;
}

/** The same for a screen. */
export function reportOf(details: RankingDetails & { readonly metrics: RankingMetrics }, targets: number): string {
  const { metrics, popularity, unknownTargets, withoutHistory, byHistory, byPopularity } = details;
  const cutoffs = Object.keys(metrics).flatMap((name) => (name.startsWith('hr@') ? [name.slice('hr@'.length)] : []));
  const k = cutoffs.includes('10') ? '10' : cutoffs[0];
  const scoresAt = (of: RankingMetrics, cutoff: string): string =>
    ['hr', 'ndcg', 'mrr'].map((name) => score(of[`${name}@${cutoff}`]).padStart(10)).join('');
  const lines = [
    `            ${['hr', 'ndcg', 'mrr', 'by popularity: hr', 'ndcg', 'mrr'].map((name, i) => name.padStart(i === 3 ? 22 : 10)).join('')}`,
    ...cutoffs.map((cutoff) => `${`k = ${cutoff}`.padEnd(12)}${scoresAt(metrics, cutoff)}${' '.repeat(12)}${scoresAt(popularity, cutoff)}`),
    ...table('Known items before it', byHistory, k),
    ...table('Times it was taken in training', byPopularity, k),
    '',
  ];
  if (unknownTargets > 0) {
    lines.push(
      `${count(unknownTargets)} of ${count(targets)} are items that the model does not know. They count as missed; train anew to learn them.`,
    );
  }
  if (withoutHistory > 0) {
    lines.push(`${count(withoutHistory)} more are left out: the model knows no item that came before.`);
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

function table(title: string, groups: readonly TargetGroup[], k: string): string[] {
  return [
    '',
    row([title, 'targets', `hr@${k}`, `ndcg@${k}`, `popularity hr@${k}`]),
    ...groups.map(({ name, targets, metrics, popularity }) =>
      row([`  ${name}`, count(targets), score(metrics[`hr@${k}`]), score(metrics[`ndcg@${k}`]), score(popularity[`hr@${k}`])]),
    ),
  ];
}

const widths = [32, 12, 12, 12, 18];

function row(cells: readonly string[]): string {
  return cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('');
}

function score(value: number): string {
  return value.toFixed(4);
}

function count(n: number): string {
  return n.toLocaleString('en-US');
}
