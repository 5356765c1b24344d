import type { MarketEvent } from '../../events/event.ts';
import { hashKey, lifecycleContentKey, snapshotContentKey, tickerContentKey } from '../../events/identity.ts';
import type { DecodedFrame } from '../../venues/decoder.ts';

/**
 * 32 bits of what a frame says, whenever it is received: by them a frame that came before is told from another one
 * with the same number. Changes and trades are told apart by venue time and figures, which costs next to nothing.
 */
export function frameMark({ events, controls, problems }: DecodedFrame): number {
  let mark = controls.length === 0 ? problems.length : hashKey(JSON.stringify(controls));
  for (let index = 0; index < events.length; index++)
    mark = (Math.imul(mark, 31) + markOf(events[index]!)) | 0;
  return mark;
}

function markOf(event: MarketEvent): number {
  switch (event.kind) {
    case 'book_delta':
      return figures(event, event.change ?? event.size, event.side === 'bid');
    case 'trade':
      return figures(event, event.size, event.taker_side === 'buy');
    case 'ticker':
      return tickerContentKey(event);
    case 'book_snapshot':
      return snapshotContentKey(event) ^ hashKey(event.instrument);
    case 'lifecycle':
      return lifecycleContentKey(event);
  }
}

function figures(
  event: Extract<MarketEvent, { kind: 'book_delta' | 'trade' }>,
  amount: number,
  isBuy: boolean,
): number {
  const { exchange_ts, price, instrument } = event;
  // Venue time has microseconds; without it, the instrument has to do.
  const time = exchange_ts === null ? hashKey(instrument) : exchange_ts | 0;
  return Math.imul(Math.imul(time, 31) + price, 31) + (amount | 0) + (isBuy ? 1 : 0);
}
