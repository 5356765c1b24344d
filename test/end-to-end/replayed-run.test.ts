import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { startPostgres } from '../../local/postgres/server.ts';
import type { RunSummary } from '../../local/run/summary.ts';
import { jsonLines, tape } from './tape.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

interface DecodedDelta {
  readonly kind: string;
  readonly instrument: string;
  readonly side: string;
  readonly price: number;
  readonly change?: number;
  readonly size?: number;
  readonly exchange_ts: number;
}

const identity = (delta: {
  instrument: string;
  exchange_ts: number;
  side: string;
  price: number;
  amount: number;
}): string => [delta.instrument, delta.exchange_ts, delta.side, delta.price, delta.amount].join('|');

/** Every delta of the tape that a run left in its folder. */
async function deltasOnTape(folder: string): Promise<string[]> {
  const server = await startPostgres({ dir: join(folder, 'postgres'), databases: ['production'] });
  const client = new pg.Client({ connectionString: server.url('production') });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, string>>(
      'SELECT instrument, exchange_ts, side, price, amount FROM order_book_deltas',
    );
    return rows.map((row) =>
      identity({
        instrument: row['instrument']!,
        exchange_ts: Number(row['exchange_ts']),
        side: row['side']!,
        price: Number(row['price']),
        amount: Number(row['amount']),
      }),
    );
  } finally {
    await client.end();
    await server.stop();
  }
}

describe('a run on recorded frames, through real sockets', () => {
  it('puts every recorded change of Kalshi on the tape exactly as decoding the file gives it', async () => {
    const recording = 'test/fixtures/recordings/kalshi-deltas-2026-03-20.jsonl.gz';
    const folder = mkdtempSync(join(tmpdir(), 'tape-replay-'));
    folders.push(folder);
    const run = await tape('up', '--source', `replay:${recording}`, '--fresh', '--json', '--data', folder);
    expect(run.code).toBe(0);
    const summary = JSON.parse(run.stdout) as RunSummary;
    const decoded = await tape('decode', '--venue', 'kalshi', recording);
    const expected = jsonLines<DecodedDelta>(decoded.stdout)
      .filter(({ kind }) => kind === 'book_delta')
      .map((delta) => identity({ ...delta, amount: (delta.change ?? delta.size)! }));
    expect(expected).toHaveLength(4_378);
    const found = await deltasOnTape(folder);
    expect(found.sort()).toEqual(expected.sort());
    for (const line of Object.values(summary.lines))
      expect(line.stored).toBeGreaterThanOrEqual(expected.length);
  }, 180_000);

  it('does the same for Polymarket frames of every age', async () => {
    const recording = 'test/fixtures/recordings/polymarket-frames.jsonl';
    const folder = mkdtempSync(join(tmpdir(), 'tape-replay-'));
    folders.push(folder);
    const run = await tape('up', '--source', `replay:${recording}`, '--fresh', '--json', '--data', folder);
    expect(run.code).toBe(0);
    const decoded = await tape('decode', '--venue', 'polymarket', recording);
    const expected = new Set(
      jsonLines<DecodedDelta>(decoded.stdout)
        .filter(({ kind }) => kind === 'book_delta')
        .map((delta) => identity({ ...delta, amount: (delta.change ?? delta.size)! })),
    );
    const found = await deltasOnTape(folder);
    expect(found.sort()).toEqual([...expected].sort());
  }, 180_000);
});
