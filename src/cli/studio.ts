/** `unrolled studio`: the studio in the browser, on this machine, or as files for any web host. */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, readdirSync } from 'node:fs';
import type { Command } from 'commander';
import { ConfigError } from '../tensor/errors.ts';
import { programName } from './shell.ts';
import { openTerminal } from './terminal.ts';

interface StudioFlags {
  readonly port?: string;
  readonly open: boolean;
  readonly export?: string;
  readonly json?: boolean;
}

/** Where a training looks when nothing is said. */
const defaultFolder = 'runs';
/** Tried first, then the next ones. */
const usualPort = 4870;

export function addStudio(program: Command): void {
  program
    .command('studio')
    .summary('explore, train, watch and try recurrent networks in the browser')
    .argument('[paths...]', `run folders, folders of them, model files (default: ${defaultFolder}/, where there is one)`)
    .option('--port <n>', `on this machine; 0: any that is free (default: ${usualPort}, or the next one that is free)`)
    .option('--no-open', 'do not open a browser')
    .option('--export <folder>', 'write the studio as files instead: a static page for any web host, which needs no server')
    .option('--json', 'print JSON about the server that was started')
    .addHelpText(
      'after',
      '\nExamples:\n  $ unrolled studio\n  $ unrolled studio runs/book other.safetensors --port 8080 --no-open\n  $ unrolled studio --export site/',
    )
    .action(runStudio);
}

async function runStudio(given: readonly string[], { port, open, export: folder, json }: StudioFlags): Promise<void> {
  const { startStudio, studioPage } = await import('../server/studio.ts');
  const terminal = openTerminal();
  if (folder !== undefined) {
    exportTo(folder, studioPage(), given);
    if (json === true) process.stdout.write(`${JSON.stringify({ folder })}\n`);
    else terminal.line(`  ${folder}  a page that any web host can serve; here: npx serve ${folder}`);
    return;
  }
  for (const path of given) {
    if (!existsSync(path))
      throw new ConfigError(`${path}: expected a run folder, a folder of them, or a model file; there is nothing there.`);
  }
  const paths = given.length > 0 ? given : existsSync(defaultFolder) ? [defaultFolder] : [];
  const asked = port === undefined ? null : portOf(port);
  const studio = await (asked === null ? startOnFreePort(paths, startStudio) : startStudio({ paths, port: asked }));
  const [runs, models] = await Promise.all([studio.library.runs(), studio.library.models()]);
  if (json === true)
    process.stdout.write(`${JSON.stringify({ url: studio.url, port: studio.port, runs: runs.length, models: models.length })}\n`);
  else {
    terminal.line(`  ${terminal.bold('studio')}  ${terminal.accent(studio.url)}`);
    terminal.line(
      `  ${counted(runs.length, 'run')} and ${counted(models.length, 'model')}${paths.length > 0 ? ` in ${paths.join(', ')}` : ''}`,
    );
    if (paths.length === 0) terminal.line(`  To watch a training: ${programName()} studio runs/`);
    terminal.line(terminal.dim('  Ctrl-C ends it.'));
  }
  if (open) openBrowser(studio.url);
  await new Promise<void>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done());
  });
  await studio.close();
}

function exportTo(folder: string, page: string, given: readonly string[]): void {
  if (given.length > 0) {
    throw new ConfigError(
      `--export writes the page alone; expected no paths, received ${given.join(', ')}. Runs and models are opened in it by dropping them on it.`,
    );
  }
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new ConfigError(`--export: expected a new or empty folder, ${folder} holds files.`);
  cpSync(page, folder, { recursive: true });
}

function portOf(text: string): number {
  const port = Number(text);
  if (text.trim() !== '' && Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new ConfigError(`--port: expected a whole number in 0…65535, received "${text}".`);
}

async function startOnFreePort(
  paths: readonly string[],
  start: typeof import('../server/studio.ts')['startStudio'],
): ReturnType<typeof start> {
  for (let port = usualPort; port < usualPort + 20; port++) {
    try {
      return await start({ paths, port });
    } catch (error) {
      if ((error as { cause?: NodeJS.ErrnoException }).cause?.code !== 'EADDRINUSE') throw error;
    }
  }
  return start({ paths, port: 0 });
}

const counted = (count: number, name: string): string => `${count} ${name}${count === 1 ? '' : 's'}`;

/** As the system opens addresses. Where it cannot, the address stands on the screen. */
function openBrowser(url: string): void {
  const [program, args]: [string, string[]] =
    process.platform === 'darwin'
      ? ['open', [url]]
      : process.platform === 'win32'
        ? ['cmd', ['/c', 'start', '', url]]
        : ['xdg-open', [url]];
  const child = spawn(program, args, { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}
