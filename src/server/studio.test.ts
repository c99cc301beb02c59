import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { followLog, type LogMessage } from './event-stream.ts';
import { isOwnHost } from './guard.ts';
import { type Studio, startStudio } from './studio.ts';

const folder = mkdtempSync(join(tmpdir(), 'unrolled-studio-'));
const page = join(folder, 'page');
const runs = join(folder, 'runs');
let studio: Studio;

beforeAll(async () => {
  for (const path of [join(page, 'assets'), join(runs, 'book'), join(runs, 'deep/er'), join(runs, 'broken')])
    mkdirSync(path, { recursive: true });
  writeFileSync(join(page, 'index.html'), '<!doctype html><head><title>Studio</title></head>');
  writeFileSync(join(page, 'assets/app.js'), 'export {};');
  writeFileSync(join(folder, 'secret.txt'), 'secret');
  symlinkSync(join(folder, 'secret.txt'), join(page, 'assets/link.txt'));
  writeFileSync(join(runs, 'book/config.json'), '{"task":"language-model"}');
  writeFileSync(join(runs, 'book/events.jsonl'), '{"type":"start"}\n{"type":"step","step":1}\n{"type":"st');
  writeFileSync(join(runs, 'book/model.safetensors'), 'weights');
  writeFileSync(join(runs, 'deep/er/events.jsonl'), '{"type":"start"}\n');
  writeFileSync(join(runs, 'broken/config.json'), '{}');
  symlinkSync(join(folder, 'secret.txt'), join(runs, 'broken/events.jsonl'));
  symlinkSync(join(folder, 'secret.txt'), join(runs, 'stolen.safetensors'));
  studio = await startStudio({ paths: [runs], port: 0, page });
});

afterAll(async () => {
  await studio.close();
  rmSync(folder, { recursive: true, force: true });
});

