import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RecordingLine, readRecording, readRecordingFrom } from '#src/recording/read-recording.ts';
import { restBody } from '#src/recording/rest-body.ts';
import { textLines } from '#src/recording/text-lines.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'recording-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

const read = (content: string | Uint8Array, size = 7): Promise<RecordingLine[]> =>
  all(readRecordingFrom(inPieces(typeof content === 'string' ? Buffer.from(content) : content, size)));

const LINES = [
  '{"t":1774062525621000,"conn":"a#1","frame":"{\\"type\\":\\"x\\"}"}',
  '{"t":1774062525621001,"conn":"a#1","sent":"{\\"cmd\\":\\"subscribe\\"}"}',
  '{"t":1774062525621002,"conn":"a#1","binary":"AAEC"}',
  '{"frame":"é€😀","conn":"b#1","t":1774062525621003}',
  '{"type":"bare"}',
  'PONG',
  '{"t":1774062525621004,"conn":"a \\"b\\"#1","frame":{"type":"x", "n":1.0, not JSON}}',
  '{"t":-5,"conn":"a#1","sent":[{"cmd":"subscribe"}]}',
  '{"t":1774062525621005,"conn":"a#1","frame":{"é":"€😀"},"sent":{}}',
];
const READ = [
  { number: 1, frame: '{"type":"x"}', recorded: { t: 1774062525621000, conn: 'a#1', frame: '{"type":"x"}' } },
  { number: 2, frame: null, recorded: { t: 1774062525621001, conn: 'a#1', sent: '{"cmd":"subscribe"}' } },
  { number: 3, frame: null, recorded: { t: 1774062525621002, conn: 'a#1', binary: 'AAEC' } },
  { number: 4, frame: 'é€😀', recorded: { t: 1774062525621003, conn: 'b#1', frame: 'é€😀' } },
  { number: 5, frame: '{"type":"bare"}', recorded: null },
  { number: 6, frame: 'PONG', recorded: null },
  {
    number: 7,
    frame: '{"type":"x", "n":1.0, not JSON}',
    recorded: { t: 1774062525621004, conn: 'a "b"#1', frame: '{"type":"x", "n":1.0, not JSON}' },
  },
  { number: 8, frame: null, recorded: { t: -5, conn: 'a#1', sent: '[{"cmd":"subscribe"}]' } },
  {
    number: 9,
    frame: '{"é":"€😀"},"sent":{}',
    recorded: { t: 1774062525621005, conn: 'a#1', frame: '{"é":"€😀"},"sent":{}' },
  },
];

