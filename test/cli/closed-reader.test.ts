import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { formatRfc3339, MICROS_PER_DAY, type Micros } from '#src/units/time.ts';
import { delta, type Row, store, T0, ticker, trade } from '../merge/lines.ts';
import { useDatabases } from '../storage/database.ts';

const databases = useDatabases();
const dateOf = (time: number): string => formatRfc3339(time as Micros).slice(0, 10);
const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tape-closed-reader-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs `tape` with one of its outputs closed by its reader: at once, or after the first piece. */
async function tapeWithout(
  closed: 'stdout' | 'stderr',
  when: 'at once' | 'after the first piece',
  ...parameters: string[]
): Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['cli/tape.ts', ...parameters], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      said[stream] += text;
      if (stream === closed) child[stream].destroy();
    });
  }
  if (when === 'at once') child[closed].destroy();
  return await new Promise((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal, ...said })),
  );
}

function onTape({ connection: _, sid: __, seq: ___, ...row }: Row): Row {
  return { ...row, lines: 7 };
}

describe('a reader that goes', () => {
  it('from the complaints takes no event away', async () => {
    const file = join(folder, 'half-bad.jsonl');
    const good =
      '{"type":"orderbook_delta","sid":1,"seq":2,"msg":{"market_ticker":"A","price_dollars":"0.40","delta_fp":"1","side":"no","ts_ms":1795187045123}}';
    writeFileSync(file, `${good}\nnot json\n`.repeat(5_000));
    const { code, stdout } = await tapeWithout(
      'stderr',
      'after the first piece',
      ...['decode', '--venue', 'kalshi', file],
    );
    expect(code).toBe(0);
    expect(stdout.split('\n').length - 1).toBe(5_000);
  });

  it('from what a changing command tells leaves no work undone', async () => {
    const database = await databases.fresh('production');
    const client = await database.connect();
    await store(client, 'trades', [onTape(trade())]);
    await store(client, 'order_book_deltas', [onTape(delta())]);
    await store(client, 'tickers', [onTape(ticker())]);
    const out = join(folder, 'out');
    const date = dateOf(T0);
    const nextDate = dateOf(T0 + MICROS_PER_DAY);
    const { code, stderr } = await tapeWithout(
      'stdout',
      'at once',
      ...['export', '--json', '--unsettled', '--database', database.url, '--out', out],
      ...['--venue', 'kalshi', '--from', date, '--to', nextDate],
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const name of ['order_book_deltas', 'tickers', 'trades']) {
      const manifest = join(out, 'manifests', name, `date=${date}`, 'venue=kalshi', 'manifest.json');
      expect(existsSync(manifest), name).toBe(true);
    }
  });

  it('from what a command prints that does nothing else ends it quietly', async () => {
    const database = await databases.fresh('production');
    const client = await database.connect();
    await store(
      client,
      'trades',
      Array.from({ length: 2_000 }, (_, index) => onTape(trade({ trade_id: `t${index}` }))),
    );
    const { code, stderr, stdout } = await tapeWithout(
      'stdout',
      'after the first piece',
      ...['trades', '--json', '--database', database.url, '--from', String(T0 - 1)],
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.length).toBeGreaterThan(0);
    expect(stdout.split('\n').length).toBeLessThan(2_000);
  });
});
