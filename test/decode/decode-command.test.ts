import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixtureLines, fixturePath } from './fixtures.ts';

interface Outcome {
  readonly code: number | null;
  readonly events: Record<string, unknown>[];
  readonly complaints: Record<string, unknown>[];
  readonly stderr: string;
}

const PROGRAM = new URL('./run-decode.ts', import.meta.url).pathname;

function run(args: readonly string[], input: string | Uint8Array = ''): Promise<Outcome> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const parsed = (text: string): Record<string, unknown>[] =>
    text
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return new Promise((resolve) => {
    child.on('close', (code) =>
      resolve({ code, events: parsed(stdout), complaints: parsed(stderr), stderr }),
    );
  });
}

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decode-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const DELTA =
  '{"type":"orderbook_delta","sid":1,"seq":2,"msg":{"market_ticker":"A","price_dollars":"0.40","delta_fp":"1","side":"no","ts_ms":1795187045123}}';
const recorded = (frame: string, conn = 'kalshi-1'): string =>
  JSON.stringify({ t: 1_795_187_046_000_000, conn, frame });

describe('tape decode', () => {
  it('prints one event a line, with what the recording and the frame say of their origin', async () => {
    const { code, events, complaints } = await run([
      '--venue',
      'kalshi',
      fixturePath('kalshi-deltas-2026-03-20.jsonl'),
    ]);
    expect(code).toBe(0);
    expect(complaints).toEqual([]);
    expect(events.length).toBe(fixtureLines('kalshi-deltas-2026-03-20.jsonl').length - 1);
    expect(events.at(-1)).toMatchObject({
      kind: 'book_delta',
      venue: 'kalshi',
      connection: 'kalshi-1',
      sid: 1,
      received_at: expect.any(Number),
    });
    expect(events[0]).toMatchObject({
      kind: 'book_snapshot',
      source: 'ws',
      received_at: 1_774_062_525_621_000,
      snapshot_ts: 1_774_062_525_621_000,
      seq: 1,
    });
  });

  it('takes bare frames; the venue time stands in for the time of receipt', async () => {
    const { code, events, complaints } = await run([
      '--venue',
      'polymarket',
      fixturePath('polymarket-frames.jsonl'),
    ]);
    expect({ code, complaints, count: events.length }).toEqual({ code: 0, complaints: [], count: 16 });
    for (const event of events) {
      expect(event['received_at']).toBe(event['exchange_ts']);
      expect(event).not.toHaveProperty('connection');
      expect(event).not.toHaveProperty('sid');
      expect(event).not.toHaveProperty('seq');
    }
    const kalshi = await run(['--venue', 'kalshi', fixturePath('kalshi-documented.jsonl')]);
    expect(kalshi.complaints).toEqual([]);
    expect(kalshi.events.length).toBe(15);
    expect(kalshi.events[0]).toMatchObject({ kind: 'book_snapshot', received_at: 0, snapshot_ts: 0 });
  });

  it('reads standard input, packed or not, without FILE and with -', async () => {
    for (const args of [[], ['-']]) {
      for (const input of [`${DELTA}\n`, gzipSync(DELTA)]) {
        expect((await run(['--venue', 'kalshi', ...args], input)).events).toMatchObject([
          { kind: 'book_delta', price: 600_000 },
        ]);
      }
    }
  });

  it('goes by the convention that a recorded command asked for on its connection', async () => {
    const sent = (conn: string, use_yes_price?: boolean): string =>
      JSON.stringify({
        t: 1,
        conn,
        sent: JSON.stringify({
          id: 1,
          cmd: 'subscribe',
          params: { channels: ['orderbook_delta'], use_yes_price },
        }),
      });
    const other = JSON.stringify({
      t: 1,
      conn: 'yes',
      sent: '{"id":2,"cmd":"subscribe","params":{"channels":["trade"]}}',
    });
    const input = [
      sent('yes', true),
      sent('no', false),
      sent('unsaid'),
      other,
      ...['yes', 'no', 'unsaid', 'unheard'].map((conn) => recorded(DELTA, conn)),
    ].join('\n');
    const prices = async (args: string[]): Promise<unknown[]> =>
      (await run(['--venue', 'kalshi', ...args], input)).events.map(({ price }) => price);
    expect(await prices([])).toEqual([400_000, 600_000, 600_000, 600_000]);
    expect(await prices(['--use-yes-price'])).toEqual([400_000, 600_000, 600_000, 400_000]);
  });

  it('names every line that it cannot read, and prints all the others', async () => {
    const input = Buffer.concat([
      Buffer.from(`${recorded(DELTA)}\n${recorded('{"type":"trade","msg":{"tra')}\n${recorded('<html>')}\n`),
      Buffer.from(`${JSON.stringify({ t: 1, conn: 'c', binary: 'AAEC' })}\n`),
      Buffer.from([0xff, 0xfe, 0x0a]),
      Buffer.from(`${recorded('{"type":"brand_new","sid":1,"seq":3,"msg":{}}')}\n`),
      Buffer.from(
        `${recorded(DELTA.replace('"0.40"', '"NaN"'))}\n${recorded(DELTA.replace('"side"', '"novel":1,"side"'))}\n`,
      ),
      Buffer.from(`${recorded('')}\n{"t":1,"conn":"c","frame":"cut\n${recorded(DELTA)}`),
    ]);
    const { code, events, complaints } = await run(['--venue', 'kalshi'], input);
    expect(code).toBe(0);
    expect(events.length).toBe(3);
    expect(complaints.map(({ line, reason }) => [line, reason])).toEqual([
      [2, 'not_json'],
      [3, 'not_json'],
      [4, 'binary'],
      [5, 'not_utf8'],
      [6, 'unknown_type'],
      [7, 'bad_price'],
      [8, 'unknown_key'],
      [9, 'empty'],
      [10, 'not_json'],
    ]);
    for (const complaint of complaints) expect(Object.keys(complaint)).toEqual(['line', 'reason', 'message']);
  });

  it('names the body of a REST answer once, on one line or on many', async () => {
    const body = {
      events: Array.from({ length: 50 }, (_, index) => ({ event_ticker: `E${index}` })),
      cursor: '',
    };
    for (const [venue, text, says] of [
      ['kalshi', JSON.stringify(body), '50 events'],
      ['kalshi', JSON.stringify(body, null, 2), '50 events'],
      [
        'polymarket',
        JSON.stringify(
          [
            { id: '1', conditionId: '0x1' },
            { id: '2', conditionId: '0x2' },
          ],
          null,
          4,
        ),
        '2 entries',
      ],
    ] as const) {
      const { code, events, complaints } = await run(['--venue', venue], text);
      expect({ code, events }).toEqual({ code: 0, events: [] });
      expect(complaints).toEqual([{ line: 1, reason: 'rest_body', message: expect.stringContaining(says) }]);
    }
  });

  it('leaves out what is not there, and gives lists of levels as they are', async () => {
    const { events } = await run(
      ['--venue', 'kalshi'],
      recorded(DELTA.replace(',"ts_ms":1795187045123', '')),
    );
    expect(Object.keys(events[0]!).sort()).toEqual([
      'change',
      'connection',
      'exchange_ts',
      'instrument',
      'kind',
      'price',
      'received_at',
      'seq',
      'sid',
      'side',
      'venue',
    ]);
    expect(events[0]).toMatchObject({ exchange_ts: null });
  });

  it('takes a frame of ten megabytes', async () => {
    const levels = Array.from({ length: 400_000 }, (_, index) => [
      `0.${String(index + 1).padStart(6, '0')}`,
      '12345.00',
    ]);
    const frame = JSON.stringify({
      type: 'orderbook_snapshot',
      sid: 1,
      seq: 1,
      msg: { market_ticker: 'A', yes_dollars_fp: levels },
    });
    expect(frame.length).toBeGreaterThan(9_000_000);
    const { events, complaints } = await run(['--venue', 'kalshi'], recorded(frame));
    expect(complaints).toEqual([]);
    expect((events[0]!['bids'] as unknown[]).length).toBe(400_000);
    expect((events[0]!['bids'] as unknown[])[0]).toEqual([400_000, 12_345_000_000]);
  });

  it('ends with 1 and one clear line where the file is missing or is a folder', async () => {
    const absent = await run(['--venue', 'kalshi', join(folder, 'absent.jsonl')]);
    expect(absent).toMatchObject({
      code: 1,
      events: [],
      stderr: `tape: there is no file ${join(folder, 'absent.jsonl')}\n`,
    });
    expect(await run(['--venue', 'kalshi', folder])).toMatchObject({
      code: 1,
      stderr: `tape: ${folder} is a folder, not a file\n`,
    });
    expect((await run(['--venue', 'nasdaq'])).code).toBe(1);
    expect((await run([])).code).toBe(1);
  });

  it('ends quietly when its reader has seen enough', async () => {
    const file = join(folder, 'many.jsonl');
    writeFileSync(file, `${recorded(DELTA)}\n`.repeat(50_000));
    const child = spawn(process.execPath, [PROGRAM, '--venue', 'kalshi', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdout.once('data', () => child.stdout.destroy());
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('counts at the end on request', async () => {
    const { complaints } = await run(['--venue', 'kalshi', '--summary'], `${recorded(DELTA)}\nx\n`);
    expect(complaints.at(-1)).toEqual({ lines: 2, events: 1, problems: 1 });
  });
});
