/** Lines of handwriting from files of every kind that the task reads; which one it is shows in its name, or in how it begins. */
import { isImageName } from '../../data/images.ts';
import { type TextSource, textFile, textIn, textOf } from '../../data/text/text-source.ts';
import { FormatError } from '../../tensor/errors.ts';
import type { Handwriting } from './ink.ts';
import type { ReadingOptions } from './options.ts';
import { readImage, readImageTable } from './read-images.ts';
import { readInkml } from './read-inkml.ts';
import { readInkJson } from './read-json.ts';
import { readSvg } from './read-svg.ts';
import { readUnipen } from './read-unipen.ts';

/** A file's path, or a text at hand. */
export type HandwritingSource = string | TextSource;

/**
 * The lines of a source, one by one: InkML, SVG, UNIPEN, JSON lines, a table of images and texts, or one image.
 *
 * @throws FormatError with file, line and column, FileError
 * @example for await (const line of readHandwriting('notes.inkml')) console.log(line.text);
 */
export async function* readHandwriting(source: HandwritingSource, options: ReadingOptions = {}): AsyncGenerator<Handwriting> {
  if (typeof source === 'string' && isImageName(source)) {
    yield await readImage(source);
    return;
  }
  const text = typeof source === 'string' ? textFile(source) : source;
  const { kind, whole } = await kindOf(text);
  switch (kind) {
    case 'inkml':
      yield* await readInkml(whole, options);
      return;
    case 'svg':
      yield* await readSvg(whole);
      return;
    case 'unipen':
      yield* await readUnipen(whole, options);
      return;
    case 'json':
      yield* readInkJson(whole);
      return;
    case 'table':
      yield* readImageTable(whole, options);
      return;
    default:
      throw new Error(`unreachable: ${kind satisfies never}`);
  }
}

type Kind = 'inkml' | 'svg' | 'unipen' | 'json' | 'table';

/** By how it begins. `whole` is the source; what can be read only once, such as a pipe, has been read into memory. */
async function kindOf(source: TextSource): Promise<{ kind: Kind; whole: TextSource }> {
  const isFile = /\.\w+$/.test(source.name);
  const whole = isFile ? source : textOf(await textIn(source), source.name);
  let start = '';
  for await (const piece of whole.chunks()) {
    start += piece;
    if (start.trim() !== '' && start.length > 4096) break;
  }
  const begin = start.replace(/^\ufeff/, '').trimStart();
  if (begin === '') {
    throw new FormatError('expected handwriting, found nothing. Give InkML, SVG, UNIPEN, JSON lines of strokes, or a table of images.', {
      file: source.name,
      line: 1,
      column: 1,
    });
  }
  return { kind: kindByStart(begin, source.name), whole };
}

function kindByStart(begin: string, name: string): Kind {
  if (begin.startsWith('<')) {
    // Elements only: a comment may name either.
    const elements = begin.replaceAll(/<!--[\s\S]*?(-->|$)/g, '');
    return /\.svg$/i.test(name) || (/<(\w+:)?svg[\s>/]/.test(elements) && !/\.inkml$/i.test(name)) ? 'svg' : 'inkml';
  }
  if (begin.startsWith('{') || begin.startsWith('[')) return 'json';
  if (/\.(csv|tsv|tab)$/i.test(name)) return 'table';
  if (/\.(jsonl|ndjson|json)$/i.test(name)) return 'json';
  if (/^\.[A-Za-z]/.test(begin)) return 'unipen';
  throw new FormatError(
    `expected InkML, SVG, UNIPEN, JSON lines of strokes, or a table (.csv, .tsv) of images, found ${JSON.stringify(begin.slice(0, 20))}.`,
    { file: name, line: 1, column: 1 },
  );
}
