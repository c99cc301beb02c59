/** Every command on the way from a text to a model in use, and what it answers to a wrong request. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratch, tale, tiny, unrolled } from './program.ts';

const { path: folder, remove } = scratch();
afterAll(remove);

const book = join(folder, 'book.txt');
const [word, short, letter] = ['word.txt', 'short.txt', 'a.txt'].map((name) => join(folder, name));
const run = join(folder, 'run');
const model = join(run, 'model.safetensors');
let report: Record<string, unknown>;

beforeAll(async () => {
  writeFileSync(book, tale);
  writeFileSync(word, 'a'.repeat(100));
  writeFileSync(short, 'one two three four five six');
  writeFileSync(letter, 'a');
  const { code, stdout, stderr } = await unrolled(['train', 'language-model', book, ...tiny, '--max-steps', '60', '--out', run, '--json']);
  expect(stderr).not.toContain('error');
  expect(code).toBe(0);
  report = JSON.parse(stdout);
});

describe('train', () => {
  it('prints one JSON object with --json, and leaves a run folder', () => {
    expect(report).toMatchObject({ task: 'language-model', steps: 60, reason: 'steps' });
    expect((report.metrics as { natsPerToken: number }).natsPerToken).toBeLessThan(3);
    expect(existsSync(model)).toBe(true);
    const config = JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'));
    expect(config).toMatchObject({ task: 'language-model', steps: 60, options: { hiddenSize: 12 } });
    const events = readFileSync(join(run, 'events.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.filter(({ type }) => type === 'step')).toHaveLength(60);
    expect(events.at(-1)).toMatchObject({ type: 'done', reason: 'steps' });
  });

  it('writes plain lines, without escapes, where nobody watches', async () => {
    const { stdout, stderr } = await unrolled([
      'train',
      'language-model',
      book,
      ...tiny,
      '--max-steps',
      '5',
      '--out',
      join(folder, 'plain'),
    ]);
    expect(stdout).toBe('');
    expect(stderr).not.toContain('\x1b');
    expect(stderr).toMatch(/Model +LSTM of 12 units/);
    expect(stderr).toMatch(/step 5/);
    expect(stderr).toContain('predict');
  });

  it('takes options from a file, and flags over them', async () => {
    const config = join(folder, 'options.json');
    writeFileSync(config, JSON.stringify({ hiddenSize: 10, embeddingSize: 4, maxSteps: 2, cell: 'gru', sampleLength: 0 }));
    const out = join(folder, 'configured');
    const { code } = await unrolled(['train', 'language-model', book, '--config', config, '--hidden-size', '9', '--out', out]);
    expect(code).toBe(0);
    expect(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8')).options).toMatchObject({
      hiddenSize: 9,
      cell: 'gru',
      embeddingSize: 4,
    });
  });

  it('runs on the backend that is asked for', async () => {
    const args = [
      'train',
      'language-model',
      book,
      ...tiny,
      '--max-steps',
      '2',
      '--json',
      '--backend',
      'wasm',
      '--out',
      join(folder, 'wasm'),
    ];
    const { stdout, stderr } = await unrolled(args);
    expect(JSON.parse(stdout)).toMatchObject({ backend: 'wasm' });
    expect(stderr).toMatch(/Backend +wasm/);
  });
});

describe('evaluate', () => {
  it('prints the metrics', async () => {
    const { code, stdout } = await unrolled(['evaluate', model, book, '--json']);
    expect(code).toBe(0);
    const { metrics, ...rest } = JSON.parse(stdout);
    expect(rest).toMatchObject({ task: 'language-model', model, samples: tale.length });
    expect(Object.keys(metrics)).toEqual(['natsPerToken', 'bitsPerCharacter', 'perplexity']);
    expect(metrics.perplexity).toBeCloseTo(Math.exp(metrics.natsPerToken), 6);
    expect((await unrolled(['evaluate', model, book])).stdout).toMatch(/natsPerToken +[0-9.]+\n/);
  });
});

describe('predict', () => {
  it('writes the same for the same seed, as text and as JSON', async () => {
    const args = ['predict', model, 'the ', '--length', '40', '--seed', '5', '--top-k', '5', '--temperature', '0.9'];
    const { code, stdout } = await unrolled(args);
    expect(code).toBe(0);
    expect(stdout).toHaveLength(41);
    expect(`${JSON.parse((await unrolled([...args, '--json'])).stdout).output}\n`).toBe(stdout);
  });
});

describe('inspect and doctor', () => {
  it('show what there is', async () => {
    const shown = await unrolled(['inspect', model]);
    expect(shown.stdout).toMatch(/rnn\.weight_hh_l0 +48 × 12 +576/);
    const { tensors, parameters } = JSON.parse((await unrolled(['inspect', model, '--json'])).stdout);
    expect(parameters).toBe(tensors.reduce((sum: number, { parameters }: { parameters: number }) => sum + parameters, 0));
    const doctor = JSON.parse((await unrolled(['doctor', '--json'])).stdout);
    expect(doctor.backends.map(({ name }: { name: string }) => name)).toEqual(['native', 'wasm', 'reference']);
    expect((await unrolled(['doctor'], { env: { UNROLLED_BACKEND: 'wasm' } })).stdout).toMatch(/● wasm.*in use/);
  });

  it.each([[[]], [[book]], [['--train', book]]])('npm start is a training, of texts named in either way: %j', (named) => {
    const script = join(import.meta.dirname, '../../scripts/start.mjs');
    const { status, stdout } = spawnSync(process.execPath, [script, ...named, '--help'], { encoding: 'utf8' });
    expect(stdout).toMatch(/^Usage: unrolled train language-model/);
    expect(status).toBe(0);
  });

  it('help names a command, or a task', async () => {
    for (const command of ['train', 'train language-model']) {
      const { code, stdout } = await unrolled(['help', ...command.split(' ')]);
      expect(code).toBe(0);
      expect(stdout).toBe((await unrolled([...command.split(' '), '--help'])).stdout);
    }
  });

  it('every command has help with an example', async () => {
    for (const command of ['train', 'train language-model', 'evaluate', 'predict', 'inspect', 'doctor', 'bench']) {
      const { code, stdout } = await unrolled([...command.split(' '), '--help']);
      expect(code).toBe(0);
      expect(stdout).toMatch(/Examples?:\n? +\$? ?unrolled /);
    }
  });
});

describe('a wrong request ends with code 2 and says what was meant', () => {
  const train = ['train', 'language-model'];
  it.each([
    ['an unknown command', ['trian'], /unknown command 'trian'\n\(Did you mean train\?\)/],
    ['help for an unknown command', ['help', 'trian'], /unknown command "trian"; did you mean "train"\?/],
    ['help for an unknown task', ['help', 'train', 'langage-model'], /unknown command "langage-model"; did you mean "language-model"\?/],
    ['too many threads', [...train, 'x', '--threads', '100000'], /expected a whole number in 1…1024, received "100000"/],
    ['a text of one word', [...train, word, '--level', 'word'], /word\.txt: 1 word is too few to learn from/],
    [
      'no text left to validate on',
      [...train, short, '--level', 'word', '--out', join(folder, 'a')],
      /short\.txt: 0 words are too few to validate on/,
    ],
    [
      'a validation text of one character',
      [...train, book, '--valid', letter, '--out', join(folder, 'b')],
      /a\.txt: 1 character is too few to validate/,
    ],
    ['room for no word', [...train, book, '--level', 'word', '--vocabulary-size', '2'], /needs a vocabularySize above 2.*received 2/],
    ['two prompts', ['predict', model, 'one', '--prompt', 'two'], /received --prompt and an input/],
    ['a text too short to measure on', ['evaluate', model, letter], /expected a text of two tokens or more to evaluate on, received 1/],
    ['an unknown task', ['train', 'language-modle', 'x'], /unknown task "language-modle"; did you mean "language-model"\?/],
    ['an unknown option', [...train, 'x', '--hiden-size', '3'], /unknown option '--hiden-size'\n\(Did you mean --hidden-size\?\)/],
    ['an option out of range', [...train, 'x', '--hidden-size', '0'], /--hidden-size: expected at least 1, received 0\./],
    ['a fraction out of range', [...train, 'x', '--dropout', '1'], /--dropout: expected less than 1, received 1\./],
    ['an option that is no number', [...train, 'x', '--epochs', 'ten'], /expected a number, received "ten"/],
    ['an unknown name', [...train, 'x', '--cell', 'lsmt'], /--cell: unknown name "lsmt"; did you mean "lstm"\? Known: rnn, lstm, gru\./],
    ['an unknown backend', [...train, 'x', '--backend', 'cuda'], /unknown backend "cuda".*Known: native, wasm, reference/],
    ['no text', [...train], /expected at least one training file, received none/],
    ['a missing text', [...train, '/no/such.txt'], /\/no\/such\.txt: there is no such file/],
    ['a folder as a text', [...train, folder], /this is a folder/],
    ['a training that is there already', [...train, book, '--out', run], /already holds a training. Go on with it: --resume/],
    ['nothing to resume', [...train, '--resume', '--out', join(folder, 'none')], /no training to resume/],
    ['other options on resuming', [...train, '--resume', '--out', run, '--hidden-size', '3'], /received --hidden-size as well/],
    ['a missing model', ['predict', join(folder, 'none.safetensors')], /no such file/],
    ['a text as a model', ['inspect', book], /book\.txt.*safetensors/],
    ['sampling out of range', ['predict', model, '--top-p', '2'], /--top-p: expected at most 1, received 2\./],
  ])('%s', async (_, args, message) => {
    const { code, stderr, stdout } = await unrolled(args);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n {4}at /);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it.each([
    ['FileError', '/no/such.txt', ['/no/such.txt']],
    ['ConfigError', "unknown option '--hiden-size'", [book, '--hiden-size', '3']],
    ['ConfigError', 'expected a number, received "ten"', [book, '--epochs', 'ten']],
  ])('errors are JSON too with --json: %s, %s', async (name, message, args) => {
    const { code, stdout } = await unrolled([...train, ...args, '--json']);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { name, message: expect.stringContaining(message) } });
  });
});
