// The book of a market at a time, and its candles.
//   node examples/query-a-tape.ts postgres://… kalshi KXHIGHNY-26NOV20-B52.5 2026-11-20T15:04:05Z
import { formatPrice, formatRfc3339, formatSize, parseRfc3339, Tape, type Venue } from 'prediction-tape';

const [url, venue, instrument, time] = process.argv.slice(2) as [string, Venue, string, string];
await using tape = await Tape.open(url);

const { bids, asks, complete, reasons } = await tape.bookAt(venue, instrument, parseRfc3339(time));
console.log(complete ? 'the book for certain' : `the book, but ${reasons.join('; ')}`);
for (const [price, size] of bids.slice(0, 3)) console.log(`bid $${formatPrice(price)} × ${formatSize(size)}`);
for (const [price, size] of asks.slice(0, 3)) console.log(`ask $${formatPrice(price)} × ${formatSize(size)}`);

for await (const { bucket, open, close, volume } of tape.candles({ venue, instrument, width: '1m' })) {
  if (open === null || close === null) continue;
  console.log(
    `${formatRfc3339(bucket)}  ${formatPrice(open)} to ${formatPrice(close)}  ${formatSize(volume)} contracts`,
  );
}
