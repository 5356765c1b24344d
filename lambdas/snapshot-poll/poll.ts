import type { PollLedger } from '#src/catalogue/poll-ledger.ts';
import type { RateBudget } from '#src/catalogue/rate-budget.ts';
import { Quality } from '#src/events/captured.ts';
import type { BookSnapshotEvent, Gatherer, Venue } from '#src/events/event.ts';
import { HttpError } from '#src/http/http-error.ts';
import { partitionKey } from '#src/stream/lanes.ts';
import { KINESIS_LIMITS, type RecordStream, type StreamRecord } from '#src/stream/record-stream.ts';
import type { FetchedBooks } from '#src/venues/fetched-books.ts';
import type { SnapshotPollEvent, SnapshotPollResult } from './contract.ts';

/** The budget gave no request in time: the next run will. */
export class BudgetSpent extends Error {
  override readonly name = 'BudgetSpent';
}

/** No stream took the books; they count as not polled. */
export class NothingStored extends Error {
  override readonly name = 'NothingStored';
}

const MAX_LINES_PER_RECORD = 500;
const MAX_RECORD_BYTES = 1_000_000;
const PUT_ATTEMPTS = 5;
const PUT_PAUSE_MILLIS = 100;
/** What the venue's refusal costs everybody who polls it. */
const REFUSED_PAUSE_MILLIS = 2_000;
const CONNECTION = 'snapshot-poll';

export interface PollParts {
  readonly ledger: PollLedger;
  readonly budget: (venue: Venue) => RateBudget;
  readonly books: (venue: Venue, instruments: readonly string[]) => Promise<FetchedBooks>;
  readonly streams: Readonly<Record<Gatherer, RecordStream>>;
  readonly lanes: number;
  readonly nowMillis: () => number;
  readonly sleep: (millis: number) => Promise<void>;
  /** Until when the invocation must have ended. */
  readonly deadlineMillis: number;
}

/** Books as records of a line's stream: JSON lines, each instrument in its own lane. */
export function snapshotRecords(
  books: readonly BookSnapshotEvent[],
  gatherer: Gatherer,
  lanes: number,
): StreamRecord[] {
  const open = new Map<string, { lines: string[]; bytes: number }>();
  const records: StreamRecord[] = [];
  const close = (key: string): void => {
    const { lines } = open.get(key)!;
    if (lines.length > 0) records.push({ partitionKey: key, data: Buffer.from(lines.join('')) });
    open.set(key, { lines: [], bytes: 0 });
  };
  for (const book of books) {
    const key = partitionKey(book.instrument, lanes);
    const captured = {
      ...book,
      gatherer,
      connection: CONNECTION,
      sid: 0,
      seq: 0,
      quality: Quality.fromSnapshot,
    };
    const line = `${JSON.stringify(captured)}\n`;
    const bytes = Buffer.byteLength(line);
    if (!open.has(key)) open.set(key, { lines: [], bytes: 0 });
    let record = open.get(key)!;
    if (record.lines.length === MAX_LINES_PER_RECORD || record.bytes + bytes > MAX_RECORD_BYTES) {
      close(key);
      record = open.get(key)!;
    }
    record.lines.push(line);
    record.bytes += bytes;
  }
  for (const key of open.keys()) close(key);
  return records;
}

/** Records in requests that the service takes. */
function* requests(records: readonly StreamRecord[]): Generator<StreamRecord[]> {
  let request: StreamRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = record.data.byteLength + Buffer.byteLength(record.partitionKey);
    const isFull =
      request.length === KINESIS_LIMITS.maxRecords || bytes + size > KINESIS_LIMITS.maxRequestBytes;
    if (isFull && request.length > 0) {
      yield request;
      request = [];
      bytes = 0;
    }
    request.push(record);
    bytes += size;
  }
  if (request.length > 0) yield request;
}

/** Sends again only what was refused. @throws when something is still refused in the end. */
async function putAll(
  stream: RecordStream,
  records: readonly StreamRecord[],
  sleep: (millis: number) => Promise<void>,
): Promise<void> {
  for (const request of requests(records)) {
    let left = request;
    let reason = '';
    for (let attempt = 0; left.length > 0; attempt++) {
      if (attempt === PUT_ATTEMPTS) throw new Error(`${left.length} records were refused: ${reason}`);
      if (attempt > 0) await sleep(PUT_PAUSE_MILLIS * 2 ** attempt);
      try {
        const verdicts = await stream.put(left);
        left = left.filter((_, index) => verdicts[index] !== null);
        const refusal = verdicts.find((verdict) => verdict !== null);
        if (refusal !== undefined && refusal !== null) reason = `${refusal.code}: ${refusal.message}`;
      } catch (error) {
        reason = (error as Error).message;
      }
    }
  }
}

async function waitForBudget(parts: PollParts, venue: Venue): Promise<void> {
  const budget = parts.budget(venue);
  for (;;) {
    const wait = await budget.take(1, parts.nowMillis);
    if (wait === 0) return;
    if (parts.nowMillis() + wait >= parts.deadlineMillis) {
      throw new BudgetSpent(`no request to ${venue} was free within the time of the invocation`);
    }
    await parts.sleep(wait);
  }
}

/**
 * Fetches the books of one planned request and hands them to the streams of all lines. What could not be
 * fetched stays stale in the ledger, and so comes first next time.
 *
 * @throws BudgetSpent, HttpError, NothingStored
 */
export async function pollChunk(parts: PollParts, event: SnapshotPollEvent): Promise<SnapshotPollResult> {
  const { venue, id } = event;
  const record = await parts.ledger.record(venue, id);
  const instruments = record?.instruments ?? [];
  if (instruments.length === 0) return { venue, id, asked: 0, answered: 0, missing: 0, refused: {} };
  await waitForBudget(parts, venue);
  let fetched: FetchedBooks;
  try {
    fetched = await parts.books(venue, instruments);
  } catch (error) {
    if (error instanceof HttpError && error.outcome === 'rate_limited') {
      await parts.budget(venue).exhaust(REFUSED_PAUSE_MILLIS, parts.nowMillis);
    }
    throw error;
  }
  const refused: Record<string, string> = {};
  await Promise.all(
    (Object.entries(parts.streams) as [Gatherer, RecordStream][]).map(async ([gatherer, stream]) => {
      try {
        await putAll(stream, snapshotRecords(fetched.books, gatherer, parts.lanes), parts.sleep);
      } catch (error) {
        refused[gatherer] = (error as Error).message;
      }
    }),
  );
  if (Object.keys(refused).length === Object.keys(parts.streams).length) {
    throw new NothingStored(`no stream took the books: ${Object.values(refused)[0]}`);
  }
  await parts.ledger.done(venue, id, parts.nowMillis(), fetched.books.length);
  return {
    venue,
    id,
    asked: instruments.length,
    answered: fetched.books.length,
    missing: fetched.missing.length,
    ...(fetched.hashes === undefined ? {} : { hashes: fetched.hashes }),
    refused,
  };
}
