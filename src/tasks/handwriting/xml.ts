/** XML as a tree that knows where its elements stand, so that a fault in them can be shown. */
import { FormatError } from '../../tensor/errors.ts';
import { placeAt } from './ink.ts';

/** An element; names without a prefix: `inkml:trace` is `trace`. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  /** What stands directly in it. */
  readonly text: string;
  /** Of its `<` in the file's text. */
  readonly offset: number;
}

/** A file's text, its root, and faults in it. */
export interface XmlDocument {
  readonly root: XmlElement;
  /** A fault in an element; `within`: so far into its text. */
  fault(element: XmlElement, message: string, within?: number): FormatError;
}

/** @throws FormatError with file, line and column where it is not XML, or its root is another */
export async function parseXml(text: string, file: string, rootName: string): Promise<XmlDocument> {
  // Read on use: few programs that import Unrolled read XML.
  const { XMLParser, XMLValidator } = await import('fast-xml-parser');
  const verdict = XMLValidator.validate(text);
  if (verdict !== true) {
    const { msg, line, col } = verdict.err;
    throw new FormatError(`not XML: ${msg.replace(/\.$/, '')}.`, { file, line: Math.max(1, line || 1), column: Math.max(1, col || 1) });
  }
  const parser = new XMLParser({
    preserveOrder: true,
    ignoreAttributes: false,
    attributeNamePrefix: '',
    parseTagValue: false,
    parseAttributeValue: false,
    removeNSPrefix: true,
    trimValues: false,
    captureMetaData: true,
  });
  const meta = XMLParser.getMetaDataSymbol() as unknown as symbol;
  const roots = elementsOf(parser.parse(text) as readonly RawNode[], meta);
  const root = roots.find(({ name }) => name === rootName);
  if (root === undefined) {
    const found = roots.map(({ name }) => `<${name}>`).filter((name) => !name.startsWith('<?'));
    throw new FormatError(`expected <${rootName}>, found ${found.join(', ') || 'no element'}.`, { file, line: 1, column: 1 });
  }
  return {
    root,
    fault: (element, message, within) => {
      const begin = text.indexOf('>', element.offset) + 1;
      // Where entities or comments stand between, only the element's place is known.
      const isPlain = within !== undefined && text.startsWith(element.text, begin);
      return new FormatError(message, { file, ...placeAt(text, isPlain ? begin + within : element.offset) });
    },
  };
}

type RawNode = Readonly<Record<string, unknown>> & { readonly ':@'?: Readonly<Record<string, string>> };

function elementsOf(nodes: readonly RawNode[], meta: symbol): XmlElement[] {
  return nodes.flatMap((node) => {
    const name = Object.keys(node).find((key) => key !== ':@' && key !== '#text');
    if (name === undefined) return [];
    const inner = node[name] as readonly RawNode[];
    return {
      name,
      attributes: node[':@'] ?? {},
      children: elementsOf(inner, meta),
      text: inner.map((child) => ('#text' in child ? String(child['#text']) : '')).join(''),
      offset: ((node as Record<symbol, { startIndex?: number } | undefined>)[meta]?.startIndex ?? 0) as number,
    };
  });
}

/** An element and all below it, as they come. */
export function* withDescendants(element: XmlElement): Generator<XmlElement> {
  yield element;
  for (const child of element.children) yield* withDescendants(child);
}
