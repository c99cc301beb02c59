/** The fixtures can be made again, where PyTorch is: Debian's python3-torch. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const script = fileURLToPath(new URL('./make.py', import.meta.url));
/** Debian's own interpreter first: another python3 on the path does not see Debian's packages. */
const python = ['/usr/bin/python3', 'python3'].find(
  (candidate) => (!candidate.startsWith('/') || existsSync(candidate)) && spawnSync(candidate, ['-c', 'import torch, numpy']).status === 0,
);

test.skipIf(python === undefined)(
  'make.py gives what is recorded (skipped without python3-torch)',
  () => {
    const { status, stdout, stderr } = spawnSync(python!, [script, '--check'], { encoding: 'utf8' });
    expect(stderr.includes('Traceback') ? stderr : stdout).not.toContain('differs');
    expect(status, stdout + stderr).toBe(0);
  },
  300_000,
);
