import { createHash } from 'node:crypto';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open as openFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DirectoryObjectStore } from '#src/archive/directory-object-store.ts';
import { placeSegment } from '#src/archive/finished-segment.ts';
import type { ObjectStore } from '#src/archive/object-store.ts';
import { RawRecorder, type RawRecorderOptions, type RecorderProblem } from '#src/archive/raw-recorder.ts';
import {
  connectionGroup,
  parseSegmentFileName,
  segmentFileName,
  segmentKey,
} from '#src/archive/segment-name.ts';
import { recoverSegment } from '#src/archive/segment-recovery.ts';
import type { RecordedLine } from '#src/capture/recording.ts';
import { readRecordingFrom } from '#src/recording/read-recording.ts';
import { type Micros, parseRfc3339 } from '#src/units/time.ts';

let directory: string;
let store: ObjectStore;
let problems: RecorderProblem[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'raw-recorder-'));
  store = new DirectoryObjectStore(join(directory, 'store'));
  problems = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const start = parseRfc3339('2026-11-21T07:59:59.5Z');
const local = () => join(directory, 'local', 'kalshi-a');
let now = start as number;
beforeEach(() => {
  now = start;
});

function open(options: Partial<RawRecorderOptions> = {}): Promise<RawRecorder> {
  return RawRecorder.open({
    venue: 'kalshi',
    gatherer: 'a',
    epoch: 'e1',
    directory: join(directory, 'local'),
    store,
    clock: () => now as Micros,
    after: (millis, action) => {
      const timer = setTimeout(action, Math.min(millis, 5_000));
      return () => clearTimeout(timer);
    },
    random: () => 0,
    onProblem: (problem) => problems.push(problem),
    ...options,
  });
}

async function stored(): Promise<{ key: string; text: string; lines: RecordedLine[] }[]> {
  const all = [];
  for await (const key of store.list('raw/')) {
    const text = zstdDecompressSync(await store.get(key)).toString('utf8');
    expect(text.endsWith('\n')).toBe(true);
    const lines: RecordedLine[] = [];
    const bytes = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from(text);
    };
    for await (const { recorded } of readRecordingFrom(bytes())) lines.push(recorded!);
    all.push({ key, text, lines });
  }
  return all;
}

/** Texts that are objects or lists, or merely begin and end as one. */
const likeJson = fc.oneof(
  fc.json(),
  fc.object().map((value) => JSON.stringify(value, null, 1)),
  fc
    .tuple(fc.constantFrom('{', '['), fc.string({ unit: 'binary' }), fc.constantFrom('}', ']'))
    .map((parts) => parts.join('')),
  fc.constantFrom(
    '{',
    '[',
    '{}',
    '[]',
    '{"a":"\ud800"}',
    '{"a":1},"x":{}',
    '{"a":"\n"}',
    '{"é":"€😀"}',
    '[{"a":"\\""}]',
  ),
);

test('frames, commands and binary frames come back exactly, from an object that ordinary zstd readers read', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          likeJson,
          fc.uint8Array(),
          fc.record({ command: fc.oneof(fc.string(), likeJson) }),
        ),
        { minLength: 1, maxLength: 50 },
      ),
      fc.constantFrom(1, 100, 1_000_000),
      fc.constantFrom('a/kalshi-book-17#3', 'a "quoted\\" one-1#1', 'née-1#1', `c-1#${'1'.repeat(600)}`),
      async (frames, flushBytes, conn) => {
        rmSync(join(directory, 'store'), { recursive: true, force: true });
        const recorder = await open({ flushBytes });
        const expected: RecordedLine[] = [];
        for (const [index, frame] of frames.entries()) {
          const t = (start + index) as Micros;
          if (typeof frame === 'string') {
            if (index % 2 === 0 || !frame.isWellFormed()) recorder.received(t, conn, frame);
            else recorder.receivedText(t, conn, new TextEncoder().encode(frame));
            expected.push({ t, conn, frame });
          } else if (frame instanceof Uint8Array) {
            recorder.received(t, conn, frame);
            expected.push({ t, conn, binary: Buffer.from(frame).toString('base64') });
          } else {
            recorder.sent(t, conn, frame.command);
            expected.push({ t, conn, sent: frame.command });
          }
        }
        expect(await recorder.close(5_000)).toEqual({ segments: 0, bytes: 0, dropped_lines: 0 });
        const objects = await stored();
        expect(objects).toHaveLength(1);
        expect(objects[0]!.lines).toEqual(expected);
      },
    ),
    { numRuns: 30 },
  );
});

