import { afterEach, describe, expect, it } from 'vitest';
import { FaultPlan } from '../../sim/faults/fault-plan.ts';
import { FaultSpecificationError, NO_FAULTS, parseFaults } from '../../sim/faults/specification.ts';
import { Random } from '../../sim/market/random.ts';
import { type Client, get, type KalshiClient, type Stage, stage } from './support.ts';

let running: Stage | null = null;
afterEach(async () => {
  await running?.stop();
  running = null;
});

async function on(options: Parameters<typeof stage>[0] = {}): Promise<Stage> {
  running = await stage(options);
  return running;
}

async function control(
  scene: Stage,
  path: string,
  body: unknown = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(`${scene.simulation.ready.control}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

const once = (scene: Stage, venue: string, fault: string, connection = 0) =>
  control(scene, '/control/faults', { once: { venue, fault, connection } });

/** Two connections with all books, so that one can fail alone. */
async function kalshiPair(scene: Stage): Promise<[KalshiClient, KalshiClient]> {
  const tickers = [...scene.simulation.kalshi.markets.keys()];
  const clients = [await scene.kalshi(), await scene.kalshi()] as [KalshiClient, KalshiClient];
  for (const client of clients)
    await client.command('subscribe', { channels: ['orderbook_delta'], market_tickers: tickers });
  return clients;
}

async function polymarketPair(scene: Stage): Promise<[Client, Client]> {
  const clients = [await scene.polymarket(), await scene.polymarket()] as [Client, Client];
  for (const client of clients) {
    client.send({ assets_ids: [...scene.simulation.polymarket.tokens.keys()], type: 'market' });
    await client.settle();
  }
  return clients;
}

async function framesAfter(scene: Stage, clients: readonly Client[], seconds: number): Promise<string[][]> {
  const before = clients.map(({ frames }) => frames.length);
  scene.play(seconds);
  for (const client of clients) await client.settle();
  return clients.map(({ frames }, index) => frames.slice(before[index]));
}

const seqs = (frames: readonly string[]): number[] => frames.map((frame) => JSON.parse(frame).seq as number);

describe('a fault on one connection', () => {
  it('gap: one message is missing there and its number with it; the other connection has all', async () => {
    const scene = await on();
    const clients = await kalshiPair(scene);
    await once(scene, 'kalshi', 'gap');
    const [faulty, sound] = (await framesAfter(scene, clients, 1)) as [string[], string[]];
    expect(sound.length).toBe(faulty.length + 1);
    expect(seqs(faulty)).toEqual(seqs(sound).slice(1));
    const delivered = scene.simulation.records.flatMap((record) =>
      record.kind === 'book_delta' && record.venue === 'kalshi' ? [record.delivered] : [],
    );
    expect(delivered.filter((count) => count === 1).length).toBe(1);
    expect(delivered.filter((count) => count === 2).length).toBe(delivered.length - 1);
  });

  it('duplicate: one message comes twice', async () => {
    const scene = await on();
    const clients = await kalshiPair(scene);
    await once(scene, 'kalshi', 'duplicate');
    const [faulty, sound] = (await framesAfter(scene, clients, 1)) as [string[], string[]];
    expect(faulty.length).toBe(sound.length + 1);
    expect(faulty[0]).toBe(faulty[1]);
    expect(new Set(faulty)).toEqual(new Set(sound));
  });

  it('duplicate: never a Polymarket trade, whose copy would be another trade', async () => {
    const scene = await on({ faults: parseFaults('polymarket.duplicate=100000') });
    const clients = await polymarketPair(scene);
    const [frames] = (await framesAfter(scene, clients, 5)) as [string[]];
    const trades = frames.filter((frame) => frame.includes('"last_trade_price"'));
    const made = scene.simulation.records.filter(
      (record) => record.kind === 'trade' && record.venue === 'polymarket',
    );
    expect(trades.length).toBe(made.length);
    const changes = frames.filter((frame) => frame.includes('"price_change"'));
    expect(changes.length).toBeGreaterThan(new Set(changes).size * 1.5);
  });

  it('reorder: two neighbours change places', async () => {
    const scene = await on();
    const clients = await kalshiPair(scene);
    await once(scene, 'kalshi', 'reorder');
    const [faulty, sound] = (await framesAfter(scene, clients, 1)) as [string[], string[]];
    expect(faulty).toEqual([sound[1], sound[0], ...sound.slice(2)]);
  });

  it('reorder: never two Polymarket messages of the same millisecond', async () => {
    const scene = await on({ faults: parseFaults('polymarket.reorder=100000') });
    const clients = await polymarketPair(scene);
    const [frames] = (await framesAfter(scene, clients, 5)) as [string[]];
    expect(booksFollowChanges(frames)).toBe(true);
    const stamps = frames.map((frame) => Number(JSON.parse(frame).timestamp));
    expect(stamps).not.toEqual(stamps.toSorted((a, b) => a - b));
  });

  it('malformed, truncated: what comes is no JSON, and the message is lost', async () => {
    const scene = await on();
    const clients = await kalshiPair(scene);
    for (const fault of ['malformed', 'truncated']) {
      await once(scene, 'kalshi', fault);
      const [faulty, sound] = (await framesAfter(scene, clients, 0.5)) as [string[], string[]];
      expect(() => JSON.parse(faulty[0]!), fault).toThrow();
      expect(faulty.slice(1)).toEqual(sound.slice(1));
    }
  });

  it('binary: a binary frame comes in place of the message', async () => {
    const scene = await on();
    const clients = await kalshiPair(scene);
    await once(scene, 'kalshi', 'binary');
    const [faulty, sound] = (await framesAfter(scene, clients, 0.5)) as [string[], string[]];
    expect(clients[0].binary.length).toBe(1);
    expect(faulty).toEqual(sound.slice(1));
  });

  it('huge: one more message of the size that was asked for', async () => {
    const scene = await on({ faults: parseFaults('huge_bytes=3000000') });
    const clients = await kalshiPair(scene);
    await once(scene, 'kalshi', 'huge');
    const [faulty, sound] = (await framesAfter(scene, clients, 0.5)) as [string[], string[]];
    expect(faulty[0]!.length).toBeGreaterThan(3_000_000);
    expect(faulty.slice(1)).toEqual(sound);
  });

  it('disconnect: that socket ends without a closing handshake, the other lives', async () => {
    const scene = await on();
    const clients = await polymarketPair(scene);
    await once(scene, 'polymarket', 'disconnect');
    scene.simulation.listeners.tick();
    expect((await clients[0].closed).code).toBe(1006);
    const [, frames] = (await framesAfter(scene, clients, 1)) as [string[], string[]];
    expect(frames.length).toBeGreaterThan(10);
  });

  it('stall: nothing but pongs for a while, and what was due then never comes', async () => {
    const scene = await on({ faults: parseFaults('stall_seconds=5') });
    const clients = await polymarketPair(scene);
    await once(scene, 'polymarket', 'stall');
    scene.simulation.listeners.tick();
    const [silent, sound] = (await framesAfter(scene, clients, 4)) as [string[], string[]];
    expect(silent).toEqual([]);
    expect(sound.length).toBeGreaterThan(50);
    clients[0].send('PING');
    await clients[0].settle();
    expect(clients[0].frames.at(-1)).toBe('PONG');
    const [later] = (await framesAfter(scene, clients, 4)) as [string[]];
    expect(later.length).toBeGreaterThan(10);
    expect(clients[0].frames.some((frame) => frame === sound[10])).toBe(false);
  });

  it('channel_error: a Kalshi subscription ends with error 10', async () => {
    const scene = await on();
    const clients = await kalshiPair(scene);
    await once(scene, 'kalshi', 'channel_error');
    scene.simulation.listeners.tick();
    const [faulty] = (await framesAfter(scene, clients, 1)) as [string[]];
    expect(JSON.parse(faulty.at(-1)!)).toMatchObject({ type: 'error', sid: 1, msg: { code: 10 } });
  });
});

/** Within one market and millisecond a book never precedes the change that it contains. */
function booksFollowChanges(frames: readonly string[]): boolean {
  const firstBook = new Map<string, number>();
  const firstChange = new Map<string, number>();
  frames.forEach((frame, place) => {
    const { market, timestamp, event_type } = JSON.parse(frame);
    const places = event_type === 'book' ? firstBook : event_type === 'price_change' ? firstChange : null;
    const key = `${market} ${timestamp}`;
    if (places !== null && !places.has(key)) places.set(key, place);
  });
  return [...firstBook].every(([key, book]) => (firstChange.get(key) ?? -1) < book);
}

describe('the exchange as a whole', () => {
  it('restarts: sockets are closed, REST answers 503, nothing happens meanwhile, and it comes back', async () => {
    const scene = await on({ faults: parseFaults('restart_seconds=3') });
    const [first] = await kalshiPair(scene);
    const [second] = await polymarketPair(scene);
    scene.play(1);
    await control(scene, '/control/restart');
    expect((await first.closed).code).toBe(1012);
    expect((await second.closed).code).toBe(1012);
    const before = scene.simulation.records.length;
    scene.play(2);
    expect(scene.simulation.records.length).toBe(before);
    expect((await get(`${scene.simulation.ready.kalshi!.rest}/exchange/status`)).status).toBe(503);
    await expect(scene.kalshi()).rejects.toThrow('503');
    scene.play(2);
    expect((await get(`${scene.simulation.ready.kalshi!.rest}/exchange/status`)).status).toBe(200);
    expect(scene.simulation.records.length).toBeGreaterThan(before);
    await kalshiPair(scene);
  });

  it('stamps its events by a skewed clock, and never goes back within a market when the skew ends', async () => {
    const scene = await on();
    scene.play(1);
    await control(scene, '/control/faults', { spec: 'skew_ms=5000' });
    const from = scene.simulation.records.length;
    scene.play(1);
    const skewed = scene.simulation.records.slice(from).filter((record) => record.kind === 'book_delta');
    expect(
      skewed.every((record) => Math.abs(record.exchange_ts! - record.emitted_at - 5_000_000) < 2_000),
    ).toBe(true);
    await control(scene, '/control/faults', { spec: 'none' });
    scene.play(10);
    const last = new Map<string, number>();
    for (const record of scene.simulation.records) {
      if (record.kind !== 'book_delta') continue;
      expect(record.exchange_ts).toBeGreaterThanOrEqual(last.get(record.instrument) ?? 0);
      last.set(record.instrument, record.exchange_ts!);
    }
  });

  it('fails REST requests as often as was asked, in the forms that are known', async () => {
    const scene = await on({ faults: parseFaults('rest_429=0.25,rest_500=0.25,rest_html=0.25') });
    const seen = new Map<string, number>();
    for (let count = 0; count < 80; count++) {
      const { status, body } = await get(`${scene.simulation.ready.polymarket!.gamma}/markets?limit=1`);
      const form =
        typeof body === 'string' && body.startsWith('<!DOCTYPE') ? `${status} html` : String(status);
      seen.set(form, (seen.get(form) ?? 0) + 1);
    }
    const of = (form: string): number => seen.get(form) ?? 0;
    expect(of('429')).toBeGreaterThan(8);
    expect(of('502 html')).toBeGreaterThan(6);
    expect(of('500') + of('502') + of('503') + of('504')).toBeGreaterThan(6);
    expect(of('200')).toBeGreaterThan(10);
  });

  it('answers slowly when asked to', async () => {
    const scene = await on({ faults: parseFaults('slow_rest=1,slow_rest_ms=150') });
    const started = Date.now();
    await get(`${scene.simulation.ready.polymarket!.clob}/ok`);
    expect(Date.now() - started).toBeGreaterThanOrEqual(145);
  });

  it('counts what happened, and refuses wishes that it does not understand', async () => {
    const scene = await on();
    const clients = await kalshiPair(scene);
    await once(scene, 'kalshi', 'gap');
    await framesAfter(scene, clients, 1);
    const { body } = await get(`${scene.simulation.ready.control}/control/faults`);
    expect(body.happened.kalshi).toEqual({ gap: 1 });
    expect((await control(scene, '/control/faults', { spec: 'gap=often' })).body['error']).toContain(
      'gap=often',
    );
    expect(
      (await control(scene, '/control/faults', { once: { fault: 'flood', venue: 'kalshi' } })).status,
    ).toBe(400);
    expect((await control(scene, '/control/nothing')).status).toBe(404);
  });
});

describe('how often faults happen', () => {
  it('is the rate a minute, for each connection by itself', () => {
    const happened = [1, 2].map((connection) => {
      const plan = new FaultPlan(() => ({ gap: 6 }), new Random(7, `connection ${connection}`));
      const times: number[] = [];
      for (let now = 0; now < 100 * 60_000_000; now += 100_000) if (plan.take('gap', now)) times.push(now);
      return times;
    });
    for (const times of happened) expect(Math.abs(times.length - 600)).toBeLessThan(90);
    expect(happened[0]).not.toEqual(happened[1]);
  });

  it('is read from words, for one venue or both, and every mistake is named', () => {
    const faults = parseFaults('disconnect=0.5, kalshi.gap=2,slow_rest=0.1,skew_ms=-250,restart=1');
    expect(faults.sockets.kalshi).toEqual({ disconnect: 0.5, gap: 2 });
    expect(faults.sockets.polymarket).toEqual({ disconnect: 0.5 });
    expect(faults).toMatchObject({
      rest: { slow_rest: 0.1 },
      skew_ms: -250,
      restart: 1,
      stall_seconds: NO_FAULTS.stall_seconds,
    });
    expect(parseFaults('usual,none')).toEqual(NO_FAULTS);
    expect(parseFaults('usual,gap=0').sockets.kalshi.gap).toBe(0);
    for (const text of [
      'gap',
      'gap=',
      'gaps=1',
      'gap=-1',
      'slow_rest=2',
      'kalshi.skew_ms=1',
      'nasdaq.gap=1',
      'gap=1e9x',
    ]) {
      expect(() => parseFaults(text), text).toThrow(FaultSpecificationError);
    }
  });
});
