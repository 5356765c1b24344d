import { BatchWriteItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { describe, expect, it, vi } from 'vitest';
import { CatalogueFeed } from '#src/catalogue/catalogue-feed.ts';
import { CatalogueUpkeep } from '#src/catalogue/catalogue-upkeep.ts';
import { Lease } from '#src/catalogue/lease.ts';
import { type OpenMarket, OpenMarkets } from '#src/catalogue/open-markets.ts';
import { PollLedger, type PollRecord } from '#src/catalogue/poll-ledger.ts';
import { RateBudget } from '#src/catalogue/rate-budget.ts';
import type { CatalogueTable } from '#src/catalogue/table.ts';
import type { Venue } from '#src/events/event.ts';
import type { CatalogueMarket } from '#src/registry/catalogue.ts';
import type { Micros } from '#src/units/time.ts';
import { useTables } from './table.ts';

const tables = useTables();

const market = (name: string, more: Partial<CatalogueMarket> = {}): CatalogueMarket => ({
  venue: 'kalshi',
  market: name,
  event: null,
  series: null,
  title: `title of ${name}`,
  status: 'active',
  is_open: true,
  open_ts: null,
  close_ts: null,
  instruments: [{ instrument: name, outcome: 'YES' }],
  details: {},
  ...more,
});
async function listed(catalogue: OpenMarkets, venue: Venue = 'kalshi'): Promise<string[]> {
  const names: string[] = [];
  for await (const { market: name } of catalogue.list(venue)) names.push(name);
  return names.sort();
}

/** The same table, with every write counted and some of each batch left undone. */
function unreliable(table: CatalogueTable): { table: CatalogueTable; writes: () => number } {
  let writes = 0;
  let turn = 0;
  const client = {
    send: async (command: unknown) => {
      if (!(command instanceof BatchWriteItemCommand)) return await table.client.send(command as never);
      const requests = command.input.RequestItems![table.name]!;
      const done = turn++ % 2 === 0 ? requests.slice(0, Math.floor(requests.length / 2)) : requests;
      writes += done.length;
      if (done.length > 0) {
        await table.client.send(new BatchWriteItemCommand({ RequestItems: { [table.name]: done } }));
      }
      const left = requests.slice(done.length);
      return { UnprocessedItems: left.length > 0 ? { [table.name]: left } : {} };
    },
  } as unknown as DynamoDBClient;
  return { table: { ...table, client, sleep: async () => {} }, writes: () => writes };
}

describe('the catalogue of open markets', () => {
  it('lists what is open, by venue, with instruments and activity, and forgets what closed', async () => {
    const catalogue = new OpenMarkets(await tables.fresh());
    const many = Array.from({ length: 60 }, (_, index) => market(`K${index}`));
    await catalogue.update([
      ...many,
      market('busy', { details: { volume_24h_fp: '1000.00' } }),
      market('0xabc', {
        venue: 'polymarket',
        instruments: [
          { instrument: '1', outcome: 'Yes' },
          { instrument: '2', outcome: 'No' },
        ],
      }),
    ]);
    expect(await listed(catalogue)).toHaveLength(61);
    const all: OpenMarket[] = [];
    for await (const item of catalogue.list('kalshi')) all.push(item);
    expect(all.find((item) => item.market === 'busy')).toMatchObject({ activity: 10, instruments: ['busy'] });
    await catalogue.update([market('K3', { is_open: false }), market('never there', { is_open: false })]);
    expect(await listed(catalogue)).not.toContain('K3');
    expect(await listed(catalogue, 'polymarket')).toEqual(['0xabc']);
  });

  it('writes everything although the service leaves parts of batches undone', async () => {
    const table = await tables.fresh();
    const faulty = unreliable(table);
    await new OpenMarkets(faulty.table).update(Array.from({ length: 70 }, (_, index) => market(`K${index}`)));
    expect(await listed(new OpenMarkets(table))).toHaveLength(70);
  });

  it('takes the last of two entries for one market in one update', async () => {
    const catalogue = new OpenMarkets(await tables.fresh());
    await catalogue.update([market('K1'), market('K1', { is_open: false })]);
    expect(await listed(catalogue)).toEqual([]);
  });
});

describe('the feed of a gatherer', () => {
  it('writes only what differs, also after a restart', async () => {
    const counted = unreliable(await tables.fresh());
    const catalogue = new OpenMarkets(counted.table);
    const feed = new CatalogueFeed(catalogue, 'kalshi');
    for (const name of ['K1', 'K2', 'K3']) feed.changed(market(name));
    expect(await feed.flush()).toBe(3);
    for (const name of ['K1', 'K2', 'K3']) feed.changed(market(name, { title: 'another title' }));
    expect(feed.waiting).toBe(0);
    feed.changed(market('K2', { is_open: false }));
    expect(await feed.flush()).toBe(1);
    const restarted = new CatalogueFeed(catalogue, 'kalshi');
    for (const name of ['K1', 'K3', 'K4']) restarted.changed(market(name));
    expect(await restarted.flush()).toBe(1);
    expect(await listed(catalogue)).toEqual(['K1', 'K3', 'K4']);
    expect(counted.writes()).toBe(5);
  });

  it('takes out what closed while nobody was there', async () => {
    const catalogue = new OpenMarkets(await tables.fresh());
    await catalogue.update([market('K1'), market('K2')]);
    const feed = new CatalogueFeed(catalogue, 'kalshi');
    await feed.survey();
    // Another line enters one that this registry has not heard of: it is none that the survey found.
    await catalogue.update([market('K3')]);
    expect(await feed.reconcile((name) => name === 'K2')).toBe(1);
    expect(await listed(catalogue)).toEqual(['K2', 'K3']);
    feed.changed(market('K1'));
    await feed.flush();
    expect(await listed(catalogue)).toEqual(['K1', 'K2', 'K3']);
  });

  it('reconciles a minute after each complete listing, by what the registry knows then, and again when that fails', async () => {
    const table = await tables.fresh();
    const faulty = unreliable(table);
    const catalogue = new OpenMarkets(faulty.table);
    const feed = new CatalogueFeed(catalogue, 'kalshi');
    const open = new Set(['K1', 'K2']);
    const awaited = new Set<string>();
    const asked: string[] = [];
    const failures: string[] = [];
    const upkeep = new CatalogueUpkeep(
      feed,
      {
        isOpen: (name) => open.has(name),
        inquire: (name) => asked.push(name),
        isAwaited: (name) => awaited.has(name),
      },
      ({ message }) => failures.push(message),
    );
    let now = 0;
    const pass = async (seconds: number): Promise<void> => {
      for (const end = now + seconds; now < end; now += 2) await upkeep.tick((now * 1_000_000) as Micros);
    };
    await catalogue.update([market('K1'), market('K9'), market('K8'), market('K6')]);
    feed.changed(market('K2'));
    await pass(4);
    expect(await listed(catalogue)).toEqual(['K1', 'K2', 'K6', 'K8', 'K9']);
    expect(asked).toEqual([]);
    upkeep.listed();
    await pass(50);
    // It may have closed while nobody was there: the venue is asked, and until it answers that is not forgotten.
    expect(asked.sort()).toEqual(['K1', 'K2', 'K6', 'K8', 'K9']);
    awaited.add('K6');
    // The registry has heard of it only now: its line's message was slower than another's.
    open.add('K8');
    // Another line is the first to hear of it: what came after the survey is for the next.
    await catalogue.update([market('K7')]);
    expect(await listed(catalogue)).toContain('K9');
    const remove = vi.spyOn(OpenMarkets.prototype, 'remove').mockRejectedValueOnce(new Error('away'));
    await pass(20);
    expect(failures).toEqual(['away']);
    expect(await listed(catalogue)).toEqual(['K1', 'K2', 'K6', 'K7', 'K8']);
    remove.mockRestore();
    open.delete('K8');
    await pass(100);
    expect(await listed(catalogue)).toContain('K8');
  });

  it('writes many in portions, and again only those of the portion that failed and after', async () => {
    const written: number[] = [];
    let portions = 0;
    const catalogue = {
      list: async function* () {},
      update: async (markets: readonly CatalogueMarket[]) => {
        if (++portions === 2) throw new Error('away');
        written.push(markets.length);
      },
    } as unknown as OpenMarkets;
    const feed = new CatalogueFeed(catalogue, 'kalshi');
    for (let number = 0; number < 2_500; number++) feed.changed(market(`K${number}`));
    await expect(feed.flush()).rejects.toThrow('away');
    expect(feed.waiting).toBe(1_500);
    expect(await feed.flush()).toBe(1_500);
    expect(written).toEqual([1_000, 1_000, 500]);
  });

  it('keeps what could not be written until it can', async () => {
    const table = await tables.fresh();
    let away = true;
    const client = {
      send: async (command: unknown) => {
        if (away && command instanceof BatchWriteItemCommand) throw new Error('away');
        return await table.client.send(command as never);
      },
    } as unknown as DynamoDBClient;
    const feed = new CatalogueFeed(new OpenMarkets({ ...table, client }), 'kalshi');
    feed.changed(market('K1'));
    feed.changed(market('K2'));
    await expect(feed.flush()).rejects.toThrow('away');
    feed.changed(market('K2', { is_open: false }));
    away = false;
    await feed.flush();
    expect(await listed(new OpenMarkets(table))).toEqual(['K1']);
  });
});

describe('a lease', () => {
  it('has one holder at a time, who may prolong it', async () => {
    const table = await tables.fresh();
    const first = new Lease(table, 'merge', 'first');
    const second = new Lease(table, 'merge', 'second');
    expect(await first.acquire(1_000, 500)).toBe(true);
    expect(await second.acquire(1_100, 500)).toBe(false);
    expect(await first.acquire(1_400, 500)).toBe(true);
    expect(await second.acquire(1_600, 500)).toBe(false);
    await first.release();
    expect(await second.acquire(1_600, 500)).toBe(true);
  });

  it('passes on when its holder died, who can no longer give it back', async () => {
    const table = await tables.fresh();
    const dead = new Lease(table, 'merge', 'dead');
    const next = new Lease(table, 'merge', 'next');
    await dead.acquire(1_000, 500);
    expect(await next.acquire(1_500, 500)).toBe(true);
    await dead.release();
    expect(await dead.acquire(1_600, 500)).toBe(false);
  });
});

describe('a shared rate budget', () => {
  it('never gives more than its rate, however many ask at once', async () => {
    const table = await tables.fresh();
    let now = 0;
    const clock = (): number => now;
    const budgets = Array.from(
      { length: 4 },
      () => new RateBudget(table, 'kalshi', { perSecond: 10, capacity: 5 }),
    );
    let granted = 0;
    for (; now <= 2_000; now += 100) {
      const waits = await Promise.all(budgets.map((budget) => budget.take(1, clock)));
      granted += waits.filter((wait) => wait === 0).length;
    }
    expect(granted).toBe(5 + 20);
  });

  it('says when it is worth asking again', async () => {
    const budget = new RateBudget(await tables.fresh(), 'kalshi', { perSecond: 10, capacity: 1 });
    expect(await budget.take(1, () => 1_000)).toBe(0);
    const wait = await budget.take(1, () => 1_020);
    expect(wait).toBe(80);
    expect(await budget.take(1, () => 1_020 + wait)).toBe(0);
  });

  it('gives nothing for a while after the venue refused', async () => {
    const budget = new RateBudget(await tables.fresh(), 'kalshi', { perSecond: 10, capacity: 5 });
    await budget.exhaust(3_000, () => 0);
    expect(await budget.take(1, () => 2_000)).toBeGreaterThan(1_000);
    expect(await budget.take(1, () => 3_100)).toBe(0);
  });

  it('gives no more when a clock runs backwards', async () => {
    const budget = new RateBudget(await tables.fresh(), 'kalshi', { perSecond: 10, capacity: 1 });
    expect(await budget.take(1, () => 10_000)).toBe(0);
    expect(await budget.take(1, () => 5_000)).toBeGreaterThan(0);
  });
});

describe('the ledger of polls', () => {
  it('tells what was planned and what was polled, and forgets on request', async () => {
    const ledger = new PollLedger(await tables.fresh());
    await ledger.plan(
      [
        { venue: 'kalshi', id: '1#0', instruments: ['K1', 'K2'] },
        { venue: 'kalshi', id: '1#1', instruments: ['K3'] },
      ],
      1_000,
    );
    await ledger.done('kalshi', '1#0', 2_000, 2);
    const read = async (): Promise<PollRecord[]> => {
      const records: PollRecord[] = [];
      for await (const record of ledger.records('kalshi')) records.push(record);
      return records;
    };
    expect(await read()).toEqual([
      {
        venue: 'kalshi',
        id: '1#0',
        instruments: ['K1', 'K2'],
        plannedMillis: 1_000,
        polledMillis: 2_000,
        answered: 2,
      },
      {
        venue: 'kalshi',
        id: '1#1',
        instruments: ['K3'],
        plannedMillis: 1_000,
        polledMillis: null,
        answered: 0,
      },
    ]);
    await ledger.forget('kalshi', ['1#1']);
    expect(await read()).toHaveLength(1);
  });
});
