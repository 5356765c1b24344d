// Keeps the books of a raw recording and tells how wide each was on average.
//   node examples/book-from-frames.ts test/fixtures/recordings/kalshi-deltas-2026-03-20.jsonl.gz
import { formatPrice, OrderBook, type Price, replay } from 'prediction-tape';

const books = new Map<string, OrderBook>();
const spreads = new Map<string, { sum: number; count: number }>();

for await (const event of replay({ paths: process.argv.slice(2) })) {
  if (event.kind !== 'book_snapshot' && event.kind !== 'book_delta') continue;
  const book = books.get(event.instrument) ?? new OrderBook();
  books.set(event.instrument, book);
  if (event.kind === 'book_snapshot') book.replace(event.bids, event.asks, event.received_at);
  else if (event.size === undefined) book.change(event.side, event.price, event.change, event.received_at);
  else book.set(event.side, event.price, event.size, event.received_at);
  if (book.bestBid === null || book.bestAsk === null) continue;
  const spread = spreads.get(event.instrument) ?? { sum: 0, count: 0 };
  spreads.set(event.instrument, spread);
  spread.sum += book.bestAsk - book.bestBid;
  spread.count++;
}

const busiest = [...spreads].sort(([, a], [, b]) => b.count - a.count).slice(0, 5);
for (const [instrument, { sum, count }] of busiest) {
  console.log(
    `${instrument}  ${count} changes  mean spread $${formatPrice(Math.round(sum / count) as Price)}`,
  );
}
