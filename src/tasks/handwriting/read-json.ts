/**
 * Ink as JSON, one object a line. Two layouts of a stroke are read: its points, [[x, y], …] or [[x, y, t], …], and its columns,
 * [[x …], [y …]] or [[x …], [y …], [t …]], as in Quick, Draw!; or an object of columns, {"x": […], "y": […], "t": […]}.
 */
import { type JsonLine, jsonLines } from '../../data/records/json-lines.ts';
import type { TextSource } from '../../data/text/text-source.ts';
import { FormatError } from '../../tensor/errors.ts';
import { cleanText, type Ink, type Point, type Stroke, strokeOf } from './ink.ts';

/**
 * The inks of a source: `{"text": "…", "strokes": [[[x, y, t], …], …]}` a line. Times are in milliseconds. Under "drawing" (with
 * "word" as the text) strokes are columns; under "strokes" they are points, unless they cannot be.
 *
 * @throws FormatError with file, line and column
 * @example for await (const ink of readInkJson(textFile('notes.jsonl'))) …
 */
export async function* readInkJson(source: TextSource): AsyncGenerator<Ink> {
  for await (const line of jsonLines(source)) yield inkOf(line, source.name);
}

function inkOf({ value, line }: JsonLine, file: string): Ink {
  const fault = (message: string) => new FormatError(message, { file, line, column: 1 });
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw fault(`expected an object such as {"text": "…", "strokes": [[[x, y], …], …]}, received ${shown(value)}.`);
  }
  const fields = value as Record<string, unknown>;
  const name = 'strokes' in fields ? 'strokes' : 'drawing';
  const strokes = fields[name];
  if (strokes === undefined) {
    throw fault(`expected "strokes" (or "drawing"), received a record of ${Object.keys(fields).join(', ') || 'nothing'}.`);
  }
  if (!Array.isArray(strokes) || strokes.length === 0) throw fault(`"${name}": expected a list of strokes, received ${shown(strokes)}.`);
  const hasColumns = name === 'drawing' || strokes.every(mustBeColumns);
  return {
    kind: 'ink',
    text: textOf(fields, fault),
    strokes: strokes.map((stroke, s) => parseStroke(stroke, `${name}[${s}]`, hasColumns, fault)),
    file,
    line,
  };
}

type Fault = (message: string) => FormatError;

function textOf(fields: Readonly<Record<string, unknown>>, fault: Fault): string | null {
  const name = ['text', 'word', 'label'].find((field) => field in fields);
  if (name === undefined || fields[name] === null) return null;
  const value = fields[name];
  if (typeof value !== 'string' || cleanText(value) === '') throw fault(`"${name}": expected a text, received ${shown(value)}.`);
  return cleanText(value);
}

/** Two or three lists of one length, which is no point's: more numbers than x, y, t and force. */
function mustBeColumns(stroke: unknown): boolean {
  return (
    Array.isArray(stroke) && (stroke.length === 2 || stroke.length === 3) && stroke.every((list) => Array.isArray(list) && list.length > 4)
  );
}

function parseStroke(stroke: unknown, place: string, hasColumns: boolean, fault: Fault): Stroke {
  if (typeof stroke === 'object' && stroke !== null && !Array.isArray(stroke)) {
    const { x, y, t } = stroke as Record<string, unknown>;
    return columns(t === undefined ? [x, y] : [x, y, t], place, fault);
  }
  if (!Array.isArray(stroke) || stroke.length === 0) throw fault(`${place}: expected a list of points, received ${shown(stroke)}.`);
  return hasColumns ? columns(stroke, place, fault) : points(stroke, place, fault);
}

function points(stroke: readonly unknown[], place: string, fault: Fault): Stroke {
  const read = stroke.map((point, i): Point => {
    const isPoint = Array.isArray(point) && point.length >= 2 && point.length <= 4;
    if (!isPoint) throw fault(`${place}[${i}]: expected a point [x, y] or [x, y, t], received ${shown(point)}.`);
    const [x, y, t, force] = point.map((value, axis) => number(value, `${place}[${i}][${axis}]`, fault));
    return { x, y, t: t === undefined ? undefined : t / 1000, force };
  });
  return strokeOf(read);
}

function columns(lists: readonly unknown[], place: string, fault: Fault): Stroke {
  if (lists.length < 2 || lists.length > 3) {
    throw fault(`${place}: expected the lists of x, y and, if known, t, received ${lists.length} lists.`);
  }
  const [x, y, t] = lists.map((list, c) => {
    const name = `${place}, ${'xyt'[c]}`;
    if (!Array.isArray(list) || list.length === 0) throw fault(`${name}: expected a list of numbers, received ${shown(list)}.`);
    return list.map((value, i) => number(value, `${name}[${i}]`, fault));
  });
  const lengths = [x, y, ...(t === undefined ? [] : [t])].map((list) => list.length);
  if (new Set(lengths).size > 1) throw fault(`${place}: expected lists of one length, received ${lengths.join(', ')} numbers.`);
  return strokeOf(x.map((_, i) => ({ x: x[i], y: y[i], t: t === undefined ? undefined : t[i] / 1000 })));
}

function number(value: unknown, place: string, fault: Fault): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw fault(`${place}: expected a number, received ${shown(value)}.`);
  return value;
}

function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? 'nothing';
  return json.length > 40 ? `${json.slice(0, 40)}…` : json;
}
