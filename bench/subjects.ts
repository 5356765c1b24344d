import type { Subject } from './row.ts';

/**
 * Everything that is measured, in the order of the report. Each is loaded in the process that measures it, so that
 * no subject runs on code that another has warmed up or spoiled. A new subject is a module that exports `subject`
 * and a line here.
 */
export const subjects: Readonly<Record<string, () => Promise<{ readonly subject: Subject }>>> = {
  'hot-path-kalshi': () => import('./hot-path-kalshi.ts'),
  'hot-path-polymarket': () => import('./hot-path-polymarket.ts'),
  sockets: () => import('./sockets.ts'),
  books: () => import('./books.ts'),
  'top-levels': () => import('./top-levels.ts'),
  decimals: () => import('./decimals.ts'),
  batcher: () => import('./batcher.ts'),
  recorder: () => import('./recorder.ts'),
  writer: () => import('./writer.ts'),
  merge: () => import('./merge.ts'),
  'tape-queries': () => import('./tape-queries.ts'),
  parquet: () => import('./parquet.ts'),
  replay: () => import('./replay.ts'),
};
