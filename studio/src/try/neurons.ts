/** Units that follow something a reader can name: by the correlation of their values with it. */

/** What a unit may follow, as numbers by token. */
export const features: readonly { readonly name: string; readonly of: (tokens: readonly string[]) => number[] }[] = [
  { name: 'where in the line', of: (tokens) => counting(tokens, (token) => token.includes('\n')) },
  { name: 'where in the word', of: (tokens) => counting(tokens, (token) => /\s/.test(token)) },
  { name: 'spaces', of: (tokens) => tokens.map((token) => Number(/^\s+$/.test(token))) },
  { name: 'capital letters', of: (tokens) => tokens.map((token) => Number(/\p{Lu}/u.test(token))) },
  { name: 'vowels', of: (tokens) => tokens.map((token) => Number(/^[aeiouäöüáéíóú]$/i.test(token))) },
  { name: 'digits', of: (tokens) => tokens.map((token) => Number(/\d/.test(token))) },
  { name: 'punctuation', of: (tokens) => tokens.map((token) => Number(/^[.,;:!?—–-]+$/.test(token))) },
  { name: 'inside quotes', of: (tokens) => inside(tokens, /["“”„«»]/g) },
  { name: 'inside brackets', of: (tokens) => depth(tokens) },
];

export interface Found {
  readonly feature: string;
  readonly unit: number;
  /** −1…1 */
  readonly correlation: number;
}

/**
 * For each feature the unit that follows it most closely.
 *
 * @param values [T, H] row-major
 */
export function findUnits(tokens: readonly string[], values: Float32Array, H: number): Found[] {
  return features.flatMap(({ name, of }) => {
    const wanted = of(tokens);
    if (new Set(wanted).size < 2) return [];
    let best: Found = { feature: name, unit: 0, correlation: 0 };
    for (let unit = 0; unit < H; unit++) {
      const r = correlation(wanted, values, unit, H);
      if (Math.abs(r) > Math.abs(best.correlation)) best = { feature: name, unit, correlation: r };
    }
    return [best];
  });
}

function correlation(wanted: readonly number[], values: Float32Array, unit: number, H: number): number {
  const n = wanted.length;
  let [a, b, aa, bb, ab] = [0, 0, 0, 0, 0];
  for (let t = 0; t < n; t++) {
    const [x, y] = [wanted[t], values[t * H + unit]];
    a += x;
    b += y;
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  const spread = (aa - (a * a) / n) * (bb - (b * b) / n);
  return spread > 0 ? (ab - (a * b) / n) / Math.sqrt(spread) : 0;
}

function counting(tokens: readonly string[], restarts: (token: string) => boolean): number[] {
  let count = 0;
  return tokens.map((token) => {
    count = restarts(token) ? 0 : count + 1;
    return count;
  });
}

function inside(tokens: readonly string[], mark: RegExp): number[] {
  let isInside = false;
  return tokens.map((token) => {
    const count = token.match(mark)?.length ?? 0;
    if (count % 2 === 1) isInside = !isInside;
    return Number(isInside);
  });
}

function depth(tokens: readonly string[]): number[] {
  let level = 0;
  return tokens.map((token) => {
    for (const letter of token) level = Math.max(0, level + Number('([{'.includes(letter)) - Number(')]}'.includes(letter)));
    return level;
  });
}
