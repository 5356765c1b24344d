import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { DirectoryObjectStore } from '#src/archive/directory-object-store.ts';
import { segmentKey } from '#src/archive/segment-name.ts';
import { auditTape } from '#src/audit/audit.ts';
import type { RecordedLine } from '#src/capture/recording.ts';
import type { StreamLine } from '#src/events/captured.ts';
import type { TradeEvent, Venue } from '#src/events/event.ts';
import { fillTrades } from '#src/repair/fill-trades.ts';
import { LineRecords } from '#src/repair/line-records.ts';
import { latestRepairs } from '#src/repair/repair-log.ts';
import { replayRaw } from '#src/repair/replay-raw.ts';
import { ReplayedLine } from '#src/repair/replayed-line.ts';
import { lineNames } from '#src/storage/production/merge-statements.ts';
import { defaultRules } from '#src/tape/rules.ts';
import type { Micros } from '#src/units/time.ts';
import { repairCommand } from '../../cli/commands/repair.ts';
import { openExchangeLine } from '../../faults/fuzz/exchange-line.ts';
import { Random } from '../../sim/market/random.ts';
import { BEGIN, goodTape, SECOND } from '../audit/good-tape.ts';
import { gapRow, heartbeat, runUntilDone, store, world } from '../merge/lines.ts';
import { outputOf } from '../queries/run-command.ts';
import { useDatabases } from '../storage/database.ts';

const databases = useDatabases();
const at = (seconds: number): number => BEGIN + seconds * SECOND;

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** What a line records and hands on of a simulated exchange within some seconds, with a connection cut on the way. */
async function captured(venue: Venue, seconds: number) {
  const recording: RecordedLine[] = [];
  const lines: StreamLine[] = [];
  const line = await openExchangeLine({
    venue,
    markets: 12,
    seed: 3,
    random: new Random(3),
    way: (frame) => [frame],
    sink: { accept: (_lane, told) => void lines.push(told) },
    recorder: {
      received: (t, conn, frame) => void recording.push({ t, conn, frame: String(frame) }),
      sent: (t, conn, sent) => void recording.push({ t, conn, sent }),
    },
  });
  for (let second = 0; second < seconds; second++) {
    await line.step(1_000);
    if (second === seconds >> 1) line.cut();
  }
  await line.close();
  return { recording, lines };
}

const isReplayed = (line: StreamLine): boolean =>
  ['trade', 'book_delta', 'ticker', 'lifecycle'].includes(line.kind) ||
  (line.kind === 'book_snapshot' && line.source === 'ws');

/** Without what a line knows of its books and connections only while it lives. */
const content = (line: StreamLine): string => JSON.stringify({ ...line, quality: 0 });

describe.each(['kalshi', 'polymarket'] as const)('raw frames of %s', (venue) => {
  it('give the very events again that the line stored, in the same order', async () => {
    const { recording, lines } = await captured(venue, 12);
    const replayed = new ReplayedLine(venue, 'a', recording[0]!.t);
    const again = recording.flatMap((recorded) => replayed.feed(recorded));
    const stored = lines.filter(isReplayed).map(content);
    expect(stored.length).toBeGreaterThan(1_000);
    expect(again.map(content)).toEqual(stored);
  });
});