test('what is JSON in one line is in its line as it came, so that any reader of JSON lines has it', async () => {
  const recorder = await open();
  const frames = [
    '{"type":"x", "msg":{"a":"\\u00e9 \\"€\\""}}',
    '[1, 2]',
    'PONG',
    '{"a":\n1}',
    '{"a":"\ud800"}',
  ];
  for (const frame of frames) recorder.received(start, 'c-1#1', frame);
  recorder.sent(start, 'c-1#1', '{"id":1}');
  await recorder.close(5_000);
  const [object] = await stored();
  expect(object!.text.split('\n').slice(0, -1)).toEqual([
    `{"t":${start},"conn":"c-1#1","frame":${frames[0]}}`,
    `{"t":${start},"conn":"c-1#1","frame":[1, 2]}`,
    `{"t":${start},"conn":"c-1#1","frame":"PONG"}`,
    `{"t":${start},"conn":"c-1#1","frame":"{\\"a\\":\\n1}"}`,
    `{"t":${start},"conn":"c-1#1","frame":"{\\"a\\":\\"\\ud800\\"}"}`,
    `{"t":${start},"conn":"c-1#1","sent":{"id":1}}`,
  ]);
});

test('many bytes are written at once, and are on the disk at the next flush, though it refused at first', async () => {
  const probe = await openFile(join(directory, 'probe'), 'w');
  const handles = Object.getPrototypeOf(probe) as FileHandle;
  await probe.close();
  const written = vi.spyOn(handles, 'writev');
  const synced = vi.spyOn(handles, 'datasync');
  try {
    const recorder = await open({ flushBytes: 100 });
    for (let line = 0; line < 10; line++) recorder.received(start, 'c-1#1', 'x'.repeat(100));
    await vi.waitFor(() => expect(recorder.figures().memory_bytes).toBe(0));
    expect(written).toHaveBeenCalled();
    expect(synced).not.toHaveBeenCalled();
    synced.mockRejectedValueOnce(new Error('EIO'));
    await recorder.flush();
    expect(problems).toMatchObject([{ kind: 'write_failed', message: 'Error: EIO' }]);
    await recorder.flush();
    await recorder.flush();
    expect(synced).toHaveBeenCalledTimes(2);
    await recorder.close(5_000);
    expect((await stored()).flatMap(({ lines }) => lines)).toHaveLength(10);
  } finally {
    written.mockRestore();
    synced.mockRestore();
  }
});

test('an object lies under venue, gatherer, date and hour, and its metadata is its manifest', async () => {
  const recorder = await open();
  recorder.received(start, 'kalshi-book-1#1', 'one');
  recorder.received((start + 5) as Micros, 'kalshi-book-2#9', 'two');
  recorder.received((start + 9) as Micros, 'kalshi-trade-1#1', 'three');
  await recorder.close(5_000);
  const objects = await stored();
  expect(objects.map(({ key, lines }) => [key, lines.length])).toEqual([
    [`raw/venue=kalshi/gatherer=a/date=2026-11-21/hour=07/kalshi-book-${start}-e1.jsonl.zst`, 2],
    [`raw/venue=kalshi/gatherer=a/date=2026-11-21/hour=07/kalshi-trade-${start + 9}-e1.jsonl.zst`, 1],
  ]);
  const bytes = await store.get(objects[0]!.key);
  expect(await store.metadata(objects[0]!.key)).toEqual({
    lines: '2',
    'raw-bytes': String(zstdDecompressSync(bytes).length),
    bytes: String(bytes.length),
    'first-received-at': String(start),
    'last-received-at': String(start + 5),
    sha256: createHash('sha256').update(bytes).digest('hex'),
  });
  expect(readdirSync(local())).toEqual([]);
});

test('segments are finished by age and by size, and none shares a name though the clock stands still', async () => {
  const recorder = await open({ segmentMillis: 1_000, segmentBytes: 500 });
  recorder.received(start, 'c-1#1', 'young');
  await recorder.flush();
  expect(recorder.figures().segments_finished).toBe(0);
  now += 1_000_000;
  await recorder.flush();
  expect(recorder.figures().segments_finished).toBe(1);
  for (let index = 0; index < 5; index++) {
    recorder.received(
      start,
      'c-1#1',
      Array.from({ length: 200 }, (_, at) => (at * 7919 * (index + 1)) % 9973).join(),
    );
    await recorder.flush();
  }
  await recorder.close(5_000);
  const objects = await stored();
  expect(objects).toHaveLength(6);
  expect(objects.flatMap(({ lines }) => lines)).toHaveLength(6);
});

