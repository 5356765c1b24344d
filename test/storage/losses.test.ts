import type pg from 'pg';
import { describe, expect, test } from 'vitest';
import { LineStore } from '#src/storage/line-store.ts';
import { lostWith } from '#src/storage/lost-scope.ts';
import { factsOf } from '#src/storage/record-facts.ts';
import type { DeliveredRecord } from '#src/storage/stream-records.ts';
import { useDatabases } from './database.ts';
import { DAY, line, recordOf } from './stream-lines.ts';

const databases = useDatabases();
const bytes = (value: unknown): Buffer =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

describe('what a line that cannot be stored leaves unproven', () => {
  test('is its instrument at its time, where that can be read', () => {
    expect(lostWith(bytes(line.delta({ price: 'x' })))).toEqual({
      venues: ['kalshi'],
      instruments: ['KXTEST-1'],
      bounds: { from: DAY, to: DAY + 51 },
      gapId: null,
      isEvent: true,
    });
    expect(lostWith(bytes(line.lifecycle({ instruments: [] })))).toMatchObject({ instruments: null });
  });

  test('is more where a time, the instrument or the venue cannot be read', () => {
    expect(lostWith(bytes(line.delta({ exchange_ts: 'noon' })))?.bounds).toEqual({
      from: DAY + 50 - 60_000_000,
      to: DAY + 51 + 60_000_000,
    });
    expect(lostWith(bytes(line.trade({ instrument: 'N'.repeat(2_000) })))?.instruments).toBeNull();
    expect(lostWith(bytes(line.trade({ venue: 7 })))?.venues).toEqual(['kalshi', 'polymarket']);
    expect(lostWith(bytes(line.trade({ exchange_ts: 1.5, received_at: 'x' })))?.bounds).toBeNull();
  });

  test('is read from the begin of a feed line that is not JSON, and is everything where nothing can be read', () => {
    const broken = JSON.stringify(line.delta()).replace('480000', 'NaN');
    expect(lostWith(bytes(broken))).toEqual({
      venues: ['kalshi'],
      instruments: ['KXTEST-1'],
      bounds: null,
      gapId: null,
      isEvent: true,
    });
    const inOrder =
      '{"kind":"book_delta","venue":"kalshi","instrument":"K7","side":"bid","price":NaN,"change":1' +
      `,"exchange_ts":${DAY},"received_at":${DAY + 9},"gatherer":"a"}`;
    expect(lostWith(bytes(inOrder))).toMatchObject({
      instruments: ['K7'],
      bounds: { from: DAY, to: DAY + 10 },
    });
    for (const text of ['{"kind":"gap","venue":"kalshi', '[]', '7', '\u0000', '{"instrument":"K1"}']) {
      expect(lostWith(bytes(text))).toEqual({
        venues: ['kalshi', 'polymarket'],
        instruments: null,
        bounds: null,
        gapId: null,
        isEvent: null,
      });
    }
  });

  test('of a gap is never less than the gap: what it would have opened is opened, what it would have closed stays open', () => {
    expect(lostWith(bytes(line.gap({ sid: 'x' })))).toEqual({
      venues: ['kalshi'],
      instruments: ['KXTEST-1'],
      bounds: { from: DAY, to: null },
      gapId: 'a:1:1',
      isEvent: false,
    });
    expect(lostWith(bytes(line.gap({ to: DAY + 5, sid: 'x' })))).toMatchObject({
      bounds: { from: DAY, to: DAY + 5 },
      gapId: null,
    });
    expect(lostWith(bytes(line.gap({ to: 'soon' })))).toMatchObject({ bounds: { to: null }, gapId: null });
    expect(lostWith(bytes(line.gap({ instruments: ['K1', 5] })))).toMatchObject({ instruments: null });
    expect(lostWith(bytes(line.gap({ from: 'noon' })))).toMatchObject({ bounds: null });
  });

  test('is within the times that its record states, unless it may have been a gap', () => {
    const facts = (lines: readonly unknown[], over: object) =>
      factsOf(recordOf([...lines, recordEnd({ order: 2, previous: 1, ...over })]));
    const times = { events: [DAY + 3, DAY + 9] };
    const [torn, gap] = ['{"ki', line.gap()];
    const bounds = { from: DAY + 3, to: DAY + 10 };
    expect(lostWith(bytes(torn), facts([torn], { gaps: 0, ...times }))?.bounds).toEqual(bounds);
    expect(lostWith(bytes(torn), facts([gap, torn], { gaps: 1, ...times }))?.bounds).toEqual(bounds);
    expect(lostWith(bytes(torn), facts([gap, torn], { gaps: 2, ...times }))?.bounds).toBeNull();
    expect(lostWith(bytes(torn), facts([torn], { gaps: 0, ...times, split: true }))?.bounds).toBeNull();
    expect(lostWith(bytes(torn), facts([torn], times))?.bounds).toBeNull();
    expect(lostWith(bytes(torn), facts([torn], { gaps: 0 }))?.bounds).toBeNull();
    // No event was in the record: it was a heartbeat or the like.
    expect(lostWith(bytes(torn), facts([torn], { gaps: 0, events: null }))).toBeNull();
    const broken = JSON.stringify(line.delta()).replace('480000', 'NaN');
    expect(lostWith(bytes(broken), facts([broken], { gaps: 7, ...times }))).toMatchObject({
      instruments: ['KXTEST-1'],
      bounds,
    });
    const timeless = line.gap({ from: 'noon' });
    expect(lostWith(bytes(timeless), facts([timeless], { gaps: 1, ...times }))?.bounds).toBeNull();
  });

  test('is nothing for what is not an event', () => {
    for (const item of [line.heartbeat(), line.market(), line.metrics()])
      expect(lostWith(bytes(item))).toBeNull();
  });
});

