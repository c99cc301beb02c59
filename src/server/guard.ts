/**
 * Who may ask. The server listens on this machine alone, but any page in the user's browser can reach it too: by its address, or
 * by a name of the page's own that is made to point here (DNS rebinding). So the name that was asked for has to be this machine's,
 * and what another page sends is refused.
 */
import type { MiddlewareHandler } from 'hono';

const loopbackNames = ['localhost', '127.0.0.1', '[::1]'];

/** Whether a `Host` header, or the host of an `Origin`, means this server. */
export function isOwnHost(host: string | undefined, port: number): boolean {
  if (host === undefined) return false;
  return loopbackNames.some((name) => host === `${name}:${port}` || (port === 80 && host === name));
}

/** @param port  the server's own, once it listens */
export function guard(port: () => number): MiddlewareHandler {
  return async (context, next) => {
    const { req } = context;
    const host = req.header('host');
    if (!isOwnHost(host, port())) {
      return context.text(`This server answers to localhost:${port()} only, not to "${host ?? ''}".\n`, 403);
    }
    const origin = req.header('origin');
    if (origin !== undefined && !isOwnOrigin(origin, port())) return context.text('Pages of other sites may not ask this server.\n', 403);
    // A request without an origin, such as a picture's or a script's, still says where it was made.
    const site = req.header('sec-fetch-site');
    const isForeign = site === 'cross-site' || site === 'same-site';
    if (isForeign && req.header('sec-fetch-mode') !== 'navigate')
      return context.text('Pages of other sites may not ask this server.\n', 403);
    if (req.method !== 'GET' && req.method !== 'HEAD') return context.text('This server only answers GET.\n', 405);
    await next();
    for (const [name, value] of Object.entries(headers)) context.res.headers.set(name, value);
  };
}

function isOwnOrigin(origin: string, port: number): boolean {
  try {
    const { protocol, host } = new URL(origin);
    return protocol === 'http:' && isOwnHost(host, port);
  } catch {
    return false; // "null", of a sandboxed frame or a file
  }
}

/**
 * What a page of this server may do: run its own scripts and WebAssembly, on all processors, and talk to this server. Memory that
 * threads share is for pages only that let nothing of other sites in (cross-origin isolation).
 */
const headers: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'self'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self' blob:",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "media-src 'self' blob:",
    "font-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};
