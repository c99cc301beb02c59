/** Pen strokes as what a recurrent network reads: directions, one for each small piece of the way. */

/** Points of a stroke: x, y, x, y, …; in shares of the pad, y downwards. */
export type Stroke = readonly number[];

/** Of a piece of the way, in shares of the pad. */
export const piece = 0.035;
/** Features of a piece: where it goes (two), and whether the pen was lifted before it. */
export const features = 3;

/** Cuts strokes into pieces of one length. @returns [T, 3] */
export function piecesOf(strokes: readonly Stroke[]): Float32Array {
  const out: number[] = [];
  let isLifted = false;
  for (const stroke of strokes) {
    let [x, y] = [stroke[0], stroke[1]];
    for (let k = 2; k + 1 < stroke.length; k += 2) {
      let [dx, dy] = [stroke[k] - x, stroke[k + 1] - y];
      let left = Math.hypot(dx, dy);
      while (left >= piece) {
        const [ux, uy] = [dx / left, dy / left];
        out.push(ux, uy, isLifted ? 1 : 0);
        isLifted = false;
        x += ux * piece;
        y += uy * piece;
        [dx, dy] = [stroke[k] - x, stroke[k + 1] - y];
        left = Math.hypot(dx, dy);
      }
    }
    isLifted = out.length > 0;
  }
  return Float32Array.from(out);
}

/** Turned, stretched and trembling, as the same hand draws a second time. @param random in [0, 1) */
export function varied(strokes: readonly Stroke[], random: () => number): Stroke[] {
  const angle = (random() - 0.5) * 0.5;
  const [sx, sy] = [0.75 + 0.5 * random(), 0.75 + 0.5 * random()];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return strokes.map((stroke) => {
    const out: number[] = [];
    for (let k = 0; k + 1 < stroke.length; k += 2) {
      const [x, y] = [(stroke[k] - 0.5) * sx + (random() - 0.5) * 0.012, (stroke[k + 1] - 0.5) * sy + (random() - 0.5) * 0.012];
      out.push(0.5 + cos * x - sin * y, 0.5 + sin * x + cos * y);
    }
    return out;
  });
}

export interface PenExample {
  readonly label: number;
  readonly strokes: readonly Stroke[];
}

/** To begin with: three shapes, each as several people would draw it. */
export const firstLabels: readonly string[] = ['circle', 'triangle', 'zigzag'];

export function firstExamples(): PenExample[] {
  const round = (start: number, turn: number, aspect: number): Stroke =>
    Array.from({ length: 41 }, (_, k) => start + turn * ((k / 40) * 2 * Math.PI * 1.02)).flatMap((angle) => [
      0.5 + 0.3 * aspect * Math.cos(angle),
      0.5 + 0.3 * Math.sin(angle),
    ]);
  const through = (...corners: number[]): Stroke => {
    const out: number[] = [];
    for (let k = 0; k + 3 < corners.length; k += 2) {
      for (let s = 0; s <= 12; s++)
        out.push(corners[k] + ((corners[k + 2] - corners[k]) * s) / 12, corners[k + 1] + ((corners[k + 3] - corners[k + 1]) * s) / 12);
    }
    return out;
  };
  return [
    ...[round(-1.6, 1, 1), round(-1.5, -1, 1.05), round(0, -1, 0.9), round(3.1, 1, 1.1)].map((stroke) => ({ label: 0, strokes: [stroke] })),
    ...[
      through(0.5, 0.2, 0.2, 0.78, 0.8, 0.78, 0.5, 0.2),
      through(0.5, 0.2, 0.8, 0.78, 0.2, 0.78, 0.5, 0.2),
      through(0.2, 0.78, 0.5, 0.22, 0.8, 0.78, 0.2, 0.78),
      through(0.22, 0.75, 0.8, 0.76, 0.48, 0.2, 0.22, 0.75),
    ].map((stroke) => ({ label: 1, strokes: [stroke] })),
    ...[
      through(0.12, 0.35, 0.3, 0.65, 0.48, 0.35, 0.66, 0.65, 0.86, 0.35),
      through(0.12, 0.65, 0.3, 0.35, 0.48, 0.65, 0.66, 0.35, 0.86, 0.65),
      through(0.2, 0.2, 0.75, 0.22, 0.25, 0.75, 0.8, 0.78),
      through(0.1, 0.4, 0.25, 0.62, 0.4, 0.38, 0.55, 0.62, 0.7, 0.38, 0.85, 0.62),
    ].map((stroke) => ({ label: 2, strokes: [stroke] })),
  ];
}