test('a crash at any byte of the file leaves every whole flushed line, and the next life uploads them', async () => {
  const recorder = await open();
  const flushedAt: number[] = [];
  for (let flush = 0; flush < 4; flush++) {
    for (let line = 0; line < 25; line++)
      recorder.received(
        (start + flush * 25 + line) as Micros,
        'c-1#1',
        `frame ${flush} ${line} ${Math.sqrt(line + flush)}`,
      );
    await recorder.flush();
    flushedAt.push(readFileSync(join(local(), readdirSync(local())[0]!)).length);
  }
  const name = readdirSync(local())[0]!;
  const saved = join(directory, 'saved');
  copyFileSync(join(local(), name), saved);
  await recorder.close(5_000);

  const size = flushedAt.at(-1)!;
  const open_ = join(directory, 'crashed.open');
  const target = join(directory, 'crashed');
  for (let length = 0; length <= size; length += length < 30 || length > size - 10 ? 1 : 13) {
    copyFileSync(saved, open_);
    truncateSync(open_, length);
    const found = await recoverSegment(open_, target);
    const least = flushedAt.filter((bytes) => bytes <= length).length * 25;
    expect(found.manifest?.lines ?? 0).toBeGreaterThanOrEqual(least);
    if (found.manifest === null) continue;
    const text = zstdDecompressSync(readFileSync(target)).toString();
    expect(text.split('\n')).toHaveLength(found.manifest.lines + 1);
    expect(found.manifest).toMatchObject({
      first_received_at: start,
      last_received_at: start + found.manifest.lines - 1,
    });
  }

  rmSync(join(directory, 'store'), { recursive: true });
  copyFileSync(saved, join(local(), name));
  appendFileSync(join(local(), name), Buffer.alloc(50));
  const next = await open({ epoch: 'e2' });
  await next.close(5_000);
  const objects = await stored();
  expect(objects.map(({ lines }) => lines.length)).toEqual([100]);
  expect(objects[0]!.key).toContain('-e1.jsonl.zst');
  expect(next.figures()).toMatchObject({ segments_recovered: 1, segments_uploaded: 1, segments_waiting: 0 });
  expect(problems.filter((problem) => problem.kind === 'recovered')).toMatchObject([
    { file: name, lines: 100 },
  ]);
});

test.each([
  ['empty', (manifest: string) => writeFileSync(manifest, '')],
  ['of something else', (manifest: string) => writeFileSync(manifest, '{}')],
  ['gone', (manifest: string) => rmSync(manifest)],
])(
  'a finished segment whose manifest is %s is uploaded by the next life, with a new one',
  async (_, damage) => {
    const away: ObjectStore = { ...store, put: () => Promise.reject(new Error('away')) };
    const recorder = await open({ store: away });
    recorder.received(start, 'c-1#1', 'kept');
    expect(await recorder.close(20)).toMatchObject({ segments: 1 });
    const manifest = readdirSync(local()).find((name) => name.endsWith('.json'))!;
    const before = JSON.parse(readFileSync(join(local(), manifest), 'utf8')) as { lines: number };
    damage(join(local(), manifest));
    problems = [];
    const next = await open({ epoch: 'e2' });
    expect(await next.close(5_000)).toEqual({ segments: 0, bytes: 0, dropped_lines: 0 });
    expect(problems).toMatchObject([{ kind: 'recovered', lines: 1, lost_bytes: 0, kept_aside: null }]);
    const [object] = await stored();
    expect(object!.lines).toMatchObject([{ frame: 'kept' }]);
    expect((await store.metadata(object!.key))['lines']).toBe(String(before.lines));
    expect(readdirSync(local())).toEqual([]);
  },
);

test('a segment gets its name once its manifest lasts, and the name lasts before anybody is told', async () => {
  const [part, target] = [join(directory, 'part'), join(directory, 'whole')];
  writeFileSync(part, 'x');
  const handle = await openFile(part);
  const handles = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const there: string[] = [];
  const look = async (): Promise<void> => {
    there.push(existsSync(target) ? 'name' : readFileSync(`${target}.json`, 'utf8'));
  };
  const spies = [
    vi.spyOn(handles, 'datasync').mockImplementation(look),
    vi.spyOn(handles, 'sync').mockImplementation(look),
  ];
  const manifest = {
    lines: 1,
    raw_bytes: 1,
    bytes: 1,
    first_received_at: start,
    last_received_at: start,
    sha256: 'x',
  };
  await placeSegment(part, target, manifest);
  for (const spy of spies) spy.mockRestore();
  expect(there).toEqual([JSON.stringify(manifest), 'name']);
});

test('a segment whose manifest goes while it waits is counted among those that wait', async () => {
  const away: ObjectStore = { ...store, put: () => Promise.reject(new Error('away')) };
  const recorder = await open({ store: away, segmentMillis: 1 });
  recorder.received(start, 'c-1#1', 'kept');
  await recorder.flush();
  now += 10_000;
  await recorder.flush();
  const manifest = readdirSync(local()).find((name) => name.endsWith('.json'))!;
  writeFileSync(join(local(), manifest), '');
  expect(await recorder.close(20)).toMatchObject({ segments: 1 });
});

