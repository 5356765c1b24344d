import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import Denque from 'denque';
import type { StreamLine } from '#src/events/captured.ts';
import { Batcher } from '#src/stream/batcher.ts';
import { GrowableRing } from '#src/stream/growable-ring.ts';
import type { PutVerdict } from '#src/stream/record-stream.ts';
import { systemAfter } from '#src/stream/timer.ts';
import type { Price } from '#src/units/price.ts';
import type { Size } from '#src/units/size.ts';
import { type Micros, systemClock } from '#src/units/time.ts';
import { compare } from './measure.ts';
import type { Extent, Row, Subject } from './row.ts';

const BACKLOG = 1_000_000;
const LINES = 50_000;
const ITEMS = 1_000_000;
const LANES = 1_000;
const PER_TURN = 500;
const AT = 1_795_000_000_000_000;
const MEMORY = 4 * 2 ** 30;

const instruments = Array.from({ length: LANES }, (_, lane) => `KXBENCH-26DEC01-T${lane}.5`);

function line(number: number): StreamLine {
  const at = AT + number * 30;
  return {
    kind: 'book_delta',
    venue: 'kalshi',
    instrument: instruments[number % LANES]!,
    side: number % 2 === 0 ? 'bid' : 'ask',
    price: (10_000 + (number % 97) * 10_000) as Price,
    change: ((number % 1_000) * 10_000) as Size,
    exchange_ts: at as Micros,
    received_at: (at + 5) as Micros,
    gatherer: 'a',
    connection: 'kalshi-1#1',
    sid: 1,
    seq: number,
    quality: 0,
    occurrence: 0,
    instant_index: 0,
  };
}

async function withLines(accept: (number: number) => void, count: number): Promise<number> {
  for (let from = 0; from < count; from += PER_TURN) {
    for (let number = from; number < from + PER_TURN; number++) accept(number);
    await turn();
  }
  return count;
}

async function batcher(directory: string, answers: boolean): Promise<Batcher> {
  return Batcher.open({
    epoch: 'life',
    stream: {
      put: async (records) =>
        answers ? records.map(() => null) : new Promise<readonly PutVerdict[]>(() => {}),
    },
    directory: await mkdtemp(join(directory, 'batcher-')),
    clock: systemClock(),
    after: systemAfter,
    random: Math.random,
    memoryLimitBytes: MEMORY,
    putTimeoutMillis: 2 ** 30,
  });
}

/** Ring and denque alone: an item in, an item out, with the backlog between. */
async function queueRow(extent: Extent): Promise<Row> {
  const ring = new GrowableRing<object>();
  const denque = new Denque<object>();
  const item = {};
  for (let count = 0; count < BACKLOG; count++) {
    ring.push(item);
    denque.push(item);
  }
  let taken = 0;
  return compare(
    {
      name: 'GrowableRing',
      run: () => {
        for (let count = 0; count < ITEMS; count++) {
          ring.push(item);
          if (ring.shift() !== undefined) taken++;
        }
        return taken > 0 ? ITEMS : 0;
      },
    },
    {
      name: 'denque',
      run: () => {
        for (let count = 0; count < ITEMS; count++) {
          denque.push(item);
          if (denque.shift() !== undefined) taken++;
        }
        return taken > 0 ? ITEMS : 0;
      },
    },
    { name: 'queue with a backlog of a million', reach: 1, unit: 'items/s of CPU' },
    extent,
  );
}

/** Lines in, records out, the stream away and a million lines waiting. */
async function backlogRows(extent: Extent, directory: string): Promise<Row[]> {
  const stuck = await batcher(directory, false);
  await withLines(
    (number) => stuck.accept(instruments[number % LANES]!, line(number), AT as Micros),
    BACKLOG,
  );
  const backlog = {
    name: 'Batcher with the backlog',
    run: () =>
      withLines((number) => stuck.accept(instruments[number % LANES]!, line(number), AT as Micros), LINES),
  };
  const queue = new Denque<StreamLine>();
  for (let number = 0; number < BACKLOG; number++) queue.push(line(number));
  let bytes = 0;
  const inDenque = await compare(
    backlog,
    {
      name: 'denque of lines, JSON.stringify at its end',
      run: () =>
        withLines((number) => {
          queue.push(line(number));
          bytes += Buffer.from(`${JSON.stringify(queue.shift())}\n`).length;
        }, LINES),
    },
    { name: 'batcher with a backlog of a million lines, beside denque', reach: 1, unit: 'lines/s of CPU' },
    extent,
  );
  queue.clear();
  const free = await batcher(directory, true);
  const withoutBacklog = await compare(
    backlog,
    {
      name: 'Batcher without backlog',
      run: () =>
        withLines((number) => free.accept(instruments[number % LANES]!, line(number), AT as Micros), LINES),
    },
    {
      name: 'batcher with a backlog of a million lines, beside itself without',
      reach: null,
      unit: 'lines/s of CPU',
    },
    extent,
  );
  if (bytes === 0 || stuck.figures().backlog_lines < BACKLOG) throw new Error('the backlog is not there');
  return [inDenque, withoutBacklog];
}

export const subject: Subject = {
  name: 'batcher',
  run: async (extent) => {
    const directory = await mkdtemp(join(tmpdir(), 'bench-batcher-'));
    try {
      return [await queueRow(extent), ...(await backlogRows(extent, directory))];
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};
