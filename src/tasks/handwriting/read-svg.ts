/** Ink from SVG: each subpath, line or polyline is a stroke, in the order of the document; transforms are applied. */
import { type TextSource, textIn } from '../../data/text/text-source.ts';
import { cleanText, type Ink, type Point, placeAt, type Stroke, strokeOf } from './ink.ts';
import { parseXml, type XmlDocument, type XmlElement } from './xml.ts';

/**
 * The inks of a file: one, with the `<title>` as its text; or, where groups have titles of their own, one a group.
 *
 * @throws FormatError with file, line and column
 */
export async function readSvg(source: TextSource): Promise<Ink[]> {
  const { svgPathProperties } = await import('svg-path-properties');
  const text = await textIn(source);
  const document = await parseXml(text, source.name, 'svg');
  const strokesOf = new SvgStrokes(document, svgPathProperties);
  const named = groupsWithTitle(document.root, identity, document);
  const groups = named.length > 0 ? named : [{ element: document.root, matrix: identity }];
  return groups.map(({ element, matrix }): Ink => {
    const strokes = strokesOf.within(element, matrix);
    if (strokes.length === 0) throw document.fault(element, `expected <path>, <polyline> or <line> in <${element.name}>, found none.`);
    return { kind: 'ink', text: titleOf(element, document), strokes, file: source.name, line: placeAt(text, element.offset).line };
  });
}

/** Inner groups with a title, and what their parents do to their coordinates. */
function groupsWithTitle(parent: XmlElement, matrix: Matrix, document: XmlDocument): { element: XmlElement; matrix: Matrix }[] {
  return parent.children
    .filter(({ name }) => name === 'g')
    .flatMap((element) =>
      titleOf(element, document) === null
        ? groupsWithTitle(element, times(matrix, matrixOf(element, document)), document)
        : [{ element, matrix }],
    );
}

function titleOf({ children }: XmlElement, document: XmlDocument): string | null {
  const title = children.find(({ name }) => name === 'title');
  if (title === undefined) return null;
  const text = cleanText(title.text);
  if (text === '') throw document.fault(title, 'expected a text in <title>, found none.');
  return text;
}

type PathProperties = typeof import('svg-path-properties').svgPathProperties;

class SvgStrokes {
  readonly #document: XmlDocument;
  readonly #pathProperties: PathProperties;

  constructor(document: XmlDocument, pathProperties: PathProperties) {
    this.#document = document;
    this.#pathProperties = pathProperties;
  }

  within(element: XmlElement, outer: Matrix): Stroke[] {
    if (['defs', 'clipPath', 'mask', 'marker', 'pattern', 'symbol', 'title', 'style'].includes(element.name)) return [];
    const matrix = times(outer, matrixOf(element, this.#document));
    const own = this.#pointsOf(element).map((points) => strokeOf(points.map((point) => apply(matrix, point))));
    return [...own, ...element.children.flatMap((child) => this.within(child, matrix))];
  }

  #pointsOf(element: XmlElement): Point[][] {
    switch (element.name) {
      case 'path':
        return this.#subpaths(element).map((path) => this.#along(path, element));
      case 'polyline':
        return [this.#listed(element)];
      case 'line': {
        const [x1, y1, x2, y2] = ['x1', 'y1', 'x2', 'y2'].map((name) => this.#number(element, name));
        return [
          [
            { x: x1, y: y1 },
            { x: x2, y: y2 },
          ],
        ];
      }
      default:
        return [];
    }
  }

  /** A path's data, cut where the pen is lifted: at each moveto but the first. A relative one is made absolute by what is before it. */
  #subpaths(element: XmlElement): string[] {
    const { d } = element.attributes;
    const text = (d ?? '').trim();
    if (text === '' || text === 'none') throw this.#document.fault(element, 'expected path data as d, found none.');
    const wrong = /[^MmLlHhVvCcSsQqTtAaZz0-9eE+\-.,\s]/.exec(text);
    if (wrong !== null || !/^[Mm]/.test(text)) {
      throw this.#document.fault(
        element,
        `expected path data that begin with M, such as "M 1 2 L 3 4", found ${JSON.stringify(text.slice(0, 40))}.`,
      );
    }
    const parts = text.split(/(?=[Mm])/);
    return parts.map((part, i) => {
      if (i === 0 || part.startsWith('M')) return part;
      const { x, y } = this.#end(parts.slice(0, i).join(''), element);
      return `M ${x} ${y} ${part}`;
    });
  }

  #end(path: string, element: XmlElement): Point {
    const properties = this.#measured(path, element);
    return properties.getPointAtLength(properties.getTotalLength());
  }

