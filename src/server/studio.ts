/**
 * The studio's server: its page, and the runs and models that its user named. On this machine only, read only.
 *
 *   GET /                          the page
 *   GET /api/library               { runs, models }
 *   GET /api/events?run=ID&from=0  the run's events as they come (server-sent)
 *   GET /api/config?run=ID         its config.json
 *   GET /api/model?id=ID           the file
 */
import { createReadStream, existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { extname, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { createAdaptorServer } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import { ConfigError } from '../tensor/errors.ts';
import { followLog } from './event-stream.ts';
import { guard } from './guard.ts';
import { fileInside } from './inside.ts';
import { Library } from './library.ts';

export interface StudioOptions {
  /** Run folders, folders of them, model files. */
  readonly paths: readonly string[];
  /** 0: any that is free. */
  readonly port: number;
  /** Where the page was built. Default: where the package has it. */
  readonly page?: string;
}

/** A server that runs. */
export interface Studio {
  readonly url: string;
  readonly port: number;
  readonly library: Library;
  close(): Promise<void>;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
};

/** The built page: beside the library in dist/. */
export function studioPage(): string {
  const places = ['../studio', '../../dist/studio'].map((place) => fileURLToPath(new URL(place, import.meta.url)));
  const found = places.find((place) => existsSync(resolve(place, 'index.html')));
  if (found === undefined) throw new ConfigError('the studio has not been built; run: npm run build');
  return found;
}

/**
 * Starts the server on 127.0.0.1.
 *
 * @throws ConfigError when the port is taken, or the page was not built
 */
export async function startStudio({ paths, port, page = studioPage() }: StudioOptions): Promise<Studio> {
  const library = new Library(paths);
  let bound = port;
  const app = studioApp(library, page, () => bound);
  const server = createAdaptorServer({ fetch: app.fetch });
  await new Promise<void>((done, fail) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const isTaken = cause.code === 'EADDRINUSE';
      const told = isTaken ? `port ${port} is taken by another program. Choose another: --port 0 takes any that is free.` : cause.message;
      fail(new ConfigError(told, { cause }));
    });
    server.listen(port, '127.0.0.1', () => done());
  });
  bound = (server.address() as AddressInfo).port;
  return {
    url: `http://localhost:${bound}/`,
    port: bound,
    library,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  };
}

/** The routes alone. @param port  the server's own, once it listens */
export function studioApp(library: Library, page: string, port: () => number): Hono {
  const app = new Hono();
  app.use(guard(port));
  app.get('/api/library', async (context) => {
    const [runs, models] = await Promise.all([library.runs(), library.models()]);
    context.header('cache-control', 'no-store');
    // Where they lie on this machine is nobody's business in a page.
    return context.json({
      runs: runs.map(({ folder: _, ...run }) => run),
      models: models.map(({ folder: _, file: __, ...model }) => model),
    });
  });
  app.get('/api/config', async (context) => {
    const file = await library.runFile(context.req.query('run') ?? '', 'config.json');
    return file === null ? notFound(context) : sendFile(context, file, 'no-store');
  });
  app.get('/api/model', async (context) => {
    const file = await library.modelFile(context.req.query('id') ?? '');
    return file === null ? notFound(context) : sendFile(context, file, 'no-store');
  });
  app.get('/api/events', async (context) => {
    const file = await library.runFile(context.req.query('run') ?? '', 'events.jsonl');
    if (file === null) return notFound(context);
    const from = Number(context.req.header('last-event-id') ?? context.req.query('from') ?? 0);
    if (!Number.isSafeInteger(from) || from < 0) return context.text('from: expected a byte, a whole number.\n', 400);
    context.header('cache-control', 'no-store');
    return streamSSE(context, async (stream) => {
      const abort = new AbortController();
      stream.onAbort(() => abort.abort());
      await stream.write('retry: 1000\n\n');
      for await (const message of followLog(file, from, abort.signal)) await stream.writeSSE(message);
    });
  });
  app.get('*', async (context) => {
    const path = decodePath(context.req.path);
    const file = path === null ? null : await fileInside(page, path === '/' ? 'index.html' : path.slice(1));
    if (file === null) return notFound(context);
    if (!file.endsWith('index.html'))
      return sendFile(context, file, file.includes('/assets/') ? 'max-age=31536000, immutable' : 'no-cache');
    // So the page knows that it has a server, without asking one that may not be there.
    const html = (await readFile(file, 'utf8')).replace('<head>', '<head>\n    <meta name="unrolled-server" content="1" />');
    return context.body(html, 200, { 'content-type': types['.html'], 'cache-control': 'no-cache' });
  });
  return app;
}

function decodePath(path: string): string | null {
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}

function notFound(context: Context): Response {
  return context.text('Not found.\n', 404);
}

async function sendFile(context: Context, file: string, cache: string): Promise<Response> {
  const { size } = await stat(file);
  const type = types[extname(file)] ?? 'application/octet-stream';
  return context.body(Readable.toWeb(createReadStream(file)) as ReadableStream, 200, {
    'content-type': type,
    'content-length': String(size),
    'cache-control': cache,
  });
}
