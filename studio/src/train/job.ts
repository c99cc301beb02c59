/** Train's worker: one training at a time. */
import type { TrainingEvent } from 'unrolled';
import type { Job } from '../worker/job.ts';
import type { Lesson, Prepared } from './lesson.ts';

export const lessonNames = ['text', 'series', 'adding', 'pen'] as const;
export type LessonName = (typeof lessonNames)[number];

export type ToTrain =
  | { readonly kind: 'start'; readonly lesson: LessonName; readonly data: unknown }
  | { readonly kind: 'stop' }
  | { readonly kind: 'ask'; readonly id: number; readonly question: unknown }
  | { readonly kind: 'save'; readonly id: number };

export type FromTrain =
  | { readonly kind: 'ready'; readonly facts: Prepared['facts'] }
  | { readonly kind: 'events'; readonly events: readonly TrainingEvent[] }
  | { readonly kind: 'view'; readonly view: unknown }
  | { readonly kind: 'ended' }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'failed'; readonly message: string; readonly id?: number };

const lessons: Record<LessonName, () => Promise<{ readonly lesson: Lesson<never> }>> = {
  text: () => import('./lessons/text.ts'),
  series: () => import('./lessons/series.ts'),
  adding: () => import('./lessons/adding.ts'),
  pen: () => import('./lessons/pen.ts'),
};

/** Milliseconds between two looks at what the model makes of its task: it may cost some of them. */
const viewEvery = 600;
/** Events are told together. */
const tellEvery = 100;

export const job: Job = (post) => {
  let prepared: Prepared | null = null;
  let abort = new AbortController();
  const tell = (message: FromTrain, transfer?: Transferable[]): void => post(message, transfer);
  const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

  async function show(one: Prepared): Promise<void> {
    if (one.view !== undefined) tell({ kind: 'view', view: await one.view() });
  }

  async function start(lesson: LessonName, data: unknown): Promise<void> {
    abort.abort();
    abort = new AbortController();
    const { signal } = abort;
    const one = await (await lessons[lesson]()).lesson.prepare(data as never);
    if (signal.aborted) return;
    prepared = one;
    tell({ kind: 'ready', facts: one.facts });
    let events: TrainingEvent[] = [];
    let [told, shown] = [performance.now(), 0];
    const flush = (): void => {
      if (events.length > 0) tell({ kind: 'events', events });
      events = [];
      told = performance.now();
    };
    await show(one);
    for await (const event of one.run({ signal })) {
      events.push(event);
      const now = performance.now();
      if (now - told > tellEvery || event.type !== 'step') flush();
      if (now - shown > viewEvery && event.type === 'step') {
        flush();
        await show(one);
        shown = performance.now();
      }
    }
    flush();
    await show(one);
    tell({ kind: 'ended' });
  }

  return (data) => {
    const message = data as ToTrain;
    if (message.kind === 'start')
      start(message.lesson, message.data).catch((error: unknown) => tell({ kind: 'failed', message: messageOf(error) }));
    else if (message.kind === 'stop') abort.abort();
    else {
      const { id } = message;
      Promise.resolve()
        .then(() => {
          if (prepared === null) throw new Error('There is no model yet.');
          return message.kind === 'ask' ? prepared.ask?.(message.question) : { name: prepared.name, bytes: prepared.save() };
        })
        .then((answer) => tell({ kind: 'answer', id, answer }))
        .catch((error: unknown) => tell({ kind: 'failed', message: messageOf(error), id }));
    }
  };
};
