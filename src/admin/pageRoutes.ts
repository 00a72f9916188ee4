/**
 * The page at `/`: a few files for the browser, read from disk when they are asked for. They hold no data, so they need no
 * token: what the page shows, it asks for with the token that the operator gives it. Knows nothing of what is shown.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getRawAsset, isSea } from 'node:sea';
import type { FastifyInstance } from 'fastify';

/** A route with `isPublic` says nothing of modalities and traffic: it is answered without a token, also beyond loopback. */
declare module 'fastify' {
  interface FastifyContextConfig {
    isPublic?: boolean;
  }
}

const FILES = [
  { path: '/', file: 'index.html', type: 'text/html; charset=utf-8' },
  { path: '/page.js', file: 'page.js', type: 'text/javascript; charset=utf-8' },
  { path: '/page.css', file: 'page.css', type: 'text/css; charset=utf-8' },
  { path: '/icon.svg', file: 'icon.svg', type: 'image/svg+xml' },
] as const;

/**
 * Only our own two files run and style. The page talks to this port alone, is in no frame, and sends no form. A text of
 * a peer that became markup could therefore do nothing.
 */
const PAGE_HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
} as const;

/** `folder`: what the build made of src/dashboard; it is beside the built files of the gateway. */
export function addPageRoutes(server: FastifyInstance, folder = join(__dirname, 'dashboard')): void {
  for (const { path, file, type } of FILES) {
    server.get(path, { config: { isPublic: true } }, async (_request, reply) =>
      reply
        .headers(PAGE_HEADERS)
        .type(type)
        .send(await readPageFile(folder, file)),
    );
  }
}

/** The single executable has the files inside it, under the names that they have in dist/. */
async function readPageFile(folder: string, file: string): Promise<Buffer> {
  return isSea()
    ? Buffer.from(getRawAsset(`dashboard/${file}`) as ArrayBuffer)
    : readFile(join(folder, file));
}
