/**
 * Karpathy's tiny Shakespeare, character by character: the program as a user runs it, on the first 90 % of the text, then
 * evaluated on the last 10 %. The options are in tiny-shakespeare.json.
 *
 *   npm run build && npx tsx bench/quality/tiny-shakespeare.ts --data FOLDER [--minutes 28]
 *
 * FOLDER holds tinyshakespeare.txt (github.com/karpathy/char-rnn, data/tinyshakespeare/input.txt).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { circumstances, keepResult } from '../circumstances.ts';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    minutes: { type: 'string', default: '28' },
    folder: { type: 'string', default: 'runs/tiny-shakespeare' },
    config: { type: 'string', default: fileURLToPath(new URL('./tiny-shakespeare.json', import.meta.url)) },
  },
});
const source = options.data === undefined ? undefined : join(options.data, 'tinyshakespeare.txt');
if (source === undefined || !existsSync(source)) {
  console.error(`expected --data with a folder that holds tinyshakespeare.txt, received ${options.data ?? 'none'}.`);
  process.exit(2);
}
const { folder } = options;
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const text = readFileSync(source, 'utf8');
const cut = Math.floor(text.length * 0.9);
const part = (name: string, content: string): string => {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
};
const train = part('train.txt', text.slice(0, cut));
const valid = part('valid.txt', text.slice(cut));

const start = performance.now();
const run = join(folder, 'run');
unrolled('train', 'language-model', train, '--valid', valid, '--out', run, '--config', options.config, '--max-minutes', options.minutes);
const minutes = (performance.now() - start) / 60_000;
const report = JSON.parse(unrolled('evaluate', join(run, 'model.safetensors'), valid, '--json')) as {
  metrics: Record<string, number>;
  backend: string;
};
const nats = report.metrics.natsPerToken;
console.log(`${nats.toFixed(4)} nats a character on the last 10 % after ${minutes.toFixed(1)} minutes`);
const events = readFileSync(join(run, 'events.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Record<string, unknown>);
keepResult('tiny-shakespeare', {
  ...circumstances(`npx tsx bench/quality/tiny-shakespeare.ts --data FOLDER --minutes ${options.minutes}`),
  description: JSON.parse(unrolled('doctor', '--json')).backends.find(({ isChosen }: { isChosen: boolean }) => isChosen).description,
  config: JSON.parse(readFileSync(options.config, 'utf8')),
  characters: { train: cut, valid: text.length - cut },
  minutes,
  report,
  validations: events.filter(({ type }) => type === 'validation'),
  done: events.find(({ type }) => type === 'done'),
});

/** Runs the built program to its end; what it prints on stdout. */
function unrolled(...args: string[]): string {
  const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
  const { stdout, status } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (status !== 0) throw new Error(`unrolled ${args.join(' ')} ended with ${status}`);
  return stdout;
}
