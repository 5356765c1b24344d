import { element, setText } from '../dom.js';
import { contracts, dollars } from '../format.js';

/** Levels shown of each side. */
const LEVELS = 12;

/** Best bid and ask in the middle, the other levels above and below, each with a bar of its size. */
export function ladder() {
  const body = element('tbody');
  const made = { ask: [], bid: [] };
  const level = (side) => {
    const fill = element('i', { className: 'fill' });
    const size = element('span');
    const price = element('td', { className: `price ${side}` });
    const cell = element('td', { className: `number ${side}` }, fill, size);
    const empty = element('td');
    const row = element('tr', {}, ...(side === 'bid' ? [cell, price, empty] : [empty, price, cell]));
    made[side].push({ row, fill, size, price });
    return row;
  };
  const middle = element('td', { colSpan: 3 });
  for (let index = 0; index < LEVELS; index++) body.append(level('ask'));
  // The best ask stands last of its side, next to the middle.
  made.ask.reverse();
  body.append(element('tr', { className: 'middle' }, middle));
  for (let index = 0; index < LEVELS; index++) body.append(level('bid'));
  const head = element(
    'thead',
    {},
    element(
      'tr',
      {},
      ...['bid size', 'price', 'ask size'].map((title) =>
        element('th', { scope: 'col', className: title === 'price' ? 'price' : 'number' }, title),
      ),
    ),
  );
  const node = element('table', { className: 'ladder', 'aria-label': 'Order book' }, head, body);
  return {
    node,
    show({ bids, asks }) {
      const most = Math.max(
        1,
        ...[...bids.slice(0, LEVELS), ...asks.slice(0, LEVELS)].map(([, size]) => size),
      );
      for (const [side, levels] of Object.entries({ ask: asks, bid: bids })) {
        for (const [index, { row, fill, size, price }] of made[side].entries()) {
          const [at, many] = levels[index] ?? [null, null];
          row.hidden = at === null;
          if (at === null) continue;
          setText(price, dollars(at));
          setText(size, contracts(many));
          fill.style.width = `${Math.min(100, Math.max(1, (many / most) * 100))}%`;
        }
      }
      const [bid, ask] = [bids[0]?.[0], asks[0]?.[0]];
      const isBoth = bid !== undefined && ask !== undefined;
      setText(
        middle,
        isBoth
          ? `spread ${dollars(ask - bid)} · mid ${dollars((ask + bid) / 2 - (((ask + bid) / 2) % 1))}`
          : 'one side is empty',
      );
    },
  };
}