describe('a connection whose subscription was not recorded', () => {
  const line = (t: number, body: object): RecordedLine =>
    ({ t: BEGIN + t, conn: 'a/kalshi-book-0#1', ...body }) as RecordedLine;
  const text = (type: string, sid: number, msg: object) => ({
    frame: JSON.stringify({ type, sid, seq: 1, msg: { market_ticker: 'KXA', ts_ms: BEGIN / 1_000, ...msg } }),
  });
  const params = { channels: ['orderbook_delta'], market_tickers: ['KXA'], use_yes_price: true };
  const asked = { sent: JSON.stringify({ id: 1, cmd: 'subscribe', params }) };
  const change = text('orderbook_delta', 8, { price_dollars: '0.7000', delta_fp: '1.00', side: 'no' });
  const sale = { trade_id: 't', yes_price_dollars: '0.4000', count_fp: '1.00' };

  it('gives no rows of books, whose prices could be either, and says how many; its trades it gives', () => {
    const unknown = new ReplayedLine('kalshi', 'a', BEGIN as Micros);
    const [lines, known] = [[line(1, change), line(2, text('trade', 9, sale))], [line(0, asked)]];
    expect(lines.flatMap((one) => unknown.feed(one)).map(({ kind }) => kind)).toEqual(['trade']);
    expect(unknown.conventionUnknown).toBe(1);
    const whole = new ReplayedLine('kalshi', 'a', BEGIN as Micros);
    expect([...known, ...lines].flatMap((one) => whole.feed(one))).toMatchObject([
      { kind: 'book_delta', side: 'ask', price: 700_000 },
      { kind: 'trade' },
    ]);
    expect(whole.conventionUnknown).toBe(0);
  });

  it('is counted where the repair replays its frames', async () => {
    const made = await world(databases);
    const folder = mkdtempSync(join(tmpdir(), 'raw-'));
    folders.push(folder);
    const raw = new DirectoryObjectStore(folder);
    const name = { group: 'kalshi-book', start: BEGIN as Micros, epoch: 'e1' };
    await raw.put(
      segmentKey('kalshi', 'a', name),
      zstdCompressSync([line(1, change), line(SECOND, change)].map((one) => JSON.stringify(one)).join('\n')),
    );
    const span = { from: (BEGIN + SECOND) as Micros, to: (BEGIN + 2 * SECOND) as Micros };
    const report = await replayRaw(made.production, made.sessions.a, raw, {
      venue: 'kalshi',
      line: 'a',
      ...span,
      dryRun: false,
    });
    expect(report).toMatchObject({ frames: 1, events: 0, convention_unknown: 1, stored: {} });
  });
});