  #measured(path: string, element: XmlElement): InstanceType<PathProperties> {
    try {
      const properties = new this.#pathProperties(path);
      if (Number.isFinite(properties.getTotalLength())) return properties;
    } catch {
      // said below
    }
    throw this.#document.fault(element, `expected path data that can be drawn, found ${JSON.stringify(path.slice(0, 40))}.`);
  }

  /** Corners as they are, curves in steps. */
  #along(path: string, element: XmlElement): Point[] {
    const properties = this.#measured(path, element);
    const total = properties.getTotalLength();
    const parts = properties.getParts();
    if (parts.length === 0 || total === 0) return [properties.getPointAtLength(0)];
    const lastMove = parts[0].start;
    const points: Point[] = [{ x: lastMove.x, y: lastMove.y }];
    for (const part of parts) {
      const steps = Math.max(1, Math.ceil((part.length / total) * pointsPerPath));
      for (let i = 1; i <= steps; i++) {
        const { x, y } = part.getPointAtLength((part.length * i) / steps);
        points.push({ x, y });
      }
    }
    return points;
  }

  #listed(element: XmlElement): Point[] {
    const text = element.attributes.points ?? '';
    const numbers = text
      .trim()
      .split(/[\s,]+/)
      .filter((field) => field !== '')
      .map(Number);
    if (numbers.length < 2 || numbers.length % 2 !== 0 || !numbers.every(Number.isFinite)) {
      throw this.#document.fault(element, `expected pairs of numbers as points, found ${JSON.stringify(text.slice(0, 40))}.`);
    }
    return Array.from({ length: numbers.length / 2 }, (_, i) => ({ x: numbers[2 * i], y: numbers[2 * i + 1] }));
  }

  #number(element: XmlElement, name: string): number {
    const text = element.attributes[name] ?? '0';
    const value = Number.parseFloat(text);
    if (!Number.isFinite(value)) throw this.#document.fault(element, `expected a number as ${name}, found "${text}".`);
    return value;
  }
}

/** Of a curve, and of what is straight: features resample it anyway. */
const pointsPerPath = 100;

/** [a, b, c, d, e, f]: x' = a·x + c·y + e, y' = b·x + d·y + f */
type Matrix = readonly [number, number, number, number, number, number];

const identity: Matrix = [1, 0, 0, 1, 0, 0];

function times([a, b, c, d, e, f]: Matrix, [A, B, C, D, E, F]: Matrix): Matrix {
  return [a * A + c * B, b * A + d * B, a * C + c * D, b * C + d * D, a * E + c * F + e, b * E + d * F + f];
}

function apply([a, b, c, d, e, f]: Matrix, { x, y }: Point): Point {
  return { x: a * x + c * y + e, y: b * x + d * y + f };
}

function matrixOf(element: XmlElement, document: XmlDocument): Matrix {
  const text = (element.attributes.transform ?? '').trim();
  const calls = [...text.matchAll(/([A-Za-z]+)\s*\(([^)]*)\)[\s,]*/g)];
  if (
    calls
      .map(([whole]) => whole)
      .join('')
      .trim() !== text
  ) {
    throw document.fault(element, `expected a transform such as "translate(1 2) scale(3)", found ${JSON.stringify(text.slice(0, 40))}.`);
  }
  return calls.reduce((matrix, [, name, list]) => {
    const values = list
      .trim()
      .split(/[\s,]+/)
      .map(Number);
    const next = values.every(Number.isFinite) ? transforms[name]?.(values) : undefined;
    if (next === undefined) {
      throw document.fault(
        element,
        `transform: expected ${Object.keys(transforms).join(', ')} with their numbers, found "${name}(${list})".`,
      );
    }
    return times(matrix, next);
  }, identity);
}

const transforms: Readonly<Record<string, (values: readonly number[]) => Matrix | undefined>> = {
  matrix: (values) => (values.length === 6 ? (values as unknown as Matrix) : undefined),
  translate: ([x, y = 0]) => [1, 0, 0, 1, x, y],
  scale: ([x, y = x]) => [x, 0, 0, y, 0, 0],
  rotate: ([angle, x = 0, y = 0]) => {
    const [cos, sin] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
    return times(times([1, 0, 0, 1, x, y], [cos, sin, -sin, cos, 0, 0]), [1, 0, 0, 1, -x, -y]);
  },
  skewX: ([angle]) => [1, 0, Math.tan((angle * Math.PI) / 180), 1, 0, 0],
  skewY: ([angle]) => [1, Math.tan((angle * Math.PI) / 180), 0, 1, 0, 0],
};