async function freshStore(): Promise<{ client: pg.Client; store: LineStore }> {
  const client = await (await databases.fresh('gatherer')).connect();
  return { client, store: new LineStore(client) };
}

async function gapsOf(client: pg.Client): Promise<unknown[]> {
  const { rows } = await client.query(
    `SELECT venue, is_all, instruments, from_ts::bigint::text::float8 AS from, to_ts::text::float8 AS to, cause, gap_id
     FROM gaps ORDER BY venue, gap_id`,
  );
  return rows;
}

const recordEnd = (over: object): object => ({
  kind: 'record_end',
  gap_free_since: 0,
  sealed_at: DAY,
  ...over,
});

const ended = (
  order: number,
  previous: number | null,
  gapFreeSince = 0,
  lane = 3,
  more: object = {},
): DeliveredRecord =>
  recordOf(
    [
      line.delta({ occurrence: order }),
      recordEnd({
        order,
        previous,
        gap_free_since: gapFreeSince,
        sealed_at: DAY + order * 1_000_000,
        ...more,
      }),
    ],
    { partitionKey: `lane-${lane}` },
  );

describe('the database of a line', () => {
  test('has a gap for every line that was put aside, whoever refused it, and once however often it comes', async () => {
    const { client, store } = await freshStore();
    const record = recordOf([
      line.delta(),
      line.delta({ price: 'x', instrument: 'K-SHAPE' }),
      // Only the database sees that this is too large for its index.
      line.trade({ trade_id: 'T'.repeat(40_000).replaceAll('T', () => Math.random().toString(36).slice(2)) }),
      line.delta({ occurrence: 1 }),
    ]);
    const outcome = await store.store([record]);
    expect(outcome).toMatchObject({ failed: null, tables: { order_book_deltas: { stored: 2 } } });
    expect(outcome.refused).toHaveLength(2);
    await store.store([record]);
    expect(await gapsOf(client)).toMatchObject([
      { instruments: ['K-SHAPE'], from: DAY, to: DAY + 51, cause: 'not_stored' },
      { instruments: ['KXTEST-1'], from: DAY, to: DAY + 51, cause: 'not_stored' },
    ]);
    expect((await client.query('SELECT FROM poison_records')).rowCount).toBe(2);
  });

  test('has the gap that a poisoned opening meant, closed by its closing', async () => {
    const { client, store } = await freshStore();
    await store.store([recordOf([line.gap({ sid: 'x' })])]);
    await store.store([recordOf([line.gap({ to: DAY + 9 })])]);
    expect(await gapsOf(client)).toMatchObject([
      { gap_id: 'a:1:1', instruments: ['KXTEST-1'], from: DAY, to: null },
      { gap_id: 'a:1:1', instruments: ['KXTEST-1'], from: DAY, to: DAY + 9 },
    ]);
  });

  test('has a gap that reaches over the whole life for a line of which nothing can be read', async () => {
    const { client, store } = await freshStore();
    await store.store([recordOf([line.heartbeat({ started_at: DAY - 5 }), '{"kind":"ga'])]);
    await store.store([recordOf([line.heartbeat({ durable_until: DAY + 7 })]), recordOf(['{"kind'])]);
    const gaps = (await gapsOf(client)) as { from: number; to: number | null; is_all: boolean }[];
    expect(gaps).toHaveLength(8);
    for (const gap of gaps) expect(gap.is_all).toBe(true);
    // The first came before any life was known.
    expect(gaps.map(({ from }) => from).filter((from) => from === 0)).toHaveLength(2);
    expect(gaps.filter(({ from }) => from === DAY - 5)).toHaveLength(2);
    expect(gaps.filter(({ to }) => to === null)).toHaveLength(4);
  });

  test('has a gap for records that never came, bounded by what came before and after them', async () => {
    const { client, store } = await freshStore();
    await store.store([
      recordOf([line.heartbeat({ lane: 3, lanes: 4, durable_until: DAY + 1_000_000 })]),
      ended(1, null),
    ]);
    expect((await store.store([ended(2, 1), ended(3, 2)])).missing).toEqual([]);
    const outcome = await store.store([ended(6, 5), ended(7, 6)]);
    expect(outcome.missing.map(({ after, end }) => [after, end.order])).toEqual([[3, 6]]);
    expect(await gapsOf(client)).toMatchObject(
      ['kalshi', 'polymarket'].map((venue) => ({
        venue,
        is_all: true,
        from: DAY + 1_000_000 - 60_000_000,
        to: DAY + 66_000_000,
        cause: 'not_delivered',
      })),
    );
  });

  test('bounds records that never came by the venue clocks, however far the clock of the line is off', async () => {
    const { client, store } = await freshStore();
    const minutes = (count: number) => count * 60_000_000;
    const proven_until = { kalshi: DAY - minutes(30), polymarket: DAY + minutes(20) };
    await store.store([
      recordOf([line.heartbeat({ lane: 3, lanes: 4, durable_until: DAY, proven_until })]),
      ended(1, null),
    ]);
    await store.store([ended(6, 5)]);
    const sealed = DAY + 6_000_000;
    expect(await gapsOf(client)).toMatchObject([
      { venue: 'kalshi', from: DAY - minutes(31), to: sealed + minutes(1) },
      { venue: 'polymarket', from: DAY - minutes(1), to: sealed + minutes(21) },
    ]);
  });

  test('vouches for nothing with a heartbeat of the very record that shows what is missing before it', async () => {
    const { client, store } = await freshStore();
    const place = { partitionKey: 'lane-3' };
    const minute = 60_000_000;
    await store.store([
      recordOf([line.heartbeat({ lane: 3, lanes: 4, durable_until: DAY })], place),
      ended(1, null),
    ]);
    // The database refuses a line of it, so that it is stored in parts.
    const refused = line.trade({
      trade_id: 'T'.repeat(40_000).replaceAll('T', () => Math.random().toString(36).slice(2)),
    });
    const heartbeat = line.heartbeat({ lane: 3, lanes: 4, durable_until: DAY + 10 * minute });
    const end = recordEnd({ order: 9, previous: 8, gap_free_since: 0, sealed_at: DAY + 10 * minute });
    const outcome = await store.store([
      recordOf(
        [heartbeat, line.delta({ occurrence: 9 }), refused, line.delta({ occurrence: 10 }), end],
        place,
      ),
    ]);
    expect(outcome.refused).toHaveLength(1);
    expect(outcome.missing.map(({ after }) => after)).toEqual([1]);
    const gaps = (await gapsOf(client)) as { cause: string; from: number; to: number }[];
    expect(gaps.filter(({ cause }) => cause === 'not_delivered').map(({ from, to }) => [from, to])).toEqual(
      Array.from({ length: 2 }, () => [DAY - minute, DAY + 11 * minute]),
    );
    const vouched = 'SELECT max(durable_until)::text AS until FROM heartbeats';
    expect((await client.query(vouched)).rows).toEqual([{ until: String(DAY) }]);
  });

  test('doubts the whole life where a gap may be among the records that never came', async () => {
    const { client, store } = await freshStore();
    await store.store([recordOf([line.heartbeat({ lane: 3, lanes: 4 })]), ended(1, null), ended(2, 1)]);
    await store.store([ended(6, 5, 4)]);
    const bounds = ((await gapsOf(client)) as { from: number; to: number | null }[]).map(({ from, to }) => [
      from,
      to,
    ]);
    const life = [
      [DAY, DAY + 6_000_000],
      [DAY + 6_000_000, null],
    ];
    expect(bounds).toEqual([...life, ...life]);
  });

  test('takes no record for missing that comes twice, that another writer stored, or that begins a life', async () => {
    const database = await databases.fresh('gatherer');
    const [one, other] = [await database.connect(), await database.connect()];
    const [first, second] = [new LineStore(one), new LineStore(other)];
    await first.store([ended(1, null), ended(2, 1)]);
    await second.store([ended(2, 1), ended(3, 2), ended(4, 3)]);
    await first.store([ended(5, 4)]);
    await first.store([ended(1, null), ended(2, 1), ended(5, 4)]);
    await second.store([ended(9, null), ended(10, 9), ended(2, 1, 0, 4)]);
    // The last one is of a partition of which nothing had come.
    expect(await gapsOf(one)).toHaveLength(4);
    const { rows } = await one.query(
      'SELECT partition_key, last_order::integer FROM stream_positions ORDER BY 1',
    );
    expect(rows).toEqual([
      { partition_key: 'lane-3', last_order: 10 },
      { partition_key: 'lane-4', last_order: 2 },
    ]);
  });

  test('follows the records of each life by themselves, whatever its clock says', async () => {
    const { client, store } = await freshStore();
    const [first, second] = [{ epoch: '5-e' }, { epoch: '2-e' }];
    await store.store([ended(1_000, null, 999, 3, first), ended(1_001, 1_000, 999, 3, first)]);
    // The clock was set back: orders of this life are less than those of the one before.
    await store.store([
      recordOf([
        line.heartbeat({ epoch: '5-e', started_at: DAY - 5 }),
        line.heartbeat({ epoch: '2-e', started_at: DAY - 900 }),
      ]),
      ended(1, null, 0, 3, second),
      ended(2, 1, 0, 3, second),
    ]);
    const outcome = await store.store([ended(5, 4, 3, 3, second), ended(1_001, 1_000, 999, 3, first)]);
    expect(outcome.missing.map(({ after, end }) => [after, end.order])).toEqual([[2, 5]]);
    // Bound to the life, so that the tape ends them with it.
    expect(await gapsOf(client)).toMatchObject(
      ['kalshi', 'polymarket'].flatMap((venue) => {
        const gap_id = `writer:2-e:not-delivered/line-a/lane-3/5/${venue}`;
        return [
          { gap_id, from: DAY - 900, to: DAY + 5_000_000 },
          { gap_id: `${gap_id}/on`, from: DAY + 5_000_000, to: null },
        ];
      }),
    );
    const { rows } = await client.query('SELECT epoch FROM heartbeats ORDER BY heard');
    expect(rows).toEqual([{ epoch: '5-e' }, { epoch: '2-e' }]);
  });

  test('lacks of one record that never came only what the next one says of it', async () => {
    const { client, store } = await freshStore();
    const said = (previous: number, events: unknown) => ({ before: { previous, events } });
    await store.store([ended(1, null), ended(3, 2, 0, 3, said(1, null))]);
    expect(await gapsOf(client)).toEqual([]);
    const outcome = await store.store([ended(5, 4, 0, 3, said(3, [DAY + 7, DAY + 8]))]);
    expect(outcome.missing).toHaveLength(1);
    const stated = ['kalshi', 'polymarket'].map((venue) => ({
      venue,
      is_all: true,
      from: DAY + 7,
      to: DAY + 9,
    }));
    expect(await gapsOf(client)).toMatchObject(stated);
    // Of two, it says nothing of the first.
    await store.store([ended(8, 7, 0, 3, said(6, [DAY + 7, DAY + 8]))]);
    expect(await gapsOf(client)).toMatchObject([stated[0], { from: 0 }, stated[1], { from: 0 }]);
  });

  test('loses nothing with records that no life has sealed, and leaves those of one to the record after', async () => {
    const { client, store } = await freshStore();
    const poison = recordOf(['{"kind":"trade"', '[]', '{"kind":"trade","venue":"kalshi","price":"9"}'], {
      partitionKey: 'lane-3',
    });
    await store.store([ended(1, null)]);
    await store.store([poison, ended(2, 1)]);
    expect((await client.query('SELECT FROM poison_records')).rowCount).toBe(3);
    expect(await gapsOf(client)).toEqual([]);
    // Nothing of record 3 can be read.
    await store.store([recordOf(['{"ki'], { partitionKey: 'lane-3' })]);
    const told = { before: { previous: 2, events: [DAY + 1, DAY + 2] } };
    await store.store([ended(4, 3, 0, 3, told)]);
    expect(await gapsOf(client)).toMatchObject([
      { from: DAY + 1, to: DAY + 3 },
      { from: DAY + 1, to: DAY + 3 },
    ]);
  });

  test('doubts the life of a record that went in parts, when something was put aside before its last part', async () => {
    const { client, store } = await freshStore();
    await store.store([ended(1, null), ended(2, 1, 0, 3, { split: true })]);
    expect(await gapsOf(client)).toEqual([]);
    await store.store([recordOf(['{"ki'], { partitionKey: 'lane-3' })]);
    await store.store([ended(3, 2, 0, 3, { split: true })]);
    expect(await gapsOf(client)).toHaveLength(4);
  });

  test('knows after a new start how far it had come', async () => {
    const database = await databases.fresh('gatherer');
    await new LineStore(await database.connect()).store([ended(1, null)]);
    const outcome = await new LineStore(await database.connect()).store([ended(3, 2)]);
    expect(outcome.missing).toHaveLength(1);
  });
});
