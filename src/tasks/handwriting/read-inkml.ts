/**
 * Ink from InkML (W3C 2011): traces of channels X, Y, F and T in any order, with differences, trace groups, and annotations as
 * their texts.
 */
import { type TextSource, textIn } from '../../data/text/text-source.ts';
import { cleanText, type Ink, type Point, placeAt, type Stroke, strokeOf } from './ink.ts';
import { parseXml, withDescendants, type XmlDocument, type XmlElement } from './xml.ts';

/** How a file is read. */
export interface InkmlOptions {
  /** Type of the annotation that is the text. Default: the first of truth, transcription, text, label. */
  readonly annotation?: string;
}

const annotationTypes = ['truth', 'transcription', 'text', 'label'];

/**
 * The inks of a file. Where the file as a whole has a text it is one ink; else every outermost trace group with a text is one; else
 * the file is one ink without a text. Times are milliseconds unless the channel says otherwise; traces of penUp are left out.
 *
 * @throws FormatError with file, line and column
 */
export async function readInkml(source: TextSource, options: InkmlOptions = {}): Promise<Ink[]> {
  const text = await textIn(source);
  const document = await parseXml(text, source.name, 'ink');
  const reader = new InkmlReader(document, source.name, text, options);
  return reader.inks();
}

interface Channel {
  readonly name: string;
  readonly isBoolean: boolean;
  /** What a number is multiplied by: seconds for T. */
  readonly unit: number;
}

interface TraceFormat {
  readonly regular: readonly Channel[];
  /** May be missing at a point's end. */
  readonly intermittent: readonly Channel[];
}

class InkmlReader {
  readonly #document: XmlDocument;
  readonly #file: string;
  readonly #text: string;
  readonly #types: readonly string[];
  readonly #byId = new Map<string, XmlElement>();
  /** Of the file, where it has one outside of any context. */
  readonly #defaultFormat: TraceFormat;
  readonly #strokes = new Map<XmlElement, Stroke | null>();

  constructor(document: XmlDocument, file: string, text: string, { annotation }: InkmlOptions) {
    this.#document = document;
    this.#file = file;
    this.#text = text;
    this.#types = annotation === undefined ? annotationTypes : [annotation];
    for (const element of withDescendants(document.root)) {
      const id = element.attributes['xml:id'] ?? element.attributes.id;
      if (id !== undefined) this.#byId.set(id, element);
    }
    const format = document.root.children.flatMap(formatsWithin).at(0);
    this.#defaultFormat = format === undefined ? plainFormat : this.#formatOf(format);
  }

  inks(): Ink[] {
    const { root } = this.#document;
    const groups = this.#textOf(root) === null ? this.#groupsWithText(root) : [];
    const inks = (groups.length > 0 ? groups : [root]).map((element): Ink => {
      const strokes = this.#strokesIn(element);
      if (strokes.length === 0) throw this.#document.fault(element, `expected traces in <${element.name}>, found none.`);
      const { line } = placeAt(this.#text, element.offset);
      return { kind: 'ink', text: this.#textOf(element), strokes, file: this.#file, line };
    });
    return inks;
  }

  /** Outermost groups, or views, that have a text. */
  #groupsWithText(element: XmlElement): XmlElement[] {
    return element.children.flatMap((child) => {
      if (child.name !== 'traceGroup' && child.name !== 'traceView') return [];
      return this.#textOf(child) === null ? this.#groupsWithText(child) : [child];
    });
  }

  #textOf({ children }: XmlElement): string | null {
    const annotations = children.filter(({ name }) => name === 'annotation');
    for (const type of this.#types) {
      const found = annotations.find(({ attributes }) => attributes.type === type);
      if (found === undefined) continue;
      const text = cleanText(found.text);
      if (text === '') throw this.#document.fault(found, `expected a text in the annotation "${type}", found none.`);
      return text;
    }
    return null;
  }

  #strokesIn(element: XmlElement): Stroke[] {
    const found: (Stroke | null)[] = [];
    const visit = (current: XmlElement): void => {
      const { name, attributes, children } = current;
      if (name === 'trace') found.push(this.#strokeOf(current));
      else if (name === 'traceView' && attributes.traceDataRef !== undefined) visit(this.#referred(current, attributes.traceDataRef));
      else if (name !== 'definitions') children.forEach(visit);
    };
    visit(element);
    return found.filter((stroke) => stroke !== null);
  }

  #referred(element: XmlElement, reference: string): XmlElement {
    const target = this.#byId.get(reference.replace(/^#/, ''));
    if (target === undefined) throw this.#document.fault(element, `expected an element of the id "${reference}", found none.`);
    return target;
  }

  /** null: the pen was up. */
  #strokeOf(trace: XmlElement): Stroke | null {
    const known = this.#strokes.get(trace);
    if (known !== undefined) return known;
    const stroke = trace.attributes.type === 'penUp' ? null : strokeOf(this.#pointsOf(trace));
    this.#strokes.set(trace, stroke);
    return stroke;
  }

