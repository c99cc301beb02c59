/** Explore's worker: holds the networks, trains them between frames, and shows them as often as the page can draw. */
import type { Job } from '../worker/job.ts';
import { Engine, type Frame } from './engine.ts';
import type { Settings } from './settings.ts';

export type ToExplore =
  /** New networks. */
  | { readonly kind: 'build'; readonly settings: Settings; readonly lossStep: number; readonly generation: number }
  /** The same networks, another learning rate. */
  | { readonly kind: 'tune'; readonly settings: Settings }
  | { readonly kind: 'look'; readonly lossStep: number }
  | { readonly kind: 'train'; readonly isOn: boolean }
  /** The page has drawn a frame and can take the next. */
  | { readonly kind: 'drawn' };

export type FromExplore =
  | { readonly kind: 'frame'; readonly frame: Frame; readonly generation: number; readonly isTraining: boolean }
  | { readonly kind: 'failed'; readonly message: string };

/** Milliseconds of training between two frames: with what a look costs, some 60 frames a second. */
const slice = 9;

export const job: Job = (post) => {
  let engine: Engine | null = null;
  let generation = 0;
  let lossStep = 0;
  let isTraining = false;
  let isLooking = false;
  let isStale = false;
  let isWaiting = false;
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => void trainOn();

  const fail = (error: unknown): void => post({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });

  /** One look at a time; another one is due when something changed meanwhile. */
  async function show(): Promise<void> {
    isStale = true;
    if (isLooking || isWaiting) return;
    isLooking = true;
    try {
      while (isStale && engine !== null && !isWaiting) {
        isStale = false;
        const shown = generation;
        const frame = await engine.look(lossStep);
        if (shown !== generation) continue;
        isWaiting = true;
        const buffers = frame.cells.flatMap(({ values, gradient }) => [...Object.values(values), gradient].map(({ buffer }) => buffer));
        post({ kind: 'frame', frame, generation, isTraining } satisfies FromExplore, buffers as ArrayBuffer[]);
      }
    } catch (error) {
      fail(error);
    } finally {
      isLooking = false;
    }
  }

  async function trainOn(): Promise<void> {
    if (!isTraining || engine === null) return;
    try {
      const end = performance.now() + slice;
      let learns = true;
      do learns = engine.train();
      while (learns && performance.now() < end);
      if (!learns) isTraining = false;
    } catch (error) {
      isTraining = false;
      fail(error);
    }
    if (!isWaiting || !isTraining) await show();
    if (isTraining) port2.postMessage(null);
  }

  return (data) => {
    const message = data as ToExplore;
    try {
      if (message.kind === 'build') {
        ({ generation, lossStep } = message);
        engine = new Engine(message.settings);
        isTraining = false;
        isWaiting = false;
        void show();
      } else if (message.kind === 'tune') {
        engine?.tune(message.settings);
      } else if (message.kind === 'look') {
        lossStep = message.lossStep;
        void show();
      } else if (message.kind === 'train') {
        const begins = message.isOn && !isTraining;
        isTraining = message.isOn;
        if (begins) port2.postMessage(null);
        else void show();
      } else {
        isWaiting = false;
        if (isStale) void show();
      }
    } catch (error) {
      fail(error);
    }
  };
};
