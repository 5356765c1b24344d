import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import type { EventKind, MarketEvent } from '#src/events/event.ts';
import { comparedTapeEvents } from '#src/storage/production/truth-source.ts';
import { levelsFromFlat } from '#src/tape/book-rebuild.ts';
import { comparedEvent } from '#src/tape/truth-identity.ts';
import { startPostgres } from '../../local/postgres/server.ts';
import type { RunSummary } from '../../local/run/summary.ts';
import { jsonLines, tape } from './tape.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Events by kind, as texts that are equal for equal events. */
type Identities = Readonly<Record<Exclude<EventKind, 'gap'>, string[]>>;

const none = (): Identities => ({ trade: [], book_delta: [], book_snapshot: [], ticker: [], lifecycle: [] });

/** A book without a venue time is what it holds: each line received it at its own time. */
const untimedBook = (instrument: string, bids: unknown, asks: unknown): string =>
  JSON.stringify([instrument, bids, asks]);

/** What decoding the file gives. */
async function decoded(venue: string, recording: string): Promise<Identities> {
  const { stdout } = await tape('decode', '--venue', venue, recording);
  const found = none();
  for (const event of jsonLines<MarketEvent>(stdout)) {
    const compared = comparedEvent(event);
    if (compared !== null) found[compared.kind].push(compared.identity);
    else if (event.kind === 'book_snapshot')
      found.book_snapshot.push(untimedBook(event.instrument, event.bids, event.asks));
    else throw new Error(`nothing identifies ${JSON.stringify(event)}`);
  }
  return found;
}

/** What is on the tape that a run left in its folder. */
async function onTape(folder: string): Promise<Identities> {
  const server = await startPostgres({ dir: join(folder, 'postgres'), databases: [] });
  const client = new pg.Client({ connectionString: server.url('production') });
  await client.connect();
  const found = none();
  try {
    for await (const { kind, identity } of comparedTapeEvents(client)) found[kind].push(identity);
    const { rows } = await client.query<{ instrument: string; bids: string[]; asks: string[] }>(
      `SELECT instrument, bids, asks FROM order_book_snapshots WHERE source = 'ws' AND exchange_ts IS NULL`,
    );
    for (const { instrument, bids, asks } of rows)
      found.book_snapshot.push(untimedBook(instrument, levelsFromFlat(bids), levelsFromFlat(asks)));
    return found;
  } finally {
    await client.end();
    await server.stop();
  }
}

const distinct = (texts: readonly string[]): string[] => [...new Set(texts)].sort();

async function replayed(recording: string): Promise<{ summary: RunSummary; found: Identities }> {
  const folder = mkdtempSync(join(tmpdir(), 'tape-replay-'));
  folders.push(folder);
  const run = await tape('up', '--source', `replay:${recording}`, '--fresh', '--json', '--data', folder);
  expect(run.stderr).not.toMatch(/^tape: /m);
  expect(run.code).toBe(0);
  return { summary: JSON.parse(run.stdout) as RunSummary, found: await onTape(folder) };
}

describe('a run on recorded frames, through real sockets', () => {
  it('puts every recorded change and book of Kalshi on the tape exactly as decoding the file gives it', async () => {
    const recording = 'test/fixtures/recordings/kalshi-deltas-2026-03-20.jsonl.gz';
    const { summary, found } = await replayed(recording);
    const expected = await decoded('kalshi', recording);
    expect(expected.book_delta).toHaveLength(4_378);
    expect(found.book_delta.sort()).toEqual(expected.book_delta.sort());
    expect(distinct(expected.book_snapshot)).toHaveLength(788);
    expect(distinct(found.book_snapshot)).toEqual(distinct(expected.book_snapshot));
    expect({ ...found, book_delta: [], book_snapshot: [] }).toEqual(none());
    for (const line of Object.values(summary.lines))
      expect(line.stored).toBeGreaterThanOrEqual(expected.book_delta.length);
  }, 180_000);

  it('does the same for Polymarket frames of every age and kind', async () => {
    const recording = 'test/fixtures/recordings/polymarket-frames.jsonl';
    const { found } = await replayed(recording);
    const expected = await decoded('polymarket', recording);
    for (const [kind, identities] of Object.entries(expected) as [keyof Identities, string[]][]) {
      expect(identities.length, kind).toBeGreaterThan(0);
      // Some were recorded twice; the tape has each once.
      expect(found[kind].sort(), kind).toEqual(distinct(identities));
    }
  }, 180_000);
});
