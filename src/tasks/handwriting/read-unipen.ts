/**
 * Ink in the text format of UNIPEN (Guyon et al. 1994): keywords that begin with a dot, points between .PEN_DOWN and .PEN_UP,
 * and .SEGMENT lines that say what strokes mean.
 *
 *   .SEGMENT DIGIT 6-7 ? "4"
 *   .PEN_DOWN
 *    267 333
 *   .PEN_UP
 *   .DT 100
 */
import { linesIn, type TextSource } from '../../data/text/text-source.ts';
import { FormatError } from '../../tensor/errors.ts';
import { cleanText, type Ink, type Point, type Stroke, strokeOf } from './ink.ts';

/** How a file is read. */
export interface UnipenOptions {
  /** Which .SEGMENT lines are read, such as WORD. Default: those of the first one's level. */
  readonly level?: string;
}

interface Segment {
  readonly level: string;
  /** Components that it spans: `6-7`. */
  readonly delineation: string;
  readonly label: string;
  readonly line: number;
  /** Strokes read before it. */
  readonly strokesBefore: number;
}

interface Component {
  readonly stroke: Stroke;
  /** Among pen-down and pen-up components alike. */
  readonly number: number;
}

/**
 * The inks of a file: of each segment, the strokes that follow it; or, where segments stand apart from strokes, those that it names.
 * A file without segments is one ink without a text. Y points upwards in UNIPEN, and downwards afterwards.
 *
 * @throws FormatError with file, line and column
 */
export async function readUnipen(source: TextSource, options: UnipenOptions = {}): Promise<Ink[]> {
  const reader = new UnipenReader(source.name);
  for await (const line of linesIn(source)) reader.line(line);
  return reader.end(options);
}

class UnipenReader {
  readonly #file: string;
  readonly #components: Component[] = [];
  readonly #segments: Segment[] = [];
  #line = 0;
  #coordinates: readonly string[] = ['X', 'Y'];
  #secondsPerPoint: number | null = null;
  #clock = 0;
  #componentCount = 0;
  /** Whether points are read, passed over, or free text follows a keyword. */
  #state: 'down' | 'up' | 'text' | 'start' = 'start';
  #points: Point[] = [];
  #downLine = 0;

  constructor(file: string) {
    this.#file = file;
  }

