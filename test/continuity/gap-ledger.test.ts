import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type GapHolder, GapLedger } from '#src/continuity/gap-ledger.ts';
import type { GapEvent } from '#src/events/event.ts';
import type { Micros } from '#src/units/time.ts';

const at = (time: number) => time as Micros;

function ledgerWithRecords() {
  const records: GapEvent[] = [];
  const ledger = new GapLedger({
    venue: 'kalshi',
    gatherer: 'a',
    epoch: 'e1',
    emit: (gap) => records.push(gap),
  });
  return { ledger, records };
}
const holders = (count: number): GapHolder[] =>
  Array.from({ length: count }, (_, index) => ({ instrument: `I${index}`, gap: null }));

describe('a gap ledger', () => {
  it('lists instruments that lose sight together in one record, and closes them in parts under the same id', () => {
    const { ledger, records } = ledgerWithRecords();
    const three = holders(3);
    for (const holder of three) ledger.open(holder, at(10), 'sequence_gap');
    ledger.flush(at(12));
    ledger.close(three[0]!, at(20));
    ledger.close(three[2]!, at(20));
    ledger.flush(at(21));
    ledger.close(three[1]!, at(30));
    ledger.flush(at(31));
    const gap = { kind: 'gap', venue: 'kalshi', gap_id: 'a:e1:kalshi-1', from: 10, cause: 'sequence_gap' };
    expect(records).toEqual([
      { ...gap, instruments: ['I0', 'I1', 'I2'], to: null, received_at: 12 },
      { ...gap, instruments: ['I0', 'I2'], to: 20, received_at: 21 },
      { ...gap, instruments: ['I1'], to: 30, received_at: 31 },
    ]);
    expect(ledger.openCount).toBe(0);
  });

  it('never lists so many in one record that it would not fit the stream', () => {
    const { ledger, records } = ledgerWithRecords();
    const many = holders(1_201);
    for (const holder of many) ledger.open(holder, at(10), 'startup');
    ledger.flush(at(10));
    for (const holder of many) ledger.close(holder, at(20));
    ledger.flush(at(20));
    expect(records.map((record) => record.instruments!.length)).toEqual([500, 500, 201, 500, 500, 201]);
    expect(new Set(records.map((record) => record.gap_id)).size).toBe(3);
  });

  it('opens before it closes, even within one flush, and never ends a gap before it began', () => {
    const { ledger, records } = ledgerWithRecords();
    const [holder] = holders(1);
    ledger.open(holder!, at(10), 'startup');
    ledger.close(holder!, at(5));
    ledger.open(holder!, at(30), 'disconnected');
    ledger.flush(at(40));
    expect(records.map(({ from, to, cause }) => [from, to, cause])).toEqual([
      [10, null, 'startup'],
      [30, null, 'disconnected'],
      [10, 10, 'startup'],
    ]);
    expect(holder!.gap!.id).toBe(records[1]!.gap_id);
  });

  it('keeps an open gap open, and records the time before it when a new cause reaches further back', () => {
    const { ledger, records } = ledgerWithRecords();
    const [holder] = holders(1);
    ledger.open(holder!, at(10), 'disconnected');
    ledger.flush(at(11));
    ledger.open(holder!, at(15), 'stalled');
    ledger.open(holder!, at(4), 'book_mismatch');
    ledger.flush(at(16));
    expect(records.map(({ from, to, cause }) => [from, to, cause])).toEqual([
      [10, null, 'disconnected'],
      [4, 10, 'book_mismatch'],
    ]);
  });

  it('records the loss of a venue-wide feed as a gap of all instruments', () => {
    const { ledger, records } = ledgerWithRecords();
    ledger.openFeed('trade', at(10), 'disconnected');
    ledger.openFeed('trade', at(11), 'disconnected');
    ledger.closeFeed('trade', at(20));
    ledger.closeFeed('ticker', at(20));
    ledger.recordFeed(at(30), at(40), 'sequence_gap');
    ledger.flush(at(50));
    expect(records.map(({ all, instruments, from, to }) => [all, instruments, from, to])).toEqual([
      [true, undefined, 10, null],
      [true, undefined, 10, 20],
      [true, undefined, 30, 40],
    ]);
  });

  it('loses no gap: what a reader of the records finds open is what is open', () => {
    const action = fc.record({
      who: fc.nat(5),
      what: fc.constantFrom('open', 'close', 'flush' as const),
      back: fc.nat(5),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const { ledger, records } = ledgerWithRecords();
        const six = holders(6);
        let time = 100;
        for (const { who, what, back } of actions) {
          time++;
          if (what === 'open') ledger.open(six[who]!, at(time - back), 'stalled');
          else if (what === 'close') ledger.close(six[who]!, at(time));
          else ledger.flush(at(time));
        }
        ledger.flush(at(time));
        const open = new Map<string, GapEvent>();
        for (const record of records) {
          for (const instrument of record.instruments!) {
            const key = `${record.gap_id} ${instrument}`;
            if (record.to === null) open.set(key, record);
            else if (open.has(key)) open.delete(key);
            else expect(records.filter((other) => other.gap_id === record.gap_id).length).toBe(1);
          }
        }
        const expected = six
          .filter(({ gap }) => gap !== null)
          .map(({ gap, instrument }) => `${gap!.id} ${instrument}`);
        expect([...open.keys()].sort()).toEqual(expected.sort());
        expect(ledger.openCount).toBe(expected.length);
      }),
    );
  });
});
