import { existsSync } from 'node:fs';

/** Where the frames come from: the simulated exchange, the real venues, or a recording. */
export type Source =
  | { readonly type: 'sim' }
  | { readonly type: 'live' }
  | { readonly type: 'replay'; readonly path: string };

/** A source that cannot be used. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
}

/** @throws SourceError when the text is none of the three, or the recording is not there. */
export function parseSource(text: string): Source {
  if (text === 'sim' || text === 'live') return { type: text };
  if (text.startsWith('replay:')) {
    const path = text.slice('replay:'.length);
    if (path === '')
      throw new SourceError('--source replay: needs a path, e.g. replay:recordings/kalshi.jsonl.gz');
    if (!existsSync(path)) throw new SourceError(`--source ${text}: there is no file or folder ${path}`);
    return { type: 'replay', path };
  }
  throw new SourceError(`--source ${text}: expected sim, live or replay:PATH`);
}