  line(text: string): void {
    this.#line++;
    if (text.trim() === '') return;
    if (/^\s*\.[A-Za-z]/.test(text)) {
      this.#keyword(text);
      return;
    }
    if (this.#state === 'start') throw this.#fault(1, `expected a keyword such as .PEN_DOWN, found ${quoted(text.trim())}.`);
    if (this.#state === 'down') this.#point(text);
  }

  end({ level }: UnipenOptions): Ink[] {
    this.#closeStroke('the file ends');
    if (this.#components.length === 0) throw this.#fault(1, 'expected strokes, .PEN_DOWN … .PEN_UP, found none.');
    if (this.#segments.length === 0) return [this.#ink(null, this.#components, 1)];
    const levels = [...new Set(this.#segments.map((segment) => segment.level))];
    const chosen = level ?? levels[0];
    const segments = this.#segments.filter((segment) => segment.level === chosen);
    if (segments.length === 0) throw this.#fault(1, `expected segments of the level ${chosen}, found ${levels.join(', ')}.`);
    // Of each segment, how many strokes there are when the next one comes.
    const ends = segments.map((_, i) => (i + 1 < segments.length ? segments[i + 1].strokesBefore : this.#components.length));
    const isInline = segments.every(({ strokesBefore }, i) => ends[i] > strokesBefore);
    const withinReach = isInline ? null : this.#numbering(segments);
    return segments.map((segment, i) => {
      const { strokesBefore, label, line } = segment;
      const own = withinReach === null ? this.#components.slice(strokesBefore, ends[i]) : this.#named(segment, withinReach);
      return this.#ink(label, own, line);
    });
  }

  #ink(text: string | null, components: readonly Component[], line: number): Ink {
    return { kind: 'ink', text, strokes: components.map(({ stroke }) => stroke), file: this.#file, line };
  }

  #keyword(text: string): void {
    const [, indent, keyword, rest] = /^(\s*)(\.\S+)(.*)$/.exec(text)!;
    const column = indent.length + 1;
    const name = keyword.toUpperCase();
    this.#closeStroke(`${keyword} follows`);
    this.#state = 'text';
    switch (name) {
      case '.PEN_DOWN':
        this.#state = 'down';
        this.#downLine = this.#line;
        this.#componentCount++;
        break;
      case '.PEN_UP':
        this.#state = 'up';
        this.#componentCount++;
        break;
      case '.SEGMENT':
        this.#segment(text, column);
        break;
      case '.COORD':
        this.#coordinates = rest.trim().toUpperCase().split(/\s+/);
        if (!['X', 'Y'].every((axis) => this.#coordinates.filter((c) => c === axis).length === 1)) {
          throw this.#fault(column, `.COORD: expected X and Y among the coordinates, once each, found ${quoted(rest.trim())}.`);
        }
        break;
      case '.POINTS_PER_SECOND':
        this.#secondsPerPoint = 1 / this.#argument(keyword, rest, column, true);
        break;
      case '.DT':
        this.#clock += this.#argument(keyword, rest, column, false) / 1000;
        break;
      default: // what else a file says of itself: passed over
    }
  }

  #argument(keyword: string, rest: string, column: number, isPositive: boolean): number {
    const value = Number(rest.trim());
    if (rest.trim() === '' || !Number.isFinite(value) || value < 0 || (isPositive && value === 0)) {
      const expected = isPositive ? 'a number above 0' : 'a time in milliseconds of at least 0';
      throw this.#fault(
        column + keyword.length + (rest.length - rest.trimStart().length),
        `${keyword}: expected ${expected}, found ${quoted(rest.trim())}.`,
      );
    }
    return value;
  }

  #segment(text: string, column: number): void {
    const parts = /^\s*\.SEGMENT\s+(\S+)\s+(\S+)\s+(\S+)\s+"((?:[^"\\]|\\.)*)"\s*$/i.exec(text);
    if (parts === null) {
      throw this.#fault(
        column,
        `expected .SEGMENT level delineation quality "label", such as .SEGMENT WORD 0-3 ? "the", found ${quoted(text.trim())}.`,
      );
    }
    const [, level, delineation, , quotedLabel] = parts;
    const label = cleanText(quotedLabel.replaceAll(/\\(.)/g, '$1'));
    if (label === '') throw this.#fault(text.lastIndexOf('""') + 1 || column, 'expected a label between the quotes, found none.');
    this.#segments.push({ level, delineation, label, line: this.#line, strokesBefore: this.#components.length });
  }

  #point(text: string): void {
    const fields = [...text.matchAll(/\S+/g)];
    const wanted = this.#coordinates;
    if (fields.length !== wanted.length) {
      const column = fields.length > wanted.length ? fields[wanted.length].index + 1 : fields[0].index + 1;
      throw this.#fault(column, `expected ${wanted.length} numbers (${wanted.join(' ')}), found ${fields.length}.`);
    }
    const values = fields.map(({ 0: field, index }, c) => {
      const value = Number(field);
      if (!Number.isFinite(value)) throw this.#fault(index + 1, `expected a number as ${wanted[c]}, found ${quoted(field)}.`);
      return value;
    });
    const value = (name: string): number | undefined => values[wanted.indexOf(name)];
    const given = value('T');
    const time = given === undefined ? (this.#secondsPerPoint === null ? undefined : this.#clock) : given / 1000;
    if (this.#secondsPerPoint !== null) this.#clock += this.#secondsPerPoint;
    this.#points.push({ x: value('X')!, y: 0 - value('Y')!, t: time, force: value('P') });
  }

  #closeStroke(because: string): void {
    if (this.#state !== 'down') return;
    if (this.#points.length === 0) {
      throw new FormatError(`expected points after .PEN_DOWN, found none: ${because}.`, {
        file: this.#file,
        line: this.#downLine,
        column: 1,
      });
    }
    this.#components.push({ stroke: strokeOf(this.#points), number: this.#componentCount - 1 });
    this.#points = [];
  }

  /**
   * Components by the numbers that delineations mean: pen-down and pen-up components are counted alike; some files count strokes
   * only, and then no number is as high as there are strokes.
   */
  #numbering(segments: readonly Segment[]): ReadonlyMap<number, Component> {
    const highest = Math.max(...segments.flatMap((segment) => this.#rangesOf(segment).map(([, last]) => last)));
    const countsStrokes = highest < this.#components.length;
    return new Map(this.#components.map((component, i) => [countsStrokes ? i : component.number, component]));
  }

  #named(segment: Segment, components: ReadonlyMap<number, Component>): Component[] {
    const own = this.#rangesOf(segment).flatMap(([first, last]) =>
      Array.from({ length: last - first + 1 }, (_, i) => components.get(first + i) ?? []).flat(),
    );
    if (own.length > 0) return own;
    throw new FormatError(`"${segment.label}" names components ${segment.delineation}, but the file has no strokes of these numbers.`, {
      file: this.#file,
      line: segment.line,
      column: 1,
    });
  }

  /** `0-3,5:10-6:2` as first and last components; parts of strokes are taken whole. */
  #rangesOf({ delineation, line }: Segment): [first: number, last: number][] {
    return delineation.split(',').map((part) => {
      const numbers = /^(\d+)(?::\d+)?(?:-(\d+)(?::\d+)?)?$/.exec(part);
      if (numbers === null || Number(numbers[2] ?? numbers[1]) < Number(numbers[1])) {
        throw new FormatError(`expected components such as 0-3 as a segment's delineation, found ${quoted(delineation)}.`, {
          file: this.#file,
          line,
          column: 1,
        });
      }
      return [Number(numbers[1]), Number(numbers[2] ?? numbers[1])];
    });
  }

  #fault(column: number, message: string): FormatError {
    return new FormatError(message, { file: this.#file, line: Math.max(1, this.#line), column });
  }
}

function quoted(text: string): string {
  return text === '' ? 'nothing' : JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
