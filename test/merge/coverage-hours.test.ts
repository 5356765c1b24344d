import { describe, expect, it } from 'vitest';
import { lineNames } from '#src/storage/production/merge-statements.ts';
import type { Micros } from '#src/units/time.ts';
import { useDatabases } from '../storage/database.ts';
import { delta, gapRow, heartbeat, runUntilDone, store, type World, world } from './lines.ts';

const databases = useDatabases();
const HOUR = 3_600_000_000;
/** Begin of an hour of 2026. */
const H0 = Math.floor(1_795_187_045_000_000 / HOUR) * HOUR;

/** All lines run from an hour before H0, expect K1 at once, and prove it at `proven`. */
async function running(made: World, proven: number, until: number, instruments = ['K1']): Promise<void> {
  for (const line of lineNames) {
    const client = made.sessions[line];
    await heartbeat(client, line, 'e1', H0 - HOUR, until);
    await store(client, 'gaps', [
      gapRow(`${line}:e1:1`, H0 - HOUR, null, { instruments }),
      gapRow(`${line}:e1:1`, H0 - HOUR, proven, { instruments }),
    ]);
  }
  made.now = until as Micros;
}

async function hours(made: World): Promise<unknown[]> {
  const { rows } = await made.production.query<{ market: string; hour: string; condition: string }>(
    'SELECT market, hour, condition FROM coverage_hours ORDER BY market, hour',
  );
  return rows.map(({ market, hour, condition }) => [market, (Number(hour) - H0) / HOUR, condition]);
}

describe('the condition of a market and hour', () => {
  it('is pending until all lines are past the hour, then what the gaps of the tape say', async () => {
    const made = await world(databases);
    await running(made, H0 + HOUR / 2, H0 + 2 * HOUR);
    for (const hour of [-1, 0, 1, 2]) {
      await store(made.sessions.a, 'order_book_deltas', [
        delta({ exchange_ts: H0 + hour * HOUR + 5_000_000 }),
      ]);
    }
    await runUntilDone(made.merge());
    expect(await hours(made)).toEqual([
      ['K1', -1, 'missing'],
      ['K1', 0, 'degraded'],
      ['K1', 1, 'pending'],
      ['K1', 2, 'pending'],
    ]);
    for (const line of lineNames)
      await heartbeat(made.sessions[line], line, 'e1', H0 - HOUR, H0 + 3 * HOUR + 10_000_000);
    made.now = (H0 + 3 * HOUR + 10_000_000) as Micros;
    await runUntilDone(made.merge());
    expect(await hours(made)).toEqual([
      ['K1', -1, 'missing'],
      ['K1', 0, 'degraded'],
      ['K1', 1, 'available'],
      ['K1', 2, 'available'],
    ]);
  });

  it('follows gaps that come and go later, and events that come late', async () => {
    const made = await world(databases);
    await running(made, H0 - HOUR, H0 + 2 * HOUR);
    await store(made.sessions.a, 'order_book_deltas', [delta({ exchange_ts: H0 + 5_000_000 })]);
    await runUntilDone(made.merge());
    expect(await hours(made)).toEqual([['K1', 0, 'available']]);
    for (const line of lineNames) {
      const gap = gapRow(`${line}:e1:2`, H0 + 10_000_000, H0 + 20_000_000, { cause: 'not_stored' });
      await store(made.sessions[line], 'gaps', [gap]);
      await runUntilDone(made.merge());
      // As long as one line has it, nothing is missing.
      expect(await hours(made)).toEqual([['K1', 0, line === 'c' ? 'degraded' : 'available']]);
    }
    await store(made.sessions.b, 'order_book_deltas', [delta({ exchange_ts: H0 - HOUR + 5_000_000 })]);
    await runUntilDone(made.merge());
    expect(await hours(made)).toEqual([
      ['K1', -1, 'available'],
      ['K1', 0, 'degraded'],
    ]);
  });

  it('is that of all instruments of the market, also when the market is known only later', async () => {
    const made = await world(databases);
    await running(made, H0 - HOUR, H0 + HOUR, ['P1']);
    await store(made.sessions.a, 'order_book_deltas', [
      delta({ venue: 'kalshi', instrument: 'P1', exchange_ts: H0 + 1 }),
    ]);
    await runUntilDone(made.merge());
    expect(await hours(made)).toEqual([['P1', 0, 'pending']]);
    for (const [position, instrument] of ['P1', 'P2'].entries()) {
      await made.sessions.a.query(
        `INSERT INTO instruments (venue, instrument, market, outcome, position, updated_at) VALUES ('kalshi', $1, 'M', $1, $2, 1)`,
        [instrument, position],
      );
    }
    // No line ever expected the other instrument: that one is in a gap all the time.
    for (const line of lineNames) {
      await store(made.sessions[line], 'gaps', [
        gapRow(`${line}:e1:7`, H0 - HOUR, null, { instruments: ['P2'] }),
      ]);
      await heartbeat(made.sessions[line], line, 'e1', H0 - HOUR, H0 + 2 * HOUR);
    }
    made.now = (H0 + 2 * HOUR) as Micros;
    await runUntilDone(made.merge());
    expect(await hours(made)).toEqual([['M', 0, 'degraded']]);
  });
});
