import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as browser from './files-browser.ts';
import { listFolder, openFile, openLog, readBytes, removeFile, writeAtomically } from './files-node.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unrolled-files-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const isRoot = process.getuid?.() === 0;
const canMount = isRoot && process.platform === 'linux' && mountWorks();

function mountWorks(): boolean {
  const place = mkdtempSync(join(tmpdir(), 'unrolled-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', place], { stdio: 'ignore' });
    execFileSync('umount', [place]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

describe('writeAtomically', () => {
  it('makes folders, replaces files and leaves nothing else', async () => {
    const path = join(folder, 'a', 'b.bin');
    await writeAtomically(path, Uint8Array.of(1, 2, 3));
    await writeAtomically(path, 'text');
    expect(readFileSync(path, 'utf8')).toBe('text');
    expect(readdirSync(join(folder, 'a'))).toEqual(['b.bin']);
  });

  it('says so when a part of the path is a file, and when the target is a folder', async () => {
    writeFileSync(join(folder, 'file'), '');
    mkdirSync(join(folder, 'taken'));
    await expect(writeAtomically(join(folder, 'file', 'x'), 'y')).rejects.toThrow(/a part of this path is a file|could not write/);
    await expect(writeAtomically(join(folder, 'taken'), 'y')).rejects.toThrow('this is a folder, where a file was expected');
    expect(readdirSync(folder).sort()).toEqual(['file', 'taken']);
  });

  it.skipIf(process.platform !== 'linux')('gives up where no folder can be made [needs /proc]', async () => {
    await expect(writeAtomically('/proc/unrolled/run/x', 'y')).rejects.toThrow('there is no folder for this, and none can be made');
  });

  it.skipIf(process.platform === 'win32')('gives up where the working directory has been removed [not on Windows, which keeps it]', () => {
    const program = `import { writeAtomically } from ${JSON.stringify(new URL('./files-node.ts', import.meta.url).href)};
      import { rmdirSync } from 'node:fs';
      rmdirSync(process.cwd());
      await writeAtomically('runs/book/config.json', '{}').catch(({ message }) => console.log(message));`;
    const gone = join(folder, 'gone');
    mkdirSync(gone);
    const options = ['--conditions=unrolled-source', '--import', import.meta.resolve('tsx'), '--input-type=module', '-e', program];
    const printed = execFileSync(process.execPath, options, { cwd: gone, encoding: 'utf8', timeout: 20_000 });
    expect(printed).toContain('there is no folder for this, and none can be made');
  });

  it.skipIf(!canMount)(
    'on a full disk keeps the old file, leaves nothing half-written, and says what to do [needs root and mount]',
    async () => {
      const disk = join(folder, 'disk');
      mkdirSync(disk);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
      try {
        const path = join(disk, 'model.safetensors');
        await writeAtomically(path, 'old');
        const error = await writeAtomically(path, new Uint8Array(200_000)).catch((caught: unknown) => caught);
        expect(error).toMatchObject({
          name: 'FileError',
          code: 'ENOSPC',
          file: path,
          message: `${path}: the disk is full. Nothing was lost: make room, then try again.`,
        });
        expect(readFileSync(path, 'utf8')).toBe('old');
        expect(readdirSync(disk)).toEqual(['model.safetensors']);
        const log = openLog(join(disk, 'events.jsonl'), 0);
        expect(() => log.append('x'.repeat(200_000))).toThrow('the disk is full');
        log.close();
      } finally {
        execFileSync('umount', [disk]);
      }
    },
  );

  it.skipIf(isRoot)('says so when it may not write there [root may everywhere]', async () => {
    chmodSync(folder, 0o500);
    await expect(writeAtomically(join(folder, 'x'), 'y')).rejects.toThrow('not allowed to write this. Check its permissions');
    chmodSync(folder, 0o700);
  });
});

it('reads in ranges, and notices a file that became shorter', async () => {
  const path = join(folder, 'x');
  writeFileSync(
    path,
    Uint8Array.from({ length: 100 }, (_, i) => i),
  );
  const file = await openFile(path);
  expect(file.size).toBe(100);
  expect(await file.read(40, 3)).toEqual(Uint8Array.of(40, 41, 42));
  truncateSync(path, 50);
  await expect(file.read(45, 10)).rejects.toThrow(/x, byte 45: expected 10 bytes here, received 5: the file became shorter/);
  await file.close();
  await expect(openFile(join(folder, 'none'))).rejects.toThrow('there is no such file');
  if (process.platform !== 'win32') await expect(openFile('/dev/null')).rejects.toThrow('a pipe or a device, which can be read only once');
  await expect(readBytes(folder)).rejects.toThrow('this is a folder');
});

it('a log goes on where it is told to', () => {
  const path = join(folder, 'events.jsonl');
  const log = openLog(path, 0);
  log.append('één\n');
  const { size } = log;
  log.append('two\n');
  log.sync();
  log.close();
  const again = openLog(path, size);
  again.append('three\n');
  again.close();
  expect(size).toBe(6);
  expect(readFileSync(path, 'utf8')).toBe('één\nthree\n');
  // Further than there is: a log that was lost with the machine's power.
  const short = openLog(path, 1000);
  expect(short.size).toBe(12);
  short.close();
});

it('lists and removes what is there, and what is not', async () => {
  writeFileSync(join(folder, 'b'), '');
  writeFileSync(join(folder, 'a'), '');
  expect(await listFolder(folder)).toEqual(['a', 'b']);
  expect(await listFolder(join(folder, 'none'))).toEqual([]);
  await removeFile(join(folder, 'a'));
  await removeFile(join(folder, 'a'));
  expect(await listFolder(folder)).toEqual(['b']);
});

it('where there are no files each function says so', async () => {
  await expect(browser.readBytes('m')).rejects.toThrow('m: there are no files here. Use bytes: formatModel() and parseModel()');
  expect(() => browser.openLog('m', 0)).toThrow('there are no files here');
});
