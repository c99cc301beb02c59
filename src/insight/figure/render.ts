/** A drawing as SVG: plain elements and a style sheet, without ids, scripts or foreign content; the same text for the same drawing. */
import { pattern } from '../../data/text/pattern.ts';
import { type FontFace, fontRules, mathFamily, sansFamily } from './font-face.ts';
import { dark, light, type Palette, type Role, roles, shadeOf, shades } from './marks.ts';
import { type Label, type Line, type Mark, operatorRadius, type Point, type Scene, type Shape } from './scene.ts';
import { widthOf } from './text.ts';

/** Light or dark paper; `auto` asks the reader's system. */
export const themes = ['auto', 'light', 'dark'] as const;
/** Light or dark paper; `auto` asks the reader's system. */
export type Theme = (typeof themes)[number];

export interface Page {
  /** Of the picture in its own units: what `width` on the screen stands for. */
  readonly size: { readonly width: number; readonly height: number };
  /** In pixels. */
  readonly width: number;
  readonly theme: Theme;
  readonly language: string;
  readonly title: string;
  readonly description: string;
  readonly fonts: readonly FontFace[];
  /** Whether each run of text has a place of its own, by the fonts' widths, instead of following the one before. */
  readonly isPlaced: boolean;
  /** Whether states and gradients are seen to move, for readers who do not mind motion. */
  readonly isMoving: boolean;
}

export function renderSvg(scene: Scene, page: Page): string {
  const { size, width, theme, language, title, description, fonts } = page;
  const height = round((size.height * width) / size.width);
  const root = `unrolled-${theme}`;
  const body = scene.marks.map((mark) => `  ${element(mark, page)}`);
  const used = new Set([...body.join(' ').matchAll(/class="([^"]*)"/g)].flatMap(([, names]) => names.split(' ')));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="${root}" viewBox="0 0 ${round(size.width)} ${round(size.height)}" width="${round(width)}" height="${height}" role="img" aria-label="${escapeXml(title)}" xml:lang="${language}" lang="${language}">`,
    `  <title>${escapeXml(title)}</title>`,
    `  <desc>${escapeXml(description)}</desc>`,
    '  <style>',
    ...(fonts.length > 0 ? [fontRules(fonts)] : []),
    styleSheet(root, theme, used),
    ...(page.isMoving ? [motion(root)] : []),
    '  </style>',
    ...body,
    '</svg>',
    '',
  ].join('\n');
}

const letterAndLineRules: readonly (readonly [name: string, style: string])[] = [
  ['sans', `font-family:${sansFamily};font-weight:400`],
  ['bold', `font-family:${sansFamily};font-weight:600`],
  ['upright', `font-family:${mathFamily}`],
  ['italic', `font-family:${mathFamily};font-style:italic`],
  ['wire', 'fill:none;stroke-linejoin:round'],
  ['faint', 'opacity:.4'],
  ['frame', 'stroke-width:1.5'],
  ['sign', 'fill:none;stroke-width:1.75;stroke-linecap:round'],
];

/** Rules for the classes that are used, in the colours of the theme; `auto` follows the reader's. */
function styleSheet(root: string, theme: Theme, used: ReadonlySet<string>): string {
  const scoped = (rules: readonly (readonly [name: string, style: string])[]): string[] =>
    rules.filter(([name]) => used.has(name)).map(([name, style]) => `.${root} .${name}{${style}}`);
  const fixed = scoped(letterAndLineRules);
  const first = colors(theme === 'dark' ? dark : light, used);
  const rules = [...fixed, ...scoped(first)];
  if (theme !== 'auto') return rules.join('\n');
  return [...rules, '@media (prefers-color-scheme:dark){', ...scoped(colors(dark, used)), '}'].join('\n');
}

/** Beads that run along the rails, and dashes along the gradients; nothing where motion is not wanted. */
function motion(root: string): string {
  const rules = `.${root} .flow{opacity:1}.${root} .flow,.${root} .back{animation:unrolled-flow 1.8s linear infinite}`;
  return [
    `.${root} .flow{opacity:0;stroke-linecap:round;stroke-dasharray:0 27}`,
    '@keyframes unrolled-flow{from{stroke-dashoffset:27}to{stroke-dashoffset:0}}',
    `@media (prefers-reduced-motion:no-preference){${rules}}`,
  ].join('\n');
}