test('what cannot be read at all is kept aside and named', async () => {
  const recorder = await open();
  await recorder.close(1_000);
  const name = `c-${start}-e0.jsonl.zst.open`;
  writeFileSync(join(local(), name), 'this is no zstd frame');
  const next = await open({ epoch: 'e2' });
  await next.close(1_000);
  expect(problems).toMatchObject([{ kind: 'recovered', lines: 0, lost_bytes: 21 }]);
  expect(readdirSync(local())).toEqual([`${name}.damaged`]);
});

test('with the store away, segments wait on disk, are reported, and are uploaded by this life or the next', async () => {
  let away = true;
  const real = store;
  const flaky: ObjectStore = {
    put: async (...given) => {
      if (away) throw new Error('503 Slow Down');
      return real.put(...given);
    },
    get: (key) => real.get(key),
    metadata: (key) => real.metadata(key),
    list: (prefix) => real.list(prefix),
  };
  const retrySoon = {
    store: flaky,
    after: (millis: number, action: () => void) => {
      const timer = setTimeout(action, Math.min(millis, 5));
      return () => clearTimeout(timer);
    },
  };
  const recorder = await open({ ...retrySoon, segmentMillis: 1 });
  recorder.received(start, 'c-1#1', 'waits');
  await recorder.flush();
  now += 10_000;
  await vi.waitFor(() => expect(recorder.figures()).toMatchObject({ segments_waiting: 1 }));
  expect(problems[0]).toMatchObject({ kind: 'upload_failed', message: 'Error: 503 Slow Down' });
  away = false;
  await vi.waitFor(() =>
    expect(recorder.figures()).toMatchObject({ segments_waiting: 0, segments_uploaded: 1 }),
  );
  away = true;
  recorder.received(start, 'c-1#1', 'waits longer');
  expect(await recorder.close(20)).toMatchObject({ segments: 1 });
  away = false;
  const next = await open({ epoch: 'e2' });
  expect(await next.close(5_000)).toMatchObject({ segments: 0 });
  expect((await stored()).flatMap(({ lines }) => lines.map((line) => line.frame)).sort()).toEqual([
    'waits',
    'waits longer',
  ]);
});

test('with the disk refusing, nothing is thrown, what fits in memory waits, the rest is counted, and all goes on after', async () => {
  const recorder = await open({ memoryLimitBytes: 2_000 });
  renameSync(local(), `${local()}-gone`);
  writeFileSync(local(), 'not a folder');
  for (let line = 0; line < 100; line++) {
    recorder.received((start + line) as Micros, 'c-1#1', `frame ${line} ${'x'.repeat(50)}`);
    if (line % 10 === 0) await recorder.flush();
  }
  const { recorded_lines, dropped_lines, write_failures, memory_bytes } = recorder.figures();
  expect(recorded_lines + dropped_lines).toBe(100);
  expect(dropped_lines).toBeGreaterThan(0);
  expect(write_failures).toBeGreaterThan(0);
  expect(memory_bytes).toBeLessThan(2_200);
  expect(problems.filter((problem) => problem.kind === 'recording_suspended').length).toBeGreaterThan(0);
  rmSync(local());
  renameSync(`${local()}-gone`, local());
  await recorder.flush();
  recorder.received((start + 100) as Micros, 'c-1#1', 'after');
  await recorder.close(5_000);
  const lines = (await stored()).flatMap((object) => object.lines);
  expect(lines).toHaveLength(recorded_lines + 1);
  expect(lines.at(-1)!.frame).toBe('after');
});

test('names of connections, files and keys hold together', () => {
  expect(connectionGroup('a/kalshi-book-17#3')).toBe('kalshi-book');
  expect(connectionGroup('polymarket-market-2#1')).toBe('polymarket-market');
  expect(connectionGroup('../../etc#1')).toBe('etc');
  expect(connectionGroup('')).toBe('_');
  const name = { group: 'kalshi-book', start, epoch: '2026-11-21T07:59:59Z-ab' };
  const file = segmentFileName(name);
  expect(parseSegmentFileName(file)).toEqual({ ...name, epoch: '2026_11_21T07_59_59Z_ab' });
  expect(segmentKey('polymarket', 'c', name)).toBe(
    `raw/venue=polymarket/gatherer=c/date=2026-11-21/hour=07/${file}`,
  );
  expect(parseSegmentFileName('notes.txt')).toBeNull();
});
