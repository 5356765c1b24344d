import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { candlesCommand } from '../../cli/commands/candles.ts';
import { deltasCommand } from '../../cli/commands/deltas.ts';
import { gapsCommand } from '../../cli/commands/gaps.ts';
import { latencyCommand } from '../../cli/commands/latency.ts';
import { marketsCommand } from '../../cli/commands/markets.ts';
import { metricsCommand } from '../../cli/commands/metrics.ts';
import { tradesCommand } from '../../cli/commands/trades.ts';
import type { DatabaseOpener } from '../../cli/queries/database.ts';
import { Progress } from '../../cli/queries/progress.ts';
import { writeRows } from '../../cli/queries/row-output.ts';
import { askDuckDb, readParquet } from '../export/readers.ts';
import { delta, metrics, type Row, store, T0, trade } from '../merge/lines.ts';
import { type TestDatabase, useDatabases } from '../storage/database.ts';
import { jsonLines, outputOf } from './run-command.ts';

const databases = useDatabases();
let database: TestDatabase;
let client: Client;
let folder: string;

beforeEach(async () => {
  database = await databases.fresh('production');
  client = await database.connect();
  folder = mkdtempSync(join(tmpdir(), 'prediction-tape-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const dependencies: { openDatabase: DatabaseOpener } = {
  openDatabase: async () => ({ client: await database.connect(), close: async () => {} }),
};

function onTape({ connection: _, sid: __, seq: ___, ...row }: Row): Row {
  return { ...row, lines: 7 };
}

async function market(market: string, event: string, series: string, instruments: string[], close: number) {
  await client.query(
    `INSERT INTO markets (venue, market, event, series, title, status, close_ts, details, updated_at)
     VALUES ('kalshi', $1, $2, $3, $1, 'active', $4, '{}', 1)`,
    [market, event, series, close],
  );
  for (const [position, instrument] of instruments.entries()) {
    await client.query(
      `INSERT INTO instruments (venue, instrument, market, outcome, position, updated_at) VALUES ('kalshi', $1, $2, 'YES', $3, 1)`,
      [instrument, market, position],
    );
  }
}

async function fill(): Promise<void> {
  await market('M1', 'E1', 'S', ['K1'], T0 + 10);
  await market('M2', 'E2', 'S', ['K2'], T0 + 20);
  await store(client, 'trades', [
    onTape(trade({ trade_id: 't,"1"' })),
    onTape(
      trade({ trade_id: 't2', instrument: 'K2', exchange_ts: T0 + 1, taker_side: null, is_block: true }),
    ),
    onTape(trade({ trade_id: 't3', instrument: 'K3', exchange_ts: T0 + 2 })),
  ]);
  await store(client, 'order_book_deltas', [
    onTape(delta({ amount: -3_000_000, instant_index: 1, price: 410_000 })),
    onTape(delta({ instant_index: 0 })),
    onTape(delta({ instrument: 'K2', exchange_ts: T0 + 1, is_absolute: true, hash: 'abc', hash_key: 4 })),
  ]);
  await store(client, 'order_book_metrics', [
    { ...metrics({ bid: null, mid_twice: null, spread: null }), lines: 1 },
  ]);
}

describe('output of the queries', () => {
  it('is the same rows as JSON lines, as CSV and as Parquet, which two other readers read', async () => {
    await fill();
    for (const command of [tradesCommand, deltasCommand, metricsCommand]) {
      const json = jsonLines(await outputOf(command(dependencies), '--json'));
      expect(json.length).toBeGreaterThan(0);
      const file = join(folder, `${command.name}.parquet`);
      expect(await outputOf(command(dependencies), '--parquet', file)).toBe('');
      expect(await readParquet(file)).toEqual(json);
      expect(await askDuckDb(`SELECT * FROM '${file}'`)).toEqual(json);
      const csv = await outputOf(command(dependencies), '--csv');
      const fromCsv = join(folder, 'rows.csv');
      await import('node:fs/promises').then(({ writeFile }) => writeFile(fromCsv, csv));
      expect(
        await askDuckDb(`SELECT * FROM read_csv('${fromCsv}', header = true, sample_size = -1)`),
      ).toHaveLength(json.length);
      expect(csv.split('\n')[0]).toBe(Object.keys(json[0]!).join(','));
    }
  });

  it('has types of numbers and lists in Parquet, also where there are no rows', async () => {
    const file = join(folder, 'none.parquet');
    await outputOf(gapsCommand(dependencies), '--parquet', file);
    expect(await readParquet(file)).toEqual([]);
    const types = await askDuckDb(`DESCRIBE SELECT * FROM '${file}'`);
    expect(Object.fromEntries(types.map((row) => [row['column_name'], row['column_type']]))).toEqual({
      line: 'VARCHAR',
      venue: 'VARCHAR',
      instrument: 'VARCHAR',
      from: 'BIGINT',
      to: 'BIGINT',
      cause: 'VARCHAR',
      causes: 'VARCHAR[]',
    });
    await fill();
    await outputOf(marketsCommand(dependencies), '--market', 'M1', '--parquet', file);
    expect(await readParquet(file)).toMatchObject([
      {
        market: 'M1',
        close_ts: T0 + 10,
        open_ts: null,
        instruments: ['{"outcome":"YES","instrument":"K1"}'],
      },
    ]);
  });

  it('leaves no file where the rows break off, and says in one line where none can be', async () => {
    const file = join(folder, 'rows.parquet');
    async function* broken(): AsyncGenerator<{ id: number }> {
      yield { id: 1 };
      throw new Error('connection lost');
    }
    const columns = [{ name: 'id', type: 'bigint' as const, value: ({ id }: { id: number }) => id }];
    await expect(writeRows(broken(), columns, { parquet: file })).rejects.toThrow('connection lost');
    expect(readdirSync(folder)).toEqual([]);
    const nowhere = join(folder, 'missing', 'rows.parquet');
    await expect(outputOf(tradesCommand(dependencies), '--parquet', nowhere)).rejects.toThrow(
      /^cannot write .*rows/,
    );
    expect(existsSync(nowhere)).toBe(false);
  });

  it('takes one form at a time', async () => {
    await expect(outputOf(tradesCommand(dependencies), '--json', '--csv')).rejects.toThrow(
      /cannot be used with/,
    );
    await expect(outputOf(tradesCommand(dependencies), '--csv', '--parquet', 'x')).rejects.toThrow(
      /cannot be used with/,
    );
  });

  it('tells how far it is once it takes long, on a terminal in one line that goes away', () => {
    let now = 0;
    const told = (isTTY: boolean): [Progress, string[]] => {
      const texts: string[] = [];
      const output = { isTTY, write: (text: string) => texts.push(text) > 0 };
      return [new Progress('rows', output as unknown as NodeJS.WritableStream, () => now), texts];
    };
    const [terminal, line] = told(true);
    const [log, lines] = told(false);
    for (now = 100; now <= 11_900; now += 100) {
      terminal.at(now);
      log.at(now);
    }
    terminal.end();
    log.end();
    expect(lines).toEqual(['10,000 rows, 1,000/s\n']);
    expect(line[0]).toBe('\r\u001b[K2,000 rows, 1,000/s');
    expect(line.at(-1)).toBe('\r\u001b[K');
    expect(line).toHaveLength(21);
  });
});

describe('filters of the queries', () => {
  it('take instruments by event and by series, and a span of venue time', async () => {
    await fill();
    const ids = async (...values: string[]): Promise<unknown[]> =>
      jsonLines(await outputOf(tradesCommand(dependencies), '--json', ...values)).map(
        (row) => row['instrument'],
      );
    expect(await ids()).toEqual(['K1', 'K2', 'K3']);
    expect(await ids('--event', 'E2')).toEqual(['K2']);
    expect(await ids('--series', 'S')).toEqual(['K1', 'K2']);
    expect(await ids('--series', 'S', '--from', String(T0 + 1))).toEqual(['K2']);
    expect(await ids('--event', 'none')).toEqual([]);
    const deltas = jsonLines(await outputOf(deltasCommand(dependencies), '--json', '--event', 'E1'));
    expect(deltas.map((row) => [row['price'], row['amount'], row['instant_index']])).toEqual([
      [400_000, 5_000_000, 0],
      [410_000, -3_000_000, 1],
    ]);
    expect(jsonLines(await outputOf(metricsCommand(dependencies), '--json', '--event', 'E2'))).toEqual([]);
  });

  it('give the gaps of an event with those of its whole venue, of no other event or venue', async () => {
    await fill();
    for (const [venue, instrument] of [
      ['kalshi', 'K1'],
      ['kalshi', 'K2'],
      ['kalshi', '*'],
      ['polymarket', '*'],
    ]) {
      await client.query(
        `INSERT INTO gaps (line, gap_id, venue, instrument, from_ts, to_ts, cause) VALUES ('tape', 'g', $1, $2, $3, NULL, 'x')`,
        [venue, instrument, T0],
      );
    }
    const found = jsonLines(await outputOf(gapsCommand(dependencies), '--json', '--event', 'E1'));
    expect(found.map((row) => `${row['venue']} ${row['instrument']}`).sort()).toEqual([
      'kalshi *',
      'kalshi K1',
    ]);
  });

  it('find markets by when they close', async () => {
    await fill();
    const markets = async (...values: string[]): Promise<unknown[]> =>
      jsonLines(await outputOf(marketsCommand(dependencies), '--json', ...values)).map(
        (row) => row['market'],
      );
    expect(await markets('--closes-from', String(T0 + 11))).toEqual(['M2']);
    expect(await markets('--closes-to', String(T0 + 20))).toEqual(['M1']);
  });
});

describe('tape latency', () => {
  it('gives percentiles by venue, kind and stage', async () => {
    const rows = Array.from({ length: 100 }, (_, index) =>
      onTape(
        trade({
          trade_id: `t${index}`,
          exchange_ts: T0 + index,
          received_at: T0 + index + 1_000 * (index + 1),
        }),
      ),
    );
    await store(client, 'trades', rows);
    await client.query('UPDATE trades SET merged_at = received_at + 7000');
    const span = ['--from', String(T0), '--to', String(T0 + 1_000)];
    expect(jsonLines(await outputOf(latencyCommand(dependencies), ...span, '--json'))).toEqual([
      {
        venue: 'kalshi',
        kind: 'trade',
        stage: 'venue',
        events: 100,
        p50: 50_000,
        p90: 90_000,
        p99: 99_000,
        p999: 100_000,
      },
      {
        venue: 'kalshi',
        kind: 'trade',
        stage: 'tape',
        events: 100,
        p50: 7_000,
        p90: 7_000,
        p99: 7_000,
        p999: 7_000,
      },
    ]);
    expect(await outputOf(latencyCommand(dependencies), ...span)).toMatch(
      /kalshi +trade +venue +100 +50\.0 ms/,
    );
    expect(await outputOf(latencyCommand(dependencies), ...span, '--venue', 'polymarket')).toBe('');
    expect(await outputOf(latencyCommand(dependencies), '--from', '1', '--to', '2')).toBe('');
  });

  it('knows the stage of a line’s own database', async () => {
    const line = await databases.fresh('gatherer');
    const session = await line.connect();
    await store(session, 'trades', [trade()]);
    const stages = jsonLines(
      await outputOf(
        latencyCommand(),
        '--database',
        line.url,
        '--from',
        String(T0),
        '--to',
        String(T0 + 1),
        '--json',
      ),
    );
    expect(stages.map((row) => row['stage'])).toEqual(['venue', 'store']);
  });
});

describe('tape candles', () => {
  it('prints dollars and contracts for people', async () => {
    await fill();
    const text = await outputOf(candlesCommand(dependencies), '--instrument', 'K1', '--width', '1h');
    expect(text).toMatch(/2026-11-20T\d\d:00:00.000000Z +kalshi +K1 +0\.4 +0\.4 +0\.4 +0\.4 +1 +1/);
  });
});
