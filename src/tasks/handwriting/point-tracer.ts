/** Ink as resampled points: where the pen goes, how it turns, when it was lifted. */
import type { FeatureRow, Tracer } from './tracer.ts';

export const pointFeatures = ['delta', 'pen', 'direction', 'curvature', 'position', 'time', 'force'] as const;

/** What of a point becomes features. */
export type PointFeature = (typeof pointFeatures)[number];

/** How points are resampled, and what of them is told. */
export interface PointTracerOptions {
  /** Equidistant along the line, equidistant in time, or as they come. */
  readonly resample: 'space' | 'time' | 'none';
  /** Between points: in line heights for space, in seconds for time. */
  readonly spacing: number;
  readonly features: readonly PointFeature[];
}

const columnsOf: Readonly<Record<PointFeature, readonly string[]>> = {
  delta: ['dx', 'dy'],
  pen: ['pen'],
  direction: ['cos', 'sin'],
  curvature: ['cosTurn', 'sinTurn'],
  position: ['y'],
  time: ['dt'],
  force: ['force'],
};

interface At {
  readonly x: number;
  readonly y: number;
  readonly t: number;
  readonly force: number;
}

/**
 * A row a point:
 *
 *   delta      Δx, Δy from the point before, also across a lift of the pen; line heights
 *   pen        1 where the pen was lifted before the point, and at the end of the ink; else 0
 *   direction  cos and sin of the line's angle; 0, 0 at the beginning of a stroke
 *   curvature  cos and sin of the change of that angle; 1, 0 at the beginning of a stroke
 *   position   y, in line heights
 *   time       Δt from the point before, ln(1 + seconds)
 *   force      of the tip, as it comes
 */
export class PointTracer implements Tracer {
  readonly columns: readonly string[];
  readonly #options: PointTracerOptions;
  #rows: FeatureRow[] = [];
  #stroke = -1;
  #index = -1;
  /** The last point that came, and the last that was emitted; of the emitted one also its angle, in its stroke. */
  #raw: At | null = null;
  #last: At | null = null;
  #angle: number | null = null;
  #isDown = false;
  #isFirst = true;
  /** Along the stroke since the last emitted point: length, or seconds. */
  #travelled = 0;

  constructor(options: PointTracerOptions) {
    this.#options = options;
    this.columns = options.features.flatMap((feature) => columnsOf[feature]);
  }

  point(x: number, y: number, t: number, force: number): FeatureRow[] {
    const now = { x, y, t, force };
    if (!this.#isDown) {
      this.#isDown = true;
      this.#isFirst = true;
      this.#stroke++;
      this.#index = 0;
      this.#travelled = 0;
      this.#emit(now);
    } else {
      this.#index++;
      this.#follow(this.#raw!, now);
    }
    this.#raw = now;
    return this.#taken();
  }

  penUp(): FeatureRow[] {
    // What is left of the stroke, unless it is hardly anything.
    if (this.#isDown && this.#travelled > this.#options.spacing / 2) this.#emit(this.#raw!);
    this.#isDown = false;
    return this.#taken();
  }

  end(): FeatureRow[] {
    this.penUp();
    if (this.#last !== null) this.#push(this.#last, { dx: 0, dy: 0, dt: 0, isLifted: true, angle: null, turn: 0 });
    const rows = this.#taken();
    this.#stroke = -1;
    this.#raw = null;
    this.#last = null;
    this.#angle = null;
    return rows;
  }

  /** Emits points between two that came: at every multiple of the spacing. */
  #follow(from: At, to: At): void {
    const { resample, spacing } = this.#options;
    if (resample === 'none') {
      if (to.x !== from.x || to.y !== from.y) this.#emit(to);
      return;
    }
    const length = resample === 'space' ? Math.hypot(to.x - from.x, to.y - from.y) : to.t - from.t;
    if (!(length > 0)) return;
    let at = spacing - this.#travelled;
    for (; at <= length; at += spacing) {
      const share = at / length;
      this.#emit({
        x: from.x + share * (to.x - from.x),
        y: from.y + share * (to.y - from.y),
        t: from.t + share * (to.t - from.t),
        force: from.force + share * (to.force - from.force),
      });
    }
    this.#travelled = length - (at - spacing);
  }

  #emit(now: At): void {
    const before = this.#last ?? now;
    const [dx, dy] = [now.x - before.x, now.y - before.y];
    const isMove = !this.#isFirst && (dx !== 0 || dy !== 0);
    const angle = isMove ? Math.atan2(dy, dx) : this.#isFirst ? null : this.#angle;
    const turn = angle === null || this.#angle === null || this.#isFirst ? 0 : angle - this.#angle;
    this.#push(now, { dx, dy, dt: now.t - before.t, isLifted: this.#isFirst, angle, turn });
    this.#last = now;
    this.#angle = angle;
    this.#isFirst = false;
    this.#travelled = 0;
  }

  #push(
    { y, force }: At,
    step: {
      readonly dx: number;
      readonly dy: number;
      readonly dt: number;
      readonly isLifted: boolean;
      readonly angle: number | null;
      readonly turn: number;
    },
  ): void {
    const { dx, dy, dt, isLifted, angle, turn } = step;
    const values = this.#options.features.flatMap((feature): number[] => {
      switch (feature) {
        case 'delta':
          return [dx, dy];
        case 'pen':
          return [isLifted ? 1 : 0];
        case 'direction':
          return angle === null ? [0, 0] : [Math.cos(angle), Math.sin(angle)];
        case 'curvature':
          return [Math.cos(turn), Math.sin(turn)];
        case 'position':
          return [y];
        case 'time':
          return [Math.log1p(Math.max(0, dt))];
        case 'force':
          return [force];
        default:
          throw new Error(`unreachable: ${feature satisfies never}`);
      }
    });
    this.#rows.push({ values, stroke: this.#stroke, point: this.#index });
  }

  #taken(): FeatureRow[] {
    const rows = this.#rows;
    this.#rows = [];
    return rows;
  }
}
