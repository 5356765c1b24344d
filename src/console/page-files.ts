import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Hono } from 'hono';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Everything comes from this server; nothing is run or styled from within the markup. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const FOLDER = fileURLToPath(new URL('../../console/', import.meta.url));

interface PageFile {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly type: string;
  readonly tag: string;
}

function pageFile(path: string): PageFile {
  const body = new Uint8Array(readFileSync(path));
  const tag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  return { body, type: TYPES[extname(path)]!, tag };
}

/** The files of the page by the path that they are served under; read once. */
function pageFiles(): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  for (const entry of readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })) {
    if (extname(entry) in TYPES)
      files.set(`/console/${entry.replaceAll('\\', '/')}`, pageFile(join(FOLDER, entry)));
  }
  files.set('/', files.get('/console/index.html')!);
  const require = createRequire(import.meta.url);
  files.set('/console/uplot.js', pageFile(require.resolve('uplot/dist/uPlot.esm.js')));
  files.set('/console/uplot.css', pageFile(require.resolve('uplot/dist/uPlot.min.css')));
  return files;
}

/** Serves the console's page. Its files hold nothing of the tape, so that no key is asked for them. */
// biome-ignore lint/suspicious/noExplicitAny: whatever else the application binds.
export function servePage(app: Hono<any>): void {
  for (const [path, { body, type, tag }] of pageFiles()) {
    app.get(path, (context) => {
      const headers = {
        'content-type': type,
        'cache-control': 'no-cache',
        etag: tag,
        'content-security-policy': POLICY,
      };
      if (context.req.header('if-none-match') === tag) return new Response(null, { status: 304, headers });
      return new Response(body, { headers });
    });
  }
}
