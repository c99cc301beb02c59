/**
 * Entities in sequences of tags, and their precision, recall and F1 exactly as conlleval computes them: the script of the
 * CoNLL shared tasks (Tjong Kim Sang & Buchholz 2000), with the E- and S- tags that its later versions know.
 */

/** Tokens start … end−1 that are one thing of a type. */
export interface Entity {
  readonly start: number;
  readonly end: number;
  /** Empty where tags are without types: B, I, O. */
  readonly type: string;
}

/** A tag taken apart at its first hyphen: `B-creative-work` is B of a creative-work. Without one the type is empty. See `joinTag`. */
export function splitTag(tag: string): { readonly prefix: string; readonly type: string } {
  const at = tag.indexOf('-');
  return at < 0 ? { prefix: tag, type: '' } : { prefix: tag.slice(0, at), type: tag.slice(at + 1) };
}

/** The tag of a position, B, I, E or S, in an entity of a type, or of none: an empty one. */
export function joinTag(prefix: string, type: string): string {
  return type === '' ? prefix : `${prefix}-${type}`;
}

/**
 * The entities of a sentence. Any of IOB1, BIO and BIOES is read as conlleval reads it, and so is what no scheme allows: an
 * I- after O begins an entity, and so does an I- of another type.
 *
 * @example entitiesIn(['B-PER', 'I-PER', 'O', 'B-LOC']) // [{ start: 0, end: 2, type: 'PER' }, { start: 3, end: 4, type: 'LOC' }]
 */
export function entitiesIn(tags: readonly string[]): Entity[] {
  const entities: Entity[] = [];
  let start = -1;
  let before = outside;
  for (let i = 0; i <= tags.length; i++) {
    const now = i < tags.length ? splitTag(tags[i]) : outside;
    if (start >= 0 && endsBetween(before, now)) {
      entities.push({ start, end: i, type: before.type });
      start = -1;
    }
    if (startsBetween(before, now)) start = i;
    before = now;
  }
  return entities;
}

type Tag = ReturnType<typeof splitTag>;

const outside: Tag = { prefix: 'O', type: '' };

function isOutside({ prefix }: Tag): boolean {
  return prefix === 'O' || prefix === '.';
}

/** conlleval's endOfChunk. */
function endsBetween(before: Tag, now: Tag): boolean {
  if (before.prefix === 'E' || before.prefix === 'S') return true;
  if ((before.prefix === 'B' || before.prefix === 'I') && ['B', 'S', 'O'].includes(now.prefix)) return true;
  return !isOutside(before) && before.type !== now.type;
}

/** conlleval's startOfChunk. */
function startsBetween(before: Tag, now: Tag): boolean {
  if (now.prefix === 'B' || now.prefix === 'S') return true;
  if ((now.prefix === 'I' || now.prefix === 'E') && ['O', 'E', 'S'].includes(before.prefix)) return true;
  return !isOutside(now) && before.type !== now.type;
}

/** Counts of entities, and what follows from them; each in [0, 1], 0 where nothing was found. */
export interface EntityScore {
  readonly expected: number;
  readonly predicted: number;
  /** In both: same tokens, same type. */
  readonly correct: number;
  readonly precision: number;
  readonly recall: number;
  /** 2 · precision · recall / (precision + recall) */
  readonly f1: number;
}

/**
 * Scores of predicted entities, sentence by sentence.
 *
 * @example
 * const scores = new EntityScores();
 * for (const { tags, predicted } of sentences) scores.add(tags, predicted);
 * scores.overall.f1; // and scores.byType.get('PER')
 */
export class EntityScores {
  readonly #expected = new Map<string, number>();
  readonly #predicted = new Map<string, number>();
  readonly #correct = new Map<string, number>();
  #tokens = 0;
  #sameTags = 0;

  /** @throws RangeError when the two are not of one length */
  add(expected: readonly string[], predicted: readonly string[]): void {
    if (expected.length !== predicted.length) {
      throw new RangeError(`[EntityScores] expected ${expected.length} predicted tags, one a token, received ${predicted.length}.`);
    }
    this.#tokens += expected.length;
    this.#sameTags += expected.filter((tag, i) => tag === predicted[i]).length;
    const wanted = entitiesIn(expected);
    const there = new Set(wanted.map(keyOf));
    for (const { type } of wanted) count(this.#expected, type);
    for (const entity of entitiesIn(predicted)) {
      count(this.#predicted, entity.type);
      if (there.has(keyOf(entity))) count(this.#correct, entity.type);
    }
  }

  /** Share of tokens whose tags are equal. */
  get accuracy(): number {
    return ratio(this.#sameTags, this.#tokens);
  }

  /** Of all types together: micro-averaged. */
  get overall(): EntityScore {
    return score(total(this.#expected), total(this.#predicted), total(this.#correct));
  }

  /** By type, in the order of their names. */
  get byType(): ReadonlyMap<string, EntityScore> {
    const types = [...new Set([...this.#expected.keys(), ...this.#predicted.keys()])].sort();
    return new Map(
      types.map((type) => [type, score(this.#expected.get(type) ?? 0, this.#predicted.get(type) ?? 0, this.#correct.get(type) ?? 0)]),
    );
  }

  /** A table for a screen: percentages as conlleval prints them, by type. */
  report(): string {
    const percent = (share: number): string => (100 * share).toFixed(2).padStart(10);
    const rows = [...[...this.byType].map(([type, scores]) => [type || '(no type)', scores] as const), ['all', this.overall] as const];
    const width = Math.max(...rows.map(([name]) => name.length), 'entity'.length);
    const lines = rows.map(
      ([name, { precision, recall, f1, expected, predicted }]) =>
        `${name.padEnd(width)}${percent(precision)}${percent(recall)}${percent(f1)}${String(expected).padStart(10)}${String(predicted).padStart(10)}`,
    );
    const head = ['precision', 'recall', 'F1', 'in data', 'predicted'].map((title) => title.padStart(10)).join('');
    return [`${'entity'.padEnd(width)}${head}`, ...lines].join('\n');
  }

  /** All scores, overall and by type; entities without one are those of type "". */
  toJSON(): { readonly accuracy: number; readonly overall: EntityScore; readonly byType: Readonly<Record<string, EntityScore>> } {
    return { accuracy: this.accuracy, overall: this.overall, byType: Object.fromEntries(this.byType) };
  }
}

function keyOf({ start, end, type }: Entity): string {
  return `${start} ${end} ${type}`;
}

function count(counts: Map<string, number>, type: string): void {
  counts.set(type, (counts.get(type) ?? 0) + 1);
}

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, n) => sum + n, 0);
}

function score(expected: number, predicted: number, correct: number): EntityScore {
  const precision = ratio(correct, predicted);
  const recall = ratio(correct, expected);
  return { expected, predicted, correct, precision, recall, f1: ratio(2 * precision * recall, precision + recall) };
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
