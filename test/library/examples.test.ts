import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { formatRfc3339, MICROS_PER_DAY, type Micros } from '#src/units/time.ts';
import { exportCommand } from '../../cli/commands/export.ts';
import { servedApi } from '../api/served-tape.ts';
import { delta, type Row, snapshot, store, T0, trade } from '../merge/lines.ts';
import { outputOf } from '../queries/run-command.ts';
import { useDatabases } from '../storage/database.ts';

const databases = useDatabases();
const folder = mkdtempSync(join(tmpdir(), 'tape-examples-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const root = new URL('../../', import.meta.url);
const path = (name: string): string => fileURLToPath(new URL(name, root));
const tried = new Set<string>();

/** What an example prints. @throws what it complains about */
async function example(name: string, ...values: string[]): Promise<string> {
  tried.add(`${name}.ts`);
  const { stdout } = await promisify(execFile)(process.execPath, [path(`examples/${name}.ts`), ...values]);
  return stdout;
}

const onTape = ({ connection: _, sid: __, seq: ___, ...row }: Row): Row => ({ ...row, lines: 7 });

it('an example decodes a frame', async () => {
  expect(await example('decode-a-frame')).toBe('KXHIGHNY-26NOV20-B52.5 ask $0.58 changes by -12500000\n');
});

it('an example keeps the books of a recording', async () => {
  const lines = (
    await example('book-from-frames', path('test/fixtures/recordings/kalshi-deltas-2026-03-20.jsonl.gz'))
  )
    .trimEnd()
    .split('\n');
  expect(lines).toHaveLength(5);
  for (const line of lines) expect(line).toMatch(/^KX\S+ {2}\d+ changes {2}mean spread \$0\.\d+$/);
});

it('examples query a tape, and lead from its export to a plot', async () => {
  const database = await databases.fresh('production');
  const client = await database.connect();
  await store(client, 'order_book_snapshots', [
    onTape(
      snapshot({ snapshot_ts: T0, source: 'engine', bids: [400_000, 5_000_000], asks: [600_000, 1_500_000] }),
    ),
  ]);
  await store(client, 'order_book_deltas', [
    onTape(delta({ exchange_ts: T0 + 1, side: 'bid', price: 410_000, amount: 2_000_000 })),
  ]);
  await store(client, 'trades', [
    onTape(trade({ trade_id: 'a', exchange_ts: T0 + 1, price: 400_000, size: 2_000_000 })),
    onTape(trade({ trade_id: 'b', exchange_ts: T0 + 2, price: 420_000, size: 1_000_000 })),
    onTape(trade({ trade_id: 'c', instrument: 'K2', exchange_ts: T0, price: 100_000, size: 1_000_000 })),
  ]);
  const time = formatRfc3339((T0 + 1) as Micros);
  const minute = formatRfc3339((T0 - (T0 % 60_000_000)) as Micros);
  expect(await example('query-a-tape', database.url, 'kalshi', 'K1', time)).toBe(
    [
      'the book, but no line has been merged yet',
      'bid $0.41 × 2',
      'bid $0.4 × 5',
      'ask $0.6 × 1.5',
      `${minute}  0.4 to 0.42  3 contracts`,
      '',
    ].join('\n'),
  );
  const server = await servedApi(database.url, (text) => expect.fail(text));
  try {
    expect(await example('query-over-http', server.url, 'kalshi', 'K1', time)).toBe(
      [
        'the book, but no line has been merged yet',
        'bid $0.41 × 2',
        'ask $0.6 × 1.5',
        `${time}  $0.4 × 2`,
        `${formatRfc3339((T0 + 2) as Micros)}  $0.42 × 1`,
        '',
      ].join('\n'),
    );
  } finally {
    await server.close();
  }
  const [place, plot] = [join(folder, 'export'), join(folder, 'plot.svg')];
  const from = T0 - (T0 % MICROS_PER_DAY);
  await outputOf(
    exportCommand({ openDatabase: async () => ({ client, close: async () => {} }) }),
    ...['--out', place, '--unsettled', '--from', String(from), '--to', String(from + MICROS_PER_DAY)],
  );
  expect(await example('export-to-plot', place, plot)).toBe(`2 trades of K1 in ${plot}\n`);
  const svg = readFileSync(plot, 'utf8');
  expect(svg).toContain('points="0.0,180.0 800.0,174.0"');
  expect(svg.match(/<circle/g)).toHaveLength(2);
});

it('no example is left untried', () => {
  expect(readdirSync(path('examples')).sort()).toEqual([...tried].sort());
});
