import type { BookSnapshotEvent, Level } from '../../events/event.ts';
import { ONE_DOLLAR, parsePrice } from '../../units/price.ts';
import { parseSize } from '../../units/size.ts';
import { type Micros, microsFromMillis, TimeError } from '../../units/time.ts';
import type { PolymarketBookBody } from './rest-schema.ts';

type Levels = PolymarketBookBody['bids'];

/**
 * The order book of `GET /book` and `POST /books`. Levels come worst first, which is not promised: they are
 * sorted. The venue stamps its books with a time in milliseconds and a hash over the body as sent.
 *
 * @throws DecimalError or TimeError naming the value that cannot be read
 * @throws RangeError for a price outside 0 to 1 dollar, a size below zero, or a price named twice
 */
export function polymarketRestBook(body: PolymarketBookBody, received_at: Micros): BookSnapshotEvent {
  const exchange_ts = millis(String(body.timestamp));
  return {
    kind: 'book_snapshot',
    venue: 'polymarket',
    received_at,
    instrument: body.asset_id,
    source: 'rest',
    bids: ordered(body.bids, -1),
    asks: ordered(body.asks, 1),
    snapshot_ts: exchange_ts,
    exchange_ts,
    ...(body.hash ? { hash: body.hash } : {}),
  };
}

function millis(text: string): Micros {
  if (!/^\d{1,15}$/.test(text)) throw new TimeError(text);
  return microsFromMillis(Number(text));
}

function ordered(levels: Levels, direction: 1 | -1): Level[] {
  const kept = (levels ?? [])
    .map(({ price, size }): Level => [parsePrice(String(price)), parseSize(String(size))])
    .filter(([, size]) => size !== 0);
  kept.sort((a, b) => direction * (a[0] - b[0]));
  kept.forEach(([price, size], index) => {
    if (price < 0 || price > ONE_DOLLAR) throw new RangeError(`price ${price} is outside 0 to ${ONE_DOLLAR}`);
    if (size < 0) throw new RangeError(`size ${size} at ${price} is below zero`);
    if (index > 0 && kept[index - 1]![0] === price) throw new RangeError(`price ${price} is named twice`);
  });
  return kept;
}