function colors(palette: Palette, used: ReadonlySet<string>): (readonly [string, string])[] {
  const ofRoles = roles.flatMap((role: Role): (readonly [string, string])[] => {
    const { line, text, fill } = palette.roles[role];
    return [
      [`line-${role}`, `stroke:${line}`],
      [`text-${role}`, `fill:${text}`],
      [`box-${role}`, `fill:${fill};stroke:${line}`],
      [`tip-${role}`, `fill:${line}`],
    ];
  });
  const shaded = [...used].filter((name) => /^[mpu]\d+$/.test(name)).sort();
  return [
    ['paper', `fill:${palette.paper}`],
    ['body', `fill:${palette.body};stroke:${palette.rule}`],
    ['plate', `fill:${palette.paper};stroke:${palette.rule}`],
    ['rule', `stroke:${palette.rule}`],
    ['operator', `fill:${palette.paper};stroke:${palette.roles.ink.line}`],
    ...ofRoles,
    ['inverse', `fill:${palette.paper}`],
    ...shaded.map((name) => [name, `fill:${shadeOf(name, palette)}`] as const),
  ];
}

/** One mark alone, as in a picture that does not move. */
export function markToSvg(mark: Mark): string {
  return element(mark, { isPlaced: false, isMoving: false });
}

/** Every class that a mark can have, under a selector, in one theme's colours. */
export function markColors(selector: string, palette: Palette): string {
  const shaded = Array.from({ length: shades + 1 }, (_, level) => [`m${level}`, `p${level}`, `u${level}`]).flat();
  const rules = [...letterAndLineRules, ...colors(palette, new Set(shaded))];
  return rules.map(([name, style]) => `${selector} .${name}{${style}}`).join('\n');
}

function element(mark: Mark, { isPlaced, isMoving }: Pick<Page, 'isPlaced' | 'isMoving'>): string {
  switch (mark.kind) {
    case 'line':
      return line(mark, isMoving);
    case 'shape':
      return shape(mark);
    case 'label':
      return label(mark, isPlaced);
    case 'node':
      return `<circle class="tip-${mark.role}" cx="${round(mark.center.x)}" cy="${round(mark.center.y)}" r="3.5"/>`;
    case 'operator': {
      const { x, y } = mark.center;
      const d = mark.sign === '+' ? 5 : 3.8;
      const [a, b] =
        mark.sign === '+'
          ? [`M${round(x - d)} ${round(y)}h${2 * d}`, `M${round(x)} ${round(y - d)}v${2 * d}`]
          : [`M${round(x - d)} ${round(y - d)}l${2 * d} ${2 * d}`, `M${round(x - d)} ${round(y + d)}l${2 * d} ${-2 * d}`];
      return `<g class="operator frame"><circle cx="${round(x)}" cy="${round(y)}" r="${operatorRadius}"/><path class="sign" d="${a}${b}"/></g>`;
    }
    default:
      throw new Error(`unreachable: ${JSON.stringify(mark satisfies never)}`);
  }
}

function shape({ box, radius, style, shade }: Shape): string {
  const { x, y, width, height } = box;
  const place = `x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}"${radius > 0 ? ` rx="${round(radius)}"` : ''}`;
  if (style === 'paper') return `<rect class="paper" ${place}/>`;
  if (style === 'value') return `<rect class="${shade}" ${place}/>`;
  if (style === 'body' || style === 'plate') return `<rect class="${style} frame" ${place}/>`;
  // The value's colour lies over the quantity's, under the same frame.
  if (shade !== undefined) return `<rect class="${shade} line-${style} frame" ${place}/>`;
  return `<rect class="box-${style} frame" ${place}/>`;
}

/** Length of an arrow's head, and half its width. */
const headLength = (width: number): number => 5 + width;
const headWidth = (width: number): number => 2.6 + width / 2;

