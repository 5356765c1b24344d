import { type BookPlayer, ccxt, denseLadder, ours, sortedBtree, tardis } from './book-peers.ts';
import { type BookStream, bookStream } from './book-stream.ts';
import { best, measure, rateRow } from './measure.ts';
import { pagedBook } from './paged-book.ts';
import type { Extent, Row, Subject } from './row.ts';

const UPDATES = 100_000;
const QUICK_UPDATES = 60_000;
const UNIT = 'updates/s of CPU';

async function rowsOf(
  stream: BookStream,
  name: string,
  players: readonly BookPlayer[],
  peers: readonly string[],
  kind: 'absolute' | 'signed',
  extent: Extent,
): Promise<Row[]> {
  const sums = new Set(players.map((player) => player[kind](stream)));
  if (sums.size !== 1) throw new Error(`books disagree about ${name}: ${[...sums].join(', ')}`);
  let seen = 0;
  const rates = await measure(
    players.map((player) => ({
      name: player.name,
      run: () => {
        seen += player[kind](stream);
        return stream.length;
      },
    })),
    extent.rounds,
  );
  if (Number.isNaN(seen)) throw new Error('no best prices were read');
  const row = (peer: string, reach: number | null) =>
    rateRow(rates, ours.name, peer, { name: `${name}, beside ${peer}`, reach, unit: UNIT });
  const fastest = best(rates, peers);
  return [
    {
      ...row(fastest, 3),
      name: `${name}, beside the best peer`,
      group: 'book update with best prices, best peer',
    },
    { ...row(denseLadder.name, 1 / 3), group: 'book update with best prices, bare ladder' },
    row(pagedBook.name, null),
  ];
}

/** Updates with both best prices read after each, on grids of three sizes, all or few of the prices in use. */
export const subject: Subject = {
  name: 'books',
  run: async (extent) => {
    const peers = [await ccxt(), tardis, sortedBtree];
    const players = [ours, denseLadder, pagedBook, ...peers];
    const names = peers.map(({ name }) => name);
    const rows: Row[] = [];
    for (const grid of [99, 400, 10_000]) {
      for (const density of ['dense', 'sparse'] as const) {
        const stream = bookStream(extent.isQuick ? QUICK_UPDATES : UPDATES, grid, density === 'sparse');
        for (const kind of ['absolute', 'signed'] as const) {
          const name = `book, ${grid} ticks, ${density}, ${kind}`;
          rows.push(...(await rowsOf(stream, name, players, names, kind, extent)));
        }
      }
    }
    return rows;
  },
};
