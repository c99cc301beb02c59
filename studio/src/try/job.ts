/** Try's worker: one model at a time. */
import { parseModel } from 'unrolled';
import type { Job } from '../worker/job.ts';
import type { OpenModel, TryTask } from './contract.ts';

export type ToTry =
  | { readonly kind: 'open'; readonly id: number; readonly name: string; readonly bytes: Uint8Array }
  | { readonly kind: 'ask'; readonly id: number; readonly question: unknown };

export type FromTry =
  | { readonly kind: 'opened'; readonly id: number; readonly task: string; readonly about: unknown; readonly facts: OpenModel['facts'] }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'failed'; readonly id?: number; readonly message: string };

const tasks = import.meta.glob<{ readonly task: TryTask }>('./tasks/*.ts');

export const job: Job = (post) => {
  let model: OpenModel | null = null;

  async function open({ id, name, bytes }: Extract<ToTry, { kind: 'open' }>): Promise<FromTry> {
    model = null;
    const file = parseModel(bytes, undefined, name);
    const load = tasks[`./tasks/${file.config.task}.ts`];
    if (load === undefined) {
      const known = Object.keys(tasks).map((path) => path.slice('./tasks/'.length, -'.ts'.length));
      throw new Error(
        `${name} is a model of the task “${file.config.task}”, which this page cannot try. It knows ${known.join(', ')}. The command line may: npx unrolled predict ${name}`,
      );
    }
    model = await (await load()).task.open(file, bytes);
    return { kind: 'opened', id, task: file.config.task, about: model.about, facts: model.facts };
  }

  async function ask({ id, question }: Extract<ToTry, { kind: 'ask' }>): Promise<FromTry> {
    if (model === null) throw new Error('There is no model open.');
    return { kind: 'answer', id, answer: await model.ask(question as never) };
  }

  /** One after another: a question waits for the model that is being opened. */
  let last: Promise<void> = Promise.resolve();
  return (data) => {
    const message = data as ToTry;
    last = last
      .then(() => (message.kind === 'open' ? open(message) : ask(message)))
      .then(post)
      .catch((error: unknown) =>
        post({ kind: 'failed', id: message.id, message: error instanceof Error ? error.message : String(error) } satisfies FromTry),
      );
  };
};