describe('what the tape lacks', () => {
  it('comes back from the raw frames of a line, once, with an entry', { timeout: 120_000 }, async () => {
    const { recording, lines } = await captured('kalshi', 6);
    const made = await world(databases);
    const [first, last] = [recording[0]!.t, recording.at(-1)!.t];
    const half = ((first + last) / 2) as Micros;
    const name = { group: 'kalshi-book', start: first, epoch: 'e1' };
    const folder = mkdtempSync(join(tmpdir(), 'raw-'));
    folders.push(folder);
    const raw = new DirectoryObjectStore(folder);
    const text = recording.map((line) => `${JSON.stringify(line)}\n`).join('');
    await raw.put(segmentKey('kalshi', 'a', name), zstdCompressSync(text));
    // Line a alone ran, and stored only what it received in the first half of the time.
    const records = new LineRecords(made.sessions.a);
    const events = lines.filter(isReplayed);
    for (const line of events)
      if ((line as { received_at: number }).received_at < half) await records.add(line);
    await records.flush();
    await heartbeat(made.sessions.a, 'a', 'e1', first, last + 60 * SECOND);
    await store(made.sessions.a, 'gaps', [
      gapRow('a:e1:1', first, first + 1, { instruments: [...new Set(events.flatMap(instrumentsOf))] }),
    ]);
    made.now = (last + 60 * SECOND) as Micros;
    await runUntilDone(made.merge());
    const span = { from: (first - 2 * SECOND) as Micros, to: (last + 2 * SECOND) as Micros };
    const audit = () =>
      auditTape(made.production, made.sessions, { ...span, rules: defaultRules, examples: 3, raw });
    expect((await audit()).findings['raw_lost']).toBeGreaterThan(100);

    const wish = { venue: 'kalshi', line: 'a', ...span, dryRun: false } as const;
    const asked = await replayRaw(made.production, made.sessions.a, raw, { ...wish, dryRun: true });
    expect(asked).toMatchObject({ segments: 1, events: events.length, stored: {} });
    const repaired = await replayRaw(made.production, made.sessions.a, raw, wish);
    const inserted = Object.values(repaired.stored).reduce((sum, count) => sum + count['inserted']!, 0);
    expect(inserted).toBe(
      events.filter((line) => (line as { received_at: number }).received_at >= half).length,
    );
    expect(asked.lacking).toBeGreaterThan(inserted * 0.9);
    await runUntilDone(made.merge());
    expect((await audit()).findings['raw_lost']).toBeUndefined();
    expect((await replayRaw(made.production, made.sessions.a, raw, wish)).stored).toEqual({});
    expect(await latestRepairs(made.production, 10)).toMatchObject([
      { kind: 'raw', venue: 'kalshi', line: 'a', changes: repaired.stored },
    ]);
  });

  it('comes back from the venue by REST where it is a trade', { timeout: 120_000 }, async () => {
    const made = await goodTape(databases);
    for (const client of [made.production, made.sessions.a, made.sessions.b])
      await client.query(`DELETE FROM trades WHERE trade_id = 'k-1'`);
    const trade = (trade_id: string, seconds: number) => ({
      trade_id,
      ticker: 'K1',
      yes_price_dollars: '0.4000',
      no_price_dollars: '0.6000',
      count_fp: '1.00',
      taker_side: 'yes',
      created_time: new Date(at(seconds) / 1_000).toISOString(),
    });
    const asked: string[] = [];
    const fetcher: typeof fetch = async (url) => {
      asked.push(String(url));
      const trades = String(url).includes('historical')
        ? []
        : [trade('k-1', 4), trade('k-2', 8), trade('k-x', 61)];
      return new Response(JSON.stringify({ trades, cursor: '' }));
    };
    const open = {
      fetch: fetcher,
      openDatabase: async () => ({ client: made.production, close: async () => {} }),
      openLines: async () => ({ lines: made.sessions, close: async () => {} }),
    };
    const span = ['--from', String(BEGIN), '--to', String(at(60))];
    const fill = async (...more: string[]): Promise<unknown> =>
      JSON.parse(
        await outputOf(
          repairCommand(open),
          ...[
            'trades',
            '--venue',
            'kalshi',
            '--into',
            'b',
            '--rest',
            'http://venue.test/trade-api/v2',
            '--json',
          ],
          ...span,
          ...more,
        ),
      );
    expect(await fill('--dry-run')).toEqual({ dry_run: true, told: 2, lacking: 1, stored: 0 });
    expect(await fill()).toEqual({ dry_run: false, told: 2, lacking: 1, stored: 1 });
    expect(asked[0]).toContain(`min_ts=${BEGIN / SECOND}`);
    await runUntilDone(made.merge());
    const { rows } = await made.production.query(
      `SELECT lines, size, quality FROM trades WHERE trade_id = 'k-1'`,
    );
    expect(rows).toEqual([{ lines: 2, size: '1000000', quality: 32 }]);
    expect(await fill()).toEqual({ dry_run: false, told: 2, lacking: 0, stored: 0 });
    const text = await outputOf(repairCommand(open), 'list');
    expect(text).toMatch(/^1 {2}.* trades of kalshi, line b .*\{"trades":\{"inserted":1\}\}\n$/);

    const merge = JSON.parse(
      await outputOf(repairCommand(open), 'merge', '--json', '--dry-run', ...span),
    ) as object;
    expect(merge).toMatchObject({ dry_run: true, from: BEGIN, away: {} });
    await expect(
      outputOf(repairCommand(open), 'trades', '--venue', 'polymarket', '--into', 'a', ...span),
    ).rejects.toThrow(
      'polymarket gives no trades by REST that could be told from those of its socket; known: kalshi',
    );
    await expect(
      outputOf(repairCommand(open), 'merge', '--from', String(at(60)), '--to', String(BEGIN)),
    ).rejects.toThrow('--to must be later than --from');
  });

  it('is not called repaired when the line refuses it', async () => {
    const made = await world(databases);
    await made.sessions.a.query('ALTER TABLE trades RENAME TO gone');
    const trade = { kind: 'trade', venue: 'kalshi', instrument: 'K', trade_id: 't', price: 1, size: 1 };
    const told = { ...trade, taker_side: null, is_block: false, exchange_ts: BEGIN, received_at: BEGIN };
    async function* pages(): AsyncGenerator<TradeEvent[]> {
      yield [told as unknown as TradeEvent];
    }
    const wish = {
      venue: 'kalshi',
      line: 'a',
      from: 0 as Micros,
      to: at(1) as Micros,
      dryRun: false,
    } as const;
    await expect(fillTrades(made.production, made.sessions.a, pages(), wish)).rejects.toThrow(/trades/);
    expect(await latestRepairs(made.production, 1)).toEqual([]);
    expect(lineNames).toHaveLength(3);
  });
});

function instrumentsOf(line: StreamLine): readonly string[] {
  return 'instrument' in line ? [line.instrument] : [];
}
