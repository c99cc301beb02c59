/** What goes wrong while the program works: each time a clear sentence, the right exit code, and nothing lost or half-written. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/tensor/random.ts';
import { type Outcome, outcome, program, scratch, start, tale, tiny, unrolled } from './program.ts';

const { path: folder, remove } = scratch();
afterAll(remove);

const book = join(folder, 'book.txt');
const run = join(folder, 'run');
const model = join(run, 'model.safetensors');

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

function expectClear({ code, stderr }: { code: number | null; stderr: string }, expectedCode: number, message: RegExp): void {
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/\n {4}at /);
  expect(code).toBe(expectedCode);
}

const train = (...args: string[]) => unrolled(['train', 'language-model', ...tiny, '--max-steps', '30', ...args]);

beforeAll(async () => {
  writeFileSync(book, tale);
  expect((await train(book, '--out', run)).code).toBe(0);
});

describe('a text', () => {
  it.each([
    ['that is empty', '', /text: this text is empty/],
    ['of one character', 'a', /too short to learn from/],
    ['that is binary', Uint8Array.from([80, 75, 3, 4, 0, 0, 8]), /line 1, byte 4: a NUL byte: this is a binary file/],
    ['that is not UTF-8', Uint8Array.from([0x61, 0x0a, 0x63, 0xe9, 0x0a]), /line 2, byte 3: byte 0xE9 is not valid UTF-8 here/],
  ])('%s is refused before anything is written', async (name, content, message) => {
    const out = join(folder, `refused ${name}`);
    expectClear(await train(file('text', content), '--out', out), 2, message);
    expect(() => readdirSync(out)).toThrow('ENOENT');
  });

  it('that has vanished when the training is resumed is missed by name', async () => {
    const text = file('vanishing.txt', tale);
    const out = join(folder, 'vanished');
    expect((await train(text, '--out', out)).code).toBe(0);
    rmSync(text);
    expectClear(await unrolled(['train', 'language-model', '--resume', '--out', out]), 2, /vanishing\.txt: there is no such file/);
  });
});

describe('a model file', () => {
  it.each([
    ['that is cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length - 100), /damaged.*safetensors.*(cut off|expected)/],
    [
      'with one bit flipped',
      (bytes: Buffer) => flip(bytes, bytes.length - 1),
      /does not match its checksum: the file was damaged or changed/,
    ],
    ['whose header lies about its length', (bytes: Buffer) => flip(bytes, 6), /header/],
    ['of a newer version', (bytes: Buffer) => newer(bytes), /made by a newer Unrolled: its format is 9.*npm install unrolled@latest/],
  ])('%s is refused', async (_, change, message) => {
    const damaged = file('damaged.safetensors', change(readFileSync(model)));
    for (const command of ['predict', 'inspect', 'evaluate']) {
      expectClear(await unrolled([command, damaged, ...(command === 'evaluate' ? [book] : [])]), 2, message);
    }
  });
});

function flip(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] ^= 1;
  return copy;
}

function newer(bytes: Buffer): Buffer {
  const length = Number(bytes.readBigUInt64LE(0));
  const header = bytes.toString('utf8', 8, 8 + length).replace('\\"version\\":1', '\\"version\\":9');
  return Buffer.concat([bytes.subarray(0, 8), Buffer.from(header), bytes.subarray(8 + length)]);
}

describe('memory', () => {
  it('that would not do is missed in a sentence', async () => {
    const out = join(folder, 'huge');
    const { code, stderr } = await unrolled([
      'train',
      'language-model',
      book,
      '--hidden-size',
      '65536',
      '--layers',
      '4',
      '--max-steps',
      '1',
      '--out',
      out,
    ]);
    expectClear({ code, stderr }, 1, /memory/);
  });
});

const isRoot = process.getuid?.() === 0 && process.platform === 'linux';

describe('a full disk', () => {
  it.skipIf(!isRoot)('(needs root, to mount a small one) stops the training, and what was saved stays whole', async () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]).status).toBe(0);
    try {
      const out = join(disk, 'run');
      const args = [
        'train',
        'language-model',
        book,
        ...tiny,
        '--hidden-size',
        '48',
        '--max-steps',
        '400',
        '--checkpoint-every',
        '5',
        '--out',
        out,
      ];
      expectClear(await unrolled(args), 1, /the disk is full. Nothing was lost/);
      const names = readdirSync(join(out, 'checkpoints'));
      expect(names.filter((name) => !/^step-\d+\.safetensors$/.test(name))).toEqual([]);
    } finally {
      spawnSync('umount', [disk]);
    }
  });
});

describe('a run that was changed by hand', () => {
  it.each([
    ['without texts', { texts: 3 }, /config\.json: texts: expected Object, received 3\. It was changed/],
    ['of no steps', { steps: 'all' }, /config\.json: steps: expected number, received "all"/],
    ['with an option out of range', { options: { hiddenSize: -3 } }, /hiddenSize: expected at least 1, received -3/],
  ])('%s is not taken up', async (name, change, message) => {
    const out = join(folder, `changed ${name}`);
    mkdirSync(out);
    const config = JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'));
    writeFileSync(join(out, 'config.json'), JSON.stringify({ ...config, ...change }));
    expectClear(await unrolled(['train', 'language-model', '--out', out, '--resume']), 2, message);
  });
});

describe('an output that does not take what is written', () => {
  const shell = (command: string, ...args: string[]) =>
    spawnSync('sh', ['-c', command, 'sh', process.execPath, ...program, ...args], { encoding: 'utf8' });

  it.skipIf(!existsSync('/dev/full'))('(needs /dev/full) is told of in a sentence', () => {
    const { status, stderr } = shell('"$@" > /dev/full', 'predict', model, '--length', '20');
    expectClear({ code: status, stderr }, 1, /standard output: the disk is full/);
  });

  it('ends the words about a training, not the training', async () => {
    const out = join(folder, 'unseen');
    const child = start(['train', 'language-model', book, ...tiny, '--max-steps', '30', '--out', out]);
    child.stderr!.destroy();
    expect((await new Promise((done) => child.on('exit', done))) as number).toBe(0);
    expect(readdirSync(out)).toContain('model.safetensors');
  });

  it.skipIf(spawnSync('script', ['--version']).status !== 0)('(needs script) is a terminal that was given no size', () => {
    const out = join(folder, 'no size');
    const args = ['train', 'language-model', book, ...tiny, '--max-steps', '30', '--out', out];
    const command = [process.execPath, ...program, ...args].map((word) => `'${word}'`).join(' ');
    const { status, stdout } = spawnSync('script', ['-qec', `stty cols 0 && ${command}`, '/dev/null'], { encoding: 'utf8' });
    expect(stdout).toContain('on held-out text');
    expect(status).toBe(0);
  });
});

describe('an interruption', () => {
  const long = ['--max-steps', '120', '--evaluate-every', '40', '--checkpoint-every', '20', '--dropout', '0.2', '--average-decay', '0.9'];
  const training = (out: string): readonly string[] => ['train', 'language-model', book, ...tiny, ...long, '--out', out];
  let whole: string;
  /** Milliseconds from a run's folder to its end. */
  let duration: number;

  beforeAll(async () => {
    const out = join(folder, 'whole');
    const end = outcome(start(training(out)));
    await started(out);
    const since = performance.now();
    expect((await end).code).toBe(0);
    duration = performance.now() - since;
    whole = sha256(join(out, 'model.safetensors'));
  });

  it('by Ctrl-C saves a checkpoint and says how to go on; going on gives the weights of an uninterrupted training', async () => {
    const out = join(folder, 'interrupted');
    let end: Outcome;
    // Where this process was slow to send the signal, the training had ended before: once more then.
    for (let attempt = 0; ; attempt++) {
      const child = start(training(out));
      const ended = outcome(child);
      await firstCheckpoint(out);
      child.kill('SIGINT');
      end = await ended;
      if (end.code !== 0 || attempt === 20) break;
      rmSync(out, { recursive: true });
    }
    expect(end.code).toBe(1);
    const command = /unrolled (train language-model --out \S+ --resume)/.exec(end.stderr);
    expect(command).not.toBeNull();
    expect((await unrolled(command![1].split(' '))).code).toBe(0);
    expect(sha256(join(out, 'model.safetensors'))).toBe(whole);
  });

  it('by kill -9, twenty times at any moment, loses nothing: resumed, each ends in the same weights', async () => {
    const rng = new Random(1);
    for (let killed = 0, round = 0; killed < 20; round++) {
      const out = join(folder, `killed-${round}`);
      const child = start(training(out));
      const end = outcome(child);
      await started(out);
      await new Promise((resolve) => setTimeout(resolve, rng.uniform() * duration));
      child.kill('SIGKILL');
      if ((await end).code === null) killed++; // else it had ended before
      expect((await unrolled(['train', 'language-model', '--resume', '--out', out])).code).toBe(0);
      expect(sha256(join(out, 'model.safetensors'))).toBe(whole);
      rmSync(out, { recursive: true });
    }
  }, 1_200_000);
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

function contains(path: string, wanted: (name: string) => boolean): boolean {
  try {
    return readdirSync(path).some(wanted);
  } catch {
    return false;
  }
}

const started = (out: string): Promise<void> => until(() => contains(out, (name) => name === 'config.json'));
const firstCheckpoint = (out: string): Promise<void> =>
  until(() => contains(join(out, 'checkpoints'), (name) => name.endsWith('.safetensors')));
