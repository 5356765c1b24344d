import { BEGIN, SECOND } from './good-tape.ts';

const at = (seconds: number): number => BEGIN + seconds * SECOND;
const change = (seconds: number): string => `instrument = 'K1' AND exchange_ts = ${at(seconds)}`;
const copied = (table: string, columns: string, values: string, where: string): string =>
  `INSERT INTO ${table} SELECT (jsonb_populate_record(t, jsonb_build_object(${columns
    .split(',')
    .map((name, index) => `'${name}', ${values.split(',')[index]}`)
    .join(', ')}))).* FROM ${table} AS t WHERE ${where}`;

/** What is done, the finding by which it is named, and what is said of it; and what is found of it without any line. */
export const damages: Readonly<
  Record<string, readonly [sql: string, found: RegExp, alone: readonly string[]]>
> = {
  'a change removed': [
    `DELETE FROM order_book_deltas WHERE ${change(3)}`,
    /^row_lost K1 3: side bid, price 410000, amount 4000000.*stored by lines a, b, c$/,
    ['book_differs', 'coverage_differs'],
  ],
  'a change doubled': [
    copied('order_book_deltas', 'occurrence', '1', change(3)),
    /^row_doubled K1 3: .*price 410000, amount 4000000.*, twice on the tape$/,
    ['book_differs', 'coverage_differs'],
  ],
  'a change moved in time': [
    `UPDATE order_book_deltas SET exchange_ts = exchange_ts + 6500000 WHERE ${change(3)}`,
    new RegExp(`^row_moved K1 3: .*the time is ${at(9.5)} on the tape, ${at(3)} at lines a, b, c$`),
    ['book_differs'],
  ],
  'the price of a change': [
    `UPDATE order_book_deltas SET price = 420000 WHERE ${change(3)}`,
    /^row_changed K1 3: .*price is 420000 on the tape, 410000 at lines a, b, c$/,
    ['book_differs'],
  ],
  'the side of a change': [
    `UPDATE order_book_deltas SET side = 'ask' WHERE ${change(3)}`,
    /^row_changed K1 3: .*side is ask on the tape, bid at lines a, b, c$/,
    ['book_differs'],
  ],
  'the size of a change': [
    `UPDATE order_book_deltas SET amount = amount + 1 WHERE ${change(3)}`,
    /^row_changed K1 3: .*amount is 4000001 on the tape, 4000000 at lines a, b, c$/,
    ['book_differs'],
  ],
  'the order of two changes of one millisecond': [
    `UPDATE order_book_deltas SET instant_index = 1 - instant_index WHERE instrument = 'P1' AND exchange_ts = ${at(6)}`,
    /^row_changed P1 6: .*instant_index is 0, line a has 1$/,
    ['book_differs'],
  ],
  'a change that nobody made': [
    copied('order_book_deltas', 'price,exchange_ts', `100000,${at(40)}`, change(3)),
    /^row_extra K1 40: .*price 100000.*not stored by lines a, b, c$/,
    ['coverage_differs'],
  ],
  'a gap removed': [
    `DELETE FROM gaps WHERE line = 'tape' AND instrument = 'K2' AND from_ts = ${at(20)}`,
    new RegExp(`^gap_undeclared K2 20: from ${at(20)} to ${at(30)}: no line proves it`),
    ['gap_undeclared'],
  ],
  'a gap shortened': [
    `UPDATE gaps SET to_ts = to_ts - 4000000 WHERE line = 'tape' AND instrument = 'K2' AND from_ts = ${at(20)}`,
    new RegExp(`^gap_undeclared K2 26: from ${at(26)} to ${at(30)}: no line proves it`),
    ['gap_undeclared'],
  ],
  'a gap lengthened': [
    `UPDATE gaps SET to_ts = to_ts + 4000000 WHERE line = 'tape' AND instrument = 'K2' AND from_ts = ${at(20)}`,
    new RegExp(`^gap_unfounded K2 30: from ${at(30)} to ${at(34)}: a line proves it`),
    ['gap_unfounded'],
  ],
  "every line's word of a gap, and with it the tape's": [
    `DELETE FROM gaps WHERE instrument = 'K2' AND from_ts > ${at(0)}`,
    /^line_gap_lost K2 21: b:e1:3 \(sequence_gap\): line b recorded it/,
    [],
  ],
  'the end of a gap of one line': [
    `UPDATE gaps SET to_ts = to_ts - 1000000 WHERE gap_id = 'b:e1:4'`,
    new RegExp(`^line_gap_changed K1 6.5: .*to ${at(8)} on the tape, .* to ${at(9)} by line b$`),
    [],
  ],
  "a snapshot's levels": [
    `UPDATE order_book_snapshots SET bids[2] = bids[2] + 1 WHERE source = 'engine' AND snapshot_ts = ${at(9)}`,
    /^row_changed K1 9: .*bids is \{410000,4000001,400000,3000000\}, line a has \{410000,4000000/,
    ['book_differs', 'content_key_wrong'],
  ],
  "the levels of the venue's book": [
    `UPDATE order_book_snapshots SET bids[2] = bids[2] + 1 WHERE instrument = 'P1' AND snapshot_ts = ${at(8)}`,
    /^row_changed P1 8: .*bids is/,
    ['book_differs'],
  ],
  'a snapshot removed': [
    `DELETE FROM order_book_snapshots WHERE snapshot_ts = ${at(5)}`,
    /^row_lost K1 5: source engine, bids \{410000,4000000\}/,
    [],
  ],
  'the time of a snapshot': [
    `UPDATE order_book_snapshots SET snapshot_ts = ${at(6.5)} WHERE snapshot_ts = ${at(9)}`,
    new RegExp(`^row_moved K1 9: .*the time is ${at(6.5)} on the tape`),
    [],
  ],
  'the price of a trade': [
    `UPDATE trades SET price = price + 1 WHERE trade_id = 'k-1'`,
    /^row_changed K1 4: .*price is 400001, line a has 400000$/,
    [],
  ],
  'the side of a trade': [
    `UPDATE trades SET taker_side = 'sell' WHERE trade_id = 'k-1'`,
    /^row_changed K1 4: .*taker_side is sell, line a has buy$/,
    [],
  ],
  'the time of a trade': [
    `UPDATE trades SET exchange_ts = exchange_ts + 5000 WHERE trade_id = 'k-1'`,
    new RegExp(`^row_moved K1 4: .*the time is ${at(4) + 5_000}, line a has ${at(4)}$`),
    [],
  ],
  'a trade removed': [
    `DELETE FROM trades WHERE trade_id = 'k-1'`,
    /^row_lost K1 4: trade_id k-1.*stored by lines a, b$/,
    ['coverage_differs'],
  ],
  'a trade doubled': [
    copied('trades', 'exchange_ts', String(at(4) + 5_000), `trade_id = 'k-1'`),
    /^row_doubled K1 4.*: trade_id k-1.*twice on the tape$/,
    ['coverage_differs'],
  ],
  'a figure of a tick': [
    `UPDATE tickers SET ask = ask + 1 WHERE ask IS NOT NULL`,
    /^row_changed K1 4: .*ask is 450001, line a has 450000$/,
    ['content_key_wrong'],
  ],
  'a hash': [
    `UPDATE order_book_deltas SET hash = 'other' WHERE hash = 'h3-0'`,
    /^row_changed P1 3: .*hash is other, line a has h3-0$/,
    ['content_key_wrong'],
  ],
  'an announcement removed': [
    `DELETE FROM market_lifecycle WHERE type = 'determined'`,
    /^row_lost K1 9.*: type determined, status determined, details .*"yes".*stored by line/,
    [],
  ],
  'what an announcement says': [
    `UPDATE market_lifecycle SET details = '{"result": "no"}' WHERE type = 'settled'`,
    /^row_changed K1 9.5: .*details is \{"result": "no"\}, line a has \{"result": "yes"\}$/,
    ['content_key_wrong'],
  ],
  'who saw an event': [
    `UPDATE trades SET lines = 7 WHERE trade_id = 'k-1'`,
    /^row_extra K1 4: .*not stored by line c$/,
    ['coverage_differs'],
  ],
  'who saw an event, one too few': [
    `UPDATE trades SET lines = 1 WHERE trade_id = 'k-1'`,
    /^row_not_credited K1 4: .*line b stored it/,
    ['coverage_differs', 'missed_undeclared'],
  ],
  'the word of a line that it missed something': [
    `DELETE FROM gaps WHERE gap_id = 'c:e1:4'`,
    /^missed_undeclared K1 4: trade k-1 of .*: seen by ab; line c says that it had everything then$/,
    ['missed_undeclared'],
  ],
  'when it was first received': [
    `UPDATE trades SET received_at = received_at + 1 WHERE trade_id = 'p-1'`,
    /^row_changed P1 6: .*received_at is/,
    [],
  ],
  'the account of a minute': [
    'UPDATE coverage SET events_tape = events_tape + 1',
    /^coverage_differs K1 0: the tape has 9 events, counted were 10$/,
    ['coverage_differs'],
  ],
};
