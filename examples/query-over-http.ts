// The book of a market, its trades and what of it may be missing, from a server (`tape serve`), without a database.
//   node examples/query-over-http.ts http://127.0.0.1:4173 kalshi KXHIGHNY-26NOV20-B52.5 2026-11-20T15:04:05Z
import {
  formatPrice,
  formatRfc3339,
  formatSize,
  RemoteTape,
  RemoteTapeError,
  type Venue,
} from 'prediction-tape';

const [url, venue, instrument, time] = process.argv.slice(2) as [string, Venue, string, string];
const key = process.env['TAPE_API_KEY'];
const tape = new RemoteTape({ url, ...(key === undefined ? {} : { key }) });

try {
  const { bids, asks, complete, reasons } = await tape.bookAt(venue, instrument, time, { depth: 1 });
  console.log(complete ? 'the book for certain' : `the book, but ${reasons.join('; ')}`);
  for (const [price, size] of bids) console.log(`bid $${formatPrice(price)} × ${formatSize(size)}`);
  for (const [price, size] of asks) console.log(`ask $${formatPrice(price)} × ${formatSize(size)}`);

  const asked = { venue, instrument, from: time };
  for await (const { exchange_ts, price, size } of tape.trades({ ...asked, limit: 100 }))
    console.log(`${formatRfc3339(exchange_ts)}  $${formatPrice(price)} × ${formatSize(size)}`);
  for await (const { from, to, cause } of tape.gaps(asked))
    console.log(
      `from ${formatRfc3339(from)} to ${to === null ? 'now' : formatRfc3339(to)} unproven: ${cause}`,
    );
} catch (error) {
  if (!(error instanceof RemoteTapeError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