describe('a recording', () => {
  it('gives its lines with their numbers, whatever pieces it arrives in', async () => {
    for (const size of [1, 3, 64, 100_000]) expect(await read(LINES.join('\n'), size)).toEqual(READ);
  });

  it('may end with or without a newline, have carriage returns and a byte order mark', async () => {
    expect(await read(`${LINES.join('\n')}\n`)).toEqual(READ);
    expect(await read(`\ufeff${LINES.join('\r\n')}\r\n`)).toEqual(READ);
  });

  it('has blank lines left out and still counted', async () => {
    const lines = await read(`\n\n{"type":"a"}\n   \n{"type":"b"}\n\n`);
    expect(lines.map(({ number, frame }) => [number, frame])).toEqual([
      [3, '{"type":"a"}'],
      [5, '{"type":"b"}'],
    ]);
    expect(await read('')).toEqual([]);
    expect(await read('\n\n')).toEqual([]);
  });

  it('is unpacked by what it begins with, whatever it is called', async () => {
    const text = Buffer.from(LINES.join('\n'));
    for (const [name, bytes] of [
      ['plain', text],
      ['zipped', gzipSync(text)],
      ['z', zstdCompressSync(text)],
    ] as const) {
      writeFileSync(join(folder, name), bytes);
      expect(await all(readRecording(join(folder, name)))).toEqual(READ);
      expect(await read(bytes, 1)).toEqual(READ);
    }
    const twice = Buffer.concat([gzipSync(`${LINES[0]}\n`), gzipSync(`${LINES[4]}\n`)]);
    expect((await read(twice)).map(({ frame }) => frame)).toEqual(['{"type":"x"}', '{"type":"bare"}']);
  });

  it('that ends within its compression is given as far as it goes, and says so', async () => {
    const text = Array.from(
      { length: 20_000 },
      (_, index) => `{"t":${index},"conn":"c","frame":"${Math.sin(index)}"}`,
    ).join('\n');
    for (const packed of [gzipSync(text), zstdCompressSync(text)]) {
      const lines = await read(packed.subarray(0, Math.floor(packed.length * 0.6)), 4_096);
      const fault = lines.pop()!;
      expect(fault).toMatchObject({ frame: null, recorded: null, fault: { reason: 'damaged' } });
      expect(lines.length).toBeGreaterThan(5_000);
      expect(fault.number).toBe(lines.length + 1);
      expect(lines[4_321]).toMatchObject({ number: 4_322, recorded: { t: 4_321 } });
    }
    const broken = gzipSync(text);
    broken.fill(7, broken.length / 2, broken.length / 2 + 50);
    const lines = await read(broken, 4_096);
    expect(lines.at(-1)).toMatchObject({ fault: { reason: 'damaged' } });
    expect(lines.length).toBeGreaterThan(2_000);
  });

  it('names lines that are not UTF-8 or not as a recorded line must be, and goes on', async () => {
    const content = Buffer.concat([
      Buffer.from('{"type":"a"}\n'),
      Buffer.from([0xff, 0xfe, 0x00, 0x0a]),
      Buffer.from(
        '{"t":"soon","conn":"c","frame":"x"}\n{"t":1.5,"conn":"c","frame":"x"}\n{"t":1,"conn":"c","frame":7}\n{"t":1,"conn":"c","frame": {"type":"b"}}\n{"t":99999999999999999,"conn":"c","frame":{}}\n',
      ),
      Buffer.from('{"t":1,"conn":"c","frame":"cut\n{"type":"b"}'),
    ]);
    const lines = await read(content);
    expect(lines.map(({ number, frame, fault }) => [number, frame, fault?.reason])).toEqual([
      [1, '{"type":"a"}', undefined],
      [2, null, 'not_utf8'],
      [3, null, 'wrong_shape'],
      [4, null, 'wrong_shape'],
      [5, null, 'wrong_shape'],
      [6, null, 'wrong_shape'],
      [7, null, 'wrong_shape'],
      [8, '{"t":1,"conn":"c","frame":"cut', undefined],
      [9, '{"type":"b"}', undefined],
    ]);
  });

  it('leaves out a line longer than it can hold, and names it', async () => {
    const lines = (
      await all(textLines(inPieces(Buffer.from(`short\n${'x'.repeat(1_000)}\nlast`), 10), 100))
    ).flat();
    expect(lines).toEqual([
      { number: 1, text: 'short' },
      { number: 2, text: null, reason: 'too_long', message: expect.stringContaining('1000 bytes') },
      { number: 3, text: 'last' },
    ]);
  });

  it('takes a frame of ten megabytes', async () => {
    const frame = 'y'.repeat(10_000_000);
    const lines = await read(JSON.stringify({ t: 1, conn: 'c', frame }), 65_536);
    expect(lines).toMatchObject([{ number: 1, frame }]);
  });

  it('that is one JSON document over many lines is given as one', async () => {
    const document = {
      events: [
        { event_ticker: 'A', title: 'x' },
        { event_ticker: 'B', nested: { deep: [1, 2] } },
      ],
    };
    for (const text of [
      JSON.stringify(document, null, 2),
      JSON.stringify([document], null, '\t'),
      `[\n${JSON.stringify(document)},\n${JSON.stringify(document)}\n]`,
    ]) {
      const lines = await read(text);
      expect(lines.length).toBe(1);
      expect(JSON.parse(lines[0]!.frame!)).toEqual(JSON.parse(text));
    }
  });

  it('whose first line was cut is not taken for a document', async () => {
    const lines = await read(`{"t":1,"conn":"c","frame":[\n${LINES[4]}\n${LINES[4]}`);
    expect(lines.map(({ number }) => number)).toEqual([1, 2, 3]);
    expect((await read('{"type":"a","msg":{')).map(({ frame }) => frame)).toEqual(['{"type":"a","msg":{']);
  });

  it('that is not there, is a folder or may not be read gives one clear error', async () => {
    await expect(all(readRecording(join(folder, 'absent')))).rejects.toThrow(
      `there is no file ${join(folder, 'absent')}`,
    );
    await expect(all(readRecording(folder))).rejects.toThrow(`${folder} is a folder, not a file`);
  });

  it('closes its file when it is not read to the end', async () => {
    const file = join(folder, 'long');
    writeFileSync(file, `${LINES[4]}\n`.repeat(200_000));
    for (let round = 0; round < 20; round++)
      for await (const line of readRecording(file)) if (line.number === 3) break;
    rmSync(file);
  });

  it('of any lines is what was written, in any pieces and packing', async () => {
    const line = fc
      .string({ unit: 'grapheme', maxLength: 20 })
      .filter((text) => !/[\r\n\ufeff]/.test(text) && text.trim() !== '');
    const recorded = fc.record({ t: fc.nat(), conn: fc.string(), frame: fc.string({ unit: 'grapheme' }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(recorded),
        fc.array(line),
        fc.integer({ min: 1, max: 50 }),
        fc.boolean(),
        async (envelopes, bare, size, isPacked) => {
          fc.pre(!bare.some((text) => text.includes('"t"') || /^\s*[{[]/.test(text)));
          const text = [...envelopes.map((item) => JSON.stringify(item)), ...bare].join('\n');
          const bytes = isPacked ? gzipSync(text) : Buffer.from(text);
          const lines = await read(bytes, size);
          expect(lines.map(({ frame }) => frame)).toEqual([...envelopes.map(({ frame }) => frame), ...bare]);
          expect(lines.map((item) => item.recorded?.t)).toEqual([
            ...envelopes.map(({ t }) => t),
            ...bare.map(() => undefined),
          ]);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('the body of a REST answer', () => {
  it('is told from a frame', () => {
    expect(restBody('{"events":[{},{}],"cursor":""}')).toBe('2 events');
    expect(restBody('{"data":[],"next_cursor":"LTE="}')).toBe('0 data');
    expect(restBody('{"market":{"ticker":"A"}}')).toBe('one market');
    expect(restBody('[{"id":"1","conditionId":"0x"}]')).toBe('1 entries');
    for (const frame of [
      '{"type":"trade","msg":{}}',
      '[{"event_type":"book","market":"0x"}]',
      '{"event_type":"book","market":"0x"}',
      '[]',
      '7',
      'PONG',
      '{',
    ]) {
      expect(restBody(frame)).toBe(null);
    }
  });
});
