/**
 * Formulas as runs of text: `h_t = tanh(W_{xh} x_t + b_{xh})`. Single letters are variables, in italics and in the colour of what
 * they stand for; words are functions; `_` sets what follows lower.
 */
import { pattern } from '../../data/text/pattern.ts';
import { type Quantity, type Role, roleOf } from './marks.ts';
import type { Run } from './text.ts';

/** Subscripts, as a share of the size of their letters; the picture has no smaller text than 11 units. */
const subscript = 11 / 15;
const smallest = 11;
const drop = 0.24;

/** A token: a word or a letter, a number, a subscript, a space, any other sign. */
const tokens = pattern('gu')`_\{[^}]*\}|_[\p{L}\p{N}]|[a-z]{2,}|[\p{L}∂]|\d+|\s+|.`;
const variable = pattern('u')`^[\p{L}∂]$`;
/** How a factor ends, and how it may begin. */
const factorEnd = pattern('u')`^_|^[\p{L})]`;
const factorBegin = pattern('u')`^[\p{L}(]`;
const word = pattern('u')`^\p{L}{2}`;

/** @param size  of the letters; @param role  of everything, instead of each letter's own */
export function formula(text: string, size: number, role?: Role): Run[] {
  const runs: Run[] = [];
  let base: string | null = null;
  const parts = text.match(tokens()) ?? [];
  parts.forEach((part, k) => {
    if (part.startsWith('_')) {
      const name = part.replace(/[_{}]/g, '');
      const owner = role ?? roleOfLetter(base, name);
      const isFirst = runs.length - 1;
      if (role === undefined && isFirst >= 0) runs[isFirst] = { ...runs[isFirst], role: owner };
      for (const piece of name.match(/[a-z]+|[^a-z]+/g) ?? []) {
        runs.push({
          text: piece,
          face: /[a-z]/.test(piece) ? 'italic' : 'upright',
          size: Math.max(smallest, size * subscript),
          drop: size * drop,
          role: owner,
        });
      }
      return;
    }
    const isVariable = variable().test(part);
    base = isVariable ? part : null;
    // Two factors beside each other: a thin space says that they are two.
    const isFactor = isVariable && /^\s$/.test(parts[k - 1] ?? '') && factorEnd().test(parts[k - 2] ?? '');
    if (/^\s$/.test(part) && factorBegin().test(parts[k + 1] ?? '') && factorEnd().test(parts[k - 1] ?? '') && !word().test(parts[k + 1]))
      return;
    const own = role ?? (isVariable ? roleOfLetter(part, '') : undefined);
    runs.push({
      text: part,
      face: isVariable ? 'italic' : 'upright',
      size,
      ...(isFactor ? { gap: size * 0.18 } : {}),
      ...(own === undefined ? {} : { role: own }),
    });
  });
  return runs;
}

/** Weights and biases have the colour of what they multiply: W_{xh} that of x, W_{hh} that of h. */
function roleOfLetter(letter: string | null, name: string): Role | undefined {
  if (letter === null) return undefined;
  if (letter === 'W') return name.startsWith('x') ? 'x' : name.endsWith('y') ? 'ink' : 'h';
  if (letter === '∂' || letter === 'L') return 'gradient';
  if (letter === 'I') return 'x';
  if (letter === 'H') return 'h';
  return letter in roleOf ? roleOf[letter as Quantity] : undefined;
}

/** Text with formulas between dollar signs. */
export function rich(text: string, size: number, options: { readonly bold?: boolean; readonly role?: Role } = {}): Run[] {
  return text.split('$').flatMap((part, k): Run[] => {
    if (part === '') return [];
    if (k % 2 === 1) return formula(part, size * 1.12);
    return [{ text: part, face: options.bold ? 'bold' : 'sans', size, ...(options.role === undefined ? {} : { role: options.role }) }];
  });
}
