import { describe, expect, it } from 'vitest';
import { lineNames } from '#src/storage/production/merge-statements.ts';
import { tapeHealth } from '#src/storage/production/tape-health.ts';
import { horizonOf } from '#src/storage/production/tape-queries.ts';
import { defaultRules } from '#src/tape/rules.ts';
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

  it('goes over to the market that the catalogue learns of once the hour is settled, and is reckoned anew', async () => {
    const made = await world(databases);
    await running(made, H0 - HOUR, H0 + 2 * HOUR, ['P1']);
    for (const instrument of ['P1', 'M'])
      await store(made.sessions.a, 'order_book_deltas', [delta({ instrument, exchange_ts: H0 + 1 })]);
    await runUntilDone(made.merge());
    expect(await hours(made)).toEqual([
      ['M', 0, 'available'],
      ['P1', 0, 'available'],
    ]);
    const learn = async (instruments: readonly string[], updated_at: number): Promise<void> => {
      const rows = instruments.map((instrument, position) => {
        return { venue: 'kalshi', instrument, market: 'M', outcome: instrument, position, updated_at };
      });
      await store(made.sessions.b, 'instruments', rows);
      await runUntilDone(made.merge());
    };
    await learn(['P1'], 1);
    expect(await hours(made)).toEqual([['M', 0, 'available']]);
    // Another one, without an event in the hour, of which nothing was ever proven.
    for (const line of lineNames) {
      const gap = gapRow(`${line}:e1:7`, H0 - HOUR, null, { instruments: ['P2'] });
      await store(made.sessions[line], 'gaps', [gap]);
    }
    await runUntilDone(made.merge());
    expect(await hours(made)).toEqual([['M', 0, 'available']]);
    await learn(['P2'], 1);
    expect(await hours(made)).toEqual([['M', 0, 'degraded']]);
  });

  it('is settled by the one reckoning that queries and the health of the tape go by', async () => {
    const made = await world(databases);
    const until = H0 + HOUR + 2_000_000;
    await running(made, H0 - HOUR, until - 1);
    await store(made.sessions.a, 'order_book_deltas', [delta({ exchange_ts: H0 + 5 })]);
    const settled = async (): Promise<unknown[]> => {
      await runUntilDone(made.merge());
      const { settledUntil } = await tapeHealth(made.production, made.now, defaultRules);
      return [(await hours(made))[0], settledUntil, await horizonOf(made.production, defaultRules, 'kalshi')];
    };
    expect(await settled()).toEqual([['K1', 0, 'pending'], H0 + HOUR - 1, H0 + HOUR - 1]);
    for (const line of lineNames) await heartbeat(made.sessions[line], line, 'e1', H0 - HOUR, until);
    expect(await settled()).toEqual([['K1', 0, 'available'], H0 + HOUR, H0 + HOUR]);
  });
});
