// What a venue's frame says, and what of it could not be read.
//   node examples/decode-a-frame.ts
import { decoderOf, formatPrice, type Micros } from 'prediction-tape';

const frame = JSON.stringify({
  type: 'orderbook_delta',
  sid: 1,
  seq: 2,
  msg: {
    market_ticker: 'KXHIGHNY-26NOV20-B52.5',
    market_id: '',
    price_dollars: '0.4200',
    delta_fp: '-12.50',
    side: 'no',
    ts: '2026-11-20T15:04:05.123456Z',
    ts_ms: 1_795_187_045_123,
  },
});
const context = { received_at: 1_795_187_045_150_000 as Micros, useYesPrice: false };
const { events, problems } = decoderOf('kalshi').decode(frame, context);
for (const event of events) {
  if (event.kind === 'book_delta')
    console.log(`${event.instrument} ${event.side} $${formatPrice(event.price)} changes by ${event.change}`);
}
for (const { reason, message } of problems) console.log(`${reason}: ${message}`);
