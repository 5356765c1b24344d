import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { tape } from '../end-to-end/tape.ts';

const folder = mkdtempSync(join(tmpdir(), 'tape-first-use-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const absent = join(folder, 'absent');

describe('a command that is given what it cannot use', () => {
  it.each([
    [['up', '--source', 'nope'], 'tape: --source nope: expected sim, live or replay:PATH'],
    [
      ['up', '--source', `replay:${absent}`],
      `tape: --source replay:${absent}: there is no file or folder ${absent}`,
    ],
    [['up', '--config', absent], `tape: ${absent}: cannot be read (ENOENT)`],
    [['status', '--data', absent], `tape: nothing is running in ${absent}; start it with: tape up`],
    [
      ['trades', '--data', absent],
      `tape: there is no tape in ${absent}: start one with \`tape up\`, or name a database with --database URL`,
    ],
    [['decode', '--venue', 'kalshi', absent], `tape: there is no file ${absent}`],
    [['replay', absent], `tape: there is no file or folder ${absent}`],
    [
      ['sim', 'book', '--truth', absent, '--venue', 'kalshi', '--instrument', 'K', '--at', 'soon'],
      'tape: not a time: "soon"; expected e.g.',
    ],
    [
      ['record', '--venue', 'nope', '--out', absent],
      "error: option '--venue <venue>' argument 'nope' is invalid. Allowed choices are kalshi, polymarket.",
    ],
    [['up', '--sorce', 'sim'], "error: unknown option '--sorce'"],
  ])('says so in one line and ends with 1: %s', async (parameters, complaint) => {
    const { code, stdout, stderr } = await tape(...parameters);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr.split('\n')[0]).toContain(complaint);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

describe('tape sim book', () => {
  it("gives the simulator's own book at any time that other commands take", async () => {
    const truth = join(folder, 'truth.jsonl');
    const at = 1_795_257_245_000_000;
    writeFileSync(
      truth,
      [
        { kind: 'header', version: 1, seed: 1, started_at: at },
        { kind: 'book', n: 1, venue: 'kalshi', instrument: 'K', at, bids: [[400_000, 1_000_000]], asks: [] },
        {
          kind: 'book_delta',
          n: 2,
          venue: 'kalshi',
          instrument: 'K',
          side: 'ask',
          price: 500_000,
          change: 2_000_000,
          exchange_ts: at + 1_000_000,
          delivered: 1,
          emitted_at: at + 1_000_000,
        },
      ]
        .map((record) => `${JSON.stringify(record)}\n`)
        .join(''),
    );
    const book = async (time: string) => {
      const { stdout } = await tape(
        'sim',
        'book',
        '--truth',
        truth,
        '--venue',
        'kalshi',
        '--instrument',
        'K',
        '--at',
        time,
        '--json',
      );
      return JSON.parse(stdout) as { bids: unknown; asks: unknown };
    };
    for (const time of [String(at), String(at / 1_000_000), new Date(at / 1_000).toISOString()])
      expect(await book(time), time).toMatchObject({ bids: [[400_000, 1_000_000]], asks: [] });
    expect(await book(String(at + 1_000_000))).toMatchObject({ asks: [[500_000, 2_000_000]] });
  });
});