  #pointsOf(trace: XmlElement): Point[] {
    const format = this.#formatFor(trace);
    const channels = [...format.regular, ...format.intermittent];
    const states = channels.map(() => ({ value: Number.NaN, velocity: 0, mode: '!' }));
    const points: Point[] = [];
    let begin = 0;
    for (const text of trace.text.replace(/,\s*$/, '').split(',')) {
      const tokens = this.#tokens(trace, text, begin);
      if (tokens.length < format.regular.length || tokens.length > channels.length) {
        const expected = `${format.regular.length} values a point (${format.regular.map(({ name }) => name).join(' ')})`;
        throw this.#document.fault(
          trace,
          `expected ${expected}, found ${tokens.length === 0 ? 'none' : tokens.length}.`,
          begin + text.length - text.trimStart().length,
        );
      }
      tokens.forEach(({ prefix, value, offset }, c) => {
        const state = states[c];
        if (prefix !== '') state.mode = prefix;
        const given = numberOf(value, state.value, channels[c]);
        if (given === null) throw this.#document.fault(trace, `expected a number as ${channels[c].name}, found "${value}".`, offset);
        advance(state, value === '*' ? '!' : state.mode, given);
        if (Number.isNaN(state.value) && value !== '?') {
          throw this.#document.fault(trace, `${channels[c].name} is given as a difference, but there is no value before it.`, offset);
        }
      });
      points.push(this.#point(trace, channels, states, begin));
      begin += text.length + 1;
    }
    return points;
  }

  #point(trace: XmlElement, channels: readonly Channel[], states: readonly { readonly value: number }[], offset: number): Point {
    const of = (name: string): number | undefined => {
      const c = channels.findIndex((channel) => channel.name === name);
      return c < 0 || Number.isNaN(states[c].value) ? undefined : states[c].value * channels[c].unit;
    };
    const [x, y] = [of('X'), of('Y')];
    if (x === undefined || y === undefined)
      throw this.#document.fault(trace, 'expected X and Y of every point, found one without.', offset);
    return { x, y, t: of('T'), force: of('F') };
  }

  /** A point's values: a prefix ('!' value, "'" difference, '"' difference of differences), and a number, T, F, ? or *. */
  #tokens(trace: XmlElement, text: string, begin: number): { prefix: string; value: string; offset: number }[] {
    const tokens: { prefix: string; value: string; offset: number }[] = [];
    const token = /\s*(['"!]?)\s*(-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|#[0-9A-Fa-f]+|[TF*?])\s*/y;
    while (token.lastIndex < text.trimEnd().length) {
      const at = token.lastIndex;
      const match = token.exec(text);
      if (match === null) {
        const rest = text.slice(at).trimStart();
        const offset = begin + text.length - text.slice(at).length + (text.slice(at).length - rest.length);
        throw this.#document.fault(trace, `expected a number such as 12, -3.5 or '4, found "${rest.slice(0, 20)}".`, offset);
      }
      tokens.push({ prefix: match[1], value: match[2], offset: begin + at + (match[0].length - match[0].trimStart().length) });
    }
    return tokens;
  }

  #formatFor(trace: XmlElement): TraceFormat {
    const reference = trace.attributes.contextRef;
    if (reference === undefined || reference === '#DefaultContext') return this.#defaultFormat;
    const context = this.#referred(trace, reference);
    const own = formatsWithin(context).at(0);
    if (own !== undefined) return this.#formatOf(own);
    const { traceFormatRef, inkSourceRef } = context.attributes;
    if (traceFormatRef !== undefined) return this.#formatOf(this.#referred(context, traceFormatRef));
    if (inkSourceRef === undefined) return this.#defaultFormat;
    const inSource = formatsWithin(this.#referred(context, inkSourceRef)).at(0);
    return inSource === undefined ? this.#defaultFormat : this.#formatOf(inSource);
  }

  #formatOf(element: XmlElement): TraceFormat {
    const channelsIn = (children: readonly XmlElement[]): Channel[] =>
      children
        .filter(({ name }) => name === 'channel')
        .map(({ attributes }) => ({
          name: attributes.name ?? '',
          isBoolean: attributes.type === 'boolean',
          unit: attributes.name === 'T' ? (secondsPer[attributes.units ?? 'ms'] ?? 0.001) : 1,
        }));
    const regular = channelsIn(element.children);
    const intermittent = element.children
      .filter(({ name }) => name === 'intermittentChannels')
      .flatMap(({ children }) => channelsIn(children));
    const missing = ['X', 'Y'].find((name) => !regular.some((channel) => channel.name === name));
    if (missing !== undefined) {
      const found = regular.map(({ name }) => name).join(', ') || 'none';
      throw this.#document.fault(element, `expected the channels X and Y in <traceFormat>, found ${found}.`);
    }
    return { regular, intermittent };
  }
}

const secondsPer: Readonly<Record<string, number>> = { s: 1, ms: 1e-3, us: 1e-6, ns: 1e-9 };

const plainFormat: TraceFormat = {
  regular: ['X', 'Y'].map((name) => ({ name, isBoolean: false, unit: 1 })),
  intermittent: [],
};

/** <traceFormat> itself, or within a context or an ink source. Definitions are only referred to. */
function formatsWithin(element: XmlElement): XmlElement[] {
  if (element.name === 'traceFormat') return [element];
  return ['context', 'inkSource'].includes(element.name) ? element.children.flatMap(formatsWithin) : [];
}

/** null: not what the channel takes. '?' is NaN: not known; '*' the value before. */
function numberOf(text: string, before: number, { isBoolean }: Channel): number | null {
  if (text === '?') return Number.NaN;
  if (text === '*') return before;
  if (text === 'T' || text === 'F') return isBoolean ? Number(text === 'T') : null;
  return text.startsWith('#') ? Number.parseInt(text.slice(1), 16) : Number(text);
}

/** v' = given; v' = v + (d' = given); or v' = v + (d' = d + given) */
function advance(state: { value: number; velocity: number }, mode: string, given: number): void {
  const before = state.value;
  if (mode === '!') {
    state.value = given;
    state.velocity = Number.isNaN(before) ? 0 : given - before;
    return;
  }
  state.velocity = mode === '"' ? state.velocity + given : given;
  state.value = before + state.velocity;
}
