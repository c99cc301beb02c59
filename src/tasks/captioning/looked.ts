/** Where a captioner looked for each word, drawn over its image: SVG from strings; no DOM. */

/** What is drawn. */
export interface LookedPicture {
  /** The image as a URL that stands in the drawing itself: `data:image/png;base64,…`. */
  readonly href: string;
  /** The words in their order, and where each looked: shares of the places of the grid, row by row, that sum to 1. */
  readonly words: readonly { readonly word: string; readonly attention: ArrayLike<number> }[];
  /** Places of the grid along each axis. Default: the root of their number. */
  readonly grid?: { readonly rows: number; readonly columns: number };
}

/** How it is drawn. */
export interface LookedOptions {
  /** The whole caption, above. Default: the words. */
  readonly title?: string;
  /** In pixels. Default 920. */
  readonly width?: number;
  /** Panels side by side, at most. Default 6. */
  readonly across?: number;
}

const [margin, gap, headHeight, labelHeight, footHeight] = [24, 16, 56, 44, 40];

/**
 * The image, and for each word the image again under a veil that is thin where the word looked: clear at its brightest place, and half
 * dark where it did not look at all. The brightest place has a frame and its share in per cent.
 *
 * @returns SVG; no scripts, no fonts, no links, fit for light pages and dark ones
 * @example writeFileSync('looked.svg', drawLooked({ href, words }));
 */
export function drawLooked({ href, words, grid }: LookedPicture, { title, width = 920, across = 6 }: LookedOptions = {}): string {
  const panels = words.length + 1;
  const columns = Math.min(across, Math.max(2, panels));
  const rows = Math.ceil(panels / columns);
  const side = (width - 2 * margin - (columns - 1) * gap) / columns;
  const height = headHeight + rows * (side + labelHeight) + footHeight;
  const heading = title ?? words.map(({ word }) => word).join(' ');
  const placeOf = (i: number) => ({
    x: margin + (i % columns) * (side + gap),
    y: headHeight + Math.floor(i / columns) * (side + labelHeight),
  });
  const image = (x: number, y: number) =>
    `<image href="${xmlText(href)}" x="${round(x)}" y="${round(y)}" width="${round(side)}" height="${round(side)}" preserveAspectRatio="none"/>`;
  const drawn = words.map(({ word, attention }, i) => {
    const { x, y } = placeOf(i + 1);
    const { veil, peak } = veilOf(attention, grid, x, y, side);
    return `<g>${image(x, y)}${veil}<text class="word" x="${round(x + side / 2)}" y="${round(y + side + 19)}" text-anchor="middle">${xmlText(shortened(word, side))}</text><text x="${round(x + side / 2)}" y="${round(y + side + 34)}" text-anchor="middle">${peak}</text></g>`;
  });
  const first = placeOf(0);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${round(height)}" width="${width}" height="${round(height)}" role="img" aria-label="${xmlText(`Where the caption looked: ${heading}`)}" class="looked">`,
    style,
    `<rect class="page" width="${width}" height="${round(height)}" rx="10"/>`,
    `<text class="title" x="${margin}" y="34">${xmlText(heading)}</text>`,
    `<g>${image(first.x, first.y)}<text class="word" x="${round(first.x + side / 2)}" y="${round(first.y + side + 19)}" text-anchor="middle">the image</text></g>`,
    ...drawn,
    `<text x="${margin}" y="${round(height - 16)}">Clear: where the word looked. Framed: its brightest place, and that place’s share of the attention.</text>`,
    '</svg>',
    '',
  ].join('\n');
}

// Colours as they are, without variables: programs that draw SVG know no others.
const style = `<style>
  .looked text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; fill: #5c6579; }
  .looked .page { fill: #ffffff; }
  .looked .title { fill: #1d2430; font-size: 17px; font-weight: 600; }
  .looked .word { fill: #1d2430; font-size: 13.5px; font-weight: 600; }
  .looked .veil { fill: #0b1020; shape-rendering: crispEdges; }
  .looked .peak { fill: none; stroke: #d55e00; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    .looked text { fill: #949eb3; }
    .looked .page { fill: #12161f; }
    .looked .title, .looked .word { fill: #e8ecf4; }
  }
</style>`;

/** Darkness of a place that was not looked at. */
const darkest = 0.72;

function veilOf(attention: ArrayLike<number>, grid: LookedPicture['grid'], left: number, top: number, side: number) {
  const columns = grid?.columns ?? Math.max(1, Math.round(Math.sqrt(attention.length)));
  const rows = grid?.rows ?? Math.ceil(attention.length / columns);
  const shares = Array.from(attention);
  const most = shares.reduce((best, share, i) => (share > shares[best] ? i : best), 0);
  // Neighbours share an edge that is rounded once: no seams.
  const across = Array.from({ length: columns + 1 }, (_, i) => round(left + (i * side) / columns));
  const down = Array.from({ length: rows + 1 }, (_, i) => round(top + (i * side) / rows));
  const place = (i: number) => {
    const [column, row] = [i % columns, Math.floor(i / columns)];
    return `x="${across[column]}" y="${down[row]}" width="${round(across[column + 1] - across[column])}" height="${round(down[row + 1] - down[row])}"`;
  };
  const cells = shares.map((share, i) => {
    const opacity = darkest * (1 - share / shares[most]);
    return opacity < 0.005 ? '' : `<rect class="veil" ${place(i)} fill-opacity="${opacity.toFixed(2)}"/>`;
  });
  const percent = 100 * shares[most];
  return {
    veil: `${cells.join('')}<rect class="peak" ${place(most)}/>`,
    peak: `${percent.toFixed(percent < 10 ? 1 : 0)} %`,
  };
}

/** As much of a word as fits under its panel. */
function shortened(word: string, side: number): string {
  const characters = [...word];
  const most = Math.max(3, Math.floor(side / 7.8));
  return characters.length <= most ? word : `${characters.slice(0, most - 1).join('')}…`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function xmlText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
