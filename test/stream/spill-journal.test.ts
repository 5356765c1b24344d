import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { SealedRecord } from '#src/stream/sealed-record.ts';
import { type JournalProblem, SpillJournal } from '#src/stream/spill-journal.ts';
import { systemAfter } from '#src/stream/timer.ts';
import type { Micros } from '#src/units/time.ts';

let directory: string;
const problems: JournalProblem[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spill-journal-'));
  problems.length = 0;
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = (segmentBytes = 1_000) =>
  SpillJournal.open({
    directory,
    after: systemAfter,
    segmentBytes,
    onProblem: (problem) => problems.push(problem),
  });

function record(order: number, bytes = 200): SealedRecord {
  return {
    order,
    partitionKey: `lane-${order % 3}`,
    data: Buffer.from(`${order}`.padEnd(bytes, '.')),
    lines: 2,
    oldestReceivedAt: (1_000 + order) as Micros,
  };
}

async function filled(count: number): Promise<void> {
  const journal = await open();
  for (let order = 0; order < count; order++) journal.append(record(order));
  expect(await journal.settle()).toBe(true);
  await journal.close();
}

async function readAll(journal: SpillJournal): Promise<SealedRecord[]> {
  const all: SealedRecord[] = [];
  for (;;) {
    const items = await journal.read(500);
    if (items.length === 0) return all;
    for (const { record: found, segment } of items) {
      all.push(found);
      if (segment !== null) journal.acknowledge(segment);
    }
  }
}

const files = () => readdirSync(directory).sort();

test('what was written comes back whole and in order in the next life, and the files go when acknowledged', async () => {
  await filled(30);
  expect(files().length).toBeGreaterThan(3);
  const journal = await open();
  expect(journal.backlog()).toMatchObject({ records: 30, lines: 60, memoryBytes: 0 });
  expect(journal.oldestReceivedAt()).toBe(1_000);
  expect(journal.nextOrder(5 as Micros)).toBeGreaterThan(30);
  expect((await readAll(journal)).map((found) => ({ ...found, data: Buffer.from(found.data) }))).toEqual(
    Array.from({ length: 30 }, (_, order) => record(order)),
  );
  await journal.close();
  expect(files()).toEqual([]);
  expect(journal.oldestReceivedAt()).toBe(Number.POSITIVE_INFINITY);
  expect(problems).toEqual([]);
});

test('read but not acknowledged is read again by the next life', async () => {
  await filled(5);
  const journal = await open();
  while ((await journal.read(10_000)).length > 0);
  await journal.close();
  expect(await readAll(await open())).toHaveLength(5);
});

test('a torn tail is cut and counted at every length, and what is before it comes back', async () => {
  const journal = await open(1_000_000);
  for (let order = 0; order < 3; order++) journal.append(record(order, 40));
  await journal.settle();
  await journal.close();
  const path = join(directory, files()[0]!);
  const whole = readFileSync(path);
  const frame = whole.length / 3;
  for (let length = 1; length < whole.length; length++) {
    writeFileSync(path, whole);
    truncateSync(path, length);
    problems.length = 0;
    const cut = await SpillJournal.open({
      directory,
      after: systemAfter,
      onProblem: (problem) => problems.push(problem),
    });
    const sound = Math.floor(length / frame);
    expect(cut.backlog().records).toBe(sound);
    if (length % frame === 0) expect(problems).toEqual([]);
    else
      expect(problems).toMatchObject([
        { kind: 'damage', reason: 'torn_tail', bytes: length - sound * frame },
      ]);
  }
});

test('a damaged body costs that record only; a damaged header the rest of its file; both files are kept', async () => {
  await filled(12);
  const [first, second] = files();
  const body = readFileSync(join(directory, first!));
  body[60]! ^= 0xff;
  writeFileSync(join(directory, first!), body);
  const header = readFileSync(join(directory, second!));
  header[5]! ^= 0xff;
  writeFileSync(join(directory, second!), header);
  const journal = await open();
  const orders = (await readAll(journal)).map((found) => found.order);
  await journal.close();
  // Five frames of 246 bytes to a file: the first of the first file, and all of the second, are gone.
  expect(orders).toEqual([1, 2, 3, 4, 10, 11]);
  expect(problems.map((problem) => problem.kind === 'damage' && problem.reason).sort()).toEqual([
    'bad_checksum',
    'bad_header',
  ]);
  expect(files()).toEqual([`${first}.damaged`, `${second}.damaged`]);
});

test('foreign files in the folder are left alone', async () => {
  writeFileSync(join(directory, 'README'), 'mine');
  appendFileSync(join(directory, 'spill-1.journal'), 'not ours');
  const journal = await open();
  expect(journal.exhausted).toBe(true);
  await journal.close();
  expect(files()).toEqual(['README', 'spill-1.journal']);
});

test('leftovers kept at shutdown come back at their place between the segments', async () => {
  const journal = await open(1);
  for (const order of [10, 20, 30]) {
    journal.append(record(order));
    await journal.settle();
  }
  await journal.keepLeftovers([31, 5, 25, 6, 15, 26].map((order) => record(order)));
  await journal.close();
  expect((await readAll(await open())).map((found) => found.order)).toEqual([
    5, 6, 10, 15, 20, 25, 26, 30, 31,
  ]);
});

test('records of this life wait until those of an earlier life are acknowledged', async () => {
  await filled(2);
  const journal = await open();
  journal.append(record(1_000_000_000));
  await journal.settle();
  const items = [...(await journal.read(10_000)), ...(await journal.read(10_000))];
  expect(items.map((item) => item.record.order)).toEqual([0, 1]);
  expect(await journal.read(10_000)).toEqual([]);
  for (const { segment } of items) journal.acknowledge(segment!);
  expect((await journal.read(10_000)).map((item) => item.record.order)).toEqual([1_000_000_000]);
});
