/** Prefixes of a search as a tree: each is its parent and one symbol more, and there is one node a prefix. */

/** A prefix: the symbols on the way from the root. Kept while it, or one that begins with it, is in the beam. */
export interface PrefixNode<Self> {
  /** null: the root, nothing written. */
  readonly parent: Self | null;
  readonly symbol: number;
  readonly children: Map<number, Self>;
  isInBeam: boolean;
}

/** Takes a prefix out of the tree that is in the beam no more and that none there begins with; then those before it. */
export function forget<Node extends PrefixNode<Node>>(prefix: Node): void {
  for (let at = prefix; !at.isInBeam && at.children.size === 0 && at.parent !== null; at = at.parent) {
    if (at.parent.children.get(at.symbol) !== at) return;
    at.parent.children.delete(at.symbol);
  }
}

export function symbolsOf<Node extends PrefixNode<Node>>(prefix: Node): number[] {
  const symbols: number[] = [];
  for (let at = prefix; at.parent !== null; at = at.parent) symbols.push(at.symbol);
  return symbols.reverse();
}

/** The symbols that all these prefixes begin with. */
export function commonBeginning<Node extends PrefixNode<Node>>(prefixes: readonly Node[]): number[] {
  const [first, ...others] = prefixes.map((prefix) => symbolsOf(prefix));
  let { length } = first;
  for (const symbols of others) {
    length = Math.min(length, symbols.length);
    for (let i = 0; i < length; i++) if (symbols[i] !== first[i]) length = i;
  }
  return first.slice(0, length);
}