/** As a client that sends what it likes: fetch would tidy up paths, and sets Host itself. */
function ask(
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<{ status: number; body: string; headers: IncomingMessage['headers'] }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: studio.port, path, method, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (part) => {
        body += part;
      });
      response.on('end', () => resolve({ status: response.statusCode!, body, headers: response.headers }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

describe('the studio’s server', () => {
  test('serves its page, which then knows that it has a server', async () => {
    const { status, body, headers } = await ask('/');
    expect(status).toBe(200);
    expect(body).toContain('<meta name="unrolled-server" content="1" />');
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['content-security-policy']).toContain("default-src 'self'");
    expect(headers['cross-origin-opener-policy']).toBe('same-origin');
    expect(headers['cross-origin-embedder-policy']).toBe('require-corp');
    expect((await ask('/assets/app.js')).headers['content-type']).toBe('text/javascript; charset=utf-8');
  });

  test.each([
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/%2e%2e%2fsecret.txt',
    '/..%5csecret.txt',
    '/assets/link.txt',
    '/assets/link.txt%00.js',
    '/%E0%A4%A',
    '//etc/passwd',
    '/assets',
  ])('%s is not there', async (path) => {
    const { status, body } = await ask(path);
    expect(status).toBe(404);
    expect(body).not.toContain('secret\n');
  });

  test('a name that is made to point here (DNS rebinding) is refused', async () => {
    for (const host of [
      'evil.example',
      `evil.example:${studio.port}`,
      `localhost.evil.example:${studio.port}`,
      `localhost:${studio.port + 1}`,
      'localhost',
    ]) {
      expect((await ask('/api/library', { host })).status, host).toBe(403);
    }
    for (const host of [`localhost:${studio.port}`, `127.0.0.1:${studio.port}`, `[::1]:${studio.port}`]) {
      expect((await ask('/api/library', { host })).status, host).toBe(200);
    }
    expect(isOwnHost('localhost', 80)).toBe(true);
    expect(isOwnHost(undefined, 80)).toBe(false);
  });

  test('other sites’ pages are refused, whatever they send', async () => {
    for (const origin of ['https://evil.example', 'null', `https://localhost:${studio.port}`, 'http://localhost:1', 'file://']) {
      expect((await ask('/api/library', { origin })).status, origin).toBe(403);
    }
    expect((await ask('/api/library', { origin: `http://localhost:${studio.port}` })).status).toBe(200);
    expect(
      (await ask('/api/model?id=book%2Fmodel.safetensors', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' })).status,
    ).toBe(403);
    expect((await ask('/', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' })).status).toBe(200);
  });

  test('only reads', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) expect((await ask('/api/library', {}, method)).status, method).toBe(405);
  });

  test('lists runs and models below what was given, and does not say where they lie', async () => {
    const { body } = await ask('/api/library');
    expect(body).not.toContain(folder);
    const library = JSON.parse(body) as { runs: { id: string; hasModel: boolean }[]; models: { id: string; bytes: number }[] };
    expect(library.runs.map(({ id, hasModel }) => ({ id, hasModel })).sort((a, b) => a.id.localeCompare(b.id))).toEqual([
      { id: 'book', hasModel: true },
      { id: 'deep/er', hasModel: false },
    ]);
    expect(library.models.map(({ id, bytes }) => ({ id, bytes }))).toEqual([{ id: 'book/model.safetensors', bytes: 7 }]);
  });

  test('gives a model and a configuration, and nothing that was not listed', async () => {
    expect((await ask('/api/model?id=book%2Fmodel.safetensors')).body).toBe('weights');
    expect((await ask('/api/config?run=book')).body).toBe('{"task":"language-model"}');
    for (const id of ['', '../secret.txt', 'stolen.safetensors', 'book', `${folder}/secret.txt`, '..%2f..%2fsecret.txt']) {
      expect((await ask(`/api/model?id=${id}`)).status, id).toBe(404);
      expect((await ask(`/api/events?run=${id.replace('book', 'broken')}`)).status, id).toBe(404);
    }
  });

  test('tells events from where the reader was, whole lines only', async () => {
    const first = await firstEvents('/api/events?run=book', 1);
    expect(first).toEqual([{ event: 'lines', id: '42', data: '{"type":"start"}\n{"type":"step","step":1}' }]);
    const later = await firstEvents('/api/events?run=book&from=0', 1, { 'last-event-id': '17' });
    expect(later).toEqual([{ event: 'lines', id: '42', data: '{"type":"step","step":1}' }]);
    expect((await ask('/api/events?run=book&from=-1')).status).toBe(400);
  });

  test('a port that is taken is said', async () => {
    const other = createServer();
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
    const { port } = other.address() as { port: number };
    await expect(startStudio({ paths: [], port, page })).rejects.toThrow(
      `port ${port} is taken by another program. Choose another: --port 0 takes any that is free.`,
    );
    other.close();
  });
});

/** The first events of a stream, which is then left. */
function firstEvents(
  path: string,
  count: number,
  headers: Record<string, string> = {},
): Promise<{ event: string; id: string; data: string }[]> {
  return new Promise((resolve, reject) => {
    let text = '';
    const sent = request({ host: '127.0.0.1', port: studio.port, path, headers }, (response) => {
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
        const events = text.split('\n\n').filter((block) => block.includes('data: '));
        if (events.length < count) return;
        response.destroy();
        const field = (block: string, name: string): string =>
          [...block.matchAll(new RegExp(`^${name}: (.*)$`, 'gm'))].map(([, value]) => value).join('\n');
        resolve(
          events.slice(0, count).map((block) => ({ event: field(block, 'event'), id: field(block, 'id'), data: field(block, 'data') })),
        );
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}

describe('a log that is followed', () => {
  const log = join(folder, 'log.jsonl');
  const begin = (from = 0) => {
    const abort = new AbortController();
    const stream = followLog(log, from, abort.signal, 5);
    return { next: async () => (await stream.next()).value as LogMessage, end: () => abort.abort() };
  };

  test('goes on as it grows, lines of more than one byte a letter included', async () => {
    writeFileSync(log, '"ä"\n"half');
    const { next, end } = begin();
    expect(await next()).toEqual({ event: 'lines', data: '"ä"', id: '5' });
    appendFileSync(log, ' done"\n');
    expect(await next()).toEqual({ event: 'lines', data: '"half done"', id: '17' });
    end();
  });

  test('begins anew where it was cut back, and where another took its place', async () => {
    writeFileSync(log, '1\n2\n3\n');
    const { next, end } = begin();
    expect((await next()).data).toBe('1\n2\n3');
    truncateSync(log, 2);
    expect(await next()).toEqual({ event: 'reset', data: '', id: '0' });
    expect((await next()).data).toBe('1');
    rmSync(log);
    expect((await next()).event).toBe('reset');
    writeFileSync(log, '4\n5\n');
    expect((await next()).data).toBe('4\n5');
    end();
  });

  test('a long one comes in parts, cut between lines', async () => {
    const lines = Array.from({ length: 40_000 }, (_, k) => JSON.stringify({ type: 'step', step: k }));
    writeFileSync(log, `${lines.join('\n')}\n`);
    const { next, end } = begin();
    let text = '';
    let parts = 0;
    while (text.length < lines.join('\n').length) {
      text += `${text === '' ? '' : '\n'}${(await next()).data}`;
      parts += 1;
    }
    expect(text).toBe(lines.join('\n'));
    expect(parts).toBeGreaterThan(2);
    end();
  });
});
