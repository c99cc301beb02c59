/**
 * `npm test`: installs and builds what is missing, then runs every check there is, one after another, and ends with a
 * line `N passed, N failed, N skipped`. `npm test -- unit docs` runs only the stages named.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuilt, ensureChromium, ensureInstalled, root } from './ensure.mjs';

const results = mkdtempSync(join(tmpdir(), 'unrolled-test-'));

/** A command that passes or fails as one. */
const command =
  (program, ...args) =>
  async () => {
    const status = await run(program, args);
    return { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: [] };
  };

/** A vitest configuration, counted test by test; each skip's reason is its name. */
const vitest =
  (config, environment = {}) =>
  async () => {
    const file = join(results, `${config}.json`);
    const status = await run(
      'npx',
      ['vitest', 'run', '--config', config, '--reporter=default', '--reporter=json', `--outputFile=${file}`],
      environment,
    );
    let report;
    try {
      report = JSON.parse(readFileSync(file, 'utf8'));
    } catch {
      return { passed: 0, failed: 1, skipped: [] };
    }
    const skipped = report.testResults.flatMap(({ assertionResults }) =>
      assertionResults
        .filter(({ status }) => status === 'pending' || status === 'skipped' || status === 'todo')
        .map(({ fullName }) => fullName),
    );
    const failed =
      report.numFailedTests + report.testResults.filter((suite) => suite.status === 'failed' && suite.assertionResults.length === 0).length;
    return { passed: report.numPassedTests, failed: status !== 0 && failed === 0 ? 1 : failed, skipped };
  };

const stages = {
  lint: command('npx', 'biome', 'ci', '--colors=off', '.'),
  types: command('npx', 'tsc', '-p', 'tsconfig.test.json'),
  studio: command('npx', 'svelte-check', '--tsconfig', 'studio/tsconfig.json', '--fail-on-warnings'),
  unit: vitest('vitest.config.ts'),
  platform: vitest('vitest.platform.config.ts'),
  docs: command('npm', 'run', '--silent', 'docs'),
};

function run(program, args, environment = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...environment } });
    child.on('error', () => resolve(1));
    child.on('exit', (code) => resolve(code ?? 1));
  });
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in stages));
if (unknown.length > 0) {
  console.error(`unknown stage "${unknown[0]}". Known: ${Object.keys(stages).join(', ')}.`);
  process.exit(2);
}

ensureInstalled();
ensureBuilt();
const chromium = ensureChromium();
if (chromium !== null) process.env.CHROMIUM_PATH = chromium;

const total = { passed: 0, failed: 0, skipped: [] };
for (const [name, stage] of Object.entries(stages)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(`\n── ${name} ${'─'.repeat(60 - name.length)}`);
  const start = Date.now();
  const { passed, failed, skipped } = await stage();
  total.passed += passed;
  total.failed += failed;
  total.skipped.push(...skipped);
  console.log(`${name}: ${passed} passed, ${failed} failed, ${skipped.length} skipped in ${((Date.now() - start) / 1000).toFixed(0)} s`);
}
rmSync(results, { recursive: true, force: true });

for (const name of total.skipped) console.log(`skipped: ${name}`);
console.log(`\n${total.passed} passed, ${total.failed} failed${total.skipped.length > 0 ? `, ${total.skipped.length} skipped` : ''}`);
process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0);
