/** Classifications for people: labels with bars, and with attention the words that counted. */
import type { TextClassification } from './classify.ts';

/** One text at length: its most probable labels, and its words. */
export function describeClassification(
  { probabilities, attention, labels }: TextClassification,
  { top, colors }: { readonly top: number; readonly colors: boolean },
): string {
  const ranked = [...probabilities].sort(([, a], [, b]) => b - a);
  // Labels that were chosen are all shown.
  const shown = ranked.slice(0, Math.max(top, labels.length));
  const width = Math.max(...shown.map(([label]) => label.length));
  const lines = shown.map(([label, p]) => `${label.padEnd(width)}  ${percent(p)}  ${bar(p)}`.trimEnd());
  if (attention !== null) lines.push('', ...(colors ? [shaded(attention)] : barsOf(attention)));
  return `${lines.join('\n')}\n`;
}

/** One text among many: a line. */
export function summarizeClassification(
  { text, labels, probabilities, attention }: TextClassification,
  { colors }: { readonly colors: boolean },
): string {
  const named = labels.map((label) => `${label} ${percent(probabilities.get(label)!).trimStart()}`).join(', ');
  const words = colors && attention !== null ? shaded(attention) : text.replaceAll(/\s+/g, ' ').trim();
  return `${named === '' ? '–' : named}\t${words}\n`;
}

/** For machines. */
export function classificationJson({ text, labels, probabilities, attention }: TextClassification, isMultiLabel: boolean): object {
  return {
    text,
    ...(isMultiLabel ? { labels } : { label: labels[0], probability: probabilities.get(labels[0]) }),
    probabilities: Object.fromEntries(probabilities),
    ...(attention === null ? {} : { attention }),
  };
}

function percent(p: number): string {
  return `${(100 * p).toFixed(1).padStart(5)} %`;
}

const barLength = 30;

/** Eighths of a block. */
function bar(share: number): string {
  const eighths = Math.round(share * barLength * 8);
  return '█'.repeat(Math.floor(eighths / 8)) + ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8];
}

type Attention = NonNullable<TextClassification['attention']>;

function barsOf(attention: Attention): string[] {
  const width = Math.min(30, Math.max(...attention.map(({ word }) => word.length)));
  return attention.map(({ word, weight }) => `${word.padEnd(width)}  ${percent(weight)}  ${bar(weight)}`.trimEnd());
}

/** Words on a background that is the stronger the more they count; greys 232…255 of the terminal's palette are left to the text. */
function shaded(attention: Attention): string {
  const most = Math.max(...attention.map(({ weight }) => weight));
  return attention
    .map(({ word, weight }) => {
      const shade = shades[Math.min(shades.length - 1, Math.floor((weight / most) * shades.length))];
      return shade === null ? word : `\x1b[30;48;5;${shade}m${word}\x1b[39;49m`;
    })
    .join(' ');
}

/** From nothing to a strong orange, in the palette of 256 colours. */
const shades = [null, 230, 229, 222, 215, 208] as const;