function line({ points, role, width, isDashed, isFaint, isFlow, hasArrow, isRule }: Line, isMoving: boolean): string {
  const path = hasArrow ? shortened(points, headLength(width) - 1) : points;
  const moves = isFlow && isMoving;
  const color = `${isRule ? 'rule' : `line-${role}`}${moves && isDashed ? ' back' : ''}`;
  const dash = isDashed ? ' stroke-dasharray="5 4"' : '';
  const overlay = moves && !isDashed ? `<path class="wire flow line-${role}" d="${rounded(path)}" stroke-width="${width + 3.5}"/>` : '';
  const stroke = `<path class="wire ${color}" d="${rounded(path)}" stroke-width="${width}"${dash}/>${overlay}`;
  const drawn = hasArrow ? `${stroke}<path class="tip-${role}" d="${head(points, width)}"/>` : stroke;
  return isFaint ? `<g class="faint">${drawn}</g>` : drawn;
}

function shortened(points: readonly Point[], by: number): Point[] {
  const end = points[points.length - 1];
  const { x, y } = direction(points[points.length - 2], end);
  return [...points.slice(0, -1), { x: end.x - x * by, y: end.y - y * by }];
}

function head(points: readonly Point[], width: number): string {
  const tip = points[points.length - 1];
  const { x, y } = direction(points[points.length - 2], tip);
  const [l, w] = [headLength(width), headWidth(width)];
  const back = { x: tip.x - x * l, y: tip.y - y * l };
  return `M${pair(tip.x, tip.y)}L${pair(back.x - y * w, back.y + x * w)}L${pair(back.x + y * w, back.y - x * w)}z`;
}

/** Radius of a connector's corners. */
const cornerRadius = 8;

/** Of an SVG path, with rounded corners. */
export function rounded(points: readonly Point[]): string {
  const parts = [`M${pair(points[0].x, points[0].y)}`];
  for (let k = 1; k < points.length - 1; k++) {
    const [before, corner, after] = [points[k - 1], points[k], points[k + 1]];
    const r = Math.min(cornerRadius, distance(before, corner) / 2, distance(corner, after) / 2);
    const [a, b] = [direction(corner, before), direction(corner, after)];
    parts.push(
      `L${pair(corner.x + a.x * r, corner.y + a.y * r)}Q${pair(corner.x, corner.y)} ${pair(corner.x + b.x * r, corner.y + b.y * r)}`,
    );
  }
  const end = points[points.length - 1];
  return `${parts.join('')}L${pair(end.x, end.y)}`;
}

const distance = (a: Point, b: Point): number => Math.hypot(b.x - a.x, b.y - a.y);

function direction(from: Point, to: Point): Point {
  const length = distance(from, to) || 1;
  return { x: (to.x - from.x) / length, y: (to.y - from.y) / length };
}

/** Subscripts are set by moving down and back up, which every renderer knows. */
function label({ at, anchor, runs, box, isInverse }: Label, isPlaced: boolean): string {
  let level = 0;
  const spans = runs.map(({ text, face, size, drop = 0, gap = 0, role }, k) => {
    const color = isInverse ? 'inverse' : `text-${role ?? 'ink'}`;
    const style = `class="${face} ${color}" font-size="${round(size)}"`;
    const step = { dx: round(gap), dy: round(drop - level) };
    level = drop;
    const place = isPlaced
      ? ` x="${round(box.x + widthOf(runs.slice(0, k)) + gap)}" y="${round(at.y + drop)}"`
      : `${step.dx === 0 ? '' : ` dx="${step.dx}"`}${step.dy === 0 ? '' : ` dy="${step.dy}"`}`;
    return `<tspan ${style}${place}>${escapeXml(text)}</tspan>`;
  });
  if (isPlaced) return `<text xml:space="preserve">${spans.join('')}</text>`;
  return `<text x="${round(at.x)}" y="${round(at.y)}"${anchor === 'start' ? '' : ` text-anchor="${anchor}"`} xml:space="preserve">${spans.join('')}</text>`;
}

const pair = (x: number, y: number): string => `${round(x)} ${round(y)}`;

function round(value: number): number {
  return Math.round(value * 100) / 100 + 0; // no −0
}

/** XML has no place for control characters and lone surrogates. */
const notInXml = pattern('gu')`[\p{Cc}\p{Cs}\ufffe\uffff]`;

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll(notInXml(), '\ufffd');
}
