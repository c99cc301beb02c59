/**
 * Segment overlap, SOV'99: how well predicted helices and strands cover observed ones, with some tolerance at their ends. A
 * residue more or less at an end costs little; a helix broken in two costs much.
 *
 *   SOV = 1/N Σᵢ Σ_{S(i)} (minov + δ) / maxov · len(s₁)
 *   δ = min(maxov − minov, minov, ⌊len(s₁)/2⌋, ⌊len(s₂)/2⌋)
 *
 * S(i): pairs of an observed segment s₁ and a predicted one s₂ of state i that overlap; minov: residues in both; maxov: in
 * either. N: the lengths of s₁ over all pairs, and of the observed segments that no predicted one overlaps. It is a share, as
 * Q3 is; the paper has percents.
 *
 * @see Zemla, Venclovas, Fidelis & Rost (1999), doi:10.1002/(SICI)1097-0134(19990201)34:2<220::AID-PROT7>3.0.CO;2-K. It is not
 *      SOV'94 (Rost et al. 1994), whose δ and N differ, nor SOV_refine (2018).
 */

/** A sum of SOV over states, as it is built up: the score is overlap / length. */
export interface SegmentOverlap {
  readonly overlap: number;
  readonly length: number;
}

/**
 * Overlap of one state's segments.
 *
 * @param observed   [T] numbers of states; a residue that does not count has a number that is no state, and ends a segment
 * @param predicted  [T], with the same residues left out
 * @param state      the state whose segments are compared
 */
export function segmentOverlap(observed: ArrayLike<number>, predicted: ArrayLike<number>, state: number): SegmentOverlap {
  const there = segmentsOf(observed, state);
  const said = segmentsOf(predicted, state);
  let overlap = 0;
  let length = 0;
  let first = 0;
  for (const s1 of there) {
    while (first < said.length && said[first].end <= s1.begin) first++;
    const size = s1.end - s1.begin;
    let pairs = 0;
    for (let k = first; k < said.length && said[k].begin < s1.end; k++) {
      const s2 = said[k];
      const least = Math.min(s1.end, s2.end) - Math.max(s1.begin, s2.begin);
      const most = Math.max(s1.end, s2.end) - Math.min(s1.begin, s2.begin);
      const tolerance = Math.min(most - least, least, size >> 1, (s2.end - s2.begin) >> 1);
      overlap += ((least + tolerance) / most) * size;
      pairs++;
    }
    length += size * Math.max(1, pairs);
  }
  return { overlap, length };
}

/**
 * SOV'99 of one chain over all states, in [0, 1]; NaN when no residue counts.
 *
 * @param states  how many there are: numbers 0…states−1
 * @example sov(encode('CCEEEC'), encode('CCCEEC'), 3)
 */
export function sov(observed: ArrayLike<number>, predicted: ArrayLike<number>, states: number): number {
  let overlap = 0;
  let length = 0;
  for (let state = 0; state < states; state++) {
    const part = segmentOverlap(observed, predicted, state);
    overlap += part.overlap;
    length += part.length;
  }
  return overlap / length;
}

interface Segment {
  readonly begin: number;
  /** Behind the last residue. */
  readonly end: number;
}

function segmentsOf(states: ArrayLike<number>, state: number): Segment[] {
  const segments: Segment[] = [];
  for (let t = 0; t < states.length; ) {
    const begin = t;
    while (t < states.length && states[t] === state) t++;
    if (t > begin) segments.push({ begin, end: t });
    else t++;
  }
  return segments;
}
