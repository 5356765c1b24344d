import type { RecordedMessage } from './recorded-message.ts';

/** Messages that a second connection must not repeat: a change or a trade would count twice. */
const COUNTED: ReadonlySet<string> = new Set(['orderbook_delta', 'last_trade_price']);
const WHOLE_BOOKS: ReadonlySet<string> = new Set(['orderbook_snapshot', 'book']);

/**
 * Which recorded connection speaks for each instrument. A recorder that replaces a connection has both of them in
 * the recording for a while, each with every change: the one that brought the last whole book counts.
 */
export class Ownership {
  readonly #owners = new Map<string, { readonly connection: string; readonly speaker: string }>();

  /** Whether the message counts, or repeats what another connection says. */
  accepts(message: RecordedMessage, connection: string): boolean {
    const instrument = message.venue === 'kalshi' ? message.instrument : (message.instruments[0] ?? null);
    if (instrument === null) return true;
    const speaker = message.venue === 'kalshi' ? `${connection} ${message.sid}` : connection;
    if (WHOLE_BOOKS.has(message.type)) {
      this.#owners.set(instrument, { connection, speaker });
      return true;
    }
    if (!COUNTED.has(message.type)) return true;
    const owner = this.#owners.get(instrument);
    if (owner === undefined) this.#owners.set(instrument, { connection, speaker });
    return owner === undefined || owner.speaker === speaker;
  }

  /** The connections are over: whoever goes on with what they spoke for counts. */
  release(connections: ReadonlySet<string>): void {
    for (const [instrument, { connection }] of this.#owners)
      if (connections.has(connection)) this.#owners.delete(instrument);
  }
}
