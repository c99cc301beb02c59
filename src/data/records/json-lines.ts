/** One JSON value a line (JSON Lines, also called NDJSON), read piece by piece. */
import { FormatError } from '../../tensor/errors.ts';
import { linesIn, type TextSource } from '../text/text-source.ts';

/** A value, and the line it stands in, 1-based. */
export interface JsonLine {
  readonly line: number;
  readonly value: unknown;
}

/**
 * The values of a source; blank lines are left out.
 *
 * @throws FormatError with file, line and column where a line is not JSON
 * @example for await (const { line, value } of jsonLines(textFile('reviews.jsonl'))) …
 */
export async function* jsonLines(source: TextSource): AsyncGenerator<JsonLine> {
  let line = 0;
  for await (const text of linesIn(source)) {
    line++;
    if (text.trim() !== '') yield { line, value: parseLine(text, { file: source.name, line }) };
  }
}

function parseLine(text: string, place: { file: string; line: number }): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const at = firstJsonFault(text);
    const found = at < text.length ? `found ${JSON.stringify(text.slice(at, at + 20))}` : 'the line ends';
    const column = [...text.slice(0, at)].length + 1;
    throw new FormatError(
      `expected one JSON value a line, such as {"label": "…", "text": "…"}; ${found} where it cannot be.`,
      { ...place, column },
      { cause },
    );
  }
}

/** Where a text stops being JSON (RFC 8259): engines do not agree on whether and how their errors say it. */
export function firstJsonFault(text: string): number {
  const open: string[] = [];
  // What comes next: a value, a key, a colon, or what follows a value. What has just been opened may also be closed.
  let next: 'value' | 'key' | 'colon' | 'after' = 'value';
  let wasOpened = false;
  for (let at = skipBlanks(text, 0); at < text.length; at = skipBlanks(text, at)) {
    const character = text[at];
    if (character === '}' || character === ']') {
      if (open.pop() !== (character === '}' ? '{' : '[') || !(next === 'after' || wasOpened)) return at;
      next = 'after';
      wasOpened = false;
      at++;
      continue;
    }
    wasOpened = false;
    if (next === 'colon' || next === 'after') {
      if (character !== (next === 'colon' ? ':' : ',') || (next === 'after' && open.length === 0)) return at;
      next = next === 'after' && open.at(-1) === '{' ? 'key' : 'value';
      at++;
      continue;
    }
    if (next === 'value' && (character === '{' || character === '[')) {
      open.push(character);
      next = character === '{' ? 'key' : 'value';
      wasOpened = true;
      at++;
      continue;
    }
    const { end, isWhole } = character === '"' ? endOfString(text, at) : next === 'key' ? { end: at, isWhole: false } : endOfAtom(text, at);
    if (!isWhole) return end;
    next = next === 'key' ? 'colon' : 'after';
    at = end;
  }
  return text.length;
}

function skipBlanks(text: string, at: number): number {
  let next = at;
  while (next < text.length && ' \t\r\n'.includes(text[next])) next++;
  return next;
}

/** Behind a string's closing quote, or where it cannot go on. */
function endOfString(text: string, at: number): { end: number; isWhole: boolean } {
  const escaped = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === '"') return { end: i + 1, isWhole: true };
    if (text.charCodeAt(i) < 32) return { end: i, isWhole: false };
    if (text[i] !== '\\') continue;
    escaped.lastIndex = i;
    if (!escaped.test(text)) return { end: i, isWhole: false };
    i = escaped.lastIndex - 1;
  }
  return { end: text.length, isWhole: false };
}

/** Behind a number, true, false or null. */
function endOfAtom(text: string, at: number): { end: number; isWhole: boolean } {
  const atom = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.])/y;
  atom.lastIndex = at;
  return atom.test(text) ? { end: atom.lastIndex, isWhole: true } : { end: at, isWhole: false };
}
